"""How the rows of a line table move, in closed forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.bragg.axial import SubLineSlopes, sub_line_slopes
from xrdfit.diffraction.bragg.line_sums import Peaks
from xrdfit.diffraction.bragg.lines import Lines, LineTable, Rows
from xrdfit.diffraction.bragg.profile import combine_widths_slope, split_width, split_width_slope
from xrdfit.diffraction.bragg.sizes import lognormal_nodes, lognormal_slopes
from xrdfit.diffraction.optics import instrument_widths, observed_slope
from xrdfit.diffraction.protocol import FloatArray

Values = Mapping[str, float]
_WIDTHS = ("size_nm", "size_sigma", "microstrain", "mixing", "size_ratio", "strain_ratio", "U", "V", "W", "X", "Y")
_SHIFTS = ("zero_deg", "displacement_mm")
_AXIAL = ("S_L", "H_L")
# A width, degree, that no line's shape depends on: the root of a variance is steeper than this only nearer to 0.
_NARROW = 1e-4


def row_slopes(
    table: LineTable, values: Values, lines: Lines, rows: Rows, counts: NDArray[np.intp], names: Sequence[str]
) -> Iterator[tuple[str, Peaks]]:
    """Yield the derivatives of the rows' peaks by those of `names` that have a closed form.

    Parameters
    ----------
    table : LineTable
    values : mapping
    lines : Lines
        ``table.lines(values)``.
    rows : Rows
        Some or all of ``table.rows(values, lines, counts)``.
    counts : ndarray of int
        Axial sub-lines of each line and size.
    names : sequence of str
    """
    still = np.zeros(rows.line.size)
    by_area = table.area_slopes(values, lines, names)
    area = lines.area[rows.line]
    broadening = _Broadening(table, values, lines, rows)
    axial = _axial_slopes(table, values, lines, rows, counts, names)
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
        elif name == "march_r" and table.settings.march_axis is not None:
            slope = table.march_slope(values, lines.cell.reciprocal_metric)
            moved = area * np.tile(slope, len(table.wavelengths))[rows.line]
            yield name, Peaks(still, still, moved * rows.lorentz, moved * rows.gauss)
        elif name in _AXIAL and table.settings.axial:
            if axial is None:
                yield name, Peaks(still, still, still, still)
                continue
            which = 1 + _AXIAL.index(name)
            moved = area * axial.weight[which]
            position = broadening.shift("theta") * 0.5 * axial.position[which]
            yield name, Peaks(position, still, moved * rows.lorentz, moved * rows.gauss)
        elif name in table.cell_names:
            d_theta, d_area = (part.ravel()[rows.line] for part in table.line_slopes(values, lines, name))
            fwhm, eta = broadening.slope("theta", name, d_theta)
            eta = eta * area * (rows.lorentz + rows.gauss)
            position = broadening.shift("theta") * d_theta
            if axial is not None:
                position *= axial.position[0]
                d_area = d_area + 2.0 * area * axial.weight[0] * d_theta
            yield name, Peaks(position, fwhm, d_area * rows.lorentz + eta, d_area * rows.gauss - eta)


def _axial_slopes(
    table: LineTable, values: Values, lines: Lines, rows: Rows, counts: NDArray[np.intp], names: Sequence[str]
) -> SubLineSlopes | None:
    """How the rows' places within their lines move; None where lines are not split or nothing asks for it."""
    if not table.divergent(values) or not {*_AXIAL, *table.cell_names}.intersection(names):
        return None
    two_theta = np.tile(2.0 * lines.theta.ravel(), counts.size // lines.theta.size)
    slopes = sub_line_slopes(two_theta, values["S_L"], values["H_L"], counts)
    return SubLineSlopes(slopes.position[:, rows.part], slopes.weight[:, rows.part])


class _Broadening:
    """Positions and widths of rows as functions of what moves them; see `LineTable.widths` and `LineTable.shifted`."""

    def __init__(self, table: LineTable, values: Values, lines: Lines, rows: Rows) -> None:
        self.table, self.values, self.rows, self.lines = table, values, rows, lines
        theta = lines.theta.ravel()[rows.line]
        self.cosine, self.tangent = np.cos(theta), np.tan(theta)
        sizes, _ = lognormal_nodes(values["size_nm"], values["size_sigma"])
        wavelength = np.repeat(table.wavelengths, lines.s.size)[rows.line]
        # widths across the axis of crystallites that have one
        self.across = np.degrees(table.settings.scherrer_k * wavelength / (10.0 * sizes[rows.size] * self.cosine))
        self.strain = np.degrees(4.0 * values["microstrain"]) * self.tangent
        self.shape = self._of_rows(table.shape_factors(values, lines))
        self.scherrer = self.across * self.shape[0]
        self.sample = self.scherrer + self.strain * self.shape[1]
        self.shares = split_width(values["mixing"])
        self.by_sigma = lognormal_slopes(values["size_sigma"])[rows.size]
        self.instrument, lorentz = instrument_widths(values, self.cosine, self.tangent)
        variance = (values["U"] * self.tangent + values["V"]) * self.tangent + values["W"]
        self.counts = variance >= 0.0
        self.gauss = np.sqrt((self.shares[0] * self.sample) ** 2 + self.instrument)
        self.lorentz = self.shares[1] * self.sample + lorentz

    def _of_rows(self, factors: tuple[FloatArray | float, FloatArray | float]) -> tuple[FloatArray | float, ...]:
        return tuple(f[self.rows.line] if isinstance(f, np.ndarray) else f for f in factors)

    def shift(self, name: str) -> FloatArray:
        """Return the derivative of the position by a parameter, or, of a line without sub-lines, by theta (radian)."""
        radius = self.table.settings.radius_mm
        return observed_slope(self.rows.two_theta, self.values["displacement_mm"], radius, name)

    def slope(self, name: str, cell: str = "", d_theta: FloatArray | float = 1.0) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of the full width and of the Lorentzian fraction by a parameter.

        With "theta" they are by a parameter of the cell, which moves the lines by `d_theta` and turns them.
        """
        values = self.values
        sample: FloatArray | float = 0.0
        share = (0.0, 0.0)
        squared: FloatArray | float = 0.0  # of the instrument's Gaussian width
        lorentz: FloatArray | float = 0.0
        if name == "size_nm":
            sample = -self.scherrer / values["size_nm"]
        elif name == "size_sigma":
            sample = -self.scherrer * self.by_sigma
        elif name == "microstrain":
            sample = np.degrees(4.0) * self.tangent * self.shape[1]
        elif name in ("size_ratio", "strain_ratio"):
            by_size, by_strain = self._of_rows(self.table.shape_slopes(values, self.lines, name))
            sample = self.across * by_size + self.strain * by_strain
        elif name == "mixing":
            share = split_width_slope(*self.shares)
        elif name in ("U", "V", "W"):
            squared = np.where(self.counts, self.tangent ** ("W", "V", "U").index(name), 0.0)
        elif name == "X":
            lorentz = self.tangent
        elif name == "Y":
            lorentz = 1.0 / self.cosine
        else:
            per = d_theta / self.cosine**2
            by_size, by_strain = self._of_rows(self.table.shape_slopes(values, self.lines, cell))
            turned = self.across * by_size + self.strain * by_strain
            strained = np.degrees(4.0 * values["microstrain"]) * self.shape[1]
            sample = self.scherrer * self.tangent * d_theta + strained * per + turned
            squared = np.where(self.instrument > 0.0, (2.0 * values["U"] * self.tangent + values["V"]) * per, 0.0)
            lorentz = values["X"] * per + values["Y"] * self.tangent / self.cosine * d_theta
        width = np.where(self.gauss > 0.0, self.gauss, 1.0)
        pull = np.where(self.gauss > 0.0, self.shares[0] * self.sample / width, 1.0)
        by_gauss = pull * (share[0] * self.sample + self.shares[0] * sample)
        by_gauss = by_gauss + 0.5 * squared / np.maximum(self.gauss, _NARROW)
        by_lorentz = share[1] * self.sample + self.shares[1] * sample + lorentz
        return combine_widths_slope(self.gauss, self.lorentz, self.rows.fwhm, by_gauss, by_lorentz)
