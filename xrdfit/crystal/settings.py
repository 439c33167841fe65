"""From symmetry operations, in whatever setting, to a tabulated setting of a space group.

A list of operations is a group in its own right: its origin and axes need not be those of any table. Such a list is
carried to a tabulated setting: first by a shift of the origin alone (the axes stay), else by new axes, which spglib
finds. x_table = `matrix` x_file + `shift`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.groups import SpaceGroup, space_group
from xrdfit.crystal.lattice import PARAMETERS, Cell
from xrdfit.crystal.operations import SAME, Operations, exact_translation
from xrdfit.errors import InputError

_HALF, _THIRD = 0.5, 1.0 / 3.0
_PRIMITIVE = {  # columns: vectors of a primitive basis
    "P": np.eye(3),
    "A": np.array([[1.0, 0.0, 0.0], [0.0, _HALF, -_HALF], [0.0, _HALF, _HALF]]),
    "B": np.array([[_HALF, 0.0, -_HALF], [0.0, 1.0, 0.0], [_HALF, 0.0, _HALF]]),
    "C": np.array([[_HALF, -_HALF, 0.0], [_HALF, _HALF, 0.0], [0.0, 0.0, 1.0]]),
    "I": np.array([[-_HALF, _HALF, _HALF], [_HALF, -_HALF, _HALF], [_HALF, _HALF, -_HALF]]),
    "F": np.array([[0.0, _HALF, _HALF], [_HALF, 0.0, _HALF], [_HALF, _HALF, 0.0]]),
    "R": np.array([[2 * _THIRD, -_THIRD, -_THIRD], [_THIRD, _THIRD, -2 * _THIRD], [_THIRD, _THIRD, _THIRD]]),
}


@dataclass(frozen=True)
class Setting:
    """A tabulated setting and the way there: x_table = `matrix` x_file + `shift`."""

    group: SpaceGroup
    matrix: NDArray[np.float64]
    shift: NDArray[np.float64]

    @property
    def moved(self) -> bool:
        """Whether the origin is elsewhere."""
        return bool(np.abs(self.shift - np.round(self.shift)).max() > 1e-6)

    @property
    def turned(self) -> bool:
        """Whether the axes are others."""
        return bool(np.abs(self.matrix - np.eye(3)).max() > 1e-6)

    @property
    def volume_ratio(self) -> float:
        """Volume of the table's cell over that of the file's."""
        return float(1.0 / abs(np.linalg.det(self.matrix)))

    def cell(self, cell: Cell) -> Cell:
        """Cell of the tabulated setting."""
        if not self.turned:
            return cell
        inverse = np.linalg.inv(self.matrix)
        metric = inverse.T @ cell.metric @ inverse
        lengths = np.sqrt(np.diag(metric))
        cosines = metric / np.outer(lengths, lengths)
        angles = np.degrees(np.arccos([cosines[1, 2], cosines[0, 2], cosines[0, 1]]))
        return Cell(**dict(zip(PARAMETERS, (float(value) for value in (*lengths, *angles)), strict=True)))

    def position(self, xyz: Sequence[float]) -> NDArray[np.float64]:
        """Coordinates (3,) in the tabulated setting."""
        return self.matrix @ np.asarray(xyz, dtype=float) + self.shift


def tabulated(group: SpaceGroup) -> Setting:
    """Setting of a group that stands in the table as it is."""
    return Setting(group, np.eye(3), np.zeros(3))


def find_setting(operations: Operations, cell: Cell | None = None, prefer: SpaceGroup | None = None) -> Setting:
    """Find the tabulated setting of a list of operations.

    Parameters
    ----------
    operations : Operations
    cell : Cell, optional
        Cell of the file, for lists whose axes are in no table.
    prefer : SpaceGroup, optional
        Setting that is taken where several would do, as the file's symbol names it.

    Returns
    -------
    Setting

    Raises
    ------
    InputError
        None is found.
    """
    if len(operations) > 192 * 4 and cell is None:
        raise InputError(f"symmetry operations: {len(operations)} are those of no tabulated setting")
    exact = _exact_entry(operations)
    if exact is not None:
        return tabulated(exact)
    for group in _same_rotations(operations, prefer):
        shift = _origin_shift(operations, group)
        if shift is not None:
            return Setting(group, np.eye(3), shift)
    if cell is None:
        raise InputError(f"symmetry operations: the {len(operations)} listed are those of no tabulated setting")
    return _by_spglib(operations, cell)


def _exact_entry(operations: Operations) -> SpaceGroup | None:
    scaled = np.round(operations.translations * gemmi.Op.DEN)
    if np.abs(scaled / gemmi.Op.DEN - operations.translations).max() > 1e-4 or len(operations) > 192:
        return None
    found = []
    for r, t in zip(operations.rotations, scaled, strict=True):
        op = gemmi.Op()
        op.rot = (r * gemmi.Op.DEN).tolist()
        op.tran = [int(x) % gemmi.Op.DEN for x in t]
        found.append(op)
    entry = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(found))
    return None if entry is None else space_group(entry.xhm())


Signature = tuple[frozenset[tuple[int, ...]], frozenset[tuple[int, ...]]]


@lru_cache(maxsize=1)
def _signatures() -> dict[Signature, tuple[str, ...]]:
    """Tabulated settings by their rotations and centring, each setting's reference before the others."""
    table: dict[Signature, list[tuple[bool, str]]] = {}
    for entry in gemmi.spacegroup_table():
        ops = entry.operations()
        turns = frozenset(tuple(np.array(op.rot).ravel() // gemmi.Op.DEN) for op in ops.sym_ops)
        centring = frozenset(tuple(int(x) for x in c) for c in ops.cen_ops)
        key = (frozenset(tuple(int(x) for x in turn) for turn in turns), centring)
        table.setdefault(key, []).append((not entry.is_reference_setting(), entry.xhm()))
    return {key: tuple(name for _, name in sorted(rows, key=lambda row: row[0])) for key, rows in table.items()}


def _same_rotations(operations: Operations, prefer: SpaceGroup | None) -> Iterator[SpaceGroup]:
    pure = np.all(operations.rotations == np.eye(3, dtype=np.int64), axis=(1, 2))
    steps = operations.translations[pure] * gemmi.Op.DEN
    if np.abs(steps - np.round(steps)).max() > 1e-2:
        return
    centring = frozenset(tuple(int(x) % gemmi.Op.DEN for x in row) for row in np.round(steps))
    turns = frozenset(tuple(int(x) for x in turn.ravel()) for turn in operations.rotations)
    names = _signatures().get((turns, centring), ())
    if prefer is not None and prefer.hm in names:
        yield prefer
    yield from (space_group(name) for name in names if prefer is None or name != prefer.hm)


def _origin_shift(operations: Operations, group: SpaceGroup) -> NDArray[np.float64] | None:
    """Shift q, x_table = x_file + q, or None: (R − 1) q ≡ t_file − t_table for every R, modulo the lattice.

    In a primitive basis the lattice is that of whole numbers, and Smith's normal form of the integer system solves it.
    """
    basis = _PRIMITIVE[group.gemmi.centring_type()]
    to_primitive = np.linalg.inv(basis)
    theirs = {tuple(r.ravel()): t for r, t in zip(group.rotations, group.translations, strict=True)}
    left, right = [], []
    for r, t in zip(operations.rotations, operations.translations, strict=True):
        left.append(np.round(to_primitive @ (r - np.eye(3)) @ basis))
        right.append(to_primitive @ (t - theirs[tuple(r.ravel())]))
    solution = _solve_modulo_one(np.concatenate(left).astype(np.int64), np.concatenate(right))
    if solution is None:
        return None
    options = np.array([basis @ y for y in solution])
    options -= np.round(options)
    best = options[np.lexsort((*-options.T, np.round((options**2).sum(axis=1), 6)))[0]]
    return np.array([exact_translation(float(x)) for x in best])


def _solve_modulo_one(a: NDArray[np.int64], b: NDArray[np.float64]) -> list[NDArray[np.float64]] | None:
    """All y modulo 1 with a y ≡ b modulo 1 (zero in directions that are free), or None."""
    diagonal, b, right = _smith(a.copy(), b.copy())
    choices: list[list[float]] = []
    for column, d in enumerate(diagonal):
        if d == 0:
            choices.append([0.0])
        else:
            value = b[column] - round(float(b[column]))
            choices.append([(value + k) / d for k in range(d)])
    rest = b[[row for row in range(len(b)) if row >= 3 or diagonal[row] == 0]]
    if len(rest) and np.abs(rest - np.round(rest)).max() > SAME:
        return None
    return [right.astype(float) @ np.array(choice) for choice in product(*choices)]


def _smith(a: NDArray[np.int64], b: NDArray[np.float64]) -> tuple[list[int], NDArray[np.float64], NDArray[np.int64]]:
    """Diagonalise by whole-number steps on rows (done to b too) and columns (gathered in the matrix returned)."""
    right = np.eye(3, dtype=np.int64)
    diagonal = []
    for at in range(3):
        while np.any(block := a[at:, at:]):
            sizes = np.where(block == 0, np.iinfo(np.int64).max, np.abs(block))
            row, column = np.unravel_index(int(np.argmin(sizes)), block.shape)
            row, column = int(row) + at, int(column) + at
            a[[at, row]], b[[at, row]] = a[[row, at]], b[[row, at]]
            a[:, [at, column]], right[:, [at, column]] = a[:, [column, at]], right[:, [column, at]]
            if a[at, at] < 0:
                a[at], b[at] = -a[at], -b[at]
            by_row = a[at + 1 :, at] // a[at, at]
            a[at + 1 :] -= np.outer(by_row, a[at])
            b[at + 1 :] = (b[at + 1 :] - by_row * b[at]) % 1.0
            by_column = a[at, at + 1 :] // a[at, at]
            right[:, at + 1 :] -= np.outer(right[:, at], by_column)
            a[:, at + 1 :] -= np.outer(a[:, at], by_column)
            if not np.any(a[at + 1 :, at]) and not np.any(a[at, at + 1 :]):
                break
        diagonal.append(int(a[at, at]) if at < len(a) else 0)
    return diagonal, b, right


def _by_spglib(operations: Operations, cell: Cell) -> Setting:
    """Have spglib find the group of a made-up crystal with these operations, and check its answer."""
    import spglib

    metric = np.einsum("aji,jk,akl->il", operations.rotations, cell.metric, operations.rotations) / len(operations)
    positions, kinds = _made_up(operations)
    crystal: Any = (np.linalg.cholesky(metric), positions, kinds)
    number = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for _ in range(2):  # the second time in the setting that the table of groups calls its reference
            try:
                found = spglib.get_symmetry_dataset(crystal, symprec=1e-3, hall_number=number)
            except Exception:  # its class of errors differs from version to version
                found = None
            if found is None:
                raise InputError(f"symmetry operations: the {len(operations)} listed are those of no space group")
            number = reference_hall(int(found.number))
    group = space_group(int(found.number))
    matrix, shift = _tidy(found.transformation_matrix), np.asarray(found.origin_shift, dtype=float)
    shift = np.array([exact_translation(float(x)) for x in shift - np.round(shift)])
    setting = Setting(group, matrix, shift)
    if not _carries(setting, operations):
        raise InputError(f"symmetry operations: the {len(operations)} listed are those of no tabulated setting")
    return setting


def _made_up(operations: Operations) -> tuple[NDArray[np.float64], list[int]]:
    """Two atoms in general positions, of two kinds, and all that the operations make of them."""
    seeds = np.array([[0.1234, 0.2717, 0.3881], [0.0473, 0.4119, 0.1637]])
    positions = [operations.rotations @ seed + operations.translations for seed in seeds]
    return np.concatenate(positions) % 1.0, [kind for kind, group in enumerate(positions, 1) for _ in group]


def _tidy(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([[float(Fraction(float(x)).limit_denominator(24)) for x in row] for row in np.asarray(matrix)])


def _carries(setting: Setting, operations: Operations) -> bool:
    """Whether the operations, carried over, are those of the tabulated group, and all of them."""
    q, inverse = setting.matrix, np.linalg.inv(setting.matrix)
    r = q @ operations.rotations @ inverse
    t = operations.translations @ q.T + setting.shift - r @ setting.shift
    whole = np.round(r).astype(np.int64)
    if np.abs(r - whole).max() > 1e-6:
        return False
    there = Operations(setting.group.rotations, setting.group.translations).keys
    t = np.array([[exact_translation(float(x), SAME) for x in row] for row in t % 1.0])
    carried = Operations(whole, t % 1.0).keys
    expected = len(operations) * setting.volume_ratio
    return carried <= there and abs(len(there) - expected) < 1e-6 * expected + 1e-6


@lru_cache(maxsize=256)
def reference_hall(number: int) -> int:
    """Spglib's number of the reference setting, whose Hall symbol is that of gemmi's table."""
    import spglib

    wanted = space_group(number).hall.lower()
    candidates = [(hall, spglib.get_spacegroup_type(hall)) for hall in range(1, 531)]
    return next(hall for hall, kind in candidates if kind and kind.hall_symbol.lower() == wanted)
