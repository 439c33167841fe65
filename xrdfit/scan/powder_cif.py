"""Powder CIF (pdCIF): every data block with a measured pattern is a scan.

Names and meanings: International Tables for Crystallography G, chapter 4.2 (the powder dictionary).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import regular_grid
from xrdfit.scan.meta import graphite_angle, join_notes, number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.text import decode, sigma_from_weights, usable_sigma

if TYPE_CHECKING:
    from gemmi import cif

_ANGLES = (
    "_pd_proc_2theta_corrected",
    "_pd_meas_2theta_corrected",
    "_pd_meas_2theta_scan",
    "_pd_meas_angle_2theta",
)
_RANGES = ("_pd_proc_2theta_range_", "_pd_meas_2theta_range_")
# Counts first: their errors need no statement. Processed intensities come with weights.
_INTENSITIES = (
    "_pd_meas_counts_total",
    "_pd_meas_intensity_total",
    "_pd_proc_intensity_total",
    "_pd_proc_intensity_net",
)
_WEIGHT = "_pd_proc_ls_weight"
_VALUE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)(?:\((\d{1,20})\))?")
_MAX_POINTS = 10_000_000


def sniff(head: bytes) -> bool:
    """Return whether the head is that of a CIF."""
    return (
        re.search(rb"^[ \t]*data_", head, re.MULTILINE | re.IGNORECASE) is not None
        and re.search(rb"^[ \t]*(_\w|loop_)", head, re.MULTILINE | re.IGNORECASE) is not None
    )


def read(data: bytes) -> list[RawScan]:
    """Read the measured patterns of a CIF.

    Blocks whose name ends in ``_calc`` hold a calculated pattern under measured names (the layout of NIST's
    certification data) and are left out. ``_pd_proc_ls_weight`` is 1/sigma²; points of weight 0 were excluded by the
    file's author and are left out, with a note.
    """
    from gemmi import cif

    try:
        document = cif.read_string(decode(data))
    except (ValueError, RuntimeError, IndexError) as error:
        raise InputError(f"is not a readable CIF ({error})") from None
    scans = [
        scan
        for block in document
        if not block.name.lower().endswith("_calc")
        for scan in [_scan(block, document)]
        if scan is not None
    ]
    if not scans:
        raise InputError("is a CIF without a measured pattern (2θ and intensity); a structure is no scan")
    return scans


def _text(value: str) -> str:
    from gemmi import cif

    return "" if cif.is_null(value) else cif.as_string(value)


def _values(block: cif.Block, tag: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the numbers of a loop's column and the esds in their brackets (0 where none); None where it is absent.

    Unknown values (``?`` and ``.``) are NaN.
    """
    column = block.find_values(tag)
    if len(column) == 0:
        return None
    values, errors = np.full(len(column), np.nan), np.zeros(len(column))
    for i, item in enumerate(column):
        if item in ("?", "."):
            continue
        match = _VALUE.fullmatch(item)
        if match is None:
            raise InputError(f"has {item[:30]!r} as {tag} of point {i + 1}, which is not a number")
        values[i] = float(match[1])
        if match[2]:
            mantissa, _, exponent = match[1].lower().partition("e")
            errors[i] = float(f"{match[2]}e{int(exponent or 0) - len(mantissa.partition('.')[2])}")
    return values, errors


def _angles(block: cif.Block, n: int) -> NDArray[np.float64] | None:
    """Return 2θ of a block with n intensities: a column of that length, else the stated range."""
    for tag in _ANGLES:
        found = _values(block, tag)
        if found is not None and len(found[0]) == n:
            return found[0]
    for stem in _RANGES:
        first, last, step = (number(block.find_value(stem + end)) for end in ("min", "max", "inc"))
        if first is not None and step is not None and last is not None:
            if step <= 0 or round((last - first) / step) + 1 != n:
                raise InputError(f"has {n} intensities for {stem}min {first:g}, max {last:g}, inc {step:g}")
            return regular_grid(first, step, n)
    return None


def _scan(block: cif.Block, document: cif.Document) -> RawScan | None:
    """Return the measured pattern of a block, None where it holds none."""
    for tag in _INTENSITIES:
        found = _values(block, tag)
        if found is None or len(found[0]) < 2:
            continue
        two_theta = _angles(block, len(found[0]))
        if two_theta is None:
            continue
        counts, esds = found
        sigma, notes = None, []
        weights = None if tag == "_pd_meas_counts_total" else _values(block, _WEIGHT)
        keep = np.isfinite(counts)
        if weights is not None and len(weights[0]) == len(counts):
            sigma = sigma_from_weights(weights[0])
            keep &= weights[0] != 0
        elif np.any(esds > 0):
            sigma, notes = usable_sigma(esds, counts)
        if not np.all(keep):
            notes.append(f"{int(np.sum(~keep))} points without a value or of weight 0 are left out")
        meta = _attributes(block, document, tag) | join_notes(notes)
        return RawScan(two_theta[keep], counts[keep], None if sigma is None else sigma[keep], meta=meta)
    return None


def _fact(block: cif.Block, document: cif.Document, tag: str) -> str:
    """Return a fact of this block, else the one on which all other blocks that state it agree."""
    own = block.find_value(tag)
    if own is not None:
        return _text(own)
    stated = {_text(value) for value in (other.find_value(tag) for other in document) if value is not None}
    return next(iter(stated)) if len(stated) == 1 else ""


def _wavelengths(block: cif.Block, document: cif.Document) -> dict[str, Attribute]:
    """Return the lines of the block, else of the only block that has any."""
    tag = "_diffrn_radiation_wavelength"
    holders = [block] if len(block.find_values(tag)) else [other for other in document if len(other.find_values(tag))]
    if len(holders) != 1:
        return {}
    lines = _values(holders[0], tag)
    weights = _values(holders[0], tag + "_wt")
    if lines is None or not np.all((lines[0] > 0.01) & (lines[0] < 10)):
        return {}
    found: dict[str, Attribute] = {"wavelengths": [float(value) for value in lines[0]]}
    if weights is not None and len(weights[0]) == len(lines[0]) and np.all(weights[0] > 0):
        found["wavelength_weights"] = [float(value) for value in weights[0] / weights[0].sum()]
    return found


def _attributes(block: cif.Block, document: cif.Document, tag: str) -> dict[str, Attribute]:
    meta = _wavelengths(block, document)
    kind = re.match(r"(Cu|Co|Mo|Ag|Fe|Cr)\s+K\\?a(?P<line>1)?\b", _fact(block, document, "_diffrn_radiation_type"))
    if kind is not None:
        meta |= radiation_attributes(None, anode=kind[1])
        meta["radiation"] = f"{kind[1].lower()}-ka{kind['line'] or ''}"
    meta |= text_attribute("sample", _text(block.find_value("_pd_phase_name") or "?"))
    meta |= positive("radius_mm", number(_fact(block, document, "_pd_instr_dist_spec/detc")))
    after = _fact(block, document, "_pd_instr_monochr_post_spec")
    angle = re.search(r"(\d+\.?\d*)\s*(?:deg|°)", after)
    if angle is not None:
        meta |= positive("monochromator_deg", float(angle[1]))
    elif "graphite" in after.lower():
        meta |= graphite_angle(meta.get("wavelengths"))
    if tag == "_pd_meas_counts_total":
        meta |= positive("count_time_s", number(_fact(block, document, "_pd_meas_step_count_time")))
    return meta
