"""Inequalities that rules leave no slack: equalities in disguise.

Al = 24 and Ga = 16 on sites 16a and 24d fill both sites: each sum "at most 1" can only be 1. One linear programme
finds all such rows of a polytope at once (Freund, Roundy & Todd, MIT Sloan working paper 1674-85, 1985): with x = y/λ,

    maximize Σ t_i   where   C y + t ≤ λ d,   A y = λ b,   0 ≤ t ≤ 1,   1 ≤ λ ≤ Λ

t_i ends at 1 for every row that can have a slack of 1/Λ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.model.polytope import ZERO, Mask, System

Array = NDArray[np.float64]

ROUNDING = 1.5e-3
"""An occupancy by which published numbers may miss each other: three of them, each given to three decimals."""
PRECISION = 1e-6
"""An occupancy below which nothing is told from zero: linear programmes are solved to 1e-7."""
_EQUAL = 1e-12


def may_be_tight(system: System, rounding: float) -> bool:
    """Whether inequalities could be equalities: False only where a sum over each rule shows that they are not."""
    rows, there = system.rows, np.abs(system.rows) > ZERO
    if (there[system.equality].sum(axis=0) > 1).any() or (system.high - system.low <= _EQUAL).any():
        return True
    if not system.equality.all() and (system.equality.any() or (rows < 0.0).any()):
        return True
    low = np.minimum(rows * system.low, rows * system.high).sum(axis=1)
    high = np.maximum(rows * system.low, rows * system.high).sum(axis=1)
    room = max(rounding, _EQUAL) * np.abs(rows).max(axis=1, initial=0.0)
    return bool(((low > system.bounds - room) | (system.equality & (high < system.bounds + room))).any())


def tighten(system: System, rounding: float = 0.0) -> tuple[System, float]:
    """Turn rules without slack into equalities, and limits without slack into a single value.

    Parameters
    ----------
    system : System
        With at least one solution.
    rounding : float
        Slack of an upper limit or a rule "≤", in occupancies, that counts as none; 0 for what is so exactly.

    Returns
    -------
    System
        With more equalities, and ``low = high`` where a column has one value.
    float
        Slack that was taken for rounding, as an occupancy; 0 where there was none.
    """
    rounded = 0.0
    for slack in (PRECISION, rounding) if rounding > PRECISION else (PRECISION,):
        # slack that is shared between rows shows in one of them at a time
        for _ in range(len(system.rows) + 2 * len(system.low)):
            flags = _tight(system, slack)
            if slack > PRECISION:
                flags[2] = np.zeros_like(flags[2])  # little of an element is no rounding
            if not any(f.any() for f in flags):
                break
            flags[0] |= _fixed_beside(system, flags, 10.0 * slack)
            tightened, missed = _tightened(system, *flags)
            if slack == PRECISION and missed > _EQUAL:
                break  # thin, yet not flat
            system, rounded = tightened, max(rounded, missed)
    return system, rounded


def _tight(system: System, slack: float) -> list[Mask]:
    """Which rules "≤" (k,), upper limits (n,) and lower limits (n,) cannot have that slack; none where it fails."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, eye_array, hstack, vstack

    k, n = system.rows.shape
    loose = np.flatnonzero(system.high - system.low > 0.0)
    below, scale = system.rows[~system.equality], _largest(system.rows[~system.equality])
    unit = csr_array(np.eye(n)[loose])
    rows = vstack([csr_array(below / scale[:, None]), unit, -unit])
    right = np.concatenate([system.bounds[~system.equality] / scale, system.high[loose], -system.low[loose]])
    fixed = np.setdiff1d(np.arange(n), loose)
    equal = np.vstack([system.rows[system.equality], np.eye(n)[fixed]])
    b = np.concatenate([system.bounds[system.equality], system.low[fixed]])
    q = len(right)
    found = linprog(
        np.concatenate([np.zeros(n), -np.ones(q), [0.0]]),
        hstack([rows, eye_array(q), csr_array(-right[:, None])]),
        np.zeros(q),
        hstack([csr_array(equal), csr_array((len(b), q)), csr_array(-b[:, None])]) if len(b) else None,
        np.zeros(len(b)) if len(b) else None,
        [(None, None)] * n + [(0.0, 1.0)] * q + [(1.0, 1.0 / slack)],
        method="highs",
    )
    flags = [np.zeros(k, dtype=bool), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)]
    if found.success:
        tight, m = found.x[n : n + q] < 1.0 - 1e-6, len(below)
        flags[0][~system.equality] = tight[:m]
        flags[1][loose], flags[2][loose] = tight[m : m + len(loose)], tight[m + len(loose) :]
    return flags


