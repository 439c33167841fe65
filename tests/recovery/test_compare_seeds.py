"""compare on scans of known origin, seed after seed."""

from __future__ import annotations

import os

import pytest
from inference_cases import scan_of

import xrdfit as xf

SLOW = bool(os.environ.get("XRDFIT_SLOW"))
SEEDS = range(100) if SLOW else range(3)
TRUTHS = {
    "2 nm": {"occ_Cu_8c": 0.3, "occ_Cu_32f": 0.0, "occ_Cu_4b": 0.3, "occ_Cu_24e": 0.182, "size_nm": 2.0},
    "4 nm": {"occ_Cu_8c": 1.0, "occ_Cu_32f": 0.0, "occ_Cu_4b": 0.0, "occ_Cu_24e": 0.0, "size_nm": 4.0},
    "6 nm": {"occ_Cu_8c": 0.37, "occ_Cu_32f": 0.1575, "occ_Cu_4b": 0.0, "occ_Cu_24e": 0.0, "size_nm": 6.0},
}


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_right_set_is_named_at_5000_counts(truth):
    values = {**TRUTHS[truth], "b_overall": 0.0}
    occupied = {n.removeprefix("occ_") for n, v in values.items() if "occ_" in n and v > 0}
    model = xf.load_model("cu2se")
    right = 0
    for seed in SEEDS:
        found = xf.compare(model, scan_of(model, seed, values=values), fix={"b_overall": 0.0})
        right += found.verdict == "decided" and set(found.best.sites) == occupied
    assert right >= 0.95 * len(SEEDS)


@pytest.mark.parametrize("truth", TRUTHS)
def test_no_wrong_set_is_named_at_100_counts(truth):
    values = {**TRUTHS[truth], "b_overall": 0.0}
    occupied = {n.removeprefix("occ_") for n, v in values.items() if "occ_" in n and v > 0}
    model = xf.load_model("cu2se")
    wrong = 0
    for seed in SEEDS:
        scan = scan_of(model, seed, counts=100, background=6, values=values)
        found = xf.compare(model, scan, fix={"b_overall": 0.0})
        wrong += found.verdict == "decided" and set(found.best.sites) != occupied
    assert wrong <= 0.05 * len(SEEDS)
