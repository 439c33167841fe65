"""Lines of spherical crystallites: the cosine transform of the characteristic function.

With x = q - q_h a line is P(x) = (1/pi) int_0^inf gamma(r) V(r) cos(x r) dr, of unit area over q: gamma of one sphere
or of a lognormal distribution weighted by volume, and V(r) = exp(-L r/2 - G^2 r^2/(16 ln 2)) for an instrument and
strain of Lorentzian width L and Gaussian width G in q.
Guinier, X-ray Diffraction (1963), section 5.1; Scardi & Leoni, Acta Cryst. A58, 190 (2002).
"""

from __future__ import annotations

from math import log, pi

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.protocol import FloatArray
from xrdfit.diffraction.shapes import lognormal_gamma, sphere_gamma

_POINTS = 8192  # of the transform, over 64 mean sizes: steps of 1/128 of a size
_SPAN = 64.0
_SERIES = 0.3


def sphere_line(x: FloatArray, diameter: float) -> FloatArray:
    """Return the line of equal spheres seen by a perfect instrument, in closed form.

    P(x) = (D/pi) [1.5/t^2 - 3 sin t/t^3 + 3 (1 - cos t)/t^4], t = x D; its full width at half maximum in t is 6.96,
    that is 1.107 lambda/(D cos theta) in 2 theta.

    Parameters
    ----------
    x : ndarray
        q - q_h, 1/Angstrom.
    diameter : float
        D, Angstrom.

    Returns
    -------
    ndarray
        Angstrom; of unit area over x.
    """
    t2 = np.square(x * diameter)
    small = t2 < _SERIES**2
    safe = np.where(small, 1.0, t2)
    t = np.sqrt(safe)
    closed = (1.5 + (3.0 * (1.0 - np.cos(t)) / t - 3.0 * np.sin(t)) / t) / safe
    # The closed form loses its digits near 0: sum_k (-t^2)^k/(2k)! int (1 - 1.5u + 0.5u^3) u^2k du instead.
    series = 0.375 + t2 * (-1 / 48 + t2 * (1 / 1920 - t2 * (1 / 134400)))
    return np.where(small, series, closed) * (diameter / pi)


def broadened_line(
    x: FloatArray,
    diameter: float,
    sigma: float,
    gauss: FloatArray,
    lorentz: FloatArray,
    line: NDArray[np.intp] | None = None,
) -> FloatArray:
    """Return lines of a distribution of spheres, convolved with an instrument and strain.

    gamma V starts as exp(-k r) with k = 1.5 <1/D> + L/2, whose transform is a Lorentzian; what remains falls off as
    x^-4, so that its transform on a grid neither aliases nor needs far points.

    Parameters
    ----------
    x : ndarray, shape (k, n)
        q - q_h of k lines at n points, 1/Angstrom.
    diameter, sigma : float
        Number median, Angstrom, and standard deviation of ln D.
    gauss, lorentz : ndarray, shape (m,)
        Full widths at half maximum, 1/Angstrom.
    line : ndarray of int, shape (k,), optional
        Which of the m widths each row of `x` has; the first has the first, and so on, where this is left out.

    Returns
    -------
    ndarray, shape (k, n)
        Angstrom; each of unit area over x.
    """
    if line is None:
        line = np.arange(len(x))
    if not gauss.any() and not lorentz.any():
        gauss, lorentz, line = gauss[:1], lorentz[:1], np.zeros_like(line)
    slope = 1.5 / diameter * float(np.exp(-2.5 * sigma**2))  # 1.5 <D^2>/<D^3>
    step = _SPAN * 1.5 / slope / _POINTS
    r = step * np.arange(_POINTS + 1)
    gamma = np.ones_like(r)
    gamma[1:] = lognormal_gamma(r[1:], diameter, sigma)[0] if sigma > 0.0 else sphere_gamma(r[1:], diameter)[0]
    rate = slope + 0.5 * lorentz[:, None]
    damping = np.exp(-0.5 * lorentz[:, None] * r - np.square(gauss)[:, None] * (r * r / (16.0 * log(2.0))))
    remainder = gamma * damping - np.exp(-rate * r)
    table = np.fft.hfft(remainder, 2 * _POINTS, axis=1)[:, : _POINTS // 2] * (step / (2.0 * pi))
    rate = rate[line]
    return rate / (pi * (x * x + rate * rate)) + _interpolate(table, np.abs(x) * (_POINTS * step / pi), line)


def _interpolate(table: FloatArray, index: FloatArray, line: NDArray[np.intp]) -> FloatArray:
    """Return rows of an even table at fractional indices by cubic Lagrange interpolation; 0 beyond the table."""
    padded = np.concatenate([table[:, 1:2], table], axis=1)
    last = table.shape[1] - 3
    whole = np.minimum(index.astype(np.intp), last)
    f = np.minimum(index - whole, 1.0)
    row = line[:, None]
    before, here, after, beyond = (padded[row, whole + k] for k in range(4))
    value = (
        here * (1.0 - f * f) * (2.0 - f) / 2.0
        + after * f * (1.0 + f) * (2.0 - f) / 2.0
        - before * f * (1.0 - f) * (2.0 - f) / 6.0
        - beyond * f * (1.0 - f * f) / 6.0
    )
    return np.where(index > last, 0.0, value)
