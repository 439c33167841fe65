"""FIT2D's .chi: title, name of the axis, name of the intensity, number of points; then the columns."""

from __future__ import annotations

from collections.abc import Sequence

from xrdfit.errors import InputError
from xrdfit.scan.axis import axis_of_label, stated_wavelength
from xrdfit.scan.meta import join_notes
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.text import decode, parse_table, usable_sigma


def _count(line: str) -> int | None:
    """Return the number of points that the fourth line states."""
    fields = line.split()
    return int(fields[0]) if 1 <= len(fields) <= 2 and all(f.isascii() and f.isdigit() for f in fields) else None


def _header(head: str) -> list[str] | None:
    lines = head.splitlines()[:4]
    axis = axis_of_label(lines[1].strip()) if len(lines) == 4 else None
    return lines if axis is not None and len(lines[3]) < 40 and _count(lines[3]) is not None else None


def sniff(head: bytes) -> bool:
    """Return whether the head is that of a .chi file with an axis that is known."""
    return b"\0" not in head and _header(head[:4096].decode("latin-1")) is not None


def read(data: bytes) -> list[RawScan]:
    """Read a .chi file on a 2θ axis, or on a Q axis with the wavelength that its header may state."""
    text = decode(data)
    header = _header(text)
    if header is None:
        raise InputError("has not the four header lines of a .chi file (title, axis, intensity, number of points)")
    lines: Sequence[str] = text.splitlines()[4:]
    table = parse_table(lines, 5)
    if len(table) != _count(header[3]):
        raise InputError(f"has {len(table)} points where line 4 announces {_count(header[3])}: the file is cut")
    if table.shape[1] not in (2, 3):
        raise InputError(f"has {table.shape[1]} columns; 2 or 3 are allowed")
    axis = axis_of_label(header[1].strip())
    assert axis is not None
    wavelength = stated_wavelength("\n".join(header[:3]))
    sigma, notes = usable_sigma(table[:, 2], table[:, 1]) if table.shape[1] == 3 else (None, [])
    meta: dict[str, Attribute] = join_notes(notes)
    if wavelength is not None:
        meta["wavelengths"] = [wavelength]
    return [RawScan(table[:, 0], table[:, 1], sigma, meta=meta, axis=axis)]
