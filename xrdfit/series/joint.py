"""All scans of a series together: shared parameters, or laws along the coordinate, and those of each scan.

Each scan is first fitted by itself. Then, in turns, every scan says what it would have of the shared quantities, its
own parameters being at their best (`xrdfit.series.arrow`); the sum of that decides the next step: Gauss–Newton with
damping on the shared quantities alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.descent import bounded_step
from xrdfit.fitting.prepare import Setup
from xrdfit.progress import Progress
from xrdfit.series.arrow import TOTAL, Share, Task, atoms_of, run_tasks
from xrdfit.series.entries import Entry
from xrdfit.series.execute import Runner, batch_size, execute
from xrdfit.series.laws import Law, law_of
from xrdfit.series.outcome import result_of
from xrdfit.series.result import SeriesResult
from xrdfit.series.rows import Row, failed
from xrdfit.series.sequential import in_order
from xrdfit.series.work import Job, Worker, packed

Array = NDArray[np.float64]

_ROUNDS = 25
_CONVERGED = 1e-3  # of χ², times χ²_red: what a further step promises
_FIRST_DAMPING, _MOST_DAMPING = 1e-8, 1e6


@dataclass(frozen=True)
class _Quantities:
    """The shared quantities of a series.

    Attributes
    ----------
    laws : tuple of Law
    t : dict of str to float
        Coordinate of each scan by its label.
    lower, upper : ndarray, shape (k,)
        Limits of the coefficients.
    bounds : ndarray, shape (n_laws, 2)
        Limits of the values.
    """

    laws: tuple[Law, ...]
    t: Mapping[str, float]
    lower: Array
    upper: Array
    bounds: Array

    def parts(self, c: Array) -> list[Array]:
        """The coefficients of each law."""
        return np.split(c, np.cumsum([len(law.names) for law in self.laws])[:-1])

    def values(self, c: Array, label: str) -> dict[str, float]:
        """The shared quantities at a scan."""
        t = self.t[label]
        pairs = zip(self.laws, self.parts(c), self.bounds, strict=True)
        return {law.parameter: float(np.clip(law.value(own, t), *limits)) for law, own, limits in pairs}

    def slopes(self, c: Array, label: str) -> Array:
        """Their derivatives by the coefficients, (n_laws, k)."""
        t, k = self.t[label], 0
        table = np.zeros((len(self.laws), len(c)))
        for i, (law, own) in enumerate(zip(self.laws, self.parts(c), strict=True)):
            table[i, k : k + len(own)] = law.slope(own, t)
            k += len(own)
        return table


def fit_joint(
    job: Job,
    entries: Sequence[Entry],
    known: Mapping[str, Row],
    runner: Runner,
    share: Sequence[str],
    law: Mapping[str, str],
    tell: Progress,
) -> SeriesResult:
    """Fit all scans with shared quantities, from the answers that each has by itself.

    Raises
    ------
    InputError
        What is to be shared does not vary, or nothing is named.
    ComputationError
        No scan has an answer by itself, or the joint fit does not converge.
    """
    good = [e for e in entries if known[e.label].usable]
    if not good:
        raise ComputationError("no scan of the series has an answer by itself; nothing to fit together")
    quantities = _quantities(job, good, known, share, law)
    payload = packed(job)
    size = batch_size(len(good), runner.workers, None)

    def ask(tasks: Sequence[Task]) -> dict[str, Share | Row]:
        found: dict[str, Share | Row] = {}
        for batch, done, why in execute(runner, run_tasks, payload, tasks, size):  # pyright: ignore[reportArgumentType]
            shares = done if done is not None else [Share(t.entry.label, error=why) for t in batch]
            for task, one in zip(batch, shares, strict=True):
                found[task.entry.label] = one
        return {t.entry.label: found[t.entry.label] for t in tasks}  # in their order: sums do not depend on who is fast

    fit = _Fit(job, good, known, quantities, ask, tell)
    c, shares, curvature = fit.converge()
    inflation = max(1.0, sum(s.chi2 for s in shares.values()) / fit.freedom)
    covariance = _inverse(curvature) * inflation
    rows = dict(known) | fit.rows(c, shares, covariance)
    attrs = {
        "shared": " ".join(one.parameter for one in quantities.laws),
        "law": "; ".join(f"{one.parameter}: {one.kind}" for one in quantities.laws if one.kind != "constant"),
        "joint_chi2": float(sum(s.chi2 for s in shares.values())),
    }
    names = np.array([name for one in quantities.laws for name in one.names], dtype=object)
    extra = {
        "coefficient_name": ("coefficient", names),
        "coefficient_value": ("coefficient", c),
        "coefficient_stderr": ("coefficient", np.sqrt(np.maximum(np.diag(covariance), 0.0))),
    }
    return result_of(job, entries, rows, "joint", attrs=attrs, extra=extra)


def _quantities(
    job: Job, good: Sequence[Entry], known: Mapping[str, Row], share: Sequence[str], law: Mapping[str, str]
) -> _Quantities:
    """Resolve names and patterns, and put laws along the first coordinate."""
    if not share and not law:
        raise InputError("a joint fit shares something: name it (--share 'b_*', --share scale) or give a law")
    setup = Worker(job).setup(good[0])
    names = [n for pattern in share for n in _matching(pattern, setup)]
    unknown = [n for n in law if n not in _matching(n, setup)]
    if unknown:
        raise InputError(f"law {unknown[0]!r} names nothing that varies")
    wished = dict.fromkeys(names, "constant") | dict(law)
    for name in wished:
        missing = [e.label for e in good if not name.startswith(TOTAL) and name not in known[e.label].names]
        if missing:
            raise InputError(f"share {name!r}: scan {missing[0]} has no such parameter")
    place = {e.label: float(i) for i, e in enumerate(in_order(good))}
    first = next((n for e in good for n, v in e.coords.items() if isinstance(v, float)), None)
    t = {e.label: v if isinstance(v := e.coords.get(first or ""), float) else place[e.label] for e in good}
    laws = tuple(law_of(name, text, np.array(list(t.values()))) for name, text in wished.items())
    bounds = np.array([_limits(setup, one.parameter) for one in laws])
    pairs = [one.limits(*limits) for one, limits in zip(laws, bounds, strict=True)]
    lower, upper = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return _Quantities(laws, t, lower, upper, bounds)


def _matching(pattern: str, setup: Setup) -> list[str]:
    """Names of what varies that a pattern means; ``total_Cu`` means the atoms of an element."""
    problem = setup.problem
    if pattern.startswith(TOTAL):
        if pattern.removeprefix(TOTAL) in setup.options.total:
            raise InputError(f"share {pattern!r}: the total is given already; leave --total out to fit a common one")
        atoms_of(setup, pattern, dict.fromkeys(setup.rows, 0.0))
        return [pattern]
    varied = [*problem.direct, *problem.solved, *problem.occupancies.names]
    found = [n for n in varied if fnmatchcase(n, pattern)]
    if not found:
        raise InputError(f"share {pattern!r} matches nothing that varies; there are {', '.join(varied)}")
    return found


def _limits(setup: Setup, name: str) -> tuple[float, float]:
    if name.startswith(TOTAL):
        return 0.0, np.inf
    return setup.rows[name].minimum, setup.rows[name].maximum


@dataclass
class _Fit:
    """The turns of a joint fit."""

    job: Job
    good: Sequence[Entry]
    known: Mapping[str, Row]
    quantities: _Quantities
    ask: Any
    tell: Progress

    def __post_init__(self) -> None:
        self.local: dict[str, Mapping[str, float]] = {e.label: self.known[e.label].values for e in self.good}
        points = sum(self.known[e.label].figure("n_points") for e in self.good)
        varied = sum(self.known[e.label].figure("n_varied") for e in self.good)
        shared = len(self.quantities.lower) - len(self.good) * len(self.quantities.laws)
        self.freedom = max(points - varied - shared, 1.0)
        self.left_out: dict[str, str] = {}

    def converge(self) -> tuple[Array, dict[str, Share], Array]:
        """Return coefficients, each scan's share there, and the curvature."""
        c = self._start()
        shares = self._shares({e.label: self.quantities.values(c, e.label) for e in self._scans()})
        chi2, gradient, curvature = self._sum(c, shares)
        damping = _FIRST_DAMPING
        for turn in range(_ROUNDS):
            step = self._step(c, gradient, curvature, damping)
            promise = -float(2.0 * gradient @ step + step @ curvature @ step)
            self.tell(f"joint fit, turn {turn + 1}: χ² {chi2:.1f}")
            if promise < _CONVERGED * max(1.0, chi2 / self.freedom):
                return c, shares, curvature
            tried = c + step
            there = self._shares({e.label: self.quantities.values(tried, e.label) for e in self._scans()})
            new_chi2, new_gradient, new_curvature = self._sum(tried, there)
            if new_chi2 < chi2:
                c, shares, chi2, gradient, curvature = tried, there, new_chi2, new_gradient, new_curvature
                damping = max(damping / 10.0, _FIRST_DAMPING)
            else:
                damping *= 100.0
                if damping > _MOST_DAMPING:
                    return c, shares, curvature
        raise ComputationError(f"the joint fit did not converge in {_ROUNDS} turns; share less, or fix something")

    def _scans(self) -> list[Entry]:
        return [e for e in self.good if e.label not in self.left_out]

    def _start(self) -> Array:
        """Where the shared quantities start: what the scans by themselves say of them, by weight."""
        worker = Worker(self.job)
        setup = worker.setup(self.good[0])
        names = [law.parameter for law in self.quantities.laws]
        alone = {e.label: {n: atoms_of(setup, n, self.known[e.label].values) for n in names} for e in self.good}
        shares = self._shares(alone)
        parts = []
        for i, law in enumerate(self.quantities.laws):
            labels = list(shares)
            weights = np.array([max(shares[k].curvature[i, i], 1e-12) for k in labels])
            values = np.array([alone[k][law.parameter] for k in labels])
            t = np.array([self.quantities.t[k] for k in labels])
            parts.append(law.start(t, values, weights))
        c = np.clip(np.concatenate(parts), self.quantities.lower, self.quantities.upper)
        # the minimum of the sum of what each scan says around its own answer, by Gauss–Newton on the laws
        for _ in range(3):
            gradient, curvature = np.zeros(len(c)), np.zeros((len(c), len(c)))
            for label, s in shares.items():
                slopes, now = self.quantities.slopes(c, label), self.quantities.values(c, label)
                away = np.array([now[n] - alone[label][n] for n in names])
                gradient += slopes.T @ (s.gradient + s.curvature @ away)
                curvature += slopes.T @ s.curvature @ slopes
            self._restrain(c, gradient, curvature)
            c = c + self._step(c, gradient, curvature, _FIRST_DAMPING)
        return c

    def _shares(self, shared: Mapping[str, Mapping[str, float]]) -> dict[str, Share]:
        tasks = [Task(e, self.known[e.label], self.local[e.label], shared[e.label]) for e in self._scans()]
        found = {}
        for label, one in self.ask(tasks).items():
            if one.error:
                self.left_out[label] = one.error
            else:
                found[label] = one
                self.local[label] = one.local
        if not found:
            raise ComputationError(f"no scan can be fitted with what is shared: {next(iter(self.left_out.values()))}")
        return found

    def _sum(self, c: Array, shares: Mapping[str, Share]) -> tuple[float, Array, Array]:
        """χ² with half its gradient and half its curvature by the coefficients."""
        gradient, curvature = np.zeros(len(c)), np.zeros((len(c), len(c)))
        chi2 = 0.0
        for label, s in shares.items():
            slopes = self.quantities.slopes(c, label)
            chi2 += s.chi2
            gradient += slopes.T @ s.gradient
            curvature += slopes.T @ s.curvature @ slopes
        return chi2 + self._restrain(c, gradient, curvature), gradient, curvature

    def _restrain(self, c: Array, gradient: Array, curvature: Array) -> float:
        """Add restraints on constant shared quantities, once for the series; returns their χ²."""
        total, k = 0.0, 0
        for law in self.quantities.laws:
            known = self.job.options.restrain.get(law.parameter)
            if known is not None and law.kind == "constant":
                away = (c[k] - known.value) / known.error
                total += away**2
                gradient[k] += away / known.error
                curvature[k, k] += 1.0 / known.error**2
            k += len(law.names)
        return float(total)

    def _step(self, c: Array, gradient: Array, curvature: Array, damping: float) -> Array:
        size = np.sqrt(np.maximum(np.diag(curvature), 1e-300))  # units of the standard errors
        scaled = curvature / np.outer(size, size)
        low, high = (self.quantities.lower - c) * size, (self.quantities.upper - c) * size
        return bounded_step(scaled, gradient / size, low, high, np.ones(len(c), dtype=bool), damping) / size

    def rows(self, c: Array, shares: Mapping[str, Share], covariance: Array) -> dict[str, Row]:
        """The row of each scan, errors of the shared quantities carried into it."""
        self.tell("joint fit: errors of every scan")
        tasks = []
        for e in self._scans():
            slopes = self.quantities.slopes(c, e.label)
            own = Task(e, self.known[e.label], shares[e.label].local, self.quantities.values(c, e.label))
            tasks.append(replace(own, covariance=slopes @ covariance @ slopes.T))
        found: dict[str, Row] = {}
        for label, one in self.ask(tasks).items():
            found[label] = one if isinstance(one, Row) else failed(label, self.known[label].key, one.error)
        for label, why in self.left_out.items():
            found[label] = failed(label, self.known[label].key, f"left out of the joint fit: {why}")
        return found


def _inverse(curvature: Array) -> Array:
    """Covariance of the coefficients; what the series leaves open has an infinite error."""
    size = np.sqrt(np.diag(curvature))
    dead = size <= 0.0
    size[dead] = 1.0
    values, vectors = np.linalg.eigh(curvature / np.outer(size, size))
    open_ = values < 1e-10 * max(values.max(initial=0.0), 1e-300)
    names: Iterable[int] = np.flatnonzero(np.abs(vectors[:, open_]).max(axis=1, initial=0.0) > 0.1)
    inverse = (vectors[:, ~open_] / values[~open_]) @ vectors[:, ~open_].T / np.outer(size, size)
    for i in names:
        inverse[i, i] = np.inf
    return inverse
