"""Everything at once, as a user asks for it: within a minute, all files, no scratch folder left behind."""

from __future__ import annotations

import json
import os
import time

import pytest

from xrdfit.article import build, make


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("XRDFIT_SLOW") != "1", reason="takes half a minute: XRDFIT_SLOW=1")
def test_all_in_a_minute(tmp_path):
    began = time.process_time()  # what a machine with nothing else to do needs
    files = make("all", tmp_path)
    assert time.process_time() - began < 60.0
    wanted = {name for part in build.PARTS for name in build.file_names(part)}
    assert {p.name for p in files} == {p.name for p in tmp_path.iterdir()} == wanted
    assert all(p.stat().st_size > 100 for p in files)
    data = json.loads((tmp_path / "statements.json").read_text(encoding="utf-8"))
    assert [s["number"] for s in data["statements"]] == list(range(1, 15))
