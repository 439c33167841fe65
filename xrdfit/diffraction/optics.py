"""From the scattering of a sample to counts: shifts of the angle, slits, film, capillary, widths of the instrument.

What depends on the angle alone is stated here once, for lines at their Bragg angles and for grids of true angles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, log, log2, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.capillary import transmission
from xrdfit.diffraction.probe import Probe, polarization_factor, polarization_slope

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FloatArray = NDArray[np.float64]
Values = Mapping[str, float]

WIDTHS = ("U", "V", "W", "X", "Y")
_SIGMA_PER_FWHM = 1.0 / (2.0 * sqrt(2.0 * log(2.0)))
_GAUSS_REACH = 2.5
_LORENTZ_REACH = 30.0


def scattering_angle(
    two_theta: FloatArray, zero_deg: float, displacement_mm: float, radius_mm: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Find the true angles that are observed at the grid's.

    observed = true + zero - 2 (t/R) cos(true/2), solved for the true angle by iteration (t/R is below 0.01).

    Parameters
    ----------
    two_theta : (n,) array
        Observed angles, degree.
    zero_deg : float
    displacement_mm : float
        t; a negative one raises the observed angle.
    radius_mm : float
        R.

    Returns
    -------
    true, by_zero, by_displacement : (n,) arrays
        True 2 theta in degrees, its derivative by the zero shift and by the displacement (degree per mm).
    """
    ratio = displacement_mm / radius_mm
    start = two_theta - zero_deg
    true = start
    if ratio:
        for _ in range(6):
            true = start + np.degrees(2.0 * ratio * np.cos(np.radians(0.5 * true)))
    half = np.radians(0.5 * true)
    stretch = 1.0 / (1.0 + ratio * np.sin(half))
    return true, -stretch, stretch * np.degrees(2.0 / radius_mm * np.cos(half))


def observed_angle(two_theta: FloatArray, zero_deg: float, displacement_mm: float, radius_mm: float) -> FloatArray:
    """Find where lines at true angles (n,), radian, are observed, degree: the inverse of `scattering_angle`."""
    tilt = -2.0 * displacement_mm / radius_mm * np.cos(0.5 * two_theta)
    return np.degrees(two_theta + tilt) + zero_deg


def observed_slope(two_theta: FloatArray, displacement_mm: float, radius_mm: float, name: str) -> FloatArray:
    """Derivative of `observed_angle` by "zero_deg", "displacement_mm" or "theta" (degree per radian)."""
    half = 0.5 * two_theta
    if name == "zero_deg":
        return np.ones(half.size)
    arm = 2.0 / radius_mm
    if name == "displacement_mm":
        return -np.degrees(arm) * np.cos(half)
    return np.degrees(2.0 + arm * displacement_mm * np.sin(half))


def optical_names(probe: Probe) -> tuple[str, ...]:
    """Parameters of `optical_factor`."""
    settings = probe.settings
    polarized = settings.polarized and not probe.radiation.neutron
    switches = {"mu_t": settings.film, "mu_r": settings.capillary, "polarization": polarized}
    return tuple(name for name, there in switches.items() if there)


def optical_factor(theta: FloatArray, probe: Probe, values: Values, *, polarized: bool = True) -> FloatArray:
    """Polarization, automatic slits, film and capillary at the true angle.

    Parameters
    ----------
    theta : ndarray
        Bragg angle, radian.
    probe : Probe
    values : mapping
        Holds `optical_names`.
    polarized : bool
        False leaves the polarization factor out.
    """
    factor = np.ones_like(theta)
    for value, _ in _terms(theta, probe, values, polarized):
        factor = factor * value
    return factor


def optical_slope(
    theta: FloatArray, probe: Probe, values: Values, name: str, *, polarized: bool = True
) -> tuple[FloatArray, FloatArray]:
    """Return `optical_factor` and its derivative by "theta" (per radian) or by one of `optical_names`."""
    factor, slope = np.ones_like(theta), np.zeros_like(theta)
    for value, slopes in _terms(theta, probe, values, polarized):
        slope = slope * value + (factor * slopes[name]() if name in slopes else 0.0)
        factor = factor * value
    return factor, slope


def _terms(
    theta: FloatArray, probe: Probe, values: Values, polarized: bool
) -> Iterator[tuple[FloatArray, dict[str, Callable[[], FloatArray]]]]:
    """Yield the factors that there are, each with what computes its derivatives by theta and by its parameter."""
    settings = probe.settings
    if polarized and not probe.radiation.neutron:
        fraction = values["polarization"] if settings.polarized else 0.5
        given = theta, settings.monochromator_deg, fraction
        yield (
            polarization_factor(*given),
            {name: partial(polarization_slope, *given, name) for name in ("theta", "polarization")},
        )
    if settings.slits == "automatic":
        yield np.sin(theta), {"theta": partial(np.cos, theta)}
    if settings.film:
        mu_t, way = values["mu_t"], 2.0 / np.sin(theta)
        yield (
            -np.expm1(-mu_t * way),
            {
                "theta": lambda: -mu_t * way * np.exp(-mu_t * way) / np.tan(theta),
                "mu_t": lambda: way * np.exp(-mu_t * way),
            },
        )
    if settings.capillary:
        value, by_theta, by_mu_r = transmission(theta, values["mu_r"])
        yield value, {"theta": lambda: by_theta, "mu_r": lambda: by_mu_r}


