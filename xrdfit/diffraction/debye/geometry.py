"""How the free parameters of a structure move its atoms: the crystal as the pair counts see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.scattering import split_species
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import FreeCoordinates, cell_from_free, cell_names, free_coordinates, orbit_operations
from xrdfit.diffraction.debye.pairs import Lattice, Motion

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Position:
    """A position of the cell with the operations that make its orbit, and its free coordinates."""

    label: str
    rotations: NDArray[np.int64]
    translations: FloatArray
    free: FreeCoordinates

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names of the free coordinates: ``x_Cu_24e``."""
        return tuple(f"{axis}_{self.label}" for axis in self.free.names)

    def atoms(self, values: Mapping[str, float]) -> FloatArray:
        """Fractional coordinates of the orbit, (m, 3), not brought back into the cell."""
        xyz = self.free.position([values[name] for name in self.names])
        return self.rotations @ xyz + self.translations


@dataclass(frozen=True, eq=False)
class Geometry:
    """Positions and cell of a structure as functions of the parameters.

    Attributes
    ----------
    structure : Structure
    positions : tuple of Position
        One for each host; sites that share have none of their own.
    host : tuple of int
        For each site the index of its position.
    """

    structure: Structure
    positions: tuple[Position, ...]
    host: tuple[int, ...]

    @classmethod
    def of(cls, structure: Structure) -> Geometry:
        """Look up orbits and free coordinates once."""
        hosts = [site for site in structure.sites if site.shares is None]
        positions = tuple(
            Position(
                site.label,
                *orbit_operations(structure.group, site.xyz),
                free_coordinates(structure.group, site.xyz),
            )
            for site in hosts
        )
        index = {site.label: i for i, site in enumerate(hosts)}
        return cls(structure, positions, tuple(index[site.shares or site.label] for site in structure.sites))

    @property
    def multiplicity(self) -> FloatArray:
        """Atoms of each site per cell, (n_sites,)."""
        return np.array([float(len(self.positions[h].rotations)) for h in self.host])

    @property
    def coordinate_names(self) -> tuple[str, ...]:
        """Names of all free coordinates."""
        return tuple(name for position in self.positions for name in position.names)

    @property
    def cell_names(self) -> tuple[str, ...]:
        """Names of the free parameters of the cell."""
        return cell_names(self.structure.group)

    @property
    def isometric(self) -> bool:
        """Whether the cell keeps its shape whatever `a` is."""
        return self.cell_names == ("a",)

    def metric(self, values: Mapping[str, float]) -> FloatArray:
        """Metric tensor in units of a², (3, 3)."""
        if self.isometric:
            return self.structure.cell.metric / self.structure.cell.a**2
        return cell_from_free(self.structure.group, values).metric / values["a"] ** 2

    def lattice(self, values: Mapping[str, float]) -> Lattice:
        """Positions of all sites, distances in units of a."""
        atoms = [position.atoms(values) for position in self.positions]
        return Lattice(self.metric(values), [atoms[h] for h in self.host])

    def key(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """What distances in units of a depend on."""
        coordinates = tuple(values[name] for name in self.coordinate_names)
        return coordinates if self.isometric else coordinates + tuple(self.metric(values).ravel())

    def motion(self, name: str, values: Mapping[str, float]) -> Motion:
        """How distances in units of a change with a parameter, beyond the change of scale that comes with `a`."""
        rest = [None] * len(self.host)
        if name in self.cell_names:
            step = 1e-5 * values[name]
            high, low = ({**values, name: values[name] + sign * step} for sign in (1.0, -1.0))
            return Motion((self.metric(high) - self.metric(low)) / (2.0 * step), rest)
        moving = next(i for i, position in enumerate(self.positions) if name in position.names)
        position = self.positions[moving]
        shift = position.rotations @ position.free.basis[:, position.names.index(name)]
        return Motion(None, [shift.astype(float) if h == moving else None for h in self.host])

    def cations(self) -> NDArray[np.bool_]:
        """Which sites hold cations: a positive charge, or a metal where no charge is given; (n_sites,)."""
        import gemmi

        found = []
        for site in self.structure.sites:
            element, charge = split_species(site.species)
            found.append(charge > 0 or (charge == 0 and gemmi.Element(element).is_metal))
        return np.array(found)
