"""A million points of text: time and memory, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = """
import resource, sys, time
import xarray
from xrdfit.scan import read_pattern
start = time.process_time()
scan = read_pattern(sys.argv[1])
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, scan.sizes["two_theta"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
@pytest.mark.parametrize(("form", "head"), [("{:.5f} {}\n", ""), ("{:.5f},{}\n", "2theta,counts\n")])
def test_a_million_points(form, head, tmp_path):
    path = tmp_path / "long.xy"
    path.write_text(head + "".join(form.format(5 + i * 1.4e-4, 900 + i * 7919 % 61) for i in range(1_000_000)))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, timeout=120, check=True
    )
    seconds, megabytes, points = (float(word) for word in run.stdout.split())
    assert points == 1_000_000
    assert seconds < 1.0
    assert megabytes < 300
