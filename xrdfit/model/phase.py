"""What is in the sample: `Phase`, and the rows of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import cell_from_free, cell_names, free_coordinates
from xrdfit.diffraction.settings import EngineSettings, Shape
from xrdfit.errors import InputError
from xrdfit.model.composition import Rule
from xrdfit.model.equalities import ROUNDING
from xrdfit.model.instrument import DEFAULT_RADIUS_MM, Instrument
from xrdfit.parameters import CELL, PHASE, SITE, ParameterRow, row

Engine = Literal["bragg", "debye"]

LARGEST_NM: dict[Engine, float] = {"bragg": PHASE["size_nm"].maximum, "debye": 50.0}
"""The largest size of either engine."""
_NUMBERS = ("size_nm", "size_sigma", "microstrain", "b_overall", "mixing", "march_r", "size_ratio", "strain_ratio")


@dataclass(frozen=True)
class Phase:
    """One kind of crystal in the sample.

    Attributes
    ----------
    name : str
        Prefix of its parameters where the model holds several phases.
    structure : Structure
        Cell and sites.
    size_nm, size_sigma : float
        Scherrer length or diameter (nm) and σ of ln D of a lognormal distribution (0 for one size).
    microstrain, mixing, b_overall, march_r : float
        Strain ε; Lorentzian share of the sample's width; overall B (Å²); March–Dollase r (1 = none).
    size_ratio, strain_ratio : float
        Size and strain along `broadening_axis` over those across it, which `size_nm` and `microstrain` then are.
    shape : {"scherrer", "sphere"}
        Line shape of the Bragg engine.
    scherrer_k : float
        K of Γ = Kλ/(L cosθ).
    march_axis : tuple of int or None
        Axis of the preferred orientation.
    broadening_axis : tuple of int or None
        Axis (hkl) of crystallites that are ellipsoids of revolution, platelets or needles (Bragg engine).
    vary : tuple of str
        Names (without prefix) that a fit moves beside the usual ones.
    packing : tuple of (label, count)
        Sites that compete for one void: Σ count × occupancy ≤ 1 where a fit is asked to keep it.
    min_distance : float
        Cations nearer than this (Å) cannot both be there (Debye engine); 0 for no such rule.
    particle_um : float
        Diameter of its grains, µm, for Brindley's correction of weight fractions; 0 for none.
    engine : {"bragg", "debye"} or None
        The engine of this phase whatever a fit asks for: clusters beside a coarse impurity.

    Examples
    --------
    >>> import xrdfit as xf
    >>> phase = xf.load_model("cu2se-6nm").phases[0]
    >>> phase.atoms("Cu", prefix="")
    {'occ_Cu_8c': 8.0, 'occ_Cu_32f': 32.0}
    """

    name: str
    structure: Structure
    size_nm: float = 20.0
    size_sigma: float = 0.0
    microstrain: float = 0.0
    mixing: float = 0.5
    b_overall: float = 0.0
    march_r: float = 1.0
    size_ratio: float = 1.0
    strain_ratio: float = 1.0
    shape: Shape = "scherrer"
    scherrer_k: float = 0.9
    march_axis: tuple[int, int, int] | None = None
    broadening_axis: tuple[int, int, int] | None = None
    vary: tuple[str, ...] = ()
    packing: tuple[tuple[str, float], ...] = ()
    min_distance: float = 0.0
    particle_um: float = 0.0
    engine: Engine | None = None

    def rows(self, engine: Engine) -> list[ParameterRow]:
        """Parameters of this phase under an engine (its own, if it has one), without prefix."""
        engine = self.engine or engine
        rows = [row(PHASE["scale"]), *self._cell_rows(), *self._sample_rows(engine), *self._site_rows()]
        unknown = [name for name in self.vary if name not in {r.own_name for r in rows}]
        if unknown and engine == "bragg":
            raise InputError(
                f"phase {self.name!r} varies {unknown[0]!r}, which is no parameter of it; "
                f"it has {', '.join(r.own_name for r in rows)}"
            )
        return [replace(r, vary=True) if r.own_name in self.vary else r for r in rows]

    def _cell_rows(self) -> list[ParameterRow]:
        return [row(CELL[name], getattr(self.structure.cell, name)) for name in cell_names(self.structure.group)]

    def _sample_rows(self, engine: Engine) -> list[ParameterRow]:
        """Size, strain and the like, as far as the engine knows them."""
        scherrer = engine == "bragg" and self.shape == "scherrer"
        uniform = engine == "debye" or self.broadening_axis is None
        lacking = {"mixing": not scherrer, "march_r": engine == "debye" or self.march_axis is None}
        lacking |= {"size_ratio": uniform, "strain_ratio": uniform}
        size = {"maximum": LARGEST_NM[engine], "text": "Scherrer length" if scherrer else None}
        size["rough"] = engine == "debye"  # shells of pairs come and go as a cluster grows
        return [
            row(PHASE[name], getattr(self, name), **(size if name == "size_nm" else {}))  # pyright: ignore
            for name in _NUMBERS
            if not lacking.get(name)
        ]

    def _site_rows(self) -> list[ParameterRow]:
        rows = []
        for site in self.structure.sites:
            rows.append(row(SITE["occ"], site.occupancy, site=site.label))
            if site.shares is None:
                coordinates = free_values(self.structure, site.label)
                rows += [row(SITE[name], value, site=site.label) for name, value in coordinates.items()]
                rows.append(row(SITE["b"], site.b_iso, site=site.label))
        return rows

    def atoms(self, element: str, prefix: str) -> dict[str, float]:
        """Multiplicities of an element's sites, by the name of their occupancies.

        Raises
        ------
        InputError
            The phase holds no such element.
        """
        found = {f"{prefix}occ_{s.label}": float(s.multiplicity) for s in self.structure.sites if s.element == element}
        if not found:
            have = ", ".join(dict.fromkeys(s.element for s in self.structure.sites))
            raise InputError(f"phase {self.name!r} holds no {element}; it holds {have}")
        return found

    def rules(self, total: Mapping[str, float], prefix: str) -> list[Rule]:
        """Linear rules on the occupancies: totals of elements (atoms per cell), mixed sites and packing."""
        rules = []
        for element, atoms in total.items():
            sites = [s for s in self.structure.sites if s.element == element]
            capacity = sum(s.multiplicity for s in sites)
            if not sites or not 0 <= atoms <= capacity * (1 + ROUNDING):
                have = ", ".join(dict.fromkeys(s.element for s in self.structure.sites))
                limit = f"its sites hold 0 to {capacity}" if sites else f"the phase holds {have}"
                raise InputError(f"total {element}={atoms:g} atoms per cell is impossible: {limit}")
            rules.append(
                Rule(
                    {f"{prefix}occ_{s.label}": float(s.multiplicity) for s in sites},
                    atoms,
                    True,
                    f"{element}={atoms:g}",
                    counted=True,
                )
            )
        for host in self.structure.sites:
            guests = [s for s in self.structure.sites if s.shares == host.label]
            if guests:
                names = {f"{prefix}occ_{s.label}": 1.0 for s in (host, *guests)}
                rules.append(Rule(names, 1.0, False, f"{' + '.join(s.label for s in (host, *guests))} ≤ 1"))
        return rules

    def packing_rule(self, prefix: str) -> Rule:
        """One cation per void: Σ count × occupancy ≤ 1."""
        if not self.packing:
            raise InputError(f"phase {self.name!r} has no packing rule. Give one in its model file: packing = {{…}}")
        text = " + ".join(f"{count:g}·{label}" for label, count in self.packing) + " ≤ 1"
        return Rule({f"{prefix}occ_{label}": count for label, count in self.packing}, 1.0, False, text)

    def settings(self, instrument: Instrument, anomalous: bool, table: str = "chantler") -> EngineSettings:
        """The fixed choices of its engine."""
        held = {site.element for site in self.structure.sites}
        return EngineSettings(
            anomalous=anomalous,
            anomalous_table=table,  # pyright: ignore[reportArgumentType]  # checked by EngineSettings
            monochromator_deg=instrument.monochromator_deg or 0.0,
            radius_mm=instrument.radius_mm or DEFAULT_RADIUS_MM,
            shape=self.shape,
            scherrer_k=self.scherrer_k,
            march_axis=self.march_axis,
            broadening_axis=self.broadening_axis,
            slits=instrument.slits,
            film=instrument.film,
            capillary=instrument.capillary,
            polarized=instrument.polarization is not None,
            kalpha_ratio=instrument.kalpha_ratio is not None,
            extra_lines=instrument.extra_lines,
            f_prime=tuple(element for element, _ in instrument.f_prime if element in held),
            min_distance=self.min_distance,
        )


def free_values(structure: Structure, label: str) -> dict[str, float]:
    """Free coordinates of a site: name ("x") to value."""
    site = next(s for s in structure.sites if s.label == label)
    names = free_coordinates(structure.group, site.xyz).names
    return {name: float(site.xyz["xyz".index(name)]) for name in names}


def phase_with(phase: Phase, local: Mapping[str, float]) -> Phase:
    """Return the phase with other values of its parameters, under their own names."""
    structure = phase.structure
    cell = {n: local.get(n, float(getattr(structure.cell, n))) for n in cell_names(structure.group)}
    xyz = {}
    for site in structure.sites:
        moved = {n: local[f"{n}_{site.label}"] for n in "xyz" if f"{n}_{site.label}" in local}
        if moved:
            free = free_coordinates(structure.group, site.xyz)
            start = [float(site.xyz["xyz".index(n)]) for n in free.names]
            xyz[site.label] = tuple(
                free.offset + free.basis @ [moved.get(n, s) for n, s in zip(free.names, start, strict=True)]
            )
    for site in structure.sites:
        if site.shares in xyz:
            xyz[site.label] = xyz[site.shares]
    structure = structure.with_values(
        occupancy={s.label: local[f"occ_{s.label}"] for s in structure.sites if f"occ_{s.label}" in local},
        b_iso={
            s.label: local[f"b_{s.shares or s.label}"] for s in structure.sites if f"b_{s.shares or s.label}" in local
        },
        xyz=xyz,
        cell=cell_from_free(structure.group, cell),
    )
    return replace(phase, structure=structure, **{n: local[n] for n in _NUMBERS if n in local})
