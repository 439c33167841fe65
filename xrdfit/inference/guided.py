"""A fit that adds what the scan asks for, step by step, as long as it pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from xrdfit.diffraction.background import Air, Chebyshev, Component, Hump
from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.selection import components
from xrdfit.inference.adequacy.advice import Advice
from xrdfit.inference.result import FitResult
from xrdfit.model.files.read import load_models
from xrdfit.model.powder import PowderModel
from xrdfit.parameters import ParameterRow
from xrdfit.progress import Progress, silent

PAYS = 2.0
"""A piece is kept where BIC falls by more (positive evidence: Kass & Raftery, J. Am. Stat. Assoc. 90, 773, 1995)."""
LEVEL = 2.0
"""Two pieces whose BIC differ by less than this explain the scan equally well."""
_FOR_THE_USER = ("blank",)  # its own noise draws a free height towards zero, which lowers χ² at any height
_MOST_STEPS = 12
_TRIED = 7  # pieces a step
_CONFIRMED = 2  # of them fitted fully
_ROUNDS = 2


@dataclass(frozen=True)
class Step:
    """A piece that was added.

    Attributes
    ----------
    options : tuple of str
        What adds it on the command line.
    text : str
        The advice in words.
    delta_chi2, delta_bic : float
        By how much χ² and BIC fell.
    alternatives : tuple of tuple of str
        Options of pieces that would have done as well.
    """

    options: tuple[str, ...]
    text: str
    delta_chi2: float
    delta_bic: float
    alternatives: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        """Return the step as a line of text."""
        told = (
            f" or {', '.join(' '.join(o) for o in self.alternatives)} (the scan cannot tell)"
            if self.alternatives
            else ""
        )
        return f"{' '.join(self.options)}{told}: χ² falls by {self.delta_chi2:.0f}, BIC by {self.delta_bic:.0f}"


class Fitter(Protocol):
    """How models are fitted to the scans in question."""

    def fit(self, model: PowderModel, options: FitOptions, start: Mapping[str, float]) -> FitResult:
        """Fit, the search starting from these values."""
        ...

    def trial(
        self, model: PowderModel, options: FitOptions, start: Mapping[str, float], weights: Problem
    ) -> tuple[float, int, int]:
        """Go down from these values under the weights of another problem; return χ², points and parameters."""
        ...


@dataclass(frozen=True)
class _Stage:
    """A fit, with the model and the options that repeat it.

    Attributes
    ----------
    pieces : tuple of Advice
        What was added to the model and the options at the beginning.
    steps : tuple of Step
        The same in words.
    """

    result: FitResult
    model: PowderModel
    options: FitOptions
    pieces: tuple[Advice, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def values(self) -> dict[str, float]:
        """Fitted parameters."""
        return {name: p.value for name, p in self.result.parameters.items()}

    def cost(self, weights: Problem) -> tuple[float, int, int]:
        """χ² under the weights of another problem, points and parameters."""
        problem = weighted_like(self.result.problem, weights)
        chi2 = problem.evaluate(self.result.theta, derivatives=False).chi2
        return chi2, problem.n_points, problem.n_varied


def weighted_like(problem: Problem, other: Problem) -> Problem:
    """Return the problem with the weights of another of the same scans: only with equal ones is χ² compared."""
    pairs = zip(problem.scans, other.scans, strict=True)
    return problem.with_sigmas([np.interp(s.bound.two_theta, o.bound.two_theta, o.sigma) for s, o in pairs])


def seek(
    model: PowderModel, first: FitResult, options: FitOptions, fitter: Fitter, progress: Progress | None = None
) -> tuple[FitResult, PowderModel, FitOptions, tuple[Step, ...]]:
    """Add the pieces of the kinds that `options.seek` names as long as BIC falls, and drop what others made idle.

    Parameters
    ----------
    model : PowderModel
    first : FitResult
        The fit without them.
    options : FitOptions
    fitter : Fitter
    progress : callable, optional

    Returns
    -------
    result : FitResult
        The last fit.
    model, options
        Which repeat it.
    steps : tuple of Step
    """
    tell = progress or silent
    stage = _Stage(first, model, options)
    for _ in range(_ROUNDS):
        stage = _settled(_grown(stage, fitter, tell), (model, options), fitter)
        before = len(stage.pieces)
        stage = _pruned(stage, (model, options), fitter, tell)
        if len(stage.pieces) == before:
            break
    return stage.result, stage.model, stage.options, stage.steps


def _grown(stage: _Stage, fitter: Fitter, tell: Progress) -> _Stage:
    """Add one piece after the other."""
    for _ in range(_MOST_STEPS - len(stage.pieces)):
        following = _next(stage, fitter, tell)
        if following is None:
            break
        stage = following
        tell(f"added {stage.pieces[-1].remedy}")
    return stage


def _next(stage: _Stage, fitter: Fitter, tell: Progress) -> _Stage | None:
    """The fit with one piece more, or None where none pays."""
    tried, weights = [], stage.result.problem
    before = stage.cost(weights)
    for advice in _wanted(stage):
        tell(f"trying {advice.remedy}")
        try:
            model, options, start = _followed(advice, stage.model, stage.options, stage)
            cost = fitter.trial(model, options, start, weights)
        except InputError:
            continue
        tried.append((_gain(before, cost), advice, model, options, start))
    tried.sort(key=lambda entry: -entry[0] * entry[1].trust)
    for gain, advice, model, options, start in tried[:_CONFIRMED]:
        if gain <= PAYS:
            continue
        result = fitter.fit(model, options, start)
        there = _Stage(result, model, options, (*stage.pieces, advice))
        full = _gain(before, there.cost(weights))
        if full <= PAYS or (stage.result.success and not result.success):
            continue
        level = tuple(a.options for g, a, *_ in tried if a is not advice and abs(gain - g) < LEVEL)
        fallen = stage.result.statistics.chi2 - result.statistics.chi2
        return replace(there, steps=(*stage.steps, Step(advice.options, str(advice), fallen, full, level)))
    return None


def _pruned(stage: _Stage, base: tuple[PowderModel, FitOptions], fitter: Fitter, tell: Progress) -> _Stage:
    """Drop pieces that no longer pay since others are there, and stopgaps that something else explains as well."""
    for advice in stage.pieces:
        if advice not in stage.pieces or (advice is stage.pieces[-1] and advice.trust == 1.0):
            continue
        tell(f"trying without {advice.remedy}")
        weights = stage.result.problem
        try:
            pieces = tuple(piece for piece in stage.pieces if piece is not advice)
            model, options = _with_all(pieces, base, stage)
            if advice.trust == 1.0:
                cost = fitter.trial(model, options, stage.values, weights)
                if _gain(cost, stage.cost(weights)) > PAYS:
                    continue
            result = fitter.fit(model, options, stage.values)
        except InputError:
            continue
        steps = tuple(s for s, piece in zip(stage.steps, stage.pieces, strict=True) if piece is not advice)
        there = _Stage(result, model, options, pieces, steps)
        if advice.trust < 1.0 and _gain(there.cost(weights), stage.cost(weights)) > PAYS:
            there = _grown(there, fitter, tell)
        pays = _gain(there.cost(weights), stage.cost(weights)) > PAYS
        if not pays and (there.result.success or not stage.result.success) and advice not in there.pieces:
            tell(f"dropped {advice.remedy}")
            stage = there
    return stage


def _settled(stage: _Stage, base: tuple[PowderModel, FitOptions], fitter: Fitter) -> _Stage:
    """Humps that ran to the end of their reach start again from where they are."""
    for _ in range(_ROUNDS):
        pieces = _moved(stage)
        if pieces == stage.pieces:
            break
        model, options = _with_all(pieces, base, stage)
        result = fitter.fit(model, options, stage.values)
        told = zip(stage.steps, pieces, strict=True)
        steps = tuple(replace(step, options=piece.options) for step, piece in told)
        stage = _Stage(result, model, options, pieces, steps)
    return stage


def _moved(stage: _Stage) -> tuple[Advice, ...]:
    """The pieces, those humps that stand at the end of their reach with their fitted centre and width."""
    fitted, moved = stage.result.parameters, list(stage.pieces)
    for label in {piece.scan for piece in moved}:
        names = [n for n, row in stage.result.problem.rows.items() if row.kind.stem == "hump_deg" and row.scan == label]
        own = [i for i, piece in enumerate(moved) if piece.code == "hump" and piece.scan == label]
        for i, name in zip(reversed(own), reversed(names), strict=False):
            if fitted[name].status == "at bound":
                deg, fwhm = (
                    round(fitted[f"{name.removesuffix('_deg')}{end}"].value, 1) for end in ("_deg", "_fwhm_deg")
                )
                option, where, _ = moved[i].options
                there = where[: where.find(":") + 1]
                numbers = {**moved[i].numbers, "deg": deg, "fwhm_deg": fwhm}
                moved[i] = replace(moved[i], options=(option, f"{there}{deg:g}", f"{fwhm:g}"), numbers=numbers)
    return tuple(moved)


def _with_all(
    pieces: Sequence[Advice], base: tuple[PowderModel, FitOptions], stage: _Stage
) -> tuple[PowderModel, FitOptions]:
    """Model and options of the beginning with some of the pieces."""
    model, options = base
    for piece in pieces:
        model, options, _ = _followed(piece, model, options, stage)
    return model, options


def _wanted(stage: _Stage) -> list[Advice]:
    """Advice of the wanted kinds that an option can follow, each followed by what would do as well."""
    kinds, options = set(stage.options.seek), stage.options
    found: dict[tuple[str, ...], Advice] = {}
    for advice in stage.result.advice:
        for piece in (advice, *advice.alternatives):
            usable = bool(piece.options) and piece.code not in _FOR_THE_USER and ("all" in kinds or piece.code in kinds)
            if usable and not (piece.code == "b_element" and options.b_per_element):
                found.setdefault(piece.options, piece)
    return list(found.values())[:_TRIED]


def _gain(before: tuple[float, int, int], after: tuple[float, int, int]) -> float:
    """By how much BIC falls for the χ² of known errors, or of the better model where that does not fit.

    Where points were left out, what they had contributed counts as explained.
    """
    (chi2, points, varied), (new_chi2, new_points, new_varied) = before, after
    scale = max(1.0, min(chi2 / max(points - varied, 1), new_chi2 / max(new_points - new_varied, 1)))
    lost = points - new_points
    added = new_varied - varied + (1 if lost > 0 else 0)
    return (chi2 - new_chi2 - lost) / scale - added * float(np.log(points))


def _followed(
    advice: Advice, model: PowderModel, options: FitOptions, stage: _Stage
) -> tuple[PowderModel, FitOptions, dict[str, float]]:
    """Model and options with a piece, and where a fit of them starts."""
    start = stage.values
    if advice.code == "impurity":
        model, options, names = _with_phase(advice, model, options)
        return model, options, {names.get(name, name): value for name, value in start.items()}
    if advice.code == "b_element":  # each takes over what was overall
        for name in [n for n in start if _is_overall(n)]:
            prefix = name.removesuffix("b_overall")
            own = [n for n in start if n.startswith(f"{prefix}b_") and n != name]
            start |= {n: start[n] + start[name] for n in own} | {name: 0.0}
    return *applied(advice, model, options, stage.result), start


def applied(
    advice: Advice, model: PowderModel, options: FitOptions, result: FitResult
) -> tuple[PowderModel, FitOptions]:
    """Return model and options with the piece that an advice names.

    Parameters
    ----------
    advice : Advice
    model, options
        Of the fit that the advice is about.
    result : FitResult
        That fit.

    Raises
    ------
    InputError
        No option adds this piece.
    """
    label, code = advice.scan, advice.code
    if code in ("parameter", "b_overall", "site", "coordinate", "blank"):
        return model, replace(options, vary=(*options.vary, advice.options[-1]))
    if code == "b_element":
        kept = tuple(n for n in options.vary if not _is_overall(n))
        return model, replace(options, b_per_element=True, vary=kept)
    if code == "impurity":
        return _with_phase(advice, model, options)[:2]
    own = options.of(label)
    if code == "film":
        return model, _for_scan(options, "film", label, True, result)
    if code in ("polarization", "capillary"):
        value = float(advice.options[-1].rpartition(":")[2])
        return model, _for_scan(options, code, label, value, result)
    if code == "texture":
        h, k, l = (int(advice.numbers[n]) for n in "hkl")  # noqa: E741
        return model, replace(options, texture=(h, k, l))
    if code == "spike":
        low, high = (float(text) for text in advice.options[-2:])
        return model, _for_scan(options, "exclude", label, (*own.exclude, (low, high)), result)
    if code in ("hump", "air", "background_order"):
        pieces = _with_component(components(model, own), advice)
        return model, _for_scan(options, "background", label, pieces, result)
    raise InputError(f"no option adds {advice.remedy}")


def _is_overall(name: str) -> bool:
    return name == "b_overall" or name.endswith("__b_overall")


def _with_component(pieces: Sequence[Component], advice: Advice) -> tuple[Component, ...]:
    if advice.code == "background_order":
        order = int(advice.subject)
        return tuple(Chebyshev(order) if isinstance(c, Chebyshev) else c for c in pieces)
    added = Air() if advice.code == "air" else Hump(advice.numbers["deg"], advice.numbers["fwhm_deg"])
    return (*pieces, added)


def _for_scan(options: FitOptions, name: str, label: str, value: Any, result: FitResult) -> FitOptions:
    """The options with another value for one scan."""
    if not label:
        return replace(options, **{name: value})
    each = {s.label: getattr(options.of(s.label), name) for s in result.scans}
    return replace(options, **{name: each | {label: value}})


def _with_phase(
    advice: Advice, model: PowderModel, options: FitOptions
) -> tuple[PowderModel, FitOptions, dict[str, str]]:
    """The model with a preset as a further phase, the options under the names that parameters then have, and these."""
    preset = load_models([advice.subject])
    phase = replace(preset.phases[0], size_nm=advice.numbers["size_nm"])
    wider = load_models([model, replace(preset, phases=(phase,))])
    names = {}
    for old, new in zip(model.phases, wider.phases, strict=False):
        for row in old.rows("bragg"):
            names[_named(row, model.label(old))] = _named(row, wider.label(new))
    elements = {f"{model.prefix(p)}{s.element}": p for p in model.phases for s in p.structure.sites}
    totals = {_total(key, model, wider, elements): value for key, value in options.total.items()}
    renamed = {
        "vary": tuple(names.get(n, n) for n in options.vary),
        "own": tuple(names.get(n, n) for n in options.own),
        **{key: _renamed(getattr(options, key), names) for key in ("fix", "start", "limits", "restrain")},
    }
    return wider, replace(options, total=totals, **renamed), names


def _named(row: ParameterRow, label: str) -> str:
    return replace(row, phase=label).name


def _renamed(table: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in table.items()}


def _total(key: str, model: PowderModel, wider: PowderModel, elements: Mapping[str, Any]) -> str:
    """A total's key, with the phase named that it was about."""
    if len(model.phases) > 1:
        return key
    return f"{wider.phases[0].name}__{key}"
