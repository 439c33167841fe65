"""Rigaku .ras, .rasx (zip) and .asc: text of the three kinds, with the header's facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import regular_grid
from xrdfit.scan.binary import Archive, content, descend, local, parse_xml
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import graphite_angle, join_notes, number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.table import parse_table

_ANODE_NUMBERS = {24: "Cr", 26: "Fe", 27: "Co", 29: "Cu", 42: "Mo", 47: "Ag"}
_PROFILE = re.compile(r"(?P<folder>Data\d{1,6})/Profile\d{0,6}\.txt")
_CONDITIONS = re.compile(r"(?P<folder>Data\d{1,6})/Me\w{0,40}Conditions\d{0,6}\.xml")
_MAX_POINTS = 10_000_000


def sniff_ras(head: bytes) -> bool:
    """Return whether the head is that of a .ras file."""
    return b"*RAS_DATA_START" in head[:4096] or b"*RAS_HEADER_START" in head[:4096]


def sniff_rasx(head: bytes) -> bool:
    """Return whether the head is that of a zip file whose first members are those of a .rasx file."""
    return head.startswith(b"PK\x03\x04") and re.search(rb"Data\d+/(Profile|MesurementConditions)", head) is not None


def sniff_asc(head: bytes) -> bool:
    """Return whether the head is that of a Rigaku .asc (also called .dat) file."""
    return head.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"*TYPE")


def read_ras(data: bytes) -> list[RawScan]:
    """Read the scans of a .ras file: rows of angle, intensity and attenuation factor.

    The true intensity is the second column times the third, which thereby is the gain.
    """
    scans: list[RawScan] = []
    header: dict[str, str] = {}
    lines = decode(data).splitlines()
    start: int | None = None
    for index, line in enumerate(lines):
        key, _, value = line.strip().partition(" ")
        if key == "*RAS_HEADER_START":
            header = {}
        elif key == "*RAS_INT_START":
            start = index + 1
        elif key == "*RAS_INT_END" and start is not None:
            scans.append(_profile(parse_table(lines[start:index], start + 1), _ras_facts(header)))
            start = None
        elif key.startswith("*") and start is None:
            header[key[1:]] = value.strip().strip('"')
    if start is not None:
        raise InputError("has no *RAS_INT_END after its *RAS_INT_START: the file is cut")
    if not scans:
        raise InputError("has no *RAS_INT_START: it holds no measured points")
    return scans


def read_rasx(data: bytes) -> list[RawScan]:
    """Read the scans of a .rasx file: DataN/ProfileN.txt with the facts of DataN/MesurementConditionsN.xml."""
    archive = Archive(data)
    profiles = [match for match in map(_PROFILE.fullmatch, archive.names) if match]
    if not profiles:
        raise InputError("is a .rasx file without a Data0/Profile0.txt: it holds no measured points")
    conditions = {match["folder"]: match.group() for match in map(_CONDITIONS.fullmatch, archive.names) if match}
    scans = []
    for match in sorted(profiles, key=lambda m: int(m["folder"][4:])):
        lines = decode(archive.read(match.group())).splitlines()
        stated = conditions.get(match["folder"])
        facts = {} if stated is None else _rasx_facts(archive.read(stated))
        scans.append(_profile(parse_table(lines, 1), facts))
    return scans


def _ras_facts(header: Mapping[str, str]) -> dict[str, str]:
    """Return the facts of a .ras header under short names."""
    names = {
        "axis": "MEAS_SCAN_AXIS_X",
        "unit": "MEAS_SCAN_UNIT_Y",
        "mode": "MEAS_SCAN_MODE",
        "speed": "MEAS_SCAN_SPEED",
        "speed_unit": "MEAS_SCAN_SPEED_UNIT",
        "step": "MEAS_SCAN_STEP",
        "sample": "FILE_SAMPLE",
        "anode": "HW_XG_TARGET_NAME",
        "alpha1": "HW_XG_WAVE_LENGTH_ALPHA1",
        "alpha2": "HW_XG_WAVE_LENGTH_ALPHA2",
        "monochromator": "HW_COUNTER_MONOCHRO_NAME",
    }
    return {short: header[name] for short, name in names.items() if header.get(name)}


def _rasx_facts(data: bytes) -> dict[str, str]:
    """Return the facts of a .rasx file's conditions under the same short names."""
    root = parse_xml(data, "MesurementConditions")
    paths = {
        "axis": ("ScanInformation", "AxisName"),
        "unit": ("ScanInformation", "IntensityUnit"),
        "mode": ("ScanInformation", "Mode"),
        "speed": ("ScanInformation", "Speed"),
        "speed_unit": ("ScanInformation", "SpeedUnit"),
        "step": ("ScanInformation", "Step"),
        "sample": ("GeneralInformation", "SampleName"),
        "anode": ("HWConfigurations", "XrayGenerator", "TargetName"),
        "alpha1": ("HWConfigurations", "XrayGenerator", "WavelengthKalpha1"),
        "alpha2": ("HWConfigurations", "XrayGenerator", "WavelengthKalpha2"),
    }
    facts = {short: content(descend(root, *path)) for short, path in paths.items()}
    for distance in (element for element in root.iter() if local(element) == "Distance"):
        if (distance.get("From"), distance.get("To"), distance.get("Unit")) == (
            "XrayGenerator",
            "AttachmentStage",
            "mm",
        ):
            facts["radius"] = distance.get("Value")
    for category in (element for element in root.iter() if local(element) == "Category"):
        if category.get("Name") == "DetectorMonochromator":
            facts["monochromator"] = category.get("SelectedUnit")
    return {name: value for name, value in facts.items() if value}


