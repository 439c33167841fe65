"""The count of pairs as a compiled loop, where numba is installed (the extra ``speed``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Count = Callable[[FloatArray, FloatArray, bool, int], tuple[FloatArray, FloatArray]]


@lru_cache(maxsize=1)
def compiled_count() -> Count | None:
    """Return a function that counts pairs, or None without numba.

    The function takes positions (n, 3) and (m, 3) in units of a bin, whether they are the same atoms, and the number
    of bins; it returns the number of pairs in each bin and the sum of their distances.
    """
    try:
        import numba
    except ImportError:
        return None

    def count(first, second, same, n_bins, n_parts):  # pragma: no cover - compiled
        parts = np.zeros((n_parts, n_bins, 2))
        for part in numba.prange(n_parts):
            own = parts[part]
            for i in range(part, first.shape[0], n_parts):
                x, y, z = first[i, 0], first[i, 1], first[i, 2]
                for j in range(i + 1 if same else 0, second.shape[0]):
                    dx, dy, dz = second[j, 0] - x, second[j, 1] - y, second[j, 2] - z
                    distance = np.sqrt(dx * dx + dy * dy + dz * dz)
                    index = int(distance)
                    own[index, 0] += 1.0
                    own[index, 1] += distance
        return parts.sum(axis=0)

    atom = np.zeros((1, 3))
    try:
        compiled = numba.njit(parallel=True, fastmath=True, cache=True)(count)
        compiled(atom, atom, True, 1, 1)
    except (RuntimeError, OSError):  # neither the package's folder nor the user's can be written: compiled each time
        compiled = numba.njit(parallel=True, fastmath=True)(count)
    n_parts = 4 * numba.get_num_threads()

    def count_pairs(first: FloatArray, second: FloatArray, same: bool, n_bins: int) -> tuple[FloatArray, FloatArray]:
        number, total = compiled(first, second, same, n_bins, n_parts).T  # pyright: ignore[reportCallIssue]
        return number, total

    return count_pairs
