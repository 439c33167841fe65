"""Lognormal size distributions: number median and sigma of ln D, weighted by the particle's volume."""

from __future__ import annotations

from functools import lru_cache
from math import exp

import numpy as np

from xrdfit.diffraction.protocol import FloatArray

# Nodes up to a σ: with them the lines are right to 3e-4 of their height.
_NODES = ((0.4, 9), (0.7, 15), (1.0, 25))


def volume_weighted_mean(median: float, sigma: float) -> float:
    """Return the volume-weighted mean size, <D^4>/<D^3> = median exp(3.5 sigma^2).

    Examples
    --------
    >>> volume_weighted_mean(4.0, 0.0)
    4.0
    """
    return median * exp(3.5 * sigma**2)


def lognormal_nodes(median: float, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Return sizes and weights that stand for the volume-weighted distribution.

    Weighting a lognormal by D^3 gives another with the median exp(3 sigma^2) times as large; Gauss-Hermite nodes in
    ln D integrate over it.

    Parameters
    ----------
    median : float
        Number median of D.
    sigma : float
        Standard deviation of ln D; 0 is a single size.

    Returns
    -------
    sizes, weights : ndarray, shape (k,)
        The weights sum to 1.
    """
    if sigma == 0.0:
        return np.array([median]), np.ones(1)
    z, weights = _hermite(_count(sigma))
    return median * np.exp(3.0 * sigma**2 + sigma * z), weights


def lognormal_slopes(sigma: float) -> FloatArray:
    """Return the derivatives of the logarithms of the sizes by sigma, shape (k,); 0 of a single size."""
    return np.zeros(1) if sigma == 0.0 else 6.0 * sigma + _hermite(_count(sigma))[0]


def _count(sigma: float) -> int:
    return next((count for limit, count in _NODES if abs(sigma) <= limit), _NODES[-1][1])


@lru_cache(maxsize=8)
def _hermite(count: int) -> tuple[FloatArray, FloatArray]:
    z, weights = np.polynomial.hermite_e.hermegauss(count)
    return z, weights / weights.sum()
