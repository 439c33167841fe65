"""How the rows of a line table move: closed forms for what a usual fit varies.

What is not here (Caglioti's terms, whose root has no derivative at zero width, axial divergence, the width of a size
distribution, preferred orientation) is left to differences of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from xrdfit.diffraction.bragg.lines import Lines, LineTable, Rows
from xrdfit.diffraction.bragg.profile import Peaks, combine_widths_slope, split_width, split_width_slope
from xrdfit.diffraction.bragg.sizes import lognormal_nodes
from xrdfit.diffraction.optics import instrument_widths, observed_slope
from xrdfit.diffraction.protocol import FloatArray

Values = Mapping[str, float]
_WIDTHS = ("size_nm", "microstrain", "mixing", "X", "Y")
_SHIFTS = ("zero_deg", "displacement_mm")


def row_slopes(
    table: LineTable, values: Values, lines: Lines, rows: Rows, names: Sequence[str]
) -> Iterator[tuple[str, Peaks]]:
    """Yield the derivatives of the rows' peaks by those of `names` that have a closed form.

    Parameters
    ----------
    table : LineTable
    values : mapping
    lines : Lines
        ``table.lines(values)``.
    rows : Rows
        Some or all of ``table.rows(values, ...)``.
    names : sequence of str
    """
    still = np.zeros(rows.line.size)
    by_area = table.area_slopes(values, lines, names)
    area = lines.area[rows.line]
    broadening = _Broadening(table, values, lines, rows)
    for name in names:
        if name in by_area:
            moved = by_area[name].ravel()[rows.line]
            yield name, Peaks(still, still, moved * rows.lorentz, moved * rows.gauss)
        elif name in _SHIFTS:
            yield name, Peaks(broadening.shift(name), still, still, still)
        elif name in _WIDTHS:
            fwhm, eta = broadening.slope(name)
            eta *= area * (rows.lorentz + rows.gauss)
            yield name, Peaks(still, fwhm, eta, -eta)
        elif name in table.cell_names and table.settings.march_axis is None and not _axial(table, values):
            d_theta, d_area = (part.ravel()[rows.line] for part in table.line_slopes(lines, name))
            fwhm, eta = broadening.slope("theta")
            fwhm, eta = fwhm * d_theta, eta * d_theta * area * (rows.lorentz + rows.gauss)
            position = broadening.shift("theta") * d_theta
            yield name, Peaks(position, fwhm, d_area * rows.lorentz + eta, d_area * rows.gauss - eta)


def _axial(table: LineTable, values: Values) -> bool:
    return table.settings.axial and (values["S_L"] != 0.0 or values["H_L"] != 0.0)


class _Broadening:
    """Positions and widths of rows as functions of what moves them; see `LineTable.widths` and `LineTable.shifted`."""

    def __init__(self, table: LineTable, values: Values, lines: Lines, rows: Rows) -> None:
        self.table, self.values, self.rows = table, values, rows
        theta = lines.theta.ravel()[rows.line]
        self.cosine, self.tangent = np.cos(theta), np.tan(theta)
        sizes, _ = lognormal_nodes(values["size_nm"], values["size_sigma"])
        wavelength = np.repeat(table.wavelengths, lines.s.size)[rows.line]
        self.scherrer = np.degrees(table.settings.scherrer_k * wavelength / (10.0 * sizes[rows.size] * self.cosine))
        self.sample = self.scherrer + np.degrees(4.0 * values["microstrain"]) * self.tangent
        self.shares = split_width(values["mixing"])
        self.instrument, lorentz = instrument_widths(values, self.cosine, self.tangent)
        self.gauss = np.sqrt((self.shares[0] * self.sample) ** 2 + self.instrument)
        self.lorentz = self.shares[1] * self.sample + lorentz

    def shift(self, name: str) -> FloatArray:
        """Return the derivative of the position by a parameter, or, of a line without sub-lines, by theta (radian)."""
        radius = self.table.settings.radius_mm
        return observed_slope(self.rows.two_theta, self.values["displacement_mm"], radius, name)

    def slope(self, name: str) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of the full width and of the Lorentzian fraction by a parameter or by theta."""
        values = self.values
        sample: FloatArray | float = 0.0
        share = (0.0, 0.0)
        squared: FloatArray | float = 0.0  # of the instrument's Gaussian width
        lorentz: FloatArray | float = 0.0
        if name == "size_nm":
            sample = -self.scherrer / values["size_nm"]
        elif name == "microstrain":
            sample = np.degrees(4.0) * self.tangent
        elif name == "mixing":
            share = split_width_slope(*self.shares)
        elif name == "X":
            lorentz = self.tangent
        elif name == "Y":
            lorentz = 1.0 / self.cosine
        else:
            per = 1.0 / self.cosine**2
            sample = self.scherrer * self.tangent + np.degrees(4.0 * values["microstrain"]) * per
            squared = np.where(self.instrument > 0.0, (2.0 * values["U"] * self.tangent + values["V"]) * per, 0.0)
            lorentz = values["X"] * per + values["Y"] * self.tangent / self.cosine
        width = np.where(self.gauss > 0.0, self.gauss, 1.0)
        pull = np.where(self.gauss > 0.0, self.shares[0] * self.sample / width, 1.0)
        by_gauss = pull * (share[0] * self.sample + self.shares[0] * sample) + 0.5 * squared / width
        by_lorentz = share[1] * self.sample + self.shares[1] * sample + lorentz
        return combine_widths_slope(self.gauss, self.lorentz, self.rows.fwhm, by_gauss, by_lorentz)
