"""What is thought to be in the sample and on the instrument, and the parameters that follow from it.

A `PowderModel` is one or more `Phase` objects, an `Instrument` and a background. It lists its parameters
(`PowderModel.rows`, `PowderModel.parameters`) and is bound to a scan's angles (`PowderModel.bind`), after
which only numbers move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from xrdfit.composition import Rule
from xrdfit.crystal.radiation import Radiation, radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import cell_from_free, cell_names, free_coordinates
from xrdfit.diffraction import bind
from xrdfit.diffraction.background import chebyshev_basis
from xrdfit.diffraction.protocol import BoundEngine
from xrdfit.diffraction.settings import EngineSettings, Shape, Slits
from xrdfit.errors import InputError
from xrdfit.ties import Tie

if TYPE_CHECKING:
    import lmfit

Array = NDArray[np.float64]
Engine = Literal["bragg", "debye"]

DEFAULT_RADIUS_MM = 150.0
DEFAULT_RADIATION = "cu-ka"
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

    def rows(self, engine: Engine) -> list[ParameterRow]:
        """Parameters of this phase, without prefix."""
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
            ParameterRow("size_nm", self.size_nm, 0.5, 1000.0, "nm", True, 0.2 * self.size_nm, size_text),
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
            if not sites or not 0 <= atoms <= capacity:
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


@dataclass(frozen=True)
class PowderModel:
    """Phases, instrument and background: all that a calculated pattern depends on.

    Attributes
    ----------
    name : str
        Name of the preset or file.
    phases : tuple of Phase
        One or more.
    instrument : Instrument
        Shared by all phases.
    background_order : int or None
        Order of the Chebyshev background; None takes 3 for a range up to 60°, else one more for each further 15°.
    ties : tuple of Tie
        Parameters that follow others.
    notes : tuple of str
        What had to be assumed while reading; a result repeats them as warnings.
    """

    name: str
    phases: tuple[Phase, ...]
    instrument: Instrument = field(default_factory=Instrument)
    background_order: int | None = None
    ties: tuple[Tie, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [p.name for p in self.phases]
        if not names:
            raise InputError(f"model {self.name!r} has no phase; it needs at least one")
        if len(set(names)) < len(names):
            raise InputError(
                f"model {self.name!r} has two phases called {max(names, key=names.count)!r}; names must differ"
            )

    def prefix(self, phase: Phase) -> str:
        """What stands before the names of the phase's parameters: "" for a single phase."""
        return f"{phase.name}__" if len(self.phases) > 1 else ""

    def order(self, two_theta: Array) -> int:
        """Order of the background for a grid."""
        if self.background_order is not None:
            return self.background_order
        span = float(two_theta[-1] - two_theta[0])
        return 3 + max(0, int(np.ceil((span - 60.0) / 15.0)))

    def rows(self, engine: Engine, background_order: int = 3) -> list[ParameterRow]:
        """Every parameter of the model under an engine, in a fixed order."""
        rows: list[ParameterRow] = []
        for phase in self.phases:
            prefix = self.prefix(phase)
            rows.append(ParameterRow(f"{prefix}scale", 1.0, 0.0, np.inf, "", True, 1.0, "scale, per unit cell"))
            rows += [replace(r, name=prefix + r.name) for r in phase.rows(engine)]
        rows += self._instrument_rows()
        rows += [
            ParameterRow(f"bkg_{i}", 0.0, -np.inf, np.inf, "counts", True, 1.0, f"Chebyshev coefficient {i}")
            for i in range(background_order + 1)
        ]
        known = {r.name for r in rows}
        for tie in self.ties:
            missing = [n for n in sorted({tie.target, *tie.sources}) if n not in known]
            if missing and engine == "bragg":
                raise InputError(
                    f"tie {tie.text!r} names {missing[0]!r}, which is no parameter; there are {', '.join(known)}"
                )
        return rows

    def _instrument_rows(self) -> list[ParameterRow]:
        i = self.instrument
        return [
            ParameterRow("zero_deg", i.zero_deg, -1.0, 1.0, "degree", False, 0.05, "zero shift in 2θ"),
            ParameterRow("displacement_mm", i.displacement_mm, -2.0, 2.0, "mm", False, 0.05, "specimen displacement"),
            ParameterRow("U", i.U, 0.0, 5.0, "degree²", False, 0.01, "Caglioti U"),
            ParameterRow("V", i.V, -5.0, 5.0, "degree²", False, 0.01, "Caglioti V"),
            ParameterRow("W", i.W, 0.0, 5.0, "degree²", False, 0.005, "Caglioti W"),
            ParameterRow("X", i.X, 0.0, 5.0, "degree", False, 0.02, "Lorentzian X (tanθ)"),
            ParameterRow("Y", i.Y, 0.0, 5.0, "degree", False, 0.02, "Lorentzian Y (1/cosθ)"),
            ParameterRow("S_L", i.S_L, 0.0, 0.2, "", False, 0.01, "axial divergence, sample"),
            ParameterRow("H_L", i.H_L, 0.0, 0.2, "", False, 0.01, "axial divergence, slit"),
            *([ParameterRow("mu_t", i.mu_t, 1e-4, 100.0, "", False, 0.2, "absorption × thickness")] if i.film else []),
        ]

    def parameters(self, engine: Engine = "bragg", background_order: int = 3) -> lmfit.Parameters:
        """Return the model's parameters as `lmfit.Parameters`, with values, limits and what varies by default."""
        import lmfit

        params = lmfit.Parameters()
        for r in self.rows(engine, background_order):
            params.add(r.name, value=r.value, min=r.minimum, max=r.maximum, vary=r.vary)
        return params

    def bind(
        self, two_theta: Array, engine: Engine = "bragg", *, anomalous: bool = True, table: str = "chantler"
    ) -> BoundModel:
        """Lower the model to arrays on a grid.

        Parameters
        ----------
        two_theta : ndarray, shape (n,)
            Scattering angles, degree, ascending.
        engine : {"bragg", "debye"}
            How the phases' patterns are computed.
        anomalous : bool
            Whether f′ and f″ are added.
        table : {"chantler", "cromer-liberman"}
            Where they come from.
        """
        rays = self.radiation()
        engines = tuple(
            bind(engine, p.structure, two_theta, rays, p.settings(self.instrument, anomalous, table))
            for p in self.phases
        )
        return BoundModel(
            two_theta=two_theta,
            radiation=rays,
            engines=engines,
            prefixes=tuple(self.prefix(p) for p in self.phases),
            background=chebyshev_basis(two_theta, self.order(two_theta)),
        )

    def radiation(self) -> Radiation:
        """The radiation of the instrument, or the default."""
        given = self.instrument.radiation
        if isinstance(given, Radiation):
            return given
        return radiation(DEFAULT_RADIATION if given is None else given)

    def with_values(self, values: Mapping[str, float]) -> PowderModel:
        """Return the model with other values, such as those of a fit."""
        own = {k: v for k, v in values.items() if k in Instrument.__dataclass_fields__}
        phases = tuple(_phase_with(p, values, self.prefix(p)) for p in self.phases)
        return replace(self, phases=phases, instrument=replace(self.instrument, **own))


