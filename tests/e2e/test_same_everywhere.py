"""A result is the same in another process and with any number of threads."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

import xrdfit as xf

SCAN = Path(__file__).resolve().parents[2] / "data" / "scans" / "cu2se-2nm-film.xy"
CODE = """
import json, sys
import xrdfit as xf
result = xf.fit(xf.load_model("cu2se-2nm"), xf.read_pattern(sys.argv[1]), engine=sys.argv[2], total={"Cu": 8})
print(json.dumps({**result.to_dict(), "theta": result.theta.tolist(), "covariance": result.covariance.tolist()}))
"""


def fitted(engine: str) -> xf.FitResult:
    return xf.fit(xf.load_model("cu2se-2nm"), xf.read_pattern(SCAN), engine=engine, total={"Cu": 8})


@pytest.mark.parametrize("engine", ["bragg", "debye"])
def test_a_result_travels_to_a_new_process_and_back(engine):
    """Every process starts afresh, so that nothing of this one helps."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply(fitted, (engine,))
        here = fitted(engine)
        assert there == here
        assert pool.apply(xf.FitResult.to_dict, (here,)) == here.to_dict()


@pytest.mark.parametrize("engine", ["bragg", "debye"])
def test_one_thread_or_eight(engine):
    found = []
    for threads in ("1", "8"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        run = subprocess.run(
            [sys.executable, "-c", CODE, str(SCAN), engine],
            env=os.environ | dict.fromkeys(names, threads), check=True, capture_output=True, text=True,
        )  # fmt: skip
        found.append(json.loads(run.stdout))
    assert found[0] == found[1]
