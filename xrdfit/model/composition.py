"""Exact composition: an occupancy vector that obeys every linear rule, whatever the optimizer does.

The rules of a crystal are linear in its occupancies: each lies within its limits, an element's atoms
add up to a given number, the species of a mixed site fill it at most once, a tetrahedral void takes
one cation. Together they bound a polytope. `OccupancyMap` maps the unit cube onto it, so that an
optimizer that keeps its variables within 0 and 1 cannot leave the allowed compositions:

    o_j = lo_j(o_1 … o_{j-1}) + u_j [hi_j(o_1 … o_{j-1}) − lo_j(o_1 … o_{j-1})]

where ``lo_j`` and ``hi_j`` are the smallest and largest value that leave the later sites a solution.
`polytope` finds them once. Rules that leave each other no slack are equalities, found before that by `equalities`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.model import equalities
from xrdfit.model.polytope import ZERO, Projections, System, coupling_rows, groups

Array = NDArray[np.float64]

_LARGEST = 1e6  # coefficient: beyond it rounding would be as large as an occupancy


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
    counted : bool
        Whether it is a number of atoms that somebody counted, and that may be wrong.
    """

    coefficients: Mapping[str, float]
    bound: float
    equality: bool
    text: str
    counted: bool = False


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
        What they obey together, the equalities among them that others imply.
    notes : tuple of str
        What was taken for rounding.
    """

    names: tuple[str, ...]
    free: tuple[int, ...]
    limits: tuple[tuple[float, float], ...]
    rules: tuple[Rule, ...]
    _offset: Array
    _expand: Array
    _lower: tuple[_Limits, ...]
    _upper: tuple[_Limits, ...]
    notes: tuple[str, ...] = ()

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
            if high - low > ZERO:
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
    names: Sequence[str],
    limits: Sequence[tuple[float, float]],
    rules: Sequence[Rule] = (),
    *,
    rounding: float = 0.0,
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
    rounding : float
        By how much of an occupancy rules may miss each other, or leave slack, and still count as equalities that
        somebody rounded (`equalities.ROUNDING` for what users write). By default only what is exact counts.

    Raises
    ------
    InputError
        When no occupancies obey every rule, with what they miss; when more rules are entangled than can be solved.
    """
    low, high = np.array(limits, dtype=float).reshape(-1, 2).T
    for rule in rules:
        if not all(abs(c) <= _LARGEST for c in (*rule.coefficients.values(), rule.bound)):
            raise InputError(f"{rule.text}: its numbers must not exceed {_LARGEST:g}")
        if rule.equality and not any(rule.coefficients.values()) and abs(rule.bound) > 1e-9:
            raise InputError(
                f"{rule.text} cannot be met by the sites that vary: it misses by {abs(rule.bound):.4g}. "
                "Free a site or change the total"
            )
    system = System(
        low,
        high,
        np.array([_row(names, r) for r in rules]).reshape(len(rules), len(names)),
        np.array([r.bound for r in rules], dtype=float),
        np.array([r.equality for r in rules], dtype=bool),
    )
    system, notes = _settled(system, rules, rounding)
    known = _known(names, limits, rules, system)
    system = _without(system, ~_solve_equalities(system)[3])
    coupling = coupling_rows(system)
    order = [j for group in groups(list(range(len(names))), system.rows[~coupling]) for j in group]
    system = system.take(order)
    offset, expand, free, _ = _solve_equalities(system)
    back = np.argsort(order)
    projections = Projections(system, coupling)
    pairs = [_limits_of(projections, j, k, offset, expand, free) for k, j in enumerate(free)]
    return OccupancyMap(
        tuple(names),
        tuple(order[j] for j in free),
        tuple(limits),
        known,
        offset[back],
        expand[back],
        tuple(low for low, _ in pairs),
        tuple(high for _, high in pairs),
        notes,
    )


def _row(names: Sequence[str], rule: Rule) -> Array:
    return np.array([float(rule.coefficients.get(name, 0.0)) for name in names])


def _settled(system: System, rules: Sequence[Rule], rounding: float) -> tuple[System, tuple[str, ...]]:
    """The system with rounding taken out of its bounds and every implied equality in it; and what was done."""
    notes: tuple[str, ...] = ()
    if not equalities.may_be_tight(system, rounding):
        return system, notes
    found = equalities.nearest(system)
    if found is None:
        raise InputError("no occupancies lie within their limits: a lower limit is above the upper one. Change it")
    size = np.maximum(np.abs(system.rows).max(axis=1, initial=0.0), ZERO)
    changes = np.where(np.abs(found) > equalities.PRECISION * size, found, 0.0)
    if (np.abs(changes) > rounding * np.abs(system.rows).sum(axis=1)).any():
        missed = [f"{r.text} misses by {abs(c):.4g}" for r, c in zip(rules, changes, strict=True) if c]
        raise InputError(
            f"no occupancies within their limits obey: {'; '.join(r.text for r in rules)} ({', '.join(missed)}). "
            "Change a total or free another site"
        )
    if changes.any():
        system = equalities.relaxed(system, changes)
        moved = [(r, c) for r, c in zip(rules, changes, strict=True) if c]
        notes = tuple(f"{r.text} is missed by {abs(c):.3g} at best, taken for rounding" for r, c in moved)
    tight, rounded = equalities.tighten(system, rounding)
    if rounded > equalities.PRECISION:
        closed = [r.text for r, now, was in zip(rules, tight.equality, system.equality, strict=True) if now and not was]
        what = "; ".join(closed) or "limits of occupancies"
        notes += (f"{what}: the rules leave no more slack than rounding ({rounded:.2g}), held as an equality",)
    return tight, notes


