"""Pair distances of atom lists, gathered in bins that keep their mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xrdfit.clusters.compiled import compiled_count

FloatArray = NDArray[np.float64]

# Atoms of a tile: its distances stay in the cache, and its matrix product is too small for a library to share it out
# between threads, which costs more than it brings.
_TILE = 224
# A bin's sum holds the number of its pairs as a whole number and the sum of their positions, scaled by this, as the
# fraction: one pass over the pairs instead of two. 224² pairs at up to 5·10⁵ bins stay below one half.
_PACKING = 2.0**-36
MAX_BINS = 500_000
_WORTH_COMPILING = 1e8  # pairs: a second of compilation is paid back


def pair_histogram(first: FloatArray, second: FloatArray | None, width: float) -> tuple[FloatArray, FloatArray]:
    """Count pairs of atoms by distance.

    Each bin gives the number of its pairs and their mean distance, so that the sum of a function g over the pairs is
    right to g'' width²/24 for each of them (1e-5 for sin(qr) at q width = 0.015).

    Parameters
    ----------
    first : (n, 3) array
        Positions, Angstrom.
    second : (m, 3) array or None
        Positions of the partners; None for the pairs within `first`, each counted once.
    width : float
        Width of the bins, Angstrom; there may be half a million of them.

    Returns
    -------
    distance, count : (k,) arrays
        Of the bins that hold pairs, ascending.
    """
    middle = first.mean(axis=0)
    own = np.ascontiguousarray((first - middle) / width)
    partners = own if second is None else np.ascontiguousarray((second - middle) / width)
    compiled = compiled_count()
    if compiled is not None and len(own) * len(partners) > _WORTH_COMPILING:
        reach = np.sqrt(_squares(own).max()) + np.sqrt(_squares(partners).max())
        count, total = compiled(own, partners, second is None, int(reach) + 2)
    else:
        count, total = _count_tiles(own, None if second is None else partners)
    filled = np.flatnonzero(count)
    return width * total[filled] / count[filled], count[filled]


def _count_tiles(first: FloatArray, second: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Number of pairs in each bin and sum of their distances, in units of a bin, by NumPy alone."""
    rows = _tiles(first)
    columns = rows if second is None else _tiles(second)
    # |x - y|² = [-2x, 1, |x|²] · [y, |y|², 1]
    left = [np.column_stack([-2.0 * tile, np.ones(len(tile)), _squares(tile)]) for tile in rows]
    right = [np.vstack([tile.T, _squares(tile), np.ones(len(tile))]) for tile in columns]
    count, total = np.zeros(0), np.zeros(0)
    for i, one in enumerate(left):
        for j, other in enumerate(right):
            if second is None and j < i:
                continue
            start, number, sums = _count(one @ other, same=second is None and i == j)
            stop = start + len(number)
            if stop > len(count):
                count, total = (np.pad(array, (0, stop - len(count))) for array in (count, total))
            count[start:stop] += number
            total[start:stop] += sums
    return count, total


def _tiles(positions: FloatArray) -> list[FloatArray]:
    """Split atoms into groups of neighbours: the distances between two groups span few bins."""
    from scipy.spatial import KDTree

    order = KDTree(positions, leafsize=_TILE).indices
    return np.split(positions[order], range(_TILE, len(positions), _TILE))


def _squares(tile: FloatArray) -> FloatArray:
    return np.einsum("ij,ij->i", tile, tile)


def _count(squares: FloatArray, *, same: bool) -> tuple[int, FloatArray, FloatArray]:
    """First bin, number of pairs in each from there on, and sum of their distances, in units of a bin."""
    position = squares[np.triu_indices(len(squares), 1)] if same else squares.ravel()
    if not position.size:
        return 0, np.zeros(0), np.zeros(0)
    np.sqrt(np.maximum(position, 0.0, out=position), out=position)
    start = int(position.min())
    position -= start
    index = position.astype(np.intp)
    position *= _PACKING
    position += 1.0
    packed = np.bincount(index, position)
    number = np.floor(packed)
    return start, number, (packed - number) / _PACKING + start * number
