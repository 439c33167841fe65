"""Directions of reflections against an axis: of preferred orientation, or of crystallites that are no spheres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.symmetry import Cell, Reflections, SpaceGroup, cell_from_free, cell_names
from xrdfit.diffraction.protocol import FloatArray

_STRETCHES = (1.0, 1.0013, 0.9983, 1.0029, 0.9971, 1.0037)  # of the free parameters; what is equal in both cells is so


class Direction:
    """Angles between reflections and a reciprocal axis, as the cell moves.

    Parameters
    ----------
    hkl : (n, 3) array of int
    axis : tuple of int
        Indices of the axis.
    owner : (n,) array of int, optional
        Line of each reflection, of whose equivalents the mean is taken.
    """

    def __init__(
        self, hkl: NDArray[np.int64], axis: tuple[int, int, int], owner: NDArray[np.int64] | None = None
    ) -> None:
        self.hkl = hkl
        self.owner = owner
        self.axis = np.array(axis, dtype=float)
        self._products = index_products(hkl)

    def squared_cosine(self, metric: FloatArray) -> FloatArray:
        """Squared cosine of the angle of each reflection with the axis, (h G a)²/(h G h · a G a), shape (n,)."""
        return self._mean((self.hkl @ (metric @ self.axis)) ** 2 / self._lengths(metric))

    def squared_cosine_slope(self, metric: FloatArray, moved: FloatArray) -> FloatArray:
        """Derivative of `squared_cosine` as the reciprocal metric moves, shape (n,)."""
        along, lengths = self.hkl @ (metric @ self.axis), self._lengths(metric)
        turned = 2.0 * along * (self.hkl @ (moved @ self.axis)) / lengths
        stretched = inverse_d_squared(self._products, moved) / inverse_d_squared(self._products, metric)
        stretched += (self.axis @ moved @ self.axis) / (self.axis @ metric @ self.axis)
        return self._mean(turned - along**2 / lengths * stretched)

    def _mean(self, each: FloatArray) -> FloatArray:
        return each if self.owner is None else np.bincount(self.owner, each) / np.bincount(self.owner)

    def _lengths(self, metric: FloatArray) -> FloatArray:
        return inverse_d_squared(self._products, metric) * (self.axis @ metric @ self.axis)


def index_products(hkl: NDArray[np.int64]) -> FloatArray:
    """Return h^2, k^2, l^2, 2kl, 2hl, 2hk, shape (n, 6): 1/d^2 is linear in the six elements of the metric."""
    h, k, l = np.asarray(hkl, dtype=float).T  # noqa: E741
    return np.stack([h * h, k * k, l * l, 2 * k * l, 2 * h * l, 2 * h * k], axis=1)


def inverse_d_squared(products: FloatArray, metric: FloatArray) -> FloatArray:
    """Return 1/d^2 of reflections by their `index_products` and the reciprocal metric, shape (n,)."""
    return products @ metric[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def split_by_direction(table: Reflections, group: SpaceGroup, cell: Cell, axis: tuple[int, int, int]) -> Reflections:
    """Part the equivalents of every line by their angle with an axis, which their width depends on.

    Equivalents of one line stay together where they make one angle with the axis in this cell and in one that is
    stretched as its symmetry allows.
    """
    if not len(table):
        return table
    stretched = {name: getattr(cell, name) * by for name, by in zip(cell_names(group), _STRETCHES, strict=False)}
    cosines = [
        np.round(Direction(table.equivalents, axis).squared_cosine(c.reciprocal_metric), 9)
        for c in (cell, cell_from_free(group, stretched))
    ]
    keys = np.stack([table.owner, *cosines])
    h, k, l = table.equivalents.T  # noqa: E741
    negative = np.count_nonzero(table.equivalents < 0, axis=1)
    order = np.lexsort((-l, -k, -h, negative, *cosines[::-1], table.owner))  # as a class is named by its first
    new = np.any(np.diff(keys[:, order], axis=1) != 0, axis=0)
    owner = np.concatenate([[0], np.cumsum(new)])
    first = order[np.flatnonzero(np.concatenate([[True], new]))]
    equivalents = table.equivalents[order]
    return replace(
        table, hkl=table.equivalents[first], multiplicity=np.bincount(owner), equivalents=equivalents, owner=owner
    )
