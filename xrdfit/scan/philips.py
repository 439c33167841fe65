"""Philips: .udf (text) and .rd/.sd (binary, PC-APD versions 3 and 5).

The layouts are those of xylib's documentation, which for .rd and .sd follows Philips' own description.
"""

from __future__ import annotations

import numpy as np

from xrdfit.errors import InputError
from xrdfit.scan.binary import Bytes
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import join_notes, number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.steps import MAX_POINTS, numbers, stepped_angles

_ANODES = ("Cu", "Mo", "Fe", "Cr")
_DATA_AT = {b"V3RD": 250, b"V5RD": 810}


def sniff_udf(head: bytes) -> bool:
    """Return whether the head is that of a .udf file."""
    return head.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"SampleIdent,")


def read_udf(data: bytes) -> list[RawScan]:
    """Read the scan of a .udf file: keywords, then counts separated by commas, the last of which is followed by "/"."""
    header: dict[str, list[str]] = {}
    lines = iter(decode(data).splitlines())
    for line in lines:
        if line.strip() in ("RawScan", "ScannedData"):
            break
        key, _, value = line.partition(",")
        header[key.strip()] = [field.strip() for field in value.rstrip("/ ").split(",")]
    else:
        raise InputError("has no line RawScan: it holds no measured points")
    body, slash, _ = "\n".join(lines).partition("/")
    if not slash:
        raise InputError("has no / behind its last intensity: the file is cut")
    counts = numbers(body.replace(",", " ").split(), "its intensities")

    def fact(name: str, index: int = 0) -> str:
        values = header.get(name, [])
        return values[index] if index < len(values) else ""

    start, stop = number(fact("DataAngleRange")), number(fact("DataAngleRange", 1))
    angles, notes = stepped_angles(start, number(fact("ScanStepSize")), len(counts), stop=stop)
    meta = radiation_attributes(
        number(fact("LabdaAlpha1")), number(fact("LabdaAlpha2")), number(fact("RatioAlpha21")), fact("Anode")
    )
    meta |= text_attribute("sample", fact("SampleIdent")) | positive("count_time_s", number(fact("ScanStepTime")))
    return [RawScan(angles, counts, meta=meta | join_notes(notes))]


def sniff_rd(head: bytes) -> bool:
    """Return whether the head is that of an .rd or .sd file."""
    return head[:4] in _DATA_AT


def read_rd(data: bytes) -> list[RawScan]:
    """Read the scan of an .rd (version 3) or .sd (version 5) file.

    The counts N are stored as 10·sqrt(N) in 16 bits: what is read differs from them by at most a tenth of their error,
    and not at all below 25 counts.
    """
    source = Bytes(data)
    at = _DATA_AT.get(data[:4])
    if at is None:
        raise InputError(f"is of the version {data[:4].decode('latin-1')!r}; V3RD and V5RD are read")
    step, start, stop = (source.number("d", 214 + 8 * i, "the header") for i in range(3))
    if not (0 < step < 10 and -360 < start < stop < 360 and (stop - start) / step < MAX_POINTS):
        raise InputError(f"has a range from {start:g}° to {stop:g}° in steps of {step:g}°: the file is damaged")
    n = round((stop - start) / step) + 1
    packed = np.array(source.shorts(at, n, f"the {n} intensities"), dtype=np.float64)
    meta: dict[str, Attribute] = {}
    anode = source.number("B", 85, "the header")
    alpha1, alpha2, ratio = (source.number("d", 94 + 8 * i, "the header") for i in range(3))
    meta |= radiation_attributes(alpha1, alpha2, ratio, _ANODES[anode] if anode < len(_ANODES) else None)
    meta |= text_attribute("sample", source.text(146, 16, "the header"))
    angles, notes = stepped_angles(round(start, 9), round(step, 9), n, stop=stop)
    notes.append("the file holds square roots of counts: they are exact to a tenth of their error")
    return [RawScan(angles, np.round(packed**2 / 100), meta=meta | join_notes(notes))]
