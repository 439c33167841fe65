"""The smooth background: Chebyshev polynomials over the measured range."""

from __future__ import annotations

import numpy as np

from xrdfit.diffraction.protocol import FloatArray
from xrdfit.errors import InputError

MAX_ORDER = 50


def chebyshev_basis(two_theta: FloatArray, order: int) -> FloatArray:
    """Return T_0 ... T_order on the range of `two_theta` mapped linearly to [-1, 1].

    The basis is linear in its coefficients `bkg_0` ... `bkg_<order>`: background = basis @ coefficients.

    Parameters
    ----------
    two_theta : ndarray, shape (n,)
        Angles, degree.
    order : int
        Highest degree, 0 to 50.

    Returns
    -------
    ndarray, shape (n, order + 1)
        T_k(x) = cos(k arccos x).

    Raises
    ------
    InputError
        For an order outside 0 to 50 or an empty grid.

    Examples
    --------
    >>> chebyshev_basis(np.array([10.0, 20.0, 30.0]), 2).tolist()
    [[1.0, -1.0, 1.0], [1.0, 0.0, -1.0], [1.0, 1.0, 1.0]]
    """
    if not 0 <= order <= MAX_ORDER:
        raise InputError(f"background order {order!r} is out of range: 0 to {MAX_ORDER} is allowed")
    grid = np.asarray(two_theta, dtype=float)
    if grid.size == 0:
        raise InputError("two_theta is empty: a background needs at least one point")
    low, high = float(grid.min()), float(grid.max())
    # A single point maps to the middle, where no polynomial is extreme.
    x = (2.0 * grid - low - high) / (high - low) if high > low else np.zeros_like(grid)
    return np.polynomial.chebyshev.chebvander(x, order).astype(float)
