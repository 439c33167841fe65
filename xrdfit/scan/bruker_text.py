"""Bruker and Siemens .uxd: ranges of keywords and of counts, or of angles with counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from xrdfit.errors import InputError
from xrdfit.scan.axis import regular_grid
from xrdfit.scan.meta import join_notes, number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.text import decode, parse_table

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
        counts = np.array(values, dtype=np.float64)
        two_theta = regular_grid(start, step, len(counts))
    time = meta.get("count_time_s")
    if match["kind"] == "CPS":
        if isinstance(time, float):
            gain = np.full(len(counts), 1 / time)
        else:
            meta |= join_notes(["counts per second without a counting time: their errors take them for counts"])
    return RawScan(two_theta, counts, gain=gain, meta=meta)


def _attributes(keywords: Mapping[str, str]) -> dict[str, Attribute]:
    unit = 10.0 if keywords.get("_WL_UNIT", "A").lower() == "nm" else 1.0
    lines = [number(keywords.get(name)) for name in ("_WL1", "_WL2")]
    first, second = (None if value is None else unit * value for value in lines)
    meta = radiation_attributes(first, second, number(keywords.get("_WLRATIO")), keywords.get("_ANODE"))
    meta |= text_attribute("sample", keywords.get("_SAMPLE"))
    meta |= positive("radius_mm", number(keywords.get("_GONIOMETER_RADIUS")))
    return meta | positive("count_time_s", number(keywords.get("_STEPTIME")))
