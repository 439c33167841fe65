"""The profile matrix of spherical crystallites: one row of unit area for each line of the table."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi

import numpy as np

from xrdfit.diffraction.bragg.axial import node_counts, sub_lines
from xrdfit.diffraction.bragg.lines import Lines, LineTable
from xrdfit.diffraction.bragg.sphere_shape import broadened_line, sphere_line
from xrdfit.diffraction.optics import instrument_widths
from xrdfit.diffraction.protocol import FloatArray

_WIDTH = 1.107  # full width at half maximum of a sphere's line, in lambda/(D cos theta)


def sphere_matrix(two_theta: FloatArray, table: LineTable, values: Mapping[str, float], lines: Lines) -> FloatArray:
    """Return every line of the table on the grid.

    The line is a function of q, taken at the grid's own q, so that it has unit area over 2 theta exactly and the
    slight asymmetry of broad lines is there. Instrument and strain enter with the width that they have at the line.

    Parameters
    ----------
    two_theta : ndarray, shape (n,)
        Degree.
    table : LineTable
    values : mapping
    lines : Lines
        ``table.lines(values)``.

    Returns
    -------
    ndarray, shape (lines, n)
        1/degree.
    """
    theta = lines.theta.ravel()
    wavelength = np.repeat(table.wavelengths, lines.s.size)
    cosine, tangent = np.cos(theta), np.tan(theta)
    gauss, lorentz = instrument_widths(values, cosine, tangent)
    per_degree = 2.0 * pi / wavelength * cosine * (pi / 180.0)
    strain = 4.0 * values["microstrain"] * 2.0 * pi / wavelength * np.sin(theta)  # 2 epsilon q
    gauss_q = np.sqrt(gauss * per_degree**2 + strain**2)
    lorentz_q = lorentz * per_degree
    diameter = 10.0 * values["size_nm"]
    parent, seen, weight = _sub_lines(table, values, theta, wavelength, diameter)
    wave = wavelength[parent][:, None]
    grid = np.radians(0.5 * two_theta)
    x = 4.0 * pi / wave * (np.sin(grid) - np.sin(np.radians(0.5 * seen))[:, None])
    if values["size_sigma"] == 0.0 and not gauss_q.any() and not lorentz_q.any():
        line = sphere_line(x, diameter)
    else:
        line = broadened_line(x, diameter, abs(values["size_sigma"]), gauss_q, lorentz_q, parent)
    line *= weight[:, None] * (2.0 * pi / wave) * np.cos(grid) * (pi / 180.0)
    if parent.size == theta.size:
        return line
    return np.add.reduceat(line, np.searchsorted(parent, np.arange(theta.size)), axis=0)


def _sub_lines(table: LineTable, values: Mapping[str, float], theta: FloatArray, wavelength: FloatArray, size: float):
    """Return parent, position in degree and weight of the axial sub-lines."""
    counts = np.ones(theta.size, dtype=np.intp)
    s_l, h_l = (values["S_L"], values["H_L"]) if table.settings.axial else (0.0, 0.0)
    if s_l != 0.0 or h_l != 0.0:
        counts = node_counts(2.0 * theta, _WIDTH * wavelength / (size * np.cos(theta)), s_l, h_l)
    parent, two_theta, weight = sub_lines(2.0 * theta, s_l, h_l, counts)
    return parent, table.shifted(values, two_theta), weight
