"""Clusters cut out of a crystal, with its partly occupied sites filled at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xrdfit.clusters.atoms import MAX_SIZE, Cluster
from xrdfit.crystal.structure import Structure
from xrdfit.diffraction.debye.geometry import Geometry
from xrdfit.diffraction.shapes import SHAPES, inside
from xrdfit.errors import ComputationError, InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SWEEPS = 20
_PLACING_TRIES = 200


def carve(
    structure: Structure,
    size_nm: float,
    shape: str = "sphere",
    centre: Sequence[float] | None = (0.0, 0.0, 0.0),
    seed: int | None = 0,
    min_distance: float = 0.0,
) -> Cluster:
    """Cut a cluster out of a crystal and occupy its sites at random.

    Every position takes one of its species, or none, with the sites' occupancies as probabilities, independently of
    the others. With `min_distance` the atoms of each site are as many as drawn that way, and a Monte Carlo walk
    (moves to empty positions of the same site) spreads them evenly over the arrangements in which no two cations are
    nearer than that.

    Parameters
    ----------
    structure : Structure
    size_nm : float
        As `shapes.inside` measures it.
    shape : str
        One of `SHAPES`.
    centre : sequence of float or None
        Fractional coordinates of the middle; None draws it from the cell.
    seed : int or None
        Of the random numbers; None takes a new one.
    min_distance : float
        Smallest distance between two cations, Angstrom.

    Returns
    -------
    Cluster
        Its middle is the origin.

    Raises
    ------
    InputError
        For an unknown shape, a size outside 0 to 50 nm, or when no atom lies inside.
    ComputationError
        When the cations cannot be placed so far apart.

    Examples
    --------
    >>> import xrdfit as xf
    >>> cluster = xf.carve(xf.load_model("cu2se-2nm").phases[0].structure, size_nm=2.0)
    >>> len(cluster.positions) > 100
    True
    """
    if not 0.0 < 10.0 * size_nm <= MAX_SIZE:
        raise InputError(f"size_nm {size_nm:g} is out of range: above 0 and up to {0.1 * MAX_SIZE:g} is allowed")
    if shape not in SHAPES:
        raise InputError(f"shape {shape!r} is unknown: allowed are {', '.join(SHAPES)}")
    rng = np.random.default_rng(seed)
    geometry = Geometry.of(structure)
    middle = rng.random(3) if centre is None else np.asarray(centre, dtype=float)
    found = [
        _positions(structure, host, geometry, middle, 10.0 * size_nm, shape) for host in range(len(geometry.positions))
    ]
    positions = np.vstack(found)
    hosts = np.repeat(np.arange(len(found)), [len(part) for part in found])
    species = _draw(structure, geometry, hosts, rng)
    if min_distance > 0.0:
        species = _spread_out(positions, hosts, species, geometry.cations(), min_distance, rng)
    filled = species >= 0
    if not filled.any():
        raise InputError(f"size_nm {size_nm:g}: no atom of {structure.name} lies inside; a larger one is needed")
    names = tuple(structure.sites[i].species for i in species[filled])
    return Cluster(names, positions[filled], f"{structure.name}, {shape}, {size_nm:g} nm, seed {seed}")


def _positions(
    structure: Structure, host: int, geometry: Geometry, middle: FloatArray, size: float, shape: str
) -> FloatArray:
    """Cartesian positions of one host inside the shape, relative to its middle."""
    position = geometry.positions[host]
    site = next(site for site in structure.sites if site.label == position.label)
    atoms = position.rotations @ np.array(site.xyz) + position.translations
    atoms = atoms % 1.0 - middle
    reach = 0.5 * np.sqrt(3.0) * size * np.sqrt(np.diag(structure.cell.reciprocal_metric))
    axes = [
        np.arange(np.floor(-reach[i] - atoms[:, i].max()), np.ceil(reach[i] - atoms[:, i].min()) + 1.0)
        for i in range(3)
    ]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    parts = []
    for atom in atoms:
        points = (cells + atom) @ structure.cell.vectors
        parts.append(points[inside(points, size, shape)])
    return np.vstack(parts)


def _draw(structure: Structure, geometry: Geometry, hosts: IntArray, rng: np.random.Generator) -> IntArray:
    """Site that fills each position, -1 for none."""
    dice = rng.random(len(hosts))
    species = np.full(len(hosts), -1)
    below = np.zeros(len(geometry.positions))
    for i, site in enumerate(structure.sites):
        host = geometry.host[i]
        here = (hosts == host) & (dice >= below[host]) & (dice < below[host] + site.occupancy)
        species[here] = i
        below[host] += site.occupancy
    return species


class _Arrangement:
    """Cations on a lattice of positions, no two of them nearer than a distance."""

    def __init__(
        self, positions: FloatArray, hosts: IntArray, species: IntArray, min_distance: float, rng: np.random.Generator
    ) -> None:
        from scipy.spatial import KDTree

        close = KDTree(positions).query_pairs(min_distance, output_type="ndarray")
        both = np.concatenate([close, close[:, ::-1]])
        both = both[np.argsort(both[:, 0], kind="stable")]
        splits = np.searchsorted(both[:, 0], np.arange(1, len(positions)))
        self._neighbours = np.split(both[:, 1], splits)
        self._blocked = np.zeros(len(positions), dtype=np.int64)  # how many cations are too near to each position
        self._choices = {host: np.flatnonzero(hosts == host) for host in np.unique(hosts)}
        self._hosts = hosts
        self._rng = rng
        self.species = species
        self.at: list[int] = []

    def add(self, kind: int, host: int) -> bool:
        """Put a cation on a free position of its host, moving others about while there is none."""
        choices = self._choices[host]
        for _ in range(_PLACING_TRIES):
            free = choices[(self.species[choices] < 0) & (self._blocked[choices] == 0)]
            if len(free):
                target = int(self._rng.choice(free))
                self._put(target, kind, 1)
                self.at.append(target)
                return True
            self.sweep()
        return False

    def sweep(self) -> None:
        """Try to move every cation once, to a position of the same host drawn at random."""
        for i, at in enumerate(self.at):
            kind = int(self.species[at])
            target = int(self._rng.choice(self._choices[self._hosts[at]]))
            self._put(at, -1, -1)
            if self.species[target] >= 0 or self._blocked[target]:
                target = at
            self._put(target, kind, 1)
            self.at[i] = target

    def _put(self, at: int, kind: int, change: int) -> None:
        self._blocked[self._neighbours[at]] += change
        self.species[at] = kind


def _spread_out(
    positions: FloatArray,
    hosts: IntArray,
    drawn: IntArray,
    cation: NDArray[np.bool_],
    min_distance: float,
    rng: np.random.Generator,
) -> IntArray:
    """Rearrange the cations so that none are nearer than the distance, the numbers on each site as drawn."""
    is_cation = (drawn >= 0) & cation[drawn]
    arrangement = _Arrangement(positions, hosts, np.where(is_cation, -1, drawn), min_distance, rng)
    waiting = rng.permutation(np.flatnonzero(is_cation))
    # those whose host has few positions go first: they have the least choice
    waiting = waiting[np.argsort(np.bincount(hosts)[hosts[waiting]], kind="stable")]
    for number, i in enumerate(waiting):
        if not arrangement.add(int(drawn[i]), int(hosts[i])):
            raise ComputationError(
                f"min_distance {min_distance:g} Å: {number} of {len(waiting)} cations could be placed; "
                "a smaller distance or lower occupancies are needed"
            )
    for _ in range(_SWEEPS):
        arrangement.sweep()
    return arrangement.species


def trim(cluster: Cluster, min_neighbours: int, cutoff: float) -> Cluster:
    """Take away surface atoms that hang on by too few others, until none is left that does.

    Parameters
    ----------
    cluster : Cluster
    min_neighbours : int
        Atoms with fewer neighbours go.
    cutoff : float
        What counts as a neighbour, Angstrom.

    Raises
    ------
    InputError
        When no atom stays.
    """
    from scipy.spatial import KDTree

    species, positions = np.array(cluster.species), cluster.positions
    while len(species):
        counts = KDTree(positions).query_ball_point(positions, cutoff, return_length=True) - 1
        keep = counts >= min_neighbours
        if keep.all():
            return Cluster(tuple(species.tolist()), positions, cluster.comment)
        species, positions = species[keep], positions[keep]
    raise InputError(f"min_neighbours {min_neighbours}: no atom has so many within {cutoff:g} Å; fewer are needed")
