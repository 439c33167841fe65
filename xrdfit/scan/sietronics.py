"""Sietronics .cpi: one value a line, nine lines of header (layout as xylib documents it)."""

from __future__ import annotations

from xrdfit.errors import InputError
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import join_notes, number, radiation_attributes, text_attribute
from xrdfit.scan.schema import RawScan
from xrdfit.scan.steps import numbers, stepped_angles

_SIGNATURE = "SIETRONICS XRD SCAN"


def sniff(head: bytes) -> bool:
    """Return whether the head is that of a .cpi file."""
    return head.lstrip(b"\xef\xbb\xbf \r\n").startswith(_SIGNATURE.encode())


def read(data: bytes) -> list[RawScan]:
    """Read the scan of a .cpi file: start, stop, step, anode, wavelength, date, an unnamed number, sample, SCANDATA."""
    lines = [line.strip() for line in decode(data).strip().splitlines()]
    if not lines or not lines[0].startswith(_SIGNATURE) or "SCANDATA" not in lines[:40]:
        raise InputError(f"has not the lines {_SIGNATURE} and SCANDATA of a .cpi file")
    marker = lines.index("SCANDATA")
    header = lines[:marker]
    if len(header) < 6:
        raise InputError(f"has {len(header)} lines of header before SCANDATA; at least 6 are needed")
    start, stop, step = (number(line) for line in header[1:4])
    counts = numbers([line for line in lines[marker + 1 :] if line], "its intensities")
    angles, notes = stepped_angles(start, step, len(counts), stop=stop)
    meta = radiation_attributes(number(header[5]), anode=header[4])
    if len(header) > 8:
        meta |= text_attribute("sample", header[8])
    return [RawScan(angles, counts, meta=meta | join_notes(notes))]
