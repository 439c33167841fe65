"""Which engine computes which scan, where that is left to the scan: Debye for clusters, Bragg for crystals.

A Bragg fit tells the phases' sizes as far as this needs. Neutron diffractometers broaden lines as much as clusters do,
and preferred orientation is of crystals: there it is Bragg's law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.symmetry import cell_names
from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.prepare import Setup, prepare
from xrdfit.fitting.scans import Scans
from xrdfit.fitting.search import approach, search
from xrdfit.model.phase import LARGEST_NM, Engine, Phase
from xrdfit.model.powder import PowderModel
from xrdfit.progress import Progress

if TYPE_CHECKING:
    import xarray as xr

# Where the Bragg engine's bias in an occupancy exceeds half its error at 10⁴ counts: docs/bragg-or-debye.md.
AUTO_DEBYE_BELOW_NM = 30.0

_GLANCE = 8  # steps of a first look at the Debye sum, from where Bragg's law ended
_MOST_WORK = 1e6  # distances: about a second a step

_LIMIT = f"{AUTO_DEBYE_BELOW_NM:g} nm under which Bragg's law biases occupancies by more than half an error"

# A sphere of diameter D fitted with Scherrer lines (K = 0.9) gives about this part of D.
SCHERRER_OF_SPHERE = 0.87


BETTER = 2.0
"""How many times lower χ² by Bragg's law must be, for small sizes, for the lines not to be those of spheres."""


@dataclass(frozen=True)
class Begun:
    """A fit of a scan that went as far as `approach` goes: nothing of it need be done again.

    Attributes
    ----------
    setup : Setup
    start : ndarray, shape (n_theta,)
    near : Solution
    """

    setup: Setup
    start: NDArray[np.float64]
    near: Solution

    @classmethod
    def of(cls, setup: Setup, sizes: Mapping[str, float], progress: Progress | None) -> Begun:
        """Begin the fit from the setup's values and these sizes."""
        start = setup.problem.theta({**setup.problem.base, **sizes})
        return cls(setup, start, approach(setup.problem, start, progress))

    def searched(self, progress: Progress | None) -> Solution:
        """Search further, for other compositions."""
        return search(self.setup.problem, self.start, progress, self.near)


@dataclass(frozen=True)
class Choice:
    """An engine and, where it was chosen automatically, how.

    Attributes
    ----------
    engine : {"bragg", "debye"}
    reason : str
    diameters : Mapping[str, float]
        Of each phase in nm, that the Bragg fit found.
    begun : Begun or None
        The fit that was begun for it.
    """

    engine: Engine
    reason: str = ""
    diameters: Mapping[str, float] = field(default_factory=dict)
    begun: Begun | None = None


def choices_of(
    model: PowderModel, scans: Scans, options: FitOptions, progress: Progress | None = None
) -> dict[str, Choice]:
    """Return what is chosen for each scan, by label."""
    return {
        label: _choose(model, scan, _for_one(options, label, list(scans)), progress) for label, scan in scans.items()
    }


def reason_of(choices: Mapping[str, Choice]) -> str:
    """Return the reasons in words, "" where nothing was to be chosen."""
    return "; ".join(f"{label}: {c.reason}" if label else c.reason for label, c in choices.items() if c.reason)


def choose_engines(
    model: PowderModel, scans: Scans, options: FitOptions, progress: Progress | None = None
) -> tuple[dict[str, Engine], str]:
    """Return the engine of each scan and, where one was to be chosen, why.

    "auto" takes the Debye engine where a coarse Bragg fit finds the smallest phase below `AUTO_DEBYE_BELOW_NM` and
    does not describe the scan `BETTER` times as well as a Debye sum.
    """
    choices = choices_of(model, scans, options, progress)
    return {label: choice.engine for label, choice in choices.items()}, reason_of(choices)


def choose_engine(
    model: PowderModel, scan: xr.Dataset, options: FitOptions, progress: Progress | None = None
) -> tuple[Engine, str]:
    """Return the engine to use for one scan and, for "auto", why; see `choose_engines`."""
    choice = _choose(model, scan, options, progress)
    return choice.engine, choice.reason


def with_engines(model: PowderModel, choices: Mapping[str, Choice]) -> PowderModel:
    """Return the model in which crystals beside the clusters of a single scan keep Bragg's law."""
    if len(choices) != 1:
        return model
    choice = next(iter(choices.values()))
    if choice.engine != "debye" or not choice.diameters:
        return model
    return replace(model, phases=tuple(_settled(p, choice.diameters[p.name]) for p in model.phases))


def _settled(phase: Phase, diameter_nm: float) -> Phase:
    """The phase with Bragg's law for a crystal; of a cluster with a size that a Debye sum can begin from."""
    if diameter_nm >= AUTO_DEBYE_BELOW_NM:
        return replace(phase, engine=phase.engine or "bragg")
    return replace(phase, size_nm=diameter_nm) if phase.size_nm > LARGEST_NM["debye"] else phase


def planned_engine(model: PowderModel, options: FitOptions) -> Engine:
    """Return the engine for a scan that is not measured yet: "auto" goes by the sizes of the model."""
    if options.engine != "auto":
        return options.engine  # pyright: ignore[reportReturnType]
    crystals = _of_crystals(model, options)
    sizes = {p.name: p.size_nm for p in model.phases}
    small = min(sizes.values()) < AUTO_DEBYE_BELOW_NM and _work(model, sizes) <= _MOST_WORK
    return "debye" if small and not crystals and not model.radiation().neutron else "bragg"


