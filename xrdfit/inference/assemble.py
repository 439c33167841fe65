"""From a minimum to a `FitResult`: errors, shares, composition, weight fractions, warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.descent import Solution
from xrdfit.fitting.prepare import ScanSetup, Setup
from xrdfit.fitting.problem import Evaluation, Problem
from xrdfit.fitting.rivals import rivals
from xrdfit.fitting.search import pressing
from xrdfit.fitting.statistics import Statistics, statistics
from xrdfit.inference.cautions import Caution
from xrdfit.inference.fitted import Estimated, FittedScan, FittedSite, Status
from xrdfit.inference.result import FitResult
from xrdfit.inference.uncertainty.covariance import Covariance, covariance
from xrdfit.inference.uncertainty.site_shares import share_gradient
from xrdfit.inference.warnings import POOR_CHI2, warnings_of
from xrdfit.inference.weights import DISAGREE, VALID, WeightFractions, weight_fractions
from xrdfit.model.powder import PowderModel

Array = NDArray[np.float64]

# χ² of the calculated lines against none: three standard errors.
_VISIBLE = 9.0
_OF_NO_CONSEQUENCE = ("size_nm", "size_sigma", "microstrain", "mixing")


def assemble(setup: Setup, problem: Problem, solution: Solution, start_model: PowderModel, reason: str) -> FitResult:
    """Put the result of a fit together."""
    evaluation = problem.evaluate(solution.theta)
    values = evaluation.values
    at_bound = _names_at_bound(problem, solution.theta, values)
    spread = covariance(problem, solution.theta, [n for n in at_bound if n in problem.direct])
    figures, own = _statistics(problem, evaluation)
    success, message = _verdict(problem, solution, spread, figures)
    scale = max(1.0, figures.chi2_reduced, *(s.chi2_reduced for s in own))
    errors = {n: e for n, e in _errors(spread, scale).items() if e > 0.0 or n not in at_bound}
    models = [fitted_model(view, values) for view in setup.scans]
    model = models[0]
    scales = [block.bound.scales for block in problem.scans]
    weights = weight_fractions(models, scales, values, spread, scale, setup.options.standard)
    scans = tuple(map(FittedScan.of, setup.scans, models, own, weights.by_scan))
    result = FitResult(
        model=model,
        start_model=start_model,
        scans=scans,
        options=setup.options,
        engine_reason=reason,
        success=success,
        message=message,
        statistics=figures,
        estimates=tuple(_estimates(setup, problem, figures, errors, at_bound, values)),
        sites=tuple(_sites(model, spread, scale, errors)),
        composition=_composition(model),
        weight_fractions=weights.values,
        weight_fraction_errors=weights.errors,
        amorphous=weights.amorphous,
        amorphous_error=weights.amorphous_error,
        cautions=(),
        covariance_names=spread.names,
        covariance=spread.matrix * scale,
        problem=problem,
        theta=solution.theta,
        rivals=tuple(rivals(problem, solution, solution.met, scale)),
    )
    return replace(
        result, cautions=(*warnings_of(result, setup, spread), *_of_weights(weights, setup.options.standard))
    )


def _of_weights(weights: WeightFractions, standard: Iterable[str]) -> Iterator[Caution]:
    """What casts doubt on the weight fractions."""
    yield from (Caution("scans_disagree", (name,), {"errors": DISAGREE}) for name in weights.disagree)
    yield from (Caution("coarse_grains", (name,), {"limit": VALID}) for name in weights.coarse)
    if weights.amorphous is None:
        yield from (Caution("no_standard", (name,)) for name in standard)
    elif weights.amorphous < -DISAGREE * (weights.amorphous_error or 0.0):
        yield Caution("negative_amorphous", (), {"share": weights.amorphous})


def fitted_model(view: ScanSetup, values: Mapping[str, float]) -> PowderModel:
    """The model of a scan with the values of a fit."""
    own = {replace(r, scan="").name: values[r.name] for r in view.rows if r.name in values}
    return view.model.with_values(own)


def _statistics(problem: Problem, evaluation: Evaluation) -> tuple[Statistics, list[Statistics]]:
    """Figures of merit of all scans together, and of each."""
    columns = [
        (s.observed, p.calculated, p.background, s.sigma) for s, p in zip(problem.scans, evaluation.parts, strict=True)
    ]
    pulls = evaluation.chi2 - sum(part.chi2 for part in evaluation.parts)
    observed, calculated, background, sigma = (np.concatenate(c) for c in zip(*columns, strict=True))
    together = statistics(observed, calculated, background, sigma, problem.n_varied, max(pulls, 0.0))
    if len(columns) == 1:
        return together, [statistics(*columns[0], problem.n_varied) if problem.restraints else together]
    share = problem.n_varied / problem.n_points  # of the parameters that a scan pays for
    return together, [statistics(*c, round(share * len(c[0]))) for c in columns]


def _verdict(problem: Problem, solution: Solution, spread: Covariance, figures: Statistics) -> tuple[bool, str]:
    evaluation = problem.evaluate(solution.theta)
    seen = sum(
        float(np.sum(((part.calculated - part.background) / scan.sigma) ** 2))
        for scan, part in zip(problem.scans, evaluation.parts, strict=True)
    )
    if seen < _VISIBLE:
        return False, "the scan shows nothing of the model: its lines are not above zero by three standard errors"
    open_ = [n for n in spread.undetermined if not _is_nuisance(problem, n)]
    if open_:
        # one that only widths or the background can stand in for is open together with these
        open_ = open_ if len(open_) > 1 else spread.undetermined
        names = ", ".join(open_)
        sites = any(problem.rows[n].is_occupancy for n in open_)
        advice = " or give a total (--total)" if sites else ""
        return False, f"singular: the scan fixes only combinations of {names}; fix one of them (--fix){advice}"
    if not solution.success:
        return False, f"did not converge: {solution.message}"
    if figures.chi2_reduced > POOR_CHI2:
        return True, f"converged, but the residual is {figures.goodness_of_fit:.1f} times its noise"
    return True, "converged"


def _is_nuisance(problem: Problem, name: str) -> bool:
    """Whether it belongs to the lines' widths or the background: where only such trade, the structure is known."""
    kind = problem.rows[name].kind
    return kind.belongs in ("width", "background") or kind.stem in _OF_NO_CONSEQUENCE


