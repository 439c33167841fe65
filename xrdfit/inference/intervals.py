"""Intervals by profile likelihood: how far one parameter may go while all others give way.

The profile of a parameter φ is Δχ²(φ) = min over all others of χ² − χ²_min; the interval holds every φ with
Δχ² ≤ z² max(1, χ²_red), z the normal quantile of the level (the construction of MINOS: James & Roos,
Comput. Phys. Commun. 10, 343, 1975). Where a limit comes first, the interval ends there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError
from xrdfit.inference.problem import Problem
from xrdfit.inference.solve import minimize

Array = NDArray[np.float64]

_CLOSE = 1e-3  # of z: the interval's ends are found to a thousandth of a standard error
_STEPS = 40


@dataclass(frozen=True)
class Profile:
    """A parameter made the first coordinate of its problem.

    Attributes
    ----------
    at : callable
        ``at(value, start) -> (chi2, theta)`` with the parameter held at a value.
    low, high : float
        How far it may go.
    """

    at: Callable[[float, Array], tuple[float, Array]]
    low: float
    high: float


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
    from scipy.stats import norm

    if not 0.0 < level < 1.0:
        raise InputError(f"level {level:g} is out of range; between 0 and 1 is allowed, such as 0.95")
    z = float(norm.ppf((1.0 + level) / 2.0))
    best = problem.evaluate(theta, derivatives=False)
    value = best.values[name]
    profile, start = profile_of(problem, theta, name)
    if profile is None:
        return value - z * stderr, value + z * stderr
    ends = [
        _end(profile, start, value, side * max(stderr, 1e-12), limit, z, best.chi2, inflation)
        for side, limit in ((-1.0, profile.low), (1.0, profile.high))
    ]
    return ends[0], ends[1]


def profile_of(problem: Problem, theta: Array, name: str) -> tuple[Profile | None, Array]:
    """Return the profile of a parameter and the θ that belongs to it; None for one that follows by a tie."""
    values = problem.evaluate(theta, derivatives=False).values
    if name in problem.linear:
        return _linear_profile(problem, name), theta
    if name in problem.occupancies.names:
        problem = replace(problem, occupancies=problem.occupancies.led_by(name))
        if problem.occupancies.names.index(name) not in problem.occupancies.free:
            only = values[name]
            return Profile(lambda value, start: (np.inf, start), only, only), theta
        return _component_profile(problem, name, len(problem.others)), problem.theta(values)
    if name in problem.others:
        return _component_profile(problem, name, problem.others.index(name)), theta
    return None, theta


def _component_profile(problem: Problem, name: str, index: int) -> Profile:
    """Profile of a parameter that one component of θ alone moves, monotonically."""
    ends = []
    for value in (problem.lower[index], problem.upper[index]):
        theta = (problem.lower + problem.upper) / 2
        theta[index] = value
        ends.append(problem.expand(theta)[0][name])
    low, high = ends
    logarithmic = index < len(problem.others) and bool(problem.logs[index])
    free = np.arange(len(problem.lower)) != index

    def at(value: float, start: Array) -> tuple[float, Array]:
        theta = start.copy()
        if index < len(problem.others):
            theta[index] = np.log(value) if logarithmic else value
        else:
            theta[index] = (value - low) / (high - low) if high > low else 0.5
        solution = minimize(problem, theta, free=free)
        return solution.chi2, solution.theta

    return Profile(at, low, high)


def _linear_profile(problem: Problem, name: str) -> Profile:
    varies = problem.linear_varies & (np.array(problem.linear) != name)

    def at(value: float, start: Array) -> tuple[float, Array]:
        held = replace(problem, base={**problem.base, name: value}, linear_varies=varies)
        solution = minimize(held, start)
        return solution.chi2, solution.theta

    low = 0.0 if problem.linear.index(name) < len(problem.bound.engines) else -np.inf
    return Profile(at, low, np.inf)


def _end(
    profile: Profile, start: Array, best: float, step: float, limit: float, z: float, floor: float, scale: float
) -> float:
    """Find where √(Δχ²/scale) reaches z on one side, by the secant with a bracket."""
    theta = start

    def height(value: float) -> float:
        nonlocal theta
        chi2, theta = profile.at(value, theta)
        return float(np.sqrt(max(chi2 - floor, 0.0) / scale))

    def clip(value: float) -> float:
        return min(value, limit) if step > 0 else max(value, limit)

    inside, h_inside = best, 0.0
    point = clip(best + z * step)
    outside: tuple[float, float] | None = None
    for _ in range(_STEPS):
        if point == inside:
            return point
        h = height(point)
        if abs(h - z) < _CLOSE * z:
            return point
        if h > z:
            outside = (point, h)
        else:
            inside, h_inside = point, h
            if point == limit:
                return limit
        if outside is None:
            slope = max((h_inside - 0.0) / abs(inside - best), 1e-12)
            point = clip(best + np.sign(step) * min((z * 1.02) / slope, 4 * abs(inside - best)))
        else:
            fraction = (z - h_inside) / (outside[1] - h_inside)
            point = inside + float(np.clip(fraction, 0.05, 0.95)) * (outside[0] - inside)
        if abs(point - inside) < 1e-12 * max(1.0, abs(point)):
            return point
    raise ComputationError(f"no end of the interval found between {inside:g} and {limit:g}")
