"""From a model, scans and options to a `Problem`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xrdfit.errors import InputError
from xrdfit.fitting.blocks import Restraint, ScanBlock
from xrdfit.fitting.choices import matching, resolve_rows
from xrdfit.fitting.floors import width_floors
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.rules import b_per_element, occupancies, restraints
from xrdfit.fitting.scans import Scans
from xrdfit.fitting.selection import select, with_amounts, with_axes, with_background, with_instrument
from xrdfit.model.phase import Engine
from xrdfit.model.powder import BoundModel, PowderModel
from xrdfit.model.ties import Tie, parse_tie
from xrdfit.parameters import ParameterRow, relabelled

if TYPE_CHECKING:
    import xarray as xr

_OF_A_SCAN = ("scale", "background", "shift", "width", "optics")
"""Whose parameters each scan has for itself."""


@dataclass(frozen=True)
class ScanSetup:
    """One scan with what describes it alone.

    Attributes
    ----------
    label : str
        "" where there is one scan only.
    model : PowderModel
        With the instrument and the background that scan and options describe.
    data : xarray.Dataset
        The points that are fitted.
    engine : {"bragg", "debye"}
    rows : tuple of ParameterRow
        The model's parameters under the names that they have in the fit.
    """

    label: str
    model: PowderModel
    data: xr.Dataset
    engine: Engine
    rows: tuple[ParameterRow, ...]

    @property
    def counted(self) -> bool:
        """Whether the errors come from counting alone, rather than from the file."""
        return self.data.attrs.get("sigma_from", "poisson") != "file"


@dataclass(frozen=True)
class Setup:
    """All that is fixed before the first step.

    Attributes
    ----------
    model : PowderModel
        With the instrument of the first scan and the ties of the options.
    scans : tuple of ScanSetup
    options : FitOptions
    rows : dict of str to ParameterRow
        Every parameter with its start and whether it varies.
    problem : Problem
    notes : tuple of str
        What had to be assumed.
    """

    model: PowderModel
    scans: tuple[ScanSetup, ...]
    options: FitOptions
    rows: dict[str, ParameterRow]
    problem: Problem
    notes: tuple[str, ...]


def check_model(model: object) -> None:
    """Refuse what is no model.

    Raises
    ------
    InputError
        It is something else, such as a preset's name.
    """
    if not isinstance(model, PowderModel):
        raise InputError(f"model is a {type(model).__name__}; a PowderModel is needed, as load_model returns it")


def prepare(
    model: PowderModel, scans: Scans | xr.Dataset, options: FitOptions, engine: Engine | Mapping[str, Engine]
) -> Setup:
    """Select points, settle the instruments, resolve what varies, bind the engines.

    Parameters
    ----------
    model : PowderModel
    scans : xarray.Dataset, or a mapping of labels to these
        Scans of one sample.
    options : FitOptions
    engine : {"bragg", "debye"}, or a mapping by label

    Raises
    ------
    InputError
        For options that name nothing, totals that cannot be, or too few points.
    """
    asked = tuple(parse_tie(text) for text in options.tie)
    model = replace(model, ties=(*model.ties, *asked))
    if options.b_per_element:
        model, options = b_per_element(model, options)
    given: Scans = scans if isinstance(scans, Mapping) and not hasattr(scans, "data_vars") else {"": scans}  # pyright: ignore
    if len(given) > 1:
        options.check_labels(list(given))
    notes: list[str] = []
    views = []
    # what one scan has for itself is no parameter of the model
    between = tuple(tie for tie in asked if len(given) > 1 and _names_a_scan(tie, list(given)))
    alone = replace(model, ties=tuple(tie for tie in model.ties if tie not in between))
    for label, scan in given.items():
        own = options.of(label)
        view, more = _view(label, alone, scan, own, engine if isinstance(engine, str) else engine[label])
        views.append(view)
        notes += [f"{label}: {note}" if label else note for note in more]
    for label in given if len(model.phases) > 1 else ():
        if label in (phase.name for phase in model.phases):
            raise InputError(f"scan {label!r}: a phase has that name too; give the scan another label")
    views = _named(views, options)
    _check_between(between, views)
    tied = {t.target for t in model.ties}
    auto = any(options.of(view.label).engine == "auto" for view in views)
    elsewhere = {r.name for r in model.rows("bragg")} if auto else set()
    rows = resolve_rows(_all_rows(views), options, tied, elsewhere)
    for view in views:
        notes += _unknown_to_debye(view, rows, options.of(view.label).engine == "auto")
    notes += _leave_flat_starts(rows)
    bounds = [
        view.model.bind(
            view.data["two_theta"].values,
            view.engine,
            anomalous=options.anomalous,
            table=options.anomalous_table,
            rows=view.rows,
        )
        for view in views
    ]
    problem = pose(views, bounds, rows, model, options)
    notes += problem.occupancies.notes
    if problem.n_varied >= problem.n_points:
        raise InputError(f"{problem.n_points} points cannot determine {problem.n_varied} parameters; fix some (--fix)")
    notes += _raised_starts(problem)
    first = replace(views[0].model, ties=model.ties)
    return Setup(first, tuple(views), options, rows, problem, tuple(notes))


def pose(
    views: Sequence[ScanSetup],
    bounds: Sequence[BoundModel],
    rows: Mapping[str, ParameterRow],
    model: PowderModel,
    options: FitOptions,
) -> Problem:
    """Return the problem of fitting bound models to the points kept, with what the rows let vary.

    Raises
    ------
    InputError
        For totals that cannot be.
    """
    sites, followers = occupancies(model, model.ties, rows, options)
    direct = tuple(r.name for r in rows.values() if r.vary and not r.is_occupancy and not r.kind.linear)
    logs = np.array([rows[name].kind.logarithmic for name in direct], dtype=bool)
    lower, upper, step = _limits([rows[n] for n in direct], logs, len(sites.free))
    tied = {t.target for t in followers}
    moving = {*direct, *sites.names, *tied}
    floors = [
        floor
        for view, bound in zip(views, bounds, strict=True)
        for floor in width_floors([rows[r.name] for r in view.rows], bound.two_theta, direct, tied)
    ]
    for floor in floors:
        lower[direct.index(floor.name)], upper[direct.index(floor.name)] = 0.0, floor.high - floor.low
    known = restraints(model, rows, options, moving)
    equal = options.weights == "none"
    return Problem(
        scans=tuple(_block(view, bound, rows, known, equal) for view, bound in zip(views, bounds, strict=True)),
        restraints=known,
        rows=rows,
        base={name: r.value for name, r in rows.items()},
        direct=direct,
        logs=logs,
        occupancies=sites,
        ties=followers,
        lower=lower,
        upper=upper,
        step=step,
        floors=tuple(floors),
    )


def refilled(setup: Setup, scan: xr.Dataset) -> Setup:
    """Return the setup of one scan for another on the same grid by the same instrument; nothing is bound again.

    Parameters
    ----------
    setup : Setup
        Of one scan whose header has no notes.
    scan : xarray.Dataset
        Its angles, after range and exclusions, must be those of the setup.
    """
    view = setup.scans[0]
    kept = select(scan, setup.options)
    block = replace(
        setup.problem.scans[0],
        observed=kept["counts"].values.astype(float),
        sigma=_sigma(kept, setup.options.weights == "none"),
    )
    notes = [str(note) for note in np.atleast_1d(scan.attrs.get("notes", []))]
    return replace(
        setup,
        scans=(replace(view, data=kept),),
        problem=replace(setup.problem, scans=(block,)),
        notes=(*notes, *setup.notes),
    )


def _view(
    label: str, model: PowderModel, scan: xr.Dataset, options: FitOptions, engine: Engine
) -> tuple[ScanSetup, list[str]]:
    kept = select(scan, options)
    model, notes = with_instrument(model, kept, options)
    model = with_amounts(with_axes(with_background(model, kept.attrs, options), options, engine), options)
    rows = model.rows(engine, kept["two_theta"].values)
    return ScanSetup(label, model, kept, engine, tuple(rows)), notes


def _named(views: list[ScanSetup], options: FitOptions) -> list[ScanSetup]:
    """Give the parameters that each of several scans has for itself the scan's label."""
    if len(views) == 1:
        return views
    table = {r.name: r for view in views for r in view.rows}
    own = {name for pattern in options.own for name in matching(pattern, table, "own", set())}
    for name in own:
        if table[name].is_occupancy:
            raise InputError(f"own {name!r}: scans of one sample share its occupancies; fit them one by one instead")
    if len({view.engine for view in views}) > 1:  # a Scherrer length is not a diameter
        own |= {name for name, r in table.items() if r.kind.stem in ("size_nm", "size_sigma")}
    return [replace(view, rows=tuple(_labelled(r, view.label, r.name in own) for r in view.rows)) for view in views]