def _errors(spread: Covariance, scale: float) -> dict[str, float]:
    unknown = {*spread.undetermined, *spread.without_effect}
    deviations = np.sqrt(np.maximum(np.diag(spread.matrix), 0.0) * scale)
    return {n: float(s) for n, s in zip(spread.names, deviations, strict=True) if n not in unknown}


def _names_at_bound(problem: Problem, theta: Array, values: Mapping[str, float]) -> set[str]:
    """Parameters that stand at a limit; an occupancy that follows counts when it is 0 or 1 itself."""
    k = len(problem.direct)
    pressed = pressing(problem, theta, within=1e-9)
    names = {name for name, p in zip(problem.direct, pressed[:k], strict=True) if p}
    if pressed[k:].any():
        names |= _occupancies_at_bound(problem, values)
    return names | {n for n in problem.floored if values[n] == 0.0}


def _occupancies_at_bound(problem: Problem, values: Mapping[str, float]) -> set[str]:
    """Occupancies at their own limits; where none is, those at a limit that a rule sets (packing, a mixed site).

    One that the rules leave a single value has no limit.
    """
    table = problem.occupancies
    moves = np.abs(table.tangent).max(axis=1, initial=0.0) > 0.0
    own = {
        name
        for name, (low, high), free in zip(table.names, table.limits, moves, strict=True)
        if free and min(values[name] - low, high - values[name]) < 1e-6
    }
    flags = table.on_bound(np.array([values[n] for n in table.names]), 1e-6)
    return own or {name for name, flag in zip(table.names, flags, strict=True) if flag}


def _estimates(
    setup: Setup,
    problem: Problem,
    figures: Statistics,
    errors: Mapping[str, float],
    at_bound: set[str],
    values: Mapping[str, float],
) -> list[Estimated]:
    free = {*problem.direct, *(problem.occupancies.names[j] for j in problem.occupancies.free), *problem.solved}
    moving = {*problem.moving, *free}
    out = []
    for name, row in setup.rows.items():
        status: Status = "varied" if name in free else "derived" if name in moving else "fixed"
        error = errors.get(name)
        out.append(
            Estimated(
                name=name,
                value=float(values[name]),
                stderr=error,
                stderr_serial=None if error is None else error * figures.berar_lelann,
                unit=row.unit,
                status="at bound" if name in at_bound else status,
                text=row.text,
            )
        )
    return out


def _sites(model: PowderModel, spread: Covariance, scale: float, errors: Mapping[str, float]) -> list[FittedSite]:
    out = []
    for phase in model.phases:
        prefix = model.prefix(phase)
        for site in phase.structure.sites:
            kin = [s for s in phase.structure.sites if s.element == site.element]
            name = f"{prefix}occ_{site.label}"
            atoms = {f"{prefix}occ_{s.label}": float(s.multiplicity) for s in kin}
            share, slopes = share_gradient(atoms, {f"{prefix}occ_{s.label}": s.occupancy for s in kin}, name)
            moved = {n: slope for n, slope in slopes.items() if n in spread.names}
            known = any(moved.values()) and all(n in errors for n in moved)
            share_error = spread.error_of(moved) * scale**0.5 if known else None
            out.append(
                FittedSite(
                    phase.name, site.label, site.element, site.wyckoff, site.multiplicity,
                    site.occupancy, errors.get(name), share, share_error,
                )
            )  # fmt: skip
    return out


def _composition(model: PowderModel) -> dict[str, Any]:
    each = {p.name: p.structure.composition() for p in model.phases}
    return each if len(each) > 1 else next(iter(each.values()))
