"""The first command without options on well-crystallized powders: near the best that any options reach."""

from __future__ import annotations

import warnings

import pytest
from lab_scans import SCANS, best, fit


@pytest.mark.parametrize("scan", SCANS, ids=lambda scan: scan.name)
def test_first_command(realdata, scan):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, lowest = fit(realdata, scan), best(realdata, scan)
    assert first.success
    assert first.statistics.r_wp < 1.1 * lowest.statistics.r_wp
    assert first[scan.cell].value == pytest.approx(scan.known, abs=scan.tolerance)
    assert first["displacement_mm"].status == "varied"
