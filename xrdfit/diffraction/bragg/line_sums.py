"""The sum of many lines over a grid, with its derivatives.

Gaussians are evaluated over windows of the grid. A Lorentzian has tails over the whole of it: it is split into a core
that ends and a tail that is so smooth that a coarse grid holds it,

    L = L r^4 + L (1 - r^4),  r = (1 + 4 u^2)/(1 + 4 U^2) - 1 for |u| < U, 0 beyond,

the second being the Taylor series of L in u^2 around U^2 up to the third order within U. Sub-lines of one line, which
differ in position alone, share one tail at their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.bragg.profile import gauss_shape, gauss_slopes, lorentz_shape, lorentz_slopes
from xrdfit.diffraction.interpolation import Interpolation
from xrdfit.diffraction.protocol import FloatArray

# In units of the full width at half maximum: how far beyond the grid a Lorentzian still matters, where it has fallen
# to 1.1e-5 of its maximum, and the half window of a Gaussian, where that is 4e-10.
LORENTZ_REACH = 150.0
GAUSS_WINDOW = 2.8

_BLOCK = 1 << 15  # entries of a block of rows: its few arrays stay in the processor's cache, and in reused memory
_SPAN = 64  # points beyond 1.25 windows that a block may span: a call costs as much as so many
# U: in full widths; in steps of the grid, since fewer points gain nothing; and for lines that share a tail, whose
# difference from one line is 3/4 spread^2/(fwhm^2 U^4) of the maximum, here 1e-5, outside of where they are.
_CORE = 8.0
_CORE_STEPS = 30.0
_SHARED = 16.5
_OUTSIDE = 3.0
_WHOLE = 0.25  # of the grid's range: lines with wider cores are not split
_COARSE = 7.0  # at least so many steps of the coarse grid within U: right to 1e-6 of the maximum
_POINTS = 6  # of the interpolation
_SMOOTH = 20.0  # and within a full width, where a whole line is on it
_COARSER = 3.0  # steps of the grid within one of the coarse grid that make it worth while
_FEW = 1 << 18  # entries that cost less than splitting would


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


Slopes = tuple[FloatArray, FloatArray]
Shape = Callable[[FloatArray, FloatArray, bool], tuple[FloatArray, Slopes | None]]
"""f(u) of unit area and unit width, its derivative and u times it; the second argument is U of each row."""


def _lorentz(u: FloatArray, _: FloatArray, slopes: bool) -> tuple[FloatArray, Slopes | None]:
    f = lorentz_shape(u)
    return f, lorentz_slopes(u, f) if slopes else None


def _gauss(u: FloatArray, _: FloatArray, slopes: bool) -> tuple[FloatArray, Slopes | None]:
    f = gauss_shape(u)
    return f, gauss_slopes(u, f) if slopes else None


def _core(u: FloatArray, end: FloatArray, slopes: bool) -> tuple[FloatArray, Slopes | None]:
    """L r^4."""
    return _part(u, end, slopes, core=True)


def _tail(u: FloatArray, end: FloatArray, slopes: bool) -> tuple[FloatArray, Slopes | None]:
    """L (1 - r^4)."""
    return _part(u, end, slopes, core=False)


def _part(u: FloatArray, end: FloatArray, slopes: bool, core: bool) -> tuple[FloatArray, Slopes | None]:
    f, r = lorentz_shape(u), _depth(u, end)
    cubed = r * r
    cubed *= r
    share = cubed * r
    if not core:
        np.subtract(1.0, share, out=share)
    if not slopes:
        return f * share, None
    # of r^4, with r' = 8 u/(1 + 4 U^2)
    cubed *= f
    cubed *= u
    cubed *= (32.0 if core else -32.0) / (1.0 + 4.0 * end * end)
    turned = cubed * u
    by_u, by_width = lorentz_slopes(u, f)
    by_u *= share
    by_u += cubed
    by_width *= share
    by_width += turned
    f *= share
    return f, (by_u, by_width)


def _depth(u: FloatArray, end: FloatArray) -> FloatArray:
    r = u * u
    r -= end * end
    r *= 4.0 / (1.0 + 4.0 * end * end)
    return np.minimum(r, 0.0, out=r)


@dataclass(frozen=True)
class _Lines:
    """Lines of one family and the weights of what is summed over them.

    Attributes
    ----------
    position, fwhm, end : ndarray, shape (m,)
        Degree; the last is U of a core, in full widths.
    direct : ndarray, shape (m, p)
        Weights of f(u).
    by_position, by_width : ndarray, shape (m, q)
        Weights of f'(u) and of u f'(u).
    """

    position: FloatArray
    fwhm: FloatArray
    end: FloatArray
    direct: FloatArray
    by_position: FloatArray
    by_width: FloatArray

    def only(self, keep: NDArray[np.bool_]) -> _Lines:
        """Return some of the lines."""
        return _Lines(*(getattr(self, field.name)[keep] for field in fields(self)))


@dataclass(frozen=True)
class _Sums:
    """What is summed over lines on a grid: `total` (p, n) of f, `moved` (q, n) of its derivatives."""

    grid: FloatArray
    total: FloatArray
    moved: FloatArray

    @classmethod
    def on(cls, grid: FloatArray, like: _Sums) -> _Sums:
        """Begin the same sums on another grid."""
        return cls(grid, np.zeros((len(like.total), grid.size)), np.zeros((len(like.moved), grid.size)))

    def add(self, shape: Shape, lines: _Lines, window: float) -> None:
        """Add lines of one shape, each within a window in units of its width (at least)."""
        for rows, low, high in _blocks(self.grid, lines.position, window * lines.fwhm * lines.end):
            inverse = 1.0 / lines.fwhm[rows]
            u = np.multiply.outer(inverse, self.grid[low:high])
            u -= (lines.position[rows] * inverse)[:, None]
            f, slopes = shape(u, lines.end[rows, None], len(self.moved) > 0)
            self.total[:, low:high] += lines.direct[rows].T @ f
            if slopes is not None:
                self.moved[:, low:high] += lines.by_position[rows].T @ slopes[0]
                self.moved[:, low:high] += lines.by_width[rows].T @ slopes[1]


def _blocks(grid: FloatArray, centre: FloatArray, half: FloatArray) -> Iterator[tuple[NDArray[np.intp], int, int]]:
    """Yield rows whose windows touch the grid, neighbours together, and the stretch of the grid that they share."""
    first = np.searchsorted(grid, centre - half)
    last = np.searchsorted(grid, centre + half, side="right")
    order = np.flatnonzero(last > first)
    order = order[np.argsort(centre[order], kind="stable")]
    first, last = first[order], last[order]
    begin = 0
    while begin < order.size:
        length = int(last[begin] - first[begin])
        low = np.minimum.accumulate(first[begin : begin + max(1, _BLOCK // length)])
        high = np.maximum.accumulate(last[begin : begin + low.size])
        span = high - low
        wide = (span > length + length // 4 + _SPAN) | (span * np.arange(1, low.size + 1) > _BLOCK)
        wide[0] = False
        count = int(np.argmax(wide)) or low.size
        yield order[begin : begin + count], int(low[count - 1]), int(high[count - 1])
        begin += count


def _add_lorentz(
    sums: _Sums, lines: _Lines, area: FloatArray, d_area: FloatArray, group: NDArray[np.intp] | None
) -> None:
    """Add Lorentzians, tails over the whole grid.

    Parameters
    ----------
    sums : _Sums
    lines : _Lines
        Their `end` is not used.
    area, d_area : ndarray, shape (m,) and (m, q)
        And the derivatives of the areas by what moves lines.
    group : ndarray of int, shape (m,), or None
        Which lines share a tail.
    """
    grid = sums.grid
    tails, own, spread, outside = _together(lines, area, d_area, group)
    step = (grid[-1] - grid[0]) / max(grid.size - 1, 1)
    end = np.maximum(_SHARED * np.sqrt(spread / tails.fwhm), _OUTSIDE * outside / tails.fwhm)
    end = np.maximum(end, np.maximum(_CORE, _CORE_STEPS * step / tails.fwhm))
    tails, lines = _with_end(tails, end), _with_end(lines, end[own])
    reach = end * tails.fwhm
    whole = reach > _WHOLE * (grid[-1] - grid[0])
    _add(sums, _lorentz, lines.only(whole[own]), inf)
    if whole.all():
        return
    _add(sums, _core, lines.only(~whole[own]), 1.0)
    _add_coarse(sums, _tail, tails.only(~whole), inf, reach[~whole] / _COARSE)


def _add(sums: _Sums, shape: Shape, lines: _Lines, window: float) -> None:
    """Add lines, broad ones by way of a coarse grid."""
    step = (sums.grid[-1] - sums.grid[0]) / max(sums.grid.size - 1, 1)
    broad = lines.fwhm > _SMOOTH * _COARSER * step
    if broad.any():
        _add_coarse(sums, shape, lines.only(broad), window, lines.fwhm[broad] / _SMOOTH)
        lines = lines.only(~broad)
    sums.add(shape, lines, window)


def _add_coarse(sums: _Sums, shape: Shape, lines: _Lines, window: float, step: FloatArray) -> None:
    """Add lines by way of coarse grids, each with steps of at most these, shape (m,)."""
    octave = np.floor(np.log2(step))
    for number in np.unique(octave):
        # whole powers of two: the coarse grid stays where it is as widths move
        grid, between = _coarse(_Same(sums.grid), 2.0**number)
        coarse = _Sums.on(grid, sums)
        coarse.add(shape, lines.only(octave == number), window)
        sums.total[:] += between(coarse.total)
        if len(sums.moved):
            sums.moved[:] += between(coarse.moved)


def _with_end(lines: _Lines, end: FloatArray) -> _Lines:
    return _Lines(lines.position, lines.fwhm, end, lines.direct, lines.by_position, lines.by_width)


def _together(
    lines: _Lines, area: FloatArray, d_area: FloatArray, group: NDArray[np.intp] | None
) -> tuple[_Lines, NDArray[np.intp], FloatArray, FloatArray]:
    """Return one line for each group at its mean position, each line's group, and how far the group's lines lie apart.

    The last two, root mean square and largest distance from the mean, have shape (groups,).
    """
    if group is None:
        none = np.zeros(area.size)
        return lines, np.arange(area.size), none, none
    start = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    own = np.repeat(np.arange(start.size), np.diff(start, append=group.size))

    def gather(part: FloatArray) -> FloatArray:
        return np.add.reduceat(part, start, axis=0)

    weight = area + np.where(gather(area) > 0.0, 0.0, 1.0)[own]
    whole = gather(weight)
    mean = gather(weight * lines.position) / whole
    away = lines.position - mean[own]
    # the product of area and mean position moves with the areas too
    pull = lines.by_position - d_area * (away / lines.fwhm**2)[:, None]
    together = _Lines(mean, lines.fwhm[start], mean, gather(lines.direct), gather(pull), gather(lines.by_width))
    spread = np.sqrt(gather(weight * away**2) / whole)
    return together, own, spread, np.maximum.reduceat(np.abs(away), start)


@dataclass(frozen=True)
class _Same:
    """An array that is equal to nothing but itself, so that what follows from it can be kept."""

    array: FloatArray

    def __hash__(self) -> int:
        return id(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.array is self.array


@lru_cache(maxsize=16)
def _coarse(fine: _Same, step: float) -> tuple[FloatArray, Interpolation]:
    """Return even steps over a grid (n,) and the interpolation from them to it.

    Lagrange's with six points; the steps go as far beyond the grid's ends as that needs.
    """
    grid, margin = fine.array, _POINTS // 2
    count = ceil((grid[-1] - grid[0]) / step) + 2 * margin
    place = (grid - grid[0]) / step + (margin - 1)
    first = np.clip(place.astype(np.intp) - (margin - 1), 0, count - _POINTS)
    nodes = np.arange(_POINTS)
    away = (place - first) - nodes[:, None]
    weights = np.ones((_POINTS, grid.size))
    for node in nodes:
        for other in nodes[nodes != node]:
            weights[node] *= away[other] / (node - other)
    return grid[0] + step * (np.arange(count) - (margin - 1)), Interpolation(first, weights, count)


def reaches(two_theta: FloatArray, position: FloatArray, fwhm: FloatArray) -> NDArray[np.bool_]:
    """Return which lines reach into the grid with their tails, shape (m,)."""
    half = LORENTZ_REACH * fwhm
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
    sums = _Sums(two_theta, total, np.zeros((moving.size, two_theta.size)))
    inverse = (1.0 / peaks.fwhm)[:, None]
    end = np.ones(peaks.fwhm.size)
    for part in ("lorentz", "gauss"):
        area, d_area = getattr(peaks, part), getattr(slopes, part)
        if not (area.any() or d_area.any()):
            continue
        height = area[:, None] * inverse
        by_width = -height * inverse * d_fwhm
        direct = np.concatenate([height, d_area * inverse], axis=1)
        direct[:, 1 + moving] += by_width
        lines = _Lines(peaks.position, peaks.fwhm, end, direct, -height * inverse * d_position, by_width)
        shape, window = (_lorentz, inf) if part == "lorentz" else (_gauss, GAUSS_WINDOW)
        if lines.position.size * two_theta.size < _FEW:
            sums.add(shape, lines, window)
        elif part == "gauss":
            _add(sums, shape, lines, window)
        else:
            _add_lorentz(sums, lines, area, d_area[:, moving], group)
    total[1 + moving] += sums.moved
    return total[0], total[1:].T
