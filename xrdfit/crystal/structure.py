"""Crystal structures: sites in a cell under a space group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.crystal.groups import SpaceGroup
from xrdfit.crystal.lattice import Cell, check_cell
from xrdfit.crystal.scattering import isotope, normal_species, split_species
from xrdfit.crystal.sites import TOLERANCE, Places, snap, wyckoff, wyckoff_positions
from xrdfit.errors import InputError

if TYPE_CHECKING:
    import pymatgen.core

_B_LIMITS = (-10.0, 100.0)  # Å²; a refined B may be slightly below zero
_SUM_TOLERANCE = 2e-3  # occupancies printed to three decimals
MOST_ROUNDED_SUM = 1.02  # published occupancies that sum to more than this are no rounding
_ROUNDED_PLACE = 1.001e-3  # fractional; coordinates printed to three decimals
_MOST_NOTES = 3


@dataclass(frozen=True)
class Site:
    """One species on one Wyckoff position.

    Attributes
    ----------
    label : str
        ``"Cu_8c"``; a suffix tells repetitions apart (``"Cu_32f_2"``).
    species : str
        Element, ion or isotope: ``"Cu"``, ``"Cu1+"``, ``"7Li"``, ``"D"``.
    wyckoff : str
        Multiplicity in the cell of this setting and letter: ``"8c"``.
    xyz : tuple of float
        Fractional coordinates of a representative.
    occupancy : float
        0 to 1; above 1 only where a fit was allowed to go there, as for a heavier atom on the site.
    b_iso : float
        Isotropic displacement parameter B = 8π²U in Å².
    shares : str or None
        Label of the earlier site whose position and B this one shares; the occupancies of all that share one
        position sum to at most 1 when a structure is built.

    Examples
    --------
    >>> import xrdfit as xf
    >>> site = xf.load_model("cu2se-6nm").phases[0].structure["Cu_8c"]
    >>> (site.wyckoff, site.multiplicity, site.occupancy)
    ('8c', 8, 0.37)
    """

    label: str
    species: str
    wyckoff: str
    xyz: tuple[float, float, float]
    occupancy: float = 1.0
    b_iso: float = 0.0
    shares: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.occupancy < inf:
            raise InputError(f"occupancy of {self.label}: {self.occupancy:g} is out of range; 0 or more is allowed")
        if not _B_LIMITS[0] <= self.b_iso <= _B_LIMITS[1]:
            raise InputError(
                f"B of {self.label}: {self.b_iso:g} Å² is out of range; {_B_LIMITS[0]:g} to {_B_LIMITS[1]:g} is allowed"
            )
        if len(self.xyz) != 3 or not np.all(np.isfinite(self.xyz)):
            raise InputError(f"position of {self.label}: {self.xyz}; three finite fractional coordinates are allowed")

    @property
    def element(self) -> str:
        """Element symbol without the charge."""
        return split_species(self.species)[0]

    @property
    def multiplicity(self) -> int:
        """Number of equivalent positions in the cell."""
        return int(self.wyckoff[:-1])


@dataclass(frozen=True)
class Structure:
    """A crystal structure.

    Attributes
    ----------
    name : str
    group : SpaceGroup
    cell : Cell
        It fits the group.
    sites : tuple of Site
    source : str
        Where the structure comes from.
    notes : tuple of str
        What a reader had to assume.

    Examples
    --------
    >>> import xrdfit as xf
    >>> structure = xf.load_model("cu2se-6nm").phases[0].structure
    >>> {element: round(atoms, 3) for element, atoms in structure.composition().items()}
    {'Se': 4.0, 'Cu': 8.0}
    """

    name: str
    group: SpaceGroup
    cell: Cell
    sites: tuple[Site, ...]
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_cell(self.group, self.cell)
        seen: dict[str, Site] = {}
        for site in self.sites:
            host = site.shares or site.label
            if site.label in seen:
                raise InputError(f"structure {self.name}: two sites are called {site.label}; labels must differ")
            if site.shares and (site.shares not in seen or seen[site.shares].shares):
                raise InputError(f"site {site.label}: shares {site.shares!r}, which is no earlier site of its own")
            if site.shares and (site.xyz, site.b_iso) != (seen[host].xyz, seen[host].b_iso):
                raise InputError(f"site {site.label}: position and B must equal those of {host}, which it shares")
            seen[site.label] = site

    @classmethod
    def from_sites(
        cls,
        name: str,
        group: SpaceGroup,
        cell: Cell,
        rows: Iterable[Mapping[str, Any]],
        source: str = "",
        notes: Sequence[str] = (),
        *,
        rounded: bool = False,
    ) -> Structure:
        """Build a structure from plain rows; labels are made, and rounded special positions made exact.

        Parameters
        ----------
        name : str
        group : SpaceGroup
        cell : Cell
        rows : iterable of mapping
            Each with ``species`` and ``xyz``, and optionally ``wyckoff`` (``"8c"``, checked against the position; with
            it a position without free coordinates needs no ``xyz``), ``occupancy`` (1) and ``b_iso`` (0 Å²). A row at
            the position of an earlier one shares it.
        source : str
        notes : sequence of str
        rounded : bool
            Whether the rows are printed values, as those of a publication: a row within 0.001 of an earlier one shares
            its position, and occupancies that sum to at most 1.02 on a position are scaled to 1, both with a note.

        Raises
        ------
        InputError
            A row lacks something or contradicts itself, or a value is out of range.
        """
        builder = _Builder(group, list(notes), _ROUNDED_PLACE if rounded else 5 * TOLERANCE)
        for row in rows:
            builder.add(row)
        if not builder.sites:
            raise InputError(f"structure {name}: it has no sites; one at least is needed")
        if rounded:
            builder.scale_sums()
        _check_full(builder.sites)
        return cls(name, group, cell, tuple(builder.sites), source, tuple(builder.all_notes()))

    @classmethod
    def from_pymatgen(cls, structure: pymatgen.core.Structure, name: str | None = None) -> Structure:
        """Convert from pymatgen; see `xrdfit.crystal.convert.from_pymatgen`."""
        from xrdfit.crystal.convert import from_pymatgen

        return from_pymatgen(structure, name)

    def to_pymatgen(self) -> pymatgen.core.Structure:
        """Convert to pymatgen; see `xrdfit.crystal.convert.to_pymatgen`."""
        from xrdfit.crystal.convert import to_pymatgen

        return to_pymatgen(self)

    def __getitem__(self, label: str) -> Site:
        """Site of that label."""
        for site in self.sites:
            if site.label == label:
                return site
        raise InputError(f"site {label!r}: {self.name} has none of that name; {', '.join(s.label for s in self.sites)}")

    def composition(self) -> dict[str, float]:
        """Atoms per cell of each element, Σ m_j o_j, in the order of the sites."""
        atoms: dict[str, float] = {}
        for site in self.sites:
            atoms[site.element] = atoms.get(site.element, 0.0) + site.multiplicity * site.occupancy
        return atoms

    def with_values(
        self,
        occupancy: Mapping[str, float] | None = None,
        xyz: Mapping[str, Sequence[float]] | None = None,
        b_iso: Mapping[str, float] | None = None,
        cell: Cell | None = None,
    ) -> Structure:
        """Copy with other values; a site that shares follows the one that it shares with.

        Parameters
        ----------
        occupancy, xyz, b_iso : mapping from label to value
            0 to 1; three fractional coordinates; Å².
        cell : Cell

        Raises
        ------
        InputError
            An unknown label, or a value that the structure cannot have.
        """
        occupancy, xyz, b_iso = occupancy or {}, xyz or {}, b_iso or {}
        for label in (*occupancy, *xyz, *b_iso):
            self[label]
        sites = []
        for site in self.sites:
            host = self[site.shares] if site.shares else site
            x, y, z = xyz.get(host.label, host.xyz)
            changed = replace(
                site,
                occupancy=float(occupancy.get(site.label, site.occupancy)),
                xyz=(float(x), float(y), float(z)),
                b_iso=float(b_iso.get(host.label, host.b_iso)),
            )
            sites.append(changed)
        return replace(self, sites=tuple(sites), cell=cell or self.cell)


def _check_full(sites: Iterable[Site]) -> None:
    """Refuse more atoms on a position than one; only a fit that was asked to may end there."""
    sums: dict[str, float] = {}
    for site in sites:
        host = site.shares or site.label
        sums[host] = sums.get(host, 0.0) + site.occupancy
        if site.occupancy > 1.0:
            raise InputError(f"occupancy of {site.label}: {site.occupancy:g} is out of range; 0 to 1 is allowed")
        if sums[host] > 1.0 + _SUM_TOLERANCE:
            raise InputError(f"occupancies on {host}: they sum to {sums[host]:.4f}; at most 1 is allowed")


class _Builder:
    """Collects rows into sites: snaps, labels, finds who shares a position."""

    def __init__(self, group: SpaceGroup, notes: list[str], same_place: float) -> None:
        self.group = group
        self.notes = notes
        self.sites: list[Site] = []
        self.hosts: list[Site] = []
        self.places = Places(same_place)
        self.counts: dict[str, int] = {}
        self.alike: dict[str, list[str]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        unknown = set(row) - {"species", "xyz", "wyckoff", "occupancy", "b_iso"}
        if unknown or "species" not in row:
            problem = f"unknown {', '.join(sorted(unknown))}" if unknown else "species lacking"
            raise InputError(f"site {dict(row)}: {problem}; allowed are species, xyz, wyckoff, occupancy, b_iso")
        species = normal_species(str(row["species"]))
        element = split_species(species)[0]
        xyz = self._position(element, row)
        letter = wyckoff(self.group, xyz)
        if row.get("wyckoff") not in (None, letter):
            raise InputError(
                f"site {element} at {_triplet(xyz)}: Wyckoff position {row['wyckoff']} does not fit; it is {letter}"
            )
        host, apart = self._host(xyz)
        b_iso = float(row.get("b_iso", 0.0))
        symbol = "D" if element == "H" and isotope(species) == 2 else element
        label = self._label(f"{symbol}_{host.wyckoff if host else letter}")
        if host is not None:
            if apart > 5 * TOLERANCE:
                self._note("its coordinates agree to 0.001 with", f"{label}: {{}} those of {host.label}; one position")
            xyz, letter = host.xyz, host.wyckoff
            if abs(host.b_iso - b_iso) > 1e-6:
                said = f"{label}: shares the position of {host.label}, whose B {host.b_iso:.4g} Å² is used"
                self._note("", said)
                b_iso = host.b_iso
        shares = host.label if host else None
        site = Site(label, species, letter, xyz, float(row.get("occupancy", 1.0)), b_iso, shares)
        self.sites.append(site)
        if host is None:
            self.hosts.append(site)
            self.places.add(xyz)

    def scale_sums(self) -> None:
        """Scale occupancies to a sum of 1 where they exceed it by what rounding explains."""
        sums: dict[str, float] = {}
        for site in self.sites:
            host = site.shares or site.label
            sums[host] = sums.get(host, 0.0) + site.occupancy
        for at, site in enumerate(self.sites):
            total = sums[site.shares or site.label]
            if 1.0 + 1e-9 < total <= MOST_ROUNDED_SUM:
                self.sites[at] = replace(site, occupancy=site.occupancy / total)
        over = {host: total for host, total in sums.items() if 1.0 + 1e-6 < total <= MOST_ROUNDED_SUM}
        for host, total in over.items():
            self._note("occupancies", f"occupancies on {host} sum to {total:.4g}: scaled to 1, as rounding explains")

    def _note(self, kind: str, text: str) -> None:
        self.alike.setdefault(kind, []).append(text.replace("{}", kind))

    def all_notes(self) -> list[str]:
        """Notes; of many alike the first, and how many more there are."""
        found = list(self.notes)
        for texts in self.alike.values():
            found += texts[:_MOST_NOTES]
            if len(texts) > _MOST_NOTES:
                found[-1] += f" (and {len(texts) - _MOST_NOTES} more like this)"
        return found

    def _position(self, element: str, row: Mapping[str, Any]) -> tuple[float, float, float]:
        if row.get("xyz") is None:
            return self._fixed_position(element, row.get("wyckoff"))
        given = np.array([float(value) for value in row["xyz"]])
        exact = snap(self.group, given)
        shift = float(np.abs(exact - given).max())
        if shift > 5e-4:
            said = f"{element} at {_triplet(given)}: moved by {shift:.4f} onto the special position {_triplet(exact)}"
            self._note("moved", said)
        return float(exact[0]), float(exact[1]), float(exact[2])

    def _fixed_position(self, element: str, label: str | None) -> tuple[float, float, float]:
        rows = {row.label: row for row in wyckoff_positions(self.group)}
        if label not in rows:
            raise InputError(f"site {element}: xyz lacking, and {label!r} is none of {', '.join(rows)}")
        if any(axis in rows[label].triplet for axis in "xyz") or not self.group.gemmi.is_reference_setting():
            raise InputError(f"site {element} on {label}: xyz lacking; ({rows[label].triplet}) does not fix it")
        x, y, z = rows[label].representative
        return x, y, z

    def _host(self, xyz: tuple[float, float, float]) -> tuple[Site | None, float]:
        """Earlier site at an equivalent position, and how far off (fractional) it is."""
        found = self.places.nearest(self.group.rotations @ np.array(xyz) + self.group.translations)
        return (self.hosts[found[0]], found[1]) if found else (None, 0.0)

    def _label(self, stem: str) -> str:
        self.counts[stem] = count = self.counts.get(stem, 0) + 1
        return stem if count == 1 else f"{stem}_{count}"


def _triplet(xyz: Iterable[float]) -> str:
    return "(" + ", ".join(f"{value:.5g}" for value in xyz) + ")"
