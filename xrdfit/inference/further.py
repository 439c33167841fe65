"""What an answer is worth beyond its standard errors: posterior, systematic shifts, Feldman–Cousins intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xrdfit.errors import ComputationError, InputError
from xrdfit.inference.uncertainty.feldman_cousins import feldman_cousins as unified_interval
from xrdfit.progress import Progress, silent

if TYPE_CHECKING:
    from xrdfit.inference.result import FitResult
    from xrdfit.inference.systematics import Systematics
    from xrdfit.inference.uncertainty.posterior import Posterior

QUESTIONS = ("systematics", "feldman_cousins", "posterior")
"""What can be asked, in the order in which it is computed."""
LEVELS = (0.6827, 0.95)


@dataclass(frozen=True)
class Assessment:
    """What was asked of a result beyond the fit; parts that were not asked for are None.

    Attributes
    ----------
    asked : tuple of str
        Of `QUESTIONS`.
    systematics : Systematics or None
    feldman_cousins : dict or None
        Intervals by parameter and level ("68 %", "95 %"); None where there is none.
    posterior : Posterior or None
    complete : bool
        False where it was interrupted: the parts hold what was done until then.
    notes : tuple of str
        What could not be computed and why, and what to know of the rest.
    """

    asked: tuple[str, ...] = ()
    systematics: Systematics | None = None
    feldman_cousins: dict[str, dict[str, tuple[float, float] | None]] | None = None
    posterior: Posterior | None = field(default=None, repr=False)
    complete: bool = True
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what there is as plain data."""
        found: dict[str, Any] = {}
        if self.systematics is not None:
            found["systematics"] = self.systematics.to_dict()
        if self.feldman_cousins is not None:
            found["feldman_cousins"] = self.feldman_cousins
        if self.posterior is not None:
            found["posterior"] = self.posterior.to_dict()
        if not self.complete:
            found["complete"] = False
        if self.notes:
            found["notes"] = list(self.notes)
        return found


NOTHING_ASKED = Assessment()


def assess(
    result: FitResult,
    *,
    posterior: bool = False,
    systematics: bool = False,
    feldman_cousins: bool = False,
    progress: Progress | None = None,
) -> Assessment:
    """Compute what is asked for, to stand beside a result in its report.

    Parameters
    ----------
    result : FitResult
    posterior : bool
        Sample the posterior distribution (`sample`).
    systematics : bool
        Refit under other assumptions (`systematics`).
    feldman_cousins : bool
        Intervals of the occupancies that are exact at bounds too, at 68 and 95 %.
    progress : callable, optional

    Returns
    -------
    Assessment
        Interrupted (Ctrl-C), of what was done until then. What cannot be computed is among its notes.

    Raises
    ------
    ComputationError
        The fit has no answer.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> asked = xf.assess(result, feldman_cousins=True)
    >>> sorted(asked.feldman_cousins)
    ['occ_Cu_32f', 'occ_Cu_8c']
    """
    wanted = dict(zip(QUESTIONS, (systematics, feldman_cousins, posterior), strict=True))
    asked = tuple(question for question, yes in wanted.items() if yes)
    if asked and not result.success:
        raise ComputationError(f"nothing to assess without an answer: {result.message}")
    tell = progress or silent
    found: dict[str, Any] = {}
    notes: list[str] = []
    complete = True
    try:
        for question in asked:
            try:
                _ASK[question](result, tell, found, notes)
            except (ComputationError, InputError) as error:
                notes.append(f"{question}: {error}")
            complete = getattr(found.get(question), "complete", True)
            if not complete:
                break
    except KeyboardInterrupt:
        complete = False
    return Assessment(asked, **found, complete=complete, notes=tuple(notes))


def _systematics(result: FitResult, tell: Progress, found: dict[str, Any], _: list[str]) -> None:
    from xrdfit.inference.systematics import systematics

    if not result.problem.occupancies.names:
        raise InputError("no occupancy varies: there are no shifts to list")
    found["systematics"] = systematics(result, tell)


def _feldman_cousins(result: FitResult, tell: Progress, found: dict[str, Any], notes: list[str]) -> None:
    names = [n for n in result.problem.occupancies.names if result.parameters[n].stderr is not None]
    if not names:
        raise InputError("no occupancy varies: there are no intervals to list")
    intervals = found["feldman_cousins"] = {}
    for i, name in enumerate(names):
        tell(f"Feldman–Cousins interval of {name}", i / len(names))
        intervals[name] = dict.fromkeys((f"{100 * level:.0f} %" for level in LEVELS), None)
        for level in LEVELS:
            try:
                intervals[name][f"{100 * level:.0f} %"] = unified_interval(result, name, level)
            except ComputationError as error:
                notes.append(str(error))


def _posterior(result: FitResult, tell: Progress, found: dict[str, Any], notes: list[str]) -> None:
    from xrdfit.inference.uncertainty.posterior import sample

    if result.rivals:
        notes.append("the posterior is that around this answer; samples seldom cross to the others")
    found["posterior"] = sample(result, progress=tell)


_ASK = {"systematics": _systematics, "feldman_cousins": _feldman_cousins, "posterior": _posterior}
