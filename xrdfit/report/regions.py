"""Where in a scan a fit is good or bad: phase by phase, and where the lines are weakest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.inference.result import FitResult

if TYPE_CHECKING:
    import xarray as xr

ELSEWHERE = "between the lines"
_PART = 0.2  # a region is so much of the scan
_STEPS = 41  # places where it may lie
_WEAK = 0.25  # of the strongest line: a region that is stronger needs no magnification
_SEEN = 2.0  # σ above the background


@dataclass(frozen=True)
class Region:
    """Points of one scan that one phase dominates.

    Attributes
    ----------
    scan, phase : str
        Label of the scan, name of the phase or `ELSEWHERE`.
    n_points : int
    r_wp : float
        √[Σ w (y_obs − y_calc)² / Σ w y_obs²] over these points.
    chi2 : float
        Mean of ((y_obs − y_calc)/σ)² over these points.
    """

    scan: str
    phase: str
    n_points: int
    r_wp: float
    chi2: float


def phase_regions(result: FitResult) -> list[Region]:
    """Return how well each phase's own part of each scan is fitted.

    A point is a phase's where that phase makes more than half of the calculated intensity above the background, and
    more than σ of it.
    """
    values = {e.name: e.value for e in result.estimates}
    found = []
    for scan, block in zip(result.scans, result.problem.scans, strict=True):
        pattern = result.pattern_of(scan.label)
        scales = np.array([values[name] for name in block.bound.scales])
        parts = block.bound.patterns(values) * scales
        sigma = pattern["sigma"].values
        own = (parts > 0.5 * parts.sum(axis=1, keepdims=True)) & (parts > sigma[:, None])
        rows = [*zip((p.name for p in scan.model.phases), own.T, strict=True), (ELSEWHERE, ~own.any(axis=1))]
        found += [_region(scan.label, name, pattern, at) for name, at in rows if at.any()]
    return found


def _region(label: str, phase: str, pattern: xr.Dataset, at: NDArray[np.bool_]) -> Region:
    sigma = pattern["sigma"].values[at]
    off = pattern["residual"].values[at] / sigma
    whole = float(np.sum((pattern["observed"].values[at] / sigma) ** 2))
    r_wp = float(np.sqrt(np.sum(off**2) / whole)) if whole > 0.0 else float("nan")
    return Region(label, phase, int(at.sum()), r_wp, float(np.mean(off**2)))


def weakest_region(pattern: xr.Dataset) -> tuple[float, float] | None:
    """Return the fifth of a scan that holds lines and whose strongest line is the weakest, degrees 2θ.

    None where that is no less than a quarter of the scan's strongest line, or no line is seen at all.
    """
    angles, ticks = pattern["two_theta"].values, pattern["tick_two_theta"].values
    lines = pattern["calculated"].values - pattern["background"].values
    visible = lines > _SEEN * pattern["sigma"].values
    width = _PART * (angles[-1] - angles[0])
    best: tuple[float, float] | None = None
    least = _WEAK * float(lines.max(initial=0.0))
    for low in np.linspace(angles[0], angles[-1] - width, _STEPS):
        inside = (angles >= low) & (angles <= low + width)
        held = ((ticks > low) & (ticks < low + width)).any() and (visible & inside).any()
        if held and (top := float(lines[inside].max())) < least:
            least, best = top, (float(low), float(low + width))
    return best
