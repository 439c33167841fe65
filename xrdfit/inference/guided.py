"""A fit that adds what the scan asks for, step by step, as long as it pays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xrdfit.diffraction.background import Air, Chebyshev, Component, Hump
from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.inference.adequacy.advice import Advice
from xrdfit.inference.result import FitResult
from xrdfit.model.files.read import load_models
from xrdfit.model.powder import PowderModel
from xrdfit.parameters import ParameterRow
from xrdfit.progress import Progress, silent

PAYS = 6.0
"""A piece is kept where BIC falls by more (strong evidence: Kass & Raftery, J. Am. Stat. Assoc. 90, 773, 1995)."""
LEVEL = 2.0
"""Two pieces whose BIC differ by less than this explain the scan equally well."""
_MOST_STEPS = 12
_TRIED = 3  # pieces a step


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


def seek(
    model: PowderModel, first: FitResult, options: FitOptions, refit: Any, progress: Progress | None = None
) -> tuple[FitResult, PowderModel, FitOptions, tuple[Step, ...]]:
    """Add the pieces of the kinds that `options.seek` names, as long as BIC falls.

    Parameters
    ----------
    model : PowderModel
    first : FitResult
        The fit without them.
    options : FitOptions
    refit : callable
        ``refit(model, options)``, a fit.
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
    result, steps = first, []
    wanted = set(options.seek)
    for _ in range(_MOST_STEPS):
        tried = []
        for advice in _wanted(result.advice, wanted, options)[:_TRIED]:
            tell(f"trying {advice.remedy}")
            try:
                there_model, there = applied(advice, model, options, result)
                found = refit(there_model, there)
            except InputError:
                continue
            if found.success or not result.success:
                tried.append((_gain(result, found), advice, found, there_model, there))
        if not tried:
            break
        tried.sort(key=lambda entry: -entry[0])
        gain, advice, found, there_model, there = tried[0]
        if gain <= PAYS:
            break
        level = tuple(a.options for g, a, *_ in tried[1:] if gain - g < LEVEL)
        fallen = result.statistics.chi2 - found.statistics.chi2
        steps.append(Step(advice.options, str(advice), fallen, gain, level))
        tell(f"added {advice.remedy}")
        result, model, options = found, there_model, there
    return result, model, options, tuple(steps)


def _wanted(advice: Sequence[Advice], kinds: Iterable[str], options: FitOptions) -> list[Advice]:
    """Advice of the wanted kinds that an option can follow, one of each piece."""
    kinds = set(kinds)
    usable = [a for a in advice if a.options and ("all" in kinds or a.code in kinds)]
    return [a for a in usable if not (a.code == "b_element" and options.b_per_element)]


def _gain(before: FitResult, after: FitResult) -> float:
    """By how much BIC falls for the χ² of known errors, or of the better model where that does not fit.

    Where points were left out, what they had contributed counts as explained.
    """
    scale = max(1.0, min(before.statistics.chi2_reduced, after.statistics.chi2_reduced))
    lost = before.statistics.n_points - after.statistics.n_points
    added = after.statistics.n_varied - before.statistics.n_varied + (1 if lost > 0 else 0)
    fallen = before.statistics.chi2 - after.statistics.chi2 - lost
    return fallen / scale - added * float(np.log(before.statistics.n_points))


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
    if code in ("parameter", "b_overall", "site", "coordinate"):
        return model, replace(options, vary=(*options.vary, advice.options[-1]))
    if code == "b_element":
        kept = tuple(n for n in options.vary if not _is_overall(n))
        return model, replace(options, b_per_element=True, vary=kept)
    if code == "impurity":
        return _with_phase(advice, model, options)
    own = options.of(label)
    if code == "film":
        return model, _for_scan(options, "film", label, True, result)
    if code == "spike":
        low, high = (float(text) for text in advice.options[-2:])
        return model, _for_scan(options, "exclude", label, (*own.exclude, (low, high)), result)
    if code in ("hump", "air", "background_order"):
        scan = next(s for s in result.scans if s.label == label)
        pieces = _with_component(scan.model.background, advice)
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


def _with_phase(advice: Advice, model: PowderModel, options: FitOptions) -> tuple[PowderModel, FitOptions]:
    """The model with a preset as a further phase, and the options under the names that parameters then have."""
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
    return wider, replace(options, total=totals, **renamed)


def _named(row: ParameterRow, label: str) -> str:
    return replace(row, phase=label).name


def _renamed(table: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in table.items()}


def _total(key: str, model: PowderModel, wider: PowderModel, elements: Mapping[str, Any]) -> str:
    """A total's key, with the phase named that it was about."""
    if len(model.phases) > 1:
        return key
    return f"{wider.phases[0].name}__{key}"
