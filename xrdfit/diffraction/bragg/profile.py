"""Widths, pseudo-Voigt lines and their sum over a grid, with analytic derivatives.

A peak of the pattern is the sum of a Lorentzian and a Gaussian of one position and one full width at half maximum
(Thompson, Cox & Hastings, J. Appl. Cryst. 20, 79, 1987). Each family is evaluated over windows of the grid only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdfit.diffraction.protocol import FloatArray

# Half windows in units of the full width at half maximum: where the height has fallen to 1.1e-5 (Lorentzian; it
# has lost 0.2 % of its area there) and 4e-10 (Gaussian) of the maximum.
LORENTZ_WINDOW = 150.0
GAUSS_WINDOW = 2.8

_GAUSS_HEIGHT = 2.0 * sqrt(log(2.0) / pi)
_4LN2 = 4.0 * log(2.0)
_BLOCK = 1 << 15  # entries of a block of rows: its few arrays stay in the processor's cache, and in reused memory
_FEW_ROWS = 40  # of a block: for so few, the import of scipy.sparse costs more than it saves


@dataclass(frozen=True)
class Peaks:
    """Lines as they enter the sum over the grid; as a derivative every field has shape (m, p) instead of (m,).

    Attributes
    ----------
    position, fwhm : ndarray, shape (m,)
        Degree.
    lorentz, gauss : ndarray, shape (m,)
        Areas of the two parts.
    """

    position: FloatArray
    fwhm: FloatArray
    lorentz: FloatArray
    gauss: FloatArray


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
    return (eta * _lorentz(u) + (1.0 - eta) * _gauss(u)) / fwhm


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


def _lorentz(u: FloatArray) -> FloatArray:
    out = u * u
    out *= 2.0 * pi
    out += 0.5 * pi
    return np.reciprocal(out, out=out)


def _gauss(u: FloatArray) -> FloatArray:
    out = u * u
    out *= -_4LN2
    np.exp(out, out=out)
    out *= _GAUSS_HEIGHT
    return out


def _lorentz_slopes(u: FloatArray, f: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return df/du (in the memory of `u`) and u df/du; from f = (2/pi) / (1 + 4 u^2) without another division."""
    squared = f * f
    u *= squared
    u *= -4.0 * pi
    squared *= pi
    squared -= f
    squared -= f
    return u, squared


