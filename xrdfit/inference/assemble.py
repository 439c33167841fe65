"""From a minimum to a `FitResult`: errors, shares, composition, pattern, warnings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction import bind
from xrdfit.errors import ComputationError
from xrdfit.fitting.prepare import Setup
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.rivals import rivals
from xrdfit.fitting.search import Solution, pressing
from xrdfit.fitting.statistics import Statistics, statistics
from xrdfit.inference.result import FitResult, FittedParameter, FittedSite, Limits, Status
from xrdfit.inference.uncertainty.intervals import interval
from xrdfit.inference.uncertainty.site_shares import share_gradient
from xrdfit.inference.warnings import warnings_of
from xrdfit.model.powder import Phase, PowderModel

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

# Smallest eigenvalue of the information matrix with unit diagonal that still counts as determined: beyond
# it a combination of parameters is known 10⁴ times worse than each would be alone.
_SINGULAR = 1e-8

# χ² of the calculated lines against none: three standard errors.
_VISIBLE = 9.0


@dataclass(frozen=True)
class Covariance:
    """Covariance of everything that moves, and what the scan leaves open.

    Attributes
    ----------
    names : tuple of str
    matrix : ndarray (k, k)
        For the weights as they are; not scaled by the goodness of fit.
    undetermined : tuple of str
        Parameters that only a singular combination holds.
    without_effect : tuple of str
        Parameters that the pattern does not respond to.
    """

    names: tuple[str, ...]
    matrix: Array
    undetermined: tuple[str, ...]
    without_effect: tuple[str, ...]


def covariance(problem: Problem, values: Mapping[str, float], held: Collection[str] = ()) -> Covariance:
    """Invert the information matrix in the space of the occupancies, with scale and background in it.

    Limits are ignored: a parameter at its bound has the error that the curvature there gives. One of `held`
    counts as fixed where the others would not be determined beside it, as a size's Gaussian share that is zero.
    """
    spread = _covariance(problem, values, ())
    resting = [name for name in spread.undetermined if name in held]
    return _covariance(problem, values, resting) if resting else spread


def _covariance(problem: Problem, values: Mapping[str, float], fixed: Collection[str]) -> Covariance:
    jacobian = problem.full_jacobian(values)
    jacobian[:, [i for i, name in enumerate(problem.others) if name in fixed]] = 0.0
    names = (*problem.moving, *np.array(problem.linear)[problem.linear_varies].tolist())
    tangent = problem.tangent(values)
    k = tangent.shape[1]
    outward = np.zeros((len(names), jacobian.shape[1]))
    outward[: len(tangent), :k] = tangent
    outward[len(tangent) :, k:] = np.eye(jacobian.shape[1] - k)
    norms = np.linalg.norm(jacobian, axis=0)
    alive = norms > 0.0  # parameters have their own units: a small column may be that of a large parameter
    norms[~alive] = 1.0
    scaled = jacobian / norms
    eigenvalues, vectors = np.linalg.eigh(scaled[:, alive].T @ scaled[:, alive])
    open_ = eigenvalues < _SINGULAR
    to_names = (outward / norms)[:, alive]
    inverse = (vectors[:, ~open_] / eigenvalues[~open_]) @ vectors[:, ~open_].T
    moved = np.abs(to_names @ vectors[:, open_]) * np.linalg.norm(jacobian @ np.linalg.pinv(outward), axis=0)[:, None]
    undetermined = [n for n, m in zip(names, moved.max(axis=1, initial=0.0), strict=True) if m > 0.1]
    # what was held still is known, not without effect
    dead = np.abs(outward[:, ~alive]).max(axis=1, initial=0.0) > 0
    return Covariance(
        names,
        to_names @ inverse @ to_names.T,
        tuple(undetermined),
        tuple(n for n, d in zip(names, dead, strict=True) if d and n not in fixed),
    )


def assemble(setup: Setup, problem: Problem, solution: Solution, start_model: PowderModel, reason: str) -> FitResult:
    """Put the result of a fit together."""
    evaluation = problem.evaluate(solution.theta)
    values = evaluation.values
    at_bound = _names_at_bound(problem, solution.theta, values)
    spread = covariance(problem, values, [n for n in at_bound if n in problem.others])
    figures = statistics(
        problem.observed, evaluation.calculated, evaluation.background, problem.sigma, problem.n_varied
    )
    success, message = _verdict(problem, solution, spread)
    scale = max(1.0, figures.chi2_reduced)
    errors = _errors(spread, scale)
    model = setup.model.with_values(values)
    others = tuple(rivals(problem, solution, solution.others, scale))
    minima = [solution.theta, *(rival.theta for rival in others)]
    result = FitResult(
        model=model,
        start_model=start_model,
        scan=setup.scan,
        options=setup.options,
        engine=setup.engine,
        engine_reason=reason,
        success=success,
        message=message,
        statistics=figures,
        parameters=_parameters(setup, problem, minima, figures, errors, at_bound, values),
        sites=tuple(_sites(model, spread, scale, errors)),
        composition=_composition(model),
        weight_fractions=_weight_fractions(model, values),
        warnings=(),
        compute_pattern=lambda: _pattern(setup, problem, evaluation, model, values),
        covariance_names=spread.names,
        covariance=spread.matrix * scale,
        problem=problem,
        theta=solution.theta,
        rivals=others,
    )
    return replace(result, warnings=tuple(warnings_of(result, setup, spread.without_effect)))


def _verdict(problem: Problem, solution: Solution, spread: Covariance) -> tuple[bool, str]:
    evaluation = problem.evaluate(solution.theta)
    net = (evaluation.calculated - evaluation.background) / problem.sigma
    if float(net @ net) < _VISIBLE:
        return False, "the scan shows nothing of the model: its lines are not above zero by three standard errors"
    if spread.undetermined:
        names = ", ".join(spread.undetermined)
        advice = " or give a total (--total)" if "occ_" in names else ""
        return False, f"singular: the scan fixes only combinations of {names}; fix one of them (--fix){advice}"
    if not solution.success:
        return False, f"did not converge: {solution.message}"
    return True, "converged"


def _errors(spread: Covariance, scale: float) -> dict[str, float]:
    unknown = {*spread.undetermined, *spread.without_effect}
    deviations = np.sqrt(np.maximum(np.diag(spread.matrix), 0.0) * scale)
    return {n: float(s) for n, s in zip(spread.names, deviations, strict=True) if n not in unknown}


def _names_at_bound(problem: Problem, theta: Array, values: Mapping[str, float]) -> set[str]:
    """Parameters that stand at a limit; an occupancy that follows counts when it is 0 or 1 itself."""
    k = len(problem.others)
    pressed = pressing(problem, theta, within=1e-9)
    names = {name for name, p in zip(problem.others, pressed[:k], strict=True) if p}
    if pressed[k:].any():
        names |= _occupancies_at_bound(problem, values)
    scales = problem.linear[: len(problem.bound.engines)]
    return names | {n for n, v in zip(scales, problem.linear_varies, strict=False) if v and values[n] == 0.0}


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


def _parameters(
    setup: Setup,
    problem: Problem,
    minima: Sequence[Array],
    figures: Statistics,
    errors: Mapping[str, float],
    at_bound: set[str],
    values: Mapping[str, float],
) -> dict[str, FittedParameter]:
    free = {*problem.others, *(problem.occupancies.names[j] for j in problem.occupancies.free)}
    free |= set(np.array(problem.linear)[problem.linear_varies].tolist())
    moving = {*problem.moving, *free}
    inflation = max(1.0, figures.chi2_reduced)
    out = {}
    for name, row in setup.rows.items():
        status: Status = "varied" if name in free else "derived" if name in moving else "fixed"
        error = errors.get(name)
        out[name] = FittedParameter(
            name=name,
            value=float(values[name]),
            stderr=error,
            stderr_serial=None if error is None else error * figures.berar_lelann,
            unit=row.unit,
            status="at bound" if name in at_bound else status,
            text=row.text,
            limits=_limits(
                problem,
                minima,
                inflation,
                name,
                float(values[name]),
                error,
                profiled=name in at_bound or name in problem.occupancies.names,
            ),
        )
    return out


def _limits(
    problem: Problem,
    minima: Sequence[Array],
    inflation: float,
    name: str,
    value: float,
    error: float | None,
    *,
    profiled: bool,
) -> Limits:
    """The 68 % interval, computed when first asked for.

    Occupancies and whatever stands at a bound get it from the profile likelihood, the others from the curvature.
    """

    @cache
    def limits() -> tuple[float | None, float | None]:
        if error is None:
            return None, None
        if not profiled:
            return value - error, value + error
        try:
            return interval(problem, minima, name, error, inflation=inflation)
        except ComputationError:
            return None, None

    return limits


def _sites(model: PowderModel, spread: Covariance, scale: float, errors: Mapping[str, float]) -> list[FittedSite]:
    column = set(spread.names)
    out = []
    for phase in model.phases:
        prefix = model.prefix(phase)
        for site in phase.structure.sites:
            kin = [s for s in phase.structure.sites if s.element == site.element]
            name = f"{prefix}occ_{site.label}"
            atoms = {f"{prefix}occ_{s.label}": float(s.multiplicity) for s in kin}
            share, slopes = share_gradient(atoms, {f"{prefix}occ_{s.label}": s.occupancy for s in kin}, name)
            slopes = {n: slope for n, slope in slopes.items() if n in column}
            gradient = np.array([slopes.get(n, 0.0) for n in spread.names])
            moved = bool(gradient.any()) and all(n in errors for n in slopes)
            share_error = float(np.sqrt(max(gradient @ spread.matrix @ gradient, 0.0) * scale)) if moved else None
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


def _weight_fractions(model: PowderModel, values: Mapping[str, float]) -> dict[str, float]:
    """Weight fraction ∝ scale × mass of a cell: the scale is per cell under either engine."""
    from gemmi import Element

    mass = {
        p.name: values[f"{model.prefix(p)}scale"]
        * sum(n * Element(element).weight for element, n in p.structure.composition().items())
        for p in model.phases
    }
    total = sum(mass.values())
    return {name: m / total if total > 0 else 0.0 for name, m in mass.items()}


def _pattern(
    setup: Setup, problem: Problem, evaluation: Any, model: PowderModel, values: Mapping[str, float]
) -> xr.Dataset:
    import xarray as xr

    ticks = [
        (phase.name, hkl, angle) for phase in model.phases for hkl, angle in tick_marks(setup, model, phase, values)
    ]
    columns = {
        "observed": problem.observed,
        "sigma": problem.sigma,
        "calculated": evaluation.calculated,
        "background": evaluation.background,
        "residual": problem.observed - evaluation.calculated,
    }
    data: dict[str, Any] = {name: ("two_theta", y, {"units": "counts"}) for name, y in columns.items()}
    data |= {
        "tick_two_theta": ("reflection", np.array([t for *_, t in ticks], dtype=float), {"units": "degree"}),
        "tick_hkl": ("reflection", np.array([h for _, h, _ in ticks], dtype=str)),
        "tick_phase": ("reflection", np.array([p for p, *_ in ticks], dtype=str)),
    }
    return xr.Dataset(data, coords={"two_theta": ("two_theta", problem.bound.two_theta, {"units": "degree"})})


def tick_marks(setup: Setup, model: PowderModel, phase: Phase, values: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return indices and angles of the lines of a phase's lattice within the grid, whichever engine was used."""
    grid = setup.problem.bound.two_theta
    lattice = bind("bragg", phase.structure, grid, model.radiation(), phase.settings(model.instrument, anomalous=False))
    prefix = model.prefix(phase)
    local = {row.name: row.value for row in replace(phase, engine="bragg").rows("bragg")}
    local |= {name.removeprefix(prefix): value for name, value in values.items()}
    hkl, angles = lattice.positions(local)  # pyright: ignore[reportAttributeAccessIssue]  # what only Bragg lines have
    return [(" ".join(map(str, h)), float(t)) for h, t in zip(hkl, angles, strict=True)]
