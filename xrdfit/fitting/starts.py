"""Where to start from: coarse grids of sizes and cells, and the first steps down from starting points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.problem import Problem
from xrdfit.parameters import CELL, INSTRUMENT, PHASE

Array = NDArray[np.float64]

# A background-subtracted R_wp above this says that the lines are not yet where the scan has them.
_POOR_R = 0.3
_SIZES_NM = (1.5, 2.5, 4.0, 7.0, 12.0, 25.0, 60.0)
_WORSE_SIZES = 2
_STRAINS = (-0.02, -0.01, 0.0, 0.01, 0.02)
_THICKNESSES = (0.08, 0.4)  # absorption × thickness: thin, and between thin and thick
_LENGTHS = (CELL["a"], CELL["b"], CELL["c"])
_COARSE_STEPS = 6
_KEPT = 8
_SAME_POINT = 0.1  # of the optimizer's yardstick, 0.02 for a share


def poor(problem: Problem, theta: Array) -> bool:
    """Whether the lines of the calculated pattern are not yet where, or as wide as, the scan has them.

    A size or a cell on its limit is as bad a sign as a large misfit: the search has run away. A size on its upper
    limit is that of sharp lines.
    """
    e = problem.evaluate(theta)
    if e.chi2 < 2.0 * problem.n_points:
        return False
    lengths = problem.components(*_LENGTHS)
    low, high = theta == problem.lower, theta == problem.upper
    if low[problem.components(PHASE["size_nm"], *_LENGTHS)].any() or high[lengths].any():
        return True
    net = sum(
        float(np.sum(((scan.observed - part.background) / scan.sigma) ** 2))
        for scan, part in zip(problem.scans, e.parts, strict=True)
    )
    return e.chi2 > _POOR_R**2 * net


def screen_sample(problem: Problem, start: Array) -> Array:
    """Return the best of a coarse grid of sizes and cells (all phases together) around the start.

    Sizes grow, as does what a Debye sum costs, until two in succession are worse than a smaller one.
    """
    sizes, cells = problem.components(PHASE["size_nm"]), problem.components(*_LENGTHS)
    best, lowest, worse = start, np.inf, 0
    for size in _SIZES_NM if sizes else (1.0,):
        found = []
        for strain in _STRAINS if cells else (0.0,):
            theta = start.copy()
            theta[sizes] = np.log(size)
            for i in cells:
                theta[i] = problem.base[problem.direct[i]] * (1 + strain)
            theta = np.clip(theta, problem.lower, problem.upper)
            found.append((problem.evaluate(theta, derivatives=False).chi2, theta))
        chi2, theta = min(found, key=lambda entry: entry[0])
        worse = 0 if chi2 < lowest else worse + 1
        if chi2 < lowest:
            best, lowest = theta, chi2
        if worse == _WORSE_SIZES:
            break
    return best


def thicknesses(problem: Problem, *origins: Array) -> list[Array]:
    """The origins with other absorptions of the film: displacement B and a sloping background imitate a thin one."""
    own = problem.components(INSTRUMENT["mu_t"])
    found = []
    for origin in origins if own else ():
        for mu_t in _THICKNESSES:
            theta = origin.copy()
            theta[own] = np.log(mu_t)
            found.append(np.clip(theta, problem.lower, problem.upper))
    return found


def rough_minima(problem: Problem, starts: Sequence[Array], kept: int = _KEPT) -> list[Solution]:
    """Go a few steps down from every start and most of the way from the best few; best first.

    Widths of size distributions stand still: they have no composition of their own, and on the way a wide one of large
    spheres costs a thousand times what the answer does.
    """
    free = np.ones(len(problem.lower), dtype=bool)
    free[problem.components(PHASE["size_sigma"])] = False
    near = [descend(problem, t, free=free, tolerance=1.0, steps=_COARSE_STEPS) for t in starts]
    # else the lowest minimum, met many times, would leave no room for others
    near = unlike(problem, sorted(near, key=lambda s: s.chi2))[:kept]
    return sorted((descend(problem, s.theta, free=free, tolerance=0.1) for s in near), key=lambda s: s.chi2)


def unlike(problem: Problem, solutions: Sequence[Solution]) -> list[Solution]:
    """Solutions without those that have all but reached the same point as an earlier one."""
    kept: list[Solution] = []
    for s in solutions:
        if all(np.abs((s.theta - k.theta) / problem.step).max(initial=0.0) > _SAME_POINT for k in kept):
            kept.append(s)
    return kept
