"""The line table: position, width and area of every powder line as a pure function of the parameters.

It has a few dozen to a few hundred rows, so that whatever moves rows in a complicated way is differentiated on the
rows, by central differences, and the pattern's own derivatives stay analytic; nearly everything has closed forms, in
`row_slopes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import (
    Cell,
    Reflections,
    SpaceGroup,
    cell_from_free,
    cell_names,
    metric_slope,
    reflections,
)
from xrdfit.diffraction.bragg.axial import node_counts, sub_lines
from xrdfit.diffraction.bragg.line_sums import Peaks
from xrdfit.diffraction.bragg.profile import combine_widths, split_width
from xrdfit.diffraction.bragg.sizes import lognormal_nodes
from xrdfit.diffraction.bragg.structure_factors import Amplitudes, StructureFactors, bind_structure_factors
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.diffraction.settings import EngineSettings

Values = Mapping[str, float]

INSTRUMENT_WIDTHS = ("U", "V", "W", "X", "Y")
_LAST_SINE = 0.9999  # beyond 178.4 degree no line can be measured, and LP and the widths diverge


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines before any broadening: w lines of the radiation times n reflections.

    Attributes
    ----------
    theta : ndarray, shape (w, n)
        Bragg angle, radian.
    exists : ndarray of bool, shape (w, n)
        False where the angle is beyond 178.4 degree or there is none; such lines have a factor of 0.
    s : ndarray, shape (n,)
        sin(theta)/lambda, 1/Angstrom.
    amplitudes : Amplitudes
        Structure factors.
    f_squared : ndarray, shape (w, n)
        Mean of |F(h)|^2 and |F(-h)|^2, electrons^2 per cell.
    factor : ndarray, shape (w, n)
        Area per cell and per |F|^2: degree x (intensity per radian), so that the pattern's integral over radians is
        m |F|^2 lambda^3 LP' / (16 pi V).
    cell : Cell
    """

    theta: FloatArray
    exists: NDArray[np.bool_]
    s: FloatArray
    amplitudes: Amplitudes
    f_squared: FloatArray
    factor: FloatArray
    cell: Cell

    @property
    def area(self) -> FloatArray:
        """Area of each line, shape (w * n,)."""
        return (self.factor * self.f_squared).ravel()


