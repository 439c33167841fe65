"""Widths and shapes of pseudo-Voigt lines, with analytic derivatives.

A peak of the pattern is the sum of a Lorentzian and a Gaussian of one position and one full width at half maximum
(Thompson, Cox & Hastings, J. Appl. Cryst. 20, 79, 1987).
"""

from __future__ import annotations

from functools import lru_cache
from math import log, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike

from xrdfit.diffraction.protocol import FloatArray

_GAUSS_HEIGHT = 2.0 * sqrt(log(2.0) / pi)
_4LN2 = 4.0 * log(2.0)


def pseudo_voigt(x: FloatArray, fwhm: float, eta: float) -> FloatArray:
    """Return eta L(x) + (1 - eta) G(x), of unit area and full width at half maximum `fwhm`.

    Parameters
    ----------
    x : ndarray
        Distance from the line's centre, in the unit of `fwhm`.
    fwhm, eta : float
        Full width at half maximum (> 0), and Lorentzian fraction of the area.
    """
    u = x / fwhm
    return (eta * lorentz_shape(u) + (1.0 - eta) * gauss_shape(u)) / fwhm


def combine_widths(gauss: ArrayLike, lorentz: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the width and the Lorentzian fraction of the pseudo-Voigt nearest to a Voigt.

    Parameters
    ----------
    gauss, lorentz : array_like
        Full widths at half maximum of the two components of the convolution, not both zero.

    Returns
    -------
    fwhm, eta : ndarray
        Thompson, Cox & Hastings (1987), equations 4 and 5.
    """
    g, l = np.asarray(gauss, dtype=float), np.asarray(lorentz, dtype=float)  # noqa: E741
    fifth = g * (g * (g * (g * (g + 2.69269 * l) + 2.42843 * l**2) + 4.47163 * l**3) + 0.07842 * l**4) + l**5
    fwhm = fifth**0.2
    q = l / fwhm
    return fwhm, q * (1.36603 + q * (-0.47719 + q * 0.11116))


def combine_widths_slope(
    gauss: FloatArray, lorentz: FloatArray, fwhm: FloatArray, by_gauss: FloatArray, by_lorentz: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of `combine_widths`' width `fwhm` and fraction, given those of its arguments."""
    g, l = gauss, lorentz  # noqa: E741
    per_g = g * (g * (g * (5.0 * g + 10.77076 * l) + 7.28529 * l**2) + 8.94326 * l**3) + 0.07842 * l**4
    per_l = l * (l * (l * (5.0 * l + 0.31368 * g) + 13.41489 * g**2) + 4.85686 * g**3) + 2.69269 * g**4
    by_fwhm = (per_g * by_gauss + per_l * by_lorentz) / (5.0 * fwhm**4)
    q = l / fwhm
    return by_fwhm, (1.36603 + q * (-0.95438 + q * 0.33348)) * (by_lorentz - q * by_fwhm) / fwhm


@lru_cache(maxsize=256)
def split_width(mixing: float) -> tuple[float, float]:
    """Return the Gaussian and the Lorentzian width, in units of the total, of a pseudo-Voigt: undo `combine_widths`.

    The sample's broadening has one total width (what Scherrer's equation gives) and one Lorentzian fraction
    `mixing`. Split this way a sample seen by a perfect instrument has exactly that width and that fraction, and
    with an instrument the Lorentzian widths add and the Gaussian widths add in squares.

    Examples
    --------
    >>> split_width(0.0), split_width(1.0)
    ((1.0, 0.0), (0.0, 1.0))
    """
    q = mixing / 1.36603
    for _ in range(60):
        step = (q * (1.36603 + q * (-0.47719 + q * 0.11116)) - mixing) / (1.36603 + q * (-0.95438 + q * 0.33348))
        q -= step
        if abs(step) < 1e-15:
            break
    if q >= 1.0:
        return 0.0, q
    rest = 1.0 - q**5
    g = sqrt(1.0 - q)  # the root lies within (0, 1]; the quintic grows with g, so Newton's steps converge
    for _ in range(60):
        value = g * (g * (g * (g * (g + 2.69269 * q) + 2.42843 * q**2) + 4.47163 * q**3) + 0.07842 * q**4) - rest
        slope = g * (g * (g * (5 * g + 10.77076 * q) + 7.28529 * q**2) + 8.94326 * q**3) + 0.07842 * q**4
        step = value / slope
        g -= step
        if abs(step) < 1e-15:
            break
    return g, q


def split_width_slope(gauss: float, lorentz: float) -> tuple[float, float]:
    """Return the derivatives of the two widths by `mixing`, at what `split_width` returned."""
    g, q = gauss, lorentz
    by_q = 1.0 / (1.36603 + q * (-0.95438 + q * 0.33348))
    per_g = g * (g * (g * (5.0 * g + 10.77076 * q) + 7.28529 * q**2) + 8.94326 * q**3) + 0.07842 * q**4
    per_q = q * (q * (q * (5.0 * q + 0.31368 * g) + 13.41489 * g**2) + 4.85686 * g**3) + 2.69269 * g**4
    return -per_q / per_g * by_q, by_q


def lorentz_shape(u: FloatArray) -> FloatArray:
    """Return the Lorentzian of unit area and unit full width at half maximum."""
    out = u * u
    out *= 2.0 * pi
    out += 0.5 * pi
    return np.reciprocal(out, out=out)


def gauss_shape(u: FloatArray) -> FloatArray:
    """Return the Gaussian of unit area and unit full width at half maximum."""
    out = u * u
    out *= -_4LN2
    np.exp(out, out=out)
    out *= _GAUSS_HEIGHT
    return out


def lorentz_slopes(u: FloatArray, f: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return df/du (in the memory of `u`) and u df/du; from f = (2/pi) / (1 + 4 u^2) without another division."""
    squared = f * f
    u *= squared
    u *= -4.0 * pi
    squared *= pi
    squared -= f
    squared -= f
    return u, squared


def gauss_slopes(u: FloatArray, f: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return df/du and u df/du (in the memory of `u`)."""
    first = u * f
    first *= -2.0 * _4LN2
    u *= first
    return first, u
