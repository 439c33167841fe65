"""From the scattering of a sample to counts: shifts of the angle, polarization, slits, film, resolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, log, log2, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import polarization
from xrdfit.diffraction.settings import EngineSettings

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FloatArray = NDArray[np.float64]

WIDTHS = ("U", "V", "W", "X", "Y")
_ANGLE_STEP = 1e-3
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


def intensity_factor(two_theta: FloatArray, settings: EngineSettings, mu_t: float) -> FloatArray:
    """Polarization, automatic slits and film at the true angle, shape (n,).

    Parameters
    ----------
    two_theta : (n,) array
        True 2 theta, degree.
    settings : EngineSettings
    mu_t : float
        Absorption times thickness; without effect unless ``settings.film``.
    """
    factor = polarization(two_theta, settings.monochromator_deg)
    sine = np.sin(np.radians(0.5 * two_theta))
    if settings.slits == "automatic":
        factor = factor * sine
    if settings.film:
        factor = factor * -np.expm1(-2.0 * mu_t / sine)
    return factor


def intensity_slope(two_theta: FloatArray, settings: EngineSettings, mu_t: float) -> FloatArray:
    """Derivative of `intensity_factor` by the angle, per degree: a central difference, right to 1e-9."""
    high, low = (intensity_factor(two_theta + sign * _ANGLE_STEP, settings, mu_t) for sign in (1.0, -1.0))
    return (high - low) / (2.0 * _ANGLE_STEP)


def film_slope(two_theta: FloatArray, settings: EngineSettings, mu_t: float) -> FloatArray:
    """Derivative of `intensity_factor` by mu_t."""
    sine = np.sin(np.radians(0.5 * two_theta))
    bare = intensity_factor(two_theta, EngineSettings(monochromator_deg=settings.monochromator_deg), 0.0)
    slits = sine if settings.slits == "automatic" else 1.0
    return bare * slits * 2.0 / sine * np.exp(-2.0 * mu_t / sine)


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
        tangent = np.tan(half)
        gauss = np.sqrt(np.maximum(self.U * tangent**2 + self.V * tangent + self.W, 0.0))
        return gauss, np.maximum(self.X * tangent + self.Y / np.cos(half), 0.0)

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
