"""What usually varies on a laboratory diffractometer, for a crystalline powder that reflects.

The specimen never lies exactly on the axis, and sharp lines show the instrument's own widths and the sample's strain.
Where neither the model nor the options say anything of these, the displacement varies, and with a misfit the widths W
and X, axial divergence with S/L = H/L, microstrain and the order of the background follow, each as far as BIC says that
it pays. Lines of clusters are too wide for any of it to show; what films of them show is in `film`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Radiation, radiation
from xrdfit.diffraction.background import Chebyshev, chebyshev_basis
from xrdfit.fitting.blocks import Look
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.sizes import misfits
from xrdfit.inference.fitted import FittedScan
from xrdfit.inference.stage import PAYS, Fitter, Stage, Step, Trial, gain
from xrdfit.model.ties import parse_tie
from xrdfit.parameters import ParameterRow
from xrdfit.progress import Progress, silent

CRYSTALLINE_NM = 15.0
"""Size of the phase that scatters most, from which a powder counts as crystalline."""

_SHIFTS = ("displacement_mm", "zero_deg")
_WIDTHS = ("U", "V", "W", "X", "Y", "S_L", "H_L")
_FREED = ("W", "X", "S_L")
_HIGHEST_ORDER = 18
_ROUNDS = 3
_USUAL = "usual on a diffractometer"


def with_usual(stage: Stage, fitter: Fitter, progress: Progress | None = None) -> Stage:
    """Return the fit with what usually varies freed where the scans are of that kind; see the module.

    What pays is found by descents from the fit that there is. The fit with it starts where the model does, since a cell
    that had to make up for a displacement leads astray; so the options that are said repeat it to the last digit.

    Parameters
    ----------
    stage : Stage
        The fit without.
    fitter : Fitter
    progress : callable, optional
    """
    tell = progress or silent
    for _ in range(_ROUNDS):
        options, steps = _asked(stage, fitter, tell)
        if not steps:
            break
        tell("fitting with the instrument's part")
        result = fitter.fit(stage.model, options, {})
        there = Stage(result, stage.model, options, steps=(*stage.steps, *steps))
        weights = stage.result.problem
        worse = gain(stage.cost(weights), there.cost(weights)) <= PAYS and len(steps) > 1
        if worse or (stage.result.success and not result.success):
            break
        stage = there
    return stage


@dataclass(frozen=True)
class _Rung:
    """How far the descents went: options, where the last one ended, and what was freed."""

    options: FitOptions
    trial: Trial
    steps: tuple[Step, ...] = ()

    def freed(
        self,
        stage: Stage,
        fitter: Fitter,
        names: Sequence[str],
        ties: Sequence[str] = (),
        pays: float = PAYS,
    ) -> _Rung:
        """Try with more parameters, and stay where that does not pay."""
        options = replace(self.options, vary=(*self.options.vary, *names), tie=(*self.options.tie, *ties))
        there = fitter.trial(stage.model, options, self.trial.values, stage.result.problem)
        fallen = gain(self.trial.cost, there.cost)
        if fallen <= pays:
            return self
        how = ("--vary", *names, *(text for tie in ties for text in ("--tie", f"'{tie}'")))
        step = Step(how, _USUAL, self.trial.chi2 - there.chi2, fallen, ())
        return _Rung(options, there, (*self.steps, step))


def _asked(stage: Stage, fitter: Fitter, tell: Progress) -> tuple[FitOptions, tuple[Step, ...]]:
    """Options with what is to be freed beside, and what that is."""
    scans = [scan for scan in stage.result.scans if _reflects(scan, stage) and _crystalline(scan, stage)]
    shifted = [_name(stage, scan, "displacement_mm") for scan in scans if not _named(stage, scan, _SHIFTS)]
    sharp = [scan for scan in scans if _by_bragg(scan) and not _named(stage, scan, _WIDTHS)]
    open_ = [scan for scan in scans if _order_is_open(scan, stage)]
    rung = _Rung(stage.options, Trial(stage.result.problem, stage.result.theta, stage.result.statistics.chi2))
    if shifted:
        tell("trying the specimen's displacement")
        rung = rung.freed(stage, fitter, shifted, pays=-np.inf)
    if sharp and _misfits(rung.trial):
        tell("trying the instrument's widths")
        names = [_name(stage, scan, stem) for scan in sharp for stem in _FREED]
        ties = [f"{_name(stage, scan, 'H_L')} = {_name(stage, scan, 'S_L')}" for scan in sharp]
        rung = rung.freed(stage, fitter, names, ties)
    strains = _strains(stage) if sharp else []
    if strains and _misfits(rung.trial):
        tell("trying microstrain")
        rung = rung.freed(stage, fitter, strains)
    return _with_orders(rung, stage, open_)


def _with_orders(rung: _Rung, stage: Stage, scans: Sequence[FittedScan]) -> tuple[FitOptions, tuple[Step, ...]]:
    """Options and steps with the orders of the background that the residual asks for."""
    here = rung.trial
    orders = {s.label: found for s in scans if (found := _order(here, s.label))} if _misfits(here) else {}
    if not orders:
        return rung.options, rung.steps
    own = {s.label: rung.options.of(s.label).background for s in stage.result.scans}
    own |= {label: order for label, (order, _, _) in orders.items()}
    options = replace(rung.options, background=own if len(own) > 1 else own[""])
    words = [f"{label}:{own[label]}" if label else str(own[label]) for label in orders]
    how = tuple(text for word in words for text in ("--background", word))
    step = Step(how, _USUAL, sum(o[1] for o in orders.values()), sum(o[2] for o in orders.values()), ())
    return options, (*rung.steps, step)


def _strains(stage: Stage) -> list[str]:
    """Microstrains that neither model nor options say anything of."""
    rows = [r for r in stage.result.problem.rows.values() if r.kind.stem == "microstrain"]
    told = wishes(stage.options)
    ties = {tie.target for tie in (*stage.model.ties, *map(parse_tie, stage.options.tie))}
    return [
        r.name
        for r in rows
        if r.value == 0.0 and not r.vary and r.name not in ties and not any(fnmatchcase(r.name, t) for t in told)
    ]


def _misfits(trial: Trial) -> bool:
    return misfits(trial.problem, trial.problem.evaluate(trial.theta))


def _order(trial: Trial, label: str) -> tuple[int, float, float] | None:
    """The order of lowest BIC for lines as they are, their heights free, and by how much χ² and BIC fall.

    None where it is the one there is.
    """
    problem = trial.problem
    i = next(i for i, scan in enumerate(problem.scans) if scan.label == label)
    scan, look = problem.scans[i], _looks(problem, trial.theta)[i]
    keep = np.array([problem.rows[name].kind.stem != "bkg" for name in scan.linear])
    lines = np.column_stack([look.patterns, look.basis])[:, keep]
    polynomials = chebyshev_basis(scan.bound.two_theta, _HIGHEST_ORDER)
    present = int((~keep).sum()) - 1
    chi2 = _nested_chi2(lines / scan.sigma[:, None], polynomials / scan.sigma[:, None], scan.observed / scan.sigma)
    n = len(scan.observed)
    scale = max(1.0, float(chi2[-1]) / n)
    bic = chi2 / scale + np.arange(len(chi2)) * np.log(n)
    best = present + int(np.argmin(bic[present:]))
    fallen = float(bic[present] - bic[best])
    return (best, float(chi2[present] - chi2[best]), fallen) if fallen > PAYS else None


def _nested_chi2(always: NDArray[np.float64], further: NDArray[np.float64], target: NDArray[np.float64]):
    """χ² with the first 1, 2, … of the further columns beside those that are always there, shape (n_further,)."""
    columns = np.column_stack([always, further, target])
    triangle = np.asarray(np.linalg.qr(columns, mode="r"))
    tail = np.cumsum(triangle[::-1, -1] ** 2)[::-1]
    return tail[always.shape[1] + 1 :]


def _order_is_open(scan: FittedScan, stage: Stage) -> bool:
    """Whether neither options nor model say which order the background has."""
    pieces = stage.model.background
    free = all(c.order is None for c in pieces if isinstance(c, Chebyshev)) and len(pieces) > 0
    return free and stage.options.of(scan.label).background is None


def _reflects(scan: FittedScan, stage: Stage) -> bool:
    """Whether a flat powder was measured in reflection with a tube, and no file tells how the instrument is."""
    instrument = scan.model.instrument
    source = instrument.radiation
    rays = source if isinstance(source, Radiation) else radiation(source) if source is not None else None
    special = instrument.film or instrument.capillary or instrument.polarization is not None
    own = stage.options.of(scan.label)
    named = own.instrument is not None or (own.engine == "debye" and not _by_bragg(scan))  # clusters, whoever says so
    return rays is not None and rays.anode is not None and not special and not named


def _by_bragg(scan: FittedScan) -> bool:
    """Whether all lines are broadened by an instrument's widths too, which a Debye sum knows nothing of."""
    return all((phase.engine or scan.engine) == "bragg" for phase in scan.model.phases)


