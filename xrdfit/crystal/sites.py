"""Positions in the cell: orbits, stabilizers, Wyckoff letters, free coordinates.

Two positions are the same where they agree within `TOLERANCE` in every fractional coordinate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files

import gemmi
import numpy as np
from numpy.typing import ArrayLike

from xrdfit.crystal.groups import SpaceGroup
from xrdfit.errors import InputError

TOLERANCE = 1e-5
AXES = ("x", "y", "z")

_Position = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class FreeCoordinates:
    """The positions that keep a site's symmetry: xyz = offset + basis @ values.

    Attributes
    ----------
    names : tuple of str
        The independent coordinates among x, y, z, the first that can be chosen; empty for a fixed position.
    offset : (3,) array of float
    basis : (3, k) array of float
        Column k is the motion of the site with ``names[k]``.
    """

    names: tuple[str, ...]
    offset: np.ndarray
    basis: np.ndarray

    def position(self, values: ArrayLike) -> np.ndarray:
        """Coordinates (3,) for the values of `names`."""
        return self.offset + self.basis @ np.asarray(values, dtype=float)


@dataclass(frozen=True)
class WyckoffPosition:
    """A row of International Tables: ``label`` ("24e") and its first coordinate triplet ("x,0,0")."""

    label: str
    triplet: str

    @property
    def multiplicity(self) -> int:
        """Number of positions in the reference cell."""
        return int(self.label[:-1])

    @property
    def letter(self) -> str:
        """Wyckoff letter ("A" stands for α, the 27th position of P m m m)."""
        return self.label[-1]

    @property
    def representative(self) -> _Position:
        """Constants of the triplet: the position itself where nothing is free."""
        x, y, z = _parse(self.triplet)[1]
        return float(x), float(y), float(z)


def orbit_operations(group: SpaceGroup, xyz: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
    """One operation for each position of the orbit; they carry the orbit along when a free coordinate moves.

    Parameters
    ----------
    group : SpaceGroup
    xyz : (3,) sequence of float
        Fractional coordinates.

    Returns
    -------
    rotations : (m, 3, 3) array of int
    translations : (m, 3) array of float
        The orbit is ``rotations @ xyz + translations``.
    """
    chosen = _cosets(group, _checked(xyz))
    return group.rotations[chosen], group.translations[chosen]


def orbit(group: SpaceGroup, xyz: Iterable[float]) -> np.ndarray:
    """All positions in one cell that are equivalent to a position.

    Parameters
    ----------
    group : SpaceGroup
    xyz : (3,) sequence of float
        Fractional coordinates.

    Returns
    -------
    (m, 3) array of float
        Coordinates in [0, 1), the given position first; m is the multiplicity.

    Examples
    --------
    >>> from xrdfit.crystal.groups import space_group
    >>> orbit(space_group("Pm-3m"), (0.5, 0, 0)).tolist()
    [[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5]]
    """
    position = _checked(xyz)
    rotations, translations = orbit_operations(group, position)
    return _into_cell(rotations @ np.array(position) + translations)


def wyckoff(group: SpaceGroup, xyz: Iterable[float]) -> str:
    """Wyckoff label of a position, such as ``"8c"``.

    The multiplicity counts positions in the cell of this setting; the letter is that of International Tables for the
    position carried to the reference setting.

    Parameters
    ----------
    group : SpaceGroup
    xyz : (3,) sequence of float
        Fractional coordinates.

    Examples
    --------
    >>> from xrdfit.crystal.groups import space_group
    >>> wyckoff(space_group("Fm-3m"), (0.34, 0.34, 0.34)), wyckoff(space_group("F d -3 m:1"), (0, 0, 0))
    ('32f', '8a')
    """
    return _wyckoff(group, _checked(xyz))


def standard_position(group: SpaceGroup, xyz: Iterable[float]) -> np.ndarray:
    """The equivalent position (3,) that has the form of International Tables' first triplet, such as (x, x, x).

    In settings other than the reference setting the position stays as it is.
    """
    positions = orbit(group, xyz)
    label = wyckoff(group, positions[0])
    for row in wyckoff_positions(group):
        if row.label == label and group == _reference(group.number):
            return positions[np.flatnonzero(_lie_on(positions, row.triplet))[0]]
    return positions[0]


def wyckoff_positions(group: SpaceGroup) -> tuple[WyckoffPosition, ...]:
    """All Wyckoff positions of the group's reference setting, ``a`` first."""
    return _table()[group.number]


