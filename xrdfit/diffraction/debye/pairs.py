"""Distances between the sites of a crystal: how many neighbours of a kind stand how far away.

An atom's surroundings are the same for every atom of its orbit, so the neighbours of one atom are enough: the number
of ordered pairs per cell is the multiplicity times the neighbours. Lengths here are in an arbitrary unit, the metric
tensor sets it; the Debye engine works in units of the lattice constant `a`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_CHUNK = 400_000


@dataclass(frozen=True, eq=False)
class Lattice:
    """Positions of the sites of one cell.

    Attributes
    ----------
    metric : (3, 3) array
        Metric tensor; its square root's unit is that of all distances.
    positions : sequence of (m_s, 3) arrays
        Fractional coordinates of the atoms of each site.
    """

    metric: FloatArray
    positions: Sequence[FloatArray]


@dataclass(frozen=True, eq=False)
class Motion:
    """How one parameter moves a lattice: derivatives of the metric and of every position (None where at rest)."""

    metric: FloatArray | None
    positions: Sequence[FloatArray | None]


@dataclass(frozen=True, eq=False)
class Shells:
    """Ordered pairs of the infinite crystal per cell, by kind and distance.

    Attributes
    ----------
    pair : (k,) array of int
        Row of `site_pairs`.
    distance : (k,) array
        Mean distance of the pairs that share a bin.
    count : (k,) array
        Ordered pairs s -> t per cell (those of t -> s are as many again where s and t differ).
    slopes : tuple of (k,) arrays
        For each motion the sum over the pairs of d distance / d parameter.
    """

    pair: IntArray
    distance: FloatArray
    count: FloatArray
    slopes: tuple[FloatArray, ...] = ()


def site_pairs(multiplicity: Sequence[int]) -> list[tuple[int, int]]:
    """All unordered pairs of sites, the one with more atoms first: its one atom has the fewer neighbours."""
    order = sorted(range(len(multiplicity)), key=lambda s: -multiplicity[s])
    return [(s, t) for i, s in enumerate(order) for t in order[i:]]


def shells(lattice: Lattice, r_max: float, bin_width: float, motions: Sequence[Motion] = ()) -> Shells:
    """Count the pairs of all sites up to a distance.

    Distances are gathered in bins that keep their mean, so that the sum over pairs of a function g(r) is right to
    g'' w^2/24 with w the width; two shells in one bin cost that much, a single one nothing.

    Parameters
    ----------
    lattice : Lattice
    r_max : float
        Largest distance, in the unit of the metric.
    bin_width : float
        Width of a bin.
    motions : sequence of Motion
        Parameters whose effect on the distances is summed as well.

    Returns
    -------
    Shells
        Sorted by pair, then by distance.
    """
    n_bins = int(r_max / bin_width) + 2
    found: list[list[FloatArray]] = []
    for row, (s, t) in enumerate(site_pairs([len(p) for p in lattice.positions])):
        sums = np.zeros((2 + len(motions), n_bins))
        for squares, vectors in _neighbours(lattice, s, t, r_max, bool(motions)):
            distance = np.sqrt(squares)
            index = (distance * (1.0 / bin_width)).astype(np.int64)
            sums[0] += np.bincount(index, minlength=n_bins)
            sums[1] += np.bincount(index, distance, minlength=n_bins)
            for k, motion in enumerate(motions):
                rate = _rates(lattice.metric, motion, s, t, *vectors) / distance
                sums[2 + k] += np.bincount(index, rate, minlength=n_bins)
        filled = np.flatnonzero(sums[0])
        kept = sums[:, filled]
        kept[1] /= kept[0]
        kept[[0, *range(2, len(kept))]] *= len(lattice.positions[s])
        found.append([np.full(len(filled), float(row)), *kept])
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    return Shells(columns[0].astype(np.int64), columns[2], columns[1], tuple(columns[3:]))


def _neighbours(
    lattice: Lattice, s: int, t: int, r_max: float, with_vectors: bool
) -> Iterator[tuple[FloatArray, tuple[FloatArray, IntArray]]]:
    """Yield squared distances from the first atom of s to the atoms of t, with vectors and atom of t on demand."""
    g = lattice.metric
    reach = r_max * np.sqrt(np.diag(np.linalg.inv(g)))
    start = lattice.positions[t] - lattice.positions[s][0]
    axes = [
        np.arange(np.floor(-reach[i] - start[:, i].max()), np.ceil(reach[i] - start[:, i].min()) + 1.0)
        for i in range(3)
    ]
    step = max(1, _CHUNK // (len(axes[0]) * len(axes[1]) * len(axes[2])))
    for first in range(0, len(start), step):
        x, y, z = (start[first : first + step, i, None] + axes[i] for i in range(3))
        plane = (g[0, 0] * x * x)[:, :, None] + (g[1, 1] * y * y)[:, None, :]
        plane += 2.0 * g[0, 1] * x[:, :, None] * y[:, None, :]
        squares = plane[:, :, :, None] + (g[2, 2] * z * z)[:, None, None, :]
        if g[0, 2] or g[1, 2]:
            slant = 2.0 * (g[0, 2] * x[:, :, None] + g[1, 2] * y[:, None, :])
            squares += slant[:, :, :, None] * z[:, None, None, :]
        near = (squares <= r_max * r_max) & (squares > 1e-10)
        if with_vectors:
            k, i, j, m = np.nonzero(near)
            yield squares[near], (np.stack([x[k, i], y[k, j], z[k, m]], axis=1), k + first)
        else:
            yield squares[near], (np.empty((0, 3)), np.empty(0, dtype=np.int64))


def _rates(metric: FloatArray, motion: Motion, s: int, t: int, vectors: FloatArray, atom: IntArray) -> FloatArray:
    """R dr/dp = v G dv/dp + v (dG/dp) v / 2 for the vectors v from the first atom of s to atoms of t."""
    rate = np.zeros(len(vectors))
    moving, resting = motion.positions[t], motion.positions[s]
    if moving is not None:
        rate += np.einsum("ni,ni->n", vectors, (moving @ metric)[atom])
    if resting is not None:
        rate -= vectors @ (metric @ resting[0])
    if motion.metric is not None:
        rate += 0.5 * np.einsum("ni,ij,nj->n", vectors, motion.metric, vectors)
    return rate
