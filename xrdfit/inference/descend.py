"""Going down to a minimum that is near: Gauss–Newton with damping and limits, at a few milliseconds a step.

The fit itself is lmfit's. Profiles, rival models and simulations of coverage need the minimum of thousands of
problems whose solution is almost known; there the bookkeeping of a general optimizer costs more than the physics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.inference.problem import Problem

Array = NDArray[np.float64]

_FIRST_DAMPING = 1e-10
_MOST_DAMPING = 1e8


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
    others : tuple of Solution
        Minima met on the way, where several starting points were tried.
    """

    theta: Array
    chi2: float
    success: bool
    message: str
    others: tuple[Solution, ...] = ()


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
        The search ends where the quadratic model promises less than this decrease of χ². The last step is
        taken on the model's word, so that χ² is better than the tolerance.
    steps : int
        At most so many evaluations.
    """
    free = np.ones(len(start), dtype=bool) if free is None else free
    theta = np.where(free, np.clip(start, problem.lower, problem.upper), start)
    if not free.any():
        return Solution(theta, problem.evaluate(theta, derivatives=False).chi2, True, "nothing to move")
    here = problem.evaluate(theta)
    damping = _FIRST_DAMPING
    for _ in range(steps):
        curvature, gradient = here.jacobian.T @ here.jacobian, here.jacobian.T @ here.residual
        move = bounded_step(curvature, gradient, problem.lower - theta, problem.upper - theta, free, damping)
        promise = -float(2.0 * gradient @ move + move @ curvature @ move)
        if promise < tolerance and damping < 1.0:
            return Solution(theta + move, here.chi2 - max(promise, 0.0), True, "converged")
        there = problem.evaluate(theta + move)
        if there.chi2 < here.chi2:
            damping = max(damping / 10.0, _FIRST_DAMPING)
            theta, here = theta + move, there
        else:
            damping = max(10.0 * damping, 1e-3)
            if damping > _MOST_DAMPING:
                return Solution(theta, here.chi2, True, "no direction leads down")
    return Solution(theta, here.chi2, False, f"no minimum within {steps} steps")


def bounded_step(
    curvature: Array, gradient: Array, lowest: Array, highest: Array, free: NDArray[np.bool_], damping: float = 0.0
) -> Array:
    """Step that minimizes 2 g·d + dᵀ H d (nearly, where limits interfere) within lowest ≤ d ≤ highest, shape (n,).

    Components that would cross a limit stop there and the others adapt; one that stands on a limit and is
    pulled outward stays.
    """
    step = np.zeros(len(gradient))
    held = ~free | ((lowest >= 0.0) & (gradient > 0)) | ((highest <= 0.0) & (gradient < 0))
    diagonal = np.diag(curvature)
    damped = curvature + np.diag(damping * diagonal + 1e-13 * max(float(diagonal.max(initial=0.0)), 1e-300))
    while not held.all():
        loose = ~held
        pull = gradient[loose] + damped[np.ix_(loose, held)] @ step[held]
        step[loose] = -np.linalg.solve(damped[np.ix_(loose, loose)], pull)
        crossing = loose & ((step < lowest) | (step > highest))
        if not crossing.any():
            break
        step[crossing] = np.clip(step[crossing], lowest[crossing], highest[crossing])
        held |= crossing
    return step