def _attributes(facts: Mapping[str, str]) -> dict[str, Attribute]:
    """Return the schema's attributes. The files name Kα1 and Kα2 of the tube and never their ratio."""
    meta = radiation_attributes(number(facts.get("alpha1")), number(facts.get("alpha2")), anode=facts.get("anode"))
    meta |= text_attribute("sample", facts.get("sample"))
    meta |= positive("radius_mm", number(facts.get("radius")))
    meta |= positive("count_time_s", _step_time(facts))
    if "graphite" in facts.get("monochromator", "").lower():
        meta |= graphite_angle(meta.get("wavelengths"))
    return meta


def _step_time(facts: Mapping[str, str]) -> float | None:
    """Return the seconds a step: the step over the speed of a continuous scan, or as stated."""
    speed, step = number(facts.get("speed")), number(facts.get("step"))
    unit = facts.get("speed_unit", "").lower().replace(" ", "").replace(".", "")
    if speed is None or speed <= 0:
        return None
    if unit.startswith("deg/min") and step is not None:
        return round(60 * step / speed, 6)
    return speed if unit.startswith("sec") else None


def _profile(table: NDArray[np.float64], facts: Mapping[str, str]) -> RawScan:
    """Return the scan of rows (angle, intensity[, attenuation])."""
    _refuse_other_axis(facts.get("axis"))
    if table.shape[1] not in (2, 3):
        raise InputError(f"has {table.shape[1]} columns; angle, intensity and attenuation are expected")
    meta = _attributes(facts)
    gain = None
    counts = table[:, 1]
    if table.shape[1] == 3 and np.any(table[:, 2] != 1.0):
        gain = table[:, 2]
        counts = counts * gain
    return _with_unit(table[:, 0], counts, gain, facts.get("unit"), meta)


def _with_unit(
    two_theta: NDArray[np.float64],
    counts: NDArray[np.float64],
    gain: NDArray[np.float64] | None,
    unit: str | None,
    meta: dict[str, Attribute],
) -> RawScan:
    """Put the counting time into the gain where the intensities are counts per second."""
    if unit is not None and unit.lower() in ("cps", "counts/sec", "counts/s"):
        time = meta.get("count_time_s")
        if isinstance(time, float):
            gain = (np.ones_like(counts) if gain is None else gain) / time
        else:
            meta = meta | join_notes(["counts per second without a counting time: their errors take them for counts"])
    return RawScan(two_theta, counts, gain=gain, meta=meta)


def _refuse_other_axis(axis: str | None) -> None:
    """Raise for a scan that does not move 2θ (rocking curves, χ, φ, z)."""
    if axis is None:
        return
    name = re.sub(r"[^a-z0-9]", "", axis.lower())
    moved = ("twotheta", "2theta", "omegatwotheta", "omega2theta", "thetatwotheta", "theta2theta")
    if not name.startswith(moved) or "chi" in name:
        raise InputError(f"holds a scan of {axis!r}, not of 2θ")


def read_asc(data: bytes) -> list[RawScan]:
    """Read the groups of a .asc file: *START, *STEP, *COUNT and the intensities, four or so a line."""
    scans = [_group(header, values) for header, values in _groups(decode(data).splitlines())]
    if not scans:
        raise InputError("has no *BEGIN with a *COUNT: it holds no measured points")
    return scans


def _groups(lines: Sequence[str]) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield header (the file's and the group's) and fields of each *BEGIN … *END."""
    shared: dict[str, str] = {}
    header: dict[str, str] | None = None
    values: list[str] = []
    for line in lines:
        text = line.strip()
        if not text.startswith("*"):
            if header is not None:
                values += text.replace(",", " ").split()
            continue
        key, _, value = (part.strip() for part in text[1:].partition("="))
        if key == "BEGIN":
            header, values = dict(shared), []
        elif key == "END" and header is not None:
            yield header, values
            header = None
        elif header is not None:
            header[key] = value
        else:
            shared[key] = value
    if header is not None:
        raise InputError("has no *END after its *BEGIN: the file is cut")


def _group(header: Mapping[str, str], fields: Sequence[str]) -> RawScan:
    start, step, count = (number(header.get(name)) for name in ("START", "STEP", "COUNT"))
    if start is None or step is None or count is None or not 0 <= count <= _MAX_POINTS:
        raise InputError("has a group without numbers for *START, *STEP and *COUNT")
    values = [number(item) for item in fields]
    if None in values or len(values) != int(count):
        raise InputError(f"has {len(values)} intensities in a group of *COUNT = {int(count)}: cut or damaged")
    counts = np.array(values, dtype=np.float64)
    _refuse_other_axis(header.get("SCAN_AXIS") or None)
    facts = {
        "speed": header.get("SPEED", ""),
        "speed_unit": header.get("SPEED_DIM", ""),
        "step": header.get("STEP", ""),
        "sample": header.get("SAMPLE", ""),
        "alpha1": header.get("WAVE_LENGTH1", ""),
        "alpha2": header.get("WAVE_LENGTH2", ""),
        "anode": _ANODE_NUMBERS.get(int(number(header.get("TARGET")) or 0), ""),
    }
    return _with_unit(regular_grid(start, step, len(counts)), counts, None, header.get("YUNIT"), _attributes(facts))
