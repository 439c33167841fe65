"""Powder CIF (pdCIF): every data block with a measured pattern is a scan.

Names and meanings: International Tables for Crystallography G, chapter 4.2 (the powder dictionary). The dictionary of
today writes a dot behind the category (``_pd_meas.2theta_scan``) and errors in columns of their own (``…_su``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import regular_grid
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import graphite_angle, join_notes, number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.sigma import sigma_from_weights, usable_sigma
from xrdfit.scan.steps import plain_numbers

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
_WAVELENGTHS = ("_diffrn_radiation_wavelength", "_diffrn_radiation_wavelength_value")
_WAVELENGTH_WEIGHTS = "_diffrn_radiation_wavelength_wt"
_OTHER_AXES = ("_pd_meas_time_of_flight", "_pd_proc_d_spacing", "_pd_proc_recip_len_q")
_VALUE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)(?:\((\d{1,20})\))?")

Block = Mapping[str, Sequence[str]]
"""The values of a data block by their tag, in small letters and with an underscore for the dot of today's names."""


def sniff(head: bytes) -> bool:
    """Return whether the head is that of a CIF."""
    return (
        re.search(rb"^[ \t]*data_", head, re.MULTILINE | re.IGNORECASE) is not None
        and re.search(rb"^[ \t]*(_\w|loop_)", head, re.MULTILINE | re.IGNORECASE) is not None
    )


def read(data: bytes) -> list[RawScan]:
    """Read the measured patterns of a CIF.

    Blocks whose name ends in ``_calc`` hold a calculated pattern under measured names (the layout of NIST's
    certification data) and are left out. ``_pd_proc_ls_weight`` is 1/sigma²; points whose weight is 0 or unknown were
    excluded by the file's author and are left out, with a note.
    """
    from gemmi import cif

    try:
        document = cif.read_string(decode(data))
    except (ValueError, RuntimeError, IndexError) as error:
        raise InputError(f"is not a readable CIF ({error})") from None
    named = [(block.name, _block(block)) for block in document]
    blocks = [block for _, block in named]
    scans = [
        scan
        for name, block in named
        if not name.lower().endswith("_calc")
        for scan in [_scan(block, blocks)]
        if scan is not None
    ]
    if not scans:
        other = next((tag for block in blocks for tag in _OTHER_AXES if len(block.get(tag, ())) > 1), None)
        if other is not None and any(len(block.get(tag, ())) > 1 for block in blocks for tag in _INTENSITIES):
            raise InputError(f"has intensities over {other} and no 2θ; 2θ in degrees is what is read of a powder CIF")
        raise InputError("is a CIF without a measured pattern (2θ and intensity); a structure is no scan")
    return scans


def _block(block: Any) -> Block:
    """Return the values of a gemmi block by tag."""
    found: dict[str, Sequence[str]] = {}
    for item in block:
        if item.pair is not None:
            tag, value = item.pair
            found.setdefault(_canonical(tag), (value,))
        elif item.loop is not None:
            loop = item.loop
            values, width = loop.values, loop.width()
            for i, tag in enumerate(loop.tags):
                found.setdefault(_canonical(tag), values[i::width])
    return found


def _canonical(tag: str) -> str:
    return tag.lower().replace(".", "_")


def _text(value: str | None) -> str:
    from gemmi import cif

    return "" if value is None or cif.is_null(value) else cif.as_string(value)


def _single(block: Block, tag: str) -> str | None:
    """Return a value that the block states outside of loops, or in a loop of one row."""
    values = block.get(tag, ())
    return values[0] if len(values) == 1 else None