@dataclass(frozen=True, eq=False)
class Rows:
    """Peaks of unit-area lines: each row is one part (emission line, size, axial node) of a line.

    Attributes
    ----------
    line, size : ndarray of int, shape (m,)
        Index into the flattened `Lines`, and into the sizes of the distribution.
    part : ndarray of int, shape (m,)
        Index of the axial sub-line among those of all lines and sizes; `group` counts what they are parts of.
    group : ndarray of int, shape (m,)
        Rows of one line and size, which differ in position alone, have one number and stand together.
    two_theta : ndarray, shape (m,)
        Angle before zero and displacement, radian.
    position, fwhm : ndarray, shape (m,)
        Degree.
    lorentz, gauss : ndarray, shape (m,)
        Share of the line's area in either part.
    """

    line: NDArray[np.intp]
    size: NDArray[np.intp]
    part: NDArray[np.intp]
    group: NDArray[np.intp]
    two_theta: FloatArray
    position: FloatArray
    fwhm: FloatArray
    lorentz: FloatArray
    gauss: FloatArray

    def peaks(self, area: FloatArray) -> Peaks:
        """Give the lines their areas, shape (w * n,)."""
        own = area[self.line]
        return Peaks(self.position, self.fwhm, own * self.lorentz, own * self.gauss)

    def only(self, keep: NDArray[np.intp]) -> Rows:
        """Return some of the rows."""
        return Rows(*(getattr(self, field.name)[keep] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class LineTable:
    """A structure, its reflections and a radiation, ready to be evaluated at any values of the parameters."""

    group: SpaceGroup
    settings: EngineSettings
    wavelengths: FloatArray
    weights: FloatArray
    reflections: Reflections
    factors: StructureFactors
    _products: FloatArray
    _march_products: FloatArray
    _march_axis: FloatArray

    @property
    def cell_names(self) -> tuple[str, ...]:
        """Free parameters of the cell."""
        return cell_names(self.group)

    def lines(self, values: Values) -> Lines:
        """Return angles and areas."""
        cell = cell_from_free(self.group, values)
        metric = cell.reciprocal_metric
        s = 0.5 * np.sqrt(_inverse_d_squared(self._products, metric))
        sine = np.multiply.outer(self.wavelengths, s)
        theta = np.arcsin(np.minimum(sine, _LAST_SINE))
        exists = sine <= _LAST_SINE
        factor = self._intensity_factor(values, theta, cell.volume) * exists
        if self.settings.march_axis is not None:
            factor *= self._march(values["march_r"], metric)
        amplitudes = self.factors.at(values, s)
        return Lines(theta, exists, s, amplitudes, amplitudes.squared, factor, cell)

    def line_slopes(self, values: Values, lines: Lines, name: str) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of theta and of the areas by a parameter of the cell, each (w, n); see `lines`."""
        metric, by_cell = lines.cell.reciprocal_metric, metric_slope(self.group, lines.cell, name)
        moved = -metric @ by_cell @ metric
        s = _inverse_d_squared(self._products, moved) / (8.0 * lines.s)
        theta = np.multiply.outer(self.wavelengths, s) / np.cos(lines.theta)
        per_volume = 0.5 * np.sum(metric * by_cell)  # of ln V
        by_angle = self._logarithmic_slope(values, lines.theta)
        factor = by_angle * theta - per_volume
        if self.settings.march_axis is not None:
            factor += self.march_slope(values, metric, moved)
        factor *= lines.factor
        return theta, factor * lines.f_squared + lines.factor * lines.amplitudes.slope_by_s() * s

    def _logarithmic_slope(self, values: Values, theta: FloatArray) -> FloatArray:
        """Return the derivative of the logarithm of `_intensity_factor` by theta."""
        tangent = np.tan(theta)
        if self.settings.lorentz_along_profile:
            slope = -1.0 / tangent
        else:
            through = cos(radians(self.settings.monochromator_deg)) ** 2
            slope = tangent - 2.0 / tangent
            slope -= 2.0 * through * np.sin(4.0 * theta) / (1.0 + through * np.cos(2.0 * theta) ** 2)
        if self.settings.slits == "automatic":
            slope += 1.0 / tangent
        if self.settings.film:
            depth = 2.0 * values["mu_t"] / np.sin(theta)
            slope -= depth / (np.expm1(depth) * tangent)
        return slope

    def _intensity_factor(self, values: Values, theta: FloatArray, volume: float) -> FloatArray:
        sine = np.sin(theta)
        strength = self.weights * self.wavelengths**3 * (180.0 / np.pi) / (16.0 * np.pi * volume)
        factor = np.multiply.outer(strength, self.reflections.multiplicity.astype(float))
        if self.settings.lorentz_along_profile:
            factor /= sine
        else:
            factor *= polarization_factor(2.0 * theta, self.settings) / (sine * sine * np.cos(theta))
        if self.settings.slits == "automatic":
            factor *= sine
        if self.settings.film:
            factor *= -np.expm1(-2.0 * values["mu_t"] / sine)
        return factor

    def _march(self, r: float, metric: FloatArray) -> FloatArray:
        """Return the mean of (r^2 cos^2 alpha + sin^2 alpha / r)^(-3/2) over the equivalents, shape (n,)."""
        each = _march_factor(r, self._march_cosine(metric)[2])
        return np.bincount(self.reflections.owner, each) / self.reflections.multiplicity

    def _march_cosine(self, metric: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return h G a, h G h (a G a) and the squared cosine of the angle with the axis a, of all equivalents h."""
        axis = self._march_axis
        along = self.reflections.equivalents @ (metric @ axis)
        lengths = _inverse_d_squared(self._march_products, metric) * (axis @ metric @ axis)
        return along, lengths, along**2 / lengths

    def march_slope(self, values: Values, metric: FloatArray, moved: FloatArray | None = None) -> FloatArray:
        """Return the derivative of the logarithm of March and Dollase's factor by r, or as the metric moves, (n,)."""
        r, axis = values["march_r"], self._march_axis
        along, lengths, cosine2 = self._march_cosine(metric)
        each = _march_factor(r, cosine2)
        if moved is None:
            inner = 2.0 * r * cosine2 - (1.0 - cosine2) / r**2
        else:
            squared, own = _inverse_d_squared(self._march_products, metric), axis @ metric @ axis
            turned = 2.0 * along * (self.reflections.equivalents @ (moved @ axis)) / lengths
            stretched = _inverse_d_squared(self._march_products, moved) / squared + (axis @ moved @ axis) / own
            inner = (r * r - 1.0 / r) * (turned - cosine2 * stretched)
        slope = -1.5 * each ** (5.0 / 3.0) * inner
        owner = self.reflections.owner
        return np.bincount(owner, slope) / np.bincount(owner, each)

    def widths(self, values: Values, lines: Lines, size_nm: float) -> tuple[FloatArray, FloatArray]:
        """Return the widths of sample and instrument together.

        Returns
        -------
        gauss, lorentz : ndarray, shape (w * n,)
            Full widths at half maximum, degree.
        """
        theta = lines.theta.ravel()
        cosine, tangent = np.cos(theta), np.tan(theta)
        wavelength = np.repeat(self.wavelengths, lines.s.size)
        scherrer = self.settings.scherrer_k * wavelength / (10.0 * size_nm * cosine)
        sample = np.degrees(scherrer + 4.0 * values["microstrain"] * tangent)
        gauss_share, lorentz_share = split_width(values["mixing"])
        gauss, lorentz = instrument_widths(values, cosine, tangent)
        return np.sqrt((gauss_share * sample) ** 2 + gauss), lorentz_share * sample + lorentz

    def shifted(self, values: Values, two_theta: FloatArray) -> FloatArray:
        """Return where lines at `two_theta`, radian, are seen, degree: zero and displacement of the specimen."""
        tilt = -2.0 * values["displacement_mm"] / self.settings.radius_mm * np.cos(0.5 * two_theta)
        return np.degrees(two_theta + tilt) + values["zero_deg"]

    def rows(self, values: Values, lines: Lines, counts: NDArray[np.intp]) -> Rows:
        """Return the table's rows, with `counts` axial sub-lines for each line and size (see `counts`)."""
        sizes, shares = lognormal_nodes(values["size_nm"], values["size_sigma"])
        parts = [combine_widths(*self.widths(values, lines, size)) for size in sizes]
        fwhm = np.concatenate([part[0] for part in parts])
        eta = np.concatenate([part[1] for part in parts])
        line = np.tile(np.arange(lines.theta.size), len(sizes))
        size = np.repeat(np.arange(len(sizes)), lines.theta.size)
        share = np.repeat(shares, lines.theta.size)
        two_theta = 2.0 * lines.theta.ravel()[line]
        group = np.arange(line.size)
        if self.divergent(values):
            group, two_theta, weight = sub_lines(two_theta, values["S_L"], values["H_L"], counts)
            line, size, fwhm, eta = line[group], size[group], fwhm[group], eta[group]
            share = share[group] * weight
        part = np.arange(line.size)
        seen = self.shifted(values, two_theta)
        return Rows(line, size, part, group, two_theta, seen, fwhm, share * eta, share * (1.0 - eta))

    def divergent(self, values: Values) -> bool:
        """Whether axial divergence splits the lines."""
        return self.settings.axial and (values["S_L"] != 0.0 or values["H_L"] != 0.0)

    def counts(self, values: Values, lines: Lines) -> NDArray[np.intp]:
        """Return the number of axial sub-lines, a choice that a derivative has to keep."""
        sizes, _ = lognormal_nodes(values["size_nm"], values["size_sigma"])
        if not self.divergent(values):
            return np.ones(len(sizes) * lines.theta.size, dtype=np.intp)
        fwhm = np.concatenate([combine_widths(*self.widths(values, lines, size))[0] for size in sizes])
        two_theta = np.tile(2.0 * lines.theta.ravel(), len(sizes))
        return node_counts(two_theta, np.radians(fwhm), values["S_L"], values["H_L"])


def _march_factor(r: float, cosine2: FloatArray) -> FloatArray:
    return (r * r * cosine2 + (1.0 - cosine2) / r) ** -1.5


def polarization_factor(two_theta: FloatArray, settings: EngineSettings) -> FloatArray:
    """Return (1 + cos^2 2theta_M cos^2 2theta) / (1 + cos^2 2theta_M) at `two_theta`, radian."""
    through = cos(radians(settings.monochromator_deg)) ** 2
    return (1.0 + through * np.cos(two_theta) ** 2) / (1.0 + through)


def instrument_widths(values: Values, cosine: FloatArray, tangent: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the instrument's Gaussian width squared and its Lorentzian width.

    U tan^2 theta + V tan theta + W (Caglioti, Paoletti & Ricci, Nucl. Instrum. 3, 223, 1958), degree^2, which counts
    as 0 where the polynomial is negative, and X tan theta + Y / cos theta, degree.
    """
    gauss = np.maximum((values["U"] * tangent + values["V"]) * tangent + values["W"], 0.0)
    return gauss, values["X"] * tangent + values["Y"] / cosine


@lru_cache(maxsize=64)
def bind_lines(structure: Structure, radiation: Radiation, settings: EngineSettings, d_min: float) -> LineTable:
    """Lower a structure to its line table.

    Parameters
    ----------
    structure : Structure
        Its cell decides which reflections there are; they stay when the cell moves.
    radiation : Radiation
    settings : EngineSettings
    d_min : float
        Smallest d-spacing, Angstrom.
    """
    table = reflections(structure.group, structure.cell, d_min)
    axis = settings.march_axis or (0, 0, 1)
    return LineTable(
        group=structure.group,
        settings=settings,
        wavelengths=np.array([line.wavelength for line in radiation.lines]),
        weights=np.array([line.weight for line in radiation.lines]),
        reflections=table,
        factors=bind_structure_factors(structure, table.hkl, radiation, settings),
        _products=_index_products(table.hkl),
        _march_products=_index_products(table.equivalents),
        _march_axis=np.array(axis, dtype=float),
    )


def _index_products(hkl: NDArray[np.int64]) -> FloatArray:
    """Return h^2, k^2, l^2, 2kl, 2hl, 2hk, shape (n, 6): 1/d^2 is linear in the six elements of the metric."""
    h, k, l = np.asarray(hkl, dtype=float).T  # noqa: E741
    return np.stack([h * h, k * k, l * l, 2 * k * l, 2 * h * l, 2 * h * k], axis=1)


def _inverse_d_squared(products: FloatArray, metric: FloatArray) -> FloatArray:
    return products @ metric[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
