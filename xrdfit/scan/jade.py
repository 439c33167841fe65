"""MDI Jade .mdi: a title, a line with the range, then counts, eight or so a line."""

from __future__ import annotations

import re

from xrdfit.errors import InputError
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import join_notes, number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import RawScan
from xrdfit.scan.steps import numbers, stepped_angles

_NUMBER = r"[+-]?\d{1,12}\.?\d{0,12}"
_RANGE = re.compile(
    rf"\s*(?P<start>{_NUMBER})\s+(?P<step>{_NUMBER})\s+(?P<time>{_NUMBER})\s+(?P<anode>[A-Za-z]{{1,2}})\s+"
    rf"(?P<alpha1>{_NUMBER})\s+(?P<stop>{_NUMBER})\s+(?P<n>\d{{1,8}})\s*"
)
_TITLE = re.compile(r"\s*\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\s+(?:[A-Z]{3}\s+)?")


def sniff(head: bytes) -> bool:
    """Return whether the second line of the head is the range of an .mdi file."""
    lines = head[:4096].decode("latin-1").splitlines()
    return len(lines) > 1 and _RANGE.fullmatch(lines[1]) is not None


def read(data: bytes) -> list[RawScan]:
    """Read the scan of an .mdi file: line 2 is start, step, time, anode, wavelength, stop and number of points."""
    lines = decode(data).splitlines()
    match = _RANGE.fullmatch(lines[1]) if len(lines) > 1 else None
    if match is None:
        raise InputError("has no second line of start, step, time, anode, wavelength, stop and number of points")
    counts = numbers(" ".join(lines[2:]).split(), "its intensities")
    start, step, stop = (number(match[name]) for name in ("start", "step", "stop"))
    angles, notes = stepped_angles(start, step, len(counts), stop=stop, announced=number(match["n"]))
    meta = radiation_attributes(number(match["alpha1"]), anode=match["anode"])
    meta |= text_attribute("sample", _TITLE.sub("", lines[0], count=1)) | positive(
        "count_time_s", number(match["time"])
    )
    return [RawScan(angles, counts, meta=meta | join_notes(notes))]
