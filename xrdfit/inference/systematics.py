"""Errors that counting statistics do not see: the same fit under other assumptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.inference.fit import fit_with
from xrdfit.model.phase import Engine
from xrdfit.progress import Progress, silent

if TYPE_CHECKING:
    from xrdfit.inference.result import FitResult

DELTA_B = 1.0
"""Å² by which displacement parameters that do not vary are moved."""
CUT_DEG = 2.0
"""Degrees by which either end of the range is cut."""
DELTA_ORDER = 2
"""By how much the order of the background is changed."""
HOPELESS = 2.0
"""Where the other engine's χ²_red is so many times this one's, it does not describe the sample at all."""


@dataclass(frozen=True)
class Variation:
    """The fit under another assumption.

    Attributes
    ----------
    name : str
        What was changed.
    shifts : dict of str to float
        By parameter, new minus old value.
    chi2_reduced : float
        Of the changed fit.
    note : str
        Why there are no shifts, or why they are not combined.
    combined : bool
        Whether the shifts are in the combined error.
    """

    name: str
    shifts: dict[str, float]
    chi2_reduced: float
    note: str = ""
    combined: bool = True


@dataclass(frozen=True)
class Systematics:
    """Shifts of the occupancies under other assumptions, and a combined error.

    Attributes
    ----------
    names : tuple of str
        The parameters that are listed: those occupancies that vary or follow.
    values, stderr : dict of str to float
        Of the fit itself.
    variations : tuple of Variation
    combined : dict of str to float
        √(stderr² + Σ shift²), not a number where no refit succeeded; of two variations that are one assumption moved
        either way the larger shift. The other engine's shift is left apart where its χ²_red is more than twice the
        fit's: it is then no alternative.
    complete : bool
        False where it was interrupted.
    """

    names: tuple[str, ...]
    values: dict[str, float]
    stderr: dict[str, float]
    variations: tuple[Variation, ...]
    combined: dict[str, float]
    complete: bool

    def in_errors(self, variation: Variation) -> dict[str, float]:
        """Return shifts in units of the standard error."""
        return {n: d / self.stderr[n] for n, d in variation.shifts.items() if self.stderr[n] > 0}

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain data."""
        return {
            "parameters": {
                n: {"value": self.values[n], "stderr": self.stderr[n], "combined": self.combined[n]} for n in self.names
            },
            "variations": [
                {
                    "name": v.name,
                    "shifts": v.shifts,
                    "in_errors": self.in_errors(v),
                    "chi2_reduced": v.chi2_reduced,
                    "note": v.note,
                    "combined": v.combined,
                }
                for v in self.variations
            ],
            "complete": self.complete,
        }


def systematics(result: FitResult, progress: Progress | None = None) -> Systematics:
    """Refit with the other f′/f″ table, background orders, B, engine and range.

    Parameters
    ----------
    result : FitResult
        A fit that converged.
    progress : callable, optional

    Returns
    -------
    Systematics
        Interrupted (Ctrl-C), of the variations until then.

    Raises
    ------
    ComputationError
        The fit has no answer to begin with.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> shifts = xf.systematics(result)
    >>> shifts.names
    ('occ_Cu_8c', 'occ_Cu_32f')
    """
    if not result.success:
        raise ComputationError(f"no systematic errors without an answer: {result.message}")
    tell = progress or silent
    names = tuple(n for n in result.problem.occupancies.names if result.parameters[n].stderr is not None)
    done: list[tuple[str, Variation]] = []
    variations = list(_variations(result))
    complete = True
    try:
        for i, (group, name, options, note) in enumerate(variations):
            tell(f"refitting: {name}", i / len(variations))
            found = _vary(result, names, name, options, note)
            done.append((group, _apart(result, found) if group == "engine" else found))
    except KeyboardInterrupt:
        complete = False
    stderr = {n: float(result.parameters[n].stderr or 0.0) for n in names}
    combined = {}
    for n in names:
        largest: dict[str, float] = {}  # in the order of the variations, so that the sum is the same every time
        for group, v in done:
            if n in v.shifts and v.combined:
                largest[group] = max(largest.get(group, 0.0), abs(v.shifts[n]))
        combined[n] = float(np.sqrt(stderr[n] ** 2 + sum(d**2 for d in largest.values()))) if largest else float("nan")
    values = {n: result.parameters[n].value for n in names}
    return Systematics(names, values, stderr, tuple(v for _, v in done), combined, complete)


def _vary(result: FitResult, names: tuple[str, ...], name: str, options: FitOptions | None, note: str) -> Variation:
    if options is None:
        return Variation(name, {}, float("nan"), note)
    follow = {*options.fix, *(tie.target for tie in result.model.ties)}
    start = {
        n: p.value
        for n, p in result.parameters.items()
        if p.status != "fixed" and not result.problem.rows[n].kind.linear and n not in follow
    }
    asked = replace(options, start={**options.start, **_known(result, options, start)})
    engines = None
    if result.options.engine == "auto":  # what only the other engine has may be named
        engines = {s.label: options.of(s.label).engine for s in result.scans}
        asked = replace(asked, engine="auto")
    try:
        other = fit_with(result.start_model, result.data, asked, engines=engines)  # pyright: ignore[reportArgumentType]
    except InputError as error:
        return Variation(name, {}, float("nan"), str(error))
    if not other.success:
        return Variation(name, {}, other.statistics.chi2_reduced, other.message)
    shifts = {n: other.parameters[n].value - result.parameters[n].value for n in names}
    return Variation(name, shifts, other.statistics.chi2_reduced)


