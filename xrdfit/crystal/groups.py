"""Space groups in all their usual settings: names, operations, crystal system.

The tables are gemmi's. A group is named by its extended Hermann–Mauguin symbol, in which ``:1``/``:2`` is the
choice of origin and ``:H``/``:R`` the choice of axes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

import gemmi
import numpy as np

from xrdfit.errors import InputError

_ICSD_ORIGIN = {"s": "1", "z": "2", "h": "H", "r": "R"}


@dataclass(frozen=True)
class SpaceGroup:
    """One setting of a space group.

    Attributes
    ----------
    number : int
        Number in International Tables, 1 to 230.
    hm : str
        Extended Hermann–Mauguin symbol such as ``"F m -3 m"`` or ``"F d -3 m:2"``.
    hall : str
        Hall symbol; it fixes the operations, origin and axes included.
    """

    number: int
    hm: str
    hall: str

    @property
    def rotations(self) -> np.ndarray:
        """Rotation parts of all operations, centring included: (n, 3, 3) int, x' = R x + t."""
        return _operations(self.hm)[0]

    @property
    def translations(self) -> np.ndarray:
        """Translation parts in [0, 1): (n, 3) float, in the order of `rotations`."""
        return _operations(self.hm)[1]

    @property
    def laue_rotations(self) -> np.ndarray:
        """Distinct rotations of the Laue class, inversion included: (m, 3, 3) int."""
        return _laue_rotations(self.hm)

    @property
    def crystal_system(self) -> str:
        """Crystal system: triclinic, monoclinic, orthorhombic, tetragonal, trigonal, hexagonal or cubic."""
        return self.gemmi.crystal_system_str()

    @property
    def rhombohedral_axes(self) -> bool:
        """Whether the setting has a = b = c and α = β = γ ≠ 90°."""
        return self.gemmi.ext == "R"

    @property
    def gemmi(self) -> gemmi.SpaceGroup:
        """The entry of gemmi's table for this setting."""
        return _tabulated(self.hm)


def space_group(name: str | int) -> SpaceGroup:
    """Find a space group by symbol or number.

    Parameters
    ----------
    name : str or int
        Hermann–Mauguin symbol with or without blanks, case and underscores (``"Fm-3m"``, ``"F d -3 m:1"``,
        ``"R -3 m:H"``, ``"P2_1/c"``), a Hall symbol, or the number. Where the symbol leaves the setting open, the
        reference setting of International Tables is meant: origin 2, hexagonal axes, unique axis b.

    Raises
    ------
    InputError
        No space group is called so; the message names the nearest symbols.

    Examples
    --------
    >>> space_group("Fm-3m").number, space_group(227).hm
    (225, 'F d -3 m:2')
    """
    return _find(name) if isinstance(name, str) else _by_number(int(name))


def space_group_by_hall(symbol: str) -> SpaceGroup | None:
    """Setting of a Hall symbol ("P 2" is P 1 1 2, not the Hermann–Mauguin symbol); None where it is in no table."""
    # blanks count: "P 32" is P 32, "P 3 2" is P 3 1 2; a symbol without any is taken where nothing else is meant
    table = _hall_symbols()
    found = table.get(_spaced(symbol)) or table.get(_squeezed(symbol))
    return None if found is None else space_group(found)


def space_group_from_operations(triplets: Sequence[str]) -> SpaceGroup:
    """Find the space group and its setting from coordinate triplets.

    Parameters
    ----------
    triplets : sequence of str
        All general positions (``"x,y,z"``, ``"-x,y+1/2,-z"``, …) as a CIF lists them.

    Raises
    ------
    InputError
        A triplet cannot be read, or the operations are no tabulated setting of a space group.
    """
    if not 1 <= len(triplets) <= 192:
        raise InputError(f"symmetry operations: {len(triplets)} given; a space group has 1 to 192")
    try:
        operations = [gemmi.Op(text.strip()) for text in triplets]
    except (RuntimeError, ValueError) as error:
        raise InputError(f"symmetry operations: {error}; expected triplets such as '-x,y+1/2,-z'") from None
    found = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(operations))
    if found is None:
        raise InputError(
            f"symmetry operations: the {len(triplets)} triplets are no tabulated setting of a space group; "
            "a complete list of a setting of International Tables is allowed"
        )
    return _wrap(found)


