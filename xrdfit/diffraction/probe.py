"""What illuminates the sample and how atoms answer it: lines and their weights, amplitudes, polarization.

X-rays are scattered by f0(s) + f' + i f'', line by line; neutrons by the nuclei's lengths b, which do not fall off with
s, and without a polarization factor. In the form that both engines use, sums of Gaussians in s and a complex constant
for each line, a neutron's Gaussians are zero and b is the constant, so that all derivatives are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Line, Radiation
from xrdfit.crystal.scattering import anomalous, f0_coefficients, neutron_length, split_species
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.errors import InputError

ComplexArray = NDArray[np.complex128]
Values = Mapping[str, float]

RATIO = "kalpha_ratio"


@dataclass(frozen=True)
class Probe:
    """A radiation as an engine sees it.

    Attributes
    ----------
    radiation : Radiation
    settings : EngineSettings
        Anomalous terms and their table, monochromator, further lines, and which of `names` there are.
    """

    radiation: Radiation
    settings: EngineSettings

    def assuming(self, anomalous_table: str | None, kalpha_ratio: float | None) -> Probe:
        """Return the probe with f′, f″ of another table, or another intensity of Kα2 relative to Kα1."""
        rays, settings = self.radiation, self.settings
        if anomalous_table is not None:
            settings = replace(settings, anomalous_table=anomalous_table)
        if kalpha_ratio is not None:
            first, second, *rest = rays.lines
            weights = 1.0 / (1.0 + kalpha_ratio), kalpha_ratio / (1.0 + kalpha_ratio)
            pair = (replace(line, weight=w) for line, w in zip((first, second), weights, strict=True))
            rays = replace(rays, lines=(*pair, *rest))
        return Probe(rays, settings)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The radiation's lines, and those that the settings add to a tube's."""
        rays = self.radiation
        if self.settings.kalpha_ratio and len(rays.lines) != 2:
            raise InputError(f"radiation {rays.name}: not a doublet, so that it has no kalpha_ratio")
        return (*rays.lines, *(rays.extra_line(kind) for kind in self.settings.extra_lines))

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters of the weights of the lines."""
        return (*((RATIO,) if self.settings.kalpha_ratio else ()), *self.settings.extra_lines)

    @cached_property
    def wavelengths(self) -> FloatArray:
        """Wavelengths of `lines`, Angstrom, shape (w,)."""
        return np.array([line.wavelength for line in self.lines])

    def weights(self, values: Values) -> FloatArray:
        """Return the weights of `lines`, shape (w,); those of further lines come on top of a sum of 1."""
        weights = np.array([line.weight for line in self.lines])
        if self.settings.kalpha_ratio:
            ratio = values[RATIO]
            weights[:2] = 1.0 / (1.0 + ratio), ratio / (1.0 + ratio)
        for column, name in enumerate(self.settings.extra_lines, start=len(self.radiation.lines)):
            weights[column] = values[name]
        return weights

    def weight_slopes(self, values: Values, name: str) -> FloatArray:
        """Return the derivatives of `weights` by one of `names`, shape (w,)."""
        slopes = np.zeros(len(self.lines))
        if name == RATIO:
            slopes[:2] = np.array([-1.0, 1.0]) / (1.0 + values[RATIO]) ** 2
        else:
            slopes[len(self.radiation.lines) + self.settings.extra_lines.index(name)] = 1.0
        return slopes

    def amplitudes(self, species: Sequence[str]) -> SpeciesAmplitudes:
        """Return how several species scatter.

        Raises
        ------
        InputError
            A species or an energy is not in the tables.
        """
        if self.radiation.neutron:
            still = np.zeros((len(species), 1))
            lengths = [[neutron_length(name, line.wavelength) for name in species] for line in self.lines]
            return SpeciesAmplitudes(still, still, still[:, 0], np.array(lengths), ())
        table = [f0_coefficients(name) for name in species]
        elements = [split_species(name)[0] for name in species]
        dispersion = np.zeros((len(self.lines), len(species)), dtype=complex)
        if self.settings.anomalous:
            for row, line in zip(dispersion, self.lines, strict=True):
                row[:] = [anomalous(name, line.energy_ev, self.settings.anomalous_table) for name in elements]
        factor, exponent, constant = (np.array(part) for part in zip(*table, strict=True))
        shifts = tuple(
            (f"fp_{element}", np.array([name == element for name in elements], dtype=float))
            for element in self.settings.f_prime
        )
        return SpeciesAmplitudes(factor, exponent, constant, dispersion, shifts)


@dataclass(frozen=True, eq=False)
class SpeciesAmplitudes:
    """Amplitudes of k species: sum_i factor_i exp(-exponent_i s^2) + constant + dispersion, for each of w lines.

    Attributes
    ----------
    factor, exponent : ndarray, shape (k, terms)
        Electrons; Angstrom^2.
    constant : ndarray, shape (k,)
    dispersion : ndarray of complex, shape (w, k)
        f' + i f'' of X-rays, electrons; b of neutrons, fm.
    shifts : tuple of (name, ndarray of shape (k,))
        Parameters that are added to f', and the species (1, others 0) whose it is.
    """

    factor: FloatArray
    exponent: FloatArray
    constant: FloatArray
    dispersion: ComplexArray
    shifts: tuple[tuple[str, FloatArray], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters that are added to f'."""
        return tuple(name for name, _ in self.shifts)

    def gaussians(self, s: FloatArray) -> FloatArray:
        """Return the terms that fall off with s = sin(theta)/lambda (n,), 1/Angstrom; shape (k, terms, n)."""
        return self.factor[:, :, None] * np.exp(np.multiply.outer(-self.exponent, s * s))

    def total(self, gaussians: FloatArray, values: Values) -> ComplexArray:
        """Return the amplitudes, shape (w, k, n), from their `gaussians`."""
        dispersion = self.dispersion
        for name, whose in self.shifts:
            dispersion = dispersion + values[name] * whose
        return (gaussians.sum(axis=1) + self.constant[:, None]) + dispersion[:, :, None]

    def at(self, s: FloatArray, values: Values | None = None) -> ComplexArray:
        """Return the amplitudes at s = sin(theta)/lambda (n,), 1/Angstrom, shape (w, k, n)."""
        return self.total(self.gaussians(s), values or dict.fromkeys(self.names, 0.0))

    def whose(self, name: str) -> FloatArray:
        """Return for which species (1, others 0) one of `names` is added, shape (k,)."""
        return dict(self.shifts)[name]


