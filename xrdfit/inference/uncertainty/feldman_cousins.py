"""Feldman–Cousins intervals: exact on a limit and beside it, of the quantity itself and of others.

The profile interval holds every value φ with √Δχ²(φ) ≤ z. Near limits √Δχ² of the truth is not half normal, and the
interval covers more or less than it says. Here z is replaced by the height c(φ) that √Δχ² stays under with the wanted
probability where φ is true (Feldman & Cousins, Phys. Rev. D 57, 3873, 1998), all other parameters being what the
profile gives at φ. To first order the scan is one measurement of all parameters with the fit's covariance, cut by
half-spaces: the limits and rules near by. A parameter that comes out near a limit may truly stand on it, as an empty
site does; c(φ) is the larger of the heights for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError
from xrdfit.fitting.problem import Problem
from xrdfit.inference.uncertainty.estimate import Estimate
from xrdfit.inference.uncertainty.intervals import ends, normal_quantile
from xrdfit.inference.uncertainty.quantities import quantity

Array = NDArray[np.float64]

NEAR = 5.0
"""A limit further away than this, in standard errors of what it limits, is never met."""
_MAY_BE_ON = 1.0
"""A truth this near to a limit, in the same unit, may be on it."""
_MOST = 6  # limits that are taken into account, the nearest
_DRAWS = 20_000
_SAME = 1.0 - 1e-9  # correlation of one combination written twice


def feldman_cousins(result: Estimate, name: str, level: float = 0.6827) -> tuple[float, float]:
    """Interval that covers the truth with the stated probability on limits and beside them too.

    Parameters
    ----------
    result : Estimate
    name : str
        A parameter that varied or follows others, ``share_Cu_8c`` or ``total_Cu``, as for `FitResult.interval`.
    level : float
        Probability, between 0 and 1.

    Returns
    -------
    (float, float)
        Lower and upper end; where no limit is near, those of the profile interval.

    Raises
    ------
    InputError
        For an unknown or fixed quantity, or a level outside 0–1.
    ComputationError
        For a quantity that the scan does not determine within its limits, and as for `FitResult.interval`.

    Notes
    -----
    Of limits that are met with more than negligible probability (nearer than `NEAR`) the six nearest count.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> low, high = xf.feldman_cousins(result, "occ_Cu_8c")
    >>> low < result["occ_Cu_8c"].value < high
    True
    """
    z = normal_quantile(level)
    what = quantity(result, name)
    if not what.profiles:
        return what.value - z * what.stderr, what.value + z * what.stderr
    first = what.profiles[0]
    if what.stderr > first.high - first.low:
        raise ComputationError(
            f"{name} has no Feldman–Cousins interval: its error, {what.stderr:.3g}, exceeds all that is allowed, "
            f"{first.low:.6g} to {first.high:.6g}; the profile interval stands"
        )
    rows, bounds = _limits(result.problem, result.covariance_names)
    directions = np.vstack([[what.gradient.get(n, 0.0) for n in result.covariance_names], rows])
    spread = directions @ result.covariance @ directions.T

    def critical(value: float, parameters: Callable[[], Mapping[str, float]]) -> float:
        at = parameters()
        slack = bounds - rows @ np.array([at[n] for n in result.covariance_names])
        return max(critical_value_among(s, spread, level) for s in _truths(slack, spread))

    return ends(name, what.profiles, what.stderr, z, critical, result.inflation)


def _limits(problem: Problem, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Everything that limits the parameters, as rows @ parameters ≤ bounds."""
    table = problem.occupancies
    limits = dict(zip(table.names, table.limits, strict=True))
    for i, name in enumerate(problem.direct):
        low, high = problem.lower[i], problem.upper[i]
        limits[name] = (float(np.exp(low)), float(np.exp(high))) if problem.logs[i] else (low, high)
    limits |= {floor.name: (floor.low, floor.high) for floor in problem.floors}
    limits |= {n: (0.0, np.inf) for n in problem.floored if n in names}
    rules = [(r.coefficients, r.bound) for r in table.rules if not r.equality]
    for name, (low, high) in limits.items():
        rules += [({name: -1.0}, -low), ({name: 1.0}, high)]
    rows = np.array([[coefficients.get(n, 0.0) for n in names] for coefficients, _ in rules])
    return rows.reshape(len(rules), len(names)), np.array([bound for _, bound in rules])


def _truths(slack: Array, covariance: Array) -> list[Array]:
    """Distances from the limits: as they are and, where other quantities are near theirs, with those on them."""
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    other = np.abs(covariance[0, 1:]) < _SAME * sigma[0] * sigma[1:]
    on = other & (slack > 0.0) & (slack < _MAY_BE_ON * sigma[1:])
    return [slack, np.where(on, 0.0, slack)] if on.any() else [slack]