def _values(block: Block, tag: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the numbers of a loop's column and the esds in their brackets (0 where none); None where it is absent.

    Unknown values (``?`` and ``.``) are NaN.
    """
    column = block.get(tag, ())
    if len(column) == 0:
        return None
    fast = plain_numbers(column)
    if fast is not None:
        return fast, np.zeros(len(column))
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


def _angles(block: Block, n: int) -> NDArray[np.float64] | None:
    """Return 2θ of a block with n intensities: a column of that length, else the stated range."""
    for tag in _ANGLES:
        found = _values(block, tag)
        if found is not None and len(found[0]) == n:
            return found[0]
    for stem in _RANGES:
        first, last, step = (_bare(block, stem + end) for end in ("min", "max", "inc"))
        if first is not None and step is not None and last is not None:
            if step <= 0 or not abs((last - first) / step) < 1e9 or round((last - first) / step) + 1 != n:
                raise InputError(f"has {n} intensities for {stem}min {first:g}, max {last:g}, inc {step:g}")
            return regular_grid(first, step, n)
    return None


def _bare(block: Block, tag: str) -> float | None:
    """Return a single number without the error in its brackets."""
    match = _VALUE.fullmatch(_single(block, tag) or "")
    return None if match is None else number(match[1])


def _scan(block: Block, document: Sequence[Block]) -> RawScan | None:
    """Return the measured pattern of a block, None where it holds none."""
    for tag in _INTENSITIES:
        found = _values(block, tag)
        if found is None or len(found[0]) < 2:
            continue
        two_theta = _angles(block, len(found[0]))
        if two_theta is None:
            continue
        counts, esds = found
        keep = np.isfinite(counts) & np.isfinite(two_theta)
        sigma, notes = None, []
        weights = None if tag == "_pd_meas_counts_total" else _values(block, _WEIGHT)
        stated = _values(block, tag + "_su")
        if weights is not None and len(weights[0]) == len(counts):
            sigma = sigma_from_weights(weights[0])
            keep &= np.isfinite(weights[0]) & (weights[0] != 0)
        elif stated is not None and len(stated[0]) == len(counts):
            keep &= np.isfinite(stated[0])
            sigma, notes = usable_sigma(stated[0], counts)
        elif np.any(esds > 0):
            sigma, notes = usable_sigma(esds, counts)
        if not np.all(keep):
            notes.append(f"{int(np.sum(~keep))} points without a value, or of a weight of 0 or unknown, are left out")
        meta = _attributes(block, document, tag) | join_notes(notes)
        return RawScan(two_theta[keep], counts[keep], None if sigma is None else sigma[keep], meta=meta)
    return None


def _fact(block: Block, document: Sequence[Block], tag: str) -> str:
    """Return a fact of this block, else the one on which all other blocks that state it agree."""
    own = _single(block, tag)
    if own is not None:
        return _text(own)
    stated = {_text(value) for value in (_single(other, tag) for other in document) if value is not None}
    return next(iter(stated)) if len(stated) == 1 else ""


def _wavelengths(block: Block, document: Sequence[Block]) -> dict[str, Attribute]:
    """Return the lines of the block, else of the only block that has any."""
    for tag in _WAVELENGTHS:
        holders = [block] if block.get(tag) else [other for other in document if other.get(tag)]
        if len(holders) != 1:
            continue
        lines = _values(holders[0], tag)
        weights = _values(holders[0], _WAVELENGTH_WEIGHTS)
        if lines is None or not np.all((lines[0] > 0.01) & (lines[0] < 10)):
            continue
        # A row that stands twice is one line of the spectrum, not two.
        once = sorted(np.unique(lines[0], return_index=True)[1])
        found: dict[str, Attribute] = {"wavelengths": [float(value) for value in lines[0][once]]}
        if weights is not None and len(weights[0]) == len(lines[0]) and np.all(weights[0] > 0):
            shares = weights[0][once]
            found["wavelength_weights"] = [float(value) for value in shares / shares.sum()]
        return found
    return {}


def _probe(stated: str) -> dict[str, Attribute]:
    """Return the probe that ``_diffrn_radiation_probe`` names."""
    name = stated.strip().lower()
    if name in ("electron", "gamma"):
        raise InputError(f"was measured with the probe {name!r}; X-rays and neutrons are read")
    return {"probe": name.replace("-", "")} if name in ("neutron", "x-ray", "xray") else {}


def _attributes(block: Block, document: Sequence[Block], tag: str) -> dict[str, Attribute]:
    meta = _probe(_fact(block, document, "_diffrn_radiation_probe")) | _wavelengths(block, document)
    kind = re.match(r"(Cu|Co|Mo|Ag|Fe|Cr)\s+K\\?a(?P<line>1)?\b", _fact(block, document, "_diffrn_radiation_type"))
    if kind is not None:
        meta |= radiation_attributes(None, anode=kind[1])
        meta["radiation"] = f"{kind[1].lower()}-ka{kind['line'] or ''}"
    meta |= text_attribute("sample", _text(_single(block, "_pd_phase_name")))
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
