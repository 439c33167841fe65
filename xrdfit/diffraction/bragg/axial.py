"""Axial divergence: the asymmetry of Finger, Cox & Jephcoat as a few shifted lines.

Rays that leave the plane of diffraction meet the detector at 2phi instead of 2theta, with
cos 2phi = cos 2theta sqrt(1 + h^2) for a height h (in units of the radius) between the points of the sample and of
the slit. With half heights S (sample) and H (slit) the heights |z1 - z2| are distributed as the trapezoid
W(h) = 2 min(S, H) for h < |H - S|, falling linearly to 0 at H + S. In h the paper's weight W/(h cos 2phi) d2phi
becomes W / ((1 + h^2) sin 2phi) dh, which has no singularity, so that few nodes do.

Finger, Cox & Jephcoat, J. Appl. Cryst. 27, 892 (1994), equations 13-16.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.protocol import FloatArray

MAX_NODES = 2000


@dataclass(frozen=True)
class SubLineSlopes:
    """Derivatives of sub-lines by the position of their line, by S/L and by H/L.

    Attributes
    ----------
    position : ndarray, shape (3, N)
        Of 2phi; radian by radian in the first.
    weight : ndarray, shape (3, N)
        Of the logarithm of the weight.
    """

    position: FloatArray
    weight: FloatArray


def node_counts(two_theta: FloatArray, fwhm: FloatArray, s_l: float, h_l: float) -> NDArray[np.intp]:
    """Return how many sub-lines make a line smooth to 1e-3 of its height.

    Parameters
    ----------
    two_theta, fwhm : ndarray, shape (m,)
        Position and full width of the lines, radian.
    s_l, h_l : float
        Half heights of sample and receiving slit over the radius.
    """
    reach = abs(s_l) + abs(h_l)
    if reach == 0.0:
        return np.ones(two_theta.size, dtype=np.intp)
    extent = 0.5 * reach**2 / np.maximum(np.abs(np.tan(two_theta)), 1e-3)
    ratio = extent / fwhm
    return np.ceil(np.minimum(np.minimum(4.0 + 3.2 * ratio, 1.8 + 5.5 * ratio), MAX_NODES)).astype(np.intp)


def sub_lines(
    two_theta: FloatArray, s_l: float, h_l: float, counts: NDArray[np.intp]
) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
    """Split each line into its sub-lines.

    Parameters
    ----------
    two_theta : ndarray, shape (m,)
        Line positions, radian, within (0, pi).
    s_l, h_l : float
        S/L and H/L; their signs do not matter.
    counts : ndarray of int, shape (m,)
        Number of sub-lines of each line.

    Returns
    -------
    line : ndarray of int, shape (N,)
        The line of each sub-line, N = sum(counts).
    position : ndarray, shape (N,)
        2phi, radian.
    weight : ndarray, shape (N,)
        Summing to 1 over each line.
    """
    line = np.repeat(np.arange(two_theta.size), counts)
    if s_l == 0.0 and h_l == 0.0:
        return line, two_theta[line], (1.0 / counts)[line]
    v, share = _nodes(counts)
    height = _quantile(v, abs(s_l), abs(h_l))
    centre = two_theta[line]
    # Below 2theta = S/L + H/L a ray may miss the detector's plane altogether: those heights do not occur.
    cosine = np.clip(np.cos(centre) * np.sqrt(1.0 + height**2), np.cos(0.95 * np.pi), np.cos(0.05 * centre))
    position = np.arccos(cosine)
    weight = share / ((1.0 + height**2) * np.sin(position))
    return line, position, weight / np.bincount(line, weight)[line]


def sub_line_slopes(two_theta: FloatArray, s_l: float, h_l: float, counts: NDArray[np.intp]) -> SubLineSlopes:
    """Return the derivatives of what `sub_lines` returns for the same arguments, S/L and H/L not both zero."""
    line, position, weight = sub_lines(two_theta, s_l, h_l, counts)
    v, _ = _nodes(counts)
    height = _quantile(v, abs(s_l), abs(h_l))
    centre, root = two_theta[line], np.sqrt(1.0 + height**2)
    by_height = np.stack([np.zeros(v.size), *_quantile_slopes(v, abs(s_l), abs(h_l))])
    cosine = np.cos(centre) * height / root * by_height
    cosine[0] = -np.sin(centre) * root
    inside = (np.cos(centre) * root > np.cos(0.95 * np.pi)) & (np.cos(centre) * root < np.cos(0.05 * centre))
    moved = np.where(inside, -cosine / np.sin(position), 0.0)
    moved[0, ~inside & (position < 1.0)] = 0.05
    logarithm = -2.0 * height / root**2 * by_height - moved / np.tan(position)
    mean = np.stack([np.bincount(line, weight * row) for row in logarithm])
    return SubLineSlopes(moved, logarithm - mean[:, line])


def _nodes(counts: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    rules = [_rule(int(count)) for count in counts]
    return np.concatenate([rule[0] for rule in rules]), np.concatenate([rule[1] for rule in rules])


@lru_cache(maxsize=256)
def _rule(count: int) -> tuple[FloatArray, FloatArray]:
    """Return Gauss-Legendre nodes v on (0, 1) and the weights of du for u = 1 - (1 - v)^2."""
    x, w = np.polynomial.legendre.leggauss(count)
    v = 0.5 * (1.0 + x)
    return v, w * (1.0 - v)


def _quantile(v: FloatArray, s_l: float, h_l: float) -> FloatArray:
    """Return the height below which the share u = 1 - (1 - v)^2 of the trapezoid lies.

    With that substitution the height is linear in v where the trapezoid ends, and it depends smoothly on S and H.
    """
    flat, end = abs(h_l - s_l), h_l + s_l
    area = flat + 0.5 * (end - flat)
    below = area * (1.0 - (1.0 - v) ** 2)
    return np.where(below < flat, below, end - (1.0 - v) * np.sqrt(2.0 * area * (end - flat)))


def _quantile_slopes(v: FloatArray, s_l: float, h_l: float) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of `_quantile` by S/L and H/L."""
    large, small = max(s_l, h_l), min(s_l, h_l)
    flat = large * (1.0 - (1.0 - v) ** 2) < large - small
    ratio = np.sqrt(small / large)
    by_large = np.where(flat, 1.0 - (1.0 - v) ** 2, 1.0 - (1.0 - v) * ratio)
    by_small = np.where(flat, 0.0, 1.0 - (1.0 - v) / max(ratio, 1e-300))
    return (by_large, by_small) if s_l >= h_l else (by_small, by_large)
