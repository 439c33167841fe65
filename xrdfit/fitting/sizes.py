"""Scanning the size of clusters, in which χ² has minima side by side.

As a cluster grows, the ripples that its edge leaves beside each line pass under the other lines: χ² as a function of
the diameter D waves with periods of about the interplanar spacings, 0.2 to 0.5 nm, and a descent stays in the trough
that it began in. So the size is stepped through, everything else follows at each size, and the deepest troughs are
gone down from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.minima import best_occupancies
from xrdfit.fitting.problem import Evaluation, Problem

Array = NDArray[np.float64]

_RATIO = 1.12  # of neighbouring sizes in the coarse scan
_REACH = 2.6  # the coarse scan goes from the size divided by this to the size times this
_FINE_NM = 0.08  # a quarter of the shortest period that shows
_FINE_REACH_NM = 0.48
_STEPS = 4  # of everything else at each size
_TOLERANCE = 10.0  # of χ²
_FAR = 5.0  # times the lowest χ²: beyond, no trough reaches down to it
_TROUGHS = 3
_GAIN = 1e-3  # of χ²: a scan that brings less was the last
_ROUNDS = 4

LEVEL = float(-ndtri(0.001))
"""Standard deviations above which a misfit is one: noise alone reaches it in one scan of a thousand."""


def misfits(problem: Problem, evaluation: Evaluation) -> bool:
    """Whether the residual of some scan is more than its noise: too large, or its neighbours too much alike."""
    return any(
        _excess(part.residual) > LEVEL
        for scan, part in zip(problem.scans, evaluation.parts, strict=True)
        if len(scan.observed) > 2
    )


def _excess(residual: Array) -> float:
    """The larger of χ² and of the neighbours' correlation, in standard deviations of white noise of unit variance."""
    n, chi2 = len(residual), float(residual @ residual)
    correlation = float(residual[1:] @ residual[:-1]) / max(chi2, 1e-300)
    return max((chi2 - n) / np.sqrt(2.0 * n), correlation * np.sqrt(n))


def scan_sizes(problem: Problem, best: Solution, start: Array) -> Solution:
    """Return the lowest minimum found from scans of every size in which χ² is rough; `best` where none is lower.

    Parameters
    ----------
    problem : Problem
    best : Solution
        Where the search is.
    start : ndarray, shape (n_theta,)
        Where it began: its cell and shifts may be better than those that a wrong size has led to.
    """
    for _ in range(_ROUNDS):
        before = best
        for i in rough_components(problem):
            best = min(best, _scan(problem, best, start, i), key=lambda s: s.chi2)
        if best.chi2 > (1.0 - _GAIN) * before.chi2 or not misfits(problem, problem.evaluate(best.theta)):
            break
    return best


def rough_components(problem: Problem) -> list[int]:
    """Components of θ that are logarithms of such sizes."""
    return [i for i, name in enumerate(problem.direct) if problem.rows[name].rough]


def _scan(problem: Problem, best: Solution, start: Array, i: int) -> Solution:
    centre = float(np.exp(best.theta[i]))
    steps = _RATIO ** np.arange(1.0, round(np.log(_REACH) / np.log(_RATIO)) + 1.0)
    coarse = [*_walk(problem, (best.theta, start), i, [centre, *centre * steps])]
    coarse += _walk(problem, (best.theta, start), i, centre / steps)
    if not coarse:
        return best
    lowest = min(coarse, key=lambda s: s.chi2)
    offsets = np.arange(_FINE_NM, _FINE_REACH_NM, _FINE_NM)
    centre = float(np.exp(lowest.theta[i]))
    fine = _walk(problem, (lowest.theta,), i, centre + offsets) + _walk(problem, (lowest.theta,), i, centre - offsets)
    troughs = _troughs(sorted((*coarse, *fine), key=lambda s: s.theta[i]))
    return min((descend(problem, s.theta, tolerance=0.05) for s in troughs), key=lambda s: s.chi2)


def _walk(problem: Problem, origins: Sequence[Array], i: int, sizes_nm: Iterable[float]) -> list[Solution]:
    """The best that everything else comes to at each size from the origins, until it is far above the lowest."""
    free = np.arange(len(origins[0])) != i
    found: list[Solution] = []
    for size in sizes_nm:
        if size <= 0.0 or not problem.lower[i] <= np.log(size) <= problem.upper[i]:
            break
        points = [np.where(free, origin, np.log(size)) for origin in origins]
        points = [best_occupancies(problem, p) for p in points]
        near = [descend(problem, p, free=free, tolerance=_TOLERANCE, steps=_STEPS) for p in points]
        found.append(min(near, key=lambda s: s.chi2))
        if found[-1].chi2 > _FAR * min(s.chi2 for s in found):
            break
    return found


def _troughs(profile: Sequence[Solution]) -> list[Solution]:
    """The deepest local minima of a profile that is in order of size."""
    chi2 = np.array([np.inf, *(s.chi2 for s in profile), np.inf])
    lowest = np.flatnonzero((chi2[1:-1] <= chi2[:-2]) & (chi2[1:-1] <= chi2[2:]))
    return [profile[j] for j in sorted(lowest, key=lambda j: profile[j].chi2)[:_TROUGHS]]