def _phase_with(phase: Phase, values: Mapping[str, float], prefix: str) -> Phase:
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


@dataclass(frozen=True)
class BoundModel:
    """A model on a grid: a pattern a phase, and a background; linear in scales and background coefficients.

    Attributes
    ----------
    two_theta : ndarray, shape (n,)
    radiation : Radiation
    engines : tuple of BoundEngine
        One a phase.
    prefixes : tuple of str
        Of the phases' parameters.
    background : ndarray, shape (n, order + 1)
        Chebyshev polynomials on the grid.
    """

    two_theta: Array
    radiation: Radiation
    engines: tuple[BoundEngine, ...]
    prefixes: tuple[str, ...]
    background: Array

    def patterns(self, values: Mapping[str, float]) -> Array:
        """Return each phase's pattern at unit scale, shape (n, n_phases)."""
        return np.column_stack([e.pattern(_local(values, p)) for e, p in zip(self.engines, self.prefixes, strict=True)])

    def jacobians(self, values: Mapping[str, float], names: Sequence[str]) -> tuple[Array, Array]:
        """Return the patterns (n, n_phases) and their derivatives by `names` (n, n_phases, n_names)."""
        n = len(self.two_theta)
        patterns = np.empty((n, len(self.engines)))
        slopes = np.zeros((n, len(self.engines), len(names)))
        for p, (engine, prefix) in enumerate(zip(self.engines, self.prefixes, strict=True)):
            known = set(engine.names)
            own = [(k, _bare(name, prefix)) for k, name in enumerate(names)]
            own = [(k, bare) for k, bare in own if bare in known]
            patterns[:, p], part = engine.jacobian(_local(values, prefix), [bare for _, bare in own])
            slopes[:, p, [k for k, _ in own]] = part
        return patterns, slopes


def _bare(name: str, prefix: str) -> str:
    """The engine's own name of a parameter; "" where it belongs to another phase."""
    if prefix and name.startswith(prefix):
        return name.removeprefix(prefix)
    return "" if "__" in name else name


def _local(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {bare: v for k, v in values.items() if (bare := _bare(k, prefix))}
