"""Intervals by profile likelihood: how far one quantity may go while all others give way.

The profile of a quantity φ is Δχ²(φ) = min over all others of χ² − χ²_min; the interval holds every φ with
Δχ² ≤ z² max(1, χ²_red), z the normal quantile of the level (the construction of MINOS: James & Roos,
Comput. Phys. Commun. 10, 343, 1975). Where a limit comes first, the interval ends there. Where the scan has several
answers, each is followed, and the interval reaches from the lowest end to the highest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.problem import Problem
from xrdfit.inference.uncertainty.estimate import Estimate
from xrdfit.inference.uncertainty.profiles import Profile, profile_of
from xrdfit.inference.uncertainty.quantities import quantity

Array = NDArray[np.float64]
Critical = Callable[[float, Callable[[], Mapping[str, float]]], float]
"""Height that ends the interval, of a value of the quantity and of what gives all parameters there."""

_CLOSE = 1e-3  # of z, and of a standard error: how near the ends are found
_BETTER = 0.1  # of χ²: what a profile may fall short of the minimum by rounding
_STEPS = 40


def interval(
    problem: Problem,
    minima: Sequence[Array],
    name: str,
    stderr: float,
    *,
    level: float = 0.6827,
    inflation: float = 1.0,
) -> tuple[float, float]:
    """Interval of a parameter by profile likelihood; see `interval_of`.

    Parameters
    ----------
    problem : Problem
    minima : sequence of ndarray, shape (n_theta,)
        Its minimum, then other answers.
    name : str
        A parameter that moves.
    stderr : float
        Its standard error, the first guess of the ends.
    level : float
        Probability, between 0 and 1.
    inflation : float
        max(1, χ²_red): by how much Δχ² counts less.

    Returns
    -------
    (float, float)
        Lower and upper end; an end that is a limit of the parameter is exact.
    """
    z = normal_quantile(level)
    profiles = [profile for theta in minima if (profile := profile_of(problem, theta, name)) is not None]
    if not profiles:
        value = problem.evaluate(minima[0], derivatives=False).values[name]
        return value - z * stderr, value + z * stderr
    return ends(name, profiles, stderr, z, lambda *_: z, inflation)


def interval_of(result: Estimate, name: str, level: float = 0.6827) -> tuple[float, float]:
    """Interval of a parameter, a share or a total of a result by profile likelihood.

    Parameters
    ----------
    result : Estimate
    name : str
        A parameter that varied or follows others; ``share_Cu_8c``, the part of an element's atoms that a site
        holds; or ``total_Cu``, the atoms of an element per cell. With several phases the phase's prefix stands first.
    level : float
        Probability, between 0 and 1.

    Returns
    -------
    (float, float)
        Lower and upper end; an end that is a limit of the quantity is exact.

    Raises
    ------
    InputError
        For an unknown or fixed quantity, or a level outside 0–1.
    ComputationError
        For a quantity that the scan does not determine, and where a better minimum than the result's is met.
    """
    z = normal_quantile(level)
    what = quantity(result, name)
    if not what.profiles:
        return what.value - z * what.stderr, what.value + z * what.stderr
    return ends(name, what.profiles, what.stderr, z, lambda *_: z, result.inflation)


def normal_quantile(level: float) -> float:
    """Z with P(|x| ≤ z) = level for a standard normal x.

    Raises
    ------
    InputError
        For a level outside 0–1.
    """
    if not 0.0 < level < 1.0:
        raise InputError(f"level {level:g} is out of range; between 0 and 1 is allowed, such as 0.95")
    return NormalDist().inv_cdf((1.0 + level) / 2.0)


def ends(
    name: str, profiles: Sequence[Profile], stderr: float, z: float, critical: Critical, inflation: float
) -> tuple[float, float]:
    """Ends of the values whose √(Δχ²/inflation) stays under the critical height.

    Parameters
    ----------
    name : str
        What error messages call the quantity.
    profiles : sequence of Profile
        From its minimum, then from other answers.
    stderr : float
        First guess of a step.
    z : float
        Critical height far from all limits.
    critical : callable
        Critical height.
    inflation : float
        max(1, χ²_red).

    Raises
    ------
    ComputationError
        An end is not found, or a better minimum is.
    """
    step = max(stderr, 1e-12)
    floor = profiles[0].chi2
    found: list[float] = []
    for profile in profiles:
        for side, limit in ((-1.0, profile.low), (1.0, profile.high)):
            found += _end(name, profile, floor, side * step, limit, z, critical, inflation)
    return float(min(found)), float(max(found))


def upper_end(name: str, profile: Profile, stderr: float, z: float, inflation: float) -> float:
    """Upper end of the values whose √(Δχ²/inflation) stays under z, such as 1.645 for a one-sided limit of 95 %.

    Where the minimum stands at a lower limit of zero, Δχ² counts from there, and the limit holds more often than its
    level says (Cowan et al., Eur. Phys. J. C 71, 1554, 2011, statistic q̃).

    Raises
    ------
    ComputationError
        The end is not found, or a better minimum is.
    """
    return max(_end(name, profile, profile.chi2, max(stderr, 1e-12), profile.high, z, lambda *_: z, inflation))


def _end(
    name: str, profile: Profile, floor: float, step: float, limit: float, z: float, critical: Critical, inflation: float
) -> list[float]:
    """Find where √(Δχ²/inflation) reaches the critical height on one side; nothing where it never is below.

    The secant within a bracket, and every third time its middle: where one answer gives way to another, a profile
    has a kink.
    """
    best = profile.best

    def excess(value: float, start: Array) -> tuple[float, Array]:
        """Height above the critical one, −z or so at the minimum's place and 0 at the end, and θ there.

        The start is the last point inside: from one far outside, where others had to give way, there may be no way
        back into a narrow valley.
        """
        chi2, theta = (profile.chi2, start) if value == best else profile.at(value, start)
        if chi2 < floor - _BETTER * inflation:
            raise ComputationError(
                f"{name} has no interval: χ² is lower by {floor - chi2:.3g} at {name} = {value:.6g}; fit again from "
                "there"
            )
        height = float(np.sqrt(max(chi2 - floor, 0.0) / inflation))
        return height - critical(value, lambda: profile.values(value, theta)), theta

    def clip(value: float) -> float:
        return min(value, limit) if step > 0 else max(value, limit)

    inside, (low, theta) = best, excess(best, profile.start)
    if low > 0.0:
        return []
    point = clip(best + z * step)
    outside: tuple[float, float] | None = None
    for count in range(_STEPS):
        if point == inside:
            return [point]
        high, there = excess(point, theta)
        if abs(high) < _CLOSE * z:
            return [point]
        if high > 0.0:
            outside = (point, high)
        else:
            if point == limit:
                return [limit]
            inside, low, theta = point, high, there
        if outside is None:
            reached = abs(inside - best)
            growth = 1.02 * z / max(z + low, 1e-3 * z) if z + low > 0 else 4.0
            point = clip(best + np.sign(step) * reached * float(np.clip(growth, 1.05, 4.0)))
        else:
            fraction = 0.5 if count % 3 == 2 else -low / (outside[1] - low)
            point = inside + float(np.clip(fraction, 0.05, 0.95)) * (outside[0] - inside)
            if abs(outside[0] - inside) < max(1e-12 * abs(point), _CLOSE * abs(step)):
                return [point]
    raise ComputationError(f"no end of the interval of {name} found between {inside:g} and {limit:g}")
