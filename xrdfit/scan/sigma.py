"""Standard deviations of a scan: those of its file, whether they can be errors at all, and those that are asked for."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError

Array = NDArray[np.float64]

_ENOUGH = 30
"""Points below which the scatter of a scan says nothing about its errors."""
_TOO_SMOOTH, _TOO_ROUGH = 0.03, 30.0
"""χ² of neighbouring points beyond which a column is said to be no errors, or others than of this intensity."""
_NEIGHBOURS = 51


def sigma_from_weights(weights: Array) -> Array:
    """Return 1/sqrt(weight); a weight of 0 or less gives infinity: such a point counts for nothing and is left out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weights > 0, 1 / np.sqrt(np.where(weights > 0, weights, 1.0)), np.inf)


def usable_sigma(sigma: Array, counts: Array) -> tuple[Array | None, list[str]]:
    """Return the file's errors as far as they are any, and notes on what was done.

    A column of nothing but zeros states no errors. sqrt(N) is 0 where nothing was counted, which would be an infinite
    weight: such a point gets the smallest error that the file gives to any other point (1 where sigma = sqrt(N)).
    """
    if not np.any(sigma):
        return None, ["the column of errors is all zeros: errors are those of counting"]
    empty = (sigma == 0) & (counts == 0)
    positive = sigma[sigma > 0]
    if not empty.any() or not len(positive):
        return sigma, []
    least = float(np.min(positive))
    return np.where(empty, least, sigma), [
        f"{int(empty.sum())} points of 0 counts and error 0 have the error {least:g}"
    ]


def local_chi2(counts: Array, sigma: Array) -> float | None:
    """Return the χ² of neighbouring points: the scatter of second differences over what `sigma` says, robustly.

    With z_i = (y_{i−1} − 2y_i + y_{i+1}) / sqrt(σ²_{i−1} + 4σ²_i + σ²_{i+1}), the median of z² over 0.4549, the median
    of χ² with one degree of freedom. 1 for independent errors and a curve that is smooth between neighbours; peaks with
    few points across raise it, which the median bears as long as they cover less than half of the scan. None for
    fewer than 30 points.
    """
    good = np.isfinite(counts) & np.isfinite(sigma) & (sigma > 0)
    y, s = counts[good], sigma[good]
    if len(y) < _ENOUGH:
        return None
    largest = float(s.max())
    y, s = y / largest, s / largest
    bend = y[:-2] - 2 * y[1:-1] + y[2:]
    variance = s[:-2] ** 2 + 4 * s[1:-1] ** 2 + s[2:] ** 2
    with np.errstate(all="ignore"):
        return float(np.median(bend**2 / np.maximum(variance, 1e-300)) / 0.4549)


def like_counting(counts: Array, sigma: Array) -> bool:
    """Return whether σ² goes with the intensity as counting's does: σ² = g·y + b within a fifth, b ≥ 0, g of weight."""
    good = np.isfinite(counts) & np.isfinite(sigma) & (sigma > 0)
    y, variance = counts[good], sigma[good] ** 2
    if len(y) < 3 or np.ptp(y) == 0 or not np.all(np.isfinite(variance)):
        return False
    slope, offset = np.polyfit(y, variance, 1, w=1 / variance)
    typical = float(np.median(variance))
    sound = slope * np.ptp(y) > 0.2 * typical and offset > -0.1 * typical
    return bool(sound and np.median(np.abs((slope * y + offset) / variance - 1)) < 0.2)


def doubts(counts: Array, sigma: Array, named: bool) -> tuple[bool, list[str]]:
    """Return whether a column is to be taken for errors, and what speaks against it.

    A column without a name is not taken where it cannot be errors: one value everywhere, or values as large as the
    intensity of a scan that is smooth. A column that is called errors is taken, with a note.
    """
    finite = sigma[np.isfinite(sigma)]
    what = "the column of errors" if named else "the third column"
    if not len(finite):
        return False, [f"{what} holds no numbers: errors are those of counting"]
    if np.all(finite == finite[0]) and len(set(counts[np.isfinite(counts)].tolist())) > 1:
        if named:
            return True, [f"the column of errors is {finite[0]:g} everywhere, which no counting gives"]
        return False, [f"{what} is {finite[0]:g} everywhere: not taken for errors, which are those of counting"]
    positive = finite[finite > 0]
    largest = float(np.max(np.abs(counts[np.isfinite(counts)]), initial=0.0))
    if not len(positive) or positive.max() > 1e6 * largest or positive.min() < 1e-9 * largest:
        return True, []  # out of any range, which the schema refuses by name
    chi2 = local_chi2(counts, sigma)
    if chi2 is None or _TOO_SMOOTH <= chi2 <= _TOO_ROUGH or like_counting(counts, sigma):
        return True, []
    told = f"neighbouring points scatter {math.sqrt(chi2):.2g} times as much as it says"
    if chi2 < _TOO_SMOOTH:
        ratio = float(np.median(sigma[np.isfinite(sigma)]) / max(float(np.median(np.abs(counts))), 1e-300))
        if not named and ratio > 0.5:
            return False, [f"{what} cannot be errors ({told}): not taken, errors are those of counting"]
    return True, [f"{what} can hardly be the errors of this intensity: {told}"]


