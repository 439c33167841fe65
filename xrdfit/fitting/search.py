"""Finding the minimum: bounded least squares, from enough starting points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.minima import occupancy_minima
from xrdfit.fitting.problem import Evaluation, Problem
from xrdfit.fitting.sizes import misfits, rough_components, scan_sizes
from xrdfit.fitting.starts import poor, rough_minima, screen_sample, thicknesses
from xrdfit.fitting.threads import one_thread
from xrdfit.progress import Progress, silent

Array = NDArray[np.float64]

# Above this χ²_red a minimum may be a wrong one.
_ASTRAY = 1.5
_NEAR = 0.05  # of χ²: as near as the search comes to a minimum
_ELSEWHERE = 0.9  # of χ²: an answer that is so much lower is another one
_FULLY = 1e-9  # of χ²: 3e-5 of a standard error
_BESIDE = 0.1  # of the optimizer's yardstick: so near to a limit, it has its say
_SAME_POINT = 0.1  # of the optimizer's yardstick
_SETTLED = 1e-4  # of χ²
_STEPS = 30
_FLAT = 0.3  # of a step: an even parameter below it has less than a tenth of a step's effect
_SLIGHT = 1e-6  # of χ²
_NOTHING = 1e-3  # of χ²: what is gained by less is at its limit


def minimize(
    problem: Problem, start: Array, *, free: NDArray[np.bool_] | None = None, tolerance: float = _NOTHING
) -> Solution:
    """Minimize χ² from one starting point within the limits: scipy's trust region reflective method.

    It is the call that `lmfit.Minimizer.least_squares` makes (the oracle tests compare), without lmfit's import,
    which costs more than ten such fits.

    Parameters
    ----------
    problem : Problem
    start : ndarray, shape (n_theta,)
    free : ndarray of bool, optional
        Components of θ that move; all by default.
    tolerance : float
        Of χ², where its minimum is the number of points: a step that gains less is the last.
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
    with one_thread():  # SciPy's own BLAS too, which its import has just loaded
        fitted: Any = least_squares(
            lambda values: evaluate(values).residual,
            inner[free],
            jac=lambda values: evaluate(values).jacobian[:, free],  # pyright: ignore[reportArgumentType]
            bounds=(problem.lower[free], problem.upper[free]),
            x_scale=problem.step[free],
            ftol=tolerance / problem.n_points,
            xtol=1e-8,
            gtol=1e-10,
            max_nfev=200,
        )
    theta = start.copy()
    theta[free] = fitted.x
    return Solution(theta, float(np.sum(fitted.fun**2)), bool(fitted.success), str(fitted.message))


def approach(problem: Problem, start: Array, progress: Progress | None = None) -> Solution:
    """Return the minimum near the start, or near other sizes and cells where that is far off."""
    tell = progress or silent
    best = descend(problem, start, tolerance=_NEAR)
    if poor(problem, best.theta):
        tell("the start is far off: trying other sizes and cells")
        best = min(best, descend(problem, screen_sample(problem, start)), key=lambda s: s.chi2)
    if rough_components(problem) and misfits(problem, problem.evaluate(best.theta)):
        tell("the residual is more than noise: trying other sizes")
        best = scan_sizes(problem, best, start)
    best = _off_zero(problem, best)
    return min(
        (best, *(descend(problem, t, tolerance=_NEAR) for t in thicknesses(problem, best.theta, start))), key=_chi2
    )


def search(
    problem: Problem, start: Array, progress: Progress | None = None, approached: Solution | None = None
) -> Solution:
    """Return the best minimum found from the start and, where there is reason, from further points.

    It is near enough to choose weights; `settle` converges fully. `approached` is what `approach` returned, if it is
    known.
    """
    tell = progress or silent
    best = approached or approach(problem, start, progress)
    if not problem.occupancies.free:
        return best
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


def _chi2(solution: Solution) -> float:
    return solution.chi2


