"""GSAS powder data with constant steps: STD, ESD and FXYE records (and FXY), angles in centidegrees.

Layouts: A. C. Larson & R. B. Von Dreele, "GSAS", LAUR 86-748 (2004), "Powder data file formats".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import regular_grid
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import join_notes, number, text_attribute
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.steps import plain_numbers

_BANK = re.compile(r"BANK\s+(?P<bank>\d+)\s+(?P<n>\d{1,9})\s+(?P<records>\d+)\s+(?P<binning>[A-Z_0-9]+)\s*(?P<rest>.*)")
_SNIFF = re.compile(rb"^BANK\s+\d+\s+\d{1,9}\s+\d+\s+[A-Z_0-9]+", re.MULTILINE)
_TYPES = ("STD", "ESD", "FXYE", "FXY")
_WIDTH = 8


def sniff(head: bytes) -> bool:
    """Return whether the head holds a BANK record."""
    return _SNIFF.search(head) is not None


def read(data: bytes) -> list[RawScan]:
    """Read every bank; other binnings than CONS/CONST (times of flight, energies) are refused by name."""
    lines = decode(data).splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith("BANK") and _BANK.match(line)]
    if not starts:
        raise InputError("has no BANK record")
    title = text_attribute("sample", lines[0] if starts and starts[0] > 0 and not lines[0].startswith("#") else None)
    ends = [*starts[1:], len(lines)]
    return [_bank(lines[start], lines[start + 1 : end], title) for start, end in zip(starts, ends, strict=True)]


def _bank(record: str, lines: Sequence[str], title: dict[str, Attribute]) -> RawScan:
    match = _BANK.match(record)
    assert match is not None
    if match["binning"] not in ("CONS", "CONST"):
        raise InputError(f"has the binning {match['binning']!r} in bank {match['bank']}; CONST is what is read")
    fields = match["rest"].split()
    kind = fields.pop().upper() if fields and fields[-1].isalpha() else "STD"
    if kind not in _TYPES:
        raise InputError(f"has records {kind!r} in bank {match['bank']}; {', '.join(_TYPES)} are read")
    n = int(match["n"])
    body = [line for line in lines if line.strip() and not line.startswith("#")]
    start, step = (number(item) for item in [*fields, "", ""][:2])
    if kind in ("FXYE", "FXY"):
        return _listed(body, n, kind, (start, step), title)
    if start is None or step is None:
        raise InputError(f"has no start and step in bank {match['bank']}")
    if n > len(body) * 10:
        raise InputError(f"has {len(body)} lines for the {n} points of bank {match['bank']}: the file is cut")
    two_theta = regular_grid(start / 100, step / 100, n)
    if kind == "ESD":
        values = _fixed(body, 2 * n, 0).reshape(n, 2)
        return RawScan(two_theta, values[:, 0], values[:, 1], meta=title)
    # Ten fields of (I2, F6.0) a line: the number of counters and their mean count; GSAS takes sigma² = y/counters.
    counts = _fixed(body, n, 2)
    counters = np.array([_counters(item) for item in _cells(body)[:n]])
    return RawScan(two_theta, counts, gain=None if np.all(counters == 1) else 1 / counters, meta=title)


def _listed(
    lines: Sequence[str], n: int, kind: str, stated: tuple[float | None, float | None], title: dict[str, Attribute]
) -> RawScan:
    """Read FXYE and FXY, whose rows hold their angles.

    Some programs write degrees where the format's unit is the centidegree; the record's start tells which it is. Rows
    beyond the announced number are part of the scan, for their angles go on; fewer rows are a cut file.
    """
    width = 3 if kind == "FXYE" else 2
    table = _free(lines, n, width)
    angle, notes = table[:, 0], []
    if len(table) > n:
        notes.append(f"{len(table)} rows where the BANK record announces {n}: all are read")
    unit, told = _unit(angle, stated)
    meta = title | join_notes([*notes, *told])
    return RawScan(angle * unit, table[:, 1], table[:, 2] if width == 3 else None, meta=meta)


def _unit(angle: NDArray[np.float64], stated: tuple[float | None, float | None]) -> tuple[float, list[str]]:
    """Return degrees per unit of the rows' angles, by the start (and step) that the record states, and notes."""
    start, step = stated
    if start is not None and start > 0 and len(angle) > 1:
        near = max(abs(step or 0.0), 0.01 * start)
        if abs(angle[0] - start) <= near:
            return 0.01, []
        if abs(100 * angle[0] - start) <= near:
            return 1.0, ["the rows are in degrees, as the BANK record's start shows, not in centidegrees"]
    if len(angle) and np.max(angle) <= 180:
        raise InputError(
            f"has angles up to {np.max(angle):g} and a BANK record whose start does not fit them: the format's unit is "
            "the centidegree, which would end the scan below 2°; mend the record's start and step"
        )
    if start is not None and start > 0 and len(angle):
        return 0.01, [f"the first row is at {angle[0] / 100:g}° where the BANK record says {start / 100:g}°"]
    return 0.01, []


def _cells(lines: Sequence[str]) -> list[str]:
    """Return the 8-character fields of all lines."""
    return [line[at : at + _WIDTH] for line in (text.rstrip() for text in lines) for at in range(0, len(line), _WIDTH)]


def _counters(cell: str) -> float:
    value = number(cell[:2]) if cell[:2].strip() and cell[2:].strip() else None
    return 1.0 if value is None or value < 1 else value


def _fixed(lines: Sequence[str], count: int, skip: int) -> NDArray[np.float64]:
    """Return `count` numbers of 8-character fields whose first `skip` characters hold something else.

    The last record is a whole line, and most programs fill it up with zeros.
    """
    cells = _cells(lines)
    last = len(_cells(lines[-1:]))
    padding = cells[count:]
    if len(cells) < count or (padding and (len(padding) >= last or any(cell.strip("0. ") for cell in padding))):
        raise InputError(f"has {len(cells)} fields where its BANK record announces {count}: the file is cut or damaged")
    values = [number(cell[skip:]) for cell in cells[:count]]
    if None in values:
        raise InputError(f"has {cells[values.index(None)]!r} among its intensities, which is not a number")
    return np.array(values, dtype=np.float64)


def _free(lines: Sequence[str], n: int, width: int) -> NDArray[np.float64]:
    """Return the rows of a free format, at least `n`."""
    if len(lines) < n:
        raise InputError(f"has {len(lines)} rows where its BANK record announces {n}: the file is cut or damaged")
    fast = plain_numbers(" ".join(lines).split())
    if fast is not None and len(fast) == width * len(lines) and all(len(line.split()) == width for line in lines):
        return fast.reshape(len(lines), width)
    rows = [[number(item) for item in line.replace(",", " ").split()] for line in lines]
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width or None in row:
            raise InputError(f"has the row {line.strip()[:40]!r}; {width} numbers are expected")
    return np.array(rows, dtype=np.float64).reshape(len(lines), width)
