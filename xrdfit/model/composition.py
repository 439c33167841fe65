"""Exact composition: an occupancy vector that obeys every linear rule, whatever the optimizer does.

The rules of a crystal are linear in its occupancies: each lies within its limits, an element's atoms
add up to a given number, the species of a mixed site fill it at most once, a tetrahedral void takes
one cation. Together they bound a polytope. `OccupancyMap` maps the unit cube onto it, so that an
optimizer that keeps its variables within 0 and 1 cannot leave the allowed compositions:

    o_j = lo_j(o_1 … o_{j-1}) + u_j [hi_j(o_1 … o_{j-1}) − lo_j(o_1 … o_{j-1})]

where ``lo_j`` and ``hi_j`` are the smallest and largest value that leave the later sites a solution.
They are found once by Fourier–Motzkin elimination (Dantzig & Eaves, J. Comb. Theory A 14, 288, 1973).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError

Array = NDArray[np.float64]
_ZERO = 1e-10


@dataclass(frozen=True)
class Rule:
    """One linear rule, ``sum(coefficients[name] * occupancy[name]) (= or ≤) bound``.

    Attributes
    ----------
    coefficients : Mapping[str, float]
        Parameter name to coefficient.
    bound : float
        Right-hand side.
    equality : bool
        True for "=", False for "≤".
    text : str
        The rule in words, used when it cannot be met.
    """

    coefficients: Mapping[str, float]
    bound: float
    equality: bool
    text: str


@dataclass(frozen=True)
class _Limits:
    """``constant + linear @ o[:j]`` for every lower or upper limit of coordinate j."""

    constant: Array
    linear: Array

    def at(self, prefix: Array) -> Array:
        return self.constant + self.linear @ prefix


@dataclass(frozen=True)
class OccupancyMap:
    """The map from the unit cube (shares) to the occupancies that obey every rule.

    Attributes
    ----------
    names : tuple of str
        The occupancies, in the order in which shares are given out.
    free : tuple of int
        Columns of `names` that own a share; the others follow from the equalities.
    limits : tuple of (float, float)
        Smallest and largest value of each name by itself.
    rules : tuple of Rule
        What they obey together.
    """

    names: tuple[str, ...]
    free: tuple[int, ...]
    limits: tuple[tuple[float, float], ...]
    rules: tuple[Rule, ...]
    _offset: Array
    _expand: Array
    _lower: tuple[_Limits, ...]
    _upper: tuple[_Limits, ...]

    @property
    def tangent(self) -> Array:
        """Directions that the equalities leave open, shape (n_names, n_free)."""
        return self._expand

    def occupancies(self, shares: Array) -> Array:
        """Occupancies, shape (n_names,), of shares in 0–1, shape (n_free,)."""
        return self.derivative(shares)[0]

    def derivative(self, shares: Array) -> tuple[Array, Array]:
        """Occupancies (n_names,) and their derivatives by the shares (n_names, n_free)."""
        n = len(self.free)
        value, slope = np.zeros(n), np.zeros((n, n))
        for j, (lower, upper) in enumerate(zip(self._lower, self._upper, strict=True)):
            lows, highs = lower.at(value[:j]), upper.at(value[:j])
            i, k = int(np.argmax(lows)), int(np.argmin(highs))
            width = max(highs[k] - lows[i], 0.0)
            value[j] = lows[i] + shares[j] * width
            slope[j] = (1 - shares[j]) * (lower.linear[i] @ slope[:j]) + shares[j] * (upper.linear[k] @ slope[:j])
            slope[j, j] = width
        low, high = np.array(self.limits).reshape(-1, 2).T
        return np.clip(self._offset + self._expand @ value, low, high), self._expand @ slope

    def at(self, values: Array) -> Array:
        """Occupancies, shape (n_names,), of those that are free (n_free,); the equalities alone are obeyed."""
        return self._offset + self._expand @ values

    def free_values(self, shares: Array) -> tuple[Array, Array]:
        """Free occupancies (m, n_free) of many shares (m, n_free), and their derivatives (m, n_free, n_free)."""
        m, n = shares.shape
        each = np.arange(m)
        value, slope = np.zeros((m, n)), np.zeros((m, n, n))
        for j, (lower, upper) in enumerate(zip(self._lower, self._upper, strict=True)):
            lows = lower.constant + value[:, :j] @ lower.linear.T
            highs = upper.constant + value[:, :j] @ upper.linear.T
            i, k = np.argmax(lows, axis=1), np.argmin(highs, axis=1)
            width = np.maximum(highs[each, k] - lows[each, i], 0.0)
            share = shares[:, j, None]
            value[:, j] = lows[each, i] + shares[:, j] * width
            edges = (1 - share) * lower.linear[i] + share * upper.linear[k]
            slope[:, j] = np.einsum("mi,mij->mj", edges, slope[:, :j])
            slope[each, j, j] = width
        return value, slope

    def led_by(self, name: str) -> OccupancyMap:
        """Return the same polytope with `name` as its first coordinate, so that one share alone moves it."""
        order = sorted(range(len(self.names)), key=lambda j: self.names[j] != name)
        return occupancy_map([self.names[j] for j in order], [self.limits[j] for j in order], self.rules)

    def shares(self, occupancies: Array) -> Array:
        """Shares (n_free,) whose occupancies come nearest, site by site, to those given (n_names,)."""
        n = len(self.free)
        value, shares = np.zeros(n), np.full(n, 0.5)
        for j, (lower, upper) in enumerate(zip(self._lower, self._upper, strict=True)):
            low, high = lower.at(value[:j]).max(), upper.at(value[:j]).min()
            if high - low > _ZERO:
                shares[j] = np.clip((occupancies[self.free[j]] - low) / (high - low), 0.0, 1.0)
            value[j] = low + shares[j] * max(high - low, 0.0)
        return shares

    def on_bound(self, occupancies: Array, tolerance: float) -> NDArray[np.bool_]:
        """Which free occupancies stand at a limit that the ones before them leave, shape (n_names,)."""
        value = occupancies[list(self.free)]
        flags = np.zeros(len(self.names), dtype=bool)
        for j, (lower, upper) in enumerate(zip(self._lower, self._upper, strict=True)):
            low, high = lower.at(value[:j]).max(), upper.at(value[:j]).min()
            flags[self.free[j]] = value[j] - low < tolerance or high - value[j] < tolerance
        return flags


def occupancy_map(
    names: Sequence[str], limits: Sequence[tuple[float, float]], rules: Sequence[Rule] = ()
) -> OccupancyMap:
    """Build the map for occupancies within `limits` that obey `rules`.

    Parameters
    ----------
    names : sequence of str
        Parameter names of the occupancies, in site order.
    limits : sequence of (float, float)
        Smallest and largest value of each.
    rules : sequence of Rule
        Totals of elements (equalities), mixed sites and packing (inequalities), affine ties.

    Raises
    ------
    InputError
        When no occupancies obey every rule.
    """
    n = len(names)
    offset, expand, free = _solve_equalities(names, [r for r in rules if r.equality])
    rows = [(np.eye(n)[j], high) for j, (_, high) in enumerate(limits)]
    rows += [(-np.eye(n)[j], -low) for j, (low, _) in enumerate(limits)]
    rows += [(_row(names, r), r.bound) for r in rules if not r.equality]
    system = [(row @ expand, bound - float(row @ offset)) for row, bound in rows]
    lower: list[_Limits] = []
    upper: list[_Limits] = []
    for j in reversed(range(len(free))):
        low, high, system = _eliminate(system, j)
        lower.insert(0, low)
        upper.insert(0, high)
    if any(bound < -1e-9 for _, bound in system):
        described = "; ".join(r.text for r in rules) or "the limits"
        raise InputError(f"no occupancies within their limits obey: {described}. Change a total or free another site")
    return OccupancyMap(
        tuple(names), tuple(free), tuple(limits), tuple(rules), offset, expand, tuple(lower), tuple(upper)
    )


def _row(names: Sequence[str], rule: Rule) -> Array:
    return np.array([float(rule.coefficients.get(name, 0.0)) for name in names])


def _solve_equalities(names: Sequence[str], rules: Sequence[Rule]) -> tuple[Array, Array, list[int]]:
    """Express every occupancy by the free ones: o = offset + expand @ o[free]; the last site takes the rest."""
    n = len(names)
    table = np.array([np.append(_row(names, r), r.bound) for r in rules]).reshape(len(rules), n + 1)
    dependent: list[int] = []
    for i, rule in enumerate(rules):
        columns = np.flatnonzero(np.abs(table[i, :n]) > _ZERO)
        if columns.size == 0:
            if abs(table[i, n]) > 1e-9:
                raise InputError(f"{rule.text} cannot be met by the sites that vary. Free a site or change the total")
            continue
        pivot = int(columns[-1])
        table[i] /= table[i, pivot]
        for k in range(len(rules)):
            if k != i:
                table[k] -= table[k, pivot] * table[i]
        dependent.append(pivot)
    free = [j for j in range(n) if j not in dependent]
    offset, expand = np.zeros(n), np.zeros((n, len(free)))
    expand[free, range(len(free))] = 1.0
    for i in range(len(rules)):
        pivots = [j for j in dependent if abs(table[i, j] - 1.0) < _ZERO]
        if pivots:
            offset[pivots[0]] = table[i, n]
            expand[pivots[0]] = -table[i, free]
    return offset, expand, free


def _eliminate(system: list[tuple[Array, float]], j: int) -> tuple[_Limits, _Limits, list[tuple[Array, float]]]:
    """Limits of coordinate j by the ones before it, and the system without it (Fourier–Motzkin)."""
    below = [(row / -row[j], bound / -row[j]) for row, bound in system if row[j] < -_ZERO]
    above = [(row / row[j], bound / row[j]) for row, bound in system if row[j] > _ZERO]
    rest = [(row[:j], bound) for row, bound in system if abs(row[j]) <= _ZERO]
    rest += [(low[:j] + high[:j], b_low + b_high) for low, b_low in below for high, b_high in above]
    lower = _Limits(np.array([-b for _, b in below]), np.array([row[:j] for row, _ in below]).reshape(len(below), j))
    upper = _Limits(np.array([b for _, b in above]), np.array([-row[:j] for row, _ in above]).reshape(len(above), j))
    return lower, upper, _distinct(rest)


def _distinct(system: list[tuple[Array, float]]) -> list[tuple[Array, float]]:
    """The rows without those that another one implies (same direction, wider bound)."""
    tightest: dict[tuple[float, ...], tuple[Array, float]] = {}
    for row, bound in system:
        norm = float(np.abs(row).max(initial=0.0))
        if norm <= _ZERO:
            if bound >= -1e-9:
                continue
            norm = 1.0
        key = tuple(np.round(row / norm, 9) + 0.0)
        if key not in tightest or bound / norm < tightest[key][1]:
            tightest[key] = (row / norm, bound / norm)
    return list(tightest.values())
