"""From a CIF's blocks to structures: the readings of its symmetry are tried, and the atoms decide between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xrdfit.crystal.cif.atoms import Atom, Notes, has_atoms, read_atoms
from xrdfit.crystal.cif.formula import Formula, formula_of
from xrdfit.crystal.cif.symmetry import Reading, raw_cell, readings
from xrdfit.crystal.cif.text import Block, number, read_blocks
from xrdfit.crystal.cifwriter import CREATOR
from xrdfit.crystal.contacts import closest_contact
from xrdfit.crystal.groups import SpaceGroup
from xrdfit.crystal.lattice import PARAMETERS, Cell, cell_from_free, cell_names
from xrdfit.crystal.settings import Setting
from xrdfit.crystal.sites import Places, snap
from xrdfit.crystal.structure import MOST_ROUNDED_SUM, Structure
from xrdfit.errors import InputError

_CELL_TOLERANCE = 2e-3
_SAME_PLACE = 1e-3  # fractional; coordinates that are printed to three decimals
_EQUIVALENT = 2e-3
_MOST_IMAGES = 200_000
_NAMES = ("_pd_phase_name", "_pd_phase_block_id", "_chemical_name_mineral", "_chemical_name_common")
# Closest contact over the sum of the radii: below the first two no bond is as short, below the third only multiple
# bonds are, above the last a crystal would be mostly empty.
_IMPOSSIBLE, _OVERLAP, _SHORT, _EMPTY = 0.5, 0.6, 0.9, 1.4


def cif_blocks(path_or_text: str | Path) -> tuple[str, ...]:
    """Names of the data blocks that hold atoms, in the order of the file.

    A block whose name is taken by an earlier one gets a suffix (``global_2``).

    Raises
    ------
    InputError
        The file cannot be read as a CIF.
    """
    return tuple(block.name for block in read_blocks(path_or_text)[0] if has_atoms(block))


def read_cif(path_or_text: str | Path, block: str | None = None) -> Structure:
    """Read a structure from a CIF.

    Parameters
    ----------
    path_or_text : str or Path
        A path, or the text of a CIF (a str of several lines).
    block : str, optional
        Name of the data block, or its number among those with atoms, from 1; without it the one that holds atoms.

    Returns
    -------
    Structure
        In a tabulated setting of its space group. Positions within 0.002 of a special position are moved onto it.
        `notes` say what had to be assumed.

    Raises
    ------
    InputError
        The file cannot be read as a CIF, is above 20 MB, has no or several blocks with atoms, or holds values that no
        structure can have.
    """
    blocks, source = read_blocks(path_or_text)
    try:
        chosen, alone = _choose(blocks, block)
        return _structure(chosen, source, _name(chosen, source) if alone else _block_name(chosen))
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def read_cifs(path_or_text: str | Path) -> tuple[Structure, ...]:
    """Read every data block that holds atoms; see `read_cif`.

    Raises
    ------
    InputError
        As `read_cif`; the message names the block.
    """
    blocks, source = read_blocks(path_or_text)
    with_atoms = [block for block in blocks if has_atoms(block)]
    if len(with_atoms) < 2:
        return (read_cif(path_or_text),)
    found = []
    for block in with_atoms:
        try:
            found.append(_structure(block, source, _block_name(block)))
        except InputError as error:
            raise InputError(f"{source}: data block {block.name}: {error}") from None
    return tuple(found)


def _choose(blocks: Sequence[Block], name: str | None) -> tuple[Block, bool]:
    """Block that is meant, and whether it is the only one with atoms."""
    with_atoms = [block for block in blocks if has_atoms(block)]
    names = ", ".join(block.name for block in (with_atoms or blocks)) or "none"
    if name is not None:
        wanted = name.strip().lower().removeprefix("data_")
        for block in blocks:
            if block.name.lower() == wanted:
                if not has_atoms(block):
                    raise InputError(f"data block {name!r}: it holds no atoms; there are {names}")
                return block, len(with_atoms) == 1
        if wanted.isdecimal() and 1 <= int(wanted[:9]) <= len(with_atoms):
            return with_atoms[int(wanted[:9]) - 1], len(with_atoms) == 1
        listed = ", ".join(block.name for block in blocks) or "none"
        raise InputError(f"data block {name!r}: not there; there are {listed}")
    if not with_atoms:
        raise InputError("no data block holds atoms with coordinates (_atom_site_fract_x); a structure is needed")
    if len(with_atoms) > 1:
        raise InputError(f"several data blocks hold atoms: {names}; choose one by its name or number (block)")
    return with_atoms[0], True


def _name(block: Block, source: str) -> str:
    return (block.name if source == "CIF text" else Path(source).stem) or "structure"


def _block_name(block: Block) -> str:
    said = next((text for tag in _NAMES if (text := block.first([tag])) and len(text) <= 40), None)
    return " ".join((said or block.name or "structure").split())


@dataclass(frozen=True)
class _Built:
    """A reading with the structure that comes of it."""

    reading: Reading
    structure: Structure
    fits: bool | None
    wrong_multiplicities: int


def _structure(block: Block, source: str, name: str) -> Structure:
    notes = Notes(list(dict.fromkeys(block.notes)))
    given = {
        axis: number(block.first([f"_cell_{'length' if axis in 'abc' else 'angle'}_{axis}"])) for axis in PARAMETERS
    }
    stated = raw_cell(given)
    formula = formula_of(block, stated.volume if stated else None)
    atoms = read_atoms(block, stated or _guessed(given), formula.elements if formula else None, notes)
    exact = block.first(["_audit_creation_method"]) == CREATOR  # then nothing is rounded or listed twice
    built: list[_Built] = []
    problems: list[InputError] = []
    for reading in readings(block, stated or _guessed(given)):
        try:
            built.append(_build(reading, atoms, given, formula, name, source, exact))
        except InputError as error:
            problems.append(error)
    if not built:
        raise problems[0]
    chosen = _best(built, notes) if len(built) > 1 else built[0]
    if chosen.reading.note and (len(built) == 1 or chosen.reading.note not in notes.texts):
        notes.add(_settled(chosen, built))
    found = chosen.structure
    for text in (_composition_note(found, formula, chosen.reading.setting), _contact_note(found)):
        if text:
            notes.add(text)
    return Structure(found.name, found.group, found.cell, found.sites, found.source, (*notes.all(), *found.notes))


def _guessed(given: dict[str, float | None]) -> Cell | None:
    """Cell with right angles where the file states none, equal lengths where it states one."""
    a = given["a"]
    filled = {name: value if value is not None else (a if name in "abc" else 90.0) for name, value in given.items()}
    return raw_cell(filled)


def _build(
    reading: Reading,
    atoms: Sequence[Atom],
    given: dict[str, float | None],
    formula: Formula | None,
    name: str,
    source: str,
    exact: bool,
) -> _Built:
    notes: list[str] = []
    setting = reading.setting
    if len(atoms) * len(setting.group.rotations) > _MOST_IMAGES:
        raise InputError(
            f"{len(atoms)} atoms and {len(setting.group.rotations)} symmetry operations of {setting.group.hm}: "
            f"their product may be up to {_MOST_IMAGES}"
        )
    cell = _cell(setting, given, notes)
    placed = [(atom, setting.position(atom.xyz)) for atom in atoms]
    rows, repeated = ([_row(*one) for one in placed], 0) if exact else _once(setting.group, placed)
    if repeated:
        notes.append(
            f"{repeated} of {len(atoms)} atoms are equivalent to others by {setting.group.hm}: each is taken once"
        )
    structure = Structure.from_sites(name, setting.group, cell, rows, source, notes, rounded=not exact)
    fits = formula.fits(structure.composition(), setting.volume_ratio, lenient=True) if formula else None
    multiplicities = {a.multiplicity for a in atoms if a.multiplicity}
    wrong = len(multiplicities - {site.multiplicity for site in structure.sites})
    return _Built(reading, structure, fits, wrong)


def _cell(setting: Setting, given: dict[str, float | None], notes: list[str]) -> Cell:
    """Cell of the setting, with what the file leaves out by the dictionary's defaults."""
    group = setting.group
    known = {name: value for name, value in given.items() if value is not None}
    if setting.turned:
        whole = raw_cell(given)
        if whole is None:
            raise InputError("cell: all six parameters are needed where the axes are those of no table")
        turned = setting.cell(whole)
        known = {name: getattr(turned, name) for name in PARAMETERS}
    for name in cell_names(group):
        if name not in known and name not in "abc":
            known[name] = 90.0  # the default of the CIF dictionary
            notes.append(f"cell {name}: not given, 90° assumed")
    cell = cell_from_free(group, known)
    for name, value in known.items():
        ideal = getattr(cell, name)
        shift = abs(value - ideal) / ideal
        if shift > _CELL_TOLERANCE:
            raise InputError(f"cell {name}: {value:g} does not fit {group.hm}, which needs {ideal:g}")
        if shift > 1e-6:
            notes.append(f"cell {name}: {value:g} set to {ideal:g}, as {group.hm} needs")
    return cell


