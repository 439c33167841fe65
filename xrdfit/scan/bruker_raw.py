"""Bruker and Siemens .raw, versions 1 to 4 (DIFFRAC-AT, RAW2, RAW1.01, RAW4.00).

The layouts are those of the appendix of Bruker's "DIFFRACplus XCH V5" manual (1 to 3) and of xylib's documentation (4).
"""

from __future__ import annotations

from dataclasses import replace

from xrdfit.errors import InputError
from xrdfit.scan.axis import regular_grid
from xrdfit.scan.binary import Bytes
from xrdfit.scan.meta import positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan

_V1_HEADER = 156
_V2_HEADER = 256
_V3_HEADER = 712
_V4_HEADER = 61
_V4_RANGE_HEADER = 160
_V4_RANGES = (0, 160)
_V4_TEXT, _V4_TUBE = 10, 30
# Scans that move 2θ: by code in version 3, by name in version 4.
_V3_MOVES_2THETA = (0, 1, 2, 20)
_V4_MOVES_2THETA = ("locked coupled", "unlocked coupled", "unlocked coupled hr xrd", "detector scan", "2theta")
_MAX_RANGES = 10_000


def sniff(head: bytes) -> bool:
    """Return whether the head is that of a Bruker .raw file."""
    return head[:4] in (b"RAW ", b"RAW2") or head[:7] in (b"RAW1.01", b"RAW4.00")


def read(data: bytes) -> list[RawScan]:
    """Read the ranges of a .raw file of any version."""
    source = Bytes(data)
    if data.startswith(b"RAW1.01"):
        return _version3(source)
    if data.startswith(b"RAW4.00"):
        return _version4(source)
    return _version2(source) if data.startswith(b"RAW2") else _version1(source)


def _version1(source: Bytes) -> list[RawScan]:
    """Ranges of a 156-byte header and float32 counts; a later range may begin with "RAW " or leave it out."""
    scans: list[RawScan] = []
    offset, more = 0, True
    while more:
        # Early programs wrote "RAW " only once: without it the header is four bytes shorter.
        base = offset if source.text(offset, 4, "a range header") == "RAW" else offset - 4
        n = source.number("I", base + 4, "a range header")
        start, step = (source.decimal(base + at, "a range header") for at in (24, 12))
        meta: dict[str, Attribute] = text_attribute("sample", source.text(base + 40, 32, "a range header"))
        alpha1, alpha2 = (source.decimal(base + at, "a range header") for at in (72, 76))
        meta |= radiation_attributes(alpha1, alpha2)
        meta |= positive("count_time_s", source.decimal(base + 8, "a range header"))
        more = source.number("I", base + _V1_HEADER - 4, "a range header") > 0
        counts = source.floats(base + _V1_HEADER, n, 4, f"the {n} intensities of range {len(scans)}")
        scans.append(RawScan(regular_grid(start, step, n), counts, meta=meta))
        offset = base + _V1_HEADER + 4 * n
    return scans


def _version2(source: Bytes) -> list[RawScan]:
    """A 256-byte header with the tube, then ranges with a header of stated length and float32 counts."""
    n_ranges = source.number("H", 4, "the header")
    anode = source.text(188, 2, "the header")
    alpha1, alpha2, ratio = (source.decimal(at, "the header") for at in (190, 194, 198))
    shared = radiation_attributes(alpha1, alpha2, ratio, anode) | text_attribute("sample", source.text(8, 30, "header"))
    scans: list[RawScan] = []
    offset = _V2_HEADER
    for index in range(n_ranges):
        length = source.number("H", offset, f"the header of range {index}")
        n = source.number("H", offset + 2, f"the header of range {index}")
        if length < 48:
            raise InputError(f"has a header of {length} bytes in range {index}; at least 48 are needed")
        time, step, start = (source.decimal(offset + at, f"the header of range {index}") for at in (8, 12, 16))
        counts = source.floats(offset + length, n, 4, f"the {n} intensities of range {index}")
        scans.append(RawScan(regular_grid(start, step, n), counts, meta=shared | positive("count_time_s", time)))
        offset += length + 4 * n
    return scans


