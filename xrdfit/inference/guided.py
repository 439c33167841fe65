"""A fit that adds what the scan asks for, step by step, as long as it pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xrdfit.diffraction.background import Air, Chebyshev, Component, Hump
from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.selection import components
from xrdfit.inference.adequacy.advice import Advice
from xrdfit.inference.result import FitResult
from xrdfit.inference.stage import PAYS, Fitter, Stage, Step, gain
from xrdfit.model.files.read import load_models
from xrdfit.model.powder import PowderModel
from xrdfit.parameters import ParameterRow
from xrdfit.progress import Progress, silent

LEVEL = 2.0
"""Two pieces whose BIC differ by less than this explain the scan equally well."""
_FOR_THE_USER = ("blank",)  # its own noise draws a free height towards zero, which lowers χ² at any height
_MOST_STEPS = 12
_TRIED = 7  # pieces a step
_CONFIRMED = 2  # of them fitted fully
_ROUNDS = 2


def seek(stage: Stage, fitter: Fitter, progress: Progress | None = None) -> Stage:
    """Add the pieces of the kinds that `options.seek` names as long as BIC falls, and drop what others made idle.

    Parameters
    ----------
    stage : Stage
        The fit without them.
    fitter : Fitter
    progress : callable, optional

    Returns
    -------
    Stage
        The last fit, with model and options that repeat it, and what was added.
    """
    tell = progress or silent
    base, before_all = (stage.model, stage.options), stage.steps
    stage = replace(stage, steps=())
    for _ in range(_ROUNDS):
        stage = _settled(_grown(stage, fitter, tell), base, fitter)
        before = len(stage.pieces)
        stage = _pruned(stage, base, fitter, tell)
        if len(stage.pieces) == before:
            break
    return replace(stage, steps=tuple(_as_named_now(step, stage) for step in (*before_all, *stage.steps)))


def _as_named_now(step: Step, stage: Stage) -> Step:
    """The step with the names that parameters of the first phase have since there are several."""
    rows, first = stage.result.problem.rows, stage.model.phases[0]
    own = {row.own_name: name for name, row in rows.items() if row.phase == stage.model.label(first)}
    return replace(step, options=tuple(word if word in rows else own.get(word, word) for word in step.options))


def _grown(stage: Stage, fitter: Fitter, tell: Progress) -> Stage:
    """Add one piece after the other."""
    for _ in range(_MOST_STEPS - len(stage.pieces)):
        following = _next(stage, fitter, tell)
        if following is None:
            break
        stage = following
        tell(f"added {stage.pieces[-1].remedy}")
    return stage


def _next(stage: Stage, fitter: Fitter, tell: Progress) -> Stage | None:
    """The fit with one piece more, or None where none pays."""
    tried, weights = [], stage.result.problem
    before = stage.cost(weights)
    for advice in _wanted(stage):
        tell(f"trying {advice.remedy}")
        try:
            model, options, start = _followed(advice, stage.model, stage.options, stage)
            cost = fitter.trial(model, options, start, weights).cost
        except InputError:
            continue
        tried.append((gain(before, cost), advice, model, options, start))
    tried.sort(key=lambda entry: -entry[0] * entry[1].trust)
    for fallen_bic, advice, model, options, start in tried[:_CONFIRMED]:
        if fallen_bic <= PAYS:
            continue
        result = fitter.fit(model, options, start)
        there = Stage(result, model, options, (*stage.pieces, advice))
        full = gain(before, there.cost(weights))
        if full <= PAYS or (stage.result.success and not result.success):
            continue
        level = tuple(a.options for g, a, *_ in tried if a is not advice and abs(fallen_bic - g) < LEVEL)
        fallen = stage.result.statistics.chi2 - result.statistics.chi2
        return replace(there, steps=(*stage.steps, Step(advice.options, str(advice), fallen, full, level)))
    return None


def _pruned(stage: Stage, base: tuple[PowderModel, FitOptions], fitter: Fitter, tell: Progress) -> Stage:
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
                cost = fitter.trial(model, options, stage.values, weights).cost
                if gain(cost, stage.cost(weights)) > PAYS:
                    continue
            result = fitter.fit(model, options, stage.values)
        except InputError:
            continue
        steps = tuple(s for s, piece in zip(stage.steps, stage.pieces, strict=True) if piece is not advice)
        there = Stage(result, model, options, pieces, steps)
        if advice.trust < 1.0 and gain(there.cost(weights), stage.cost(weights)) > PAYS:
            there = _grown(there, fitter, tell)
        pays = gain(there.cost(weights), stage.cost(weights)) > PAYS
        if not pays and (there.result.success or not stage.result.success) and advice not in there.pieces:
            tell(f"dropped {advice.remedy}")
            stage = there
    return stage


def _settled(stage: Stage, base: tuple[PowderModel, FitOptions], fitter: Fitter) -> Stage:
    """Humps that ran to the end of their reach start again from where they are."""
    for _ in range(_ROUNDS):
        pieces = _moved(stage)
        if pieces == stage.pieces:
            break
        model, options = _with_all(pieces, base, stage)
        result = fitter.fit(model, options, stage.values)
        told = zip(stage.steps, pieces, strict=True)
        steps = tuple(replace(step, options=piece.options) for step, piece in told)
        stage = Stage(result, model, options, pieces, steps)
    return stage


def _moved(stage: Stage) -> tuple[Advice, ...]:
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
    pieces: Sequence[Advice], base: tuple[PowderModel, FitOptions], stage: Stage
) -> tuple[PowderModel, FitOptions]:
    """Model and options of the beginning with some of the pieces."""
    model, options = base
    for piece in pieces:
        model, options, _ = _followed(piece, model, options, stage)
    return model, options


def _wanted(stage: Stage) -> list[Advice]:
    """Advice of the wanted kinds that an option can follow, each followed by what would do as well."""
    kinds, options = set(stage.options.seek), stage.options
    found: dict[tuple[str, ...], Advice] = {}
    for advice in stage.result.advice:
        for piece in (advice, *advice.alternatives):
            usable = bool(piece.options) and piece.code not in _FOR_THE_USER and ("all" in kinds or piece.code in kinds)
            if usable and not (piece.code == "b_element" and options.b_per_element):
                found.setdefault(piece.options, piece)
    return list(found.values())[:_TRIED]


def _followed(
    advice: Advice, model: PowderModel, options: FitOptions, stage: Stage
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
    if code in ("parameter", "b_overall", "site", "coordinate", "blank", "kbeta", "w_la"):
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
    if code in ("texture", "anisotropic"):
        return model, replace(options, **{code: tuple(int(advice.numbers[n]) for n in "hkl")})
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