def _off_zero(problem: Problem, best: Solution) -> Solution:
    """Try again where an even parameter fell to 0 on the way: no slope leads away from there."""
    zero = [i for i in _even(problem) if best.theta[i] < _FLAT * problem.step[i]]
    if not zero:
        return best
    theta = best.theta.copy()
    theta[zero] = 2.0 * problem.step[zero]
    return min(best, descend(problem, theta, tolerance=_NEAR), key=lambda s: s.chi2)


def _even(problem: Problem) -> list[int]:
    """Components of θ whose sign does not matter."""
    return [i for i, name in enumerate(problem.direct) if problem.rows[name].kind.even and problem.lower[i] == 0.0]


def settle(problem: Problem, theta: Array) -> Solution:
    """Converge fully, with parameters that push against a limit exactly on it.

    Inside the limits the minimum near a point is the same for every method, and `descend` needs no import for it.
    Where a limit is met, or no minimum, or a phase whose scale is zero has left the pattern, the trust region's way
    decides, which keeps off limits for as long as it can.
    """
    if _inside(problem, theta):
        solution = descend(problem, theta, tolerance=_FULLY)
        if solution.success and _inside(problem, solution.theta):
            return _without_what_is_flat(problem, solution)
    if not _near(problem, theta):
        return minimize(problem, theta)
    near = descend(problem, theta, tolerance=_SETTLED, steps=_STEPS)
    if 0.0 in _heights(problem, near.theta):
        # an absent phase has no say in its size and cell: from within the limits it may come back
        near = min(minimize(problem, theta, tolerance=_SLIGHT), near, key=lambda s: s.chi2)
    pressed = pressing(problem, near.theta)
    middle = (problem.lower + problem.upper) / 2
    snapped = np.where(pressed, np.where(near.theta < middle, problem.lower, problem.upper), near.theta)
    solution = minimize(problem, snapped, free=~pressed)
    if solution.chi2 > near.chi2 + _NOTHING:
        solution = min(minimize(problem, near.theta), near, key=lambda s: s.chi2)
    return _without_what_is_flat(problem, solution)


def _near(problem: Problem, theta: Array) -> bool:
    """Whether a limit may be met on the way, or a phase is absent."""
    room = np.minimum(theta - problem.lower, problem.upper - theta) / problem.step
    return bool(room.min(initial=np.inf) < 0.5) or 0.0 in _heights(problem, theta)


def _heights(problem: Problem, theta: Array) -> list[float]:
    values = problem.evaluate(theta).values
    return [values[name] for name in problem.floored]


def _without_what_is_flat(problem: Problem, solution: Solution) -> Solution:
    """Put what the pattern depends on by its square, and has come so near to 0 that nothing is seen of it, at 0."""
    for i in _even(problem):
        if 0.0 < solution.theta[i] < _FLAT * problem.step[i]:
            theta, free = solution.theta.copy(), np.arange(len(solution.theta)) != i
            theta[i] = 0.0
            there = descend(problem, theta, free=free & ~pressing(problem, solution.theta), tolerance=_SETTLED)
            if there.chi2 <= solution.chi2 + _NOTHING:
                solution = replace(solution, theta=there.theta, chi2=there.chi2)
    return solution


def _inside(problem: Problem, theta: Array) -> bool:
    """Whether every component of θ is off its limits and moves the pattern."""
    room = np.minimum(theta - problem.lower, problem.upper - theta)
    return bool((room > _BESIDE * problem.step).all() and problem.evaluate(theta).jacobian.any(axis=0).all())


def pressing(problem: Problem, theta: Array, within: float = 0.02) -> NDArray[np.bool_]:
    """Which components of θ stand at a limit, to `within` of a step, that χ² would have them cross.

    Of those that are no occupancies also such as gain nothing by leaving it: an even parameter at 0, a width beside
    others that do the same.
    """
    evaluation = problem.evaluate(theta)
    gradient = evaluation.jacobian.T @ evaluation.residual
    near = within * problem.step
    low, high = theta - problem.lower < near, problem.upper - theta < near
    gain = gradient**2 / np.maximum(np.sum(evaluation.jacobian**2, axis=0), 1e-300)
    flat = (gain < _NOTHING) & (np.arange(len(theta)) < len(problem.direct))
    return (low & ((gradient > 0) | flat)) | (high & ((gradient < 0) | flat))