def _gauss_slopes(u: FloatArray, f: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return df/du and u df/du (in the memory of `u`)."""
    first = u * f
    first *= -2.0 * _4LN2
    u *= first
    return first, u


@dataclass(frozen=True)
class _Family:
    """One line shape f(u) of unit area and unit width, u = (x - position) / fwhm."""

    shape: Callable[[FloatArray], FloatArray]
    slopes: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
    window: float


_LORENTZ = _Family(_lorentz, _lorentz_slopes, LORENTZ_WINDOW)
_GAUSS = _Family(_gauss, _gauss_slopes, GAUSS_WINDOW)


def _windows(
    two_theta: FloatArray, position: FloatArray, half: FloatArray
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Return the rows whose window touches the grid, the first point of each window and the common number of points.

    One length for all rows keeps everything a rectangle; where the grid ends a window reaches further on its other
    side instead. Rows are windows of the same grid, so a length of the whole grid makes the matrix dense.
    """
    n = two_theta.size
    first = np.searchsorted(two_theta, position - half)
    last = np.searchsorted(two_theta, position + half, side="right")
    rows = np.flatnonzero(last > first)
    length = int(np.max(last - first, initial=0))
    return rows, np.minimum(first[rows], n - length), length


def _blocks(
    family: _Family, two_theta: FloatArray, peaks: Peaks
) -> Iterator[tuple[NDArray[np.intp], FloatArray, Callable[[Sequence[FloatArray], Sequence[FloatArray]], FloatArray]]]:
    """Yield, a block of rows at a time, the rows, u (rows, length) and the sum `(matrices, weights) -> (n, p)`."""
    touching, first, length = _windows(two_theta, peaks.position, family.window * peaks.fwhm)
    if length == 0:
        return
    n = two_theta.size
    per_block = max(1, _BLOCK // length)
    for begin in range(0, first.size, per_block):
        rows = touching[begin : begin + per_block]
        inverse = 1.0 / peaks.fwhm[rows]
        offset = (peaks.position[rows] * inverse)[:, None]
        if length == n:
            u = np.multiply.outer(inverse, two_theta)
            u -= offset
            yield rows, u, _dense_sum
        else:
            index = first[begin : begin + per_block, None] + np.arange(length)
            u = two_theta[index]
            u *= inverse[:, None]
            u -= offset
            yield rows, u, _WindowSum(index, n)


def _dense_sum(matrices: Sequence[FloatArray], weights: Sequence[FloatArray]) -> FloatArray:
    total = weights[0].T @ matrices[0]
    for matrix, weight in zip(matrices[1:], weights[1:], strict=True):
        total += weight.T @ matrix
    return total.T


@dataclass(frozen=True)
class _WindowSum:
    """Sum of weighted rows, each over its own window of the grid; of many rows by a sparse product."""

    index: NDArray[np.intp]
    n: int

    def __call__(self, matrices: Sequence[FloatArray], weights: Sequence[FloatArray]) -> FloatArray:
        rows, length = self.index.shape
        if rows > _FEW_ROWS:
            return self._sparse(matrices, weights)
        total = np.zeros((self.n, *weights[0].shape[1:]))
        for row, first in enumerate(self.index[:, 0]):
            window = total[first : first + length]
            for matrix, weight in zip(matrices, weights, strict=True):
                window += np.multiply.outer(matrix[row], weight[row])
        return total

    def _sparse(self, matrices: Sequence[FloatArray], weights: Sequence[FloatArray]) -> FloatArray:
        from scipy.sparse import csc_array

        rows, length = self.index.shape
        many = len(matrices)
        pointers = np.arange(many * rows + 1) * length
        data = np.concatenate(matrices).ravel()
        spread = csc_array((data, np.tile(self.index.ravel(), many), pointers), shape=(self.n, many * rows))
        return spread @ np.concatenate(weights)


def reaches(two_theta: FloatArray, position: FloatArray, fwhm: FloatArray) -> NDArray[np.bool_]:
    """Return which lines reach into the grid with their Lorentzian window, shape (m,)."""
    half = LORENTZ_WINDOW * fwhm
    return (position + half >= two_theta[0]) & (position - half <= two_theta[-1])


def sum_peaks(two_theta: FloatArray, peaks: Peaks) -> FloatArray:
    """Return the sum of all peaks on the grid.

    Parameters
    ----------
    two_theta : ndarray, shape (n,)
        Ascending angles, degree; the steps may vary.
    peaks : Peaks
        m lines.

    Returns
    -------
    ndarray, shape (n,)
        Area per degree.
    """
    total = np.zeros(two_theta.size)
    for family, area in ((_LORENTZ, peaks.lorentz), (_GAUSS, peaks.gauss)):
        height = area / peaks.fwhm
        if not height.any():
            continue
        for rows, u, add in _blocks(family, two_theta, peaks):
            total += add([family.shape(u)], [height[rows]])
    return total


def sum_peaks_jacobian(two_theta: FloatArray, peaks: Peaks, slopes: Peaks) -> tuple[FloatArray, FloatArray]:
    """Return the sum of all peaks and its derivatives by p parameters.

    With c the area, w the width and u = (x - position)/w, one line is c f(u)/w and its derivative
    f (dc/w - c dw/w^2) - f' c dposition/w^2 - u f' c dw/w^2.

    Parameters
    ----------
    two_theta : ndarray, shape (n,)
        Ascending angles, degree.
    peaks : Peaks
        m lines.
    slopes : Peaks
        Derivatives of the four fields by the parameters, each of shape (m, p).

    Returns
    -------
    pattern : ndarray, shape (n,)
    jacobian : ndarray, shape (n, p)
    """
    p = slopes.position.shape[1]
    moving = bool(slopes.position.any() or slopes.fwhm.any())
    total = np.zeros((two_theta.size, p + 1))
    inverse = (1.0 / peaks.fwhm)[:, None]
    for family, area, d_area in ((_LORENTZ, peaks.lorentz, slopes.lorentz), (_GAUSS, peaks.gauss, slopes.gauss)):
        if not (area.any() or d_area.any()):
            continue
        height = area[:, None] * inverse
        direct, by_position, by_width = np.zeros((3, area.size, p + 1))
        by_width[:, 1:] = -height * inverse * slopes.fwhm
        by_position[:, 1:] = -height * inverse * slopes.position
        direct[:, :1] = height
        direct[:, 1:] = d_area * inverse + by_width[:, 1:]
        for rows, u, add in _blocks(family, two_theta, peaks):
            f = family.shape(u)
            if moving:
                total += add([f, *family.slopes(u, f)], [direct[rows], by_position[rows], by_width[rows]])
            else:
                total += add([f], [direct[rows]])
    return total[:, 0].copy(), total[:, 1:]
