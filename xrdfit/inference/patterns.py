"""The fitted pattern of a scan as a dataset: observed, calculated, what lies beneath, and where the lines are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction import bind
from xrdfit.fitting.problem import Problem
from xrdfit.model.phase import Phase
from xrdfit.model.powder import PowderModel

if TYPE_CHECKING:
    import xarray as xr


def pattern_of(problem: Problem, theta: NDArray[np.float64], index: int, model: PowderModel) -> xr.Dataset:
    """Return the pattern of one scan of a problem at θ.

    Returns
    -------
    xarray.Dataset
        On ``two_theta``: observed, sigma, calculated, background, residual and, where the background has several
        components, each of them as ``background_NAME``; on ``reflection``: indices, angle and phase of the lines.
    """
    import xarray as xr

    scan = problem.scans[index]
    evaluation = problem.evaluate(theta, derivatives=False)
    part, values = evaluation.parts[index], evaluation.values
    columns = {
        "observed": scan.observed,
        "sigma": scan.sigma,
        "calculated": part.calculated,
        "background": part.background,
        "residual": scan.observed - part.calculated,
    }
    pieces = scan.bound.background.pieces(values)
    if len(pieces) > 1:
        columns |= {f"background_{name}": curve for name, curve in pieces.items()}
    data: dict[str, Any] = {name: ("two_theta", y, {"units": "counts"}) for name, y in columns.items()}
    ticks = [
        (phase.name, hkl, angle)
        for phase, key in zip(model.phases, scan.bound.keys, strict=True)
        for hkl, angle in tick_marks(scan.bound.two_theta, model, phase, {n: values[k] for n, k in key.items()})
    ]
    data |= {
        "tick_two_theta": ("reflection", np.array([t for *_, t in ticks], dtype=float), {"units": "degree"}),
        "tick_hkl": ("reflection", np.array([h for _, h, _ in ticks], dtype=str)),
        "tick_phase": ("reflection", np.array([p for p, *_ in ticks], dtype=str)),
    }
    return xr.Dataset(data, coords={"two_theta": ("two_theta", scan.bound.two_theta, {"units": "degree"})})


def tick_marks(
    grid: NDArray[np.float64], model: PowderModel, phase: Phase, values: Mapping[str, float]
) -> list[tuple[str, float]]:
    """Return indices and angles of the lines of a phase's lattice within the grid, whichever engine was used.

    Parameters
    ----------
    grid : ndarray, shape (n,)
    model : PowderModel
    phase : Phase
    values : Mapping[str, float]
        Under the phase's own names.
    """
    lattice = bind("bragg", phase.structure, grid, model.radiation(), phase.settings(model.instrument, anomalous=False))
    local = {r.own_name: r.value for r in replace(phase, engine="bragg").rows("bragg")} | dict(values)
    hkl, angles = lattice.positions(local)  # pyright: ignore[reportAttributeAccessIssue]  # what only Bragg lines have
    return [(" ".join(map(str, h)), float(t)) for h, t in zip(hkl, angles, strict=True)]
