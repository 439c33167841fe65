"""Debye engine: the powder pattern of clusters of a crystal, without the lattice sum that Bragg's law stands on.

Per unit cell of a sphere of diameter D, averaged over where its centre lies,

    I(q) = sum_s o_s m_s |f_s|^2 + sum_st o_s o_t Re(f_s f_t*) T_s T_t sum_{r>0} n_st(r) gamma(r) sin(qr)/(qr)

with n_st(r) the ordered pairs of the infinite crystal, gamma the sphere's characteristic function and
T = exp(-B (q/4 pi)^2). Two species that share a position are never a pair at r = 0: they cannot both be there, and
the first sum holds what each scatters by itself. The pattern is a quadratic plus a linear form in the occupancies.

References
----------
P. Debye, Ann. Phys. 351, 809 (1915); K. R. Beyerlein, Powder Diffr. 28, S2 (2013).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from math import ceil, isfinite, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdfit.crystal.radiation import Radiation
from xrdfit.crystal.structure import Structure
from xrdfit.diffraction.debye.angles import line_interpolations, q_range
from xrdfit.diffraction.debye.geometry import Geometry
from xrdfit.diffraction.debye.lattice_sums import LatticeSummer, LatticeSums, Memo
from xrdfit.diffraction.debye.transform import Nodes
from xrdfit.diffraction.grids import check_grid
from xrdfit.diffraction.optics import WIDTHS, Resolution, optical_factor, optical_names, optical_slope, scattering_angle
from xrdfit.diffraction.probe import Probe
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.errors import InputError

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Values = Mapping[str, float]

_ANGLE_MARGIN = 1.5  # degree; tables reach beyond the grid in such steps, for shifts of the angle


def bind(structure: Structure, two_theta: ArrayLike, radiation: Radiation, settings: EngineSettings) -> DebyeEngine:
    """Bind a structure to a grid of angles.

    Parameters
    ----------
    structure : Structure
    two_theta : (n,) array
        Grid, degree, ascending within 0 to 180.
    radiation : Radiation
    settings : EngineSettings

    Returns
    -------
    DebyeEngine

    Raises
    ------
    InputError
        When the grid is no grid of scattering angles.
    """
    return DebyeEngine(structure, check_grid(two_theta), radiation, settings)


class _Fields:
    """Scattering at the nodes for one set of values: everything that the pattern and its derivatives share."""

    def __init__(self, engine: DebyeEngine, values: Values) -> None:
        self.at = engine.sums(values)
        self.s_squared = (self.at.nodes.u / (4.0 * pi * values["a"])) ** 2
        self.occupancy = np.array([values[name] for name in engine.occupancy_names])
        b = values["b_overall"] + np.array([values[name] for name in engine.b_names])[list(engine.geometry.host)]
        form = engine.form_factors(np.sqrt(self.s_squared), values)
        self.real_form, self.damping = form.real, np.exp(-b[:, None] * self.s_squared)
        self.alone = engine.multiplicity[:, None] * (form.real**2 + form.imag**2)
        self.damped = form * self.damping
        self.amplitude = self.occupancy[:, None] * self.damped
        self.field = np.einsum("stu,ltu->lsu", engine.summer.matrix(self.at.sums.value), self.amplitude)

    def intensity(self) -> FloatArray:
        """I at the nodes, (n_lines, n_u)."""
        pairs = (self.amplitude.conj() * self.field).real
        return (self.alone * self.occupancy[:, None] + pairs).sum(axis=1)

    def by_occupancy(self, site: int) -> FloatArray:
        """Derivative by an occupancy, (n_lines, n_u)."""
        return self.alone[:, site] + 2.0 * (self.damped[:, site].conj() * self.field[:, site]).real

    def by_b(self, sites: Sequence[int]) -> FloatArray:
        """Derivative by a B that the sites have in common, (n_lines, n_u)."""
        chosen = list(sites)
        return -2.0 * self.s_squared * (self.amplitude[:, chosen].conj() * self.field[:, chosen]).real.sum(axis=1)

    def by_f_prime(self, sites: FloatArray, multiplicity: FloatArray) -> FloatArray:
        """Derivative by a shift of f' of the sites (1, others 0) whose it is, (n_lines, n_u)."""
        own = sites * self.occupancy
        alone = 2.0 * np.einsum("s,lsu->lu", own * multiplicity, self.real_form)
        return alone + 2.0 * np.einsum("s,su,lsu->lu", own, self.damping, self.field.real)

    def quadratic(self, matrix: FloatArray) -> FloatArray:
        """Quadratic form of the amplitudes with derivatives of the pair sums, (n_lines, n_u)."""
        field = np.einsum("stu,ltu->lsu", matrix, self.amplitude)
        return (self.amplitude.conj() * field).real.sum(axis=1)


