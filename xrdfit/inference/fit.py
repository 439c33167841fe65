"""`fit`: a model and a scan go in, occupancies with errors come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.options import FitOptions, from_parameters, with_choices
from xrdfit.fitting.prepare import Setup, check_model, prepare
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.rivals import lowest
from xrdfit.fitting.scans import Scans, one_sample
from xrdfit.fitting.search import search, settle
from xrdfit.fitting.starts import thicknesses
from xrdfit.fitting.threads import one_thread
from xrdfit.inference.assemble import assemble
from xrdfit.inference.engines import (
    Begun,
    Choice,
    choices_of,
    choose_engines,
    estimated_sizes,
    reason_of,
    with_engines,
)
from xrdfit.inference.film import film_options, what_pays
from xrdfit.inference.guided import seek
from xrdfit.inference.result import FitResult
from xrdfit.inference.stage import Stage, Step, Trial, weighted_like
from xrdfit.inference.usual import with_usual
from xrdfit.model.phase import Engine
from xrdfit.model.powder import PowderModel
from xrdfit.progress import Progress

if TYPE_CHECKING:
    import lmfit
    import xarray as xr

Array = NDArray[np.float64]

# Weights from a point whose χ² is less than so many times the minimum's are the minimum's own.
_SAME_WEIGHTS = 1.01


def fit(
    model: PowderModel,
    scan: xr.Dataset | Scans,
    *,
    params: lmfit.Parameters | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> FitResult:
    """Fit a model to a scan, or to several scans of one sample, by weighted least squares.

    Parameters
    ----------
    model : PowderModel
        From `load_model`.
    scan : xarray.Dataset, or a mapping of labels to these
        From `read_pattern` or `make_pattern`.
    params : lmfit.Parameters, optional
        Value, min, max and vary of parameters, as `PowderModel.parameters` gives them; nothing else is added then
        (``usual=False``).
    progress : callable, optional
        See `xrdfit.progress.Progress`. Called with a few words whenever a stage begins.
    **choices
        Fields of `FitOptions`: ``engine``, ``total``, ``restrain``, ``tie``, ``vary``, ``fix`` (also a sequence of
        names), ``start``, ``limits``, ``own``, ``range``, ``exclude``, ``background``, ``radiation`` and so on. Text
        with an error, ``total={"Cu": "7.6(4)"}``, is a restraint; a number is kept exactly. With several scans, those
        of one scan may be mappings by label, ``radiation={"lab": "cu-ka"}``.

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

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> abs(result["occ_Cu_8c"].value - 0.37) < 3.0 * result["occ_Cu_8c"].stderr
    True
    >>> result.parameters["occ_Cu_32f"].status
    'derived'
    """
    check_model(model)
    options = with_choices(FitOptions(), choices)
    if params is not None:  # they say all that varies
        options = replace(from_parameters(params, options), usual=False)
    return fit_with(model, scan, options, progress)


def fit_with(
    model: PowderModel,
    scan: xr.Dataset | Scans,
    options: FitOptions,
    progress: Progress | None = None,
    engines: Mapping[str, Engine] | None = None,
) -> FitResult:
    """Fit with the choices held in a `FitOptions`; see `fit`. `engines`, by label, are not chosen again."""
    scans, options = one_sample(scan, options)
    told = replace(options, seek=(), usual=False)
    # whoever names kinds of pieces to seek says what else there is
    open_ = options.usual and options.seek in ((), ("all",)) and len(scans) == 1
    film = film_options(model, scans[""], told) if open_ else None
    started = _start(model, scans, film.options if film else told, progress, engines)
    if film and not started.of_clusters:
        film, started = None, _start(model, scans, told, progress, engines)
    # the engine that was chosen once stays
    fitter = _Fitter(scans, started.engines, progress)
    steps: tuple[Step, ...] = ()
    if film:
        kept, steps = what_pays(started.as_it_is(), film, fitter, progress)
        if kept is not film:
            again = _start(started.model, scans, kept.options, progress, started.engines)
            started = replace(again, reason=started.reason)
    result = started.finished(progress)
    if not (options.usual or options.seek):
        return result
    stage = Stage(result, result.start_model, result.options, steps=steps)
    if options.usual:
        stage = with_usual(stage, fitter, progress)
    if options.seek:
        stage = seek(replace(stage, options=replace(stage.options, seek=options.seek)), fitter, progress)
    if stage.result is result and not stage.steps:
        return result
    return replace(stage.result, steps=stage.steps, engine_reason=result.engine_reason)


@dataclass(frozen=True)
class _Started:
    """A fit under way: how far it has come, the model with the engines that were chosen, and why these."""

    begun: Begun
    model: PowderModel
    reason: str
    engines: Mapping[str, Engine]

    @property
    def of_clusters(self) -> bool:
        """Whether Debye sums describe all phases of all scans."""
        engines = self.engines.values()
        return {phase.engine or engine for phase in self.model.phases for engine in engines} == {"debye"}

    def as_it_is(self) -> FitResult:
        """What there is so far, near a minimum, as a result."""
        setup = self.begun.setup
        with one_thread():
            return assemble(setup, setup.problem, self.begun.near, self.model, self.reason)

    def finished(self, progress: Progress | None) -> FitResult:
        """Search for other compositions, converge, and tell the errors."""
        with one_thread():
            return _finished(self.begun.setup, self.begun.searched(progress), self.model, self.reason)


def _start(
    model: PowderModel,
    scans: Scans,
    options: FitOptions,
    progress: Progress | None,
    engines: Mapping[str, Engine] | None,
) -> _Started:
    """Go down with what model and options name, and nothing else."""
    choices: Mapping[str, Choice] = {}
    with one_thread():
        if engines is None:
            choices = choices_of(model, scans, options, progress)
            model = with_engines(model, choices)
            engines = {label: choice.engine for label, choice in choices.items()}
            first = next(iter(choices.values()))
            if len(choices) == 1 and first.begun is not None:
                return _Started(first.begun, model, first.reason, engines)
        setup = prepare(model, scans, options, engines)
        if progress:
            progress("fitting")
        begun = Begun.of(setup, estimated_sizes(setup, choices), progress)
        return _Started(begun, model, reason_of(choices), engines)


def fit_setup(
    setup: Setup,
    model: PowderModel,
    *,
    start: Mapping[str, float] | None = None,
    reason: str = "",
    progress: Progress | None = None,
) -> FitResult:
    """Fit what `prepare` made.

    Parameters
    ----------
    setup : Setup
    model : PowderModel
        As it was given.
    start : Mapping[str, float], optional
        Where the search starts, such as the answer of a neighbouring scan; the setup's own values by default.
    reason : str
        Why these engines, where they were chosen automatically.
    progress : callable, optional
    """
    problem = setup.problem
    if progress:
        progress("fitting")
    near = search(problem, problem.theta({**problem.base, **(start or {})}), progress)
    return _finished(setup, near, model, reason)


def _finished(setup: Setup, near: Solution, model: PowderModel, reason: str) -> FitResult:
    """The result from where a search ended: final weights, convergence, errors."""
    problem = setup.problem
    if _weights_follow(setup):
        problem, solution = _reweighted(setup, near)
    else:
        solution = settle(problem, near.theta)
    return assemble(setup, problem, replace(solution, met=near.met), model, reason)


@dataclass(frozen=True)
class _Fitter:
    """How a guided fit fits the same scans again and again."""

    scans: Scans
    engines: Mapping[str, Engine]
    progress: Progress | None

    def fit(self, model: PowderModel, options: FitOptions, start: Mapping[str, float]) -> FitResult:
        """Fit, the search starting from these values."""
        with one_thread():
            setup = self._setup(model, options)
            return fit_setup(setup, model, start=_started(setup, start), progress=self.progress)

    def trial(self, model: PowderModel, options: FitOptions, start: Mapping[str, float], weights: Problem) -> Trial:
        """Go down from these values under the weights of another problem."""
        with one_thread():
            setup = self._setup(model, options)
            problem = weighted_like(setup.problem, weights)
            origin = problem.theta({**problem.base, **_started(setup, start)})
            points = (origin, *thicknesses(problem, origin))
            found = min((descend(problem, theta, tolerance=0.5) for theta in points), key=lambda s: s.chi2)
            return Trial(problem, found.theta, found.chi2)

    def _setup(self, model: PowderModel, options: FitOptions) -> Setup:
        return prepare(model, self.scans, replace(options, seek=()), self.engines)


def _started(setup: Setup, start: Mapping[str, float]) -> dict[str, float]:
    """Values from which a fit starts: those of a parameter that begins to move are its own where 0 tells nothing."""
    return {n: v for n, v in start.items() if n in setup.rows and not (v == 0.0 and setup.rows[n].kind.even)}


def _weights_follow(setup: Setup) -> bool:
    """Whether the weights depend on the pattern that is calculated."""
    if setup.options.weights == "none":
        return False
    counted = setup.options.weights == "y_calc" and any(view.counted for view in setup.scans)
    return counted or any(_adds_noise(setup.problem, i) for i in range(len(setup.scans)))


def _adds_noise(problem: Problem, index: int) -> bool:
    background = problem.scans[index].bound.background
    return bool(np.any(background.variance(np.ones(len(background.heights)))))


def _reweighted(setup: Setup, near: Solution) -> tuple[Problem, Solution]:
    """Converge under the weights of the pattern that the counts' own weights lead to."""
    problem = setup.problem.with_sigmas(model_sigmas(setup, setup.problem, near.theta))
    start = lowest(problem, (near, *near.met)).theta
    at_start = problem.evaluate(start, derivatives=False).chi2  # before the step away: its pattern is still known
    solution = settle(problem, start)
    if at_start < _SAME_WEIGHTS * solution.chi2:
        return problem, solution
    # the search had ended elsewhere, and so had the weights
    near = settle(setup.problem, solution.theta)
    problem = setup.problem.with_sigmas(model_sigmas(setup, setup.problem, near.theta))
    return problem, settle(problem, near.theta)


