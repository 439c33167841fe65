"""Times of what an answer is worth: `pytest tests/benchmarks/bench_inference.py`.

Wanted on two idle cores (Bragg, one scan of 1251 points): an interval under 0.3 s, `compare` over 15 sets under 5 s,
`identify` under 1 s.
"""

from __future__ import annotations

import pytest
from inference_cases import scan_of

import xrdfit as xf

FOUR = ["8c", "32f", "4b", "24e"]


@pytest.fixture(scope="module")
def model():
    return xf.load_model("cu2se")


@pytest.fixture(scope="module")
def scan(model):
    return scan_of(model, 1, values={"occ_Cu_32f": 0.0})


@pytest.fixture(scope="module")
def result(model, scan):
    return xf.fit(model, scan, engine="bragg")


@pytest.mark.parametrize("name", ["occ_Cu_8c", "occ_Cu_24e", "b_overall", "scale", "share_Cu_8c", "Cu"])
def test_interval(benchmark, result, name):
    low, high = benchmark(result.interval, name, 0.95)
    assert low < high
    print(f"\ninterval {name}: {benchmark.stats['mean']:.3f} s (wanted: under 0.3 s)")


def test_feldman_cousins(benchmark, result):
    benchmark(xf.feldman_cousins, result, "occ_Cu_32f", 0.95)


def test_compare_of_fifteen_sets(benchmark, model, scan):
    found = benchmark.pedantic(xf.compare, (model, scan), {"sites": FOUR}, rounds=3, warmup_rounds=1)
    assert len(found.candidates) == 15
    print(f"\ncompare, 15 sets: {benchmark.stats['mean']:.2f} s (wanted: under 5 s)")


def test_identify(benchmark, model, scan):
    benchmark.pedantic(xf.identify, (model, scan), rounds=3, warmup_rounds=1)
    print(f"\nidentify: {benchmark.stats['mean']:.2f} s (wanted: under 1 s)")
