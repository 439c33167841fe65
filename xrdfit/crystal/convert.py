"""Structures from and to pymatgen, which is imported only here and only when called."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.crystal.groups import space_group
from xrdfit.crystal.lattice import PARAMETERS, cell_from_free
from xrdfit.crystal.scattering import species_name, split_species
from xrdfit.crystal.settings import reference_hall
from xrdfit.crystal.sites import orbit, snap, standard_position
from xrdfit.crystal.structure import Structure
from xrdfit.errors import InputError

if TYPE_CHECKING:
    import pymatgen.core

_SYMPREC = 0.01  # Å, pymatgen's own default


def to_pymatgen(structure: Structure) -> pymatgen.core.Structure:
    """Expand a structure into pymatgen's list of all atoms in the cell.

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    pymatgen.core.Structure
        Species that share a position are one disordered site. Site property ``b_iso`` holds B in Å².
    """
    from pymatgen.core import Element, Lattice, Species
    from pymatgen.core import Structure as Crystal

    coordinates, occupants, b_iso = [], [], []
    for host in structure.sites:
        if host.shares:
            continue
        content: dict[Any, float] = {}
        for site in structure.sites:
            if host.label in (site.label, site.shares):
                element, charge = split_species(site.species)
                species = Species(element, charge) if charge else Element(element)
                content[species] = content.get(species, 0.0) + site.occupancy
        content = {species: amount for species, amount in content.items() if amount > 0.0}
        positions = orbit(structure.group, host.xyz) if content else []
        coordinates.extend(positions)
        occupants.extend([content] * len(positions))
        b_iso.extend([host.b_iso] * len(positions))
    return Crystal(Lattice(structure.cell.vectors), occupants, coordinates, site_properties={"b_iso": b_iso})


def from_pymatgen(crystal: pymatgen.core.Structure, name: str | None = None) -> Structure:
    """Find the symmetry of a pymatgen structure (with spglib, 0.01 Å) and reduce it to its sites.

    Parameters
    ----------
    crystal : pymatgen.core.Structure
        Ordered or disordered; a site property ``b_iso`` is kept.
    name : str, optional
        The reduced formula otherwise.

    Returns
    -------
    Structure
        In the reference setting of International Tables.

    Raises
    ------
    InputError
        spglib finds no symmetry, as with overlapping atoms.
    """
    kinds: dict[tuple[Any, ...], int] = {}
    numbers = [kinds.setdefault(_kind(site), len(kinds) + 1) for site in crystal]
    cell = (crystal.lattice.matrix.tolist(), crystal.frac_coords.tolist(), numbers)
    found = _dataset(cell, crystal.formula)
    found = _dataset(cell, crystal.formula, reference_hall(found.number))
    group = space_group(found.number)
    contents = {number: kind for kind, number in kinds.items()}
    rows, covered = [], np.empty((0, 3))
    for xyz, number in zip(found.std_positions, found.std_types, strict=True):
        shifts = covered - xyz
        if not np.any(np.abs(shifts - np.round(shifts)).max(axis=1) < 1e-4):
            covered = np.concatenate([covered, orbit(group, xyz)])
            *occupants, b_iso = contents[int(number)]
            first = standard_position(group, snap(group, xyz))
            rows += [{"species": s, "xyz": first, "occupancy": o, "b_iso": b_iso} for s, o in occupants]
    free: dict[str, float] = dict(zip(PARAMETERS, _parameters(found.std_lattice), strict=True))
    return Structure.from_sites(
        name or crystal.reduced_formula, group, cell_from_free(group, free), rows, "pymatgen structure"
    )


def _dataset(cell: Any, formula: str, hall_number: int = 0) -> Any:
    import spglib

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its change from None to exceptions: both are met
            found = spglib.get_symmetry_dataset(cell, symprec=_SYMPREC, hall_number=hall_number)
    except Exception as error:  # its class of errors differs from version to version
        raise InputError(f"{formula}: spglib finds no symmetry: {error}") from None
    if found is None:
        raise InputError(f"{formula}: spglib finds no symmetry; atoms may overlap")
    return found


def _kind(site: pymatgen.core.PeriodicSite) -> tuple[Any, ...]:
    """What tells atoms apart: who is there with which occupancy, and B."""
    occupants = []
    for species, amount in site.species.items():
        charge = getattr(species, "oxi_state", None) or 0
        occupants.append((species_name(species.symbol, round(charge)), round(float(amount), 9)))
    return (*sorted(occupants), float(site.properties.get("b_iso") or 0.0))


def _parameters(vectors: np.ndarray) -> tuple[float, ...]:
    a, b, c = vectors
    lengths = [float(np.linalg.norm(vector)) for vector in vectors]
    pairs = ((b, c), (a, c), (a, b))
    angles = [float(np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v)))) for u, v in pairs]
    return (*lengths, *angles)