def polarization(two_theta_deg: FloatArray, monochromator_deg: float = 0.0, fraction: float = 0.5) -> FloatArray:
    """Polarization factor (P + (1 − P) cos²2θ_M cos²2θ)/(P + (1 − P) cos²2θ_M) of X-rays.

    Parameters
    ----------
    two_theta_deg : (n,) array of float
        Scattering angle 2θ in degrees.
    monochromator_deg : float
        2θ_M of a monochromator in degrees, 0 without one (graphite and Cu Kα: 26.6).
    fraction : float
        P, the share of the beam that is polarized normal to the plane of scattering: ½ of a tube, 0.95 to 1 of a
        synchrotron's beam scattered in the vertical plane.

    Returns
    -------
    (n,) array of float
        1 at 2θ = 0.

    References
    ----------
    International Tables C, section 6.2.2.
    """
    return polarization_factor(0.5 * np.radians(two_theta_deg), monochromator_deg, fraction)


def polarization_factor(theta: FloatArray, monochromator_deg: float, fraction: float) -> FloatArray:
    """Return `polarization` at a Bragg angle in radian."""
    through = cos(radians(monochromator_deg)) ** 2
    squared = np.cos(2.0 * theta) ** 2
    if fraction == 0.5:  # as it is written for a tube
        return (1.0 + through * squared) / (1.0 + through)
    ratio = (1.0 - fraction) * through
    return (fraction + ratio * squared) / (fraction + ratio)


def polarization_slope(theta: FloatArray, monochromator_deg: float, fraction: float, name: str) -> FloatArray:
    """Return the derivative of `polarization_factor` by "theta" or by P, "polarization"."""
    through = cos(radians(monochromator_deg)) ** 2
    whole = fraction + (1.0 - fraction) * through
    if name == "theta":
        return -2.0 * (1.0 - fraction) * through * np.sin(4.0 * theta) / whole
    return through * np.sin(2.0 * theta) ** 2 / whole**2
