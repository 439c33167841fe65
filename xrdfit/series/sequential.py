"""Scan after scan along a coordinate, each from its neighbour's answer.

Where a step fails (no answer, or χ² leaps), the fit from the model's own start is tried too; and when the far end is
reached, the scans that still stand out are taken again backwards, from their neighbour on the other side. The lowest
χ² counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xrdfit.series.entries import Entry, natural
from xrdfit.series.rows import Row
from xrdfit.series.work import ASTRAY, Job, Start, Worker

_PERTURBED = 1e-3  # of χ²: a lower minimum, not the same


def fit_sequence(
    job: Job, entries: Sequence[Entry], add: Callable[[Sequence[Row]], list[Row]], done: Mapping[str, Row]
) -> tuple[dict[str, Row], bool]:
    """Fit the scans in the order of their first coordinate.

    Parameters
    ----------
    job : Job
    entries : sequence of Entry
    add : callable
        Takes notice of new rows.
    done : Mapping[str, Row]
        Rows of an earlier run, by key.

    Returns
    -------
    rows : dict of str to Row
        By label.
    complete : bool
        False where it was interrupted.
    """
    worker = Worker(job)
    order = in_order(entries)
    known: dict[str, Row] = {}
    try:
        start = job.start
        for entry in order:
            row = _row(worker, entry, start, add, done)
            known[entry.label] = row
            start = _start(row) or start
        _backwards(worker, order, known, add, done)
    except KeyboardInterrupt:
        return known, False
    return known, True


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Entries along their first coordinate; by name where there is none."""
    name = next((n for e in entries for n, v in e.coords.items() if isinstance(v, float)), None)

    def place(entry: Entry) -> tuple[float, tuple[object, ...]]:
        value = entry.coords.get(name) if name is not None else 0.0
        return (value if isinstance(value, float) and value == value else float("inf")), natural(entry.label)

    return sorted(entries, key=place)


def _row(
    worker: Worker, entry: Entry, start: Start | None, add: Callable[..., list[Row]], done: Mapping[str, Row]
) -> Row:
    row = done.get(worker.safe_key(entry, start))
    if row is not None:
        return row
    row = worker.row(entry, start)
    return add([row])[0]


def _start(row: Row) -> Start | None:
    """Where the next scan starts: this one's answer, if it has one."""
    if not row.success:
        return None
    return Start(row.label, row.values, row.figure("chi2_reduced"))


def _backwards(
    worker: Worker,
    order: Sequence[Entry],
    known: dict[str, Row],
    add: Callable[..., list[Row]],
    done: Mapping[str, Row],
) -> None:
    """Take the scans that stand out again, from the other side."""
    behind: Start | None = None
    usual = sorted(r.figure("chi2_reduced") for r in known.values() if r.success)
    limit = ASTRAY * max(1.0, usual[len(usual) // 2]) if usual else 0.0
    for entry in reversed(order):
        row = known[entry.label]
        stands_out = not row.success or row.figure("chi2_reduced") > limit
        if stands_out and behind is not None:
            other = _row(worker, entry, behind, add, done)
            better = other.figure("chi2") < row.figure("chi2") - _PERTURBED
            if other.success and (not row.success or better):
                known[entry.label] = row = other
        behind = _start(row) or behind
