"""From nodes of u = q a to the grid of angles, for every line of the radiation."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Line
from xrdfit.diffraction.debye.gridding import interpolation
from xrdfit.diffraction.debye.transform import Nodes
from xrdfit.diffraction.interpolation import Interpolation

FloatArray = NDArray[np.float64]


def line_interpolations(
    nodes: Nodes, true_angle: FloatArray, a: float, lines: Sequence[Line], *, slope: bool = False
) -> list[Interpolation]:
    """Interpolations, one for each line, of intensities at nodes of u = q a to the grid.

    Parameters
    ----------
    nodes : Nodes
    true_angle : (n,) array
        True 2 theta of the grid, degree.
    a : float
        Unit of length of the nodes, Angstrom.
    lines : sequence of Line
    slope : bool
        Derivatives by the true angle, per degree, instead of values.
    """
    half = np.radians(0.5 * true_angle)
    found = []
    for line in lines:
        per_sine = 4.0 * pi * a / line.wavelength / nodes.u_step
        position = per_sine * np.sin(half) - nodes.u[0] / nodes.u_step
        factor = per_sine * np.cos(half) * np.radians(0.5) if slope else np.ones(len(half))
        found.append(interpolation(position, len(nodes.u), factor, slope=slope))
    return found


def q_range(two_theta: FloatArray, margin: float, lines: Sequence[Line]) -> tuple[float, float]:
    """Smallest and largest q, 1/Angstrom, of all lines on a grid that is widened by a margin, degree."""
    angles = np.clip([two_theta[0] - margin, two_theta[-1] + margin], 0.0, 180.0)
    low, high = 4.0 * pi * np.sin(np.radians(0.5 * angles))
    wavelengths = [line.wavelength for line in lines]
    return float(low) / max(wavelengths), float(high) / min(wavelengths)
