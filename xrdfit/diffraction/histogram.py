"""Pair distances of atom lists, gathered in bins that keep as much of them as the Debye equation can see."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_BLOCK = 1_000_000


def pair_histogram(first: FloatArray, second: FloatArray | None, r_max: float, width: float) -> FloatArray:
    """Weights on a uniform grid of distances that stand for all pairs of atoms.

    Number, mean and mean square of the distances in each bin are kept, as three points at its ends and its middle: the
    sum of a function g over the pairs is right to 0.008 g''' width^3 for each of them (4e-6 for sin(qr) at
    q width = 0.08).

    Parameters
    ----------
    first : (n, 3) array
        Positions, Angstrom.
    second : (m, 3) array or None
        Positions of the partners; None for the pairs within `first`, each counted once.
    r_max : float
        No pair may be farther apart.
    width : float
        Width of the bins, Angstrom.

    Returns
    -------
    (k,) array
        Weight of the distance ``0.5 * width * i``.
    """
    n_bins = int(r_max / width) + 2
    count = _compiled() or _count_blocks
    partners = first if second is None else second
    moments = count(np.ascontiguousarray(first), np.ascontiguousarray(partners), second is None, width, n_bins)
    number, mean, square = moments.T
    weights = np.zeros(2 * n_bins + 1)
    weights[:-1:2] += 2.0 * square - mean
    weights[1::2] += number - 4.0 * square
    weights[2::2] += 2.0 * square + mean
    return weights


def _count_blocks(first: FloatArray, second: FloatArray, same: bool, width: float, n_bins: int) -> FloatArray:
    """Moments 0, 1, 2 of the distances about the middles of the bins, (n_bins, 3), in plain NumPy."""
    moments = np.zeros((3, n_bins))
    step = max(1, _BLOCK // len(second))
    for start in range(0, len(first), step):
        rows = first[start : start + step]
        partners = second[start:] if same else second
        squares = np.zeros((len(rows), len(partners)))
        for axis in range(3):
            squares += (rows[:, axis, None] - partners[:, axis]) ** 2
        if same:
            squares = squares[np.triu_indices(len(rows), 1, len(partners))]
        position = np.sqrt(squares.ravel()) / width
        index = position.astype(np.int64)
        offset = position - index - 0.5
        moments[0] += np.bincount(index, minlength=n_bins)
        moments[1] += np.bincount(index, offset, minlength=n_bins)
        moments[2] += np.bincount(index, offset * offset, minlength=n_bins)
    return moments.T


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., FloatArray] | None:
    """Make the loop over pairs with numba, where that is installed."""
    try:
        import numba
    except ImportError:
        return None

    n_threads = numba.get_num_threads()

    @numba.njit(parallel=True, fastmath=True, cache=True)
    def count(first, second, same, width, n_bins, n_parts):  # pragma: no cover - compiled
        parts = np.zeros((n_parts, n_bins, 3))
        inverse = 1.0 / width
        for part in numba.prange(n_parts):
            moments = parts[part]
            for i in range(part, first.shape[0], n_parts):
                x, y, z = first[i, 0], first[i, 1], first[i, 2]
                for j in range(i + 1 if same else 0, second.shape[0]):
                    dx, dy, dz = second[j, 0] - x, second[j, 1] - y, second[j, 2] - z
                    position = np.sqrt(dx * dx + dy * dy + dz * dz) * inverse
                    index = int(position)
                    offset = position - index - 0.5
                    moments[index, 0] += 1.0
                    moments[index, 1] += offset
                    moments[index, 2] += offset * offset
        return parts.sum(axis=0)

    def count_in_threads(*arguments):
        return count(*arguments, 4 * n_threads)  # pyright: ignore[reportCallIssue]

    return count_in_threads
