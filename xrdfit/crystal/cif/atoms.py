"""The atoms of a CIF's block, before any symmetry is applied."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace

import gemmi
import numpy as np

from xrdfit.crystal.cif.species import from_label, from_symbol
from xrdfit.crystal.cif.text import Block, number
from xrdfit.crystal.lattice import Cell
from xrdfit.crystal.scattering import resolve_species
from xrdfit.errors import InputError

MAX_ATOMS = 5000
OVERFULL = 1.02  # published occupancies are rounded: sums up to this are scaled to 1
_B_PER_U = 8.0 * math.pi**2
_UNKNOWN = ("", "?", ".")
_TENSOR = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_LABELS = ("label", "label_atom_id", "id", "type_symbol")
_FEW = 3


@dataclass
class Notes:
    """Notes of a reading; what concerns many atoms alike is one sentence."""

    texts: list[str] = field(default_factory=list)
    by_atom: dict[str, list[str]] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Add a sentence, once."""
        if text not in self.texts:
            self.texts.append(text)

    def of_atom(self, label: str, text: str) -> None:
        """Add a sentence about an atom."""
        self.by_atom.setdefault(text, []).append(label)

    def all(self) -> list[str]:
        """Every sentence, those about atoms with the atoms' labels before them."""
        return [*self.texts, *(f"{_named(labels)}: {text}" for text, labels in self.by_atom.items())]


def _named(labels: list[str]) -> str:
    shown = ", ".join(labels[:_FEW])
    if len(labels) == 1:
        return f"atom {shown}"
    return f"atoms {shown}" if len(labels) <= _FEW else f"{len(labels)} atoms ({shown}, …)"


@dataclass(frozen=True)
class Atom:
    """One species of one row: fractional coordinates of the file's cell, B in Å²."""

    label: str
    species: str
    xyz: tuple[float, float, float]
    occupancy: float
    b_iso: float
    multiplicity: int | None = None


def has_atoms(block: Block) -> bool:
    """Whether a block holds an atom with coordinates."""
    return any(
        number(text) is not None
        for tag in ("_atom_site_fract_x", "_atom_site_cartn_x")
        for text in block.values.get(tag, ())
    )


def read_atoms(block: Block, cell: Cell | None, elements: Container[str] | None, notes: Notes) -> list[Atom]:
    """Read the atoms of a block.

    Parameters
    ----------
    block : Block
    cell : Cell or None
        Cell as the file states it, for tensors and for Cartesian coordinates.
    elements : container of str or None
        Elements of the file's formula.
    notes : Notes
        What had to be assumed is added to it.

    Raises
    ------
    InputError
        A value that no atom can have, or more than 5000 atoms.
    """
    rows = list(_rows(block))
    if len(rows) > MAX_ATOMS:
        raise InputError(f"{len(rows)} atoms; up to {MAX_ATOMS} sites are allowed")
    tensors = _tensors(block, cell) if cell is not None else {}
    found = []
    for row in rows:
        found += _atoms_of_row(row, cell, elements, tensors, notes)
    if not found:
        raise InputError("no atom has coordinates; a structure is needed")
    return found


def _rows(block: Block) -> Iterator[dict[str, str]]:
    stem = "_atom_site_"
    columns = {tag[len(stem) :]: texts for tag, texts in block.values.items() if tag.startswith(stem)}
    lead = columns.get("fract_x") or columns["cartn_x"]
    columns = {name: texts for name, texts in columns.items() if len(texts) == len(lead)}
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _atoms_of_row(
    row: dict[str, str],
    cell: Cell | None,
    elements: Container[str] | None,
    tensors: dict[str, float],
    notes: Notes,
) -> list[Atom]:
    label = next((row[name] for name in _LABELS if row.get(name, "?") not in _UNKNOWN), "?")[:40]
    xyz = _coordinates(label, row, cell)
    if row.get("calc_flag", "").lower() == "dum" or xyz is None:
        notes.of_atom(label, "no coordinates or a dummy; left out")
        return []
    occupancy = _occupancy(label, row.get("occupancy"), notes)
    b_iso = _b_iso(label, row, tensors, notes)
    multiplicity = number(row.get("site_symmetry_multiplicity") or row.get("symmetry_multiplicity"))
    first = Atom(label, "", xyz, occupancy, b_iso, int(multiplicity) if multiplicity else None)
    parts = _species(label, row.get("type_symbol"), elements, notes)
    return [replace(first, species=name, occupancy=occupancy * share) for name, share in parts]


