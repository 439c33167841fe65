"""Intervals by profile likelihood: how far one quantity may go while all others give way.

The profile of a quantity φ is Δχ²(φ) = min over all others of χ² − χ²_min; the interval holds every φ with
Δχ² ≤ z² max(1, χ²_red), z the normal quantile of the level (the construction of MINOS: James & Roos,
Comput. Phys. Commun. 10, 343, 1975). Where a limit comes first, the interval ends there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError
from xrdfit.inference.problem import Problem
from xrdfit.inference.profiles import Profile, profile_of
from xrdfit.inference.quantities import quantity

if TYPE_CHECKING:
    from xrdfit.inference.result import FitResult

Array = NDArray[np.float64]
Critical = Callable[[float, Callable[[], Mapping[str, float]]], float]
"""Height that ends the interval, of a value of the quantity and of what gives all parameters there."""

_CLOSE = 1e-3  # of z, and of a standard error: how near the ends are found
_STEPS = 40


def interval(
    problem: Problem, theta: Array, name: str, stderr: float, *, level: float = 0.6827, inflation: float = 1.0
) -> tuple[float, float]:
    """Interval of a parameter by profile likelihood.

    Parameters
    ----------
    problem : Problem
    theta : ndarray, shape (n_theta,)
        Its minimum.
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

    Raises
    ------
    InputError
        For a level outside 0–1.
    ComputationError
        Where Δχ² does not reach the level within the parameter's limits in a finite number of steps.
    """
    z = normal_quantile(level)
    profile = profile_of(problem, theta, name)
    if profile is None:
        value = problem.evaluate(theta, derivatives=False).values[name]
        return value - z * stderr, value + z * stderr
    return ends(profile, stderr, z, lambda *_: z, inflation)


def interval_of(result: FitResult, name: str, level: float = 0.6827) -> tuple[float, float]:
    """Interval of a parameter, a share or a total of a result by profile likelihood.

    Parameters
    ----------
    result : FitResult
    name : str
        A parameter that varied or follows others; ``share_Cu_8c``, the part of an element's atoms that a site
        holds; or ``total_Cu``, the atoms of an element per cell. With several phases the phase's prefix stands first.
    level : float
        Probability, between 0 and 1.

    Raises
    ------
    InputError
        For an unknown or fixed quantity, or a level outside 0–1.
    ComputationError
        For a quantity that the scan does not determine.
    """
    z = normal_quantile(level)
    what = quantity(result, name)
    if what.profile is None:
        return what.value - z * what.stderr, what.value + z * what.stderr
    return ends(what.profile, what.stderr, z, lambda *_: z, max(1.0, result.statistics.chi2_reduced))


def normal_quantile(level: float) -> float:
    """Z with P(|x| ≤ z) = level for a standard normal x.

    Raises
    ------
    InputError
        For a level outside 0–1.
    """
    from scipy.special import ndtri

    if not 0.0 < level < 1.0:
        raise InputError(f"level {level:g} is out of range; between 0 and 1 is allowed, such as 0.95")
    return float(ndtri((1.0 + level) / 2.0))


def ends(profile: Profile, stderr: float, z: float, critical: Critical, inflation: float) -> tuple[float, float]:
    """Both ends of the values whose √(Δχ²/inflation) stays under the critical height; z is its height far off."""
    step = max(stderr, 1e-12)
    low, high = (
        _end(profile, side * step, limit, z, critical, inflation)
        for side, limit in ((-1.0, profile.low), (1.0, profile.high))
    )
    return float(low), float(high)


def _end(profile: Profile, step: float, limit: float, z: float, critical: Critical, inflation: float) -> float:
    """Find where √(Δχ²/inflation) reaches the critical value on one side, by the secant with a bracket."""
    best, theta = profile.best, profile.start

    def excess(value: float) -> float:
        """Height above the critical one, in units that are z at the minimum's place and 0 at the end."""
        nonlocal theta
        chi2, theta = profile.at(value, theta)
        return float(np.sqrt(max(chi2 - profile.floor, 0.0) / inflation)) - critical(
            value, lambda: profile.values(value, theta)
        )

    def clip(value: float) -> float:
        return min(value, limit) if step > 0 else max(value, limit)

    inside, low = best, -critical(best, lambda: profile.values(best, profile.start))
    point = clip(best + z * step)
    outside: tuple[float, float] | None = None
    for _ in range(_STEPS):
        if point == inside:
            return point
        high = excess(point)
        if abs(high) < _CLOSE * z:
            return point
        if high > 0.0:
            outside = (point, high)
        else:
            if point == limit:
                return limit
            inside, low = point, high
        if outside is None:
            reached = abs(inside - best)
            growth = 1.02 * z / max(z + low, 1e-3 * z) if z + low > 0 else 4.0
            point = clip(best + np.sign(step) * reached * float(np.clip(growth, 1.05, 4.0)))
        else:
            fraction = -low / (outside[1] - low)
            point = inside + float(np.clip(fraction, 0.05, 0.95)) * (outside[0] - inside)
        nearest = np.inf if outside is None else abs(outside[0] - inside)
        if min(nearest, abs(point - inside)) < max(1e-12 * abs(point), _CLOSE * abs(step)):
            return point
    raise ComputationError(f"no end of the interval found between {inside:g} and {limit:g}")
