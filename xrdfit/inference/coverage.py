"""Do the intervals hold the truth as often as they say? Simulated scans of known truth, fitted as real ones are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError
from xrdfit.inference.fit import fit
from xrdfit.inference.result import FitResult
from xrdfit.inference.uncertainty.feldman_cousins import feldman_cousins
from xrdfit.inference.uncertainty.intervals import interval_of
from xrdfit.model.powder import PowderModel
from xrdfit.model.simulate import simulate
from xrdfit.progress import Progress, silent

Array = NDArray[np.float64]

LEVELS = (0.6827, 0.95)
FAR = 2.0
"""A truth this many standard errors from both bounds is far from them."""
ON_BOUND = 0.2
"""Part of the occupancies whose truth is put on a bound."""

_MOST_COUNTS = 1e12
_GRID = np.arange(15.0, 65.001, 0.04)


@dataclass(frozen=True)
class Trial:
    """One occupancy of one simulated scan.

    Attributes
    ----------
    index : int
        Of the scan; with the seed it makes the scan again.
    model, engine, name : str
    truth, value, stderr : float
        The error is infinite where the scan does not determine the occupancy.
    distance : float
        Of the truth from the nearer bound, in standard errors.
    inside : tuple of bool
        Whether the profile interval holds the truth, by level; False where there is no interval.
    inside_unified : tuple of bool
        The same for the Feldman–Cousins interval.
    """

    index: int
    model: str
    engine: str
    name: str
    truth: float
    value: float
    stderr: float
    distance: float
    inside: tuple[bool, ...]
    inside_unified: tuple[bool, ...]
    failures: tuple[str, ...] = ()
    """Why an interval could not be computed, of those that could not."""


@dataclass(frozen=True)
class CoverageRow:
    """How often intervals held the truth, of one kind and one class of truths."""

    engine: str
    place: Literal["far", "near"]
    kind: Literal["profile", "Feldman-Cousins"]
    level: float
    trials: int
    covered: float

    @property
    def error(self) -> float:
        """Binomial standard error of `covered` where the level is right."""
        return float(np.sqrt(self.level * (1.0 - self.level) / max(self.trials, 1)))


@dataclass(frozen=True)
class Coverage:
    """All trials of a calibration.

    Attributes
    ----------
    trials : tuple of Trial
    scans, failed : int
        Scans simulated, and of these the ones whose fit gave no answer; they are in no row.
    complete : bool
        False where it was interrupted.
    """

    trials: tuple[Trial, ...]
    scans: int
    failed: int
    complete: bool

    @property
    def without_interval(self) -> int:
        """Number of occupancies of which at least one interval could not be computed; each counts as a miss."""
        return sum(bool(t.failures) for t in self.trials)

    def rows(self) -> tuple[CoverageRow, ...]:
        """Return the coverage by engine, place of the truth, kind and level."""
        out = []
        for engine in dict.fromkeys(t.engine for t in self.trials):
            for place in ("far", "near"):
                group = [t for t in self.trials if t.engine == engine and (t.distance >= FAR) == (place == "far")]
                for i, level in enumerate(LEVELS):
                    for kind in ("profile", "Feldman-Cousins"):
                        hits = [t.inside[i] if kind == "profile" else t.inside_unified[i] for t in group]
                        if hits:
                            out.append(CoverageRow(engine, place, kind, level, len(hits), float(np.mean(hits))))
        return tuple(out)

    def to_dict(self) -> dict[str, Any]:
        """Return the coverage as plain data (schema 1)."""
        keys = ("engine", "place", "kind", "level", "trials", "covered", "error")
        return {
            "schema": 1,
            "scans": self.scans,
            "failed": self.failed,
            "without_interval": self.without_interval,
            "complete": self.complete,
            "coverage": [{k: getattr(row, k) for k in keys} for row in self.rows()],
        }


def calibrate_intervals(
    models: Sequence[PowderModel],
    scans: int = 4000,
    *,
    engines: Sequence[Literal["bragg", "debye"]] = ("bragg", "debye"),
    counts: float = 5000.0,
    background: float = 300.0,
    seed: int = 0,
    first: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Coverage:
    """Simulate scans of random truths, fit them, and count how often the intervals hold the truth.

    Parameters
    ----------
    models : sequence of PowderModel
        Taken in turn; their occupancies that vary get random truths between 0 and 1, a fifth of them on a bound.
        Cell and line shape are random too.
    scans : int
        Number of scans; model and engine change from one to the next.
    engines : sequence of {"bragg", "debye"}
        Each engine fits scans that it computed itself.
    counts, background : float
        Counts above background at the highest point; counts of the background.
    seed, first : int
        Scan number `first` + i is always the same for one seed, so that a calibration can be continued.
    workers : int
        Processes.
    progress : callable, optional

    Returns
    -------
    Coverage
        Interrupted (Ctrl-C), of the scans until then.

    Raises
    ------
    InputError
        For fewer than one scan, no model or engine, a model of which no occupancy varies, and impossible counts.

    Examples
    --------
    >>> import xrdfit as xf
    >>> coverage = xf.calibrate_intervals([xf.load_model("cu2se-6nm")], scans=3, engines=("bragg",))
    >>> coverage.scans
    3
    """
    if scans < 1:
        raise InputError(f"{scans} scans cannot calibrate anything; at least 1 is needed")
    if not models or not engines:
        raise InputError("a calibration needs at least one model and one engine")
    for model in models:
        if not any(row.vary and row.is_occupancy for row in model.rows("bragg")):
            raise InputError(f"no occupancy of {model.name} varies: there are no intervals to calibrate")
    if not (0.0 < counts <= _MOST_COUNTS and 0.0 <= background <= _MOST_COUNTS):
        raise InputError(f"counts {counts:g} and background {background:g} must be positive, at most {_MOST_COUNTS:g}")
    tell = progress or silent
    jobs = [
        (models[i // len(engines) % len(models)], engines[i % len(engines)], counts, background, seed, i)
        for i in range(first, first + scans)
    ]
    trials: list[Trial] = []
    failed = done = 0
    complete = True
    try:
        for found in _run(jobs, workers):
            done += 1
            failed += not found
            trials += found
            tell(f"calibrating: {done} of {scans} scans", done / scans)
    except KeyboardInterrupt:
        complete = False
    return Coverage(tuple(sorted(trials, key=lambda t: t.index)), done, failed, complete)


def _run(jobs: Sequence[tuple], workers: int) -> Iterator[list[Trial]]:
    if workers == 1:
        for job in jobs:
            yield trial(*job)
        return
    from joblib import Parallel, delayed

    # in order: interrupted, what is done are the first scans
    found: Any = Parallel(n_jobs=workers, return_as="generator")(delayed(trial)(*job) for job in jobs)
    yield from found


def trial(
    model: PowderModel, engine: Literal["bragg", "debye"], counts: float, background: float, seed: int, index: int
) -> list[Trial]:
    """Simulate and fit one scan; empty where the fit has no answer."""
    from xrdfit.scan import make_pattern

    random = np.random.default_rng([seed, index])
    truth = random_truth(model, engine, random)
    pattern = simulate(model, _GRID, engine=engine, values=truth)
    mean = pattern * (counts / pattern.max()) + background
    scan = make_pattern(_GRID, random.poisson(mean).astype(float))
    result = fit(model, scan, engine=engine)
    if not result.success:
        return []
    return [_trial(result, index, name, truth[name]) for name in result.problem.occupancies.names]


def random_truth(
    model: PowderModel, engine: Literal["bragg", "debye"], random: np.random.Generator
) -> dict[str, float]:
    """Draw a truth: occupancies that vary over 0–1, some on a bound; cell within 0.3 %; mixing within 0.1–0.9."""
    truth = {}
    for row in model.rows(engine):
        if not row.vary:
            continue
        if row.is_occupancy:
            on_bound = random.random() < ON_BOUND
            truth[row.name] = float(random.integers(2)) if on_bound else float(random.random())
        elif row.kind.belongs == "cell" and row.unit == "Å":
            truth[row.name] = row.value * float(random.uniform(0.997, 1.003))
        elif row.kind.stem == "mixing":
            truth[row.name] = float(random.uniform(0.1, 0.9))
    return truth


def _trial(result: FitResult, index: int, name: str, truth: float) -> Trial:
    parameter = result.parameters[name]
    stderr = float("inf") if parameter.stderr is None else parameter.stderr
    failures: list[str] = []

    def inside(interval: Callable[[FitResult, str, float], tuple[float, float]], level: float) -> bool:
        try:
            low, high = interval(result, name, level)
        except ComputationError as error:
            failures.append(str(error))
            return False
        # a bound belongs to the interval, whatever its last digit
        return low - 1e-9 <= truth <= high + 1e-9

    profile, unified = (tuple(inside(kind, level) for level in LEVELS) for kind in (interval_of, feldman_cousins))
    return Trial(
        index=index,
        model=result.model.name,
        engine=result.engine,
        name=name,
        truth=truth,
        value=parameter.value,
        stderr=stderr,
        distance=min(truth, 1.0 - truth) / stderr,
        inside=profile,
        inside_unified=unified,
        failures=tuple(failures),
    )
