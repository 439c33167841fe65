"""Scans of known origin for the tests of what an answer is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr

import xrdfit as xf

GRID = np.arange(15.0, 65.001, 0.04)


def scan_of(
    model: xf.PowderModel,
    seed: int,
    *,
    counts: float = 5000.0,
    background: float = 300.0,
    values: Mapping[str, float] | None = None,
    engine: Literal["bragg", "debye"] = "bragg",
) -> xr.Dataset:
    """A Poisson scan of a model with so many counts at the highest point, over a flat background."""
    pattern = xf.simulate(model, GRID, engine=engine, values=values)
    mean = pattern * counts / pattern.max() + background
    return xf.make_pattern(GRID, np.random.default_rng(seed).poisson(mean).astype(float))
