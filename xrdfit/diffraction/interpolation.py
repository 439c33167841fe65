"""Interpolation from even steps to a grid by a polynomial through neighbouring steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.protocol import FloatArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_MANY = 1 << 16  # values to interpolate at once that pay for the import of scipy.sparse


@dataclass(frozen=True, eq=False)
class Interpolation:
    """From even steps to a grid: value i of the grid is Σ_k weights[k, i] · steps[first[i] + k].

    Attributes
    ----------
    first : (n,) array of int
        First step that value i takes.
    weights : (order, n) array
    count : int
        Number of steps.
    """

    first: NDArray[np.intp]
    weights: FloatArray
    count: int

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Interpolate each of some rows (p, count) to (p, n)."""
        if len(rows) * self.first.size > _MANY:
            return (self._matrix @ rows.T).T
        total = rows[:, self.first] * self.weights[0]
        for k in range(1, len(self.weights)):
            total += rows[:, self.first + k] * self.weights[k]
        return total

    @cached_property
    def _matrix(self) -> csr_array:
        from scipy.sparse import csr_array

        order, n = self.weights.shape
        columns = self.first[:, None] + np.arange(order)
        pointers = np.arange(n + 1) * order
        return csr_array((self.weights.T.ravel(), columns.ravel(), pointers), shape=(n, self.count))
