"""GSAS-II's two .csv exports: that of the plot ("used", "x, 2theta (deg)", "obs", …) and that of the histogram."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import Axis
from xrdfit.scan.decode import decode
from xrdfit.scan.meta import join_notes, number, positive, radiation_attributes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan
from xrdfit.scan.sigma import sigma_from_weights
from xrdfit.scan.steps import plain_numbers

_PLOT = re.compile(r'\s*"?used"?\s*[,;]', re.IGNORECASE)
_HISTOGRAM = re.compile(r'\s*"Histogram"\s*,')
_FIRST = ["x", "y_obs"]
_MAX_PREAMBLE = 200
_MAX_FIELD = 10_000


def sniff(head: bytes) -> bool:
    """Return whether the head is that of one of GSAS-II's .csv exports."""
    lines = head[:4096].decode("utf-8-sig", "replace").splitlines()[:1]
    return bool(lines) and (
        _HISTOGRAM.match(lines[0]) is not None
        or (_PLOT.match(lines[0]) is not None and re.search(r"\bobs\b", lines[0], re.IGNORECASE) is not None)
    )


def read(data: bytes) -> list[RawScan]:
    """Read the observed pattern of an export; the calculated one is not read."""
    lines = [line for line in decode(data).splitlines() if line.strip()]
    if not lines:
        raise InputError("is empty; a measured pattern is needed")
    return [_histogram(lines) if _HISTOGRAM.match(lines[0]) else _plot(lines)]


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Return the fields of each line, quoted ones without their quotes."""
    longest = max(map(len, lines))
    if longest > _MAX_FIELD:
        raise InputError(f"has a line of {longest} characters; at most {_MAX_FIELD} are read")
    try:
        return list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"is not a readable table ({error})") from None


def _column(rows: Sequence[Sequence[str]], index: int, name: str) -> NDArray[np.float64]:
    """Return a column; empty fields are NaN."""
    if min(map(len, rows), default=0) > index:
        fast = plain_numbers([row[index] for row in rows])
        if fast is not None:
            return fast
    values = np.full(len(rows), np.nan)
    for i, row in enumerate(rows):
        text = row[index].strip() if index < len(row) else ""
        value = number(text)
        if value is None and text:
            raise InputError(f"has {text[:20]!r} as {name} of row {i + 1}, which is not a number")
        values[i] = np.nan if value is None else value
    return values


def _plot(lines: Sequence[str]) -> RawScan:
    """Read the export of a plot.

    Where no point is excluded some versions write the name ``used`` and no such column: each name then stands one
    column left of its values, and the first column holds the angles.
    """
    separator = ";" if ";" in lines[0] else ","
    names, *rows = _rows(lines, separator)
    names = _joined([name.strip() for name in names])
    if not rows:
        raise InputError("holds a line of names and no points")
    width = max(len(row) for row in rows)
    first = _column(rows, 0, names[0])
    if names[0].lower() == "used" and (len(names) > width or not np.all(np.isin(first, (0.0, 1.0)))):
        names = names[1:]
    if len(names) != width:
        raise InputError(f"has {width} columns under {len(names)} names: which is which is not known")
    lower = [name.lower() for name in names]
    x = next((i for i, name in enumerate(lower) if name == "x" or name.startswith(("x,", "x ("))), None)
    if x is None or "obs" not in lower:
        raise InputError("has no columns named x and obs")
    axis = _axis(names[x])
    angle, counts = _column(rows, x, names[x]), _column(rows, lower.index("obs"), "obs")
    used = _column(rows, lower.index("used"), "used") != 0 if "used" in lower else np.ones(len(rows), dtype=bool)
    keep = used & np.isfinite(counts) & np.isfinite(angle)
    notes = [] if keep.all() else [f"{int(np.sum(~keep))} points that GSAS-II did not use are left out"]
    return RawScan(angle[keep], counts[keep], meta=join_notes(notes), axis=axis)


def _joined(names: Sequence[str]) -> list[str]:
    """Return the names with "x, 2theta (deg)" in one piece, where the file did not quote it."""
    for i, (name, behind) in enumerate(pairwise(names)):
        if name.lower() == "x" and re.match(r"2\s*theta|q\b|d\b|tof|2\s*θ", behind, re.IGNORECASE):
            return [*names[:i], f"{name}, {behind}", *names[i + 2 :]]
    return list(names)


def _axis(name: str) -> Axis:
    label = name[1:].strip(" ,()").lower().replace(" ", "")
    if re.match(r"2-?(theta|θ)", label):
        return Axis.TWO_THETA
    if re.match(r"q(?![a-z])", label):
        return Axis.Q_ANGSTROM
    raise InputError(f"has the axis {name[:40]!r}; 2θ in degrees and Q in 1/Å are read")


def _histogram(lines: Sequence[str]) -> RawScan:
    """Read the export of a histogram: facts, then x, y_obs, weight, …; points of weight 0 were excluded."""
    rows = _rows(lines, ",")
    at = next((i for i, row in enumerate(rows[:_MAX_PREAMBLE]) if [name.strip() for name in row[:2]] == _FIRST), None)
    if at is None:
        raise InputError('has no line "x","y_obs",… behind its facts')
    facts = {row[0].strip(): row[1].strip() for row in rows[:at] if len(row) > 1}
    names, points = [name.strip() for name in rows[at]], rows[at + 1 :]
    kind = facts.get("Instparm: Type", "PXC").upper()
    if len(kind) > 2 and kind[2] not in "CAB":
        raise InputError(f"is a histogram of the type {kind[:10]!r}: not at a constant wavelength")
    angle, counts = _column(points, 0, "x"), _column(points, 1, "y_obs")
    keep, sigma = np.isfinite(angle) & np.isfinite(counts), None
    if "weight" in names:
        weight = _column(points, names.index("weight"), "weight")
        keep &= np.isfinite(weight) & (weight > 0)
        sigma = sigma_from_weights(weight)[keep]
    notes = [] if keep.all() else [f"{int(np.sum(~keep))} points of weight 0 are left out"]
    return RawScan(angle[keep], counts[keep], sigma, meta=_facts(facts, kind) | join_notes(notes))


def _facts(facts: Mapping[str, str], kind: str) -> dict[str, Attribute]:
    alpha1 = number(facts.get("Instparm: Lam1")) or number(facts.get("Instparm: Lam"))
    meta = radiation_attributes(alpha1, number(facts.get("Instparm: Lam2")), number(facts.get("Instparm: I(L2)/I(L1)")))
    meta |= text_attribute("sample", facts.get("Histogram", "").removeprefix("PWDR "))
    meta |= positive("radius_mm", number(facts.get("Samparm: Gonio. radius")))
    return meta | ({"probe": "neutron"} if kind[1:2] == "N" else {"probe": "xray"} if "Instparm: Type" in facts else {})
