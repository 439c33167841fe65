"""Symmetry operations as files list them: coordinate triplets read, and the list completed to a group."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError

Rotations = NDArray[np.int64]
Translations = NDArray[np.float64]
_Turns = dict[bytes, list[NDArray[np.float64]]]  # translations of each rotation

_MOST_LISTED = 1536  # of a magnetic supercell: 192 times 8 centrings
_MOST_CENTRINGS = 64
_STEP = 24  # translations of tables are multiples of 1/24
SAME = 1e-3  # translations that agree within this are the same
_KEY = 7200  # translations are told apart to 1/7200
_NUMBER = r"\d{1,9}\.?\d{0,9}|\.\d{1,9}"
_TERM = re.compile(rf"([+-]?)(?:({_NUMBER})(?:/(\d{{1,3}}))?)?\*?([xyz]?)")


@dataclass(frozen=True)
class Operations:
    """A closed list of symmetry operations x' = R x + t, lattice translations left out.

    Attributes
    ----------
    rotations : (n, 3, 3) array of int
    translations : (n, 3) array of float
        In [0, 1).
    completed : bool
        Whether products had to be added to what was listed.
    """

    rotations: Rotations
    translations: Translations
    completed: bool = False

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def keys(self) -> set[tuple[int, ...]]:
        """Operations as whole numbers, to compare sets of them."""
        return set(map(tuple, _keys(self.rotations, self.translations).tolist()))


def read_operations(triplets: Sequence[str]) -> Operations:
    """Read coordinate triplets and complete them to a group.

    Parameters
    ----------
    triplets : sequence of str
        ``"x,y,z"``, ``"1/2+x, -y, z"``, ``"-X,0.5+Y,-Z"``; a fourth item (time reversal of a magnetic group, the
        internal space of a modulated one) is passed over.

    Raises
    ------
    InputError
        A triplet cannot be read, or no group of a crystal comes of them.
    """
    if not 1 <= len(triplets) <= _MOST_LISTED:
        raise InputError(f"symmetry operations: {len(triplets)} given; 1 to {_MOST_LISTED} are allowed")
    parsed = [parse_triplet(text) for text in dict.fromkeys(triplets)]
    rotations = np.array([r for r, _ in parsed], dtype=np.int64)
    translations = np.array([t for _, t in parsed]) % 1.0
    return _closed(rotations, translations)


def parse_triplet(text: str) -> tuple[list[list[int]], list[float]]:
    """Rotation and translation of a triplet such as ``"-x+y,1/2-x,z+0.3333"``.

    Raises
    ------
    InputError
        It is none.
    """
    shown = "".join(c if c.isprintable() else "?" for c in text[:60])
    plain = re.sub(r"x([123])", lambda m: "xyz"[int(m[1]) - 1], "".join(text[:200].lower().split()).strip("'\"()"))
    parts = plain.rstrip(",;").split(",")
    rotation, translation = [], []
    for part in parts[:3]:
        row, shift = _component(part, shown)
        rotation.append(row)
        translation.append(shift)
    if len(rotation) != 3 or abs(round(np.linalg.det(rotation))) != 1:
        raise InputError(f"symmetry operation {shown!r}: no rotation with a translation; expected is e.g. -x,y+1/2,-z")
    return rotation, translation


def _component(part: str, shown: str) -> tuple[list[int], float]:
    row, shift, at = [0, 0, 0], 0.0, 0
    while at < len(part):
        match = _TERM.match(part, at)
        if match is None or match.end() == at or not (match[2] or match[4]) or (at and not match[1]):
            raise InputError(f"symmetry operation {shown!r}: cannot be read; expected is e.g. -x,y+1/2,-z")
        value = float(match[1] + (match[2] or "1")) / (float(match[3] or 1) or 1.0)
        if match[4]:
            row["xyz".index(match[4])] += round(value)
        else:
            decimals = len(match[2].partition(".")[2])  # 0.33 and 0.66667 are thirds, rounded or cut off
            shift += exact_translation(value, 10.0**-decimals if decimals > 1 else 1e-9)
        at = match.end()
    return row, exact_translation(shift)


def exact_translation(shift: float, tolerance: float = 1e-5) -> float:
    """Multiple of 1/24 that a translation stands for, or itself."""
    near = round(shift * _STEP) / _STEP
    return near if abs(near - shift) < tolerance else shift


def _keys(rotations: Rotations, translations: Translations) -> NDArray[np.int64]:
    steps = np.round(translations * _KEY).astype(np.int64) % _KEY
    return np.concatenate([rotations.reshape(-1, 9), steps], axis=1)


def _new(known: _Turns, rotations: Rotations, translations: Translations) -> tuple[Rotations, Translations]:
    """Operations that are not known yet, put among the known; printed translations agree within 0.001."""
    _, first = np.unique(_keys(rotations, translations), axis=0, return_index=True)
    fresh = []
    for at in np.sort(first):
        shifts = known.setdefault(rotations[at].tobytes(), [])
        apart = np.array(shifts) - translations[at] if shifts else np.ones((1, 3)) * 0.5
        if np.abs(apart - np.round(apart)).max(axis=1).min() > SAME:
            shifts.append(translations[at])
            fresh.append(at)
    return rotations[fresh], translations[fresh]


def _closed(rotations: Rotations, translations: Translations) -> Operations:
    """Add products until there are no new ones."""
    listed = len(rotations)
    limit = max(192, listed) if listed <= 192 else _MOST_LISTED
    known: _Turns = {}
    eye = np.eye(3, dtype=np.int64)
    generators = _new(known, np.concatenate([eye[None], rotations]), np.concatenate([np.zeros((1, 3)), translations]))
    found, fresh = [generators], generators
    count = with_identity = len(generators[0])
    while len(fresh[0]):
        r = np.einsum("aij,bjk->abik", generators[0], fresh[0]).reshape(-1, 3, 3)
        t = (np.einsum("aij,bj->abi", generators[0], fresh[1]) + generators[1][:, None, :]).reshape(-1, 3) % 1.0
        if np.abs(r).max() > 3:
            raise InputError(f"symmetry operations: the {listed} listed are no group of a crystal")
        fresh = _new(known, r, t)
        found.append(fresh)
        count += len(fresh[0])
        if count > limit or len(known[eye.tobytes()]) > _MOST_CENTRINGS:
            raise InputError(f"symmetry operations: the {listed} listed are no group (their products never end)")
    whole = np.concatenate([t for _, t in found])
    return Operations(np.concatenate([r for r, _ in found]), whole % 1.0, count > with_identity)
