"""`fit`: a model and a scan go in, occupancies with errors come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.prepare import Setup, check_model, prepare
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.rivals import lowest
from xrdfit.fitting.search import Solution, search, settle
from xrdfit.inference.assemble import assemble
from xrdfit.inference.result import FitResult
from xrdfit.model.phase import Engine
from xrdfit.model.powder import Instrument, PowderModel
from xrdfit.progress import Progress

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

# Where the Bragg engine's bias in an occupancy exceeds half its error at 10⁴ counts: docs/bragg-or-debye.md.
AUTO_DEBYE_BELOW_NM = 30.0

# Weights from a point whose χ² is less than so many times the minimum's are the minimum's own.
_SAME_WEIGHTS = 1.01

# A sphere of diameter D fitted with Scherrer lines (K = 0.9) gives about this part of D.
SCHERRER_OF_SPHERE = 0.87


def fit(
    model: PowderModel,
    scan: xr.Dataset,
    *,
    engine: Literal["bragg", "debye", "auto"] = "bragg",
    total: Mapping[str, float] | None = None,
    vary: Sequence[str] = (),
    fix: Mapping[str, float | None] | Sequence[str] = (),
    start: Mapping[str, float] | None = None,
    range: tuple[float, float] | None = None,
    exclude: Sequence[tuple[float, float]] = (),
    background: int | None = None,
    radiation: str | float | None = None,
    anomalous: bool = True,
    anomalous_table: str = "chantler",
    monochromator_deg: float | None = None,
    radius_mm: float | None = None,
    instrument: Instrument | None = None,
    packing: bool = False,
    progress: Progress | None = None,
) -> FitResult:
    """Fit a model to a scan by weighted least squares.

    Parameters
    ----------
    model : PowderModel
        From `load_model`.
    scan : xarray.Dataset
        From `read_pattern` or `make_pattern`.
    progress : callable, optional
        See `xrdfit.progress.Progress`. Called with a few words whenever a stage begins.
    engine, total, vary, fix, start, range, exclude, background, radiation, anomalous, anomalous_table, \
monochromator_deg, radius_mm, instrument, packing
        See `FitOptions`; `fix` may also be a sequence of names.

    Returns
    -------
    FitResult
        `success` is False, and `message` says why, where the computation ended without an answer.

    Raises
    ------
    InputError
        For options that name nothing or contradict each other.

    Notes
    -----
    The residual is (y_obs − y_calc)/σ. Where σ comes from counting alone, the first convergence uses
    σ² = max(counts, 1) and the final one the calculated pattern's σ², because weights from noisy counts
    pull a fit down.
    """
    check_model(model)
    vary, fix = [vary] if isinstance(vary, str) else vary, [fix] if isinstance(fix, str) else fix
    options = FitOptions(
        engine=engine,
        total=dict(total or {}),
        vary=tuple(vary),
        fix=dict(fix) if isinstance(fix, Mapping) else dict.fromkeys(fix),
        start=dict(start or {}),
        range=range,
        exclude=tuple(exclude),
        background=background,
        radiation=radiation,
        anomalous=anomalous,
        anomalous_table=anomalous_table,
        monochromator_deg=monochromator_deg,
        radius_mm=radius_mm,
        instrument=instrument,
        packing=packing,
    )
    return fit_with(model, scan, options, progress)


def fit_with(model: PowderModel, scan: xr.Dataset, options: FitOptions, progress: Progress | None = None) -> FitResult:
    """Fit with the choices held in a `FitOptions`; see `fit`."""
    chosen, reason = choose_engine(model, scan, options, progress)
    setup = prepare(model, scan, options, chosen)
    problem = setup.problem
    if progress:
        progress("fitting")
    near = search(problem, problem.theta(problem.base), progress)
    if setup.scan.attrs.get("sigma_from", "poisson") == "file":
        solution = settle(problem, near.theta)
    else:
        problem, solution = _reweighted(setup, near)
    return assemble(setup, problem, replace(solution, others=near.others), model, reason)


def _reweighted(setup: Setup, near: Solution) -> tuple[Problem, Solution]:
    """Converge under the weights of the pattern that the counts' own weights lead to."""
    problem = setup.problem.with_sigma(model_sigma(setup, setup.problem, near.theta))
    start = lowest(problem, (near, *near.others)).theta
    at_start = problem.evaluate(start, derivatives=False).chi2  # before the step away: its pattern is still known
    solution = settle(problem, start)
    if at_start < _SAME_WEIGHTS * solution.chi2:
        return problem, solution
    # the search had ended elsewhere, and so had the weights
    near = settle(setup.problem, solution.theta)
    problem = setup.problem.with_sigma(model_sigma(setup, setup.problem, near.theta))
    return problem, settle(problem, near.theta)


