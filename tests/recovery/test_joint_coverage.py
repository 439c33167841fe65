"""How often the intervals of a joint fit hold the truth: 200 scans with XRDFIT_SLOW=1, a few without."""

from __future__ import annotations

import os

import numpy as np
import pytest
from two_scans import RADIATION, alloy, scan_of

import xrdfit as xf

SLOW = bool(os.environ.get("XRDFIT_SLOW"))
SCANS = 200 if SLOW else 8
GRIDS = {"lab": np.arange(24.0, 70.0, 0.1), "hrpt": np.arange(24.0, 90.0, 0.15)}
NAMES = ("occ_Cu_8c", "occ_Fe_4b")


def test_intervals_of_a_joint_fit_hold_the_truth():
    truths = np.random.default_rng(5).uniform(0.2, 0.8, (SCANS, 2))
    held = {0.6827: 0, 0.95: 0}
    for seed, truth in enumerate(truths):
        values = dict(zip(NAMES, truth, strict=True))
        scans = {
            label: scan_of(alloy(), RADIATION[label], grid, 1000 + 2 * seed + i, counts=2000.0, values=values)
            for i, (label, grid) in enumerate(GRIDS.items())
        }
        result = xf.fit(alloy(), scans, engine="bragg", radiation=RADIATION, background=1)
        assert result.success
        for name, value in values.items():
            for level in held:
                low, high = result.interval(name, level)
                held[level] += low <= value <= high
    trials = len(NAMES) * SCANS
    print({level: count / trials for level, count in held.items()}, trials)
    for level, count in held.items():
        # the two occupancies of a scan are correlated: as if half as many were independent
        spread = np.sqrt(level * (1.0 - level) / SCANS)
        assert count / trials == pytest.approx(level, abs=3.0 * spread)
