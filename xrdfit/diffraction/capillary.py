"""Absorption by a cylindrical specimen that the beam bathes, such as a capillary.

A(θ; µR) = (1/πR²) ∫ exp(−µ (p + q)) dA over the circle, with p and q the ways of the beam in and out: the quantity of
International Tables C, section 6.3.3.1, and of Dwiggins, Acta Cryst. A31, 146 (1975), at any µR. It is integrated at
Chebyshev nodes in θ and its logarithm interpolated between them, right to 3e-6 up to µR = 4 and to 2e-4 at 10.
"""

from __future__ import annotations

from functools import lru_cache
from math import pi

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_EASY = 4.0  # µR up to which the coarser integration is enough
_COARSE, _FINE = (24, 48, 96), (48, 96, 192)  # angles, radii, directions


def transmission(theta: FloatArray, mu_r: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return A and its derivatives by theta and by µR.

    Parameters
    ----------
    theta : ndarray
        Bragg angle, radian, 0 to π/2.
    mu_r : float
        Absorption coefficient times radius, 0 to 10.

    Returns
    -------
    value, by_theta, by_mu_r : ndarray, shape of `theta`

    Examples
    --------
    >>> A, _, _ = transmission(np.radians([0.0, 45.0, 90.0]), 1.0)
    >>> (1 / A).round(3).tolist()
    [5.091, 4.102, 3.389]
    """
    logarithm, by_theta, by_mu_r = _series(mu_r)
    x = theta * (4.0 / pi) - 1.0
    value: FloatArray = np.exp(chebyshev.chebval(x, logarithm))
    slopes: list[FloatArray] = [np.asarray(value * chebyshev.chebval(x, series)) for series in (by_theta, by_mu_r)]
    return value, slopes[0], slopes[1]


@lru_cache(maxsize=64)
def _series(mu_r: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Chebyshev coefficients over 0 ≤ θ ≤ π/2 of ln A and of its derivatives by θ and by µR."""
    x, weights, ways = _ways(*(_COARSE if mu_r <= _EASY else _FINE))
    each = np.exp(-mu_r * ways) @ weights
    slope = -(ways * np.exp(-mu_r * ways)) @ weights / each
    degree = len(x) - 1
    logarithm, by_mu_r = chebyshev.chebfit(x, np.stack([np.log(each), slope], axis=1), degree).T
    return logarithm, chebyshev.chebder(logarithm) * (4.0 / pi), by_mu_r


@lru_cache(maxsize=2)
def _ways(n_angles: int, n_radii: int, n_directions: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Nodes x of θ = π(x + 1)/4, weights of points of the circle, and p + q in radii, shape (n_angles, points).

    With the bisector of the beams as an axis both halves of the circle count alike; r = sin t makes the points dense at
    the rim, where p and q have roots.
    """
    x = np.cos(pi * (np.arange(n_angles) + 0.5) / n_angles)
    nodes, weights = np.polynomial.legendre.leggauss(n_radii)
    t = 0.25 * pi * (nodes + 1.0)
    around = pi * (np.arange(n_directions) + 0.5) / n_directions - 0.5 * pi
    radius = np.repeat(np.sin(t), n_directions)
    along, across = radius * np.tile(np.cos(around), n_radii), radius * np.tile(np.sin(around), n_radii)
    weight = np.repeat(0.25 * pi * weights * np.sin(t) * np.cos(t), n_directions) * 2.0 / n_directions
    theta = 0.25 * pi * (x[:, None] + 1.0)
    beam_in = along * np.cos(theta) - across * np.sin(theta)
    beam_out = along * np.cos(theta) + across * np.sin(theta)
    rim = 1.0 - radius**2
    ways = beam_in + np.sqrt(rim + beam_in**2) - beam_out + np.sqrt(rim + beam_out**2)
    return x, weight, ways