def critical_value_among(slack: Array, covariance: Array, level: float) -> float:
    """Height √Δχ² that a quantity stays under with the given probability, among limits of any combinations.

    Parameters
    ----------
    slack : ndarray, shape (m,)
        How far the truth is from each limit, 0 or more.
    covariance : ndarray, shape (1 + m, 1 + m)
        Of the quantity and of the combinations that are limited from above.
    level : float

    Notes
    -----
    With y the measured combinations, normal around the truth, Δχ² is the squared distance of y from the allowed
    values at which the quantity has its true value, less that from all allowed values. Each is the least distance
    from a face of the allowed region; the faces are the sets of limits that hold with equality. Limits of the
    quantity alone leave the closed form of `critical_value`; otherwise the distribution is drawn from.
    """
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    z = normal_quantile(level)
    moves = np.append(True, sigma[1:] > 1e-9 * np.abs(slack))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.append(0.0, np.maximum(slack, 0.0)) / sigma
    near = [int(i) for i in np.argsort(distance, kind="stable") if i > 0 and moves[i] and distance[i] < NEAR]
    if sigma[0] == 0.0 or not near:
        return z
    correlation = covariance / np.outer(np.where(sigma > 0.0, sigma, 1.0), np.where(sigma > 0.0, sigma, 1.0))
    kept: list[int] = []
    for i in near:  # of limits to the same combination only the nearest is ever met
        if all(correlation[i, j] < _SAME for j in kept) and len(kept) < _MOST:
            kept.append(i)
    if all(abs(correlation[0, i]) > _SAME for i in kept):
        below = min((distance[i] for i in kept if correlation[0, i] < 0.0), default=np.inf)
        above = min((distance[i] for i in kept if correlation[0, i] > 0.0), default=np.inf)
        return critical_value(float(below), float(above), level)
    use = [0, *kept]
    height2 = _heights(distance[kept], correlation[np.ix_(use, use)])
    return float(np.sqrt(np.quantile(height2, level)))


def _heights(distance: Array, correlation: Array) -> Array:
    """Δχ² of draws of a measurement, the truth being `distance` from the limits, shape (n_draws,)."""
    eigenvalues, vectors = np.linalg.eigh(correlation)
    real = eigenvalues > 1e-10
    normals = vectors[:, real] * np.sqrt(eigenvalues[real])
    draws = np.random.default_rng(0).standard_normal((_DRAWS, int(real.sum())))
    allowed, held = np.full(_DRAWS, np.inf), np.full(_DRAWS, np.inf)
    limits, m = np.append(0.0, distance), len(distance)
    for count in range(min(m, normals.shape[1]) + 1):
        for face in combinations(range(1, m + 1), count):
            allowed = np.minimum(allowed, _distance2(draws, normals, limits, face))
            held = np.minimum(held, _distance2(draws, normals, limits, (0, *face)))
    return np.maximum(held - allowed, 0.0)


def _distance2(draws: Array, normals: Array, limits: Array, face: tuple[int, ...]) -> Array:
    """Squared distance of each draw from the plane where `face` holds with equality; infinite where that is outside.

    A face whose limits depend on each other is that of fewer limits, or empty, and is passed over.
    """
    rows = normals[list(face)]
    if len(face) and np.linalg.matrix_rank(rows, tol=1e-6) < len(face):
        return np.full(len(draws), np.inf)
    foot = draws
    if len(face):
        foot = draws - (draws @ rows.T - limits[list(face)]) @ np.linalg.pinv(rows).T
    outside = (foot @ normals[1:].T > limits[1:] + 1e-9).any(axis=1)
    return np.where(outside, np.inf, ((draws - foot) ** 2).sum(axis=1))


def critical_value(below: float, above: float, level: float) -> float:
    """Height √Δχ² that a Gaussian measurement stays under with the given probability, between two limits.

    Parameters
    ----------
    below, above : float
        Distance of the truth from the lower and the upper limit, in standard errors.
    level : float

    Notes
    -----
    With the truth at 0 and the measured x ~ N(0, 1), Δχ² is x² where x lies between the limits, and
    x² − (x + below)² = −below (2x + below) where the best allowed value is the lower limit. Δχ² ≤ c² then means
    x ≥ −(below² + c²)/(2 below); likewise above. c follows from Φ(upper) − Φ(lower) = level.
    (Feldman & Cousins, Phys. Rev. D 57, 3873, 1998, section IV B, in closed form.)
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def edge(c: float, distance: float) -> float:
        if c <= distance:
            return c
        return (distance**2 + c**2) / (2.0 * distance) if distance > 1e-9 else np.inf

    def excess(c: float) -> float:
        return float(ndtr(edge(c, above)) - ndtr(-edge(c, below))) - level

    z = normal_quantile(level)
    if min(below, above) >= z:
        return z
    if excess(0.0) >= 0.0:
        return 0.0
    return float(brentq(excess, 0.0, z + 1e-9, xtol=1e-6))  # pyright: ignore[reportArgumentType]
