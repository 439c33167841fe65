"""A million points of text: time and memory, in a process of its own: `pytest tests/benchmarks/bench_read.py -s`.

The limit of time is a second on a free machine; where numpy itself reads slower than it did there, it grows alike.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = r"""
import re, sys, time
import numpy as np
import xarray
from xrdfit.scan import read_pattern
def most():  # not ru_maxrss, which counts what the parent held
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024
text = open(sys.argv[2]).read()
start = time.process_time()
np.fromstring(text, sep=" ")
reference = time.process_time() - start
del text
read_pattern(sys.argv[2])
start = time.process_time()
scan = read_pattern(sys.argv[1])
taken = time.process_time() - start
print(taken, reference, most(), scan.sizes["two_theta"])
"""
REFERENCE = 0.018  # processor time of numpy's reader for 100,000 points on a free machine, s


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize(("form", "head"), [("{:.5f} {}\n", ""), ("{:.5f},{}\n", "2theta,counts\n")])
def test_a_million_points(form, head, tmp_path):
    long, short = tmp_path / "long.xy", tmp_path / "short.xy"
    long.write_text(head + "".join(form.format(5 + i * 1.4e-4, 900 + i * 7919 % 61) for i in range(1_000_000)))
    short.write_text("".join(f"{5 + i * 1.4e-4:.5f} {900 + i * 7919 % 61}\n" for i in range(100_000)))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(long), str(short)], capture_output=True, text=True, timeout=120, check=True
    )
    taken, reference, most, points = (float(word) for word in run.stdout.split())
    limit = 1.0 * max(reference / REFERENCE, 1.0)
    print(f"\n{taken:.2f} s (limit {limit:.2f} s), {most:.0f} MB (limit 300 MB)")
    assert points == 1_000_000
    assert taken < limit
    assert most < 300
