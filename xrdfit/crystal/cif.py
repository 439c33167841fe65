"""Crystallographic Information Files: structures in and out.

Reading accepts what programmes write: uncertainties "0.1234(5)", U or B or anisotropic tensors, ions, mixed sites,
symmetry as operations, symbol or number. Whatever had to be assumed is in `Structure.notes`.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from xrdfit.crystal.cifwriter import write_cif
from xrdfit.crystal.groups import SpaceGroup, space_group, space_group_from_operations
from xrdfit.crystal.lattice import PARAMETERS, Cell, cell_from_free, cell_names
from xrdfit.crystal.scattering import normal_species, resolve_species
from xrdfit.crystal.structure import Structure
from xrdfit.errors import InputError

__all__ = ["MAX_BYTES", "read_cif", "write_cif"]

MAX_BYTES = 20_000_000
_MAX_ATOMS = 5000
_B_PER_U = 8.0 * math.pi**2
_OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz", "_space_group_symop.operation_xyz")
_HALL = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
_SYMBOLS = ("_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M", "_space_group_name_H-M_full")
_NUMBERS = ("_space_group_IT_number", "_symmetry_Int_Tables_number")
_COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv", "B_iso_or_equiv")
_TENSOR = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def read_cif(path_or_text: str | Path, block: str | None = None) -> Structure:
    """Read a structure from a CIF.

    Parameters
    ----------
    path_or_text : str or Path
        A path, or the text of a CIF (a str of several lines).
    block : str, optional
        Name of the data block; without it the one that holds atoms.

    Returns
    -------
    Structure
        Positions within 0.002 of a special position are moved onto it. `notes` say what had to be assumed.

    Raises
    ------
    InputError
        The file cannot be read as a CIF, is above 20 MB, has no or several blocks with atoms, or holds values that no
        structure can have.
    """
    text, source = _text(path_or_text)
    try:
        document = gemmi.cif.read_string(text)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{source}: not a readable CIF: {' '.join(str(error).split())[:200]}") from None
    try:
        return _Reader(_choose(document, block), source).structure()
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _text(path_or_text: str | Path) -> tuple[str, str]:
    if isinstance(path_or_text, str) and "\n" in path_or_text:
        if len(path_or_text) > MAX_BYTES:
            raise InputError(f"CIF text: {len(path_or_text)} characters; up to {MAX_BYTES // 1_000_000} MB are allowed")
        return path_or_text, "CIF text"
    path = Path(path_or_text)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: {size / 1e6:.1f} MB; CIFs up to {MAX_BYTES // 1_000_000} MB are allowed")
        return path.read_bytes().decode("utf-8", errors="replace"), str(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _choose(document: gemmi.cif.Document, name: str | None) -> gemmi.cif.Block:
    if name is not None:
        for block in document:
            if block.name.strip().lower() == name.strip().lower():
                return block
        raise InputError(f"data block {name!r}: not there; there are {', '.join(b.name for b in document) or 'none'}")
    with_atoms = [block for block in document if any(_number(x) is not None for x in _column(block, "fract_x"))]
    if not with_atoms:
        raise InputError("no data block holds atoms with coordinates (_atom_site_fract_x); a structure is needed")
    if len(with_atoms) > 1:
        raise InputError(f"several data blocks hold atoms: {', '.join(b.name for b in with_atoms)}; name one of them")
    return with_atoms[0]


def _column(block: gemmi.cif.Block, name: str) -> list[str]:
    return list(block.find_values(f"_atom_site_{name}"))


def _number(text: str | None) -> float | None:
    """Value of "0.1234(5)" or "-1"; None for "?", "." and words."""
    value = gemmi.cif.as_number(text) if text is not None else math.nan
    return value if math.isfinite(value) else None


class _Reader:
    """One data block on its way to a structure; collects the notes."""

    def __init__(self, block: gemmi.cif.Block, source: str) -> None:
        self.block = block
        self.source = source
        self.notes: list[str] = []

    def structure(self) -> Structure:
        group = self.group()
        cell = self.cell(group)
        rows = self.rows(cell)
        name = self.block.name.strip() if self.source == "CIF text" else Path(self.source).stem
        return Structure.from_sites(name or "structure", group, cell, rows, self.source, self.notes)

    def value(self, *tags: str) -> str | None:
        for tag in tags:
            found = self.block.find_value(tag)
            text = gemmi.cif.as_string(found).strip() if found is not None else ""
            if text not in ("", "?", "."):
                return text
        return None

    def group(self) -> SpaceGroup:
        named = self.named_group()
        triplets = self.triplets()
        if not triplets:
            if named is None:
                raise InputError(
                    "no symmetry: operations, a Hermann–Mauguin or Hall symbol or a number is needed; P 1 where none is"
                )
            return named
        try:
            listed = space_group_from_operations(triplets)
        except InputError as error:
            if named is None:
                raise
            self.notes.append(f"{error}; {named.hm} taken from the symbol")
            return named
        if named is not None and named.number != listed.number:
            if len(triplets) == 1:
                self.notes.append(f"the only symmetry operation is x,y,z; {named.hm} taken from the symbol")
                return named
            self.notes.append(f"symmetry operations are those of {listed.hm}, the symbol says {named.hm}: {listed.hm}")
        return listed

    def triplets(self) -> list[str]:
        for tag in _OPERATIONS:
            texts = [gemmi.cif.as_string(text).strip() for text in self.block.find_values(tag)]
            texts = [text for text in texts if text not in ("", "?", ".")]
            if texts:
                return texts
        return []

    def named_group(self) -> SpaceGroup | None:
        problems = []
        for tags in (_HALL, _SYMBOLS, _NUMBERS):
            text = self.value(*tags)
            if text is None:
                continue
            try:
                found = space_group(text)
            except InputError as error:
                problems.append(str(error))
                continue
            return found if tags is _HALL else self.with_axes(found, text)
        if problems and not self.triplets():
            raise InputError(problems[0])
        return None

    def with_axes(self, group: SpaceGroup, text: str) -> SpaceGroup:
        """Settle what a bare symbol leaves open: axes by the cell, origin by convention."""
        qualifier = group.gemmi.ext
        if qualifier not in ("H", "2") or re.search(r"(:[12HR]| [SZHR])$", text, re.IGNORECASE):
            return group
        stem = group.hm.rpartition(":")[0]
        if qualifier == "H":
            gamma = _number(self.value("_cell_angle_gamma"))
            return group if gamma is None or abs(gamma - 120.0) < 0.1 else space_group(f"{stem}:R")
        if not self.triplets():
            self.notes.append(f"{stem}: the file does not say which origin; origin choice 2 assumed")
        return group

    def cell(self, group: SpaceGroup) -> Cell:
        tags = [f"_cell_{'length' if name in 'abc' else 'angle'}_{name}" for name in PARAMETERS]
        given = {name: _number(self.value(tag)) for name, tag in zip(PARAMETERS, tags, strict=True)}
        known = {name: value for name, value in given.items() if value is not None}
        for name in cell_names(group):
            if name not in known and name not in "abc":
                known[name] = 90.0  # the default of the CIF dictionary
                self.notes.append(f"cell {name}: not given, 90° assumed")
        cell = cell_from_free(group, known)
        for name, value in known.items():
            ideal = getattr(cell, name)
            shift = abs(value - ideal) / ideal
            if shift > 2e-3:
                raise InputError(f"cell {name}: {value:g} does not fit {group.hm}, which needs {ideal:g}")
            if shift > 1e-6:
                self.notes.append(f"cell {name}: {value:g} set to {ideal:g}, as {group.hm} needs")
        return cell

    def rows(self, cell: Cell) -> list[dict[str, Any]]:
        present = [name for name in _COLUMNS if self.block.find_loop(f"_atom_site_{name}")]
        present += [name for name in ("calc_flag",) if self.block.find_loop("_atom_site_calc_flag")]
        table = self.block.find("_atom_site_", present)
        if len(table) > _MAX_ATOMS:
            raise InputError(f"{len(table)} atoms; up to {_MAX_ATOMS} sites are allowed")
        tensors = self.tensors(cell)
        rows = []
        for line in table:
            atom = {name: gemmi.cif.as_string(text).strip() for name, text in zip(present, line, strict=True)}
            row = self.row(atom, tensors)
            if row is not None:
                rows.append(row)
        return rows

    def row(self, atom: dict[str, str], tensors: dict[str, float]) -> dict[str, Any] | None:
        label = atom.get("label") or atom.get("type_symbol") or "?"
        written = [atom.get(f"fract_{axis}", "?") for axis in "xyz"]
        xyz = [_number(text) for text in written]
        wrong = [text for text, value in zip(written, xyz, strict=True) if value is None and text not in ("?", ".", "")]
        if wrong:
            raise InputError(f"atom {label}: coordinate {wrong[0]!r} is no finite number")
        if atom.get("calc_flag", "").lower() == "dum" or None in xyz:
            self.notes.append(f"atom {label}: no coordinates or a dummy; left out")
            return None
        return {
            "species": self.species(label, atom.get("type_symbol")),
            "xyz": xyz,
            "occupancy": self.occupancy(label, atom.get("occupancy")),
            "b_iso": self.b_iso(label, atom, tensors),
        }

    def species(self, label: str, symbol: str | None) -> str:
        found = symbol or "?"
        if found in ("?", "."):
            found = _element_of_label(label)
            self.notes.append(f"atom {label}: no type symbol; {found} taken from the label")
        fractional = re.fullmatch(r"([A-Za-z]{1,2})\d+\.\d+[+-]", found)
        if fractional:
            self.notes.append(f"atom {label}: {found} has a mean charge; the neutral atom is used")
            found = fractional[1]
        try:
            name = normal_species(found)
        except InputError as error:
            raise InputError(f"atom {label}: {error}") from None
        note = resolve_species(name)[1] if name[-1] in "+-" else None
        if note and note not in self.notes:
            self.notes.append(note)
        return name

    def occupancy(self, label: str, text: str | None) -> float:
        if text is None:
            return 1.0  # the default of the CIF dictionary
        value = _number(text)
        if value is None:
            self.notes.append(f"atom {label}: occupancy {text!r} is no number; 1 assumed")
            return 1.0
        if 1.0 < value < 1.002:
            self.notes.append(f"atom {label}: occupancy {value:g} set to 1")
            return 1.0
        return value

    def b_iso(self, label: str, atom: dict[str, str], tensors: dict[str, float]) -> float:
        u, b = _number(atom.get("U_iso_or_equiv")), _number(atom.get("B_iso_or_equiv"))
        if u is not None:
            b = _B_PER_U * u
        elif b is None:
            b = tensors.get(label)
        if b is None:
            self.notes.append(f"atom {label}: no displacement parameter; B = 0 assumed")
            return 0.0
        return float(f"{b:.12g}")  # strips the rounding of 8π², so that what was written as U comes back the same

    def tensors(self, cell: Cell) -> dict[str, float]:
        """Equivalent B of the atoms with an anisotropic tensor: B_eq = (8π²/3) Σ_ij U_ij a*_i a*_j a_i·a_j."""
        star = np.sqrt(np.diag(cell.reciprocal_metric))
        weights = {
            "U": _B_PER_U / 3.0 * np.outer(star, star) * cell.metric,
            "B": np.outer(star, star) * cell.metric / 3.0,
            "beta": 4.0 / 3.0 * cell.metric,
        }
        found: dict[str, float] = {}
        for kind, weight in weights.items():
            tags = ["label", *(f"{kind}_{i + 1}{j + 1}" for i, j in _TENSOR)]
            for line in self.block.find("_atom_site_aniso_", tags):
                values = [_number(text) for text in list(line)[1:]]
                if None not in values:
                    terms = [
                        value * weight[i, j] * (1 if i == j else 2)
                        for value, (i, j) in zip(values, _TENSOR, strict=True)
                        if value is not None
                    ]
                    found[gemmi.cif.as_string(line[0]).strip()] = float(sum(terms))
        return found


def _element_of_label(label: str) -> str:
    letters = re.match(r"[A-Za-z]+", label)
    for length in (2, 1):
        symbol = letters[0][:length] if letters else ""
        if len(symbol) == length and (gemmi.Element(symbol).atomic_number or symbol.upper() in ("D", "T")):
            return symbol
    raise InputError(f"atom {label}: neither a type symbol nor an element in its label; one is needed")
