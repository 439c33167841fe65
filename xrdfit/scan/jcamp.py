"""JCAMP-DX: XYDATA=(X++(Y..Y)) in plain and in all compressed forms, and XYPOINTS=(XY..XY).

The forms: R. S. McDonald & P. A. Wilks, Appl. Spectrosc. 42, 151 (1988).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import join_notes, number, text_attribute
from xrdfit.scan.schema import RawScan
from xrdfit.scan.steps import numbers, stepped_angles

# A value (its first digit a letter), a difference to the value before, a number of repetitions, a plain number.
_TOKEN = re.compile(
    r"\s*,?\s*(?:(?P<value>[@A-Ia-i]\d{0,15}\.?\d{0,15})|(?P<difference>[%J-Rj-r]\d{0,15}\.?\d{0,15})"
    r"|(?P<repeat>[S-Zs]\d{0,8})|(?P<plain>[+-]?(?:\d{1,15}\.?\d{0,15}|\.\d{1,15})))"
)
_DIGIT = (
    {"@": "0", "%": "0", "s": "9"}
    | {letter: str(i + 1) for i, letter in enumerate("ABCDEFGHI")}
    | {letter: str(-i - 1) for i, letter in enumerate("abcdefghi")}
    | {letter: str(i + 1) for i, letter in enumerate("JKLMNOPQR")}
    | {letter: str(-i - 1) for i, letter in enumerate("jklmnopqr")}
    | {letter: str(i + 1) for i, letter in enumerate("STUVWXYZ")}
)
_X = re.compile(r"\s*[+-]?(?:\d{1,15}\.?\d{0,15}|\.\d{1,15})(?:[eE][+-]\d{1,3})?")
_TABLES = ("XYDATA", "XYPOINTS")
_MAX_VALUES = 2_000_000
"""Of all tables of a file: a repetition of eight characters may stand for a hundred million values."""


def sniff(head: bytes) -> bool:
    """Return whether the head is that of a JCAMP-DX file."""
    return re.search(rb"^\s*##\s*JCAMP[ -]?DX\s*=", head[:8192], re.MULTILINE | re.IGNORECASE) is not None


def read(data: bytes) -> list[RawScan]:
    """Read every table of a JCAMP-DX file whose axis is 2θ in degrees."""
    header: dict[str, str] = {}
    scans: list[RawScan] = []
    key, table = "", []
    for line in [*decode(data).splitlines(), "##END="]:
        text = line.partition("$$")[0].rstrip()
        if not text.lstrip().startswith("##"):
            table.append(text)
            continue
        if key in _TABLES:
            scans.append(_scan(key, header, table, _MAX_VALUES - sum(len(scan.counts) for scan in scans)))
        key, _, value = text.strip()[2:].partition("=")
        key, table = re.sub(r"[\s_/-]", "", key).upper(), []
        header[key] = value.strip()
    if not scans:
        raise InputError("has no ##XYDATA= or ##XYPOINTS= of a scan: it holds no measured points")
    return scans


def _scan(key: str, header: Mapping[str, str], table: Sequence[str], limit: int) -> RawScan:
    unit = header.get("XUNITS", "")
    plain = re.sub(r"[^a-z0-9θ]", "", unit.lower())
    if not re.search(r"2theta|twotheta|2θ|2th\b", plain) or "rad" in plain:
        raise InputError(f"has the axis {unit[:40]!r} (##XUNITS); 2θ in degrees is read")
    factors = [number(header.get(name, "1")) for name in ("XFACTOR", "YFACTOR")]
    if None in factors or 0 in factors:
        raise InputError("has an ##XFACTOR or ##YFACTOR that is not a number other than 0")
    x_factor, y_factor = (float(factor or 1.0) for factor in factors)
    rows = [line for line in table if line.strip()]
    notes: list[str] = []
    announced = number(header.get("NPOINTS"))
    if key == "XYPOINTS":
        values = numbers(" ".join(rows).replace(";", " ").replace(",", " ").split(), "its points")
        if len(values) % 2 or (announced is not None and announced != len(values) // 2):
            raise InputError(f"has {len(values)} numbers where ##NPOINTS is {header.get('NPOINTS')}: the file is cut")
        angles, counts = x_factor * values[::2], y_factor * values[1::2]
    else:
        values, positions = _ordinates(rows, limit)
        counts = y_factor * values
        angles, notes = _angles(header, len(counts), announced)
        _check_positions(x_factor, positions, angles)
    if "second" in header.get("YUNITS", "").lower() or "cps" in header.get("YUNITS", "").lower():
        notes.append("counts per second without a counting time: their errors take them for counts")
    return RawScan(angles, counts, meta=text_attribute("sample", header.get("TITLE")) | join_notes(notes))


def _angles(header: Mapping[str, str], n: int, announced: float | None) -> tuple[NDArray[np.float64], list[str]]:
    first, last, step = (number(header.get(name)) for name in ("FIRSTX", "LASTX", "DELTAX"))
    if step is None and first is not None and last is not None and announced is not None and announced > 1:
        step = (last - first) / (announced - 1)
    if step is not None and step < 0 and first is not None:
        reverse, notes = stepped_angles(-first, -step, n, stop=None if last is None else -last, announced=announced)
        return -reverse, notes
    return stepped_angles(first, step, n, stop=last, announced=announced)


def _check_positions(factor: float, positions: Sequence[tuple[float, int]], angles: NDArray[np.float64]) -> None:
    """Raise where a line's own x is not that of its first point: a line is missing, doubled or moved."""
    for x, index in positions:
        if index >= len(angles):
            raise InputError("has a last line without a point: the file is cut or damaged")
        step = float(abs(angles[1] - angles[0])) if len(angles) > 1 else 1.0
        if abs(factor * x - angles[index]) > 0.5 * step:
            raise InputError(
                f"has a line at {factor * x:g}° where point {index + 1} is at {angles[index]:g}°: "
                "a line is missing, doubled or damaged"
            )


