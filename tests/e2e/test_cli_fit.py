"""`xrdfit fit` from a file to answers, as a user's script sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from xrdfit.cli import main
from xrdfit.model.files.presets import data_path

OUTPUTS = {"result.json", "parameters.csv", "fit.toml", "pattern.nc", "refined.cif", "fit.png", "report.html"}
TRUTH = {"occ_Cu_8c": 0.300, "occ_Cu_4b": 0.300, "occ_Cu_24e": 0.182}


@pytest.fixture(scope="module")
def scan() -> str:
    return str(data_path("scans", "cu2se-2nm.xy"))


@pytest.fixture(scope="module")
def fitted(scan: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path, str]:
    """One fit in a process of its own: the object on standard output, the folder, standard error."""
    folder = tmp_path_factory.mktemp("cli") / "deep" / "out"
    command = [sys.executable, "-m", "xrdfit.cli", "fit", scan, "--model", "cu2se-2nm", "-o", str(folder), "--json"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout), folder, run.stderr


def test_json_has_the_schema(fitted) -> None:
    data, _, _ = fitted
    assert data["schema"] == 1
    assert data["engine"] == "bragg"
    assert data["success"] is True
    assert {
        "r_wp",
        "r_wp_background_subtracted",
        "r_exp",
        "chi2_reduced",
        "n_points",
        "n_varied",
        "durbin_watson",
    } <= set(data["statistics"])
    parameter = data["parameters"]["occ_Cu_8c"]
    assert {"value", "stderr", "lower", "upper", "unit", "status"} <= set(parameter)
    assert {p["status"] for p in data["parameters"].values()} <= {"varied", "fixed", "derived", "at bound"}
    keys = {"phase", "label", "element", "wyckoff", "multiplicity", "occupancy", "stderr", "share", "share_stderr"}
    keys |= {"stderr_model", "share_stderr_model"}
    assert all(set(site) == keys for site in data["sites"])
    assert data["parameters"]["occ_Se_4a"]["stderr"] is None
    assert set(data["composition"]) == {"Cu", "Se"}


def test_fit_finds_the_truth_that_the_scan_was_computed_from(fitted) -> None:
    data, _, _ = fitted
    for name, truth in TRUTH.items():
        p = data["parameters"][name]
        assert abs(p["value"] - truth) < 4 * p["stderr"]
        assert p["lower"] < p["value"] < p["upper"]
        assert (p["upper"] - p["lower"]) / 2 == pytest.approx(p["stderr"], rel=0.1)  # near-linear: interval ≈ ± esd
    assert 0.8 < data["statistics"]["chi2_reduced"] < 1.2
    assert data["statistics"]["n_varied"] == 11  # scale, 4 of background, a, size, mixing, 3 occupancies
    shares = [s["share"] for s in data["sites"] if s["element"] == "Cu"]
    assert sum(shares) == pytest.approx(1.0)


def test_warnings_go_to_standard_error(fitted) -> None:
    data, _, stderr = fitted
    assert any("debye" in w for w in data["warnings"])  # 2 nm under Bragg's law
    assert all(f"warning: {w}" in stderr for w in data["warnings"])


def test_folder_holds_all_files_and_the_same_object(fitted) -> None:
    data, folder, _ = fitted
    assert {p.name for p in folder.iterdir()} == OUTPUTS
    assert json.loads((folder / "result.json").read_text()) == data
    assert not [p for p in folder.parent.iterdir() if p != folder]  # no temporary folder is left


def test_fit_toml_reruns_exactly_this_fit(fitted, capsys, monkeypatch, tmp_path) -> None:
    data, folder, _ = fitted
    monkeypatch.chdir(tmp_path)  # paths in fit.toml count from the file
    assert main(["fit", "--from", str(folder / "fit.toml"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["statistics"] == data["statistics"]
    assert again["parameters"] == data["parameters"]


def test_fit_toml_with_every_option_reruns_exactly(scan, tmp_path, capsys) -> None:
    instrument = tmp_path / "instrument.toml"
    instrument.write_text("schema = 1\n[instrument]\nradius_mm = 200.0\nW = 0.001\n")
    out = tmp_path / "out"
    options = [
        *(
            "--total",
            "Cu=7.9",
            "--vary",
            "b_overall",
            "--vary",
            "displacement_*",
            "--fix",
            "mixing=0.5",
            "--fix",
            "bkg_3",
        ),
        *("--start", "size_nm=2.2", "--range", "16", "64", "--exclude", "30", "31", "--exclude", "40", "40.5"),
        *("--background", "4", "--radiation", "cu-ka1", "--no-anomalous", "--instrument", str(instrument)),
    ]
    assert main(["fit", scan, "--model", "cu2se-2nm", *options, "-o", str(out), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["composition"]["Cu"] == pytest.approx(7.9, abs=1e-9)
    assert first["parameters"]["mixing"]["status"] == "fixed"
    assert first["parameters"]["bkg_3"]["value"] == 0.0
    assert first["parameters"]["displacement_mm"]["status"] == "varied"
    assert first["model"]["radius_mm"] == 200.0
    assert first["model"]["radiation"] == "cu-ka1"
    assert [p["status"] for n, p in first["parameters"].items() if n.startswith("occ_Cu")].count("derived") == 1
    assert main(["fit", "--from", str(out / "fit.toml"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["parameters"], again["statistics"]) == (first["parameters"], first["statistics"])


def test_from_refuses_a_scan_that_has_changed(scan, tmp_path, capsys) -> None:
    copy = tmp_path / "scan.xy"
    copy.write_text(Path(scan).read_text())
    out = tmp_path / "out"
    assert main(["fit", str(copy), "--model", "cu2se-2nm", "-o", str(out)]) == 0
    copy.write_text(copy.read_text().replace("15.00 431", "15.00 432"))
    capsys.readouterr()
    assert main(["fit", "--from", str(out / "fit.toml")]) == 2
    assert "has changed" in capsys.readouterr().err


def test_table_is_for_people(scan, capsys) -> None:
    assert main(["fit", scan, "--model", "cu2se-2nm"]) == 0
    text = capsys.readouterr().out
    for word in (
        "Cu_24e",
        "Occupancy",
        "Share of the element",
        "Atoms per cell",
        "Rwp",
        "K = 0.9",
        "cu-ka",
        "from the model",
    ):
        assert word in text
    assert "order 3" in text
    assert "1251 points, 15–65°" in text


def test_existing_result_is_refused_before_the_fit_and_overwritten_with_force(scan, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / "result.json").write_text("precious")
    command = ["fit", scan, "--model", "cu2se-2nm", "-o", str(out)]
    assert main(command) == 2
    captured = capsys.readouterr()
    assert "--force" in captured.err
    assert captured.out == ""
    assert (out / "result.json").read_text() == "precious"
    assert {p.name for p in out.iterdir()} == {"notes.txt", "result.json"}
    assert main([*command, "--force"]) == 0
    assert {p.name for p in out.iterdir()} == {*OUTPUTS, "notes.txt"}
    assert (out / "notes.txt").read_text() == "mine"


def test_no_answer_is_status_1_with_words_and_what_there_is(scan, capsys) -> None:
    """All occupancies against the scale: only their ratios are in a scan."""
    assert main(["fit", scan, "--model", "cu2se-2nm", "--vary", "occ_Se_4a", "--json"]) == 1
    captured = capsys.readouterr()
    data = json.loads(captured.out)
    assert data["success"] is False
    assert "singular" in data["message"]
    assert "no answer" in captured.err
    assert "occ_Se_4a" in captured.err


def test_two_phases_share_names_by_prefix(scan, capsys) -> None:
    command = ["fit", scan, "--model", "cu2se-2nm", "--phase", "cu2o", "--fix", "cu2o__a", "--fix", "cu2o__size_nm=10"]
    status = main([*command, "--fix", "cu2o__mixing", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert status == (0 if data["success"] else 1)
    assert {"cu2se__occ_Cu_8c", "cu2o__scale"} <= set(data["parameters"])
    assert set(data["composition"]) == {"cu2se", "cu2o"}
    assert data["weight_fractions"]["cu2o"] < 0.02  # there is none in the scan
