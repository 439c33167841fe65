"""What is in the sample and on the instrument: `Phase`, `Instrument`, and the rows of their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from xrdfit.crystal.radiation import Radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import cell_from_free, cell_names, free_coordinates
from xrdfit.diffraction.settings import EngineSettings, Shape, Slits
from xrdfit.errors import InputError
from xrdfit.model.composition import Rule
from xrdfit.model.equalities import ROUNDING

Engine = Literal["bragg", "debye"]

DEFAULT_RADIUS_MM = 150.0
LARGEST_NM: dict[Engine, float] = {"bragg": 1000.0, "debye": 50.0}
_CELL_RANGE = 0.03


@dataclass(frozen=True)
class ParameterRow:
    """One parameter: what it is called, what it starts from and where it may go.

    Attributes
    ----------
    name : str
        Name with the phase's prefix, if any.
    value, minimum, maximum : float
        Start and limits, in `unit`.
    unit : str
        Unit, "" where there is none.
    vary : bool
        Whether a fit moves it unless told otherwise.
    step : float
        A change that matters, in `unit`: the optimizer's yardstick.
    text : str
        What it is.
    """

    name: str
    value: float
    minimum: float
    maximum: float
    unit: str
    vary: bool
    step: float
    text: str


@dataclass(frozen=True)
class Instrument:
    """The diffractometer. None means "not known here": the scan's header decides, else the default.

    Attributes
    ----------
    radiation : str, float, Radiation or None
        Name ("cu-ka"), wavelength in Å, or the lines themselves.
    radius_mm, monochromator_deg : float or None
        Goniometer radius; 2θ_M of a monochromator (0 without).
    zero_deg, displacement_mm : float
        Zero shift; displacement of a flat specimen (a negative one raises 2θ).
    U, V, W, X, Y : float
        Gaussian FWHM² = U tan²θ + V tanθ + W (degree²), Lorentzian FWHM = X tanθ + Y/cosθ (degree).
    S_L, H_L : float
        Axial divergence: half heights of sample and slit over the radius (Finger, Cox & Jephcoat 1994).
    slits : {"fixed", "automatic"}
        Divergence slits.
    film : bool
        Whether the specimen is a film that the beam passes through, of thickness × absorption `mu_t`.
    mu_t : float
        Absorption coefficient × thickness of the film.
    """

    radiation: str | float | Radiation | None = None
    radius_mm: float | None = None
    monochromator_deg: float | None = None
    zero_deg: float = 0.0
    displacement_mm: float = 0.0
    U: float = 0.0
    V: float = 0.0
    W: float = 0.0
    X: float = 0.0
    Y: float = 0.0
    S_L: float = 0.0
    H_L: float = 0.0
    slits: Slits = "fixed"
    film: bool = False
    mu_t: float = 1.0


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
    shape : {"scherrer", "sphere"}
        Line shape of the Bragg engine.
    scherrer_k : float
        K of Γ = Kλ/(L cosθ).
    march_axis : tuple of int or None
        Axis of the preferred orientation.
    vary : tuple of str
        Names (without prefix) that a fit moves beside the usual ones.
    packing : tuple of (label, count)
        Sites that compete for one void: Σ count × occupancy ≤ 1 where a fit is asked to keep it.
    min_distance : float
        Cations nearer than this (Å) cannot both be there (Debye engine); 0 for no such rule.
    engine : {"bragg", "debye"} or None
        The engine of this phase whatever a fit asks for: clusters beside a coarse impurity.
    """

    name: str
    structure: Structure
    size_nm: float = 20.0
    size_sigma: float = 0.0
    microstrain: float = 0.0
    mixing: float = 0.5
    b_overall: float = 0.0
    march_r: float = 1.0
    shape: Shape = "scherrer"
    scherrer_k: float = 0.9
    march_axis: tuple[int, int, int] | None = None
    vary: tuple[str, ...] = ()
    packing: tuple[tuple[str, float], ...] = ()
    min_distance: float = 0.0
    engine: Engine | None = None

    def rows(self, engine: Engine) -> list[ParameterRow]:
        """Parameters of this phase under an engine (its own, if it has one), without prefix."""
        engine = self.engine or engine
        rows = [*self._cell_rows(), *self._sample_rows(engine), *self._site_rows()]
        unknown = [name for name in self.vary if name not in {r.name for r in rows}]
        if unknown and engine == "bragg":
            raise InputError(
                f"phase {self.name!r} varies {unknown[0]!r}, which is no parameter of it; "
                f"it has {', '.join(r.name for r in rows)}"
            )
        return [replace(r, vary=True) if r.name in self.vary else r for r in rows]

    def _cell_rows(self) -> list[ParameterRow]:
        rows = []
        for name in cell_names(self.structure.group):
            value = float(getattr(self.structure.cell, name))
            angle = name in ("alpha", "beta", "gamma")
            unit, word = ("degree", "cell angle") if angle else ("Å", "lattice parameter")
            rows.append(
                ParameterRow(
                    name, value, value * (1 - _CELL_RANGE), value * (1 + _CELL_RANGE), unit, True, 0.003 * value, word
                )
            )
        return rows

    def _sample_rows(self, engine: Engine) -> list[ParameterRow]:
        size_text = "Scherrer length" if engine == "bragg" and self.shape == "scherrer" else "sphere diameter"
        rows = [
            ParameterRow("size_nm", self.size_nm, 0.5, LARGEST_NM[engine], "nm", True, 0.2 * self.size_nm, size_text),
            ParameterRow("size_sigma", self.size_sigma, 0.0, 1.0, "", False, 0.1, "σ of ln D of the size distribution"),
            ParameterRow("microstrain", self.microstrain, 0.0, 0.1, "", False, 0.002, "microstrain ε"),
            ParameterRow("b_overall", self.b_overall, -2.0, 20.0, "Å²", False, 0.5, "overall displacement B"),
        ]
        if engine == "bragg":
            if self.shape == "scherrer":
                text = "Lorentzian share of the sample's width"
                rows.append(ParameterRow("mixing", self.mixing, 0.0, 1.0, "", True, 0.2, text))
            if self.march_axis is not None:
                rows.append(ParameterRow("march_r", self.march_r, 0.1, 10.0, "", False, 0.1, "March–Dollase r"))
        return rows

    def _site_rows(self) -> list[ParameterRow]:
        rows = []
        for site in self.structure.sites:
            rows.append(
                ParameterRow(
                    f"occ_{site.label}", site.occupancy, 0.0, 1.0, "", False, 0.1, f"occupancy of {site.label}"
                )
            )
            if site.shares is None:
                for name, value in free_values(self.structure, site.label).items():
                    rows.append(
                        ParameterRow(
                            f"{name}_{site.label}", value, value - 0.05, value + 0.05, "", False, 0.005,
                            f"coordinate {name} of {site.label}",
                        )
                    )  # fmt: skip
                rows.append(
                    ParameterRow(f"b_{site.label}", site.b_iso, -2.0, 20.0, "Å²", False, 0.5, f"B of {site.label}")
                )
        return rows

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
        return EngineSettings(
            anomalous=anomalous,
            anomalous_table=table,  # pyright: ignore[reportArgumentType]  # checked by EngineSettings
            monochromator_deg=instrument.monochromator_deg or 0.0,
            radius_mm=instrument.radius_mm or DEFAULT_RADIUS_MM,
            shape=self.shape,
            scherrer_k=self.scherrer_k,
            march_axis=self.march_axis,
            slits=instrument.slits,
            film=instrument.film,
            min_distance=self.min_distance,
        )


def free_values(structure: Structure, label: str) -> dict[str, float]:
    """Free coordinates of a site: name ("x") to value."""
    site = next(s for s in structure.sites if s.label == label)
    names = free_coordinates(structure.group, site.xyz).names
    return {name: float(site.xyz["xyz".index(name)]) for name in names}


def phase_with(phase: Phase, values: Mapping[str, float], prefix: str) -> Phase:
    """Return the phase with the values of those parameters that carry its prefix."""
    local = {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}
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
    fields = ("size_nm", "size_sigma", "microstrain", "mixing", "b_overall", "march_r")
    return replace(phase, structure=structure, **{n: local[n] for n in fields if n in local})
