"""From model, scan and options to a `Problem`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions, resolve_rows, select, with_instrument
from xrdfit.fitting.problem import Problem
from xrdfit.model.composition import OccupancyMap, Rule, occupancy_map
from xrdfit.model.equalities import ROUNDING
from xrdfit.model.powder import BoundModel, ParameterRow, PowderModel
from xrdfit.model.ties import Tie, followed, ordered

if TYPE_CHECKING:
    import xarray as xr

# Sizes act by their ratio, and a wrong first guess may be off by ten times.
_LOGARITHMIC = ("size_nm",)

# Even functions of the parameter.
_FLAT_AT_ZERO = ("S_L", "H_L", "size_sigma")


def check_model(model: object) -> None:
    """Refuse what is no model.

    Raises
    ------
    InputError
        It is something else, such as a preset's name.
    """
    if not isinstance(model, PowderModel):
        raise InputError(f"model is a {type(model).__name__}; a PowderModel is needed, as load_model returns it")


@dataclass(frozen=True)
class Setup:
    """All that is fixed before the first step.

    Attributes
    ----------
    model : PowderModel
        With the instrument that scan and options describe.
    scan : xarray.Dataset
        The points that are fitted.
    rows : dict of str to ParameterRow
        Every parameter with its start and whether it varies.
    problem : Problem
    notes : tuple of str
        What had to be assumed.
    """

    model: PowderModel
    scan: xr.Dataset
    options: FitOptions
    engine: Literal["bragg", "debye"]
    rows: dict[str, ParameterRow]
    problem: Problem
    notes: tuple[str, ...]


def prepare(model: PowderModel, scan: xr.Dataset, options: FitOptions, engine: Literal["bragg", "debye"]) -> Setup:
    """Select points, settle the instrument, resolve what varies, bind the engines.

    Raises
    ------
    InputError
        For options that name nothing, totals that cannot be, or too few points.
    """
    kept = select(scan, options)
    model, notes = with_instrument(model, kept, options)
    angles = kept["two_theta"].values
    if options.background is not None:
        model = replace(model, background_order=options.background)
    rows = {r.name: r for r in resolve_rows(model.rows(engine, model.order(angles)), model, options)}
    notes += _leave_flat_starts(rows)
    bound = model.bind(angles, engine, anomalous=options.anomalous, table=options.anomalous_table)
    problem = pose(kept, model, bound, rows, options)
    if problem.n_varied >= len(angles):
        raise InputError(f"{len(angles)} points cannot determine {problem.n_varied} parameters; fix some (--fix)")
    notes += problem.occupancies.notes
    return Setup(model, kept, options, engine, rows, problem, tuple(notes))


def pose(
    kept: xr.Dataset, model: PowderModel, bound: BoundModel, rows: Mapping[str, ParameterRow], options: FitOptions
) -> Problem:
    """Return the problem of fitting a bound model to the points kept, with what the rows let vary.

    Raises
    ------
    InputError
        For totals that cannot be.
    """
    linear = _linear_names(model, bound.background.shape[1])
    occupancies, followers = _occupancies(model, rows, options)
    others = tuple(r.name for r in rows.values() if r.vary and not _is_occupancy(r.name) and r.name not in linear)
    logs = np.array([name.rpartition("__")[2] in _LOGARITHMIC for name in others], dtype=bool)
    followed(followers, {n: r.value for n, r in rows.items()}, {n: (r.minimum, r.maximum) for n, r in rows.items()})
    lower, upper, step = _limits(rows, others, logs, len(occupancies.free))
    return Problem(
        bound=bound,
        observed=kept["counts"].values.astype(float),
        sigma=kept["sigma"].values.astype(float),
        base={name: r.value for name, r in rows.items()},
        others=others,
        logs=logs,
        occupancies=occupancies,
        ties=followers,
        lower=lower,
        upper=upper,
        step=step,
        linear=linear,
        linear_varies=np.array([rows[name].vary for name in linear]),
    )


def _leave_flat_starts(rows: dict[str, ParameterRow]) -> list[str]:
    """Move parameters that vary away from a zero at which the pattern does not respond; return what was moved."""
    notes = []
    for name, row in rows.items():
        if row.vary and row.value == 0.0 and name.rpartition("__")[2] in _FLAT_AT_ZERO:
            rows[name] = replace(row, value=row.step)
            notes.append(f"{name} starts at {row.step:g}: at 0 the pattern does not respond to it")
    return notes


def _is_occupancy(name: str) -> bool:
    return name.rpartition("__")[2].startswith("occ_")


def _linear_names(model: PowderModel, n_background: int) -> tuple[str, ...]:
    return (*(f"{model.prefix(p)}scale" for p in model.phases), *(f"bkg_{i}" for i in range(n_background)))


def _limits(rows: Mapping[str, ParameterRow], others: tuple[str, ...], logs: np.ndarray, n_shares: int):
    low = np.array([rows[n].minimum for n in others])
    high = np.array([rows[n].maximum for n in others])
    step = np.array([rows[n].step for n in others])
    low[logs], high[logs], step[logs] = np.log(low[logs]), np.log(high[logs]), 0.2
    shares = np.zeros(n_shares), np.ones(n_shares), np.full(n_shares, 0.2)
    return tuple(np.concatenate(pair) for pair in zip((low, high, step), shares, strict=True))


def _occupancies(
    model: PowderModel, rows: Mapping[str, ParameterRow], options: FitOptions
) -> tuple[OccupancyMap, tuple[Tie, ...]]:
    """The map of shares to occupancies, and the ties that it does not hold."""
    tied = [t for t in model.ties if _is_occupancy(t.target)]
    names = [n for n, r in rows.items() if _is_occupancy(n) and (r.vary or n in {t.target for t in tied})]
    rules = [_tie_rule(t) for t in tied] + _rules(model, options)
    rules = [r for r in (_without_fixed(rule, names, rows) for rule in rules) if r is not None]
    limits = [(rows[n].minimum, rows[n].maximum) for n in names]
    return occupancy_map(names, limits, rules, rounding=ROUNDING), ordered([t for t in model.ties if t not in tied])


def _tie_rule(tie: Tie) -> Rule:
    affine = tie.affine()
    if affine is None or not all(_is_occupancy(n) for n in tie.sources):
        raise InputError(f"tie {tie.text!r}: an occupancy may only follow other occupancies, by sums and fixed factors")
    constant, slopes = affine
    return Rule({tie.target: 1.0, **{n: -s for n, s in slopes.items()}}, constant, True, tie.text)


def _rules(model: PowderModel, options: FitOptions) -> list[Rule]:
    totals: dict[str, dict[str, float]] = {p.name: {} for p in model.phases}
    for key, atoms in options.total.items():
        phase, _, element = key.rpartition("__")
        holders = [p.name for p in model.phases if any(s.element == element for s in p.structure.sites)]
        if phase and phase not in totals:
            raise InputError(f"total {key}: no phase {phase!r}; there are {', '.join(totals)}")
        if not phase and len(holders) > 1:
            raise InputError(
                f"total {key}: phases {', '.join(holders)} hold {element}; write {holders[0]}__{element}=…"
            )
        totals[phase or (holders or [model.phases[0].name])[0]][element] = atoms
    rules: list[Rule] = []
    for p in model.phases:
        rules += p.rules(totals[p.name], model.prefix(p))
        if options.packing and (p.packing or len(model.phases) == 1):
            rules.append(p.packing_rule(model.prefix(p)))
    return rules


def _without_fixed(rule: Rule, names: list[str], rows: Mapping[str, ParameterRow]) -> Rule | None:
    """The rule with the occupancies that stand still moved to its right-hand side."""
    moving = {n: c for n, c in rule.coefficients.items() if n in names}
    still = sum(c * rows[n].value for n, c in rule.coefficients.items() if n not in names)
    if not moving and not rule.equality:
        if still > rule.bound + ROUNDING:
            raise InputError(f"{rule.text} does not hold: the fixed occupancies make {still:g}")
        return None
    return Rule(moving, rule.bound - still, rule.equality, rule.text)
