"""Clusters of an exact composition: the sphere of a crystal that holds just so many atoms of each element."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xrdfit.clusters.atoms import Cluster
from xrdfit.clusters.carving import carve
from xrdfit.crystal.scattering import split_species
from xrdfit.crystal.structure import Structure
from xrdfit.errors import ComputationError, InputError

FloatArray = NDArray[np.float64]

MAX_ATOMS = 5000
_CENTRES = 500
_TIE = 1e-6  # Angstrom
_FIRST_SHELL = 1.15  # atoms up to so many times the shortest distance apart are neighbours
# Roberts' additive sequence in three dimensions: x with x⁴ = x + 1
_SPREAD = 1.2207440846057596 ** -np.arange(1.0, 4.0)


def carve_atoms(structure: Structure, atoms: Mapping[str, int]) -> Cluster:
    """Cut the sphere with exactly these numbers of atoms out of a crystal whose sites are full.

    Centres are the atoms, the middles between two neighbours, and 500 points spread evenly over the cell; of all
    spheres with the numbers asked for the one with the most bonds is taken, which leaves the fewest dangling, and of
    those the smallest.

    Parameters
    ----------
    structure : Structure
        Every site full and of one species.
    atoms : mapping
        Number of atoms of each element: ``{"Cd": 33, "Se": 33}``.

    Returns
    -------
    Cluster
        Its middle is the origin.

    Raises
    ------
    InputError
        For a structure with partly occupied sites, elements that are not the structure's, or numbers out of range.
    ComputationError
        When no such sphere was found.

    Examples
    --------
    >>> import xrdfit as xf
    >>> structure = xf.load_model("cdse-zincblende").phases[0].structure
    >>> xf.carve_atoms(structure, {"Cd": 16, "Se": 13}).composition()
    {'Se': 13, 'Cd': 16}
    """
    _check(structure, atoms)
    wanted = sum(atoms.values())
    per_cell = sum(site.multiplicity for site in structure.sites)
    # a sphere of so many atoms, with room for centres in all of the cell
    radius = 1.3 * (0.75 / np.pi * wanted * structure.cell.volume / per_cell) ** (1.0 / 3.0)
    radius += float(np.linalg.norm(structure.cell.vectors.sum(axis=0)))
    block = carve(structure, 0.2 * radius)
    elements = np.array([split_species(name)[0] for name in block.species])
    counts = np.array([elements == element for element in atoms]).T
    goal = np.array(list(atoms.values()))
    bonds = _Bonds(block.positions)
    best: tuple[tuple[int, float], NDArray[np.int64], FloatArray] | None = None
    for centre in _centres(structure, block.positions, bonds):
        distance = np.linalg.norm(block.positions - centre, axis=1)
        order = np.argsort(distance, kind="stable")[: wanted + 1]
        inner, outer = distance[order[wanted - 1]], distance[order[wanted]]
        if outer - inner < _TIE or np.any(counts[order[:wanted]].sum(axis=0) != goal):
            continue
        chosen = order[:wanted]
        rank = (-bonds.inside(chosen), round(float(inner), 6))
        if best is None or rank < best[0]:
            best = rank, chosen, centre
    if best is None:
        text = " ".join(f"{element}{count}" for element, count in atoms.items())
        raise ComputationError(f"no sphere of {structure.name} holds exactly {text}; other numbers may be found")
    (_, inner), chosen, centre = best
    names = tuple(block.species[i] for i in chosen)
    comment = f"{structure.name}, sphere, {0.2 * inner:.4f} nm"
    return Cluster(names, block.positions[chosen] - centre, comment)


def _check(structure: Structure, atoms: Mapping[str, int]) -> None:
    partial = [site.label for site in structure.sites if site.occupancy != 1.0]
    if partial:
        raise InputError(
            f"{structure.name}: {partial[0]} is not full; a cluster of given atoms needs every occupancy to be 1"
        )
    have = {site.element for site in structure.sites}
    if set(atoms) != have:
        raise InputError(
            f"atoms of {', '.join(atoms) or 'nothing'} are given; {structure.name} holds {', '.join(sorted(have))}"
        )
    if min(atoms.values()) < 1 or sum(atoms.values()) > MAX_ATOMS:
        numbers = " ".join(f"{element}={count}" for element, count in atoms.items())
        raise InputError(f"atoms {numbers}: at least 1 of each and {MAX_ATOMS} together are allowed")


class _Bonds:
    """Pairs of nearest neighbours in a piece of a crystal."""

    def __init__(self, positions: FloatArray) -> None:
        from scipy.spatial import KDTree

        tree = KDTree(positions)
        nearest = float(tree.query(positions, k=2)[0][:, 1].min())
        self.pairs = tree.query_pairs(_FIRST_SHELL * nearest, output_type="ndarray")
        self._n = len(positions)

    def inside(self, chosen: NDArray[np.int64]) -> int:
        """How many bonds have both ends among the chosen atoms."""
        member = np.zeros(self._n, dtype=bool)
        member[chosen] = True
        return int(member[self.pairs].all(axis=1).sum())


def _centres(structure: Structure, positions: FloatArray, bonds: _Bonds) -> FloatArray:
    """Atoms and middles of bonds near the origin, and points all over the cell; Cartesian, (n, 3)."""
    near = np.linalg.norm(positions, axis=1) < np.linalg.norm(structure.cell.vectors.sum(axis=0))
    middles = positions[bonds.pairs[near[bonds.pairs].all(axis=1)]].mean(axis=1)
    spread = (np.outer(np.arange(1.0, _CENTRES + 1.0), _SPREAD) % 1.0) @ structure.cell.vectors
    return np.vstack([positions[near], middles, spread])
