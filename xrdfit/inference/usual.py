"""What usually varies on a laboratory diffractometer, for a crystalline powder that reflects.

The specimen never lies exactly on the axis, and sharp lines show the instrument's own widths. Where neither the model
nor the options say anything of these, the displacement varies, and with a misfit the widths W and X, axial divergence
with S/L = H/L, and the order of the background follow, each as far as BIC says that it pays. Clusters keep what they
have: their lines are too wide for it to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Radiation, radiation
from xrdfit.diffraction.background import Chebyshev, chebyshev_basis
from xrdfit.fitting.blocks import Look
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.sizes import misfits
from xrdfit.inference.result import FittedScan
from xrdfit.inference.stage import PAYS, Fitter, Stage, Step, gain
from xrdfit.model.ties import parse_tie
from xrdfit.parameters import ParameterRow
from xrdfit.progress import Progress, silent

CRYSTALLINE_NM = 15.0
"""Size of the phase that scatters most, from which a powder counts as crystalline."""

_SHIFTS = ("displacement_mm", "zero_deg")
_WIDTHS = ("U", "V", "W", "X", "Y", "S_L", "H_L")
_FREED = ("W", "X", "S_L")
_HIGHEST_ORDER = 18


def with_usual(stage: Stage, fitter: Fitter, progress: Progress | None = None) -> Stage:
    """Return the fit with what usually varies freed where the scans are of that kind; see the module.

    Parameters
    ----------
    stage : Stage
        The fit without.
    fitter : Fitter
    progress : callable, optional
    """
    tell = progress or silent
    scans = [scan for scan in stage.result.scans if _reflects(scan, stage) and _crystalline(scan, stage)]
    shifted = [_name(stage, scan, "displacement_mm") for scan in scans if not _named(stage, scan, _SHIFTS)]
    sharp = [scan for scan in scans if not _named(stage, scan, _WIDTHS)]
    open_ = [scan for scan in scans if _order_is_open(scan, stage)]
    if shifted:
        tell("fitting with the specimen's displacement")
        options = replace(stage.options, vary=(*stage.options.vary, *shifted))
        stage = _fitted(stage, fitter, options, ("--vary", *shifted), pays=-np.inf) or stage
    if sharp and _misfits(stage):
        tell("fitting with the instrument's widths")
        names = [_name(stage, scan, stem) for scan in sharp for stem in _FREED]
        ties = [f"{_name(stage, scan, 'H_L')} = {_name(stage, scan, 'S_L')}" for scan in sharp]
        how = ("--vary", *names, *(text for tie in ties for text in ("--tie", f"'{tie}'")))
        options = replace(stage.options, vary=(*stage.options.vary, *names), tie=(*stage.options.tie, *ties))
        stage = _fitted(stage, fitter, options, how) or stage
    return _with_orders(stage, open_, fitter, tell) if open_ and _misfits(stage) else stage


def _misfits(stage: Stage) -> bool:
    problem = stage.result.problem
    return misfits(problem, problem.evaluate(stage.result.theta))


def _fitted(
    stage: Stage, fitter: Fitter, options: FitOptions, how: tuple[str, ...], pays: float = PAYS
) -> Stage | None:
    """The fit with other options, or None where BIC does not fall by what must pay.

    It starts where the model does: a cell that had to make up for a displacement leads astray, and the options that
    are said repeat the fit to the last digit.
    """
    result = fitter.fit(stage.model, options, {})
    there = Stage(result, stage.model, options)
    weights = stage.result.problem
    fallen = gain(stage.cost(weights), there.cost(weights))
    if fallen <= pays or (stage.result.success and not result.success):
        return None
    lower = stage.result.statistics.chi2 - result.statistics.chi2
    return replace(there, steps=(*stage.steps, Step(how, "usual on a diffractometer", lower, fallen, ())))


def _with_orders(stage: Stage, scans: Sequence[FittedScan], fitter: Fitter, tell: Progress) -> Stage:
    """The fit with the orders of the background that the residual asks for."""
    labels = [scan.label for scan in scans]
    orders = {label: order for label in labels if (order := _order(stage, label)) is not None}
    if not orders:
        return stage
    tell("fitting with another background")
    own = {s.label: orders.get(s.label, stage.options.of(s.label).background) for s in stage.result.scans}
    options = replace(stage.options, background=own if len(own) > 1 else orders[""])
    how = ("--background", ", ".join(f"{label}:{order}" if label else str(order) for label, order in orders.items()))
    return _fitted(stage, fitter, options, how) or stage


def _order(stage: Stage, label: str) -> int | None:
    """The order of lowest BIC for lines as they were fitted, their heights free; None where it is the one there is."""
    problem = stage.result.problem
    i = next(i for i, scan in enumerate(problem.scans) if scan.label == label)
    scan, look = problem.scans[i], _looks(stage)[i]
    others = [name.rpartition("__")[2] for name in scan.linear]
    keep = np.array([not other.startswith("bkg_") for other in others])
    lines = np.column_stack([look.patterns, look.basis])[:, keep]
    polynomials = chebyshev_basis(scan.bound.two_theta, _HIGHEST_ORDER)
    present = int((~keep).sum()) - 1
    chi2 = _nested_chi2(lines / scan.sigma[:, None], polynomials / scan.sigma[:, None], scan.observed / scan.sigma)
    n = len(scan.observed)
    scale = max(1.0, float(chi2[-1]) / n)
    bic = chi2 / scale + np.arange(len(chi2)) * np.log(n)
    best = present + int(np.argmin(bic[present:]))
    return best if bic[present] - bic[best] > PAYS else None


def _nested_chi2(always: NDArray[np.float64], further: NDArray[np.float64], target: NDArray[np.float64]):
    """χ² with the first 1, 2, … of the further columns beside those that are always there, shape (n_further,)."""
    columns = np.column_stack([always, further, target])
    triangle = np.linalg.qr(columns, mode="r")[:, -1]
    tail = np.cumsum(triangle[::-1] ** 2)[::-1]
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
    engines = {phase.engine or scan.engine for phase in scan.model.phases}
    known = stage.options.of(scan.label).instrument is not None
    return engines == {"bragg"} and rays is not None and rays.anode is not None and not special and not known


def _crystalline(scan: FittedScan, stage: Stage) -> bool:
    """Whether the phase that scatters most has crystals large enough."""
    problem = stage.result.problem
    i = next(i for i, s in enumerate(problem.scans) if s.label == scan.label)
    patterns = _looks(stage)[i].patterns
    scales = problem.evaluate(stage.result.theta, derivatives=False).parts[i].linear[: problem.scans[i].n_phases]
    strongest = int(np.argmax(patterns.sum(axis=0) * scales))
    return scan.model.phases[strongest].size_nm >= CRYSTALLINE_NM


def _looks(stage: Stage) -> tuple[Look, ...]:
    """What the model gives at the answer, by scan."""
    problem, theta = stage.result.problem, stage.result.theta
    return problem.looks(theta, problem.expand(theta)[0], derivatives=False)


def _own(stage: Stage, scan: FittedScan) -> Mapping[str, ParameterRow]:
    """Rows of shifts and widths of a scan by stem."""
    rows = stage.result.problem.rows.values()
    mine = (r for r in rows if r.kind.belongs in ("shift", "width") and r.scan == scan.label)
    return {r.kind.stem: r for r in mine}


def _name(stage: Stage, scan: FittedScan, stem: str) -> str:
    return _own(stage, scan)[stem].name


def _named(stage: Stage, scan: FittedScan, stems: Sequence[str]) -> bool:
    """Whether model or options say anything of these parameters of a scan."""
    options, instrument = stage.options, stage.model.instrument
    rows = _own(stage, scan)
    ties = [*stage.model.ties, *map(parse_tie, options.tie)]
    wishes = (*options.vary, *options.fix, *options.start, *options.limits, *options.restrain, *options.own)
    names = {name for stem in stems for name in (stem, rows[stem].name)}
    told = any(fnmatchcase(name, wish) for name in names for wish in wishes)
    tied = any(tie.target in names for tie in ties)
    return told or tied or any(getattr(instrument, stem) != 0.0 for stem in stems)
