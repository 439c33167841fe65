"""The article's tables and the computed scans that come with the package say what they are and hold what they say."""

from __future__ import annotations

import csv
import runpy

import numpy as np
import pytest

from xrdfit.model.files.presets import data_path
from xrdfit.model.files.read import load_model
from xrdfit.scan import read_pattern

SCANS = ("cu2se-2nm", "cu2se-4nm", "cu2se-6nm", "cu2se-2nm-debye")


def _rows(name):
    lines = data_path("article", name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize(
    ("table", "copper"),
    [("table-2.csv", [8.0, 8.0, 7.968]), ("table-3.csv", [8.0] * 3), ("table-4.csv", [7.9992, 7.9992, 7.968])],
)
def test_article_tables_add_up_to_eight_copper(table, copper):
    sums = {}
    for row in _rows(table):
        if row["element"] == "Cu":
            atoms = int(row["wyckoff"][:-1]) * float(row["occupancy"])
            sums[row["block"]] = sums.get(row["block"], 0.0) + atoms
    assert list(sums.values()) == pytest.approx(copper, abs=1e-9)


def test_what_the_print_leaves_out_is_marked():
    marked = [row for row in _rows("table-4.csv") if row["printed"] == "no"]
    assert {(row["block"], row["wyckoff"]) for row in marked} == {("3", "8c"), ("3", "4b"), ("3", "24e")}
    assert all(row["printed"] == "yes" for name in ("table-2.csv", "table-3.csv") for row in _rows(name))
    assert {row["kind"] for row in _rows("table-1.csv")} == {"observed"}


def test_table_2_agrees_with_the_presets():
    for size in ("2", "4", "6"):
        structure = load_model(f"cu2se-{size}nm").phases[0].structure
        for row in _rows("table-2.csv"):
            if row["size_nm"] == size:
                site = structure[f"{row['element']}_{row['wyckoff']}"]
                assert site.occupancy == float(row["occupancy"])
                assert site.xyz == tuple(float(row[axis]) for axis in "xyz")


def test_other_structures_agree_with_their_presets():
    rows = _rows("other-structures.csv")
    assert len(rows) == 6
    for row in rows:
        if row["preset"] and row["a"]:
            structure = load_model(row["preset"]).phases[0].structure
            assert structure.cell.a == float(row["a"])
            assert structure.group.hm.replace(" ", "") == row["space_group"]


@pytest.mark.parametrize("name", SCANS)
def test_computed_scans_say_so_and_scatter_as_counts_do(name):
    path = data_path("scans", f"{name}.xy")
    assert path.read_text(encoding="utf-8").startswith("# COMPUTED, not measured")
    scan = read_pattern(path)
    two_theta, expected = runpy.run_path(str(data_path("scans", "make_scans.py")))["expected_counts"](name)
    np.testing.assert_allclose(scan["two_theta"], two_theta, atol=1e-9)
    assert len(two_theta) == 1251
    assert expected.max() == pytest.approx(5000.0)
    chi2 = float((((scan["counts"] - expected) ** 2) / expected).mean())
    # variance of (n - µ)²/µ is 2 + 1/µ: five standard errors of the mean over the points
    assert abs(chi2 - 1.0) < 5 * np.sqrt(2.0 / len(two_theta))


@pytest.mark.parametrize(("end", "blank"), [("", False), ("-blank", True)])
def test_the_film_and_its_blank_scatter_as_counts_do(end, blank):
    path = data_path("scans", f"cu2se-2nm-film{end}.xy")
    assert path.read_text(encoding="utf-8").startswith("# COMPUTED, not measured")
    scan = read_pattern(path)
    expected = runpy.run_path(str(data_path("scans", "make_scans.py")))["film_counts"](blank)
    chi2 = float((((scan["counts"] - expected) ** 2) / expected).mean())
    assert abs(chi2 - 1.0) < 5 * np.sqrt(2.0 / len(expected))


def test_the_computed_scans_state_no_single_wavelength():
    assert "wavelengths" not in read_pattern(data_path("scans", "cu2se-6nm.xy")).attrs
