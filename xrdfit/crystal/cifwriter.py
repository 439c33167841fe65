"""Writing a structure as CIF."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import gemmi
import numpy as np

from xrdfit.crystal.lattice import PARAMETERS, cell_names
from xrdfit.crystal.sites import AXES, free_coordinates
from xrdfit.crystal.structure import Site, Structure

_B_PER_U = 8.0 * math.pi**2
CREATOR = "xrdfit"
_ATOM_TAGS = (
    "label",
    "type_symbol",
    "site_symmetry_multiplicity",
    "Wyckoff_symbol",
    "fract_x",
    "fract_y",
    "fract_z",
    "occupancy",
    "U_iso_or_equiv",
    "adp_type",
)


def write_cif(structure: Structure, path: str | Path | None = None, esds: Mapping[str, float] | None = None) -> str:
    """Write a structure as CIF, with all symmetry operations.

    Parameters
    ----------
    structure : Structure
    path : str or Path, optional
        Where to write; without it the text is only returned. An existing file is overwritten.
    esds : mapping of str to float, optional
        Standard uncertainties by parameter name: ``a`` … ``gamma``, ``occ_<label>``, ``b_<label>`` in Å² and
        ``x_<label>``, ``y_<label>``, ``z_<label>``; values that have one are rounded to it and written "0.3961(12)".
        Coordinates that depend on another get their share of its uncertainty.

    Returns
    -------
    str
        The text. Without `esds` it reads back as the same structure.
    """
    esds = esds or {}
    document = gemmi.cif.Document()
    block = document.add_new_block(re.sub(r"[^\w.+-]", "_", structure.name, flags=re.ASCII) or "structure")
    block.set_pair("_audit_creation_method", CREATOR)
    _write_cell(block, structure, esds)
    _write_symmetry(block, structure)
    loop = block.init_loop("_atom_site_", list(_ATOM_TAGS))
    for site in structure.sites:
        loop.add_row([gemmi.cif.quote(text) for text in _atom(structure, site, esds)])
    text = document.as_string(gemmi.cif.WriteOptions(gemmi.cif.Style.Indent35))
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def with_esd(value: float, esd: float | None) -> str:
    """Write a value with its standard uncertainty in the last digits, two of them up to 19, else one.

    Parameters
    ----------
    value : float
    esd : float or None
        Without one, or with one that is not a positive number, the value is written in full.

    Examples
    --------
    >>> with_esd(0.39612, 0.00123), with_esd(10.4774, 0.0003), with_esd(123.4, 25.0), with_esd(0.25, None)
    ('0.3961(12)', '10.4774(3)', '120(20)', '0.25')
    """
    if esd is None or not math.isfinite(esd) or esd <= 0.0:
        return repr(float(value))
    exponent = math.floor(math.log10(esd))
    digits = round(esd / 10.0 ** (exponent - 1))
    decimals = 1 - exponent if digits <= 19 else -exponent
    if decimals <= 0:
        unit = 10 ** (-decimals)
        return f"{round(value / unit) * unit}({max(round(esd / unit), 1) * unit})"
    return f"{value:.{decimals}f}({round(esd * 10.0**decimals)})"


def _write_cell(block: gemmi.cif.Block, structure: Structure, esds: Mapping[str, float]) -> None:
    atoms: dict[str, float] = {}
    for site in structure.sites:  # with the occupancies as they are written, so that the file agrees with itself
        shown = float(with_esd(site.occupancy, esds.get(f"occ_{site.label}")).partition("(")[0])
        atoms[site.element] = atoms.get(site.element, 0.0) + site.multiplicity * shown
    formula = [f"{element}{count:.6g}" for element, count in sorted(atoms.items())]
    block.set_pair("_chemical_formula_sum", gemmi.cif.quote(" ".join(formula)))
    block.set_pair("_cell_formula_units_Z", "1")
    free = cell_names(structure.group)
    for name in PARAMETERS:
        kind = "length" if name in "abc" else "angle"
        first = "a" if kind == "length" else "alpha"  # what the group ties to another is tied to the first of its kind
        esd = esds.get(name if name in free else first) if name in free or first in free else None
        block.set_pair(f"_cell_{kind}_{name}", with_esd(getattr(structure.cell, name), esd))
    block.set_pair("_cell_volume", f"{structure.cell.volume:.6g}")


def _write_symmetry(block: gemmi.cif.Block, structure: Structure) -> None:
    group = structure.group
    block.set_pair("_space_group_name_H-M_alt", gemmi.cif.quote(group.hm))
    block.set_pair("_space_group_name_Hall", gemmi.cif.quote(group.hall))
    block.set_pair("_space_group_IT_number", str(group.number))
    loop = block.init_loop("_space_group_symop_", ["operation_xyz"])
    for operation in group.gemmi.operations():
        loop.add_row([gemmi.cif.quote(operation.wrap().triplet())])


def _atom(structure: Structure, site: Site, esds: Mapping[str, float]) -> list[str]:
    host = site.shares or site.label
    free = free_coordinates(structure.group, site.xyz)
    errors = np.array([esds.get(f"{name}_{host}") or 0.0 for name in free.names])
    spread = np.sqrt(np.square(free.basis) @ np.square(errors)) if len(errors) else np.zeros(3)
    b_esd = esds.get(f"b_{host}")
    return [
        site.label,
        site.species,
        str(site.multiplicity),
        site.wyckoff[-1],
        *(with_esd(site.xyz[axis], spread[axis]) for axis in range(len(AXES))),
        with_esd(site.occupancy, esds.get(f"occ_{site.label}")),
        with_esd(site.b_iso / _B_PER_U, b_esd / _B_PER_U if b_esd else None),
        "Uiso",
    ]