def _names_a_scan(tie: Tie, labels: Sequence[str]) -> bool:
    return any(name.startswith(f"{label}__") for name in (tie.target, *tie.sources) for label in labels)


def _check_between(ties: Sequence[Tie], views: Sequence[ScanSetup]) -> None:
    """Refuse ties between parameters of scans that are not there, or that are solved for."""
    known = {r.name: r for r in _all_rows(views)}
    for tie in ties:
        for name in (tie.target, *sorted(tie.sources)):
            if name not in known:
                raise InputError(
                    f"tie {tie.text!r} names {name!r}, which is no parameter; there are {', '.join(known)}"
                )
            if known[name].kind.linear:
                raise InputError(f"tie {tie.text!r}: {name} is solved for in each step and cannot be tied")


def _labelled(row: ParameterRow, label: str, own: bool) -> ParameterRow:
    mine = own or row.kind.belongs in _OF_A_SCAN
    return relabelled([row], scan=label)[0] if mine else row


def _all_rows(views: Sequence[ScanSetup]) -> list[ParameterRow]:
    """The rows of all scans, shared ones once."""
    table: dict[str, ParameterRow] = {}
    for view in views:
        for r in view.rows:
            table.setdefault(r.name, r)
    return list(table.values())


def _sigma(data: xr.Dataset, equal: bool) -> np.ndarray:
    """Standard errors of the counts (n,); equal ones are the root of the mean variance."""
    sigma = data["sigma"].values.astype(float)
    return np.full(len(sigma), np.sqrt(np.mean(sigma**2))) if equal else sigma