def _ordinates(rows: Sequence[str], limit: int) -> tuple[NDArray[np.float64], list[tuple[float, int]]]:
    """Return the values of all lines, and of each line its x with the index of its first point.

    A line that ends in a difference is repeated by the first value of the next line, which is the check of the form.
    """
    values: list[float] = []
    positions: list[tuple[float, int]] = []
    check = False
    for row in rows:
        fields = [number(field) for field in re.split(r"[\s,;]+", row.strip().rstrip(",;"))]
        if None not in fields:
            line, ends = [float(value or 0.0) for value in fields[1:]], False
            x = float(fields[0] or 0.0)
        else:
            match = _X.match(row)
            if match is None:
                raise InputError(f"has the line {row.strip()[:40]!r}, which begins with no number")
            x = float(match.group().strip())
            line, ends = _decompress(row, match.end(), limit - len(values))
        if check and line:
            if line[0] != values[-1]:
                raise InputError(
                    f"has {line[0]:g} at the start of a line where {values[-1]:g} is expected: it is damaged"
                )
            positions.append((x, len(values) - 1))
            line = line[1:]
        else:
            positions.append((x, len(values)))
        values += line
        check = ends
    return np.array(values, dtype=np.float64), positions


def _decompress(row: str, at: int, limit: int) -> tuple[list[float], bool]:
    """Return the values of a line in a compressed form from character `at` on, and whether its last is a difference."""
    values: list[float] = []
    difference: float | None = None
    row = row.rstrip(" \t,")
    while at < len(row):
        match = _TOKEN.match(row, at)
        if match is None or (match["value"] is None and match["plain"] is None and not values):
            raise InputError(f"has {row[at : at + 20]!r} in a line of intensities, which is no form of JCAMP-DX")
        at = match.end()
        if match["repeat"]:
            times = int(_DIGIT[match["repeat"][0]] + match["repeat"][1:]) - 1
            if times > limit - len(values):
                raise InputError(f"repeats a value {times + 1} times; at most {_MAX_VALUES} values are read")
            for _ in range(times):
                values.append(values[-1] + (difference or 0.0))
        elif match["difference"]:
            difference = float(_DIGIT[match["difference"][0]] + match["difference"][1:])
            values.append(values[-1] + difference)
        else:
            text = match["value"]
            values.append(float(match["plain"]) if text is None else float(_DIGIT[text[0]] + text[1:]))
            difference = None
    return values, difference is not None
