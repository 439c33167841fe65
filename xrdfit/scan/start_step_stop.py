"""Counts behind one line with start, step and stop: FullProf (INSTRM 0), DBWS, Fox, Topas .xdd."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xrdfit.errors import InputError
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import join_notes, number
from xrdfit.scan.schema import RawScan
from xrdfit.scan.steps import MAX_POINTS, numbers, stepped_angles

_COMMENT = ("#", "!", "'", "/*", "*", ";", "%")
_MAX_HEADER = 12
_END_MARK = -1000.0
_SPLIT = re.compile(r"[\s,;]+")


def sniff(head: bytes) -> bool:
    """Return whether the first numbers of the head are a range, and what follows is no table of columns."""
    return b"\0" not in head and _range_line(head[:8192].decode("latin-1").splitlines()) is not None


def _fields(line: str) -> list[str]:
    return [field for field in _SPLIT.split(line.strip()) if field]


def _range_line(lines: Sequence[str]) -> int | None:
    """Return the index of the line with start, step and stop, None where there is none."""
    for index, line in enumerate(lines[:_MAX_HEADER]):
        fields = _fields(line)
        if not fields or line.strip().startswith(_COMMENT):
            continue
        values = [number(field) for field in fields]
        leading = next((i for i, value in enumerate(values) if value is None), len(values))
        start, step, stop = (*values[:3], None, None, None)[:3]
        if leading >= 3 and start is not None and step is not None and stop is not None:
            text_behind = leading == 3 and not line.strip()[0].isalpha()
            return (
                index if text_behind and _is_range(start, step, stop) and _counts(lines[index + 1 :], start) else None
            )
        if leading == len(fields):
            return None
    return None


def _is_range(start: float, step: float, stop: float) -> bool:
    return -180 < start < stop <= 180 and 0 < step < stop - start and 9 <= (stop - start) / step + 0.5 < MAX_POINTS


def _counts(lines: Sequence[str], start: float) -> bool:
    """Return whether the next lines are numbers, and not rows that go on from the start: (angle, intensity, error)."""
    rows = [[number(field) for field in _fields(line)] for line in lines[:3] if line.strip()]
    if not rows or not rows[0] or any(value is None for row in rows for value in row):
        return False
    firsts = [row[0] for row in rows]
    rising = all(a is not None and b is not None and a < b for a, b in zip([start, *firsts], firsts, strict=False))
    return not (len(rows) > 1 and all(len(row) in (2, 3) for row in rows) and rising)


def read(data: bytes) -> list[RawScan]:
    """Read the scan; the number of counts must be that of the range.

    The last line may be filled up with zeros, or followed by FullProf's negative end marks.
    """
    lines = decode(data).splitlines()
    index = _range_line(lines)
    if index is None:
        raise InputError("has no line of start, step and stop with intensities below it")
    start, step, stop = (float(field) for field in _fields(lines[index])[:3])
    body = [_fields(line) for line in lines[index + 1 :] if line.strip() and not line.strip().startswith(_COMMENT)]
    values = numbers([field for row in body for field in row], "its intensities")
    while len(values) and values[-1] <= _END_MARK:
        values = values[:-1]
    planned = round((stop - start) / step) + 1
    padding = values[planned:]
    if len(padding) and len(padding) < len(body[-1]) and not padding.any():
        values = values[:planned]
    angles, notes = stepped_angles(start, step, len(values), stop=stop)
    return [RawScan(angles, values, meta=join_notes(notes))]