def free_coordinates(group: SpaceGroup, xyz: Iterable[float]) -> FreeCoordinates:
    """The coordinates of a position that may vary without a change of its Wyckoff position.

    They span the vectors that every rotation of the site's stabilizer leaves as they are; the basis is in reduced
    echelon form.

    Parameters
    ----------
    group : SpaceGroup
    xyz : (3,) sequence of float
        Fractional coordinates.

    Examples
    --------
    >>> from xrdfit.crystal.groups import space_group
    >>> free_coordinates(space_group("Fm-3m"), (0.34, 0.34, 0.34)).names
    ('x',)
    """
    return _free_coordinates(group, _checked(xyz))


def snap(group: SpaceGroup, xyz: Iterable[float], tolerance: float = 2e-3) -> np.ndarray:
    """Move a position that is rounded (0.3333) onto the special position that it stands for.

    The operations that bring the position back within `tolerance` are taken for its stabilizer, and the position
    becomes the mean of its images.

    Parameters
    ----------
    group : SpaceGroup
    xyz : (3,) sequence of float
        Fractional coordinates.
    tolerance : float
        Largest shift of a coordinate in one step.

    Returns
    -------
    (3,) array of float
        The special position, or `xyz` itself where none is near.
    """
    position = np.array(_checked(xyz))
    if len(group.rotations) == 1:
        return position
    # what has moved may have come near a position of still higher symmetry; go on until the answer is its own answer
    while not np.array_equal(moved := _snap_once(group, position, tolerance), position):
        position = moved
    return position


