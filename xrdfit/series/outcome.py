"""Rows as they come, and the result that is made of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xrdfit.progress import Progress
from xrdfit.series.entries import Entry
from xrdfit.series.fingerprint import fingerprint
from xrdfit.series.journal import Journal
from xrdfit.series.result import SeriesResult
from xrdfit.series.rows import Row, failed
from xrdfit.series.table import dataset
from xrdfit.series.work import Job

NOT_DONE = "not done: the series was interrupted"


@dataclass
class Tally:
    """Rows as they come: kept, written, counted.

    Attributes
    ----------
    total : int
        Number of scans.
    journal : Journal or None
    tell : Progress
    """

    total: int
    journal: Journal | None
    tell: Progress
    done: int = 0
    fitted: int = 0

    def __post_init__(self) -> None:
        self._began = time.monotonic()

    def add(self, rows: Sequence[Row]) -> list[Row]:
        """Take rows that were fitted just now."""
        if self.journal is not None:
            self.journal.add(rows)
        self.done += len(rows)
        self.fitted += len(rows)
        seconds = max(time.monotonic() - self._began, 1e-3)
        rate = self.fitted / seconds
        left = (self.total - self.done) / rate
        text = f"{self.done} of {self.total} scans, {rate:.3g} a second, {_duration(left)} left"
        self.tell(text, self.done / self.total)
        return [row.shared() for row in rows]


def _duration(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


def result_of(
    job: Job,
    entries: Sequence[Entry],
    known: Mapping[str, Row],
    mode: str,
    complete: bool = True,
    attrs: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> SeriesResult:
    """Put the result together; scans without a row say that they were not done."""
    from xrdfit import __version__

    rows = [known.get(e.label) or failed(e.label, "", NOT_DONE) for e in entries]
    about = {
        "xrdfit": __version__,
        "model": job.models[""].name,
        "mode": mode,
        "engine": job.engine,
        "start": "" if job.start is None else job.start.label,
        "job": fingerprint(job.fingerprint()),
        "complete": int(complete),
    }
    data = dataset(rows, entries, about | dict(attrs or {}), extra)
    return SeriesResult(data, tuple(entries), tuple(rows), job, complete)
