"""The horizontal axis of text files: 2θ in degrees or radians, Q in Å⁻¹ or nm⁻¹."""

from __future__ import annotations

import enum

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError


class Axis(enum.Enum):
    """What the first column is."""

    TWO_THETA = "2θ in degrees"
    RADIANS = "2θ in radians"
    Q_ANGSTROM = "Q in 1/Å"
    Q_NM = "Q in 1/nm"


NAMES = {
    "two_theta": Axis.TWO_THETA,
    "two_theta_rad": Axis.RADIANS,
    "q": Axis.Q_ANGSTROM,
    "q_nm": Axis.Q_NM,
}
"""What an axis is called in options."""


def read_axis_option(name: str) -> Axis:
    """Return the axis that an option names.

    Raises
    ------
    InputError
        For any other name.
    """
    if name not in NAMES:
        raise InputError(f"axis {str(name)[:40]!r} is not known; allowed are {', '.join(NAMES)}")
    return NAMES[name]


def regular_grid(start: float, step: float, n: int) -> NDArray[np.float64]:
    """Return start + i·step in degrees, i = 0 … n−1.

    Headers hold decimal numbers, so what lies below 1e-9° comes from binary fractions and is rounded away.
    """
    if not (abs(start) <= 360 and abs(step) <= 360):
        raise InputError(f"has a range from {start:g}° in steps of {step:g}°: the file is damaged")
    return np.asarray(np.round(start + step * np.arange(n), 9), dtype=np.float64)


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
        raise InputError(
            f"has the axis {axis.value} and states no wavelength; give it: --radiation 0.5 (wavelength= in Å)"
        )
    sine = x * (0.1 if axis is Axis.Q_NM else 1.0) * wavelength / (4 * np.pi)
    beyond = np.abs(sine) >= 1
    if beyond.any():
        row = int(np.argmax(beyond))
        raise InputError(
            f"Q = {x[row]:g} at point {row + 1} cannot be reached with {wavelength:g} Å; "
            f"allowed is below {4 * np.pi / wavelength * (10 if axis is Axis.Q_NM else 1):g} ({axis.value})",
        )
    return np.degrees(2 * np.arcsin(sine))