def _version3(source: Bytes) -> list[RawScan]:
    """A 712-byte header, then ranges: header, supplementary headers, records that begin with float32 counts."""
    n_ranges = source.number("I", 12, "the header")
    if n_ranges > _MAX_RANGES:
        raise InputError(f"states {n_ranges} ranges; at most {_MAX_RANGES} are allowed")
    alpha1, alpha2, ratio = (source.number("d", at, "the header") for at in (624, 632, 648))
    shared = radiation_attributes(alpha1, alpha2, ratio, source.text(608, 4, "the header"))
    shared |= text_attribute("sample", source.text(326, 60, "the header"))
    shared |= positive("radius_mm", source.decimal(564, "the header"))
    scans: list[RawScan] = []
    offset = _V3_HEADER
    for index in range(n_ranges):
        where = f"the header of range {index}"
        length, n, code, record, extra = (source.number("I", offset + at, where) for at in (0, 4, 196, 252, 256))
        if length < 260:
            raise InputError(f"has a header of {length} bytes in range {index}; 304 are expected")
        if record < 4:
            raise InputError(f"has records of {record} bytes in range {index}; at least 4 are needed")
        start, step = (source.number("d", offset + at, where) for at in (16, 176))
        meta = shared | positive("count_time_s", source.decimal(offset + 192, where))
        counts = source.floats(offset + length + extra, n, record, f"the {n} intensities of range {index}")
        if code in _V3_MOVES_2THETA:
            scans.append(RawScan(regular_grid(start, step, n), counts, meta=meta))
        offset += length + extra + n * record
    if not scans:
        raise InputError(f"holds {n_ranges} ranges, none of them a scan of 2θ")
    return scans


def _version4(source: Bytes) -> list[RawScan]:
    """A 61-byte preamble and a chain of segments (type, length); type 0 or 160 begins a range.

    The time of a step stays absent: the field's unit is seconds in some programs' files and milliseconds in others'.
    """
    shared: dict[str, Attribute] = {}
    scans: list[RawScan] = []
    others: list[str] = []
    offset = _V4_HEADER
    while offset < len(source):
        kind = source.number("I", offset, "a segment")
        if kind in _V4_RANGES:
            name, scan, offset = _range4(source, offset)
            if name.lower() in _V4_MOVES_2THETA:
                scans.append(replace(scan, meta=shared))
            else:
                others.append(name)
            continue
        length = source.number("I", offset + 4, "a segment")
        if length < 8:
            raise InputError(f"has a segment of {length} bytes at byte {offset}; at least 8 are needed")
        if kind == _V4_TUBE:
            alpha1, alpha2, ratio = (source.number("d", offset + at, "the tube's segment") for at in (80, 88, 104))
            shared |= radiation_attributes(alpha1, alpha2, ratio, source.text(offset + 116, 4, "the tube's segment"))
        elif kind == _V4_TEXT and source.text(offset + 12, 24, "a segment") == "SAMPLEID":
            shared |= text_attribute("sample", source.text(offset + 36, max(length - 36, 0), "the sample's name"))
        offset += length
    if not scans:
        raise InputError("holds no scan of 2θ" + (f", only {', '.join(map(repr, others[:5]))}" if others else ""))
    return scans


def _range4(source: Bytes, offset: int) -> tuple[str, RawScan, int]:
    """Return the scan's type, the scan and the offset behind it."""
    where = "a range header"
    start, step = (source.number("d", offset + at, where) for at in (72, 80))
    n, record, extra = (source.number("I", offset + at, where) for at in (88, 136, 140))
    if record < 4:
        raise InputError(f"has records of {record} bytes in a range; at least 4 are needed")
    data = offset + _V4_RANGE_HEADER + extra
    counts = source.floats(data, n, record, f"the {n} intensities of a range")
    return source.text(offset + 32, 24, where), RawScan(regular_grid(start, step, n), counts), data + n * record