def restore(
    model: PowderModel,
    scan: xr.Dataset | Scans,
    options: FitOptions,
    values: Mapping[str, float],
    sigmas: Sequence[Array] | None = None,
    rivals: Sequence[Mapping[str, float]] = (),
    engines: Mapping[str, Engine] | None = None,
) -> FitResult:
    """Rebuild the result of an earlier fit without a search.

    Parameters
    ----------
    model : PowderModel
        The model that the fit started from.
    scan : xarray.Dataset, or a mapping of labels to these
    options : FitOptions
    values : Mapping[str, float]
        The fitted parameters.
    sigmas : sequence of ndarray, shape (n,), optional
        The weights that the fit ended with, one array a scan; computed from `values` where absent.
    rivals : sequence of Mapping[str, float]
        Values of the parameters in other answers; those that a rival leaves out are the model's.
    engines : Mapping[str, str], optional
        By label; chosen by the scans where absent.
    """
    scans, options = one_sample(scan, options)
    with one_thread():  # the last digits must not depend on how a library shares out its sums
        chosen, reason = (engines, "") if engines is not None else choose_engines(model, scans, options)
        setup = prepare(model, scans, options, chosen)
        problem = setup.problem
        theta = problem.theta({**problem.base, **values})
        problem = problem.with_sigmas(sigmas if sigmas is not None else model_sigmas(setup, problem, theta))
        points = [problem.theta({**problem.base, **other}) for other in rivals]
        near = [Solution(p, problem.evaluate(p, derivatives=False).chi2, True, "restored") for p in points]
        solution = Solution(theta, problem.evaluate(theta).chi2, True, "restored", tuple(near))
        return assemble(setup, problem, solution, model, reason)


def model_sigmas(setup: Setup, problem: Problem, theta: Array) -> list[Array]:
    """σ of each scan (n,), in counts: of a counting experiment whose mean is the calculated pattern, else the file's.

    The counting errors of measured pieces of the background, a blank's, are added in quadrature.
    """
    found = []
    evaluation = problem.evaluate(theta)
    for view, scan, part in zip(setup.scans, setup.problem.scans, evaluation.parts, strict=True):
        variance = scan.sigma**2
        if setup.options.weights == "none":
            found.append(scan.sigma)
            continue
        if view.counted and setup.options.weights == "y_calc":
            gain: Any = view.data["gain"].values if "gain" in view.data else 1.0
            variance = gain * np.maximum(part.calculated, gain)
        more = scan.bound.background.variance(part.linear[scan.n_phases :])
        found.append(np.sqrt(variance + more))
    return found
