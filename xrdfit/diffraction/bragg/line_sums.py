"""The sum of many lines over a grid, with its derivatives.

Each family of lines, Lorentzians and Gaussians, is evaluated over windows of the grid only, neighbours together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.bragg.profile import gauss_shape, gauss_slopes, lorentz_shape, lorentz_slopes
from xrdfit.diffraction.protocol import FloatArray

# Half windows in units of the full width at half maximum: where the height has fallen to 1.1e-5 (Lorentzian; it
# has lost 0.2 % of its area there) and 4e-10 (Gaussian) of the maximum.
LORENTZ_WINDOW = 150.0
GAUSS_WINDOW = 2.8

_BLOCK = 1 << 15  # entries of a block of rows: its few arrays stay in the processor's cache, and in reused memory
_SPAN = 256  # points beyond two windows that a block may span: a call costs as much as so many
# Half window of the difference between a group of Lorentzians and one at their mean, whose height relative to the
# maximum is 3/4 spread^2 fwhm^2/x^4: where that is 1e-5, and outside the group.
_NEAR = 16.5
_OUTSIDE = 3.0


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


@dataclass(frozen=True)
class _Family:
    """One line shape f(u) of unit area and unit width, u = (x - position) / fwhm."""

    shape: Callable[[FloatArray], FloatArray]
    slopes: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
    window: float


_LORENTZ = _Family(lorentz_shape, lorentz_slopes, LORENTZ_WINDOW)
_GAUSS = _Family(gauss_shape, gauss_slopes, GAUSS_WINDOW)


@dataclass(frozen=True)
class _Lines:
    """Lines of one family and the weights of what is summed over them.

    Attributes
    ----------
    position, fwhm : ndarray, shape (m,)
        Degree.
    centre, half : ndarray, shape (m,)
        Centre of the window, and half of it.
    direct : ndarray, shape (m, p)
        Weights of f(u).
    by_position, by_width : ndarray, shape (m, q)
        Weights of f'(u) and of u f'(u).
    """

    position: FloatArray
    fwhm: FloatArray
    centre: FloatArray
    half: FloatArray
    direct: FloatArray
    by_position: FloatArray
    by_width: FloatArray

    def add(self, family: _Family, two_theta: FloatArray, total: FloatArray, moved: FloatArray) -> None:
        """Add what the lines make on the grid to `total` (p, n) and `moved` (q, n)."""
        for rows, low, high in _blocks(two_theta, self.centre, self.half):
            inverse = 1.0 / self.fwhm[rows]
            u = np.multiply.outer(inverse, two_theta[low:high])
            u -= (self.position[rows] * inverse)[:, None]
            f = family.shape(u)
            total[:, low:high] += self.direct[rows].T @ f
            if len(moved):
                by_position, by_width = family.slopes(u, f)
                moved[:, low:high] += self.by_position[rows].T @ by_position
                moved[:, low:high] += self.by_width[rows].T @ by_width


def _blocks(two_theta: FloatArray, centre: FloatArray, half: FloatArray) -> Iterator[tuple[NDArray[np.intp], int, int]]:
    """Yield rows whose windows touch the grid, neighbours together, and the stretch of the grid that they share.

    Rows of one centre come in one block: what their sum leaves out beyond the stretch is the same for all.
    """
    first = np.searchsorted(two_theta, centre - half)
    last = np.searchsorted(two_theta, centre + half, side="right")
    order = np.flatnonzero(last > first)
    order = order[np.argsort(centre[order], kind="stable")]
    first, last = first[order], last[order]
    ends = np.flatnonzero(np.diff(centre[order], append=np.inf)) + 1
    begin = 0
    while begin < order.size:
        length = int(last[begin] - first[begin])
        low = np.minimum.accumulate(first[begin : begin + max(1, _BLOCK // length)])
        high = np.maximum.accumulate(last[begin : begin + low.size])
        span = high - low
        wide = (span > 2 * length + _SPAN) | (span * np.arange(1, low.size + 1) > _BLOCK)
        wide[0] = False
        count = int(np.argmax(wide)) or low.size
        full = int(np.searchsorted(ends, begin + count, side="right")) - 1
        end = int(ends[full] if full >= 0 and ends[full] > begin else ends[full + 1])
        yield order[begin:end], int(first[begin:end].min()), int(last[begin:end].max())
        begin = end


def _shared_tails(lines: _Lines, area: FloatArray, d_area: FloatArray, group: NDArray[np.intp]) -> Iterator[_Lines]:
    """Yield lines that make the same sum, of groups of one width, with one wide window a group.

    Far away a group is one line at its mean position; the difference has a short window:
    sum L_k = (sum L_k - L_mean) + L_mean.

    Parameters
    ----------
    lines : _Lines
    area, d_area : ndarray, shape (m,) and (m, q)
        And the derivatives of the areas by what moves lines.
    group : ndarray of int, shape (m,)
        Which group each line belongs to; those of one group stand together.
    """
    start = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    count = np.diff(start, append=group.size)
    own = np.repeat(np.arange(start.size), count)

    def gather(part: FloatArray) -> FloatArray:
        return np.add.reduceat(part, start, axis=0)

    weight = area + np.where(gather(area) > 0.0, 0.0, 1.0)[own]
    mean = gather(weight * lines.position) / gather(weight)
    away = lines.position - mean[own]
    spread = np.sqrt(gather(weight * away**2) / gather(weight))
    # the product of area and mean position moves with the areas too
    pull = lines.by_position - d_area * (away / lines.fwhm**2)[:, None]
    fwhm, wide = lines.fwhm[start], lines.half[start]
    together = (gather(lines.direct), gather(pull), gather(lines.by_width))
    yield _Lines(mean, fwhm, mean, wide, *together)
    half = _NEAR * np.sqrt(spread * fwhm) + _OUTSIDE * np.maximum.reduceat(np.abs(away), start)
    several = count > 1
    inside = several[own]
    own = own[inside]
    near = (
        (lines.position[inside], mean[several]),
        (lines.fwhm[inside], fwhm[several]),
        (mean[own], mean[several]),
        (half[own], half[several]),
        (lines.direct[inside], -together[0][several]),
        (lines.by_position[inside], -together[1][several]),
        (lines.by_width[inside], -together[2][several]),
    )
    yield _Lines(*(np.concatenate(pair) for pair in near))


def reaches(two_theta: FloatArray, position: FloatArray, fwhm: FloatArray) -> NDArray[np.bool_]:
    """Return which lines reach into the grid with their Lorentzian window, shape (m,)."""
    half = LORENTZ_WINDOW * fwhm
    return (position + half >= two_theta[0]) & (position - half <= two_theta[-1])


def sum_peaks(two_theta: FloatArray, peaks: Peaks, group: NDArray[np.intp] | None = None) -> FloatArray:
    """Return the sum of all peaks on the grid.

    Parameters
    ----------
    two_theta : ndarray, shape (n,)
        Ascending angles, degree; the steps may vary.
    peaks : Peaks
        m lines.
    group : ndarray of int, shape (m,), optional
        Lines of one number stand together, have one width and are nearly in one place: their tails are computed
        together.

    Returns
    -------
    ndarray, shape (n,)
        Area per degree.
    """
    still = np.empty((peaks.position.size, 0))
    return sum_peaks_jacobian(two_theta, peaks, Peaks(still, still, still, still), group)[0]


def sum_peaks_jacobian(
    two_theta: FloatArray, peaks: Peaks, slopes: Peaks, group: NDArray[np.intp] | None = None
) -> tuple[FloatArray, FloatArray]:
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
    group : ndarray of int, shape (m,), optional
        See `sum_peaks`.

    Returns
    -------
    pattern : ndarray, shape (n,)
    jacobian : ndarray, shape (n, p)
    """
    moving = np.flatnonzero(slopes.position.any(axis=0) | slopes.fwhm.any(axis=0))
    d_position, d_fwhm = slopes.position[:, moving], slopes.fwhm[:, moving]
    total = np.zeros((1 + slopes.position.shape[1], two_theta.size))
    moved = np.zeros((moving.size, two_theta.size))
    inverse = (1.0 / peaks.fwhm)[:, None]
    for family, area, d_area in ((_LORENTZ, peaks.lorentz, slopes.lorentz), (_GAUSS, peaks.gauss, slopes.gauss)):
        if not (area.any() or d_area.any()):
            continue
        height = area[:, None] * inverse
        by_width = -height * inverse * d_fwhm
        direct = np.concatenate([height, d_area * inverse], axis=1)
        direct[:, 1 + moving] += by_width
        by_position = -height * inverse * d_position
        half = family.window * peaks.fwhm
        lines = _Lines(peaks.position, peaks.fwhm, peaks.position, half, direct, by_position, by_width)
        shared = family is _LORENTZ and group is not None
        for part in _shared_tails(lines, area, d_area[:, moving], group) if shared else (lines,):
            part.add(family, two_theta, total, moved)
    total[1 + moving] += moved
    return total[0], total[1:].T