def _apart(result: FitResult, other: Variation) -> Variation:
    """The other engine's variation, marked where that engine cannot describe the scan."""
    ratio = other.chi2_reduced / result.statistics.chi2_reduced
    if not other.shifts or ratio <= HOPELESS:
        return other
    return replace(other, combined=False, note=f"χ² is {ratio:.3g} times the fit's: not in the combined error")


def _known(result: FitResult, options: FitOptions, start: dict[str, float]) -> dict[str, float]:
    """Starting values that the other engine has too."""
    names = set(_names_under(result, "debye" if options.engine == "debye" else "bragg"))
    return {n: v for n, v in start.items() if options.engine == result.settled_engine or n in names}


def _names_under(result: FitResult, engine: Engine) -> list[str]:
    """Names of the parameters under an engine, as a fit of these scans knows them."""
    names = [r.name for scan in result.scans for r in result.start_model.rows(engine, scan.data["two_theta"].values)]
    labels = [scan.label for scan in result.scans if scan.label]
    return [*dict.fromkeys(names), *(f"{label}__{name}" for label in labels for name in dict.fromkeys(names))]


def _variations(result: FitResult) -> Iterator[tuple[str, str, FitOptions | None, str]]:
    """Yield group, name, options and a note for every assumption that can be changed."""
    options = replace(result.options, engine=result.settled_engine)
    if options.anomalous and not all(scan.model.radiation().neutron for scan in result.scans):
        table = "cromer-liberman" if options.anomalous_table == "chantler" else "chantler"
        yield "table", f"f′, f″ of {table}", replace(options, anomalous_table=table), ""
    rows = result.problem.rows.values()
    orders = {s.label: sum(r.kind.stem == "bkg" and r.scan == s.label for r in rows) - 1 for s in result.scans}
    for change in (-DELTA_ORDER, DELTA_ORDER):
        if min(orders.values()) + change >= 0:
            changed = {label: order + change for label, order in orders.items()}
            words = " and ".join(map(str, dict.fromkeys(changed.values())))
            yield "background", f"background order {words}", replace(options, background=_of_scans(changed)), ""
    yield from _displacements(result, options)
    other = "debye" if result.engine == "bragg" else "bragg"
    if len(set(result.engines.values())) > 1:
        yield "engine", "other engine", None, "the scans have different engines"
    elif all(phase.engine is not None for phase in result.model.phases):
        yield "engine", f"{other} engine", None, "every phase of the model names its engine"
    else:
        yield "engine", f"{other} engine", _other_engine(result, options, other), ""
    ends = {s.label: (float(s.data["two_theta"][0]), float(s.data["two_theta"][-1])) for s in result.scans}
    for group, word, cut in (("range low", "from", (CUT_DEG, 0.0)), ("range high", "to", (0.0, -CUT_DEG))):
        cuts = {label: (low + cut[0], high + cut[1]) for label, (low, high) in ends.items()}
        words = " and ".join(f"{interval[bool(cut[1])]:g}°" for interval in cuts.values())
        yield group, f"range {word} {words}", replace(options, range=_of_scans(cuts)), ""


def _of_scans(values: dict[str, Any]) -> Any:
    """A value for each scan as an option: the value itself where there is one scan."""
    return values[""] if list(values) == [""] else values


def _displacements(result: FitResult, options: FitOptions) -> Iterator[tuple[str, str, FitOptions | None, str]]:
    """B ± 1 Å² for every phase whose overall B does not vary."""
    for phase in result.model.phases:
        name = f"{result.model.prefix(phase)}b_overall"
        if result.parameters[name].status != "fixed":
            yield name, f"{name} ± {DELTA_B:g} Å²", None, f"{name} varies: its error is in the statistical one"
            continue
        for change in (-DELTA_B, DELTA_B):
            value = result.parameters[name].value + change
            yield name, f"{name} = {value:g} Å²", replace(options, fix={**options.fix, name: value}), ""


def _other_engine(result: FitResult, options: FitOptions, engine: str) -> FitOptions:
    """The options without those that name parameters which the other engine lacks."""
    from fnmatch import fnmatchcase

    chosen = "debye" if engine == "debye" else "bragg"
    known = _names_under(result, chosen)

    def there(pattern: str) -> bool:
        return any(fnmatchcase(name, pattern) for name in known)

    return replace(
        options,
        engine=chosen,
        vary=tuple(n for n in options.vary if there(n)),
        fix={n: v for n, v in options.fix.items() if there(n)},
        start={n: v for n, v in options.start.items() if there(n)},
    )
