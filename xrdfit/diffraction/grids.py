"""The grid of angles that an engine is bound to."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from xrdfit.diffraction.protocol import FloatArray
from xrdfit.errors import InputError


def check_grid(two_theta: ArrayLike) -> FloatArray:
    """Copy a grid of angles to a read-only array.

    Parameters
    ----------
    two_theta : array_like, shape (n,)
        Degree, ascending, above 0 and below 180; one point is enough.

    Raises
    ------
    InputError
        Saying what is wrong with it.
    """
    grid = np.array(two_theta, dtype=float)
    if grid.ndim != 1 or grid.size == 0:
        raise InputError(f"two_theta has the shape {grid.shape}: one dimension and at least one point are allowed")
    if not np.isfinite(grid).all() or grid.min() <= 0.0 or grid.max() >= 180.0:
        raise InputError(f"two_theta spans {grid.min():g} to {grid.max():g}: above 0 and below 180 degree is allowed")
    if np.any(np.diff(grid) <= 0.0):
        raise InputError("two_theta is not ascending: each angle must be above the one before")
    grid.flags.writeable = False
    return grid
