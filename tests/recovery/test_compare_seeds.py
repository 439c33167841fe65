"""compare on scans of known origin, seed after seed."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from inference_cases import scan_of

import xrdfit as xf

pytestmark = pytest.mark.slow

SLOW = bool(os.environ.get("XRDFIT_SLOW"))
SEEDS = range(100) if SLOW else range(3)
TRUTHS = {
    "2 nm": {"occ_Cu_8c": 0.3, "occ_Cu_32f": 0.0, "occ_Cu_4b": 0.3, "occ_Cu_24e": 0.182, "size_nm": 2.0},
    "4 nm": {"occ_Cu_8c": 1.0, "occ_Cu_32f": 0.0, "occ_Cu_4b": 0.0, "occ_Cu_24e": 0.0, "size_nm": 4.0},
    "6 nm": {"occ_Cu_8c": 0.37, "occ_Cu_32f": 0.1575, "occ_Cu_4b": 0.0, "occ_Cu_24e": 0.0, "size_nm": 6.0},
}


def tally(truth: str, **scan) -> Counter[str]:
    """How many scans name the right set, a wrong one, and none."""
    values = {**TRUTHS[truth], "b_overall": 0.0}
    occupied = {n.removeprefix("occ_") for n, v in values.items() if "occ_" in n and v > 0}
    model = xf.load_model("cu2se")
    verdicts: Counter[str] = Counter()
    for seed in SEEDS:
        found = xf.compare(model, scan_of(model, seed, values=values, **scan), engine="bragg", fix={"b_overall": 0.0})
        named = "right" if set(found.best.sites) == occupied else "wrong"
        verdicts[named if found.verdict == "decided" else found.verdict] += 1
    print(f"{truth} {scan or 'at 5000 counts'}: {dict(verdicts)} of {len(SEEDS)}")
    return verdicts


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_right_set_is_named_at_5000_counts(truth):
    assert tally(truth)["right"] >= 0.95 * len(SEEDS)


@pytest.mark.parametrize("truth", TRUTHS)
def test_no_wrong_set_is_named_at_100_counts(truth):
    assert tally(truth, counts=100, background=6)["wrong"] <= 0.05 * len(SEEDS)
