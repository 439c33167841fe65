"""The horizontal axis of text files: 2θ in degrees or radians, Q in Å⁻¹ or nm⁻¹, by its label."""

from __future__ import annotations

import enum
import re

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError


class Axis(enum.Enum):
    """What the first column is."""

    TWO_THETA = "2θ in degrees"
    RADIANS = "2θ in radians"
    Q_ANGSTROM = "Q in 1/Å"
    Q_NM = "Q in 1/nm"


_TWO_THETA = re.compile(
    r"^(2|two)[\s_-]*(theta|θ|th|ϑ)|^tth\b|^_?pd_\w*2theta|^(pos|position|angle)\b|^°?2θ|^x\b", re.IGNORECASE
)
_Q = re.compile(r"^(q|scattering vector)(?![a-z])", re.IGNORECASE)
_NM = re.compile(r"nm|nano", re.IGNORECASE)
_OTHER = re.compile(
    r"^(d|d[\s-]*spac\w*|energy|e|tof|time|channel|pixel|radius|r|omega|ω|phi|chi|theta|θ|s)(?![a-z])", re.IGNORECASE
)
_WAVELENGTH = re.compile(
    r"(?:wave\s*length|lambda|λ)\s*(?:[(\[]\s*(?P<u1>[^)\]\s]{1,12})\s*[)\]])?\s*[:=]?\s*"
    r"(?P<value>\d*\.?\d+(?:[eE][+-]?\d+)?)\s*(?P<u2>nm|m|Å|A|angstroms?)?(?![a-z])",
    re.IGNORECASE,
)


def axis_of_label(label: str) -> Axis | None:
    """Return the axis that a column's name means, None where it names none."""
    text = label.strip().replace("_", " ")
    if _TWO_THETA.match(label.strip()) or _TWO_THETA.match(text):
        return Axis.RADIANS if re.search(r"\brad", text, re.IGNORECASE) else Axis.TWO_THETA
    if _Q.match(text):
        return Axis.Q_NM if _NM.search(text) else Axis.Q_ANGSTROM
    return None


def refuse_other_axis(label: str) -> None:
    """Raise InputError for a label that names a known axis other than 2θ and Q (d, energy, θ, time of flight, …)."""
    if _OTHER.match(label.strip().replace("_", " ")):
        raise InputError(f"has the axis {label.strip()[:40]!r}; 2θ (degrees or radians) and Q are read")


def regular_grid(start: float, step: float, n: int) -> NDArray[np.float64]:
    """Return start + i·step in degrees, i = 0 … n−1.

    Headers hold decimal numbers, so what lies below 1e-9° comes from binary fractions and is rounded away.
    """
    if not (abs(start) <= 360 and abs(step) <= 360):
        raise InputError(f"has a range from {start:g}° in steps of {step:g}°: the file is damaged")
    return np.asarray(np.round(start + step * np.arange(n), 9), dtype=np.float64)


def stated_wavelength(text: str) -> float | None:
    """Return the wavelength in Å that a header states ("wavelength: 1.54e-10 m", "lambda = 0.7093 A"), else None."""
    match = _WAVELENGTH.search(text)
    if match is None:
        return None
    value = float(match["value"])
    unit = (match["u2"] or match["u1"] or "").lower()
    if unit in ("m", "meter", "metre") or (not unit and 0 < value < 1e-7):
        value *= 1e10
    elif unit == "nm":
        value *= 10
    return value if 0.01 < value < 10 else None


def to_two_theta(x: NDArray[np.float64], axis: Axis, wavelength: float | None) -> NDArray[np.float64]:
    """Return 2θ in degrees: 2·asin(Qλ/4π) for a Q axis.

    Raises
    ------
    InputError
        For a Q axis without a wavelength, or beyond Q = 4π/λ.
    """
    if axis is Axis.TWO_THETA:
        return x
    if axis is Axis.RADIANS:
        return np.degrees(x)
    if wavelength is None:
        raise InputError(f"has the axis {axis.value} and states no wavelength; give wavelength= in Å, or convert to 2θ")
    sine = x * (0.1 if axis is Axis.Q_NM else 1.0) * wavelength / (4 * np.pi)
    beyond = ~(np.abs(sine) < 1)
    if beyond.any():
        row = int(np.argmax(beyond))
        raise InputError(
            f"Q = {x[row]:g} at point {row + 1} cannot be reached with {wavelength:g} Å; "
            f"allowed is below {4 * np.pi / wavelength * (10 if axis is Axis.Q_NM else 1):g} ({axis.value})",
        )
    return np.degrees(2 * np.arcsin(sine))
