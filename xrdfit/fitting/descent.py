"""Going down to a minimum that is near: Gauss–Newton with damping and limits, at a few milliseconds a step.

Profiles, rival models and simulations of coverage need the minimum of thousands of problems whose solution is almost
known; there the bookkeeping of a general optimizer costs more than the physics. A fit ends with it too, where no limit
is near (`search.settle`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.fitting.problem import Evaluation, Problem

Array = NDArray[np.float64]

_FIRST_DAMPING = 1e-10
_MOST_DAMPING = 1e8
_NOTHING_LEFT = 0.01  # of the tolerance: not worth a last step
_PASSES = 4
_CREEP_STEPS = 10
_CREEP = 0.1  # of χ² over so many steps, times χ² over the points: the bottom of a valley without an end


@dataclass(frozen=True)
class Solution:
    """A minimum.

    Attributes
    ----------
    theta : ndarray, shape (n_theta,)
    chi2 : float
    success : bool
    message : str
        The optimizer's last word.
    met : tuple of Solution
        Minima met on the way, where several starting points were tried.
    """

    theta: Array
    chi2: float
    success: bool
    message: str
    met: tuple[Solution, ...] = ()


def descend(
    problem: Problem,
    start: Array,
    *,
    free: NDArray[np.bool_] | None = None,
    tolerance: float = 1e-3,
    steps: int = 60,
) -> Solution:
    """Minimize χ² within the limits from a starting point (Levenberg 1944, Marquardt 1963, with an active set).

    Parameters
    ----------
    problem : Problem
    start : ndarray, shape (n_theta,)
    free : ndarray of bool, optional
        Components of θ that move; all by default.
    tolerance : float
        The search ends where the quadratic model promises less than this decrease of χ², after one last step; times
        χ² over the number of points where that exceeds 1.
    steps : int
        At most so many evaluations.
    """
    free = np.ones(len(start), dtype=bool) if free is None else free
    theta = np.where(free, np.clip(start, problem.lower, problem.upper), start)
    if not free.any():
        return Solution(theta, problem.evaluate(theta, derivatives=False).chi2, True, "nothing to move")
    here = problem.evaluate(theta)
    damping = _FIRST_DAMPING
    passed: list[float] = []
    for _ in range(steps):
        passed.append(here.chi2)
        curvature, gradient = here.jacobian.T @ here.jacobian, here.jacobian.T @ here.residual
        move = bounded_step(curvature, gradient, problem.lower - theta, problem.upper - theta, free, damping)
        promise = -float(2.0 * gradient @ move + move @ curvature @ move)
        enough = tolerance * max(1.0, here.chi2 / problem.n_points)
        if promise < _NOTHING_LEFT * enough and damping < 1.0:
            return Solution(theta, here.chi2, True, "converged")
        there = _tried(problem, theta + move)
        if there is None:  # beyond what an engine computes: as bad as a step uphill
            damping = max(10.0 * damping, 1e-3)
            if damping > _MOST_DAMPING:
                break
            continue
        if promise < enough and damping < 1.0:
            better = there.chi2 < here.chi2
            return Solution(theta + move if better else theta, min(here.chi2, there.chi2), True, "converged")
        if there.chi2 < here.chi2:
            damping = max(damping / 10.0, _FIRST_DAMPING)
            theta, here = theta + move, there
        else:
            damping = max(10.0 * damping, 1e-3)
            if damping > _MOST_DAMPING:
                return Solution(theta, here.chi2, True, "no direction leads down")
    crept = len(passed) > _CREEP_STEPS and passed[-_CREEP_STEPS] - here.chi2 < _CREEP * max(
        1.0, here.chi2 / problem.n_points
    )
    return Solution(theta, here.chi2, crept, "creeping" if crept else f"no minimum within {steps} steps")


def _tried(problem: Problem, theta: Array) -> Evaluation | None:
    """The problem at θ, or None where an engine refuses it, as spheres too large for a sum over pairs."""
    try:
        return problem.evaluate(theta)
    except InputError:
        return None


def bounded_step(
    curvature: Array, gradient: Array, lowest: Array, highest: Array, free: NDArray[np.bool_], damping: float = 0.0
) -> Array:
    """Step that minimizes 2 g·d + dᵀ H d within lowest ≤ d ≤ highest, shape (n,).

    A primal active-set method (Nocedal & Wright, Numerical Optimization, 2006, algorithm 16.3): go as far towards
    the minimum as the limits allow, hold the component that stopped it, and let go of one that is pulled inwards.
    """
    diagonal = np.diag(curvature)
    floor = 1e-13 * max(float(diagonal.max(initial=0.0)), 1e-300)
    damped = curvature + np.diag(damping * diagonal + floor)
    step = np.zeros(len(gradient))
    held = ~free | ((lowest >= 0.0) & (gradient > 0)) | ((highest <= 0.0) & (gradient < 0))
    for _ in range(_PASSES * len(gradient)):
        loose = ~held
        if loose.any():
            pull = gradient[loose] + damped[np.ix_(loose, held)] @ step[held]
            move = np.zeros(len(gradient))
            move[loose] = -np.linalg.solve(damped[np.ix_(loose, loose)], pull) - step[loose]
            limit = np.where(move > 0, highest, lowest)
            with np.errstate(divide="ignore", invalid="ignore"):
                reach = np.where(loose & (move != 0.0), (limit - step) / move, np.inf)
            nearest = int(np.argmin(reach))
            if reach[nearest] < 1.0:
                step = step + max(reach[nearest], 0.0) * move
                step[nearest] = limit[nearest]
                held[nearest] = True
                continue
            step = step + move
        slope = gradient + damped @ step
        inward = np.where(step <= lowest, -slope, slope) / np.sqrt(np.diag(damped))
        inward[~held | ~free] = 0.0
        worst = int(np.argmax(inward))
        if inward[worst] <= 1e-9 * max(float(np.abs(slope).max()), 1.0):
            break
        held[worst] = False
    return step
