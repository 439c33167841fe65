"""The line table: position, width and area of every powder line as a pure function of the parameters.

It has a few dozen to a few hundred rows, so that whatever moves rows in a complicated way is differentiated on the
rows, by central differences, and the pattern's own derivatives stay analytic; nearly everything has closed forms, in
`row_slopes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache

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
from xrdfit.diffraction.bragg.direction import Direction, index_products, inverse_d_squared, split_by_direction
from xrdfit.diffraction.bragg.line_sums import Peaks
from xrdfit.diffraction.bragg.profile import combine_widths, split_width
from xrdfit.diffraction.bragg.sizes import lognormal_nodes
from xrdfit.diffraction.bragg.structure_factors import Amplitudes, StructureFactors, bind_structure_factors
from xrdfit.diffraction.optics import (
    instrument_widths,
    observed_angle,
    optical_factor,
    optical_names,
    optical_slope,
)
from xrdfit.diffraction.probe import Probe
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.diffraction.settings import EngineSettings

Values = Mapping[str, float]

_LAST_SINE = 0.9999  # beyond 178.4 degree no line can be measured, and LP and the widths diverge


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines before any broadening: w lines of the radiation times n reflections.

    Attributes
    ----------
    theta : ndarray, shape (w, n)
        Bragg angle, radian.
    exists : ndarray of bool, shape (w, n)
        False where the angle is beyond 178.4 degree or there is none, and below the d-spacing down to which lines of
        this wavelength are computed; such lines have a factor of 0.
    s : ndarray, shape (n,)
        sin(theta)/lambda, 1/Angstrom.
    amplitudes : Amplitudes
        Structure factors.
    f_squared : ndarray, shape (w, n)
        Mean of |F(h)|^2 and |F(-h)|^2, electrons^2 per cell.
    factor : ndarray, shape (w, n)
        Area per cell and per |F|^2: degree x (intensity per radian), so that the pattern's integral over radians is
        m |F|^2 lambda^3 LP' / (16 pi V).
    bare : ndarray, shape (w, n)
        `factor` without polarization, slits and absorption.
    cell : Cell
    """

    theta: FloatArray
    exists: NDArray[np.bool_]
    s: FloatArray
    amplitudes: Amplitudes
    f_squared: FloatArray
    factor: FloatArray
    bare: FloatArray
    cell: Cell
    _made_by: tuple[LineTable, Values]

    @cached_property
    def factor_by_theta(self) -> FloatArray:
        """Derivative of `factor` by theta, shape (w, n)."""
        table, values = self._made_by
        return table.factor_by_theta(values, self)

    @cached_property
    def f_squared_by_s(self) -> FloatArray:
        """Derivative of `f_squared` by s, shape (w, n)."""
        return self.amplitudes.slope_by_s()

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
    probe: Probe
    wavelengths: FloatArray
    reflections: Reflections
    factors: StructureFactors
    _listed: NDArray[np.bool_]
    _products: FloatArray
    _march: Direction | None = None
    _broadening: Direction | None = None

    @property
    def cell_names(self) -> tuple[str, ...]:
        """Free parameters of the cell."""
        return cell_names(self.group)

    def about(self, axis: tuple[int, int, int]) -> LineTable:
        """Return the table with preferred orientation about an axis."""
        settings = replace(self.settings, march_axis=axis)
        return replace(self, settings=settings, _march=Direction(self.reflections.equivalents, axis))

    def broadened_about(self, axis: tuple[int, int, int]) -> LineTable:
        """Return the table with broadening by a direction that is the mean of each line's equivalents.

        That is exact to first order in the ratios' distance from 1; `bind_lines` parts the equivalents.
        """
        mean = Direction(self.reflections.equivalents, axis, self.reflections.owner)
        return replace(self, settings=replace(self.settings, broadening_axis=axis), _broadening=mean)

    def lines(self, values: Values) -> Lines:
        """Return angles and areas."""
        cell = cell_from_free(self.group, values)
        metric = cell.reciprocal_metric
        s = 0.5 * np.sqrt(inverse_d_squared(self._products, metric))
        sine = np.multiply.outer(self.wavelengths, s)
        theta = np.arcsin(np.minimum(sine, _LAST_SINE))
        exists = (sine <= _LAST_SINE) & self._listed
        bare = self._bare(values, theta, cell, self.probe.weights(values)) * exists
        factor = bare * self._optics(values, theta)
        amplitudes = self.factors.at(values, s)
        return Lines(theta, exists, s, amplitudes, amplitudes.squared, factor, bare, cell, (self, values))

    def line_slopes(self, values: Values, lines: Lines, name: str) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of theta and of the areas by a parameter of the cell, each (w, n); see `lines`."""
        metric, by_cell = lines.cell.reciprocal_metric, metric_slope(self.group, lines.cell, name)
        moved = -metric @ by_cell @ metric
        s = inverse_d_squared(self._products, moved) / (8.0 * lines.s)
        theta = np.multiply.outer(self.wavelengths, s) / np.cos(lines.theta)
        per_volume = 0.5 * np.sum(metric * by_cell)  # of ln V
        factor = lines.factor_by_theta * theta - per_volume * lines.factor
        if self.settings.march_axis is not None:
            factor = factor + lines.factor * self.march_slope(values, metric, moved)
        return theta, factor * lines.f_squared + lines.factor * lines.f_squared_by_s * s

    def _bare(self, values: Values, theta: FloatArray, cell: Cell, weights: FloatArray) -> FloatArray:
        """Return weight, Lorentz factor and orientation of the lines, shape (w, n)."""
        sine = np.sin(theta)
        strength = weights * self.wavelengths**3 * (180.0 / np.pi) / (16.0 * np.pi * cell.volume)
        bare = np.multiply.outer(strength, self.reflections.multiplicity.astype(float))
        bare /= sine if self.settings.lorentz_along_profile else sine * sine * np.cos(theta)
        if self.settings.march_axis is not None:
            bare *= self._oriented(values["march_r"], cell.reciprocal_metric)
        return bare

    def _optics(self, values: Values, theta: FloatArray, name: str = "") -> FloatArray:
        """Return the factors of `optical_factor` that belong to lines, or their derivative by a parameter or theta."""
        polarized = not self.settings.lorentz_along_profile
        if name:
            return optical_slope(theta, self.probe, values, name, polarized=polarized)[1]
        return optical_factor(theta, self.probe, values, polarized=polarized)

    def factor_by_theta(self, values: Values, lines: Lines) -> FloatArray:
        """Return the derivative of the lines' `factor` by theta, shape (w, n)."""
        tangent = np.tan(lines.theta)
        lorentz = -1.0 / tangent if self.settings.lorentz_along_profile else tangent - 2.0 / tangent
        return lines.factor * lorentz + lines.bare * self._optics(values, lines.theta, "theta")

    def area_slopes(self, values: Values, lines: Lines, names: Sequence[str]) -> dict[str, FloatArray]:
        """Return the derivatives of the areas by those of `names` that move nothing else, each (w, n)."""
        slopes = {name: lines.factor * slope for name, slope in lines.amplitudes.slopes(names).items()}
        for name in optical_names(self.probe):
            if name in names:
                slopes[name] = lines.bare * self._optics(values, lines.theta, name) * lines.f_squared
        for name in self.probe.names:
            if name in names:
                bare = self._bare(values, lines.theta, lines.cell, self.probe.weight_slopes(values, name))
                slopes[name] = bare * lines.exists * self._optics(values, lines.theta) * lines.f_squared
        return slopes

    def _oriented(self, r: float, metric: FloatArray) -> FloatArray:
        """Return the mean of (r^2 cos^2 alpha + sin^2 alpha / r)^(-3/2) over the equivalents, shape (n,)."""
        assert self._march is not None
        each = _march_factor(r, self._march.squared_cosine(metric))
        return np.bincount(self.reflections.owner, each) / self.reflections.multiplicity

    def march_slope(self, values: Values, metric: FloatArray, moved: FloatArray | None = None) -> FloatArray:
        """Return the derivative of the logarithm of March and Dollase's factor by r, or as the metric moves, (n,)."""
        assert self._march is not None
        r, cosine2 = values["march_r"], self._march.squared_cosine(metric)
        each = _march_factor(r, cosine2)
        if moved is None:
            inner = 2.0 * r * cosine2 - (1.0 - cosine2) / r**2
        else:
            inner = (r * r - 1.0 / r) * self._march.squared_cosine_slope(metric, moved)
        slope = -1.5 * each ** (5.0 / 3.0) * inner
        owner = self.reflections.owner
        return np.bincount(owner, slope) / np.bincount(owner, each)

    def shape_factors(self, values: Values, lines: Lines) -> tuple[FloatArray | float, FloatArray | float]:
        """Return how many times as wide as across the axis size and strain make lines, each (w * n,), or 1.

        An ellipsoid of revolution with diameters D across and ρD along the axis is a stretched sphere: all its columns
        along a direction at the angle φ are those of a sphere of diameter D/√(sin²φ + cos²φ/ρ²). A strain ε across
        and κε along the axis is ε(sin²φ + κ cos²φ) in between.
        """
        if self._broadening is None:
            return 1.0, 1.0
        cosine2 = np.tile(self._broadening.squared_cosine(lines.cell.reciprocal_metric), len(self.wavelengths))
        size = np.sqrt(1.0 + cosine2 * (values["size_ratio"] ** -2 - 1.0))
        return size, 1.0 + cosine2 * (values["strain_ratio"] - 1.0)

    def shape_slopes(self, values: Values, lines: Lines, name: str) -> tuple[FloatArray | float, FloatArray | float]:
        """Return the derivatives of `shape_factors` by a ratio or by a parameter of the cell."""
        if self._broadening is None:
            return 0.0, 0.0
        metric, ratio, n = lines.cell.reciprocal_metric, values["size_ratio"], len(self.wavelengths)
        size = np.asarray(self.shape_factors(values, lines)[0])
        if name in ("size_ratio", "strain_ratio"):
            cosine2 = np.tile(self._broadening.squared_cosine(metric), n)
            return (-cosine2 * ratio**-3 / size, 0.0) if name == "size_ratio" else (0.0, cosine2)
        moved = -metric @ metric_slope(self.group, lines.cell, name) @ metric
        turned = np.tile(self._broadening.squared_cosine_slope(metric, moved), n)
        return 0.5 * turned * (ratio**-2 - 1.0) / size, turned * (values["strain_ratio"] - 1.0)

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
        size, strain = self.shape_factors(values, lines)
        scherrer = self.settings.scherrer_k * wavelength / (10.0 * size_nm * cosine)
        sample = np.degrees(scherrer * size + 4.0 * values["microstrain"] * tangent * strain)
        gauss_share, lorentz_share = split_width(values["mixing"])
        gauss, lorentz = instrument_widths(values, cosine, tangent)
        return np.sqrt((gauss_share * sample) ** 2 + gauss), lorentz_share * sample + lorentz

    def shifted(self, values: Values, two_theta: FloatArray) -> FloatArray:
        """Return where lines at `two_theta`, radian, are seen, degree: zero and displacement of the specimen."""
        return observed_angle(two_theta, values["zero_deg"], values["displacement_mm"], self.settings.radius_mm)

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


