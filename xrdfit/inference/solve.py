"""Finding the minimum: lmfit's bounded least squares, from enough starting points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.inference.descend import Solution, descend
from xrdfit.inference.problem import Evaluation, Problem
from xrdfit.inference.progress import Progress, silent
from xrdfit.inference.starts import poor, rough_minima, screen_sample, screen_shares

Array = NDArray[np.float64]

# Two free occupancies have shown one minimum; of three, 1 in 70 random truths has another one (8c against 4b).
_UNIQUE = 2
# Above this χ²_red a minimum may be a wrong one.
_ASTRAY = 1.5
# Compositions tried, starting points, and those followed to the end.
_MANY = (150, 20, 8)
_FEW = (32, 3, 2)


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
    best = descend(problem, start)
    if poor(problem, best.theta):
        tell("the start is far off: trying other sizes and cells")
        best = min(best, descend(problem, screen_sample(problem, start)), key=lambda s: s.chi2)
    astray = best.chi2 > _ASTRAY * len(problem.observed)
    if problem.occupancies.free and (many_minima(problem) or astray):
        tell("several starting points for the occupancies")
        screened, starts, kept = _MANY if len(problem.occupancies.names) > 3 else _FEW
        points = screen_shares(problem, best.theta, screened, starts)
        if astray:
            # the way down may have spoilt size and cell
            points += screen_shares(problem, start, screened, starts)
        found = rough_minima(problem, points, kept)
        best = replace(min(best, *found, key=lambda s: s.chi2), others=(best, *found))
    return best


def many_minima(problem: Problem) -> bool:
    """Whether a problem has so many occupancies that a second minimum is to be expected."""
    return len(problem.occupancies.free) > _UNIQUE or len(problem.occupancies.names) > 3


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