def _crystalline(scan: FittedScan, stage: Stage) -> bool:
    """Whether the phase that scatters most has crystals large enough."""
    problem = stage.result.problem
    i = next(i for i, s in enumerate(problem.scans) if s.label == scan.label)
    patterns = _looks(problem, stage.result.theta)[i].patterns
    scales = problem.evaluate(stage.result.theta, derivatives=False).parts[i].linear[: problem.scans[i].n_phases]
    strongest = int(np.argmax(patterns.sum(axis=0) * scales))
    return scan.model.phases[strongest].size_nm >= CRYSTALLINE_NM


def _looks(problem: Problem, theta: NDArray[np.float64]) -> tuple[Look, ...]:
    """What the model gives at θ, by scan."""
    return problem.looks(theta, problem.expand(theta)[0], derivatives=False)


def _own(stage: Stage, scan: FittedScan) -> Mapping[str, ParameterRow]:
    """Rows of shifts and widths of a scan by stem."""
    rows = stage.result.problem.rows.values()
    mine = (r for r in rows if r.kind.belongs in ("shift", "width") and r.scan == scan.label)
    return {r.kind.stem: r for r in mine}


def _name(stage: Stage, scan: FittedScan, stem: str) -> str:
    return _own(stage, scan)[stem].name


def wishes(options: FitOptions) -> tuple[str, ...]:
    """Return names and patterns of parameters that the options speak of."""
    return (*options.vary, *options.fix, *options.start, *options.limits, *options.restrain, *options.own)


def _named(stage: Stage, scan: FittedScan, stems: Sequence[str]) -> bool:
    """Whether model or options say anything of these parameters of a scan."""
    options, instrument = stage.options, stage.model.instrument
    rows = _own(stage, scan)
    ties = [*stage.model.ties, *map(parse_tie, options.tie)]
    told_of = wishes(options)
    names = {name for stem in stems for name in (stem, rows[stem].name)}
    told = any(fnmatchcase(name, wish) for name in names for wish in told_of)
    tied = any(tie.target in names for tie in ties)
    return told or tied or any(getattr(instrument, stem) != 0.0 for stem in stems)
