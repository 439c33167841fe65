"""Other answers that a scan allows: distinct minima of one problem.

Occupancies and displacement parameters trade against each other: a scan may be fitted equally well by two sets of
values with a barrier between them, and the standard error of one says nothing about the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.minima import occupancy_minima
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.starts import rough_minima, unlike

Array = NDArray[np.float64]

RIVAL_CHI2 = 9.0
"""Answers within this Δχ² of the best (three standard errors) are rivals."""

_APART = 5.0  # standard errors: nearer points belong to one minimum
_BARRIER = 1.0  # of χ²


@dataclass(frozen=True)
class Rival:
    """Another answer to the same scan.

    Attributes
    ----------
    occupancies : dict of str to float
        Of the sites that vary.
    others : dict of str to float
        The other non-linear parameters.
    delta_chi2 : float
        χ² above the best minimum's, divided by max(1, χ²_red).
    theta : ndarray, shape (n_theta,)
    """

    occupancies: dict[str, float]
    others: dict[str, float]
    delta_chi2: float
    theta: Array

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        return {"delta_chi2": self.delta_chi2, "occupancies": self.occupancies, "others": self.others}


def rivals(
    problem: Problem, best: Solution, candidates: Sequence[Solution], inflation: float = 1.0, within: float = RIVAL_CHI2
) -> list[Rival]:
    """Return the minima other than the best that lie within Δχ² of it, best first.

    Parameters
    ----------
    problem : Problem
    best : Solution
        The answer.
    candidates : sequence of Solution
        Minima, as `rough_minima` finds them.
    inflation : float
        max(1, χ²_red).
    within : float
        Δχ² up to which another minimum is a rival.
    """
    found: list[Solution] = []
    for candidate in unlike(problem, (best, *candidates))[1:]:
        # under this problem's weights, which may not be those of the search, and as far as it may still fall
        if problem.evaluate(candidate.theta, derivatives=False).chi2 > best.chi2 + 2.0 * inflation * within:
            continue
        candidate = descend(problem, candidate.theta)
        if candidate.chi2 <= best.chi2 + inflation * within and all(
            _distinct(problem, s, candidate, inflation) for s in (best, *found)
        ):
            found.append(candidate)
    return [_rival(problem, s, (s.chi2 - best.chi2) / inflation) for s in sorted(found, key=lambda s: s.chi2)]


def lowest(problem: Problem, candidates: Sequence[Solution]) -> Solution:
    """Return the candidate that is lowest once all near the first have come down, under the problem's weights."""
    if len(candidates) < 2:
        return candidates[0]
    inflation = max(1.0, candidates[0].chi2 / problem.n_points)
    near = [c for c in candidates if c.chi2 < candidates[0].chi2 + 3.0 * RIVAL_CHI2 * inflation]
    near = unlike(problem, sorted(near, key=lambda s: s.chi2))
    return min((descend(problem, c.theta) for c in near), key=lambda s: s.chi2)


def search_rivals(problem: Problem, best: Solution, inflation: float = 1.0) -> list[Rival]:
    """Look for rivals in the minima over the occupancies that `occupancy_minima` finds; see `rivals`."""
    return rivals(problem, best, rough_minima(problem, occupancy_minima(problem, best.theta)), inflation)


def _distinct(problem: Problem, first: Solution, second: Solution, inflation: float) -> bool:
    """Whether two minima are far apart in occupancies, with a barrier on the way."""
    table, k = problem.occupancies, len(problem.direct)
    start = problem.evaluate(first.theta)
    ends = [table.occupancies(s.theta[k:]) for s in (first, second)]
    apart = np.linalg.lstsq(problem.expand(first.theta)[1][k : k + len(table.names)], ends[1] - ends[0], rcond=1e-8)[0]
    if float(np.sum((start.jacobian @ apart) ** 2)) < inflation * _APART**2:
        return False
    middle = (first.theta + second.theta) / 2
    middle[k:] = table.shares((ends[0] + ends[1]) / 2)
    held = np.arange(len(middle)) < k
    return descend(problem, middle, free=held).chi2 > max(first.chi2, second.chi2) + inflation * _BARRIER


def _rival(problem: Problem, solution: Solution, delta: float) -> Rival:
    values = problem.expand(solution.theta)[0]
    return Rival(
        {n: values[n] for n in problem.occupancies.names},
        {n: values[n] for n in problem.direct},
        delta,
        solution.theta,
    )