def _block(
    view: ScanSetup, bound: BoundModel, rows: Mapping[str, ParameterRow], restraints: Sequence[Restraint], equal: bool
) -> ScanBlock:
    linear = (*bound.scales, *bound.background.heights)
    return ScanBlock(
        label=view.label,
        bound=bound,
        observed=view.data["counts"].values.astype(float),
        sigma=_sigma(view.data, equal),
        linear=linear,
        held=np.array([rows[name].value for name in linear]),
        varies=np.array([rows[name].vary for name in linear]),
        floored=np.array([rows[name].minimum >= 0.0 for name in linear]),
        known=tuple(r for r in restraints if set(r.top) <= set(linear)),
    )


def _unknown_to_debye(view: ScanSetup, rows: dict[str, ParameterRow], auto: bool) -> list[str]:
    """What a Debye sum leaves out though the model has it; where the engine was chosen for the user, it is held."""
    phases = [p for p in view.model.phases if (p.engine or view.engine) == "debye"]
    notes = [
        f"{p.name}: the Debye engine leaves preferred orientation (march_r={p.march_r:g}) out"
        for p in phases
        if p.march_axis is not None and p.march_r != 1.0
    ]
    notes += [
        f"{p.name}: the Debye engine leaves its shape out (size_ratio={p.size_ratio:g}, strain {p.strain_ratio:g})"
        for p in phases
        if p.broadening_axis is not None and (p.size_ratio != 1.0 or p.strain_ratio != 1.0)
    ]
    axial = [rows[r.name] for r in view.rows if r.kind.stem in ("S_L", "H_L")] if phases else []
    for r in axial:
        if r.vary and len(phases) == len(view.model.phases):
            if not auto:
                raise InputError(f"vary {r.name}: the Debye engine knows no axial divergence; --engine bragg does")
            rows[r.name] = replace(r, vary=False)
        if r.vary or r.value != 0.0:
            notes.append(f"the Debye engine leaves axial divergence ({r.name}) out")
    return notes


def _leave_flat_starts(rows: dict[str, ParameterRow]) -> list[str]:
    """Move parameters that vary away from a zero at which the pattern does not respond; return what was moved."""
    notes = []
    for name, r in rows.items():
        if r.vary and r.value == 0.0 and r.kind.even:
            rows[name] = replace(r, value=r.step)
            notes.append(f"{name} starts at {r.step:g}: at 0 the pattern does not respond to it")
    return notes


def _raised_starts(problem: Problem) -> list[str]:
    """What is moved because the Gaussian variance would be negative within the scan."""
    notes = []
    for floor in problem.floors:
        start, lowest = problem.base[floor.name], floor.lowest(problem.base)[0]
        if start < lowest:
            notes.append(f"{floor.name} starts at {lowest:.4g}: at {start:g} Gaussian widths² are negative in the scan")
    return notes


def _limits(rows: Sequence[ParameterRow], logs: np.ndarray, n_shares: int):
    low, high = np.array([r.minimum for r in rows]), np.array([r.maximum for r in rows])
    low[logs], high[logs] = np.log(low[logs]), np.log(high[logs])
    shares = np.zeros(n_shares), np.ones(n_shares), np.full(n_shares, 0.2)
    direct = low, high, np.array([r.step for r in rows])
    return tuple(np.concatenate(pair) for pair in zip(direct, shares, strict=True))
