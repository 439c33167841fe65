"""Minima over the occupancies while everything else stands still, from many starting points at once.

At a given cell, size and displacement each phase's pattern is a polynomial of second degree in its occupancies: |F|²
and the Debye sum are quadratic forms. A few patterns with their slopes therefore hold every composition, and a QR
factorization shrinks the scan to as many numbers as the polynomial has coefficients. In that small space a hundred
starting points go down together in milliseconds. Mirror answers, two compositions with all but the same pattern, are
met that way, as a rule: random points may miss a narrow minimum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.blocks import Look, Restraint, ScanBlock
from xrdfit.fitting.problem import Problem

Array = NDArray[np.float64]

_STARTS = 32  # for every free occupancy
_FEWEST_STARTS = 4
_BUDGET = 3e8  # products a step: with more than twenty free occupancies the starts become fewer
_STEPS = 25
_FEWEST_STEPS = 5
_HOPEFUL = 4.0  # times the lowest χ²: the others need not have settled
_CLOSE = 1.0  # of χ²: all are followed further in the whole problem
_APART = 0.02  # minima nearer than this in every occupancy are one
_MOST = 12
_DRAWS_OF_B = 5


def occupancy_minima(problem: Problem, theta: Array) -> list[Array]:
    """Minima over the occupancies, the other parameters as in θ; lowest χ² first.

    Displacement parameters trade against occupancies: where some vary, they take a few other values over their whole
    range as well, and the lowest minimum at each of these is kept whatever its χ²: B follows in the whole problem.

    Parameters
    ----------
    problem : Problem
    theta : ndarray, shape (n_theta,)

    Returns
    -------
    list of ndarray, shape (n_theta,)
        At most 12; none where no occupancy is free.
    """
    if not problem.occupancies.free:
        return []
    random = np.random.default_rng(0)
    here, *elsewhere = [_minima(problem, point, random) for point in _with_other_b(problem, theta)]
    first = [minima[0] for minima in elsewhere if minima]
    rest = sorted([*here, *(pair for minima in elsewhere for pair in minima[1:])], key=lambda pair: pair[0])
    return [point for _, point in sorted([*first, *rest[: _MOST - len(first)]], key=lambda pair: pair[0])]


def best_occupancies(problem: Problem, theta: Array, starts: int = 6) -> Array:
    """θ with the occupancies that fit best while everything else stands still, from a few starting points.

    Parameters
    ----------
    problem : Problem
    theta : ndarray, shape (n_theta,)
    starts : int
        Random starting points beside the occupancies of θ.
    """
    k, n = len(problem.direct), len(problem.occupancies.free)
    if n == 0:
        return theta
    shares = np.vstack([theta[k:], np.random.default_rng(0).random((starts, n))])
    chi2, shares = _Reduced.of(problem, theta).descend(shares)
    return np.append(theta[:k], shares[np.argmin(chi2)]) if len(chi2) else theta


def _with_other_b(problem: Problem, theta: Array) -> Iterator[Array]:
    """θ, and θ with other B: spread evenly over the logarithm of 1 + B, for a pattern feels small B most.

    Several take values of an additive sequence (M. Roberts, 2018), which leaves no corner out.
    """
    yield theta
    moved = [i for i, name in enumerate(problem.direct) if problem.rows[name].is_displacement]
    if not moved:
        return
    ratio = 2.0
    for _ in range(30):  # the root of x^(d+1) = x + 1
        ratio = (1.0 + ratio) ** (1.0 / (len(moved) + 1))
    steps = ratio ** -np.arange(1.0, len(moved) + 1)
    for n in range(_DRAWS_OF_B):
        even = (n + 0.5) / _DRAWS_OF_B
        spread = np.concatenate([[even], (0.5 + (n + 1) * steps[: len(moved) - 1]) % 1.0])
        point = theta.copy()
        point[moved] = (1.0 + np.maximum(problem.upper[moved], 0.0)) ** spread - 1.0
        yield np.clip(point, problem.lower, problem.upper)


def _minima(problem: Problem, theta: Array, random: np.random.Generator) -> list[tuple[float, Array]]:
    k, n = len(problem.direct), len(problem.occupancies.free)
    reduced = _Reduced.of(problem, theta)
    starts = int(np.clip(_BUDGET / (len(reduced.terms) ** 2 * n), _FEWEST_STARTS, _STARTS * n))
    chi2, shares = reduced.descend(np.vstack([theta[k:], random.random((starts, n))]))
    values = problem.occupancies.free_values(shares)[0]
    kept: list[int] = []
    for i in np.argsort(chi2):
        if all(np.abs(values[i] - values[j]).max() > _APART for j in kept):
            kept.append(int(i))
    return [(float(chi2[i]), np.append(theta[:k], shares[i])) for i in kept[:_MOST]]


@dataclass(frozen=True)
class _Reduced:
    """χ² as a function of the free occupancies alone.

    Attributes
    ----------
    problem : Problem
    origin : ndarray, shape (n,)
        Values of the free occupancies that the polynomial is written around.
    terms : list of tuple of int
        The monomials: () is 1, (i,) is d_i, (i, j) is d_i d_j with d the distance from the origin.
    columns : ndarray, shape (rows, n_terms, n_columns)
        Their patterns, one column a phase of each scan, in units of σ, background projected out, rotated into few
        rows; a last column holds the restraints.
    target : ndarray, shape (rows,)
        The scans in the same way.
    held, varies : ndarray, shape (n_columns,)
        Scales where they do not vary, and which do.
    """

    problem: Problem
    origin: Array
    terms: list[tuple[int, ...]]
    columns: Array
    target: Array
    held: Array
    varies: NDArray[np.bool_]

    @classmethod
    def of(cls, problem: Problem, theta: Array) -> _Reduced:
        """Compute the patterns that hold all compositions at this θ."""
        n = len(problem.occupancies.free)
        terms = [t for degree in (0, 1, 2) for t in combinations_with_replacement(range(n), degree)]
        values = problem.expand(theta)[0]
        origin = np.array([values[problem.occupancies.names[j]] for j in problem.occupancies.free])
        looks = problem.looks(theta, values)
        parts = [
            _reduced_scan(problem, scan, look, values, origin, terms)
            for scan, look in zip(problem.scans, looks, strict=True)
        ]
        restraints = problem.nonlinear_restraints
        if restraints:
            parts.append(_reduced_restraints(problem, restraints, values, terms))
        rows = sum(len(target) for _, target in parts)
        width = sum(columns.shape[2] for columns, _ in parts)
        stacked = np.zeros((rows, len(terms), width))
        row = first = 0
        for columns, target in parts:
            last = first + columns.shape[2]
            stacked[row : row + len(target), :, first:last] = columns
            row, first = row + len(target), last
        held = [s.held[: s.n_phases] for s in problem.scans] + [np.ones(1 if restraints else 0)]
        varies = [s.varies[: s.n_phases] for s in problem.scans] + [np.zeros(len(held[-1]), dtype=bool)]
        target = np.concatenate([target for _, target in parts])
        return cls(problem, origin, terms, stacked, target, np.concatenate(held), np.concatenate(varies))

    def chi2(self, shares: Array) -> tuple[Array, Array, Array]:
        """χ², its gradient and its curvature (Gauss–Newton) by the shares, for every row of `shares` (m, n)."""
        values, slopes = self.problem.occupancies.free_values(shares)
        patterns, scales = self.scaled(values)
        residual = self.target - (patterns @ scales[:, :, None])[:, :, 0]
        weights = _derivatives(values - self.origin, self.terms) @ slopes
        jacobian = np.zeros((len(shares), len(self.target), shares.shape[1]))
        for p in range(self.columns.shape[2]):
            jacobian -= scales[:, p, None, None] * (self.columns[:, :, p] @ weights)
        own = patterns[:, :, self.varies]
        jacobian -= own @ _solved(own, jacobian)
        transposed = jacobian.transpose(0, 2, 1)
        return (
            np.einsum("mr,mr->m", residual, residual),
            (transposed @ residual[:, :, None])[:, :, 0],
            transposed @ jacobian,
        )

    def scaled(self, values: Array) -> tuple[Array, Array]:
        """Patterns (m, rows, n_phases) and their best scales (m, n_phases); those that do not vary as they are.

        A scale may come out negative on the way: cut off at zero, the composition would no longer matter.
        """
        patterns = np.tensordot(_monomials(values - self.origin, self.terms), self.columns, axes=(1, 1))
        scales = np.tile(self.held, (len(patterns), 1))
        rest = self.target - patterns[:, :, ~self.varies] @ self.held[~self.varies]
        scales[:, self.varies] = _solved(patterns[:, :, self.varies], rest[:, :, None])[:, :, 0]
        return patterns, scales

    def descend(self, shares: Array) -> tuple[Array, Array]:
        """Go down from every row of `shares` (m, n) within 0 and 1; return χ² and where it ended.

        Ends at which a scale is negative are left out.
        """
        eye = np.eye(shares.shape[1])
        damping = np.full(len(shares), 1e-3)
        chi2, gradient, curvature = self.chi2(shares)
        for count in range(_STEPS):
            held = ((shares <= 0.0) & (gradient > 0.0)) | ((shares >= 1.0) & (gradient < 0.0))
            slope = np.where(held, 0.0, gradient)
            matrix = np.where(held[:, :, None] | held[:, None, :], 0.0, curvature)
            diagonal = np.einsum("mjj->mj", matrix)
            floor = 1e-9 * diagonal.max(axis=1, initial=1e-300, keepdims=True)
            matrix = matrix + (damping[:, None] * diagonal + floor)[:, :, None] * eye
            there = np.clip(shares - np.linalg.solve(matrix, slope[:, :, None])[:, :, 0], 0.0, 1.0)
            new = self.chi2(there)
            better = new[0] < chi2
            low = chi2 < _HOPEFUL * chi2.min()
            done = not np.any(low & better & (chi2 - new[0] > _CLOSE)) and count > _FEWEST_STEPS
            damping = np.where(better, np.maximum(damping / 10.0, 1e-10), np.minimum(damping * 10.0, 1e6))
            shares = np.where(better[:, None], there, shares)
            chi2 = np.where(better, new[0], chi2)
            gradient = np.where(better[:, None], new[1], gradient)
            curvature = np.where(better[:, None, None], new[2], curvature)
            if done:
                break
        real = (self.scaled(self.problem.occupancies.free_values(shares)[0])[1] > 0.0).all(axis=1)
        return chi2[real], shares[real]


def _reduced_scan(
    problem: Problem, scan: ScanBlock, look: Look, values: dict[str, float], origin: Array, terms: list[tuple[int, ...]]
) -> tuple[Array, Array]:
    """Patterns of the monomials (rows, n_terms, n_phases) and the scan (rows,), background projected out."""
    sites, k, p = problem.occupancies, len(problem.direct), scan.n_phases
    assert look.slopes is not None
    pattern, slope = look.patterns, look.slopes[:, :, k : k + len(sites.names)] @ sites.tangent
    # the slopes of a quadratic are linear: those at one point and at its neighbours, which may be out of bounds,
    # hold the curvature
    neighbours = [dict(zip(sites.names, sites.at(origin + s).tolist(), strict=True)) for s in np.eye(len(origin))]
    there = [scan.bound.jacobians(values | moved, sites.names)[1] for moved in neighbours]
    curvature = [slopes @ sites.tangent - slope for slopes in there]
    of_degree = {0: lambda: pattern, 1: lambda i: slope[:, :, i], 2: lambda i, j: curvature[i][:, :, j]}
    columns = np.stack([of_degree[len(t)](*t) * (0.5 if len(t) == 2 and t[0] == t[1] else 1.0) for t in terms], axis=1)
    varies, held = scan.varies[p:], scan.held[p:]
    target = scan.observed - look.basis[:, ~varies] @ held[~varies]
    table = np.column_stack([look.basis[:, varies], columns.reshape(len(pattern), -1), target]) / scan.sigma[:, None]
    if scan.known:
        rows, aims = zip(*(scan.known_row(restraint) for restraint in scan.known), strict=True)
        heights = np.array(rows)[:, p:][:, varies]
        rest = np.zeros((len(rows), table.shape[1] - heights.shape[1] - 1))
        table = np.concatenate([table, np.column_stack([heights, rest, aims])])
    triangle = np.linalg.qr(table)[1][varies.sum() :, varies.sum() :]
    return triangle[:, :-1].reshape(len(triangle), len(terms), p), triangle[:, -1]


def _reduced_restraints(
    problem: Problem, restraints: Sequence[Restraint], values: dict[str, float], terms: list[tuple[int, ...]]
) -> tuple[Array, Array]:
    """The restraints, linear in the occupancies near `values`: (rows, n_terms, 1) and (rows,)."""
    sites = problem.occupancies
    columns = np.zeros((len(restraints), len(terms), 1))
    target = np.zeros(len(restraints))
    for i, restraint in enumerate(restraints):
        target[i] = restraint.residual(values)
        by_free = (restraint.slope(values, sites.names) @ sites.tangent)[0]
        for j, slope in enumerate(by_free):
            columns[i, terms.index((j,)), 0] = slope
    return columns, target


def _solved(columns: Array, right: Array) -> Array:
    """Least-squares coefficients of the columns (m, rows, p) for right sides (m, rows, k), by normal equations."""
    transposed = columns.transpose(0, 2, 1)
    normal = transposed @ columns
    ridge = 1e-14 * np.einsum("mpp->mp", normal).max(axis=1, initial=1e-300)
    return np.linalg.solve(normal + ridge[:, None, None] * np.eye(normal.shape[1]), transposed @ right)


def _monomials(values: Array, terms: list[tuple[int, ...]]) -> Array:
    """Values (m, n) to monomials (m, n_terms)."""
    return np.stack([values[:, list(t)].prod(axis=1) for t in terms], axis=1)


def _derivatives(values: Array, terms: list[tuple[int, ...]]) -> Array:
    """Derivatives of the monomials by the values, shape (m, n_terms, n)."""
    out = np.zeros((len(values), len(terms), values.shape[1]))
    for row, term in enumerate(terms):
        for place, i in enumerate(term):
            out[:, row, i] += values[:, [j for other, j in enumerate(term) if other != place]].prod(axis=1)
    return out
