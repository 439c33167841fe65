"""compare, identify, calibrate-intervals and fit's additions from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xrdfit.cli import main

SCAN = str(Path(__file__).resolve().parents[2] / "data" / "scans" / "cu2se-2nm.xy")


def run(capsys, *argv):
    status = main(list(argv))
    return status, *capsys.readouterr()


def test_compare_prints_one_json_object_best_first(capsys, tmp_path):
    picture = tmp_path / "rivals.png"
    status, out, _ = run(
        capsys, "compare", SCAN, "--model", "cu2se", "--sites", "8c,4b,24e", "--json", "-o", str(picture)
    )
    found = json.loads(out)
    assert status == 0
    assert len(found["candidates"]) == 7
    assert found["candidates"][0]["sites"] == ["Cu_8c", "Cu_4b", "Cu_24e"]
    assert [c["bic"] for c in found["candidates"]] == sorted(c["bic"] for c in found["candidates"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_compare_says_what_the_scan_supports(capsys):
    status, out, _ = run(capsys, "compare", SCAN, "--model", "cu2se-2nm")
    assert status == 0
    assert "the scan supports cu2se-2nm: Cu_8c + Cu_4b + Cu_24e" in out
    assert "without Cu_4b" in out


def test_identify_of_a_scan_and_of_a_plan(capsys, tmp_path):
    picture = tmp_path / "combinations.png"
    status, out, _ = run(capsys, "identify", SCAN, "--model", "cu2se-2nm", "-o", str(picture))
    assert status == 0
    assert "is fixed to" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    status, out, _ = run(
        capsys, "identify", "--model", "cu2se-2nm", "--counts", "1000", "--reach", "occ_Cu_4b=0.001", "--json"
    )
    found = json.loads(out)
    assert status == 0
    assert found["scan"] == "planned"
    assert found["design"]["occ_Cu_4b"][0]["change"] == "as measured"


def test_calibrate_intervals_counts(capsys):
    status, out, _ = run(capsys, "calibrate-intervals", "--scans", "2", "--engine", "bragg", "--json")
    assert status == 0
    assert json.loads(out)["scans"] == 2


def test_fit_adds_systematics_and_exact_intervals(capsys, tmp_path):
    folder = tmp_path / "out"
    status, out, _ = run(
        capsys, "fit", SCAN, "--model", "cu2se-2nm", "--systematics", "--feldman-cousins", "--json", "-o", str(folder)
    )
    found = json.loads(out)
    assert status == 0
    assert {"systematics", "feldman_cousins"} <= set(found)
    assert set(found["feldman_cousins"]["occ_Cu_8c"]) == {"68 %", "95 %"}
    assert json.loads((folder / "worth.json").read_text())["systematics"]["complete"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("compare", SCAN, "--model", "cu2se", "--sites", "48g"), "site '48g'"),
        (("compare", "--model", "cu2se"), "SCAN is missing"),
        (("identify", "--model", "cu2se", "--two-theta", "65", "15", "0.1"), "START < STOP"),
        (("identify", SCAN, "--model", "cu2se-2nm", "--reach", "occ_Cu_9z=1"), "occ_Cu_9z"),
        (("identify", SCAN, "--model", "cu2se-2nm", "--reach", "occ_Cu_4b=-1"), "must be a positive number"),
        (("calibrate-intervals", "--scans", "0"), "--scans 0"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(capsys, argv, words):
    status, out, err = run(capsys, *argv)
    assert status == 2
    assert out == ""
    assert words in err
    assert len(err.strip().splitlines()) == 1
