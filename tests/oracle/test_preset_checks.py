"""The intensities noted in the presets' [check] tables are those that gemmi computes from the same file."""

from __future__ import annotations

import tomllib

import pytest
from preset_intensities import line_intensities

from xrdfit.model.files.presets import data_path, preset_names


@pytest.mark.parametrize("name", preset_names())
def test_check_table_is_what_gemmi_computes(name):
    path = data_path("presets", f"{name}.toml")
    check = tomllib.loads(path.read_text(encoding="utf-8"))["check"]
    lines = line_intensities(path, *check["two_theta"])
    # the article's come rounded from tables of their own
    tolerance = 0.15 if name[-2:] == "nm" else 0.051
    for line in check["line"]:
        assert lines[tuple(line["hkl"])][1] == pytest.approx(line["intensity"], abs=tolerance)
