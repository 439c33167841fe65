"""What is thought to be in the sample and on the instrument, and the parameters that follow from it.

A `PowderModel` is one or more `Phase` objects, an `Instrument` and a background. It lists its parameters
(`PowderModel.rows`, `PowderModel.parameters`) and is bound to a scan's angles (`PowderModel.bind`), after
which only numbers move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Radiation, radiation
from xrdfit.diffraction import bind
from xrdfit.diffraction.background import chebyshev_basis
from xrdfit.diffraction.protocol import BoundEngine
from xrdfit.errors import InputError
from xrdfit.model.phase import DEFAULT_RADIUS_MM, Engine, Instrument, ParameterRow, Phase, phase_with
from xrdfit.model.ties import Tie

if TYPE_CHECKING:
    import lmfit

__all__ = ["DEFAULT_RADIATION", "DEFAULT_RADIUS_MM", "BoundModel", "Instrument", "ParameterRow", "Phase", "PowderModel"]

Array = NDArray[np.float64]

DEFAULT_RADIATION = "cu-ka"


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
            solved = [n for n in sorted({tie.target, *tie.sources}) if _is_linear(n)]
            if solved:
                raise InputError(f"tie {tie.text!r}: {solved[0]} is solved for in each step and cannot be tied")
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
            bind(p.engine or engine, p.structure, two_theta, rays, p.settings(self.instrument, anomalous, table))
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
        phases = tuple(phase_with(p, values, self.prefix(p)) for p in self.phases)
        return replace(self, phases=phases, instrument=replace(self.instrument, **own))


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


def _is_linear(name: str) -> bool:
    bare = name.rpartition("__")[2]
    return bare == "scale" or bare.startswith("bkg_")


def _bare(name: str, prefix: str) -> str:
    """The engine's own name of a parameter; "" where it belongs to another phase."""
    if prefix and name.startswith(prefix):
        return name.removeprefix(prefix)
    return "" if "__" in name else name


def _local(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {bare: v for k, v in values.items() if (bare := _bare(k, prefix))}
