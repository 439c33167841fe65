"""Scans of one sample under several radiations, for the tests of what they say together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

import xrdfit as xf
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.model.phase import Phase

Truth = Mapping[str, float]


def alloy(**changes) -> xf.PowderModel:
    """Fm-3m with Cu on 4a and 8c, Fe on 4b: three occupancies, few lines, quick to fit."""
    rows = [
        {"species": "Se", "xyz": (0, 0, 0), "b_iso": 0.8},
        {"species": "Cu", "xyz": (0.25, 0.25, 0.25), "occupancy": 0.6, "b_iso": 1.0},
        {"species": "Fe", "xyz": (0.5, 0.5, 0.5), "occupancy": 0.4, "b_iso": 1.0},
    ]
    structure = Structure.from_sites("alloy", space_group("Fm-3m"), Cell(5.8, 5.8, 5.8), rows)
    phase = Phase("alloy", structure, size_nm=30.0, vary=("occ_Cu_8c", "occ_Fe_4b"))
    return xf.PowderModel("alloy", (phase,), **changes)


def scan_of(
    model: xf.PowderModel,
    radiation: str | float,
    grid: np.ndarray,
    seed: int | None,
    *,
    counts: float = 5000.0,
    background: float = 300.0,
    values: Truth | None = None,
) -> xr.Dataset:
    """A Poisson scan over a flat background, or, without a seed, what is expected."""
    pattern = xf.simulate(model, grid, radiation=radiation, values=values)
    mean = pattern * counts / pattern.max() + background
    seen = mean if seed is None else np.random.default_rng(seed).poisson(mean).astype(float)
    return xf.make_pattern(grid, seen, np.sqrt(mean) if seed is None else None)


def pair(seed: int, **choices) -> dict[str, xr.Dataset]:
    """The alloy by Cu Kα and by neutrons of 1.5 Å."""
    model = alloy()
    return {
        "lab": scan_of(model, "cu-ka", np.arange(20.0, 90.0, 0.05), seed, **choices),
        "hrpt": scan_of(model, "neutron:1.5", np.arange(20.0, 120.0, 0.1), seed + 1, **choices),
    }


RADIATION = {"lab": "cu-ka", "hrpt": "neutron:1.5"}
