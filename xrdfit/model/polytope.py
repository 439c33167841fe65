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

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ZERO = 1e-10
_EQUAL = 1e-9  # of vertices and unit vectors
_LARGEST_GROUP = 8  # occupancies: its vertices are listed one by one
_MOST_FLATS = 200_000
_CHUNK = 5_000
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
    own = np.abs(rows[:, columns]) > ZERO
    label = np.arange(len(columns))
    for link in own[own.sum(axis=1) > 1]:
        touched = np.unique(label[link])
        label[np.isin(label, touched)] = touched[0]
    return [[columns[i] for i in np.flatnonzero(label == first)] for first in np.unique(label)]


class Projections:
    """Limits of each column of a system by those before it.

    Parameters
    ----------
    system : System
        The columns of a group stand side by side, as `groups` orders them.
    coupling : ndarray of bool, shape (k,)
        As `coupling_rows` says.
    """

    def __init__(self, system: System, coupling: Mask) -> None:
        self.system, self.coupling = system, coupling
        self._there = np.abs(system.rows) > ZERO
        self._normals: dict[bytes, Array] = {}
        every = groups(list(range(system.rows.shape[1])), system.rows[~coupling])
        self._last = {j: group[-1] for group in every for j in group}
        # what all groups from one column on can make of the coupling rows: summands of one shape are added up
        self._after: dict[int, tuple[dict[bytes, Array], Array]] = {
            len(self._last): ({}, np.empty((0, int(coupling.sum()))))
        }
        for group in reversed(every):
            corners, edges = self._images(group, coupling)
            corners, shape = _shape(corners)
            more, others = self._after[group[-1] + 1]
            summed = {**more, shape: corners + more.get(shape, 0.0)}
            self._after[group[0]] = summed, _unit(np.vstack([edges, others]))

    def rows(self, j: int) -> tuple[Array, Array]:
        """What limits column j when the columns before it are given: ``rows @ x[:j + 1] ≤ bounds``.

        Rules that end before j are left out: they are obeyed already.
        """
        s = self.system
        later, earlier = self._there[:, j + 1 :].any(axis=1), self._there[:, : j + 1].any(axis=1)
        ends = self._there[:, j] & ~later & ~s.equality
        own = np.zeros((2, j + 1))
        own[:, j] = 1.0, -1.0
        shared = later & (earlier | self.coupling)
        normals, least = self._facets(j, shared)
        rows = np.vstack([own, s.rows[ends, : j + 1], normals @ s.rows[shared, : j + 1]])
        return rows, np.concatenate([[s.high[j], -s.low[j]], s.bounds[ends], normals @ s.bounds[shared] - least])

    def _facets(self, j: int, shared: Mask) -> tuple[Array, Array]:
        """Normals w (m, d) of the facets of what the columns after j can make of shared rules; min w·A x (m,)."""
        d, last = int(shared.sum()), self._last[j]
        if d == 0:
            return np.empty((0, 0)), np.empty(0)
        scale, cone = self._units(j, shared), ~self.system.equality[shared]
        corners, edges = [], [np.eye(d)[cone]]
        rest = list(range(j + 1, last + 1))
        for group in groups(rest, self.system.rows[~shared & ~self.coupling]):
            images = self._images(group, shared)
            corners.append(images[0] * scale)
            edges.append(images[1] * scale)
        more, others = self._after[last + 1]
        use, into = shared[self.coupling], self.coupling[shared]
        widened = np.zeros((sum(len(c) for c in more.values()), d))
        if more:
            widened[:, into] = np.vstack(list(more.values()))[:, use]
        edges.append(np.zeros((len(others), d)))
        edges[-1][:, into] = others[:, use]
        first = np.cumsum([0, *(len(c) for c in (*corners, *more.values()))])[:-1]
        normals = self._perpendicular(_unit(np.vstack(edges)))
        normals = normals[(normals[:, cone] >= -_EQUAL).all(axis=1)]
        normals[:, cone] = np.maximum(normals[:, cone], 0.0)
        every = np.vstack([*corners, widened])
        parts = [_facets_among(normals[i : i + _CHUNK], every, first, cone) for i in range(0, len(normals), _CHUNK)]
        if not parts:
            return np.empty((0, d)), np.empty(0)
        return np.vstack([part for part, _ in parts]) * scale, np.concatenate([part for _, part in parts])

    def _units(self, j: int, shared: Mask) -> Array:
        """Units of the shared rules (d,) in which sites that differ in multiplicity alone look the same."""
        size = np.abs(self.system.rows[shared])
        coupled, units = size[self.coupling[shared]], np.ones(len(size))
        for i in np.flatnonzero(~self.coupling[shared]):
            column = j + 1 + int(np.argmax(size[i, j + 1 :] > ZERO))
            units[i] = (coupled[:, column].max(initial=0.0) or 1.0) / size[i, column]
        return units

    def _images(self, columns: list[int], shared: Mask) -> tuple[Array, Array]:
        """Vertices of a group by itself and directions of its edges, in terms of the shared rules."""
        s = self.system
        inside = ~shared & ~self.coupling & self._there[:, columns].any(axis=1)
        part = System(s.low[columns], s.high[columns], s.rows[inside][:, columns], s.bounds[inside], s.equality[inside])
        corners, image = vertices(part), s.rows[shared][:, columns].T
        return corners @ image, edges_of(part, corners) @ image

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
    return np.logical_and(within.all(axis=1), (over <= _EQUAL).all(axis=1))


