"""Scans whose angles follow from a start and a step: what the range says must agree with the number of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import regular_grid
from xrdfit.scan.meta import join_notes, number
from xrdfit.scan.points import left_out
from xrdfit.scan.schema import RawScan

MAX_POINTS = 10_000_000

# Half channels of strip detectors in degrees on their circles (PANalytical X'Celerator, PIXcel, Aeris): steps in use
# that are no round decimal number. Headers print them rounded ("0.017").
_CHANNELS = (0.00835565, 0.00656514, 0.00543322)
_WHOLE = 1e-3
_PRINTED = 1e-4
_NO_CHANCE = 40.0
_PLAIN = frozenset("0123456789+-.eE")


def is_usual_step(step: float, n: int) -> bool:
    """Return whether the step of a scan of n points, from its two ends, is one that instruments make.

    That is whole thousandths of a degree, as exactly as ends of four decimals say, or channels of a detector.
    """
    end = _PRINTED / max(n - 1, 1)
    whole, channels = round(step / _WHOLE), [(round(step / unit), unit) for unit in _CHANNELS]
    return (whole >= 1 and abs(step - whole * _WHOLE) <= max(end, 1e-9)) or any(
        k >= 1 and abs(step - k * unit) <= max(end, 2e-5 * step) for k, unit in channels
    )


def stepped_angles(
    start: float | None, step: float | None, n: int, *, stop: float | None = None, announced: float | None = None
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the n angles start + i·step in degrees, and notes, after a check against what else the header says.

    Parameters
    ----------
    start, step, stop : float, optional
        As the header states them; start and step are needed.
    n : int
        The number of intensities in the file.
    announced : float, optional
        The number of points that the header states.

    Raises
    ------
    InputError
        For a missing start or step, and for a number of intensities that fits neither.
    """
    if start is None or step is None or step <= 0:
        raise InputError("states no start and step of 2θ that are numbers; both are needed")
    if n > MAX_POINTS:
        raise InputError(f"holds {n} intensities; at most {MAX_POINTS} are read")
    if announced is not None and announced != n:
        raise InputError(f"has {n} intensities where its header announces {announced:g}: the file is cut or damaged")
    if stop is None or n < 2:
        return regular_grid(start, step, n), []
    planned = (stop - start) / step + 1
    if abs(planned - n) < 0.5:
        return regular_grid(start, step, n), []
    if announced is None and abs(planned - 1 - n) < 0.5:
        return regular_grid(start, step, n), [f"the scan ends one step before the {stop:g}° that its header states"]
    mean = (stop - start) / (n - 1)
    if abs(mean - step) < _WHOLE / 2 and is_usual_step(mean, n):
        return regular_grid(start, mean, n), [f"the step is {mean:.7g}°, which the header prints as {step:g}°"]
    raise InputError(
        f"has {n} intensities where {start:g}° to {stop:g}° in steps of {step:g}° make {planned:.6g}: "
        "the file is cut or damaged, or the scan was interrupted"
    )


def repeated_lines(lines: Sequence[str]) -> list[str]:
    """Return a note on data lines that repeat the line before.

    Where a file does not say how many points it has, a line that an editor doubled shifts all later angles. Lines of
    one or two numbers, or of zeros alone, repeat by themselves.
    """
    for index, (before, line) in enumerate(pairwise(lines)):
        if line == before and line.strip():
            fields = line.replace(",", " ").split()
            if len(fields) > 2 and any(field.strip("0.") for field in fields):
                told = f"data line {index + 2} repeats the one before"
                return [f"{told}: if it was doubled, all later angles are {len(fields)} steps too high"]
    return []


def plain_numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the numbers where all texts are plain decimal ones: a million in a third of a second. Else None."""
    if not texts or not _PLAIN.issuperset("".join(texts)):
        return None
    try:
        values = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
    except ValueError:
        return None
    return values if np.all(np.isfinite(values)) else None


def numbers(fields: Sequence[str], what: str) -> NDArray[np.float64]:
    """Return the numbers of the fields.

    Raises
    ------
    InputError
        Naming the first field that is no finite number.
    """
    fast = plain_numbers(fields)
    if fast is not None:
        return fast
    values = [number(field) for field in fields]
    if None in values:
        raise InputError(f"has {fields[values.index(None)][:20]!r} among {what}, which is not a number")
    return np.array(values, dtype=np.float64)


def end_notes(data: bytes) -> list[str]:
    """Return notes on the end of a text file: zeros that a disk left there, or a last line that was cut."""
    zeros = len(data) - len(data.rstrip(b"\0"))
    if zeros > 1:
        return [f"the file ends in {zeros} zero bytes: its end was lost"]
    if data.rstrip(b"\0 \t\x1a").endswith((b"\n", b"\r")):
        return []
    return ["the last line has no end: its last number may be cut"]


def impossible_zeros(scan: RawScan) -> list[str]:
    """Return a note on zeros in a row that chance cannot have made, beyond those that are left out anyway.

    k zeros beside a count of m have a probability of about exp(−k·m).
    """
    counts = scan.counts
    if len(counts) != len(scan.x) or counts.all() or not counts.any():
        return []
    keep, _ = left_out(scan.x, counts, scan.sigma)
    zero = counts == 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], zero, [False]]).astype(np.int8))).reshape(-1, 2)
    for first, end in edges:
        beside = max([*counts[max(first - 1, 0) : first], *counts[end : end + 1]])
        if (end - first) * beside > _NO_CHANCE and keep[first:end].any():
            n, where = end - first, scan.x[first]
            return [f"{n} zeros in a row from {where:g} on, beside {beside:g} (masked, or the file is damaged)"]
    return []


def with_notes(scan: RawScan, notes: Sequence[str]) -> RawScan:
    """Return the scan with more notes."""
    if not notes:
        return scan
    told = [str(scan.meta["notes"])] if "notes" in scan.meta else []
    return replace(scan, meta={**scan.meta, **join_notes([*told, *notes])})