def odd_errors(two_theta: Array, counts: Array, sigma: Array) -> list[str]:
    """Return a note on points whose error does not go with their intensity where all the others' does.

    Where σ²/y is one number to the digits that the file prints, a point of another ratio has lost one of the two.
    """
    good = np.isfinite(counts) & np.isfinite(sigma) & (counts > 0) & (sigma > 0)
    if good.sum() < _ENOUGH:
        return []
    with np.errstate(all="ignore"):
        ratio = np.where(good, sigma / np.where(good, counts, 1.0) * sigma, np.nan)
        away = np.abs(ratio / np.nanmedian(ratio) - 1)
    if not np.isfinite(away[good]).all():
        return []
    usual = float(np.quantile(away[good], 0.95))
    odd = np.flatnonzero(good & (away > max(10 * usual, 2e-3)))
    if usual > 0.02:
        return []
    if not 0 < len(odd) <= 0.02 * len(counts) + 1:
        return []
    at = int(odd[0])
    many = "s" if len(odd) > 1 else ""
    return [
        f"{len(odd)} point{many} with an error that does not go with the intensity as all others do, the first at "
        f"{two_theta[at]:g}°: one of the two may be damaged"
    ]


def check_sigma_option(option: float | str | None) -> None:
    """Raise InputError for a `sigma` that is none of the allowed ones."""
    if option is None or option in ("poisson", "scatter"):
        return
    if isinstance(option, str) and option.startswith("poisson+"):
        try:
            offset = float(option.removeprefix("poisson+"))
        except ValueError:
            offset = math.nan
        if 0 < offset < 1e15:
            return
    if isinstance(option, int | float) and not isinstance(option, bool) and 0 < option < 1e15:
        return
    raise InputError(
        f"sigma is {str(option)[:40]!r}; allowed are a positive number, 'poisson', 'poisson+B' (B: the background that "
        "was subtracted) and 'scatter' (from the scatter of neighbouring points)"
    )


def asked_sigma(option: float | str, counts: Array, gain: Array | None) -> Array | None:
    """Return the errors that an option asks for; None for those of counting.

    Parameters
    ----------
    option : float or str
        As `check_sigma_option` allows.
    counts, gain : (n,)
        Intensity, and intensity units per detected count.

    Returns
    -------
    (n,) or None
        "poisson+B": sqrt(g·max(y + B, g)), for an intensity from which B was subtracted. "scatter": from second
        differences, by the median over 51 neighbours, so that lines narrower than half of these do not count.
    """
    if option == "poisson":
        return None
    if option == "scatter":
        return _scatter(counts)
    if isinstance(option, str):
        factor = np.ones(len(counts)) if gain is None else gain
        return np.sqrt(factor * np.maximum(counts + float(option.removeprefix("poisson+")), factor))
    return np.full(len(counts), float(option))


def _scatter(counts: Array) -> Array:
    if len(counts) < _ENOUGH:
        raise InputError(f"sigma = 'scatter' needs {_ENOUGH} points at least; the scan has {len(counts)}")
    bend = np.abs(counts[:-2] - 2 * counts[1:-1] + counts[2:]) / math.sqrt(6) / 0.6745
    bend = np.concatenate([bend[:1], bend, bend[-1:]])
    half = min(_NEIGHBOURS, len(counts)) // 2
    padded = np.pad(bend, half, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    sigma = np.concatenate([np.median(windows[low : low + 20_000], axis=1) for low in range(0, len(windows), 20_000)])
    least = float(np.median(sigma[sigma > 0])) if np.any(sigma > 0) else 0.0
    if least == 0:
        raise InputError("sigma = 'scatter' finds no scatter in this scan; pass a number")
    return np.maximum(sigma, 0.1 * least)
