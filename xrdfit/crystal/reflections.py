"""Reflections of a space group: which are allowed, and which are equivalent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from xrdfit.crystal.groups import SpaceGroup
from xrdfit.crystal.lattice import Cell, check_cell
from xrdfit.errors import InputError

_MAX_INDICES = 5_000_000


@dataclass(frozen=True, eq=False)
class Reflections:
    """Powder lines, by descending d.

    Attributes
    ----------
    hkl : (n, 3) array of int
        A representative of each line: with as few negative indices as its class has, then the largest h, k, l.
    multiplicity : (n,) array of int
        Number of equivalent reflections, Friedel mates included.
    equivalents : (N, 3) array of int
        All reflections, line by line.
    owner : (N,) array of int
        The row of `hkl` that each of `equivalents` belongs to.
    """

    hkl: np.ndarray
    multiplicity: np.ndarray
    equivalents: np.ndarray
    owner: np.ndarray

    def __len__(self) -> int:
        return len(self.hkl)


@lru_cache(maxsize=32)
def reflections(group: SpaceGroup, cell: Cell, d_min: float, d_max: float = float("inf")) -> Reflections:
    """All reflections with d_min ≤ d ≤ d_max that the space group allows, grouped by its Laue class.

    A reflection h is absent when an operation (R, t) has hR = h and exp(2πi h·t) ≠ 1 (International Tables A,
    section 2.2.13). Indices are never permuted beyond the Laue class: 333 and 511, or 210 and 120 of m-3, stay two.

    Parameters
    ----------
    group : SpaceGroup
    cell : Cell
    d_min, d_max : float
        Limits in Å, 0 < d_min < d_max.

    Returns
    -------
    Reflections
        Read-only arrays (the answer is cached).

    Raises
    ------
    InputError
        The limits are out of order, the cell does not fit the group, or the sphere holds over five million indices.
    """
    if not 0.0 < d_min < d_max:
        raise InputError(f"reflections: d_min {d_min:g} and d_max {d_max:g} Å; 0 < d_min < d_max is allowed")
    check_cell(group, cell)
    hkl = _allowed(group, _in_shell(cell, d_min, d_max))
    keys, owner_keys = _class_keys(group, hkl)
    order = np.argsort(owner_keys, kind="stable")
    hkl, keys, owner_keys = hkl[order], keys[order], owner_keys[order]
    _, owner, multiplicity = np.unique(owner_keys, return_inverse=True, return_counts=True)
    representatives = hkl[keys == owner_keys]  # one a class, in the order of the classes
    inverse_d = 1.0 / cell.d_spacing(representatives) if len(hkl) else np.empty(0)
    rank = np.lexsort((*representatives.T[::-1], np.round(inverse_d, 9)))
    position = np.empty(len(rank), dtype=np.int64)
    position[rank] = np.arange(len(rank))
    rows = np.argsort(position[owner], kind="stable")
    arrays = (representatives[rank], multiplicity[rank], hkl[rows], position[owner][rows])
    for array in arrays:
        array.setflags(write=False)
    return Reflections(*arrays)


def _in_shell(cell: Cell, d_min: float, d_max: float) -> np.ndarray:
    limits = [int(length / d_min + 1e-9) for length in (cell.a, cell.b, cell.c)]  # |h| = |a·G| ≤ a/d
    if np.prod([2 * limit + 1.0 for limit in limits]) > _MAX_INDICES:
        raise InputError(
            f"reflections: d_min {d_min:g} Å gives over {_MAX_INDICES} indices in this cell; "
            "end at a smaller angle or take a longer wavelength, which both raise d_min"
        )
    grid = np.meshgrid(*(np.arange(-limit, limit + 1) for limit in limits), indexing="ij")
    hkl = np.stack([axis.ravel() for axis in grid], axis=1)
    inverse_squared = np.einsum("ni,ij,nj->n", hkl, cell.reciprocal_metric, hkl, optimize=True)
    upper = (1.0 + 1e-9) / d_min**2
    lower = max((1.0 - 1e-9) / d_max**2, 1e-12)
    return hkl[(inverse_squared <= upper) & (inverse_squared >= lower)]


def _allowed(group: SpaceGroup, hkl: np.ndarray) -> np.ndarray:
    rotations, translations = group.rotations, group.translations
    centring = translations[np.all(rotations == np.eye(3, dtype=int), axis=(1, 2))]
    hkl = hkl[np.all(_whole(hkl @ centring.T), axis=1)]
    # one operation of each coset of the centring is enough from here on
    _, unique = np.unique(rotations.reshape(-1, 9), axis=0, return_index=True)
    absent = np.zeros(len(hkl), dtype=bool)
    for rotation, translation in zip(rotations[unique], translations[unique], strict=True):
        if np.any(translation):
            invariant = np.all(hkl @ rotation == hkl, axis=1)
            absent |= invariant & ~_whole(hkl @ translation)
    return hkl[~absent]


def _whole(phase: np.ndarray) -> np.ndarray:
    return np.abs(phase - np.round(phase)) < 1e-6


def _class_keys(group: SpaceGroup, hkl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rank each reflection and give it the highest rank of its class (the ranks are one-to-one with the indices)."""
    bound = int(np.abs(hkl).max(initial=0)) * 2 + 1  # hexagonal equivalents have i = -(h + k)
    base = 2 * bound + 1

    def rank(indices: np.ndarray) -> np.ndarray:
        positive = np.count_nonzero(indices >= 0, axis=1)
        shifted = indices + bound
        return ((positive * base + shifted[:, 0]) * base + shifted[:, 1]) * base + shifted[:, 2]

    highest = rank(hkl)
    own = highest.copy()
    for rotation in group.laue_rotations:
        np.maximum(highest, rank(hkl @ rotation), out=highest)
    return own, highest
