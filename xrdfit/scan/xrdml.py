"""PANalytical .xrdml, all schemas: elements are found by their local names, whatever the namespace's version."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.binary import content, descend, local, parse_xml
from xrdfit.scan.meta import graphite_angle, join_notes, number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.steps import is_usual_step

_AXES = ("2theta", "twotheta", "2θ", "2th")
_INTERRUPTED = ("Aborted", "In progress", "Not finished")


def sniff(head: bytes) -> bool:
    """Return whether the head is that of an .xrdml file."""
    return b"<xrdMeasurements" in head


def read(data: bytes) -> list[RawScan]:
    """Read every scan whose axis moves 2θ.

    An interrupted scan whose points have no angles of their own is read only where start, end and number of points give
    a step that instruments make: else the end is that of the plan, and the angles of the points are not known.

    ``counts`` are what the detector counted: they are multiplied by the factors of the beam attenuator here.
    ``intensities`` are stored with the attenuator's factors and the divergence correction already applied. In both
    cases the factors are the gain: intensity units per detected count.
    """
    root = parse_xml(data, "the file")
    scans = []
    for measurement in (element for element in root if local(element) == "xrdMeasurement"):
        meta = _instrument(root, measurement)
        for scan in (element for element in measurement if local(element) == "scan"):
            points = descend(scan, "dataPoints")
            angles = None if points is None else _positions(points)
            if points is not None and angles is not None:
                status = next((e.get("status") for e in (scan, measurement) if e.get("status")), None)
                scans.append(_scan(points, angles, meta, interrupted=status in _INTERRUPTED))
    if not scans:
        raise InputError("holds no scan of 2θ")
    return scans


def _instrument(root: Element, measurement: Element) -> dict[str, Attribute]:
    """Return sample, radiation, radius and monochromator of one measurement."""
    used = descend(measurement, "usedWavelength")
    tube = descend(measurement, "incidentBeamPath", "xRayTube", "anodeMaterial")
    meta: dict[str, Attribute] = {}
    if used is not None:
        alpha1, alpha2, ratio = (
            number(content(descend(used, name))) for name in ("kAlpha1", "kAlpha2", "ratioKAlpha2KAlpha1")
        )
        meta |= radiation_attributes(alpha1, alpha2, ratio, content(tube))
    sample = descend(root, "sample")
    if sample is not None:
        meta |= text_attribute("sample", content(descend(sample, "name")) or content(descend(sample, "id")))
    radius = content(descend(measurement, "diffractedBeamPath", "radius"))
    radius = radius or content(descend(measurement, "incidentBeamPath", "radius"))
    meta |= positive("radius_mm", number(radius))
    crystal = content(descend(measurement, "diffractedBeamPath", "monochromator", "crystal"))
    if crystal is not None and "graphite" in crystal.lower():
        meta |= graphite_angle(meta.get("wavelengths"))
    incident = content(descend(measurement, "incidentBeamPath", "monochromator", "crystal"))
    if incident is not None and "ge" in incident.lower().split():
        meta |= join_notes(
            ["a Ge monochromator in the incident beam: it may have removed Kα2, whatever the header says"]
        )
    return meta


def _positions(points: Element) -> Element | None:
    r"""Return the 2θ axis where it moves; pyFAI calls it ``2\theta``."""
    for element in points:
        name = (element.get("axis") or "").lower().replace("\\", "").replace(" ", "")
        if local(element) == "positions" and name in _AXES:
            return None if descend(element, "commonPosition") is not None else element
    return None


def _numbers(element: Element | None, what: str) -> NDArray[np.float64] | None:
    text = content(element)
    if text is None:
        return None
    try:
        return np.array([float(item) for item in text.split()])
    except ValueError:
        raise InputError(f"{what} holds something that is not a number") from None


def _angles(axis: Element, n: int, interrupted: bool) -> tuple[NDArray[np.float64], list[str]]:
    """Return the angles of the n points in degrees, and notes."""
    unit = (axis.get("unit") or "deg").lower()
    if unit not in ("deg", "degree", "degrees", "°"):
        raise InputError(f"has the 2Theta axis in {unit[:20]!r}; degrees are read")
    listed = _numbers(descend(axis, "listPositions"), "listPositions")
    if listed is not None:
        return listed, ["the scan was interrupted"] if interrupted else []
    first, last = (number(content(descend(axis, name))) for name in ("startPosition", "endPosition"))
    if first is None or last is None:
        raise InputError("has a 2Theta axis without startPosition and endPosition")
    angles, step = np.linspace(first, last, n), abs(last - first) / max(n - 1, 1)
    if is_usual_step(step, n):
        return angles, ["the scan was interrupted: its end is taken for that of the points"] if interrupted else []
    if interrupted:
        raise InputError(
            f"was interrupted after {n} points of a range from {first:g}° to {last:g}°, which make no step of an "
            "instrument: the angles of the points are not in the file; export the scan as columns of angle and counts"
        )
    told = f"{n} points from {first:g}° to {last:g}° make the unusual step {step:.6g}°"
    return angles, [f"{told}: a point that was lost or doubled would have stretched the angles"]


def _factors(points: Element, stem: str, n: int) -> NDArray[np.float64] | None:
    """Return the factors per point (beamAttenuationFactors or commonBeamAttenuationFactor); None where all are 1."""
    factors = _numbers(descend(points, stem + "s"), stem + "s")
    if factors is None:
        common = number(content(descend(points, "common" + stem[0].upper() + stem[1:])))
        factors = None if common is None else np.full(n, common)
    if factors is None or np.all(factors == 1.0):
        return None
    if len(factors) != n:
        raise InputError(f"has {len(factors)} {stem}s for {n} intensities; they must agree")
    if not np.all(np.isfinite(factors) & (factors > 0)):
        raise InputError(f"has a {stem} that is not a positive number")
    return factors


def _scan(points: Element, axis: Element, instrument: dict[str, Attribute], interrupted: bool) -> RawScan:
    raw = descend(points, "counts")
    element = raw if raw is not None else descend(points, "intensities")
    stored = _numbers(element, "the list of intensities")
    if element is None or stored is None:
        raise InputError("has a scan without intensities")
    n = len(stored)
    attenuation = _factors(points, "beamAttenuationFactor", n)
    divergence = _factors(points, "divergenceCorrection", n)
    meta = dict(instrument)
    intensity, gain = stored, attenuation
    if raw is not None and attenuation is not None:
        intensity = stored * attenuation
    if divergence is not None and raw is None:
        gain = divergence if gain is None else gain * divergence
    angles, notes = _angles(axis, n, interrupted)
    if divergence is not None and raw is not None:
        notes.append("the file's divergence correction is not applied to its raw counts")
    if notes:
        meta |= join_notes([*([str(meta["notes"])] if "notes" in meta else []), *notes])
    times = _numbers(descend(points, "countingTimes"), "countingTimes")
    if times is None:
        common = number(content(descend(points, "commonCountingTime")))
        times = None if common is None else np.full(n, common)
    if times is not None and len(times) == n and np.all(times > 0):
        if np.all(times == times[0]):
            meta |= positive("count_time_s", float(times[0]))
        if element.get("unit", "counts") == "cps":
            gain = 1 / times if gain is None else gain / times
    return RawScan(angles, intensity, gain=gain, meta=meta)
