"""One quantity held at a value while everything else gives way: parameters, totals of elements, shares.

An occupancy becomes the first coordinate of its polytope (`OccupancyMap.led_by`), so that one component of θ moves
it alone. A total is given a coordinate of its own, with the rule Σ m·o − total = 0. A share held at c is a linear
rule on the occupancies too, m_j o_j − c Σ m·o = 0: nothing here needs a penalty or a multiplier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.descent import descend
from xrdfit.fitting.problem import Evaluation, Problem
from xrdfit.model.composition import OccupancyMap, Rule, occupancy_map

Array = NDArray[np.float64]

_PRECISE = 1e-3  # of χ²: a thousandth of a standard error at one


@dataclass(frozen=True)
class Profile:
    """A quantity that can be held at a value.

    Attributes
    ----------
    at : callable
        ``at(value, start) -> (chi2, theta)`` with the quantity held; θ of one call is a start for the next.
    values : callable
        ``values(value, theta)`` of all parameters at what `at` returned.
    best, chi2 : float
        Value and χ² at the minimum.
    start : ndarray
        θ there.
    low, high : float
        How far the quantity may go.
    """

    at: Callable[[float, Array], tuple[float, Array]]
    values: Callable[[float, Array], dict[str, float]]
    best: float
    chi2: float
    start: Array
    low: float
    high: float


def profile_of(problem: Problem, theta: Array, name: str) -> Profile | None:
    """Return the profile of a parameter at the minimum θ; None for one that follows by a tie."""
    here = problem.evaluate(theta)
    if name in problem.solved:
        return _linear_profile(problem, theta, here, name)
    if name in problem.occupancies.names:
        return _occupancy_profile(problem, here, name)
    if name in problem.direct:
        problem, theta = problem.released(theta, name)
        here = problem.evaluate(theta)
        return _component_profile(problem, theta, here, name, problem.direct.index(name))
    return None


def total_profile(problem: Problem, theta: Array, atoms: Mapping[str, float], fixed: float) -> Profile:
    """Return the profile of a number of atoms, Σ atoms[name]·occupancy + fixed."""
    here = problem.evaluate(theta)
    table = problem.occupancies
    name = "total"
    value = fixed + sum(m * here.values[n] for n, m in atoms.items())
    rule = Rule({**{n: -m for n, m in atoms.items()}, name: 1.0}, fixed, True, "the total's own coordinate")
    limit = (0.0, fixed + sum(m * table.limits[table.names.index(n)][1] for n, m in atoms.items()))
    wider = occupancy_map((name, *table.names), (limit, *table.limits), (*table.rules, rule))
    values = {**here.values, name: value}
    posed = replace(problem, occupancies=wider, base={**problem.base, name: value})
    return _occupancy_profile(posed, replace(here, values=values), name)


def share_profile(problem: Problem, theta: Array, site: str, atoms: Mapping[str, float], fixed: float) -> Profile:
    """Return the profile of a site's share of its element, m·o / (Σ atoms[name]·occupancy + fixed).

    Parameters
    ----------
    problem, theta
        A problem and its minimum.
    site : str
        Occupancy of the site, one of `atoms`.
    atoms : Mapping[str, float]
        Multiplicities of the occupancies of the element that move.
    fixed : float
        Atoms of the element per cell that do not.
    """
    here = problem.evaluate(theta, derivatives=False)
    total = fixed + sum(m * here.values[n] for n, m in atoms.items())
    if total <= 0.0:
        raise ComputationError(f"the share of {site} is not defined: the phase holds no atoms of its element")
    low, high = _share_limits(problem.occupancies, site, atoms, fixed)

    def held(value: float) -> Problem:
        coefficients = {n: m * ((n == site) - value) for n, m in atoms.items()}
        table = problem.occupancies
        rule = Rule(coefficients, value * fixed, True, f"{site} holds {value:.6g} of the element")
        narrower = occupancy_map(table.names, table.limits, (*table.rules, rule))
        keep = np.arange(len(problem.lower)) < len(problem.direct) + len(narrower.free)
        return replace(
            problem,
            occupancies=narrower,
            lower=problem.lower[keep],
            upper=problem.upper[keep],
            step=problem.step[keep],
        )

    best = atoms[site] * here.values[site] / total
    slack = 1e-9 * max(1.0, high - low)

    def posed_at(value: float) -> Problem:
        # the ends themselves leave no room for rounding in the map
        return held(float(np.clip(value, low + slack, high - slack)))

    def at(value: float, start: Array) -> tuple[float, Array]:
        posed = posed_at(value)
        values = {**here.values, **posed.expand(start)[0]} if len(start) == len(posed.lower) else here.values
        solution = descend(posed, posed.theta(values), tolerance=_PRECISE)
        return solution.chi2, solution.theta

    def values(value: float, held_theta: Array) -> dict[str, float]:
        if len(held_theta) == len(theta):  # the start: nothing was held yet
            return here.values
        return _values(posed_at(value), held_theta)

    return Profile(at, values, best, here.chi2, theta, low, high)


def _values(problem: Problem, theta: Array) -> dict[str, float]:
    return problem.evaluate(theta, derivatives=False).values


def _share_limits(table: OccupancyMap, site: str, atoms: Mapping[str, float], fixed: float) -> tuple[float, float]:
    """Smallest and largest share that the rules allow: a linear-fractional programme.

    With y = t·o and t = 1/total it is linear (Charnes & Cooper, Naval Res. Logist. Q. 9, 181, 1962).
    """
    from scipy.optimize import linprog

    n = len(table.names)
    target = np.array([atoms[name] if name == site else 0.0 for name in table.names] + [0.0])
    unit = np.array([atoms.get(name, 0.0) for name in table.names] + [fixed])
    rows = [(np.array([r.coefficients.get(m, 0.0) for m in table.names] + [-r.bound]), r.equality) for r in table.rules]
    for j, (lowest, highest) in enumerate(table.limits):
        rows += [(np.append(np.eye(n)[j], -highest), False), (np.append(-np.eye(n)[j], lowest), False)]
    equal = np.array([unit, *(row for row, equality in rows if equality)])
    below = np.array([row for row, equality in rows if not equality])
    right = np.zeros(len(equal))
    right[0] = 1.0
    ends = []
    for sign in (1.0, -1.0):
        found = linprog(sign * target, below, np.zeros(len(below)), equal, right, bounds=(0.0, None))
        if not found.success:
            raise InputError(f"the share of {site} has no limits: the element may be absent altogether")
        ends.append(sign * float(found.fun))
    return ends[0], ends[1]


def _occupancy_profile(problem: Problem, here: Evaluation, name: str) -> Profile:
    table = problem.occupancies.led_by(name)
    if table.names.index(name) not in table.free:
        only = here.values[name]
        return Profile(
            lambda value, start: (np.inf, start),
            lambda value, start: here.values,
            only,
            here.chi2,
            np.empty(0),
            only,
            only,
        )
    problem = replace(problem, occupancies=table)
    theta = problem.theta(here.values)
    return _component_profile(problem, theta, problem.evaluate(theta), name, len(problem.direct))


def _component_profile(problem: Problem, theta: Array, here: Evaluation, name: str, index: int) -> Profile:
    """Profile of a parameter that one component of θ alone moves, monotonically."""
    ends = []
    for value in (problem.lower[index], problem.upper[index]):
        middle = (problem.lower + problem.upper) / 2
        middle[index] = value
        ends.append(problem.expand(middle)[0][name])
    low, high = ends
    logarithmic = index < len(problem.direct) and bool(problem.logs[index])
    free = np.arange(len(problem.lower)) != index
    follow = _valley(here.jacobian, index)

    def component(value: float) -> float:
        if index < len(problem.direct):
            return float(np.log(value)) if logarithmic else value
        return (value - low) / (high - low) if high > low else 0.5

    def at(value: float, start: Array) -> tuple[float, Array]:
        moved = start + follow * (component(value) - start[index])
        moved[index] = component(value)
        solution = descend(problem, moved, free=free, tolerance=_PRECISE)
        return solution.chi2, solution.theta

    return Profile(at, lambda value, held: _values(problem, held), here.values[name], here.chi2, theta, low, high)


def _valley(jacobian: Array, index: int) -> Array:
    """How the other components follow when one moves along the bottom of the valley, shape (n_theta,)."""
    others = np.arange(jacobian.shape[1]) != index
    norms = np.linalg.norm(jacobian, axis=0)
    norms[norms == 0.0] = 1.0
    scaled = jacobian / norms
    follow = np.zeros(jacobian.shape[1])
    follow[others] = np.linalg.lstsq(scaled[:, others], -scaled[:, index], rcond=1e-6)[0]
    return follow * norms[index] / norms


def _linear_profile(problem: Problem, theta: Array, here: Evaluation, name: str) -> Profile:
    def held(value: float) -> Problem:
        return problem.holding(name, value)

    def at(value: float, start: Array) -> tuple[float, Array]:
        solution = descend(held(value), start, tolerance=_PRECISE)
        return solution.chi2, solution.theta

    low = 0.0 if name in problem.floored else -np.inf
    return Profile(
        at, lambda value, start: _values(held(value), start), here.values[name], here.chi2, theta, low, np.inf
    )
