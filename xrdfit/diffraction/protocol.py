"""The one thing that a fit knows about physics: a structure bound to a grid of angles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@runtime_checkable
class BoundEngine(Protocol):
    """A structure, a grid and a radiation, lowered to arrays; the pattern is at unit scale, per unit cell.

    Scale convention: the integral of the pattern over 2 theta in radians is, for a Bragg line,
    m |F|^2 lambda^3 LP' / (16 pi V) with LP' = LP / (1 + cos^2 2theta_M), and the Debye
    sum is taken per cell, so that two engines agree at the same scale.
    """

    @property
    def two_theta(self) -> FloatArray:
        """The grid, degree, shape (n,)."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters that the pattern responds to."""
        ...

    def pattern(self, values: Mapping[str, float]) -> FloatArray:
        """Return the pattern, shape (n,); `values` holds at least every name of `names`."""
        ...

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Return the pattern, shape (n,), and its derivatives by `names`, shape (n, len(names)).

        A name that is none of the engine's has a column of zeros: in a model of several phases each engine is asked
        for the parameters of all.
        """
        ...

    def assuming(
        self,
        *,
        anomalous_table: str | None = None,
        kalpha_ratio: float | None = None,
        march_axis: tuple[int, int, int] | None = None,
        broadening_axis: tuple[int, int, int] | None = None,
    ) -> BoundEngine:
        """Return the engine with other f' and f'', another weight of K-alpha2 or, where it can, an axis."""
        ...