def _wrap(entry: gemmi.SpaceGroup) -> SpaceGroup:
    return SpaceGroup(entry.number, entry.xhm(), entry.hall)


def _by_number(number: int) -> SpaceGroup:
    if not 1 <= number <= 230:
        raise InputError(f"space group {number}: no such number; 1 to 230 are allowed")
    return _wrap(gemmi.get_spacegroup_reference_setting(number))


@lru_cache(maxsize=256)
def _find(name: str) -> SpaceGroup:
    text = re.sub("(\\d)[\u0304\u0305]", r"-\1", name)  # a bar over the digit
    text = " ".join(text.replace("_", "").strip().strip("'\"").split())
    if text.isdecimal():
        return _by_number(int(text))
    origin = re.fullmatch(r"(.+?) ([SZHRszhr])", text)
    candidates = [text] + ([f"{origin[1]}:{_ICSD_ORIGIN[origin[2].lower()]}"] if origin else [])
    for candidate in candidates:
        found = gemmi.find_spacegroup_by_name(candidate, 0.0, 0.0, "2H") if len(text) <= 40 else None
        if found is not None:
            return _wrap(found)
    by_hall = space_group_by_hall(text)
    if by_hall is not None:
        return by_hall
    near = get_close_matches(_squeezed(text), _compact_symbols(), n=3, cutoff=0.4)
    hint = f"nearest: {', '.join(_compact_symbols()[key] for key in near)}" if near else "e.g. Fm-3m, P21/c or 225"
    raise InputError(f"space group {name[:60]!r}: not a Hermann–Mauguin or Hall symbol or number; {hint}")


def _squeezed(text: str) -> str:
    return "".join(text.lower().split())


def _spaced(text: str) -> str:
    return " ".join(text.lower().split())


@lru_cache(maxsize=1)
def _hall_symbols() -> dict[str, str]:
    # Four Hall symbols stand twice in the table, under two names of one setting: the first is the usual one.
    entries = list(reversed(list(gemmi.spacegroup_table())))
    squeezed = {_squeezed(entry.hall): entry.xhm() for entry in entries}
    return squeezed | {_spaced(entry.hall): entry.xhm() for entry in entries}


@lru_cache(maxsize=1)
def _compact_symbols() -> dict[str, str]:
    table = list(gemmi.spacegroup_table())
    return {_squeezed(entry.hm): entry.xhm() for entry in table} | {
        entry.short_name().lower(): entry.xhm() for entry in table
    }


@lru_cache(maxsize=600)
def _tabulated(hm: str) -> gemmi.SpaceGroup:
    entry = gemmi.find_spacegroup_by_name(hm)
    if entry is None:
        raise InputError(f"space group {hm!r}: not an extended Hermann–Mauguin symbol; use space_group(name)")
    return entry


@lru_cache(maxsize=64)
def _operations(hm: str) -> tuple[np.ndarray, np.ndarray]:
    operations = list(_tabulated(hm).operations())
    rotations = np.array([op.rot for op in operations], dtype=np.int64) // gemmi.Op.DEN
    translations = np.array([op.tran for op in operations], dtype=float) / gemmi.Op.DEN % 1.0
    return _frozen(rotations), _frozen(translations)


@lru_cache(maxsize=64)
def _laue_rotations(hm: str) -> np.ndarray:
    rotations = _operations(hm)[0]
    return _frozen(np.unique(np.concatenate([rotations, -rotations]), axis=0))


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