def restore(
    model: PowderModel,
    scan: xr.Dataset,
    options: FitOptions,
    values: Mapping[str, float],
    sigma: Array | None = None,
    others: Sequence[Mapping[str, float]] = (),
) -> FitResult:
    """Rebuild the result of an earlier fit without a search.

    Parameters
    ----------
    model : PowderModel
        The model that the fit started from.
    scan : xarray.Dataset
    options : FitOptions
    values : Mapping[str, float]
        The fitted parameters.
    sigma : ndarray, shape (n,), optional
        The weights that the fit ended with; computed from `values` where absent.
    others : sequence of Mapping[str, float]
        Values of the parameters in other answers; those that a rival leaves out are the model's.
    """
    chosen, reason = choose_engine(model, scan, options)
    setup = prepare(model, scan, options, chosen)
    problem = setup.problem
    theta = problem.theta({**problem.base, **values})
    if sigma is not None:
        problem = problem.with_sigma(sigma)
    elif setup.scan.attrs.get("sigma_from", "poisson") != "file":
        problem = problem.with_sigma(model_sigma(setup, problem, theta))
    points = [problem.theta({**problem.base, **other}) for other in others]
    near = [Solution(p, problem.evaluate(p, derivatives=False).chi2, True, "restored") for p in points]
    solution = Solution(theta, problem.evaluate(theta).chi2, True, "restored", tuple(near))
    return assemble(setup, problem, solution, model, reason)


def choose_engine(
    model: PowderModel, scan: xr.Dataset, options: FitOptions, progress: Progress | None = None
) -> tuple[Engine, str]:
    """Return the engine to use and, for "auto", why.

    "auto" takes the Debye engine where a coarse Bragg fit finds the smallest phase below `AUTO_DEBYE_BELOW_NM`.
    """
    if options.engine != "auto":
        return options.engine, ""
    if progress:
        progress("estimating the size")
    problem = prepare(model, scan, options, "bragg").problem
    values = problem.expand(search(problem, problem.theta(problem.base)).theta)[0]
    diameters = {
        p.name: values[f"{model.prefix(p)}size_nm"] / (SCHERRER_OF_SPHERE if p.shape == "scherrer" else 1.0)
        for p in model.phases
    }
    name, smallest = min(diameters.items(), key=lambda item: item[1])
    below = smallest < AUTO_DEBYE_BELOW_NM
    return ("debye" if below else "bragg"), (
        f"{name} looks like spheres of {smallest:.1f} nm, {'below' if below else 'not below'} the "
        f"{AUTO_DEBYE_BELOW_NM:g} nm under which Bragg's law biases occupancies by more than half an error"
    )


def model_sigma(setup: Setup, problem: Problem, theta: Array) -> Array:
    """σ of a counting experiment whose mean is the calculated pattern, in counts (n,)."""
    gain: Any = setup.scan["gain"].values if "gain" in setup.scan else 1.0
    calculated = problem.evaluate(theta).calculated
    return np.sqrt(gain * np.maximum(calculated, gain))
