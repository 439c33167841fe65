"""Finding the minimum: lmfit's bounded least squares, from enough starting points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.inference.descend import Solution
from xrdfit.inference.problem import Evaluation, Problem

Array = NDArray[np.float64]
Progress = Callable[[str], None]

# A background-subtracted R_wp above this says that the lines are not yet where the scan has them.
_POOR_R = 0.3
_SIZES_NM = (1.5, 2.5, 4.0, 7.0, 12.0, 25.0, 60.0)
_STRAINS = (-0.02, -0.01, 0.0, 0.01, 0.02)
_MANY_OCCUPANCIES = 3
_SCREENED = 150
_REFINED = 6


def minimize(
    problem: Problem, start: Array, *, precise: bool = True, free: NDArray[np.bool_] | None = None
) -> Solution:
    """Minimize χ² from one starting point with `lmfit` (method ``least_squares``, trust region reflective).

    Parameters
    ----------
    problem : Problem
    start : ndarray, shape (n_theta,)
    precise : bool
        Converge fully; otherwise only far enough to choose weights or starting points.
    free : ndarray of bool, optional
        Components of θ that move; all by default.
    """
    import lmfit

    free = np.ones(len(start), dtype=bool) if free is None else free
    if not free.any():
        return Solution(start, problem.evaluate(start, derivatives=False).chi2, True, "nothing to move")
    last: dict[bytes, Evaluation] = {}

    def evaluate(params: lmfit.Parameters) -> Evaluation:
        theta = start.copy()
        theta[free] = [p.value for p in params.values()]
        key = theta.tobytes()
        if key not in last:
            last.clear()
            last[key] = problem.evaluate(theta)
        return last[key]

    inner = np.clip(start, problem.lower + 1e-3 * problem.step, problem.upper - 1e-3 * problem.step)
    params = lmfit.Parameters()
    for i in np.flatnonzero(free):
        params.add(f"t{i}", value=inner[i], min=problem.lower[i], max=problem.upper[i])
    tolerance = 1e-9 if precise else 1e-4
    minimizer = lmfit.Minimizer(lambda p: evaluate(p).residual, params, nan_policy="raise")
    # lmfit takes the root of its covariance's diagonal, negative where the problem is singular; ours is in `assemble`
    with np.errstate(invalid="ignore"):
        fitted: Any = minimizer.least_squares(
            jac=lambda p: evaluate(p).jacobian[:, free],
            x_scale=problem.step[free],
            ftol=tolerance,
            xtol=1e-8 if precise else 1e-4,
            gtol=1e-10,
            max_nfev=200 if precise else 40,
        )
    theta = start.copy()
    theta[free] = [p.value for p in fitted.params.values()]
    chi2 = float(np.sum(np.asarray(fitted.residual) ** 2))
    return Solution(theta, chi2, bool(fitted.success), str(fitted.message))


def solve(problem: Problem, start: Array, progress: Progress | None = None) -> Solution:
    """Return the best minimum found from the start and, where there is reason, from further points."""
    return settle(problem, search(problem, start, progress).theta)


def search(problem: Problem, start: Array, progress: Progress | None = None) -> Solution:
    """Find the neighbourhood of the best minimum, without converging fully."""
    tell = progress or (lambda _: None)
    best = minimize(problem, start, precise=False)
    if _poor(problem, best.theta):
        tell("the start is far off: trying other sizes and cells")
        best = min(best, minimize(problem, screen_sample(problem, start), precise=False), key=lambda s: s.chi2)
    if len(problem.occupancies.names) > _MANY_OCCUPANCIES:
        tell("several starting points for the occupancies")
        best = min([best, *(minimize(problem, t, precise=False) for t in screen_shares(problem, best.theta))],
                   key=lambda s: s.chi2)  # fmt: skip
    return best


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


def pressing(problem: Problem, theta: Array) -> NDArray[np.bool_]:
    """Which components of θ stand at a limit that χ² would have them cross."""
    evaluation = problem.evaluate(theta)
    gradient = evaluation.jacobian.T @ evaluation.residual
    near = 0.02 * problem.step
    return ((theta - problem.lower < near) & (gradient > 0)) | ((problem.upper - theta < near) & (gradient < 0))


def _poor(problem: Problem, theta: Array) -> bool:
    e = problem.evaluate(theta, derivatives=False)
    net = float(np.sum(((problem.observed - e.background) / problem.sigma) ** 2))
    return e.chi2 > _POOR_R**2 * net and e.chi2 > 2.0 * len(problem.observed)


def screen_sample(problem: Problem, start: Array) -> Array:
    """Return the best of a coarse grid of sizes and cells (all phases together) around the start."""
    names = [n.rpartition("__")[2] for n in problem.others]
    sizes = [i for i, n in enumerate(names) if n == "size_nm"]
    cells = [i for i, n in enumerate(names) if n in ("a", "b", "c")]
    candidates = []
    for size in _SIZES_NM if sizes else (1.0,):
        for strain in _STRAINS if cells else (0.0,):
            theta = start.copy()
            theta[sizes] = np.log(size)
            for i in cells:
                theta[i] = problem.base[problem.others[i]] * (1 + strain)
            candidates.append(np.clip(theta, problem.lower, problem.upper))
    return min(candidates, key=lambda t: problem.evaluate(t, derivatives=False).chi2)


def screen_shares(problem: Problem, theta: Array, screened: int = _SCREENED, refined: int = _REFINED) -> list[Array]:
    """Return the best few of many compositions drawn evenly over the unit cube of shares (a fixed sequence).

    Displacement parameters are drawn along, within 0 and 4 Å²: they trade against occupancies.
    """
    from scipy.stats import qmc

    k = len(problem.others)
    moved = [i for i, name in enumerate(problem.others) if name.rpartition("__")[2].startswith("b_")]
    draws = qmc.Halton(len(theta) - k + len(moved), rng=np.random.default_rng(0)).random(screened)
    points = np.tile(theta, (screened, 1))
    points[:, k:] = draws[:, : len(theta) - k]
    points[:, moved] = 4.0 * draws[:, len(theta) - k :]
    points = np.clip(points, problem.lower, problem.upper)
    return sorted(points, key=lambda t: problem.evaluate(t, derivatives=False).chi2)[:refined]