def instrument_widths(values: Values, cosine: FloatArray, tangent: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the instrument's Gaussian width squared and its Lorentzian width.

    U tan^2 theta + V tan theta + W (Caglioti, Paoletti & Ricci, Nucl. Instrum. 3, 223, 1958), degree^2, which counts
    as 0 where the polynomial is negative, and X tan theta + Y / cos theta, degree.
    """
    gauss = np.maximum((values["U"] * tangent + values["V"]) * tangent + values["W"], 0.0)
    return gauss, values["X"] * tangent + values["Y"] / cosine


@dataclass(frozen=True)
class Resolution:
    """Widths of the instrument: H_G² = U tan²θ + V tanθ + W, H_L = X tanθ + Y/cosθ (degree)."""

    U: float = 0.0
    V: float = 0.0
    W: float = 0.0
    X: float = 0.0
    Y: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, float]) -> Resolution:
        """Take the five widths out of the parameters."""
        return cls(*(values[name] for name in WIDTHS))

    @property
    def perfect(self) -> bool:
        """Whether nothing is broadened."""
        return not any((self.U, self.V, self.W, self.X, self.Y))

    def widths(self, two_theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gaussian and Lorentzian full widths at half maximum, degree, (n,) each; where negative, zero."""
        half = np.radians(0.5 * two_theta)
        squared, lorentz = instrument_widths(vars(self), np.cos(half), np.tan(half))
        return np.sqrt(squared), np.maximum(lorentz, 0.0)

    def reach(self, two_theta: FloatArray) -> float:
        """How far from a point others are mixed in, degree; in steps of sqrt(2), so that slopes see one window."""
        gauss, lorentz = self.widths(two_theta)
        reach = float(np.max(_GAUSS_REACH * gauss + _LORENTZ_REACH * lorentz))
        return 2.0 ** (0.5 * ceil(2.0 * log2(reach))) if reach > 0.0 else 0.0

    def blur(self, two_theta: FloatArray, reach: float) -> csr_array:
        """Matrix B of the change by the instrument: the pattern becomes y + B y.

        (B y)_i = sum_j V(2theta_i - 2theta_j) (y_j - y_i) d2theta_j with V the Voigt function: a narrow line that the
        grid cannot resolve leaves the pattern alone, as does a grid of one point, and the ends of the grid need
        nothing from beyond.
        Points farther away than `reach` are left out.
        """
        from scipy.sparse import csr_array
        from scipy.special import voigt_profile

        gauss, lorentz = self.widths(two_theta)
        n = len(two_theta)
        if n == 1:
            return csr_array((1, 1))
        first = np.searchsorted(two_theta, two_theta - reach)
        count = np.searchsorted(two_theta, two_theta + reach, side="right") - first
        pointers = np.concatenate([[0], np.cumsum(count)])
        rows = np.repeat(np.arange(n), count)
        columns = np.arange(pointers[-1]) - np.repeat(pointers[:-1] - first, count)
        distance = two_theta[rows] - two_theta[columns]
        profile = np.zeros(len(rows))
        apart = rows != columns
        profile[apart] = voigt_profile(
            distance[apart], _SIGMA_PER_FWHM * gauss[rows[apart]], 0.5 * lorentz[rows[apart]]
        )
        profile *= np.gradient(two_theta)[columns]
        profile[~apart] = -np.bincount(rows, profile, minlength=n)
        return csr_array((profile, columns, pointers), shape=(n, n))

    def blur_slope(self, two_theta: FloatArray, name: str) -> csr_array:
        """Derivative of `blur` by one of the widths: a central difference, or a secant from a perfect instrument."""
        gauss, lorentz = self.widths(two_theta)
        squared = name in ("U", "V", "W")
        resolved = 2.0 * float(np.median(np.diff(two_theta))) if len(two_theta) > 1 else 1.0
        width = max(float(np.median(gauss if squared else lorentz)), resolved)
        step = width**2 if squared else width
        own = getattr(self, name)
        low, high = (own, own + step) if self.perfect else (own - 0.01 * step, own + 0.01 * step)
        lower, upper = (replace(self, **{name: value}) for value in (low, high))
        reach = (upper if self.perfect else self).reach(two_theta)
        return (upper.blur(two_theta, reach) - lower.blur(two_theta, reach)) / (high - low)
