"""FIT2D's .chi: title, name of the axis, name of the intensity, number of points; then the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xrdfit.errors import InputError
from xrdfit.scan.axis import Axis
from xrdfit.scan.decode import decode
from xrdfit.scan.dialect import glance
from xrdfit.scan.header import read_header
from xrdfit.scan.labels import Kind, classify
from xrdfit.scan.meta import join_notes
from xrdfit.scan.schema import DEFAULT_OPTIONS, Attribute, RawScan, ReadOptions
from xrdfit.scan.sigma import doubts, usable_sigma
from xrdfit.scan.table import parse_table

_HEADER = 4


def _count(line: str) -> int | None:
    """Return the number of points that the fourth line states."""
    fields = line.split()
    return int(fields[0]) if 1 <= len(fields) <= 2 and all(f.isascii() and f.isdigit() for f in fields) else None


def _is_header(lines: Sequence[str]) -> bool:
    """Return whether four lines are a .chi file's: the second names an axis, or the third an intensity."""
    if len(lines) < _HEADER or len(lines[3]) > 40 or _count(lines[3]) is None or any(map(glance, lines[:3])):
        return False
    labels = classify(lines[1]), classify(lines[2])
    axis = labels[0] is not None and labels[0].kind in (Kind.AXIS, Kind.OTHER_AXIS)
    return axis or (labels[1] is not None and labels[1].kind is Kind.COUNTS)


def sniff(head: bytes) -> bool:
    """Return whether the head is that of a .chi file, whatever its axis."""
    if b"\0" in head:
        return False
    lines = head[:8192].decode("latin-1").splitlines()
    return _is_header(lines[:_HEADER]) and (len(lines) == _HEADER or bool(glance(lines[_HEADER])))


def read(data: bytes, options: ReadOptions = DEFAULT_OPTIONS) -> list[RawScan]:
    """Read a .chi file on a 2θ axis, or on a Q axis with the wavelength that its header may state."""
    lines: Sequence[str] = decode(data).splitlines()
    if not _is_header(lines[:_HEADER]):
        raise InputError("has not the four header lines of a .chi file (title, axis, intensity, number of points)")
    axis, told = _axis(lines[1].strip(), options)
    if options.columns is not None:
        raise InputError("has the columns that .chi files have; columns= is for text without such a header")
    table = parse_table(lines[_HEADER:], _HEADER + 1)
    if len(table) != _count(lines[3]):
        raise InputError(f"has {len(table)} points where line 4 announces {_count(lines[3])}: the file is cut")
    if table.shape[1] not in (2, 3):
        raise InputError(f"has {table.shape[1]} columns; 2 or 3 are allowed")
    sigma, notes = None, []
    if table.shape[1] == 3:
        sigma, notes = usable_sigma(table[:, 2], table[:, 1])
        if sigma is not None:
            taken, more = doubts(table[:, 1], sigma, named=False)
            sigma, notes = (sigma if taken else None), notes + more
    label = classify(lines[1])
    if options.axis is None and axis is Axis.Q_ANGSTROM and label is not None and not label.stated:
        notes.append("Q in line 2 states no unit: 1/Å is taken (--axis q_nm for 1/nm)")
    facts = read_header(lines[:1])
    meta: dict[str, Attribute] = facts.meta | join_notes(notes + facts.notes)
    meta["evidence"] = "; ".join([told, *facts.evidence])
    return [RawScan(table[:, 0], table[:, 1], sigma, meta=meta, axis=axis)]


def _axis(name: str, options: ReadOptions) -> tuple[Axis, str]:
    if options.axis is not None:
        return options.axis, f"axis: {options.axis.value}, as asked for"
    label = classify(re.sub(r"\s+", " ", name))
    if label is None or label.kind is not Kind.AXIS or label.axis is None:
        raise InputError(
            f"has the axis {name[:40]!r} (line 2); 2θ (degrees or radians) and Q are read; if it is one of these, pass "
            "--axis (axis=)"
        )
    return label.axis, f"axis: {label.axis.value}, from {name[:40]!r} in line 2"
