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

from xrdfit.crystal.radiation import Line, Radiation, radiation
from xrdfit.diffraction import bind
from xrdfit.diffraction.background import BoundBackground, Chebyshev, Component, background_rows, bind_background
from xrdfit.diffraction.probe import Probe
from xrdfit.diffraction.protocol import BoundEngine
from xrdfit.errors import InputError
from xrdfit.model.instrument import Instrument
from xrdfit.model.phase import Engine, Phase, phase_with
from xrdfit.model.ties import Tie
from xrdfit.parameters import ParameterRow, relabelled

if TYPE_CHECKING:
    import lmfit

Array = NDArray[np.float64]

DEFAULT_RADIATION = "cu-ka"
DEFAULT_BACKGROUND: tuple[Component, ...] = (Chebyshev(),)


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
    background : tuple of Component
        What lies beneath the lines; a Chebyshev polynomial whose order follows the range where nothing is named.
    ties : tuple of Tie
        Parameters that follow others.
    notes : tuple of str
        What had to be assumed while reading; a result repeats them as warnings.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import xrdfit as xf
    >>> model = xf.load_model("cu2se-6nm")
    >>> larger = replace(model, phases=(replace(model.phases[0], size_nm=12.0),))
    >>> [r.name for r in larger.rows("bragg") if r.vary][:3]
    ['scale', 'a', 'size_nm']
    """

    name: str
    phases: tuple[Phase, ...]
    instrument: Instrument = field(default_factory=Instrument)
    background: tuple[Component, ...] = DEFAULT_BACKGROUND
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

    def label(self, phase: Phase) -> str:
        """What a phase's parameters are marked with: "" for a single phase."""
        return phase.name if len(self.phases) > 1 else ""

    def prefix(self, phase: Phase) -> str:
        """What stands before the names of the phase's parameters: "" for a single phase."""
        return f"{phase.name}__" if len(self.phases) > 1 else ""

    def rows(self, engine: Engine, two_theta: Array | None = None) -> list[ParameterRow]:
        """Every parameter of the model under an engine, in a fixed order; those of the background on a grid only."""
        rows: list[ParameterRow] = []
        for phase in self.phases:
            rows += relabelled(phase.rows(engine), phase=self.label(phase))
        rows += self.instrument.rows()
        if two_theta is not None:
            rows += background_rows(self.background, two_theta)
        self._check_ties(rows, engine)
        return rows

    def _check_ties(self, rows: Sequence[ParameterRow], engine: Engine) -> None:
        known = {r.name: r for r in rows}
        for tie in self.ties:
            named = sorted({tie.target, *tie.sources})
            solved = [n for n in named if (n in known and known[n].kind.linear) or n.startswith("bkg_")]
            if solved:
                raise InputError(f"tie {tie.text!r}: {solved[0]} is solved for in each step and cannot be tied")
            missing = [n for n in named if n not in known]
            if missing and engine == "bragg":
                raise InputError(
                    f"tie {tie.text!r} names {missing[0]!r}, which is no parameter; there are {', '.join(known)}"
                )

    def parameters(self, engine: Engine = "bragg", two_theta: Array | None = None) -> lmfit.Parameters:
        """Return what a fit starts from as `lmfit.Parameters`: values, limits and what varies.

        Parameters
        ----------
        engine : {"bragg", "debye"}
        two_theta : ndarray, shape (n,), optional
            Grid of the scan; with it the background's parameters are among them.
        """
        import lmfit

        params = lmfit.Parameters()
        for r in self.rows(engine, two_theta):
            params.add(r.name, value=r.value, min=r.minimum, max=r.maximum, vary=r.vary)
        return params

    def bind(
        self,
        two_theta: Array,
        engine: Engine = "bragg",
        *,
        anomalous: bool = True,
        table: str = "chantler",
        rows: Sequence[ParameterRow] | None = None,
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
        rows : sequence of ParameterRow, optional
            The model's parameters on this grid under the names that they have in a fit; its own by default.
        """
        rays = self.radiation()
        rows = self.rows(engine, two_theta) if rows is None else rows
        engines = tuple(
            bind(p.engine or engine, p.structure, two_theta, rays, p.settings(self.instrument, anomalous, table))
            for p in self.phases
        )
        shared = {r.own_name: r.name for r in rows if not r.phase}
        keys = tuple(
            shared | {r.own_name: r.name for r in rows if r.phase == self.label(p)} if len(self.phases) > 1 else shared
            for p in self.phases
        )
        return BoundModel(
            two_theta=two_theta,
            radiation=rays,
            engines=engines,
            keys=keys,
            background=bind_background(self.background, two_theta, shared),
        )

    def radiation(self) -> Radiation:
        """The radiation of the instrument, or the default."""
        given = self.instrument.radiation
        if isinstance(given, Radiation):
            return given
        return radiation(DEFAULT_RADIATION if given is None else given)

    def with_radiation(self, given: str | float | Radiation) -> PowderModel:
        """Return the model under another radiation; neutrons find nothing on the instrument that only X-rays have."""
        rays = given if isinstance(given, Radiation) else radiation(given)
        instrument = self.instrument.for_neutrons() if rays.neutron else self.instrument
        return replace(self, instrument=replace(instrument, radiation=given))

    def lines(self) -> tuple[Line, ...]:
        """Spectral lines with the weights that the instrument gives them; what comes beside Kα is on top of 1."""
        probe = Probe(self.radiation(), self.phases[0].settings(self.instrument, True))
        weights = probe.weights({r.own_name: r.value for r in self.instrument.rows()})
        return tuple(replace(line, weight=float(w)) for line, w in zip(probe.lines, weights, strict=True))

    def with_values(self, values: Mapping[str, float]) -> PowderModel:
        """Return the model with other values, such as those of a fit."""
        phases = tuple(
            phase_with(p, {r.own_name: values[n] for r, n in self._named(p) if n in values}) for p in self.phases
        )
        return replace(self, phases=phases, instrument=self.instrument.with_values(values))

    def _named(self, phase: Phase) -> list[tuple[ParameterRow, str]]:
        rows = phase.rows("bragg")
        return [(r, named.name) for r, named in zip(rows, relabelled(rows, phase=self.label(phase)), strict=True)]


@dataclass(frozen=True)
class BoundModel:
    """A model on a grid: a pattern a phase, and a background; linear in scales and heights.

    Attributes
    ----------
    two_theta : ndarray, shape (n,)
    radiation : Radiation
    engines : tuple of BoundEngine
        One a phase.
    keys : tuple of Mapping[str, str]
        One a phase: from an engine's own names of parameters to those of the fit.
    background : BoundBackground
    """

    two_theta: Array
    radiation: Radiation
    engines: tuple[BoundEngine, ...]
    keys: tuple[Mapping[str, str], ...]
    background: BoundBackground

    @property
    def scales(self) -> tuple[str, ...]:
        """Names of the phases' scales."""
        return tuple(key["scale"] for key in self.keys)

    def patterns(self, values: Mapping[str, float]) -> Array:
        """Return each phase's pattern at unit scale, shape (n, n_phases)."""
        return np.column_stack([e.pattern(_own(values, k)) for e, k in zip(self.engines, self.keys, strict=True)])

    def jacobians(self, values: Mapping[str, float], names: Sequence[str]) -> tuple[Array, Array]:
        """Return the patterns (n, n_phases) and their derivatives by `names` (n, n_phases, n_names)."""
        n = len(self.two_theta)
        patterns = np.empty((n, len(self.engines)))
        slopes = np.zeros((n, len(self.engines), len(names)))
        for p, (engine, key) in enumerate(zip(self.engines, self.keys, strict=True)):
            column = {name: k for k, name in enumerate(names)}
            own = [(column[key[bare]], bare) for bare in engine.names if key.get(bare) in column]
            patterns[:, p], part = engine.jacobian(_own(values, key), [bare for _, bare in own])
            slopes[:, p, [k for k, _ in own]] = part
        return patterns, slopes


def _own(values: Mapping[str, float], key: Mapping[str, str]) -> dict[str, float]:
    return {bare: values[name] for bare, name in key.items() if name in values}