class DebyeEngine:
    """A structure bound to a grid for the Debye equation; made by `bind`.

    The parameters are the occupancies, free coordinates, displacement parameters, cell, `size_nm` (diameter D, or the
    number median of a lognormal distribution), `size_sigma`, `microstrain`, zero shift and displacement of the
    specimen, the instrument's widths, and the parameters of optics and probe that the settings add. Calculations are
    remembered between calls, which changes no result.
    """

    def __init__(
        self, structure: Structure, two_theta: FloatArray, radiation: Radiation, settings: EngineSettings
    ) -> None:
        self.two_theta = two_theta
        self.settings = settings
        self.probe = Probe(radiation, settings)
        self.geometry = Geometry.of(structure)
        self.multiplicity = self.geometry.multiplicity
        self.occupancy_names = tuple(f"occ_{site.label}" for site in structure.sites)
        self.b_names = tuple(f"b_{position.label}" for position in self.geometry.positions)
        self.summer = LatticeSummer(self.geometry, settings.min_distance)
        self._interpolation, self._blur = Memo(4), Memo()
        species = [site.species for site in structure.sites]
        self._kinds = sorted(set(species))
        self._scattering = self.probe.amplitudes(self._kinds)
        self._species_of_site = [self._kinds.index(name) for name in species]

    def assuming(
        self,
        *,
        anomalous_table: str | None = None,
        kalpha_ratio: float | None = None,
        march_axis: tuple[int, int, int] | None = None,
        broadening_axis: tuple[int, int, int] | None = None,
    ) -> DebyeEngine:
        """Return the engine with f' and f'' of another table, or another weight of Kα2; sums over pairs are shared."""
        other = copy(self)
        other.probe = self.probe.assuming(anomalous_table, kalpha_ratio)
        other._scattering = other.probe.amplitudes(self._kinds)
        other._interpolation, other._blur = Memo(4), Memo()
        return other

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters that the pattern responds to."""
        return (
            *self.occupancy_names,
            *self.geometry.coordinate_names,
            *self.b_names,
            "b_overall",
            *self.geometry.cell_names,
            *("size_nm", "size_sigma", "microstrain", "zero_deg", "displacement_mm"),
            *WIDTHS,
            *self._scattering.names,
            *self.probe.names,
            *optical_names(self.probe),
        )

    def pattern(self, values: Values) -> FloatArray:
        """Calculate the pattern per unit cell, shape (n,).

        Parameters
        ----------
        values : mapping
            At least the names of `names`.

        Raises
        ------
        InputError
            When a value is missing or not finite, the size is not within 0 to 50 nm, or a distribution reaches beyond
            100 nm.
        """
        self._check(values)
        fields = _Fields(self, values)
        return self._observed(fields.intensity()[:, None], fields.at.nodes, values)[0]

    def jacobian(self, values: Values, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Calculate the pattern and its derivatives.

        Parameters
        ----------
        values : mapping
            At least the names of `names`.
        names : sequence of str
            Parameters to differentiate by; those that the engine does not know have derivative zero.

        Returns
        -------
        pattern : (n,) array
        derivatives : (n, len(names)) array

        Raises
        ------
        InputError
            As `pattern` does.
        """
        self._check(values)
        fields = _Fields(self, values)
        intensity = fields.intensity()
        known = [name for name in names if name in self.names]
        inner = {name: field for name in known if (field := self._by(name, fields, values)) is not None}
        curves = self._observed(np.stack([intensity, *inner.values()], axis=1), fields.at.nodes, values)
        columns = dict(zip(inner, curves[1:], strict=True))
        for name in known:
            if name not in columns:
                columns[name] = self._by_observation(name, intensity, fields, values)
        derivatives = np.zeros((len(curves[0]), len(names)))
        for i, name in enumerate(names):
            if name in columns:
                derivatives[:, i] = columns[name]
        return curves[0], derivatives

    def _check(self, values: Values) -> None:
        for name in self.names:
            if name not in values:
                raise InputError(f"parameter {name} is missing: the Debye engine needs {', '.join(self.names)}")
            if not isfinite(values[name]):
                raise InputError(f"parameter {name} is {values[name]}: a finite number is allowed")

    def sums(self, values: Values) -> LatticeSums:
        """Pair sums at the nodes for these values."""
        shift = abs(values["zero_deg"]) + np.degrees(2.0 * abs(values["displacement_mm"]) / self.settings.radius_mm)
        margin = _ANGLE_MARGIN * max(1, ceil(shift / _ANGLE_MARGIN))
        return self.summer(values, q_range(self.two_theta, margin, self.probe.lines))

    def form_factors(self, s: FloatArray, values: Values) -> ComplexArray:
        """Form factors by line, site and node, (n_lines, n_sites, n_u)."""
        return self._scattering.at(s, values)[:, self._species_of_site]

    def _by(self, name: str, fields: _Fields, values: Values) -> FloatArray | None:
        """Derivative of the intensity at the nodes, (n_lines, n_u); None for what acts on the grid."""
        if name in self.occupancy_names:
            return fields.by_occupancy(self.occupancy_names.index(name))
        if name in self.b_names:
            position = self.b_names.index(name)
            return fields.by_b([site for site, host in enumerate(self.geometry.host) if host == position])
        if name == "b_overall":
            return fields.by_b(range(len(self.multiplicity)))
        if name in self.geometry.cell_names or name in self.geometry.coordinate_names:
            return fields.quadratic(self.summer.matrix(self.summer.by_geometry(name, fields.at, values)))
        if name in self._scattering.names:
            return fields.by_f_prime(self._scattering.whose(name)[self._species_of_site], self.multiplicity)
        by_size = {
            "size_nm": fields.at.sums.by_size / values["size_nm"],
            "size_sigma": fields.at.sums.by_sigma,
            "microstrain": fields.at.sums.by_strain,
        }
        if name not in by_size:
            return None
        derivative = by_size[name]
        return fields.quadratic(
            self.summer.matrix(np.zeros_like(fields.at.sums.value) if derivative is None else derivative)
        )

    def _by_observation(self, name: str, intensity: FloatArray, fields: _Fields, values: Values) -> FloatArray:
        """Derivative of the pattern by what acts on the grid: shifts, widths, weights of the lines and optics."""
        true, by_zero, by_displacement = self._angles(values)
        theta = np.radians(0.5 * true)
        curves, nodes = intensity[:, None], fields.at.nodes
        factor = optical_factor(theta, self.probe, values)
        if name in self.probe.names:
            weights = self.probe.weight_slopes(values, name)
            return self._blurred(self._on_grid(curves, nodes, values, weights)[0] * factor, values)
        plain = self._on_grid(curves, nodes, values)[0]
        if name in WIDTHS:
            return Resolution.of(values).blur_slope(self.two_theta, name) @ (plain * factor)
        if name in optical_names(self.probe):
            return self._blurred(plain * optical_slope(theta, self.probe, values, name)[1], values)
        by_angle = self._on_grid(curves, nodes, values, slope=True)[0] * factor
        by_angle += plain * optical_slope(theta, self.probe, values, "theta")[1] * np.radians(0.5)
        return self._blurred(by_angle * (by_zero if name == "zero_deg" else by_displacement), values)

    def _observed(self, curves: FloatArray, nodes: Nodes, values: Values) -> FloatArray:
        """Take curves at the nodes, (n_lines, k, n_u), to the grid as they are measured, (k, n)."""
        factor = optical_factor(np.radians(0.5 * self._angles(values)[0]), self.probe, values)
        return self._blurred(self._on_grid(curves, nodes, values) * factor, values)

    def _on_grid(
        self,
        curves: FloatArray,
        nodes: Nodes,
        values: Values,
        weights: FloatArray | None = None,
        *,
        slope: bool = False,
    ) -> FloatArray:
        """Interpolate curves at the nodes, (n_lines, k, n_u), to the grid and sum the lines by their weights, (k, n).

        With `slope` their derivative by the true angle, per degree; with `weights` others than the probe's.
        """
        key = (nodes, values["a"], values["zero_deg"], values["displacement_mm"], slope)
        interpolations = self._interpolation(
            key, lambda: line_interpolations(nodes, self._angles(values)[0], values["a"], self.probe.lines, slope=slope)
        )
        weights = self.probe.weights(values) if weights is None else weights
        parts = [to_grid(w * curve) for to_grid, w, curve in zip(interpolations, weights, curves, strict=True)]
        return np.sum(parts, axis=0)

    def _blurred(self, curves: FloatArray, values: Values) -> FloatArray:
        resolution = Resolution.of(values)
        if resolution.perfect:
            return curves
        matrix = self._blur(resolution, lambda: resolution.blur(self.two_theta, resolution.reach(self.two_theta)))
        return curves + (matrix @ curves.T).T

    def _angles(self, values: Values) -> tuple[FloatArray, FloatArray, FloatArray]:
        return scattering_angle(self.two_theta, values["zero_deg"], values["displacement_mm"], self.settings.radius_mm)
