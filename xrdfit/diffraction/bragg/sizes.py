"""Lognormal size distributions: number median and sigma of ln D, weighted by the particle's volume."""

from __future__ import annotations

from functools import lru_cache
from math import exp

import numpy as np

from xrdfit.diffraction.protocol import FloatArray

_NODES = 9


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
    z, weights = _hermite()
    return median * np.exp(3.0 * sigma**2 + sigma * z), weights


@lru_cache(maxsize=1)
def _hermite() -> tuple[FloatArray, FloatArray]:
    z, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return z, weights / weights.sum()