def _known(
    names: Sequence[str], limits: Sequence[tuple[float, float]], rules: Sequence[Rule], system: System
) -> tuple[Rule, ...]:
    """The rules with their equalities and what they leave a single value."""
    known = [
        replace(r, bound=float(b), equality=bool(e))
        for r, b, e in zip(rules, system.bounds, system.equality, strict=True)
    ]
    single = zip(names, limits, system.low, system.high, strict=True)
    return (
        *known,
        *(Rule({n: 1.0}, float(a), True, f"{n} = {a:.6g}") for n, (x, y), a, b in single if a == b and x < y),
    )


def _without(system: System, rows: NDArray[np.bool_]) -> System:
    return System(system.low, system.high, system.rows[~rows], system.bounds[~rows], system.equality[~rows])


def _solve_equalities(system: System) -> tuple[Array, Array, list[int], NDArray[np.bool_]]:
    """Express every column by the free ones: x = offset + expand @ x[free]; the last column takes the rest.

    The last that is returned tells which rules are inequalities or independent equalities.
    """
    n = len(system.low)
    single = np.flatnonzero(system.low == system.high)
    equal = np.flatnonzero(system.equality)
    table = np.vstack(
        [
            np.column_stack([np.eye(n)[single], system.low[single]]),
            np.column_stack([system.rows[equal], system.bounds[equal]]),
        ]
    )
    independent = np.ones(len(system.rows), dtype=bool)
    pivots: dict[int, int] = {}
    for i, row in enumerate(table):
        size = (
            np.abs(table[i, :n]).max(initial=0.0)
            if i < len(single)
            else np.abs(system.rows[equal[i - len(single)]]).max(initial=1.0)
        )
        columns = np.flatnonzero(np.abs(row[:n]) > ZERO * max(size, 1.0))
        if columns.size == 0:
            independent[equal[i - len(single)]] = False
            continue
        pivot = int(columns[-1])
        row[:n][np.abs(row[:n]) <= ZERO * max(size, 1.0)] = 0.0
        row /= row[pivot]
        others = np.arange(len(table)) != i
        table[others] -= np.outer(table[others, pivot], row)
        pivots[pivot] = i
    free = [j for j in range(n) if j not in pivots]
    offset, expand = np.zeros(n), np.zeros((n, len(free)))
    expand[free, range(len(free))] = 1.0
    for pivot, i in pivots.items():
        offset[pivot], expand[pivot] = table[i, n], -table[i, free]
    return offset, expand, free, independent


def _limits_of(
    projections: Projections, j: int, k: int, offset: Array, expand: Array, free: list[int]
) -> tuple[_Limits, _Limits]:
    """Limits of column j, the free one of number k, by the free ones before it."""
    rows, bounds = projections.rows(j)
    own, rest = rows @ expand[: j + 1, : k + 1], bounds - rows @ offset[: j + 1]
    slope = own[:, k]
    moves = np.abs(slope) > ZERO * np.maximum(np.abs(rows).max(axis=1), ZERO)
    before = free[:k]
    box = projections.system.low[before], projections.system.high[before]
    constant, linear = rest[moves] / slope[moves], -own[moves, :k] / slope[moves, None]
    above = slope[moves] > 0.0
    lower = _binding(-constant[~above], -linear[~above], *box)
    upper = _binding(constant[above], linear[above], *box)
    return _Limits(-lower[0], -lower[1]), _Limits(*upper)


def _binding(constant: Array, linear: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Upper limits (m,) and (m, k) without those that another one implies wherever low ≤ o ≤ high."""
    difference = linear[:, None, :] - linear[None, :, :]
    least = np.where(difference > 0.0, difference * low, difference * high).sum(axis=2)
    least += constant[:, None] - constant[None, :]
    implied = least >= -1e-12  # limit i is nowhere below limit j
    np.fill_diagonal(implied, False)
    keep = np.ones(len(constant), dtype=bool)
    for i in range(len(constant)):
        keep[i] = not (implied[i] & keep).any()
    return constant[keep], linear[keep]