def _coordinates(label: str, row: dict[str, str], cell: Cell | None) -> tuple[float, float, float] | None:
    kind = "fract" if "fract_x" in row and row["fract_x"] not in _UNKNOWN else "cartn"
    written = [row.get(f"{kind}_{axis}", "?") for axis in "xyz"]
    values = [number(text) for text in written]
    wrong = [t for t, value in zip(written, values, strict=True) if value is None and t not in _UNKNOWN]
    if wrong:
        raise InputError(f"atom {label}: coordinate {wrong[0][:40]!r} is no finite number")
    x, y, z = values
    if x is None or y is None or z is None:
        return None
    if max(abs(x), abs(y), abs(z)) > 1e4:
        raise InputError(f"atom {label}: coordinates {x:g}, {y:g}, {z:g} are out of range")
    if kind == "fract":
        return x, y, z
    if cell is None:
        raise InputError(f"atom {label}: Cartesian coordinates need a cell, and the file states none")
    # a along x, c* along z: the convention of mmCIF where no other is written
    unit = gemmi.UnitCell(cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma)
    fractional = unit.fractionalize(gemmi.Position(x, y, z))
    return fractional.x, fractional.y, fractional.z


def _species(label: str, symbol: str | None, elements: Container[str] | None, notes: Notes) -> list[tuple[str, float]]:
    if symbol is None or symbol in _UNKNOWN:
        element, note = from_label(label, elements)
        notes.of_atom(label, note)
        return [(element, 1.0)]
    try:
        parts, note = from_symbol(symbol)
        if note:
            notes.of_atom(label, note)
        for name, _ in parts:
            lacking = resolve_species(name)[1] if name[-1] in "+-" else None
            if lacking:
                notes.add(lacking)
    except InputError as error:
        raise InputError(f"atom {label}: {error}") from None
    return parts


def _occupancy(label: str, text: str | None, notes: Notes) -> float:
    if text is None:
        return 1.0  # the default of the CIF dictionary
    value = number(text)
    if value is None:
        notes.of_atom(label, f"occupancy {text[:20]!r} is no number; 1 assumed")
        return 1.0
    if 1.0 < value < OVERFULL:
        notes.of_atom(label, f"occupancy {value:g} set to 1")
        return 1.0
    if -5e-3 < value < 0.0:
        notes.of_atom(label, f"occupancy {value:g} set to 0")
        return 0.0
    if not 0.0 <= value <= 1.0:
        raise InputError(f"atom {label}: occupancy {value:g} is out of range; 0 to 1 is allowed")
    return value


def _b_iso(label: str, row: dict[str, str], tensors: dict[str, float], notes: Notes) -> float:
    u, b = number(row.get("u_iso_or_equiv")), number(row.get("b_iso_or_equiv"))
    if u is not None:
        b = _B_PER_U * u
    elif b is None:
        b = tensors.get(row.get("label", label))
    if b is None:
        notes.of_atom(label, "no displacement parameter; B = 0 assumed")
        return 0.0
    return float(f"{b:.12g}")  # strips the rounding of 8π², so that what was written as U comes back the same


def _tensors(block: Block, cell: Cell) -> dict[str, float]:
    """Equivalent B of the atoms with an anisotropic tensor: B_eq = (8π²/3) Σ_ij U_ij a*_i a*_j a_i·a_j."""
    star = np.sqrt(np.diag(cell.reciprocal_metric))
    weights = {
        "u": _B_PER_U / 3.0 * np.outer(star, star) * cell.metric,
        "b": np.outer(star, star) * cell.metric / 3.0,
        "beta": 4.0 / 3.0 * cell.metric,
    }
    labels = block.values.get("_atom_site_aniso_label", [])
    found: dict[str, float] = {}
    for kind, weight in weights.items():
        columns = [block.values.get(f"_atom_site_aniso_{kind}_{i + 1}{j + 1}", []) for i, j in _TENSOR]
        if any(len(column) != len(labels) for column in columns):
            continue
        for label, *texts in zip(labels, *columns, strict=True):
            values = [number(text) for text in texts]
            terms = [
                value * weight[i, j] * (1 if i == j else 2)
                for value, (i, j) in zip(values, _TENSOR, strict=True)
                if value is not None
            ]
            if len(terms) == len(_TENSOR):
                found[label] = float(sum(terms))
    return found
