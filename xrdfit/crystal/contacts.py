"""How close atoms may come: distances between sites, judged by the two elements' radii."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING

import gemmi
import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.sites import orbit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xrdfit.crystal.structure import Site, Structure

# Shortest bonds over the sum of the two covalent radii. Only early transition metals and actinides bind carbon,
# nitrogen and oxygen far nearer than that (U=O 1.76 Å is 0.67, V=O 1.58 Å 0.72); C≡N is 0.80, S=O 1.41 Å 0.82,
# Cu–O 1.76 Å 0.89; positions of hydrogen are shortened in X-ray structures.
_MULTIPLE, _HEAVY, _LIGHT, _MIXED = 0.65, 0.75, 0.75, 0.81
_LAST_LIGHT = 9  # fluorine
_MULTIPLE_BONDS = {*range(22, 27), *range(40, 45), *range(72, 77), *range(89, 104)}
_MOST_IMAGES = 2_000_000  # of a degenerate cell there would be any number


def nearest_bond(first: str, second: str) -> float:
    """Distance (Å) below which two elements are nearer than in any bond.

    A fraction of the sum of their covalent radii (Cordero et al., Dalton Trans. 2832, 2008, as gemmi tabulates them),
    which is chosen below the shortest bonds of their kind.

    Parameters
    ----------
    first, second : str
        Element symbols.

    Examples
    --------
    >>> round(nearest_bond("P", "O"), 2), round(nearest_bond("Cu", "Se"), 2)
    (1.4, 1.89)
    """
    one, other = sorted((gemmi.Element(first), gemmi.Element(second)), key=lambda element: element.atomic_number)
    if one.atomic_number > _LAST_LIGHT:
        factor = _HEAVY
    elif one.atomic_number == 1 or other.atomic_number in _MULTIPLE_BONDS:
        factor = _MULTIPLE
    else:
        factor = _LIGHT if other.atomic_number <= _LAST_LIGHT else _MIXED
    return factor * (one.covalent_r + other.covalent_r)


def too_close(structure: Structure, least: float = 1e-3) -> list[tuple[Site, Site, float]]:
    """Pairs of filled sites of different elements that stand nearer than any bond.

    Parameters
    ----------
    structure : Structure
    least : float
        Sites with a lower occupancy count as empty.

    Returns
    -------
    list of (first, second, distance)
        In the order of the sites; the shortest distance of their orbits in Å.
    """
    filled = [site for site in structure.sites if site.occupancy > least]
    occupants: dict[str, list[Site]] = {}
    for site in filled:
        occupants.setdefault(site.shares or site.label, []).append(site)
    if len({site.element for site in filled}) < 2:
        return []
    hosts = [structure[label] for label in occupants]
    reach = max(nearest_bond(a, b) for a, b in combinations({site.element for site in filled}, 2))
    around = _surroundings(structure, hosts, reach)
    if around is None:
        return []
    points, owner = around
    found = []
    for row, host in enumerate(hosts):
        distances, others = _near(points, owner, _centre(structure, host), reach)
        for other in np.unique(others[others > row]):
            distance = float(distances[others == other].min())
            pairs = product(occupants[host.label], occupants[hosts[other].label])
            found += [
                (first, second, distance)
                for first, second in pairs
                if first.element != second.element and distance < nearest_bond(first.element, second.element)
            ]
    return found


def closest_contact(structure: Structure) -> tuple[float, str, str, float] | None:
    """Find the pair of atoms that stand closest by their radii and must both be there.

    Atoms of two positions must both be there where their occupancies sum to more than 1.

    Returns
    -------
    ratio : float
        Distance over the sum of the covalent radii (of each position's smallest element).
    first, second : str
        Labels of the sites.
    distance : float
        Å.
    None
        No pair is within the sum of two radii times 1.5, or there are too many atoms to look at.
    """
    hosts, filled, radii = _positions(structure)
    around = _surroundings(structure, hosts, 3.0 * float(radii.max()))
    if around is None:
        return None
    points, owner = around
    best = None
    for row, host in enumerate(hosts):
        distances, others = _near(points, owner, _centre(structure, host), 1.5 * (radii[row] + radii.max()))
        both = (filled[row] + filled[others] > 1.0 + 1e-6) & (distances > 1e-6)
        if both.any():
            ratios = np.where(both, distances / (radii[row] + radii[others]), np.inf)
            at = int(np.argmin(ratios))
            if best is None or ratios[at] < best[0]:
                best = (float(ratios[at]), host.label, hosts[others[at]].label, float(distances[at]))
    return best


def _centre(structure: Structure, site: Site) -> NDArray[np.float64]:
    return (np.asarray(site.xyz) % 1.0) @ structure.cell.vectors


def _positions(structure: Structure) -> tuple[list[Site], NDArray[np.float64], NDArray[np.float64]]:
    """Each position once: its first site, its occupancy, its smallest radius (Å)."""
    hosts, filled, radii = [], {}, {}
    for site in structure.sites:
        key = site.shares or site.label
        if site.shares is None:
            hosts.append(site)
        filled[key] = filled.get(key, 0.0) + site.occupancy
        radii[key] = min(radii.get(key, np.inf), gemmi.Element(site.element).covalent_r)
    labels = [host.label for host in hosts]
    return hosts, np.array([filled[label] for label in labels]), np.array([radii[label] for label in labels])


def _surroundings(
    structure: Structure, hosts: Sequence[Site], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
    """Cartesian positions (Å) of the cell's atoms and of those within `reach` around it, and whose they are (rows).

    In the order of x; None where there are too many.
    """
    margin = reach * np.sqrt(np.diag(structure.cell.reciprocal_metric))  # over the distance of the cell's faces
    steps = np.ceil(margin)
    if sum(host.multiplicity for host in hosts) * np.prod(2.0 * steps + 1.0) > _MOST_IMAGES:
        return None
    orbits = [orbit(structure.group, host.xyz) for host in hosts]
    positions = np.concatenate(orbits)
    owner = np.repeat(np.arange(len(hosts)), [len(o) for o in orbits])
    points, owners = [], []
    for step in product(*(range(-int(n), int(n) + 1) for n in steps)):
        images = positions + np.array(step)
        kept = np.all((images > -margin - 1e-9) & (images < 1.0 + margin + 1e-9), axis=1)
        points.append(images[kept])
        owners.append(owner[kept])
    cartesian = np.concatenate(points) @ structure.cell.vectors
    order = np.argsort(cartesian[:, 0])
    return cartesian[order], np.concatenate(owners)[order]


def _near(
    points: NDArray[np.float64], owner: NDArray[np.int64], centre: NDArray[np.float64], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances from a centre to the points within reach, and whose these are."""
    low, high = np.searchsorted(points[:, 0], [centre[0] - reach, centre[0] + reach])
    distances = np.linalg.norm(points[low:high] - centre, axis=1)
    inside = distances < reach
    return distances[inside], owner[low:high][inside]
