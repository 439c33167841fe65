"""Which points of a scan can be used, and what is odd in its steps: empty bins, masks, gaps, angles off the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MASKS = (2.0**32 - 1, 2.0**32 - 2, 2.0**31 - 1)
"""What area detectors write for a pixel that did not measure."""
_NEAR = 12
_CLEAR = 7.0
"""Standard deviations by which the neighbours of an empty bin lie above zero."""


def left_out(two_theta: Array, counts: Array, sigma: Array | None) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which points can be used, and notes on the others.

    Left out are points at 2θ ≤ 0, without a number, with an infinite error (weight 0), and bins that are masked or
    empty: the marks of area detectors, one negative value that repeats, and zeros amid counts that chance cannot make.
    """
    keep = np.ones(len(counts), dtype=bool)
    notes: list[str] = []

    def leave(bad: NDArray[np.bool_], why: str) -> None:
        bad = bad & keep
        if bad.any():
            keep[bad] = False
            notes.append(f"{_some(two_theta, bad)} {why} left out")

    leave(two_theta <= 0, "at 2θ ≤ 0")
    leave(~np.isfinite(counts) | ~np.isfinite(two_theta), "without a number")
    if sigma is not None:
        leave(~np.isfinite(sigma), "without an error or of weight 0")
    leave(np.isin(counts, _MASKS), "with a detector's mask value")
    leave(_repeated_mark(counts, keep), "with a mask value")
    leave(_empty(counts, keep), "of 0 amid counts (masked, or the file is damaged)")
    return keep, notes


def _some(two_theta: Array, bad: NDArray[np.bool_]) -> str:
    n = int(bad.sum())
    where = two_theta[bad]
    where = where[np.isfinite(where)]
    if not len(where):
        return f"{n} points"
    span = f"at {where[0]:g}°" if n == 1 else f"from {where.min():g} to {where.max():g}°"
    return f"{n} point{'' if n == 1 else 's'} {span}"


def _repeated_mark(counts: Array, keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where one negative whole number stands, the only negative value of a scan of positive ones."""
    none = np.zeros(len(counts), dtype=bool)
    negative = (counts < 0) & keep
    if not negative.any():
        return none
    value = counts[negative][0]
    few = negative.sum() <= 0.2 * len(counts)
    typical = float(np.median(counts[keep & ~negative])) if np.any(keep & ~negative) else 0.0
    one = bool(np.all(counts[negative] == value)) and value == np.round(value) and typical > 5 * abs(value)
    known = value in (-1.0, -2.0, -9.0, -10.0, -99.0, -999.0, -9999.0) and bool(np.all(counts[negative] == value))
    return negative if few and (one or known) else none


def _empty(counts: Array, keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the zeros whose neighbours are so high that no count of zero can stand among them."""
    zero = (counts == 0) & keep
    out = np.zeros(len(counts), dtype=bool)
    full = np.flatnonzero(keep & ~zero)
    if not zero.any() or zero.sum() > 0.5 * keep.sum() or len(full) < _NEAR:
        return out
    gain = _counting_gain(counts[full])
    lowest = float(np.min(counts[full]))
    alone = zero.sum() == 1 and not np.all(counts[full] == np.round(counts[full]))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], zero, [False]]).astype(np.int8)))
    for first, end in edges.reshape(-1, 2):
        at = int(np.searchsorted(full, first))
        before, after = counts[full[max(0, at - _NEAR) : at]], counts[full[at : at + _NEAR]]
        level = min(float(np.median(side)) for side in (before, after) if len(side))
        nearest = [float(side[i]) for side, i in ((before, -1), (after, 0)) if len(side)]
        if alone and lowest < 0.5 * level:  # the lowest point of a scan from which its minimum was subtracted
            continue
        out[first:end] = all(value > max(_CLEAR**2 * gain, 0.3 * level) for value in nearest)
    return out


def _counting_gain(counts: Array) -> float:
    """Return g of a variance g·y, from the scatter of neighbours; 1 at least where all are whole numbers."""
    bend = np.diff(counts, 2) ** 2 / 6 / 0.4549
    gain = float(np.median(bend / np.maximum(np.abs(counts[1:-1]), 1e-300)))
    return max(gain, 1.0) if np.all(counts == np.round(counts)) else gain


def odd_steps(x: Array, unit: str = "°") -> list[str]:
    """Return notes on gaps in a scan, and on points that lie off an otherwise regular grid."""
    x = x[np.isfinite(x)]
    if len(x) < 10:
        return []
    steps = np.abs(np.diff(x))
    step = float(np.median(steps))
    if not (step > 0 and np.isfinite(step)):
        return []
    regular = float(np.mean(np.abs(steps / step - 1) < 0.02)) > 0.9
    wide = np.flatnonzero(steps > (1.5 if regular else 10.0) * step)
    notes = []
    away = np.abs(steps / step - 1)
    odd = np.flatnonzero((away > max(10 * float(np.quantile(away, 0.95)), 1e-5)) & (steps <= 1.5 * step))
    if regular and 0 < len(odd) <= max(4, 0.01 * len(x)):
        at = int(odd[0]) + 1
        many = "s are" if len(odd) > 1 else " is"
        notes.append(f"{len(odd)} step{many} not {step:g}{unit} as all others, the first before {x[at]:g}{unit}")
    if len(wide):
        first = int(wide[0])
        told = f"no points from {min(x[first], x[first + 1]):g} to {max(x[first], x[first + 1]):g}{unit}"
        notes.append(told if len(wide) == 1 else f"{told} and in {len(wide) - 1} more gaps")
    return notes