def _row(atom: Atom, xyz: Any) -> dict[str, Any]:
    return {"species": atom.species, "xyz": xyz, "occupancy": atom.occupancy, "b_iso": atom.b_iso}


def _once(group: SpaceGroup, placed: Sequence[tuple[Atom, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Rows of the atoms, those that symmetry makes of an earlier one left out, and how many these were."""
    kept: dict[tuple[str, int], tuple[list[np.ndarray], Places]] = {}
    rows: list[dict[str, Any]] = []
    repeated = 0
    for atom, xyz in placed:
        exact = snap(group, xyz)
        kind = (atom.species, round(atom.occupancy * 500))
        earlier, places = kept.setdefault(kind, ([], Places(_EQUIVALENT)))
        if earlier and _is_repeated(group, exact, earlier, places, atom.occupancy):
            repeated += 1
            continue
        earlier.append(exact)
        places.add(exact)
        rows.append(_row(atom, xyz))
    return rows, repeated


def _is_repeated(
    group: SpaceGroup, xyz: np.ndarray, earlier: list[np.ndarray], places: Places, occupancy: float
) -> bool:
    """Whether an atom is the image of an earlier one of its kind; one at the very same place is a second occupant."""
    here, apart = places.within(xyz[None])
    here = here[apart < _SAME_PLACE]
    if len(here):
        # a copy on the other face of the cell, as drawing programmes list it
        elsewhere = any(np.any(np.round(earlier[at] - xyz)) for at in here)
        return elsewhere and 2.0 * occupancy > MOST_ROUNDED_SUM
    return places.nearest(group.rotations @ xyz + group.translations) is not None


def _best(built: list[_Built], notes: Notes) -> _Built:
    """Reading that the formula, the stated multiplicities and the distances speak for; the first where none does."""
    fitting = [b for b in built if b.fits]
    pool = fitting or built
    first, *others = pool
    ratio = _contact(first.structure)
    for other in others:
        if _outdoes(other, first, ratio):
            return other
    return first


def _outdoes(other: _Built, first: _Built, ratio: float) -> bool:
    """Whether a reading that comes later is to be preferred for the distances it gives."""
    theirs = _contact(other.structure)
    if other.reading.kind == "origin":
        if other.wrong_multiplicities != first.wrong_multiplicities:
            return other.wrong_multiplicities < first.wrong_multiplicities
        return ratio < _SHORT and theirs > ratio + 0.05
    if other.reading.kind == "listed":
        return ratio < _OVERLAP <= theirs
    if other.reading.kind == "said":
        return False
    # the symbol after the operations: only where these lack nothing but the symbol's centring
    mine, named = first.structure.group, other.structure.group
    whole = {r.tobytes() for r in mine.rotations} == {r.tobytes() for r in named.rotations}
    return whole and len(named.rotations) > len(mine.rotations) and ratio > _EMPTY > theirs > _OVERLAP


def _contact(structure: Structure) -> float:
    closest = closest_contact(structure)
    return closest[0] if closest else np.inf


def _settled(chosen: _Built, built: list[_Built]) -> str:
    """Note of a reading; formula or distances may have settled what was open."""
    note = chosen.reading.note or ""
    others = [b for b in built if b.reading.kind == "origin" and b is not chosen]
    if "origin choice 2 assumed" not in note or not others:
        return note
    unlike = chosen.fits and others[0].fits is False
    near = _contact(others[0].structure) < _SHORT <= _contact(chosen.structure)
    return note.replace("2 assumed", "2 fits its atoms, choice 1 does not") if unlike or near else note


def _composition_note(structure: Structure, formula: Formula | None, setting: Setting) -> str | None:
    return formula.difference(structure.composition(), setting.volume_ratio) if formula else None


def _contact_note(structure: Structure) -> str | None:
    closest = closest_contact(structure)
    if closest is None:
        return None
    ratio, first, second, distance = closest
    if ratio >= _IMPOSSIBLE:
        return None
    return f"{first} and {second} stand {distance:.2f} Å apart: look at the coordinates, the cell and the symmetry"
