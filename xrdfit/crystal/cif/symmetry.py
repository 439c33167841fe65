"""Which space group, in which setting, a CIF means: every reading that its operations and symbols allow.

The listed operations count before any symbol, wherever their origin is. What a bare symbol leaves open (origin, axes)
gives several readings; the atoms decide between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import gemmi
import numpy as np

from xrdfit.crystal.cif.text import Block
from xrdfit.crystal.groups import SpaceGroup, space_group, space_group_by_hall
from xrdfit.crystal.lattice import PARAMETERS, Cell, cell_from_free, cell_names
from xrdfit.crystal.operations import Operations, parse_triplet, read_operations
from xrdfit.crystal.settings import Setting, find_setting, tabulated
from xrdfit.errors import InputError

_OPERATIONS = (
    "_space_group_symop_operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
    "_space_group_symop_operation",
    "_symmetry_equiv_pos_xyz",
    "_symmetry_equiv_as_xyz",
)
_MAGNETIC = ("_space_group_symop_magn_operation_xyz", "_space_group_symop_magn_operation_mxmymz")
_CENTRINGS = ("_space_group_symop_magn_centering_xyz", "_space_group_symop_magn_centering_mxmymz")
_MODULATED = ("_space_group_symop_ssg_operation_algebraic",)
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_SYMBOLS = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m",
    "_symmetry_space_group_name_h-m_alt",
    "_space_group_name_h-m_ref",
)
_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number", "_symmetry_it_number")
_CODES = ("_space_group_it_coordinate_system_code",)
_FULLY_SAID = re.compile(r"(?::\s*[12HRhr]|\s[SZHRszhr])\s*$")
_ORIGIN_WORDS = re.compile(
    r"[\s,:;({\[]*(?:origin|choice|o|oc|setting)\s*(?:choice)?[\s:#=@]*([12])[\s)}\]]*$", re.IGNORECASE
)
_METRIC_TOLERANCE = 2e-3


@dataclass(frozen=True)
class Reading:
    """One way to understand the symmetry of a block.

    Attributes
    ----------
    setting : Setting
    kind : {"listed", "symbol", "origin", "said"}
        From operations; from symbol or number; the origin that a bare symbol leaves open; the one that the file denies.
    note : str or None
        What to say where this reading is taken.
    only_identity : bool
        Whether the operations it comes from are x,y,z alone.
    """

    setting: Setting
    kind: str
    note: str | None = None
    only_identity: bool = False


def readings(block: Block, cell: Cell | None) -> list[Reading]:
    """Every reading, the one to be preferred first.

    Raises
    ------
    InputError
        There is none.
    """
    problems: list[str] = []
    named = list(_named(block, cell, problems))
    try:
        listed = _listed(block, cell, named[0].setting.group if named else None)
    except InputError as error:
        if not named:
            raise
        return [_noted(reading, f"{error}; {reading.setting.group.hm} taken from the symbol") for reading in named]
    if listed is None:
        if named:
            return named
        raise InputError(
            problems[0]
            if problems
            else "no symmetry: operations, a Hermann–Mauguin or Hall symbol or a number is needed; P 1 where none is"
        )
    return _ordered(*listed, named)


def _ordered(listed: Reading, operations: Operations, named: list[Reading]) -> list[Reading]:
    """Put the listed operations first, except where they are plainly not the whole group."""
    others = [reading for reading in named if reading.setting.group.number != listed.setting.group.number]
    if not others:
        return [listed]
    symbol = others[0].setting.group.hm
    if listed.only_identity:
        text = f"the only symmetry operation is x,y,z; {symbol} taken from the symbol"
        alone = f"the symbol says {symbol}, which does not fit the atoms listed: the operation x,y,z is used alone"
        return [*(_noted(reading, text) for reading in others), _noted(listed, alone)]
    text = f"symmetry operations are those of {listed.setting.group.hm}, the symbol says {symbol}"
    if operations.completed:
        within = [r for r in others if operations.keys <= Operations(*_arrays(r.setting.group)).keys]
        said = f"the symmetry operations are not complete; {symbol} taken from the symbol"
        if within:
            return [*(_noted(reading, said) for reading in within), listed]
    taken = f"{text}: {listed.setting.group.hm}"
    return [_noted(listed, taken), *(_noted(reading, f"{text}, which fits the atoms") for reading in others)]


def _arrays(group: SpaceGroup) -> tuple[np.ndarray, np.ndarray]:
    return group.rotations, group.translations


def _noted(reading: Reading, note: str) -> Reading:
    text = note if reading.note is None else f"{note}; {reading.note}"
    return Reading(reading.setting, reading.kind, text, reading.only_identity)


def _listed(block: Block, cell: Cell | None, prefer: SpaceGroup | None) -> tuple[Reading, Operations] | None:
    triplets, note = _triplets(block)
    if not triplets:
        return None
    operations = read_operations(triplets)
    setting = find_setting(operations, cell, prefer)
    if operations.completed:
        added = f"{len(triplets)} symmetry operations listed, {len(operations)} make the group: the others added"
        note = added if note is None else f"{note}; {added}"
    if setting.turned or setting.moved:
        way = _way(setting)
        moved = f"the symmetry operations are those of {setting.group.hm} {way}: carried to the tabulated setting"
        note = moved if note is None else f"{note}; {moved}"
    return Reading(setting, "listed", note, len(operations) == 1), operations


def _way(setting: Setting) -> str:
    shift = ", ".join(f"{x:.5g}" for x in setting.shift + 0.0)
    return f"with other axes, origin at ({shift})" if setting.turned else f"with another origin, moved by ({shift})"


def _triplets(block: Block) -> tuple[list[str], str | None]:
    for tags in (_OPERATIONS, _MODULATED):
        texts = block.column(tags)
        if len(texts) == 1 and texts[0].count(",") > 4:  # all in one text field
            texts = [line for line in re.split(r"[\n;]", texts[0]) if line.strip()]
        if texts:
            return texts, "a modulated structure: its average is read" if tags is _MODULATED else None
    magnetic, centrings = block.column(_MAGNETIC), block.column(_CENTRINGS) or ["x,y,z,+1"]
    if not magnetic:
        return [], None
    if len(magnetic) * len(centrings) > 2000:
        raise InputError(f"symmetry operations: {len(magnetic)} × {len(centrings)} are too many")
    moves = [parse_triplet(text)[1] for text in centrings]
    texts = [f"{','.join(text.split(',')[:3])}|{index}" for text, index in product(magnetic, range(len(moves)))]
    return [_shifted(text, moves) for text in texts], "a magnetic structure: its atoms are read, its moments are not"


def _shifted(text: str, moves: list[list[float]]) -> str:
    triplet, _, index = text.partition("|")
    parts = zip(triplet.split(","), moves[int(index)], strict=False)
    return ",".join(part + (f"+{move:.9f}" if move > 0 else f"{move:.9f}" if move < 0 else "") for part, move in parts)


def _named(block: Block, cell: Cell | None, problems: list[str]) -> Iterator[Reading]:
    """Readings by Hall symbol, Hermann–Mauguin symbol and number, each group once."""
    seen: set[str] = set()
    numbers: set[int] = set()
    tags = [*product(_HALL, ["hall"]), *product(_SYMBOLS, ["symbol"]), *product(_NUMBERS, ["number"])]
    for tag, kind in tags:
        text = block.first([tag])
        if text is None:
            continue
        try:
            found = list(_by_hall(text, cell) if kind == "hall" else _by_symbol(text, block, cell))
        except InputError as error:
            problems.append(str(error))
            continue
        if numbers and found[0].setting.group.number in numbers:
            continue  # the same group again: what stands before says more about its setting
        numbers.update(reading.setting.group.number for reading in found)
        for reading in found:
            if reading.setting.group.hall not in seen:
                seen.add(reading.setting.group.hall)
                yield reading


def _by_hall(text: str, cell: Cell | None) -> Iterator[Reading]:
    found = space_group_by_hall(text.replace("_", " "))
    if found is not None:
        yield Reading(tabulated(found), "symbol")
        return
    try:
        operations = gemmi.symops_from_hall(text[:60])
    except (RuntimeError, ValueError):
        raise InputError(f"Hall symbol {text[:60]!r}: cannot be read") from None
    listed = read_operations([op.triplet() for op in operations])
    note = f"Hall symbol {text[:60]}: carried to the tabulated setting"
    yield Reading(find_setting(listed, cell), "symbol", note)


def _by_symbol(text: str, block: Block, cell: Cell | None) -> Iterator[Reading]:
    """What a Hermann–Mauguin symbol or number may mean: axes by the cell, both origins where it names none."""
    symbol = re.sub(r"\s*\(\s*(?:no\.?|#)?\s*\d{1,3}\s*\)\s*$", "", text[:60], flags=re.IGNORECASE).replace("*", "")
    worded = _ORIGIN_WORDS.search(symbol)
    if worded and worded.start() > 0:
        symbol = f"{symbol[: worded.start()].rstrip()}:{worded[1]}"
    alternatives = _monoclinic(symbol, cell)
    group = alternatives[0] if alternatives else space_group(symbol)
    stem, ext = group.hm.rpartition(":")[0], group.gemmi.ext
    said = _FULLY_SAID.search(symbol) is not None
    if ext in ("H", "R"):
        yield from _rhombohedral(stem, ext, said, cell)
        return
    if ext not in ("1", "2"):
        yield Reading(tabulated(group), "symbol")
        return
    code = (block.first(_CODES) or "").strip()
    stated = ext if said else code if code in ("1", "2") else None
    first = stated or "2"
    other = "1" if first == "2" else "2"
    assumed = None if stated else f"{stem}: the file does not say which origin; origin choice 2 assumed"
    yield Reading(tabulated(space_group(f"{stem}:{first}")), "symbol", assumed)
    says = f"the file says origin choice {stated}, its formula fits choice {other} alone: that is taken"
    fitting = "the file does not say which origin; origin choice 1 fits its atoms, choice 2 does not"
    kind, note = ("said", says) if stated else ("origin", fitting)
    yield Reading(tabulated(space_group(f"{stem}:{other}")), kind, f"{stem}: {note}")


def _rhombohedral(stem: str, ext: str, said: bool, cell: Cell | None) -> Iterator[Reading]:
    other = "R" if ext == "H" else "H"
    fits = {axes: cell is None or misfit(space_group(f"{stem}:{axes}"), cell) is None for axes in "HR"}
    axes = ext if fits[ext] or not fits[other] else other
    note = f"{stem}: the symbol says axes {ext}, the cell has axes {axes}" if said and axes != ext else None
    yield Reading(tabulated(space_group(f"{stem}:{axes}")), "symbol", note)


@lru_cache(maxsize=1)
def _short_monoclinic() -> dict[str, tuple[str, ...]]:
    """Settings by their symbol without the ones: "p21/b" is P 1 1 21/b."""
    table: dict[str, list[str]] = {}
    for entry in gemmi.spacegroup_table():
        if entry.crystal_system_str() == "monoclinic":
            short = "".join(word for word in entry.hm.split() if word != "1").lower()
            table.setdefault(short, []).append(entry.xhm())
    return {short: tuple(names) for short, names in table.items()}


def _monoclinic(symbol: str, cell: Cell | None) -> list[SpaceGroup]:
    """Monoclinic settings of a short symbol that the cell allows, unique axis b first."""
    names = _short_monoclinic().get("".join(symbol.lower().replace("_", "").split()), ())
    groups = [space_group(name) for name in names]
    fitting = [group for group in groups if cell is None or misfit(group, cell) is None]
    return fitting or groups


def raw_cell(given: dict[str, float | None]) -> Cell | None:
    """Cell of the six values as they stand; None where one is lacking or the values are those of no cell."""
    values = [given.get(name) for name in PARAMETERS]
    if any(value is None for value in values):
        return None
    try:
        return Cell(*(float(value) for value in values if value is not None))
    except InputError:
        return None


def misfit(group: SpaceGroup, cell: Cell) -> str | None:
    """Name the parameter of a cell that a group does not allow, with a tolerance of 0.2 %; None where all fit."""
    try:
        ideal = cell_from_free(group, {name: getattr(cell, name) for name in cell_names(group)})
    except InputError:
        return "angles"
    for name in PARAMETERS:
        if abs(getattr(cell, name) - getattr(ideal, name)) > _METRIC_TOLERANCE * getattr(ideal, name):
            return name
    return None
