"""A smooth polynomial over the measured range."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xrdfit.diffraction.background.components import BoundComponent, Component, FixedComponent
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.errors import InputError
from xrdfit.parameters import BACKGROUND, ParameterRow, row

MAX_ORDER = 50


@dataclass(frozen=True)
class Chebyshev:
    """A smooth polynomial over the measured range, Σ c_k T_k(x).

    Attributes
    ----------
    order : int or None
        Highest degree, 0 to 50; None takes 3 for a range up to 60°, else one more for each further 15°.

    Examples
    --------
    >>> import xrdfit as xf
    >>> xf.Chebyshev(6).order
    6
    """

    key: ClassVar[str] = "order"
    order: int | None = None

    @classmethod
    def from_toml(cls, value: Any, folder: Path) -> list[Component]:
        """Read an order, or "range" for one that follows the range."""
        if value == "range":
            return [cls()]
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{value!r}: a whole number or 'range' is needed")
        return [cls(value)]

    def to_toml(self) -> Any:
        """Return the order, or "range"."""
        return "range" if self.order is None else self.order

    def on(self, two_theta: FloatArray) -> str:
        """Say what it is."""
        return f"Chebyshev polynomial of order {self.order_on(two_theta)}"

    def __post_init__(self) -> None:
        if self.order is not None and not 0 <= self.order <= MAX_ORDER:
            raise InputError(f"background order {self.order!r} is out of range: 0 to {MAX_ORDER} is allowed")

    def order_on(self, two_theta: FloatArray) -> int:
        """Return the degree on a grid."""
        if self.order is not None:
            return self.order
        span = float(two_theta[-1] - two_theta[0])
        return 3 + max(0, ceil((span - 60.0) / 15.0))

    def rows(self, two_theta: FloatArray, number: int) -> list[ParameterRow]:
        """Return the coefficients, from degree 0."""
        return [row(BACKGROUND["bkg"], number=k) for k in range(self.order_on(two_theta) + 1)]

    def bind(self, two_theta: FloatArray, number: int) -> BoundComponent:
        """Return the polynomials on a grid."""
        order = self.order_on(two_theta)
        names = tuple(r.own_name for r in self.rows(two_theta, number))
        return FixedComponent("chebyshev", names, chebyshev_basis(two_theta, order))


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