class Places:
    """Positions in a cell that grow in number, and which of them is nearest to any of an orbit.

    They are kept in the order of x, so that a search looks at those alone that agree in x.
    """

    def __init__(self, reach: float) -> None:
        self.reach = reach
        self._x = np.empty(0)
        self._xyz = np.empty((0, 3))
        self._number = np.empty(0, dtype=np.int64)
        self._count = 0

    def add(self, xyz: Iterable[float]) -> None:
        """Add a position; the first is number 0."""
        place = np.array(list(xyz), dtype=float) % 1.0
        for x in {place[0], place[0] - 1.0 if place[0] > 0.5 else place[0] + 1.0}:  # also across the face of the cell
            at = int(np.searchsorted(self._x, x))
            self._x = np.insert(self._x, at, x)
            self._xyz = np.insert(self._xyz, at, place, axis=0)
            self._number = np.insert(self._number, at, self._count)
        self._count += 1

    def nearest(self, images: np.ndarray) -> tuple[int, float] | None:
        """Number of the place within `reach` (fractional) that is nearest to one of the images (n, 3), and how far."""
        found = self.within(images)
        if not len(found[0]):
            return None
        best = int(np.argmin(found[1]))
        return int(found[0][best]), float(found[1][best])

    def within(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of all places within `reach` of the images, and how far they are."""
        wrapped = images % 1.0
        low = np.searchsorted(self._x, wrapped[:, 0] - self.reach)
        high = np.searchsorted(self._x, wrapped[:, 0] + self.reach)
        counts = high - low
        owner = np.repeat(np.arange(len(images)), counts)
        rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + low[owner]
        distance = np.abs(_offset(self._xyz[rows], wrapped[owner])).max(axis=1)
        near = distance < self.reach
        return self._number[rows[near]], distance[near]


def _snap_once(group: SpaceGroup, start: np.ndarray, tolerance: float) -> np.ndarray:
    images = group.rotations @ start + group.translations
    shifts = images - start
    shifts -= np.round(shifts)
    distance = np.abs(shifts).max(axis=1)
    # Several special positions may be near: prefer the most symmetric one that the position truly stands for.
    for reach in sorted(set(np.round(distance[(distance < 3 * tolerance)], 9)), reverse=True):
        fixing = distance <= reach + 1e-9
        target = start + shifts[fixing].mean(axis=0)
        stays = np.abs(_offset(group.rotations[fixing] @ target + group.translations[fixing], target)).max() < 1e-7
        if stays and np.abs(target - start).max() <= tolerance:
            return start if np.abs(target - start).max() < 1e-11 else _rationalised(target)
    return start


def _rationalised(xyz: np.ndarray) -> np.ndarray:
    """Strip the rounding errors of a mean: 0.33333333333333337 and 0.1250000000001 are 1/3 and 1/8."""
    exact = np.array([float(Fraction(float(value)).limit_denominator(48)) for value in xyz])
    return np.where(np.abs(exact - xyz) < 1e-9, exact, np.round(xyz, 12))


def _checked(xyz: Iterable[float]) -> _Position:
    values = tuple(float(value) for value in xyz)
    if len(values) != 3 or not np.all(np.isfinite(values)):
        raise InputError(f"position {values}: three finite fractional coordinates are allowed")
    return values[0], values[1], values[2]


def _offset(images: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    shifts = images - xyz
    return shifts - np.round(shifts)


def _into_cell(positions: np.ndarray) -> np.ndarray:
    wrapped = positions % 1.0
    wrapped[wrapped > 1.0 - 1e-12] = 0.0
    return wrapped


@lru_cache(maxsize=4096)
def _cosets(group: SpaceGroup, xyz: _Position) -> np.ndarray:
    images = group.rotations @ np.array(xyz) + group.translations
    if np.count_nonzero(np.abs(_offset(images, np.array(xyz))).max(axis=1) < TOLERANCE) == 1:
        return np.arange(len(images))  # a general position: no two images coincide
    shifts = images[:, None, :] - images[None, :, :]
    same = np.abs(shifts - np.round(shifts)).max(axis=2) < TOLERANCE
    return np.flatnonzero(np.argmax(same, axis=1) == np.arange(len(images)))


@lru_cache(maxsize=4096)
def _free_coordinates(group: SpaceGroup, xyz: _Position) -> FreeCoordinates:
    position = np.array(xyz)
    fixing = np.abs(_offset(group.rotations @ position + group.translations, position)).max(axis=1) < TOLERANCE
    rows = group.rotations[fixing].mean(axis=0).T  # the mean projects on the invariant vectors
    basis, pivots = [], []
    for axis in range(3):
        column = np.abs(rows[len(pivots) :, axis])
        if not column.size or column.max() < 1e-9:
            continue
        top = len(pivots)
        best = top + int(np.argmax(column))
        rows[[top, best]] = rows[[best, top]]
        rows[top] /= rows[top, axis]
        for other in range(3):
            if other != top:
                rows[other] -= rows[other, axis] * rows[top]
        pivots.append(axis)
    basis = np.round(rows[: len(pivots)].T, 9) + 0.0
    offset = _rationalised(position - basis @ position[pivots])
    for array in (basis, offset):
        array.setflags(write=False)
    return FreeCoordinates(tuple(AXES[axis] for axis in pivots), offset, basis)


@lru_cache(maxsize=4096)
def _wyckoff(group: SpaceGroup, xyz: _Position) -> str:
    multiplicity = len(_cosets(group, xyz))
    if multiplicity == len(group.rotations):
        return f"{multiplicity}{_table()[group.number][-1].letter}"
    to_reference = group.gemmi.basisop.inverse()  # gemmi's operation leads from the reference setting to this one
    in_reference = np.array(to_reference.apply_to_xyz(list(xyz)))
    reference = _reference(group.number)
    images = reference.rotations @ in_reference + reference.translations
    expected = round(multiplicity * len(images) / len(group.rotations))
    for row in _table()[group.number]:
        if row.multiplicity == expected and np.any(_lie_on(images, row.triplet)):
            return f"{multiplicity}{row.letter}"
    raise AssertionError(f"{group.hm}: no Wyckoff position for {xyz}")


def _lie_on(images: np.ndarray, triplet: str) -> np.ndarray:
    """Which of the positions (n, 3) have the form of the triplet, up to whole cells."""
    coefficients, constants = _parse(triplet)
    # each free coordinate stands alone, with coefficient ±1, in one component at least
    values = np.zeros((len(images), 3))
    for axis in range(3):
        alone = np.flatnonzero((np.abs(coefficients[:, axis]) == 1) & (np.count_nonzero(coefficients, axis=1) == 1))
        if len(alone):
            component = alone[0]
            values[:, axis] = (images[:, component] - constants[component]) / coefficients[component, axis]
    residual = images - (values @ coefficients.T + constants)
    return np.abs(residual - np.round(residual)).max(axis=1) < 5 * TOLERANCE


@lru_cache(maxsize=2048)
def _parse(triplet: str) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (3, 3) and constants (3,) of a triplet such as "x,2x,1/4" (gemmi reads no coefficient 2)."""
    coefficients, constants = np.zeros((3, 3)), np.zeros(3)
    for row, text in enumerate(triplet.split(",")):
        for sign, number, axis in re.findall(r"([+-]?)(\d+(?:/\d+)?)?([xyz]?)", text):
            value = float(Fraction(sign + (number or "1"))) if number or axis else 0.0
            if axis:
                coefficients[row, AXES.index(axis)] = value
            else:
                constants[row] += value
    return coefficients, constants


@lru_cache(maxsize=256)
def _reference(number: int) -> SpaceGroup:
    entry = gemmi.get_spacegroup_reference_setting(number)
    return SpaceGroup(number, entry.xhm(), entry.hall)


@lru_cache(maxsize=1)
def _table() -> dict[int, tuple[WyckoffPosition, ...]]:
    lines = files("xrdfit.crystal").joinpath("wyckoff.txt").read_text(encoding="utf-8").splitlines()
    table = {}
    for line in lines:
        if not line.startswith("#"):
            number, rows = re.split(" ", line, maxsplit=1)
            table[int(number)] = tuple(WyckoffPosition(*row.split(" ")) for row in rows.split("; "))
    return table
