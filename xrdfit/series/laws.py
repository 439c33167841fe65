"""How a shared parameter goes along a series: constant, linear, exponential, a smooth spline."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError

Array = NDArray[np.float64]

KINDS = ("constant", "linear", "exponential", "spline")
_LEAST_SPLINE, _MOST_SPLINE = 4, 50


@dataclass(frozen=True)
class Law:
    """A parameter as a function of the coordinate, with k coefficients.

    Attributes
    ----------
    parameter : str
    kind : {"constant", "linear", "exponential", "spline"}
        v, or v + slope·(t − t̄), or v + step·exp(−(t − t₀)/τ) with t₀ the first t, or a cubic spline.
    origin : float
        t̄ or t₀.
    scale : float
        Extent of the coordinate.
    knots : tuple of float
        Of the spline, those at the ends four times.
    """

    parameter: str
    kind: str = "constant"
    origin: float = 0.0
    scale: float = 1.0
    knots: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        ends = {"constant": ("",), "linear": ("", " slope"), "exponential": (" end", " step", " tau")}
        if self.kind == "spline":
            return tuple(f"{self.parameter} spline {i}" for i in range(len(self.knots) - 4))
        return tuple(self.parameter + end for end in ends[self.kind])

    def value(self, c: Array, t: float) -> float:
        """Value at a coordinate."""
        if self.kind == "exponential":
            return float(c[0] + c[1] * np.exp(-(t - self.origin) / c[2]))
        return float(self.slope(c, t) @ c)

    def slope(self, c: Array, t: float) -> Array:
        """Derivatives of the value by the coefficients, shape (k,)."""
        if self.kind == "constant":
            return np.ones(1)
        if self.kind == "linear":
            return np.array([1.0, t - self.origin])
        if self.kind == "spline":
            from scipy.interpolate import BSpline

            inside = float(np.clip(t, self.knots[0], self.knots[-1]))
            return BSpline.design_matrix(np.array([inside]), np.array(self.knots), 3).toarray()[0]
        x = (t - self.origin) / c[2]
        return np.array([1.0, np.exp(-x), c[1] * x * np.exp(-x) / c[2]])

    def start(self, t: Array, v: Array, weight: Array) -> Array:
        """Coefficients that lie close to values (n,) with weights (n,): where a fit starts."""
        if self.kind != "exponential":
            return _least_squares(np.array([self.slope(np.zeros(1), each) for each in t]), v, weight)[0]
        best: tuple[float, Array] | None = None
        for tau in self.scale * np.geomspace(0.02, 3.0, 60):
            table = np.column_stack([np.ones(len(t)), np.exp(-(t - self.origin) / tau)])
            c, chi2 = _least_squares(table, v, weight)
            if best is None or chi2 < best[0]:
                best = chi2, np.append(c, tau)
        assert best is not None
        return best[1]

    def limits(self, low: float, high: float) -> tuple[Array, Array]:
        """Limits of the coefficients, (k,) each, for a value within low and high."""
        if self.kind in ("constant", "spline"):  # a spline lies within its coefficients
            return np.full(len(self.names), low), np.full(len(self.names), high)
        lower, upper = np.full(len(self.names), -np.inf), np.full(len(self.names), np.inf)
        if self.kind == "exponential":
            lower[0], upper[0] = low, high
            lower[2], upper[2] = 1e-3 * self.scale, 1e2 * self.scale
        return lower, upper


def _least_squares(table: Array, v: Array, weight: Array) -> tuple[Array, float]:
    root = np.sqrt(weight)
    c = np.asarray(np.linalg.lstsq(table * root[:, None], v * root, rcond=1e-10)[0], dtype=np.float64)
    return c, float(np.sum(weight * (v - table @ c) ** 2))


def law_of(parameter: str, text: str, t: Array) -> Law:
    """Return the law that a text names, over the coordinates (n,) of a series.

    Raises
    ------
    InputError
        It is none, or the series is too short for it.
    """
    kind, _, number = text.strip().partition(":")
    if kind not in KINDS or (number and (kind != "spline" or not number.isdecimal())):
        raise InputError(f"law {parameter}={text}: allowed are constant, linear, exponential, spline and spline:NUMBER")
    law = Law(parameter, kind, scale=float(np.ptp(t)) or 1.0)
    if kind == "constant":
        return law
    count = int(number) if number else 5
    if kind == "spline" and not _LEAST_SPLINE <= count <= _MOST_SPLINE:
        raise InputError(f"law {parameter}={text}: {_LEAST_SPLINE} to {_MOST_SPLINE} coefficients are allowed")
    different = len(np.unique(t))
    needed = {"linear": 2, "exponential": 4, "spline": count}[kind]
    if not np.isfinite(t).all() or different < needed:
        raise InputError(
            f"law {parameter}={text} needs a coordinate with at least {needed} different values (--coord); "
            f"there are {different}"
        )
    if kind == "linear":
        return replace(law, origin=float(t.mean()))
    if kind == "exponential":
        return replace(law, origin=float(t.min()))
    inner = np.quantile(np.unique(t), np.linspace(0.0, 1.0, count - 2))
    return replace(law, knots=tuple(float(x) for x in (*[inner[0]] * 3, *inner, *[inner[-1]] * 3)))
