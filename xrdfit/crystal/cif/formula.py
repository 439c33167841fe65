"""What a CIF says its crystal is made of, to hold against what its atoms give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import gemmi

from xrdfit.crystal.cif.text import Block, number

_FORMULA = ("_chemical_formula_sum",)
_UNITS = ("_cell_formula_units_z",)
_DENSITY = ("_exptl_crystal_density_diffrn",)
_TERM = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)(?:\(\d+\))?")
_LONGEST = 500
_GRAMS_PER_CM3 = 1.66053907  # of one dalton per Å³
_RELATIVE, _ABSOLUTE = 0.02, 0.011  # formulas are printed to two decimals; an occupancy rarely to better than 2 %
_WHOLE = 0.04  # a density printed to two decimals gives Z this well


@dataclass(frozen=True)
class Formula:
    """Content of a formula unit, and how many of them the cell of the file holds.

    Attributes
    ----------
    text : str
        As the file writes it.
    elements : dict of str to float
        Atoms of each element; deuterium counts as hydrogen.
    units : float or None
        Z, from the file's own or from its density; None where neither is there.
    """

    text: str
    elements: dict[str, float]
    units: float | None

    def expected(self, scale: float = 1.0) -> dict[str, float] | None:
        """Atoms in a cell that is `scale` times the file's; None where Z is not known."""
        return None if self.units is None else {e: n * self.units * scale for e, n in self.elements.items()}

    def fits(self, atoms: Mapping[str, float], scale: float = 1.0, lenient: bool = False) -> bool:
        """Whether the atoms of a cell are so many formula units.

        Parameters
        ----------
        atoms : mapping of str to float
            Atoms of each element in the cell.
        scale : float
            Volume of that cell over the volume of the file's.
        lenient : bool
            Let elements that the list of atoms lacks pass (hydrogen that was not located).
        """
        common = [e for e in self.elements if atoms.get(e)]
        if not common or any(n > 0.0 and e not in self.elements for e, n in atoms.items()):
            return False
        units = self._scaled(atoms, scale)
        looked_at = common if lenient else list(self.elements)
        return all(
            abs(atoms.get(e, 0.0) - units * self.elements[e]) <= units * (_RELATIVE * self.elements[e] + _ABSOLUTE)
            for e in looked_at
        )

    def difference(self, atoms: Mapping[str, float], scale: float = 1.0) -> str | None:
        """Say both compositions where they differ, else None."""
        if self.fits(atoms, scale):
            return None
        units = self._scaled(atoms, scale)
        says = written({e: n * units for e, n in self.elements.items()})
        known = "" if self.units is not None else ", Z unknown"
        return (
            f"composition: the atoms give {written(atoms)} a cell, the file's formula {self.text} × {units:.4g}{known} "
            f"says {says}"
        )

    def _scaled(self, atoms: Mapping[str, float], scale: float) -> float:
        """Formula units in the cell: known, or those that the atoms come nearest to."""
        if self.units is not None:
            return self.units * scale
        heavy = [e for e in self.elements if atoms.get(e) and (e != "H" or len(self.elements) == 1)]
        units = sum(atoms[e] for e in heavy) / (sum(self.elements[e] for e in heavy) or 1.0)
        return float(max(round(units), 1)) if abs(units - round(units)) < _WHOLE * units else units or 1.0


def written(atoms: Mapping[str, float]) -> str:
    """Composition as text: "Si3 O6"."""
    return " ".join(f"{element}{count:.4g}" for element, count in atoms.items())


def formula_of(block: Block, volume: float | None) -> Formula | None:
    """Formula of a block; None where there is none that can be read.

    Parameters
    ----------
    block : Block
    volume : float or None
        Volume of the cell in Å³; with it the file's density gives Z where the file states none.
    """
    text = block.first(_FORMULA)
    elements = parse_formula(text) if text else None
    if not text or not elements:
        return None
    units = number(block.first(_UNITS))
    if units is None or not 0.0 < units < 1e4:
        units = _by_density(elements, number(block.first(_DENSITY)), volume)
    return Formula(" ".join(text.split())[:80], elements, units)


def parse_formula(text: str) -> dict[str, float] | None:
    """Read "Si O2", "Al1.5 Fe0.5(1) O3", "NaCl" or "CU2 SE"; None for what is no plain sum of elements."""
    if len(text) > _LONGEST:
        return None
    words = text.replace(",", " ").split()
    found: dict[str, float] = {}
    for word in words:
        if re.fullmatch(r"[A-Z]{2}[\d.]*", word) and len(words) > 1 and _is_element(word[:2].capitalize()):
            word = word[:2].capitalize() + word[2:]  # blanks part the elements: CU2 is copper
        if not re.fullmatch(f"(?:{_TERM.pattern})+", word):
            return None
        for match in _TERM.finditer(word):
            symbol, count = str(match[1]), str(match[2])
            element = {"D": "H", "T": "H"}.get(symbol, symbol)
            if not _is_element(element) or count == ".":
                return None
            found[element] = found.get(element, 0.0) + (float(count) if count else 1.0)
    return {element: count for element, count in found.items() if count > 0.0} or None


def _is_element(symbol: str) -> bool:
    return gemmi.Element(symbol).atomic_number > 0


def _by_density(elements: Mapping[str, float], density: float | None, volume: float | None) -> float | None:
    """Z = ρV/M, where that is a whole number."""
    if not density or not volume or density < 0.0:
        return None
    mass = sum(gemmi.Element(element).weight * count for element, count in elements.items())
    units = density * volume / (_GRAMS_PER_CM3 * mass)
    return float(round(units)) if units > 0.5 and abs(units - round(units)) < _WHOLE * units else None
