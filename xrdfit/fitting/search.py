"""Finding the minimum: bounded least squares, from enough starting points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.minima import occupancy_minima
from xrdfit.fitting.problem import Evaluation, Problem
from xrdfit.fitting.starts import poor, rough_minima, screen_sample
from xrdfit.progress import Progress, silent

Array = NDArray[np.float64]

# Above this χ²_red a minimum may be a wrong one.
_ASTRAY = 1.5
_NEAR = 0.05  # of χ²: as near as the search comes to a minimum
_FULLY = 1e-9  # of χ²: 3e-5 of a standard error
_BESIDE = 0.1  # of the optimizer's yardstick: so near to a limit, it has its say
_SAME_POINT = 0.1  # of the optimizer's yardstick


def minimize(problem: Problem, start: Array, *, free: NDArray[np.bool_] | None = None) -> Solution:
    """Minimize χ² from one starting point within the limits: scipy's trust region reflective method.

    It is the call that `lmfit.Minimizer.least_squares` makes (the oracle tests compare), without lmfit's import,
    which costs more than ten such fits.

    Parameters
    ----------
    problem : Problem
    start : ndarray, shape (n_theta,)
    free : ndarray of bool, optional
        Components of θ that move; all by default.
    """
    from scipy.optimize import least_squares

    free = np.ones(len(start), dtype=bool) if free is None else free
    if not free.any():
        return Solution(start, problem.evaluate(start, derivatives=False).chi2, True, "nothing to move")

    def evaluate(values: Array) -> Evaluation:
        theta = start.copy()
        theta[free] = values
        return problem.evaluate(theta)

    inner = np.clip(start, problem.lower + 1e-3 * problem.step, problem.upper - 1e-3 * problem.step)
    fitted: Any = least_squares(
        lambda values: evaluate(values).residual,
        inner[free],
        jac=lambda values: evaluate(values).jacobian[:, free],  # pyright: ignore[reportArgumentType]
        bounds=(problem.lower[free], problem.upper[free]),
        x_scale=problem.step[free],
        ftol=1e-9,
        xtol=1e-8,
        gtol=1e-10,
        max_nfev=200,
    )
    theta = start.copy()
    theta[free] = fitted.x
    return Solution(theta, float(np.sum(fitted.fun**2)), bool(fitted.success), str(fitted.message))


def search(problem: Problem, start: Array, progress: Progress | None = None) -> Solution:
    """Return the best minimum found from the start and, where there is reason, from further points.

    It is near enough to choose weights; `settle` converges fully.
    """
    tell = progress or silent
    best = descend(problem, start, tolerance=_NEAR)
    if poor(problem, best.theta):
        tell("the start is far off: trying other sizes and cells")
        best = min(best, descend(problem, screen_sample(problem, start)), key=lambda s: s.chi2)
    tell("looking for other compositions")
    points = occupancy_minima(problem, best.theta)
    if best.chi2 > _ASTRAY * problem.n_points:
        # the way down may have spoilt size and cell
        points += occupancy_minima(problem, start)
    points = [p for p in points if np.abs((p - best.theta) / problem.step).max() > _SAME_POINT]
    found = rough_minima(problem, points)
    return replace(min(best, *found, key=lambda s: s.chi2), met=(best, *found)) if found else best


def settle(problem: Problem, theta: Array) -> Solution:
    """Converge fully, then put parameters that push against a limit exactly on it.

    Inside the limits the minimum near a point is the same for every method, and `descend` needs no import for it.
    Where a limit is met, or no minimum, or a phase whose scale is zero has left the pattern, the trust region's way
    decides, which keeps off limits for as long as it can.
    """
    if _inside(problem, theta):
        solution = descend(problem, theta, tolerance=_FULLY)
        if solution.success and _inside(problem, solution.theta):
            return solution
    solution = minimize(problem, theta)
    pressed = pressing(problem, solution.theta)
    if not pressed.any():
        return solution
    middle = (problem.lower + problem.upper) / 2
    snapped = np.where(pressed, np.where(solution.theta < middle, problem.lower, problem.upper), solution.theta)
    on_limit = minimize(problem, snapped, free=~pressed)
    return on_limit if on_limit.chi2 <= solution.chi2 + 1e-3 else solution


def _inside(problem: Problem, theta: Array) -> bool:
    """Whether every component of θ is off its limits and moves the pattern."""
    room = np.minimum(theta - problem.lower, problem.upper - theta)
    return bool((room > _BESIDE * problem.step).all() and problem.evaluate(theta).jacobian.any(axis=0).all())


def pressing(problem: Problem, theta: Array, within: float = 0.02) -> NDArray[np.bool_]:
    """Which components of θ stand at a limit, to `within` of a step, that χ² would have them cross."""
    evaluation = problem.evaluate(theta)
    gradient = evaluation.jacobian.T @ evaluation.residual
    near = within * problem.step
    return ((theta - problem.lower < near) & (gradient > 0)) | ((problem.upper - theta < near) & (gradient < 0))