def _largest(rows: Array) -> Array:
    return np.abs(rows).max(axis=1, initial=ZERO)


def _fixed_beside(system: System, flags: list[Mask], slack: float) -> Mask:
    """Rules "≤" (k,) that have one value, and little slack, once those of `flags` hold: they share its slack."""
    unit, known = np.eye(len(system.low)), system.low == system.high
    held = np.vstack([system.rows[system.equality | flags[0]], unit[known | flags[1] | flags[2]]])
    ends = np.where(known | flags[2], system.low, system.high)[known | flags[1] | flags[2]]
    point = np.linalg.lstsq(held, np.concatenate([system.bounds[system.equality | flags[0]], ends]), rcond=None)[0]
    open_ = system.rows @ (np.eye(len(system.low)) - np.linalg.pinv(held, rcond=1e-9) @ held)
    scale = _largest(system.rows)
    near = (system.bounds - system.rows @ point) / scale < slack
    return ~system.equality & near & (np.abs(open_).max(axis=1, initial=0.0) < 1e-9 * scale)


def _tightened(system: System, rules: Mask, upper: Mask, lower: Mask) -> tuple[System, float]:
    """Give tight rows the values that agree with the equalities and are nearest to their bounds; and how near."""
    unit, n = np.eye(len(system.low)), len(system.low)
    scale = _largest(system.rows[rules])
    rows = np.vstack([system.rows[rules] / scale[:, None], unit[upper], unit[lower]])
    right = np.concatenate([system.bounds[rules] / scale, system.high[upper], system.low[lower]])
    known = system.low == system.high
    equal = np.vstack([system.rows[system.equality], unit[known]])
    b = np.concatenate([system.bounds[system.equality], system.low[known]])
    start = np.linalg.lstsq(equal, b, rcond=None)[0] if len(b) else np.zeros(n)
    _, size, vectors = np.linalg.svd(equal) if len(b) else (None, np.empty(0), unit)
    free = vectors[int((size > 1e-9 * size.max(initial=0.0)).sum()) :].T
    values = rows @ (start + free @ np.linalg.lstsq(rows @ free, right - rows @ start, rcond=None)[0])
    missed = float(np.abs(values - right).max())
    if missed < _EQUAL:
        values, missed = right, 0.0
    m = int(rules.sum())
    bounds, low, high = system.bounds.copy(), system.low.copy(), system.high.copy()
    bounds[rules] = values[:m] * scale
    ends = [*np.flatnonzero(upper), *np.flatnonzero(lower)]
    low[ends] = high[ends] = np.clip(values[m:], system.low[ends], system.high[ends])
    return System(low, high, system.rows, bounds, system.equality | rules), missed


def nearest(system: System) -> Array | None:
    """Least changes of the rules' bounds (k,) with which there is a solution; None if limits cross.

    What is least is the sum of the changes, each in units of its rule's largest coefficient.
    """
    from scipy.optimize import linprog

    k, n = system.rows.shape
    scale = np.abs(system.rows).max(axis=1, initial=ZERO)
    rows, bounds = system.rows / scale[:, None], system.bounds / scale
    below = np.hstack([rows, -np.eye(k), np.eye(k)])
    cost = np.concatenate([np.zeros(n), np.ones(2 * k)])
    limits = [*zip(system.low, system.high, strict=True), *[(0.0, None)] * k, *[(0.0, None)] * k]
    e, u = system.equality, ~system.equality
    found = linprog(cost, below[u], bounds[u], below[e], bounds[e], limits, method="highs")
    if not found.success:
        return None
    return (found.x[n : n + k] - found.x[n + k :]) * scale


def relaxed(system: System, changes: Array) -> System:
    """The system with its rules' bounds changed."""
    return replace(system, bounds=system.bounds + np.where(system.equality, changes, np.maximum(changes, 0.0)))
