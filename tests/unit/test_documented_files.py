"""docs/result-files.md names every key, column and variable of the files that a result is written to, and no other."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import xarray as xr

import xrdfit as xf

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "result-files.md").read_text(encoding="utf-8")


def first_cells(title: str) -> set[str]:
    """Words in the first column of the table under a heading."""
    part = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in part.splitlines() if line.startswith("| `")]
    return {word for row in rows for word in re.findall(r"`(\w+)`", row.split("|")[1])}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model, scan = xf.example("cu2se-6nm")
    result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    return xf.save(result, tmp_path_factory.mktemp("result") / "fit")


def test_result_json(saved):
    assert first_cells("result.json") == set(json.loads((saved / "result.json").read_text(encoding="utf-8")))


def test_parameters_csv(saved):
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| `parameters.csv`")]
    with (saved / "parameters.csv").open(encoding="utf-8") as stream:
        assert re.findall(r"`(\w+)`", row.split("|")[2]) == next(csv.reader(stream))


def test_pattern_nc(saved):
    with xr.open_dataset(saved / "pattern.nc") as data:
        assert first_cells("pattern.nc") == set(map(str, data.data_vars))


def test_series_nc():
    model, scan = xf.example("cu2se-6nm")
    found = xf.fit_series(model, {"a": scan}, engine="bragg", model_errors=False)
    assert first_cells("series.nc") == set(map(str, found.data.data_vars))


def test_every_file_is_listed(saved):
    table = PAGE.split("## result.json", 1)[0]
    assert set(re.findall(r"`([a-z]+\.[a-z]+)`", table)) >= {p.name for p in saved.iterdir()}
