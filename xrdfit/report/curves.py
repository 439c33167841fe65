"""The curves of a fit as the pages read them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.inference.result import FitResult
from xrdfit.plaintext import printable
from xrdfit.report.figures import excluded
from xrdfit.report.regions import weakest_region

MOST_POINTS = 30_000
"""Points of all scans in one page: 0.8 MB."""
MOST_TICKS = 3_000
"""Tick marks of one phase in one page."""


def packed(values: NDArray[np.float64]) -> str:
    """Return base64 of the numbers as little-endian floats of 32 bits: curves are looked at, not computed with."""
    return b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def curves(result: FitResult, label: str, most: int = MOST_POINTS) -> dict[str, Any]:
    """Return the curves, tick marks and left-out stretches of one scan.

    Parameters
    ----------
    result : FitResult
    label : str
        Of the scan.
    most : int
        Points; of a longer scan every second, third … is taken.
    """
    pattern = result.pattern_of(label)
    step = -(-len(pattern["two_theta"]) // most)
    columns = {
        "x": pattern["two_theta"],
        "observed": pattern["observed"],
        "calculated": pattern["calculated"],
        "background": pattern["background"],
        "difference": pattern["residual"] / pattern["sigma"],
    }
    names = pattern["tick_phase"].values.astype(str)
    phases = []
    for phase in result.model.phases:
        own = np.flatnonzero(names == phase.name)
        own = own[np.argsort(pattern["tick_two_theta"].values[own], kind="stable")][:MOST_TICKS]
        at = np.round(pattern["tick_two_theta"].values[own], 4).tolist()
        hkl = pattern["tick_hkl"].values[own].astype(str).tolist()
        phases.append({"name": printable(phase.name), "at": at, "hkl": hkl})
    weakest = weakest_region(pattern)
    return {
        "label": printable(label),
        **{name: packed(column.values[::step]) for name, column in columns.items()},
        "every": step,
        "phases": phases,
        "excluded": [list(pair) for pair in excluded(result, label)],
        "weakest": None if weakest is None else list(weakest),
    }
