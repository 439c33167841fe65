"""compare, identify, calibrate-intervals and fit's additions from the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from signals import heed_control_c

from xrdfit.cli import main
from xrdfit.report.files import OUTPUTS

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


@pytest.mark.slow
def test_fit_adds_systematics_and_exact_intervals_and_can_be_rerun(capsys, tmp_path):
    folder = tmp_path / "out"
    status, out, _ = run(
        capsys, "fit", SCAN, "--model", "cu2se-2nm", "--systematics", "--feldman-cousins", "--json", "-o", str(folder)
    )
    found = json.loads(out)
    assert status == 0
    assert {"systematics", "feldman_cousins"} <= set(found)
    assert set(found["feldman_cousins"]["occ_Cu_8c"]) == {"68 %", "95 %"}
    assert json.loads((folder / "assessment.json").read_text())["systematics"]["complete"]
    assert "Systematic shifts" in (folder / "report.html").read_text()
    status, out, _ = run(capsys, "fit", "--from", str(folder / "fit.toml"), "--json")
    again = json.loads(out)
    assert status == 0
    assert again["feldman_cousins"] == found["feldman_cousins"]
    assert again["systematics"] == found["systematics"]


@pytest.mark.slow
def test_the_report_holds_the_corner_plot_until_a_fit_without_one_replaces_it(capsys, tmp_path):
    folder = tmp_path / "out"
    fit = ("fit", SCAN, "--model", "cu2se-2nm", "--fix", "mixing", "--fix", "size_nm", "-o", str(folder))
    status, out, _ = run(capsys, *fit, "--posterior")
    assert status == 0
    assert "Posterior (converged" in out
    assert 'alt="Corner plot: ' in (folder / "report.html").read_text()
    assert (folder / "corner.png").read_bytes().startswith(b"\x89PNG")
    status, _, _ = run(capsys, *fit, "--force")
    assert status == 0
    assert sorted(p.name for p in folder.iterdir()) == sorted(OUTPUTS)
    assert "Corner plot" not in (folder / "report.html").read_text()


def test_what_cannot_be_assessed_leaves_the_fit_and_is_said(capsys, tmp_path):
    folder = tmp_path / "out"
    held = [word for name in ("a", "size_nm", "mixing", "occ_*") for word in ("--fix", name)]
    status, out, err = run(
        capsys, "fit", SCAN, "--model", "cu2se-2nm", *held, "--posterior", "--systematics", "--json", "-o", str(folder)
    )
    assert status == 0
    assert "systematics: no occupancy varies" in err
    assert "posterior: nothing but scale and background varies" in err
    assert len(json.loads(out)["notes"]) == 2
    assert "no occupancy varies" in (folder / "report.html").read_text()


def test_a_target_that_cannot_be_reached_leaves_the_findings(capsys):
    status, out, err = run(
        capsys, "identify", SCAN, "--model", "cu2se-2nm", "--fix", "mixing", "--reach", "mixing=0.01", "--json"
    )
    found = json.loads(out)
    assert status == 1
    assert found["combinations"]
    assert "did not vary" in found["design_refused"]["mixing"]
    assert "--reach mixing" in err


def test_control_c_while_results_are_written_waits_until_they_are(capsys, tmp_path, monkeypatch):
    import xrdfit.report

    save = xrdfit.report.save

    def pressed(*arguments):
        signal.raise_signal(signal.SIGINT)
        return save(*arguments)

    monkeypatch.setattr(xrdfit.report, "save", pressed)
    status, _, err = run(capsys, "fit", SCAN, "--model", "cu2se-2nm", "-o", str(tmp_path / "out"))
    assert status == 130
    assert "interrupted" in err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(OUTPUTS)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal there")
@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("calibrate-intervals", "--scans", "4000", "--engine", "bragg", "--json"), "calibrating: "),
        (("fit", SCAN, "--model", "cu2se", "--posterior", "--json", "-o", "out"), "sampling"),
    ],
    ids=["calibrate-intervals", "fit --posterior"],
)
def test_control_c_ends_cleanly_and_keeps_what_was_done(tmp_path, argv, told):
    command = [sys.executable, "-m", "xrdfit.cli", *argv]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_control_c
    ) as process:
        assert process.stderr is not None
        assert any(told in line for line in process.stderr), "it ended before it told what it does"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert json.loads(out)["complete"] is False
    if "-o" in argv:
        assert {"result.json", "report.html", "assessment.json"} <= {p.name for p in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("compare", SCAN, "--model", "cu2se", "--sites", "48g"), "site '48g'"),
        (("compare", "--model", "cu2se"), "SCAN is missing"),
        (("compare", SCAN, "--model", "cu2se", "--sites", "8c"), "nothing to compare"),
        (("identify", SCAN, "--model", "cu2se-2nm", "--counts", "100"), "--counts describes a planned scan"),
        (("fit", SCAN, "--model", "cu2se-2nm", "-o", ""), "output '': is empty"),
        (("fit", SCAN, "--model", str(Path(SCAN).parent)), "is a folder"),
        (("simulate", "cu2se-2nm", "--size-nm", "3", "--set", "size_nm=2"), "both give the size"),
        (("reflections", "cu2se-2nm", "--radiation", "0.05"), "take a longer wavelength"),
        (("identify", "--model", "cu2se", "--two-theta", "65", "15", "0.1"), "START < STOP"),
        (("identify", SCAN, "--model", "cu2se-2nm", "--reach", "occ_Cu_9z=1"), "occ_Cu_9z"),
        (("identify", SCAN, "--model", "cu2se-2nm", "--reach", "occ_Cu_4b=-1"), "must be a positive number"),
        (("identify", "--model", "cu2se", "--two-theta", "15", "65", "1e-9"), "at most 1000000 points"),
        (("identify", SCAN, "--model", "cu2se-2nm", "-o", "x.pdf"), "ends in .png"),
        (("compare", SCAN, "--model", "cu2se", "--sites", "8c,4b", "--fix", "occ_Cu_8c"), "is a candidate and fixed"),
        (("calibrate-intervals", "--scans", "0"), "--scans 0"),
        (("calibrate-intervals", "--model", "si"), "no occupancy of si varies"),
        (("calibrate-intervals", "--counts", "1e30"), "counts 1e+30"),
        (("calibrate-intervals", "--workers", "1000000"), "--workers 1000000"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(capsys, argv, words):
    status, out, err = run(capsys, *argv)
    assert status == 2
    assert out == ""
    assert words in err
    assert len(err.strip().splitlines()) == 1