def _of_crystals(model: PowderModel, options: FitOptions) -> bool:
    """Whether something is asked for that the Bragg engine alone knows."""
    asked = options.texture is not None or options.anisotropic is not None
    return asked or any(p.march_axis is not None or p.broadening_axis is not None for p in model.phases)


def estimated_sizes(setup: Setup, choices: Mapping[str, Choice]) -> dict[str, float]:
    """Return starts of the Debye engine's sizes where they were estimated and the options name no start."""
    found: dict[str, float] = {}
    for label, choice in choices.items():
        if choice.engine != "debye" or not choice.diameters:
            continue
        by_phase = {setup.model.label(p): choice.diameters[p.name] for p in setup.model.phases if p.engine != "bragg"}
        for name, r in setup.rows.items():
            given = any(fnmatchcase(name, pattern) for pattern in setup.options.start)
            if r.kind.stem == "size_nm" and r.vary and r.scan in ("", label) and r.phase in by_phase and not given:
                found.setdefault(name, by_phase[r.phase])
    return found


def _choose(model: PowderModel, scan: xr.Dataset, options: FitOptions, progress: Progress | None) -> Choice:
    if options.engine != "auto":
        return Choice(options.engine)  # pyright: ignore[reportArgumentType]
    if _of_crystals(model, options):
        return Choice("bragg", "preferred orientation and shapes are of crystals, which Bragg's law describes")
    if progress:
        progress("estimating the size")
    setup = prepare(model, scan, options, "bragg")
    if setup.scans[0].model.radiation().neutron:
        return Choice("bragg", "neutron diffractometers broaden lines as much as clusters do")
    bragg = Begun.of(setup, {}, progress)
    values = setup.problem.expand(bragg.near.theta)[0]
    diameters = {
        p.name: values[f"{model.prefix(p)}size_nm"] / (SCHERRER_OF_SPHERE if p.shape == "scherrer" else 1.0)
        for p in model.phases
    }
    why = _why_bragg(model, setup, diameters, options)
    if why:
        return Choice("bragg", f"{_looks(diameters)}, {why}", diameters, bragg)
    found = Choice("debye", f"{_looks(diameters)}, below the {_LIMIT}", diameters)
    setup = prepare(with_engines(model, {"": found}), scan, options, "debye")
    sizes, rows = estimated_sizes(setup, {"": found}), setup.rows
    shared = {name: value for name, value in values.items() if name in rows and rows[name].kind.stem != "size_nm"}
    glance = descend(setup.problem, setup.problem.theta({**setup.problem.base, **shared, **sizes}), steps=_GLANCE)
    ratio = glance.chi2 / bragg.near.chi2
    if ratio > BETTER:
        why = f"but Bragg's law describes the scan better: χ² is lower {ratio:.2g} times"
        return Choice("bragg", f"{_looks(diameters)}, {why}", diameters, bragg)
    return replace(found, begun=Begun.of(setup, sizes, progress))


def _looks(diameters: Mapping[str, float]) -> str:
    name, smallest = min(diameters.items(), key=lambda item: item[1])
    return f"{name} looks like spheres of {smallest:.1f} nm"


def _why_bragg(model: PowderModel, setup: Setup, diameters: Mapping[str, float], options: FitOptions) -> str:
    """Why a Debye sum need not be tried, "" where it must."""
    if min(diameters.values()) >= AUTO_DEBYE_BELOW_NM:
        return f"not below the {_LIMIT}"
    largest = LARGEST_NM["debye"]
    beyond = [n for n, r in setup.rows.items() if r.kind.stem == "size_nm" and r.value > largest]
    if any(fnmatchcase(name, pattern) for name in beyond for pattern in (*options.start, *options.fix)):
        return f"but {beyond[0]} was given beyond the {largest:g} nm that the Debye engine computes"
    if _work(model, diameters) > _MOST_WORK:
        return "whose Debye sum takes long in so low a symmetry (--engine debye computes it)"
    return ""


def _work(model: PowderModel, diameters: Mapping[str, float]) -> float:
    """Distances that a step of a Debye sum counts anew: none where only the scale of the cell changes."""
    work = 0.0
    for phase in model.phases:
        diameter, structure = diameters[phase.name], phase.structure
        lengths = len(cell_names(structure.group))
        if diameter < AUTO_DEBYE_BELOW_NM and lengths > 1:
            cells = pi / 6.0 * (10.0 * diameter) ** 3 / structure.cell.volume
            atoms = sum(site.multiplicity for site in structure.sites)
            work += cells * atoms * len(structure.sites) * (1 + 2 * lengths)
    return work


def _for_one(options: FitOptions, label: str, labels: list[str]) -> FitOptions:
    """The options as they are for one of several scans by itself."""
    options = options.of(label)
    if len(labels) == 1:
        return options

    def own(name: str) -> str | None:
        """The name without this scan's label; None for another scan's."""
        first, mark, rest = name.partition("__")
        if not mark or first not in labels:
            return name
        return rest if first == label else None

    def names(wishes: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(short for wish in wishes if (short := own(wish)) is not None)

    def table(wishes: Mapping[str, Any]) -> dict[str, Any]:
        return {short: value for wish, value in wishes.items() if (short := own(wish)) is not None}

    return replace(
        options,
        vary=names(options.vary),
        own=(),
        tie=tuple(text for text in options.tie if not any(f"{other}__" in text for other in labels)),
        **{key: table(getattr(options, key)) for key in ("fix", "start", "limits", "restrain")},
    )
