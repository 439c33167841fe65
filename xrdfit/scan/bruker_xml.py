"""Bruker .brml: a zip file whose ExperimentN/RawDataM.xml hold the points and describe their columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.binary import Archive, content, descend, local, parse_xml
from xrdfit.scan.meta import number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan

_RAW_DATA = re.compile(r"Experiment(\d{1,6})/RawData(\d{1,6})\.xml")


@dataclass(frozen=True)
class _Columns:
    """Where a datum holds the angle, the intensity, the absorber's factor and the time."""

    angle: int
    intensity: int
    absorber: int | None
    time: int | None


def sniff(head: bytes) -> bool:
    """Return whether the head is that of a zip file with the members of a .brml file."""
    return head.startswith(b"PK\x03\x04") and re.search(rb"Experiment\d+/|experimentCollection", head) is not None


def read(data: bytes) -> list[RawScan]:
    """Read every measured route that scans 2θ point by point.

    The stored intensities contain the factor of the absorber already, which therefore is the gain.
    """
    archive = Archive(data)
    members = [match for match in map(_RAW_DATA.fullmatch, archive.names) if match]
    scans: list[RawScan] = []
    refused: list[str] = []
    for match in sorted(members, key=lambda m: (int(m[1]), int(m[2]))):
        root = parse_xml(archive.read(match.group()), match.group())
        meta = _attributes(root)
        for route in (element for element in root.iter() if local(element) == "DataRoute"):
            try:
                columns = _columns(route)
            except InputError as error:
                refused.append(str(error))
                continue
            scans.append(_scan(route, columns, meta))
    if not scans:
        raise InputError(f"holds no scan of 2θ ({'; '.join(refused[:3]) or 'no ExperimentN/RawDataM.xml'})")
    return scans


def _columns(route: Element) -> _Columns:
    """Return the columns as the route's DataViews describe them."""
    fixed: dict[str, int] = {}
    angle = intensity = None
    for view in (element for element in route.iter() if local(element) == "RawDataView"):
        start, length = number(view.get("Start")), number(view.get("Length"))
        if start is None or length is None or not 0 <= start < 10_000:
            raise InputError("a RawDataView without Start and Length")
        if view.get("LogicName"):
            fixed[str(view.get("LogicName"))] = int(start)
        fields = [e.get("FieldName") for e in view.iter() if local(e) == "FieldDefinitions"]
        if "TwoTheta" in fields and angle is None:
            angle = int(start) + fields.index("TwoTheta")
        if descend(view, "Recording") is not None and intensity is None:
            if length != 1:
                raise InputError(f"detector frames of {length:g} channels a point")
            intensity = int(start)
    if angle is None or intensity is None:
        raise InputError("a route without a TwoTheta axis and a recorded intensity")
    return _Columns(angle, intensity, fixed.get("AbsorptionFactor"), fixed.get("MeasuredTime"))


def _scan(route: Element, columns: _Columns, shared: dict[str, Attribute]) -> RawScan:
    rows = [(element.text or "").split(",") for element in route.iter() if local(element) == "Datum"]
    table = _table(rows, columns)
    meta = dict(shared)
    gain = None
    if columns.absorber is not None and np.any(table[:, 2] != 1.0):
        gain = table[:, 2]
    if columns.time is not None and len(table) and np.all(table[:, 3] == table[0, 3]):
        meta |= positive("count_time_s", float(table[0, 3]))
    return RawScan(table[:, 0], table[:, 1], gain=gain, meta=meta)


def _table(rows: list[list[str]], columns: _Columns) -> NDArray[np.float64]:
    """Return angle, intensity, absorber and time of each datum; 1 and 0 where there is no such column."""
    wanted = (columns.angle, columns.intensity, columns.absorber, columns.time)
    width = max(index for index in wanted if index is not None) + 1
    table = np.empty((len(rows), 4))
    for i, row in enumerate(rows):
        if len(row) < width:
            raise InputError(f"has {len(row)} numbers in point {i + 1}; {width} are described")
        for j, index in enumerate(wanted):
            value = float(j == 2) if index is None else number(row[index])
            if value is None:
                raise InputError(f"has {row[index or 0][:20]!r} in point {i + 1}, which is not a number")
            table[i, j] = value
    return table


def _attributes(root: Element) -> dict[str, Attribute]:
    """Return sample, radiation and radius; a fact that the file states with two values is left out."""
    found: dict[str, set[str]] = {}
    for element in root.iter():
        name = local(element)
        value = element.get("Value") or content(element)
        if element.get("Name") == "SampleName":
            name = "SampleName"
        if value:
            found.setdefault(name, set()).add(value)

    def single(name: str) -> str | None:
        values = found.get(name, set())
        return next(iter(values)) if len(values) == 1 else None

    alpha1, alpha2, ratio = (
        number(single(name)) for name in ("WaveLengthAlpha1", "WaveLengthAlpha2", "WaveLengthRatio")
    )
    meta = radiation_attributes(alpha1, alpha2, ratio, single("TubeMaterial"))
    return meta | text_attribute("sample", single("SampleName")) | positive("radius_mm", number(single("Radius")))
