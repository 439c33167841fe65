"""How far one occupancy may go when those before it are given: limits of the projections of a polytope.

Whether the later occupancies can still obey every rule is a question about few numbers: what the earlier ones leave of
the rules that both share, r. By Farkas' lemma they can if and only if

    w·r ≥ min_x w·A x    for all w, with w_i ≥ 0 where rule i is "≤",

x being all later occupancies within their limits that obey the rules among themselves. It is enough to ask this for the
normals w of the facets of a Minkowski sum: of one polytope for each group of later occupancies that share a rule (the
species of a mixed site, the sites of a void). A normal of a facet is perpendicular to edges of the summands, and their
directions are few, as sites resemble each other: with totals of three elements there are six, however many sites there
are. Fourier–Motzkin elimination finds the same limits among numbers of others that explode.
(Ziegler, Lectures on Polytopes, Springer 1995, chapters 1 and 7.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ZERO = 1e-10
_EQUAL = 1e-9  # of vertices and unit vectors
_LARGEST_GROUP = 8  # occupancies: its vertices are listed one by one
_MOST_FLATS = 20_000
_MOST_VERTICES = 200_000


@dataclass(frozen=True)
class System:
    """Occupancies x with ``low ≤ x ≤ high`` and ``rows @ x = bounds`` where `equality`, else ``≤``.

    Attributes
    ----------
    low, high : ndarray, shape (n,)
    rows : ndarray, shape (k, n)
    bounds : ndarray, shape (k,)
    equality : ndarray of bool, shape (k,)
        These rows are independent of each other.
    """

    low: Array
    high: Array
    rows: Array
    bounds: Array
    equality: Mask

    def take(self, order: list[int]) -> System:
        """The same with its columns in another order."""
        return System(self.low[order], self.high[order], self.rows[:, order], self.bounds, self.equality)


def coupling_rows(system: System) -> Mask:
    """Rules without which the occupancies fall into small groups, shape (k,): totals of elements, as a rule."""
    coupling = np.zeros(len(system.rows), dtype=bool)
    everything = list(range(system.rows.shape[1]))
    while True:
        largest = max(groups(everything, system.rows[~coupling]), key=len, default=[])
        if len(largest) <= _LARGEST_GROUP:
            return coupling
        width = np.count_nonzero(np.abs(system.rows[:, largest]) > ZERO, axis=1)
        coupling[int(np.argmax(np.where(coupling, -1, width)))] = True


def groups(columns: list[int], rows: Array) -> list[list[int]]:
    """Those of `columns` that rows (k, n) link, together; in order of their first."""
    linked = [set(np.flatnonzero(np.abs(row) > ZERO).tolist()) & set(columns) for row in rows]
    found: list[set[int]] = [{j} for j in columns]
    for link in linked:
        touched = [g for g in found if g & link]
        if len(touched) > 1:
            found = [g for g in found if not g & link] + [set().union(*touched)]
    return sorted((sorted(g) for g in found), key=lambda g: g[0])


@dataclass
class Projections:
    """Limits of each column of a system, in the order of the columns, by those before it.

    Attributes
    ----------
    system : System
    coupling : ndarray of bool, shape (k,)
        As `coupling_rows` says.
    """

    system: System
    coupling: Mask
    _groups: dict[tuple[int, ...], tuple[Array, Array]] = field(default_factory=dict)
    _normals: dict[bytes, Array] = field(default_factory=dict)

    def rows(self, j: int) -> tuple[Array, Array]:
        """What limits column j when the columns before it are given: ``rows @ x[:j + 1] ≤ bounds``.

        Rules that end before j are left out: they are obeyed already.
        """
        s, n = self.system, self.system.rows.shape[1]
        there = np.abs(s.rows) > ZERO
        later, earlier = there[:, j + 1 :].any(axis=1), there[:, : j + 1].any(axis=1)
        ends = there[:, j] & ~later & ~s.equality
        own = np.zeros((2, j + 1))
        own[:, j] = 1.0, -1.0
        normals, least = self._facets(list(range(j + 1, n)), later & (earlier | self.coupling))
        shared = s.rows[later & (earlier | self.coupling)]
        right = s.bounds[later & (earlier | self.coupling)]
        rows = np.vstack([own, s.rows[ends, : j + 1], normals @ shared[:, : j + 1]])
        return rows, np.concatenate([[s.high[j], -s.low[j]], s.bounds[ends], normals @ right - least])

    def _facets(self, columns: list[int], shared: Mask) -> tuple[Array, Array]:
        """Normals w (m, d) of the facets of what `columns` can make of the shared rules, and min w·A x (m,)."""
        s, d = self.system, int(shared.sum())
        if d == 0:
            return np.empty((0, 0)), np.empty(0)
        inner = ~shared & ~self.coupling & (np.abs(s.rows[:, columns]) > ZERO).any(axis=1)
        corners, edges, first = [], [np.eye(d)[~s.equality[shared]]], []
        for group in groups(columns, s.rows[inner]):
            vertices, directions = self._group(tuple(group))
            first.append(sum(len(c) for c in corners))
            corners.append(vertices @ s.rows[np.ix_(shared, group)].T)
            edges.append(directions @ s.rows[np.ix_(shared, group)].T)
        normals = self._perpendicular(_unit(np.vstack(edges)))
        normals = normals[(normals[:, ~s.equality[shared]] >= -_EQUAL).all(axis=1)]
        normals[:, ~s.equality[shared]] = np.maximum(normals[:, ~s.equality[shared]], 0.0)
        return _facets_among(normals, np.vstack(corners), np.array(first), ~s.equality[shared])

    def _group(self, columns: tuple[int, ...]) -> tuple[Array, Array]:
        """Vertices of a group by itself, and the directions that its edges may have."""
        if columns not in self._groups:
            s, others = self.system, np.setdiff1d(np.arange(self.system.rows.shape[1]), columns)
            there = np.abs(s.rows) > ZERO
            inside = ~self.coupling & there.any(axis=1) & ~there[:, others].any(axis=1)
            part = System(
                s.low[list(columns)], s.high[list(columns)], s.rows[np.ix_(inside, list(columns))],
                s.bounds[inside], s.equality[inside],
            )  # fmt: skip
            self._groups[columns] = vertices(part), _directions(part)
        return self._groups[columns]

    def _perpendicular(self, directions: Array) -> Array:
        key = np.append(directions.shape[1], directions.round(9)).tobytes()
        if key not in self._normals:
            self._normals[key] = perpendicular(directions)
        return self._normals[key].copy()


def vertices(system: System) -> Array:
    """Vertices of a small system, shape (m, n): some columns follow from rules, the others stand at their limits."""
    n, must = len(system.low), set(np.flatnonzero(system.equality).tolist())
    optional = [i for i in range(len(system.rows)) if i not in must]
    loose = [j for j in range(n) if system.high[j] > system.low[j]]
    found, count = [np.empty((0, n))], 0
    for size in range(len(must), min(len(system.rows), n) + 1):
        for more in combinations(optional, size - len(must)):
            rows = sorted(must | set(more))
            for basic in combinations(range(n), size):
                matrix = system.rows[np.ix_(rows, basic)]
                if size and np.linalg.matrix_rank(matrix, tol=ZERO * np.abs(matrix).max(initial=1.0)) < size:
                    continue
                points = _corners(system, [j for j in loose if j not in basic])
                count += len(points)
                if count > _MOST_VERTICES:
                    raise InputError("the rules on occupancies link too many of them at once; fix some (--fix)")
                points[:, basic] = 0.0
                if size:
                    rest = system.bounds[rows] - points @ system.rows[rows].T
                    points[:, basic] = np.linalg.solve(matrix, rest.T).T
                found.append(points[_allowed(system, points)])
    every = np.vstack(found)
    return every[np.unique(every.round(9), axis=0, return_index=True)[1]]


def _corners(system: System, columns: list[int]) -> Array:
    points = np.tile(system.low, (2 ** len(columns), 1))
    if columns:
        points[:, columns] = np.array(list(product(*zip(system.low[columns], system.high[columns], strict=True))))
    return points


def _allowed(system: System, points: Array) -> Mask:
    over = points @ system.rows.T - system.bounds
    over[:, system.equality] = np.abs(over[:, system.equality])
    within = (points >= system.low - _EQUAL) & (points <= system.high + _EQUAL)
    return within.all(axis=1) & (over <= _EQUAL).all(axis=1)


def _directions(system: System) -> Array:
    """Directions along which all columns but k + 1 stand still and k rules are kept, shape (m, n)."""
    n, must = len(system.low), set(np.flatnonzero(system.equality).tolist())
    optional = [i for i in range(len(system.rows)) if i not in must]
    loose = [j for j in range(n) if system.high[j] > system.low[j]]
    found = []
    for size in range(len(must), min(len(system.rows), n - 1) + 1):
        for more in combinations(optional, size - len(must)):
            rows = sorted(must | set(more))
            for moving in combinations(loose, size + 1):
                values, right = np.linalg.svd(system.rows[np.ix_(rows, moving)])[1:] if size else ([], np.eye(1))
                if size == 0 or np.min(values) > ZERO * np.max(values):
                    found.append(np.zeros(n))
                    found[-1][list(moving)] = right[-1]
    return np.array(found).reshape(len(found), n)


def _unit(directions: Array) -> Array:
    """Distinct directions (m, d) of length one, a line given once."""
    norms = np.linalg.norm(directions, axis=1)
    unit = directions[norms > ZERO] / norms[norms > ZERO, None]
    if not len(unit):
        return unit
    leading = np.argmax(np.abs(unit) > 1e-6, axis=1)
    unit *= np.sign(unit[np.arange(len(unit)), leading])[:, None]
    return unit[np.unique(unit.round(8) + 0.0, axis=0, return_index=True)[1]]


def perpendicular(directions: Array) -> Array:
    """Unit vectors (m, d) in the span of `directions`, both signs, perpendicular to all of them but one's worth.

    They are the lines in which the hyperplanes perpendicular to the directions meet, found plane by plane: planes
    that meet in the same flat are one from there on.
    """
    if not len(directions):
        return np.empty((0, directions.shape[1]))
    _, size, right = np.linalg.svd(directions, full_matrices=False)
    span = right[size > 1e-8 * size.max()].T
    flats = {np.zeros(len(directions), dtype=bool).tobytes(): span}
    for _ in range(span.shape[1] - 1):
        deeper: dict[bytes, Array] = {}
        for held, basis in flats.items():
            inside = directions @ basis
            left = ~np.frombuffer(held, dtype=bool)
            while left.any():
                normal = inside[int(np.argmax(left))]
                narrower = basis @ np.linalg.qr(normal[:, None], mode="complete")[0][:, 1:]
                contains = np.linalg.norm(directions @ narrower, axis=1) < 1e-7
                deeper[contains.tobytes()] = narrower
                left &= ~contains
            if len(deeper) > _MOST_FLATS:
                raise InputError("the rules on occupancies are too entangled: too many totals at once; drop some")
        flats = deeper
    lines = np.hstack(list(flats.values())).T
    return np.vstack([lines, -lines])


def _facets_among(normals: Array, corners: Array, first: NDArray[np.int64], cone: Mask) -> tuple[Array, Array]:
    """Those of the normals (m, d) that belong to a facet of the sum, and the least w·x over it.

    A face is the sum of the faces of the summands; it is a facet where these span one dimension less than the whole.
    The summands are given by their `corners` (v, d), group by group from `first` on, and the half-lines of `cone`.
    """
    heights = corners @ normals.T
    least = np.minimum.reduceat(heights, first, axis=0)
    counts = np.diff(np.append(first, len(corners)))
    scale = np.maximum.reduceat(np.abs(heights), first, axis=0)
    on = (heights <= np.repeat(least + _EQUAL * (1.0 + scale), counts, axis=0)).astype(float)
    weight = np.add.reduceat(on, first, axis=0)
    middle = np.add.reduceat(on[:, :, None] * corners[:, None, :], first, axis=0) / weight[:, :, None]
    spread = np.einsum("vm,vi,vj->mij", on, corners, corners, optimize=True)
    spread -= np.einsum("gm,gmi,gmj->mij", weight, middle, middle, optimize=True)
    flat = (np.abs(normals) < _EQUAL) & cone
    spread += flat[:, :, None] * np.eye(len(cone))
    everything = np.add.reduceat(corners[:, :, None] * corners[:, None, :], first, axis=0)
    middles = np.add.reduceat(corners, first, axis=0)
    whole = (everything - middles[:, :, None] * middles[:, None, :] / counts[:, None, None]).sum(axis=0)
    whole += np.diag(cone.astype(float))
    keep = _rank(spread, whole) >= _rank(whole[None], whole)[0] - 1
    return normals[keep], least.sum(axis=0)[keep]


def _rank(matrices: Array, whole: Array) -> NDArray[np.int64]:
    """Ranks of positive matrices (m, d, d), in units that make the diagonal of `whole` one."""
    unit = np.sqrt(np.maximum(np.diag(whole), 1e-300))
    return (np.linalg.eigvalsh(matrices / np.outer(unit, unit)) > 1e-12).sum(axis=1)
