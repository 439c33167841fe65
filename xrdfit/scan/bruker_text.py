"""Bruker and Siemens text: .uxd (keywords, counts or angles with counts), the export with [RangeHeader] and [Data]."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import regular_grid
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import join_notes, number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.steps import repeated_lines
from xrdfit.scan.table import parse_table

_DATA = re.compile(r"_(?P<angles>2THETA)?(?P<kind>COUNTS|CPS)(?P<time>TIME)?")
_DRIVES_2THETA = ("COUPLED", "2THETA", "TWOTHETA")


def sniff(head: bytes) -> bool:
    """Return whether the head is that of a .uxd file."""
    return re.search(rb"^_(FILEVERSION|SAMPLE|2THETACOUNTS|2THETACPS|STEPSIZE|DRIVE)\b", head, re.MULTILINE) is not None


def read(data: bytes) -> list[RawScan]:
    """Read the ranges of a .uxd file; _CPS intensities get the gain 1/_STEPTIME."""
    lines = decode(data).splitlines()
    keywords: dict[str, str] = {}
    scans: list[RawScan] = []
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        match = _DATA.fullmatch(line)
        if match is None:
            key, equals, value = line.partition("=")
            if equals and key.startswith("_"):
                keywords[key.strip().upper()] = value.strip().strip("'\"")
            index += 1
            continue
        end = next(
            (i for i in range(index + 1, len(lines)) if lines[i].strip().startswith(("_", "; (Data"))), len(lines)
        )
        if keywords.get("_DRIVE", "COUPLED").upper() in _DRIVES_2THETA:
            scans.append(_range(match, lines[index + 1 : end], index + 2, keywords))
        index = end
    if not scans:
        raise InputError("holds no _COUNTS, _2THETACOUNTS, _CPS or _2THETACPS of a scan of 2θ")
    return scans


def _range(match: re.Match[str], lines: Sequence[str], first: int, keywords: Mapping[str, str]) -> RawScan:
    meta = _attributes(keywords)
    gain = None
    notes: list[str] = []
    if match["angles"]:
        table = parse_table(lines, first)
        if table.shape[1] != (3 if match["time"] else 2):
            raise InputError(f"has {table.shape[1]} columns under {match.group()}")
        two_theta, counts = table[:, 0], table[:, 1]
    else:
        fields = [item for line in lines if not line.strip().startswith(";") for item in line.split()]
        values = [number(item) for item in fields]
        start = number(keywords.get("_2THETA")) or number(keywords.get("_START"))
        step = number(keywords.get("_STEPSIZE"))
        if None in values or start is None or step is None:
            raise InputError(f"needs numbers for _START, _STEPSIZE and every intensity under {match.group()}")
        announced = number(keywords.get("_STEPCOUNT"))
        if announced is not None and announced != len(values):
            raise InputError(f"has {len(values)} intensities where _STEPCOUNT is {announced:g}: the file is cut")
        if announced is None:
            notes += repeated_lines([line for line in lines if not line.strip().startswith(";")])
        counts = np.array(values, dtype=np.float64)
        two_theta = regular_grid(start, step, len(counts))
    time = meta.get("count_time_s")
    if match["kind"] == "CPS":
        if isinstance(time, float):
            gain = np.full(len(counts), 1 / time)
        else:
            notes.append("counts per second without a counting time: their errors take them for counts")
    return RawScan(two_theta, counts, gain=gain, meta=meta | join_notes(notes))


def _attributes(keywords: Mapping[str, str]) -> dict[str, Attribute]:
    unit = 10.0 if keywords.get("_WL_UNIT", "A").lower() == "nm" else 1.0
    lines = [number(keywords.get(name)) for name in ("_WL1", "_WL2")]
    first, second = (None if value is None else unit * value for value in lines)
    meta = radiation_attributes(first, second, number(keywords.get("_WLRATIO")), keywords.get("_ANODE"))
    meta |= text_attribute("sample", keywords.get("_SAMPLE"))
    meta |= positive("radius_mm", number(keywords.get("_GONIOMETER_RADIUS")))
    return meta | positive("count_time_s", number(keywords.get("_STEPTIME")))


_SECTION = re.compile(r"\[(\w{1,40})\]")
_ANGLES = ("angle", "2theta", "twotheta", "2-theta")


def sniff_export(head: bytes) -> bool:
    """Return whether the head is that of a text export with [RangeHeader] and [Data] sections."""
    return re.search(rb"^\[(RawHeader|RangeHeader)\]\s*$", head, re.MULTILINE) is not None


def read_export(data: bytes) -> list[RawScan]:
    """Read every range of a text export: sections of "key=value", then [Data] with a line of names and the columns."""
    shared: dict[str, str] = {}
    own: dict[str, str] = {}
    scans: list[RawScan] = []
    for section, first, lines in _sections(decode(data).splitlines()):
        if section == "Data":
            scans.append(_exported(lines, first, shared | own))
            own = {}
        else:
            pairs = (line.partition("=") for line in lines)
            found = {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
            if section == "RangeHeader":
                own = found
            else:
                shared |= found
    if not scans:
        raise InputError("has no [Data] section: it holds no measured points")
    return scans


def _sections(lines: Sequence[str]) -> Iterator[tuple[str, int, Sequence[str]]]:
    """Yield the name, the number of the first line and the lines of each section."""
    marks = [(index, match[1]) for index, line in enumerate(lines) if (match := _SECTION.fullmatch(line.strip()))]
    ends = [*(index for index, _ in marks), len(lines)][1:]
    for (index, name), end in zip(marks, ends, strict=True):
        yield name, index + 2, lines[index + 1 : end]


def _exported(lines: Sequence[str], first: int, facts: Mapping[str, str]) -> RawScan:
    at = next((i for i, line in enumerate(lines) if line.strip()), None)
    names = [] if at is None else [name.strip() for name in lines[at].rstrip(", \t").split(",")]
    if at is None or len(names) < 2 or names[0].lower() not in _ANGLES:
        raise InputError(f"has a [Data] section at line {first} that does not begin with names such as Angle, PSD")
    table = _rows(lines[at + 1 :], first + at + 1, len(names))
    notes = [f"column {name} was not read" for name in names[2:]]
    start, step, count = (number(facts.get(key)) for key in ("start", "stepsize", "stepcount"))
    if count is not None and count != len(table):
        raise InputError(f"has {len(table)} points in a range whose header announces {count:g}: the file is cut")
    if start is not None and len(table) and abs(table[0, 0] - start) > abs(step or 0.01):
        notes.append(f"a range begins at {table[0, 0]:g}° where its header says {start:g}°")
    if "cps" in names[1].lower():
        notes.append("counts per second without a counting time: their errors take them for counts")
    meta = radiation_attributes(
        number(facts.get("alpha1")), number(facts.get("alpha2")), number(facts.get("alpharatio")), facts.get("anode")
    )
    meta |= text_attribute("sample", facts.get("sample")) | join_notes(notes)
    return RawScan(table[:, 0], table[:, 1], meta=meta)


def _rows(lines: Sequence[str], first: int, width: int) -> NDArray[np.float64]:
    """Return the rows of a [Data] section, whose fields are separated, and usually also followed, by a comma."""
    rows = []
    for number_of_line, line in enumerate(lines, first):
        fields = line.strip().removesuffix(",").split(",")
        values = [number(field) for field in fields]
        if not line.strip():
            continue
        if len(values) != width or None in values:
            raise InputError(f"line {number_of_line} is not a row of {width} numbers: {line.strip()[:40]!r}")
        rows.append(values)
    if not rows:
        raise InputError(f"has a [Data] section at line {first} without points: the file is cut")
    return np.array(rows, dtype=np.float64)