def _shape(corners: Array) -> tuple[Array, bytes]:
    """The corners (m, d) in a fixed order, and what is common to polytopes that differ by size and place alone."""
    corners = corners[np.lexsort((np.zeros(len(corners)), *corners.round(9).T[::-1]))]
    moved = corners - corners[0]
    size = float(np.abs(moved).max(initial=0.0)) or 1.0
    return corners, np.append(len(corners), (moved / size).round(9) + 0.0).tobytes()


def edges_of(system: System, corners: Array) -> Array:
    """Directions (m, n) of the edges between vertices: pairs that share limits which no third vertex has all of."""
    if len(corners) == 2 or len(corners) == 1:
        return corners[1:] - corners[:1]
    slack = np.column_stack([corners - system.low, system.high - corners, system.bounds - corners @ system.rows.T])
    tight = np.abs(slack) <= 10.0 * _EQUAL
    first, second = np.triu_indices(len(corners), 1)
    both = tight[first] & tight[second]
    enough = both.sum(axis=1) >= len(system.low) - 1
    first, second, both = first[enough], second[enough], both[enough]
    holders = (both.astype(np.float32) @ tight.T.astype(np.float32)) >= both.sum(axis=1)[:, None]
    edge = holders.sum(axis=1) == 2
    return corners[first[edge]] - corners[second[edge]]


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
    bases = right[None, size > 1e-8 * size.max()].transpose(0, 2, 1)
    held, last = np.zeros((1, len(directions)), dtype=bool), np.array([-1])
    for _ in range(bases.shape[2] - 1):
        # a flat is reached from the one without the last of its directions that the earlier ones do not imply
        flat, index = np.nonzero(~held & (np.arange(len(directions)) > last[:, None]))
        if len(flat) > _MOST_FLATS:
            raise InputError("the rules on occupancies are too entangled: too many totals at once; drop some")
        parts = [
            _narrower(directions, bases, held, flat[i : i + _CHUNK], index[i : i + _CHUNK])
            for i in range(0, len(flat), _CHUNK)
        ]
        bases, held, last = (np.concatenate(part) for part in zip(*parts, strict=True))
    lines = bases[:, :, 0]
    return np.vstack([lines, -lines])


def _narrower(
    directions: Array, bases: Array, held: Mask, flat: NDArray[np.int64], index: NDArray[np.int64]
) -> tuple[Array, Mask, NDArray[np.int64]]:
    """Flats cut by the planes perpendicular to one more direction each: bases, directions that they hold, the last."""
    basis = bases[flat]
    mirror = np.einsum("fi,fiq->fq", directions[index], basis)
    mirror[:, 0] += np.copysign(np.linalg.norm(mirror, axis=1), mirror[:, 0])
    along = np.einsum("fdq,fq->fd", basis, mirror) * (2.0 / np.einsum("fq,fq->f", mirror, mirror))[:, None]
    narrower = basis[:, :, 1:] - along[:, :, None] * mirror[:, None, 1:]  # Householder's reflection
    now = np.linalg.norm(directions @ narrower, axis=2) < 1e-7
    own = np.argmax(now & ~held[flat], axis=1) == index
    return narrower[own], now[own], index[own]


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
