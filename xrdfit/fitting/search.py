"""Finding the minimum: lmfit's bounded least squares, from enough starting points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.minima import occupancy_minima
from xrdfit.fitting.problem import Evaluation, Problem
from xrdfit.fitting.sizes import misfits, rough_components, scan_sizes
from xrdfit.fitting.starts import poor, rough_minima, screen_sample
from xrdfit.progress import Progress, silent

Array = NDArray[np.float64]

# Above this χ²_red a minimum may be a wrong one.
_ASTRAY = 1.5
_NEAR = 0.05  # of χ²: as near as the search comes to a minimum
_ELSEWHERE = 0.9  # of χ²: an answer that is so much lower is another one
_SAME_POINT = 0.1  # of the optimizer's yardstick


def minimize(problem: Problem, start: Array, *, free: NDArray[np.bool_] | None = None) -> Solution:
    """Minimize χ² from one starting point with `lmfit` (method ``least_squares``, trust region reflective).

    Parameters
    ----------
    problem : Problem
    start : ndarray, shape (n_theta,)
    free : ndarray of bool, optional
        Components of θ that move; all by default.
    """
    import lmfit

    free = np.ones(len(start), dtype=bool) if free is None else free
    if not free.any():
        return Solution(start, problem.evaluate(start, derivatives=False).chi2, True, "nothing to move")

    def evaluate(params: lmfit.Parameters) -> Evaluation:
        theta = start.copy()
        theta[free] = [p.value for p in params.values()]
        return problem.evaluate(theta)

    inner = np.clip(start, problem.lower + 1e-3 * problem.step, problem.upper - 1e-3 * problem.step)
    params = lmfit.Parameters()
    for i in np.flatnonzero(free):
        params.add(f"t{i}", value=inner[i], min=problem.lower[i], max=problem.upper[i])
    minimizer = lmfit.Minimizer(lambda p: evaluate(p).residual, params, nan_policy="raise")
    # lmfit takes the root of its covariance's diagonal, negative where the problem is singular; ours is in `assemble`
    with np.errstate(invalid="ignore"):
        fitted: Any = minimizer.least_squares(
            jac=lambda p: evaluate(p).jacobian[:, free],
            x_scale=problem.step[free],
            ftol=1e-9,
            xtol=1e-8,
            gtol=1e-10,
            max_nfev=200,
        )
    theta = start.copy()
    theta[free] = [p.value for p in fitted.params.values()]
    chi2 = float(np.sum(np.asarray(fitted.residual) ** 2))
    return Solution(theta, chi2, bool(fitted.success), str(fitted.message))


def search(problem: Problem, start: Array, progress: Progress | None = None) -> Solution:
    """Return the best minimum found from the start and, where there is reason, from further points.

    It is near enough to choose weights; `settle` converges fully.
    """
    tell = progress or silent
    best = descend(problem, start, tolerance=_NEAR)
    if poor(problem, best.theta):
        tell("the start is far off: trying other sizes and cells")
        best = min(best, descend(problem, screen_sample(problem, start)), key=lambda s: s.chi2)
    if rough_components(problem) and misfits(problem, problem.evaluate(best.theta)):
        tell("the residual is more than noise: trying other sizes")
        best = scan_sizes(problem, best, start)
    tell("looking for other compositions")
    points = occupancy_minima(problem, best.theta)
    if best.chi2 > _ASTRAY * problem.n_points:
        # the way down may have spoilt size and cell
        points += occupancy_minima(problem, start)
    points = [p for p in points if np.abs((p - best.theta) / problem.step).max() > _SAME_POINT]
    met = (best, *rough_minima(problem, points))
    lowest = min(met, key=lambda s: s.chi2)
    if lowest.chi2 < _ELSEWHERE * best.chi2:
        # rivals of this answer lie at its size and cell, not at those of where the search was
        met += tuple(rough_minima(problem, occupancy_minima(problem, lowest.theta)))
    return replace(min(met, key=lambda s: s.chi2), met=met) if len(met) > 1 else best


def settle(problem: Problem, theta: Array) -> Solution:
    """Converge fully, then put parameters that push against a limit exactly on it."""
    solution = minimize(problem, theta)
    pressed = pressing(problem, solution.theta)
    if not pressed.any():
        return solution
    middle = (problem.lower + problem.upper) / 2
    snapped = np.where(pressed, np.where(solution.theta < middle, problem.lower, problem.upper), solution.theta)
    on_limit = minimize(problem, snapped, free=~pressed)
    return on_limit if on_limit.chi2 <= solution.chi2 + 1e-3 else solution


def pressing(problem: Problem, theta: Array, within: float = 0.02) -> NDArray[np.bool_]:
    """Which components of θ stand at a limit, to `within` of a step, that χ² would have them cross."""
    evaluation = problem.evaluate(theta)
    gradient = evaluation.jacobian.T @ evaluation.residual
    near = within * problem.step
    return ((theta - problem.lower < near) & (gradient > 0)) | ((problem.upper - theta < near) & (gradient < 0))