@lru_cache(maxsize=64)
def bind_lines(
    structure: Structure, radiation: Radiation, settings: EngineSettings, d_min: tuple[float, ...]
) -> LineTable:
    """Lower a structure to its line table.

    Parameters
    ----------
    structure : Structure
        Its cell decides which reflections there are; they stay when the cell moves.
    radiation : Radiation
    settings : EngineSettings
    d_min : tuple of float
        Smallest d-spacing, Angstrom, for each line of the probe: what is near backscattering for one wavelength is not
        for another.
    """
    table = reflections(structure.group, structure.cell, min(d_min))
    if settings.broadening_axis is not None:
        table = split_by_direction(table, structure.group, structure.cell, settings.broadening_axis)
    listed = structure.cell.d_spacing(table.hkl) >= (1.0 - 1e-9) * np.array(d_min)[:, None]
    probe = Probe(radiation, settings)
    march, broadening = settings.march_axis, settings.broadening_axis
    return LineTable(
        group=structure.group,
        settings=settings,
        probe=probe,
        wavelengths=probe.wavelengths,
        reflections=table,
        factors=bind_structure_factors(structure, table.hkl, probe),
        _listed=listed,
        _products=index_products(table.hkl),
        _march=None if march is None else Direction(table.equivalents, march),
        _broadening=None if broadening is None else Direction(table.hkl, broadening),
    )
