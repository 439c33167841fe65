"""Joint fits beside single ones, in processor time: `pytest tests/benchmarks/bench_joint.py -s`."""

from __future__ import annotations

import time

import numpy as np
from two_scans import alloy, scan_of

import xrdfit as xf

GRID = np.linspace(20.0, 120.0, 5000)


def seconds(function, repeats=4):
    """Least processor time of a call."""
    function()
    found = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        found.append(time.process_time() - begin)
    return min(found)


def test_two_scans_cost_little_more_than_twice_one():
    first, second = (scan_of(alloy(), "cu-ka", GRID, seed) for seed in (1, 2))
    one = seconds(lambda: xf.fit(alloy(), first, engine="bragg", radiation="cu-ka", background=3))
    two = seconds(lambda: xf.fit(alloy(), {"a": first, "b": second}, engine="bragg", radiation="cu-ka", background=3))
    print(f"one scan {one:.3f} s, two {two:.3f} s: {two / one:.2f} times")
    assert two < 2.2 * one


def test_five_scans_of_5000_points():
    rays = ("cu-ka", "co-ka", "mo-ka", "neutron:1.5", 1.2)
    scans = {f"s{i}": scan_of(alloy(), ray, GRID, i) for i, ray in enumerate(rays)}
    radiation = {f"s{i}": ray for i, ray in enumerate(rays)}
    five = seconds(lambda: xf.fit(alloy(), scans, engine="bragg", radiation=radiation, background=3), 3)
    print(f"five scans of 5000 points: {five:.3f} s")
    assert five < 1.0
