"""simulate, reflections, calibrate, presets, formats, demo, and what becomes of errors and signals."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from signals import heed_control_c

import xrdfit.cli
from xrdfit.cli import main
from xrdfit.errors import ComputationError
from xrdfit.model.files.presets import preset_names

COLUMNS = ["h", "k", "l", "multiplicity", "d", "two_theta", "f_squared", "lorentz_polarization", "intensity"]
SRM_660C = Path(__file__).resolve().parents[3] / "shared" / "realdata" / "fit" / "lab6_nist_srm660c_100a.cif"


def read_csv(text: str) -> np.ndarray:
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["two_theta", "intensity"]
    return np.array(rows[1:], dtype=float)


@pytest.mark.parametrize(
    ("grid", "n"),
    [(("15", "65", "0.04"), 1251), (("20", "21", "0.1"), 11), (("10", "10.35", "0.1"), 4), (("5", "6", "1"), 2)],
)
def test_simulate_writes_a_grid_with_stop_included(grid, n, tmp_path, capsys) -> None:
    file = tmp_path / "x.csv"
    assert main(["simulate", "cu2se-2nm", "--two-theta", *grid, "-o", str(file)]) == 0
    assert capsys.readouterr().out == ""
    data = read_csv(file.read_text())
    start, stop, step = map(float, grid)
    assert len(data) == n
    assert np.allclose(data[:, 0], start + step * np.arange(n), rtol=0, atol=1e-9)
    assert data[-1, 0] <= stop + 1e-9
    assert (data[:, 1] > 0).all()


def test_simulate_prints_the_same_as_it_writes_and_as_python_computes(tmp_path, capsys) -> None:
    import xrdfit as xf

    options = [
        "simulate",
        "cu2se-4nm",
        "--two-theta",
        "20",
        "30",
        "0.5",
        "--set",
        "occ_Cu_8c=0.8",
        "--radiation",
        "cu-ka1",
    ]
    options += ["--size-nm", "5", "--no-anomalous"]
    assert main(options) == 0
    printed = capsys.readouterr().out
    assert main([*options, "-o", str(tmp_path / "x.csv")]) == 0
    assert (tmp_path / "x.csv").read_text() == printed
    assert main([*options, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    angles = np.linspace(20, 30, 21)
    values = {"occ_Cu_8c": 0.8, "size_nm": 5.0}
    expected = xf.simulate(xf.load_model("cu2se-4nm"), angles, values=values, radiation="cu-ka1", anomalous=False)
    assert np.allclose(read_csv(printed)[:, 1], expected, rtol=1e-12)
    assert np.allclose(data["intensity"], expected, rtol=1e-12)
    assert data["radiation"] == "cu-ka1"


def test_simulate_overwrites_only_with_force(tmp_path, capsys) -> None:
    file = tmp_path / "x.csv"
    file.write_text("precious")
    command = ["simulate", "cu2se-2nm", "--two-theta", "20", "30", "1", "-o", str(file)]
    assert main(command) == 2
    assert file.read_text() == "precious"
    assert main([*command, "--force"]) == 0
    assert read_csv(file.read_text()).shape == (11, 2)


def test_reflections_csv_has_the_published_intensities(capsys) -> None:
    """Relative m|F|²LP of the 2 nm model, as tabulated independently."""
    assert (
        main(["reflections", "cu2se-2nm", "--radiation", "cu-ka1", "--two-theta", "15", "65", "--format", "csv"]) == 0
    )
    text = capsys.readouterr().out
    assert text.splitlines()[0] == ",".join(COLUMNS)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert ["".join(sorted(r["h"] + r["k"] + r["l"])[::-1]) for r in rows] == ["111", "200", "220", "311", "222", "400"]
    assert np.allclose([float(r["intensity"]) for r in rows], [74.3, 73.9, 100, 33.6, 0.2, 50.3], atol=0.1)
    assert np.allclose([float(r["two_theta"]) for r in rows], [26.37, 30.54, 43.73, 51.79, 54.28, 63.57], atol=0.006)
    assert [int(r["multiplicity"]) for r in rows] == [8, 6, 12, 24, 8, 6]
    for r in rows:
        product = int(r["multiplicity"]) * float(r["f_squared"]) * float(r["lorentz_polarization"])
        strongest = float(rows[2]["f_squared"]) * 12 * float(rows[2]["lorentz_polarization"])
        assert float(r["intensity"]) == pytest.approx(100 * product / strongest)
        index = np.array([int(r["h"]), int(r["k"]), int(r["l"])])
        assert float(r["d"]) == pytest.approx(5.85 / np.linalg.norm(index), abs=1e-5)


def test_reflections_json_and_table_agree_with_csv(capsys) -> None:
    command = ["reflections", "cdse-wurtzite", "--two-theta", "20", "50"]
    assert main([*command, "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data["reflections"][0]) == COLUMNS
    assert main([*command, "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(data["reflections"]) + 1
    assert main(command) == 0
    table = capsys.readouterr().out
    assert "100.00" in table
    assert "|F|²" in table


def test_displacement_lowers_the_lines_as_its_factor_says(tmp_path, capsys) -> None:
    """b_overall stands in |F|²: exp(−2 B s²), s = 1/(2d)."""
    from xrdfit.model.files.presets import preset_text

    model = tmp_path / "warm.toml"
    model.write_text(preset_text("cu2se-2nm").replace("b_overall = 0.0", "b_overall = 2.0"))
    found = []
    for name in ("cu2se-2nm", str(model)):
        assert main(["reflections", name, "--format", "json", "--two-theta", "20", "60"]) == 0
        found.append(json.loads(capsys.readouterr().out)["reflections"])
    for cold, warm in zip(*found, strict=True):
        assert warm["f_squared"] / cold["f_squared"] == pytest.approx(np.exp(-2 * 2.0 / (4 * cold["d"] ** 2)))


def test_presets_and_formats_are_listed(capsys) -> None:
    assert main(["presets"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in preset_names())
    assert main(["presets", "--json"]) == 0
    assert [p["name"] for p in json.loads(capsys.readouterr().out)["presets"]] == list(preset_names())
    assert main(["formats"]) == 0
    assert ".xrdml" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["cu2se-2nm"], ["cu2se-4nm", "--phase", "cu2o"], ["caf2"]])
def test_a_written_model_reads_back_equal(words, tmp_path, capsys) -> None:
    import xrdfit as xf
    from xrdfit.model.files.read import load_models

    file = tmp_path / "my.toml"
    assert main(["model", *words, "-o", str(file)]) == 0
    assert xf.load_model(str(file)) == load_models([w for w in words if w != "--phase"])
    assert main(["model", *words, "-o", str(file)]) == 2  # what is there stays
    capsys.readouterr()
    assert main(["model", *words]) == 0
    assert capsys.readouterr().out == file.read_text(encoding="utf-8")


def test_a_shown_preset_is_a_template(tmp_path, capsys) -> None:
    assert main(["presets", "--show", "cu2se-2nm"]) == 0
    (tmp_path / "own.toml").write_text(capsys.readouterr().out)
    outputs = []
    for name in ("cu2se-2nm", str(tmp_path / "own.toml")):
        assert main(["simulate", name, "--two-theta", "20", "22", "1"]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


def test_demo_runs_twice_and_leaves_other_folders_alone(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    first = capsys.readouterr().out
    assert "Cu_24e" in first
    assert str(Path("xrdfit-demo") / "fit.png") in first
    assert 100_000 < Path("xrdfit-demo/report.html").stat().st_size < 1_500_000
    assert main(["demo"]) == 0
    assert "overwritten" in capsys.readouterr().out
    Path("mine").mkdir()
    Path("mine/result.json").write_text('{"scan": {"file": "mine.xy"}}')
    assert main(["demo", "-o", "mine"]) == 2
    assert Path("mine/result.json").read_text() == '{"scan": {"file": "mine.xy"}}'


@pytest.mark.skipif(not SRM_660C.is_file(), reason="no scan of SRM 660c at ../shared/realdata/fit")
def test_calibrate_writes_an_instrument_that_a_fit_takes(tmp_path, capsys) -> None:
    file = tmp_path / "instrument.toml"
    limited = ["--range", "20", "90", "--background", "3"]
    assert main(["calibrate", str(SRM_660C), "--model", "lab6", *limited, "-o", str(file), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    written = tomllib.loads(file.read_text())["instrument"]
    assert data["parameters"]["a"]["status"] == "fixed"
    assert data["parameters"]["S_L"]["value"] == written["S_L"] == written["H_L"]
    assert 0.01 < written["S_L"] < 0.06  # Soller slits of 2.3°: half of tan 2.3° and below
    assert "displacement_mm" not in written
    assert data["parameters"]["displacement_mm"]["value"] == pytest.approx(-0.0788, abs=0.01)  # certified for this scan
    command = [
        "fit",
        str(SRM_660C),
        "--model",
        "lab6",
        "--instrument",
        str(file),
        *limited,
        "--vary",
        "displacement_mm",
    ]
    assert main([*command, "--fix", "size_nm=1000", "--fix", "mixing=1", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["parameters"]["a"]["value"] == pytest.approx(4.15678, abs=0.0005)
    assert again["statistics"]["r_wp"] == pytest.approx(data["statistics"]["r_wp"], rel=0.02)


def fail_with(error: BaseException):
    def app():
        def run(_):
            raise error

        return run

    return app


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (ComputationError("it never ended"), 1, "it never ended"),
        (ZeroDivisionError("of\nmine"), 1, "XRDFIT_DEBUG"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (PermissionError(13, "Permission denied", "locked.xy"), 2, "locked.xy"),
    ],
)
def test_every_failure_is_one_line(error, status, word, monkeypatch, capsys) -> None:
    monkeypatch.delenv("XRDFIT_DEBUG", raising=False)
    monkeypatch.setattr(xrdfit.cli, "build", fail_with(error))
    assert main(["fit"]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert word in captured.err


def test_debug_shows_the_traceback(monkeypatch) -> None:
    monkeypatch.setenv("XRDFIT_DEBUG", "1")
    monkeypatch.setattr(xrdfit.cli, "build", fail_with(ZeroDivisionError("mine")))
    with pytest.raises(ZeroDivisionError):
        main(["fit"])


@pytest.mark.skipif(os.name == "nt", reason="pipes and signals of POSIX")
def test_a_closed_pipe_is_quiet() -> None:
    command = f"{sys.executable} -m xrdfit.cli simulate cu2se-2nm --two-theta 10 170 0.002 | head -n 1"
    run = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "two_theta,intensity\n"
    assert [line for line in run.stderr.splitlines() if " … " not in line] == []


@pytest.mark.skipif(os.name == "nt", reason="pipes and signals of POSIX")
def test_long_work_is_told_and_an_interrupt_ends_with_130(tmp_path) -> None:
    script = (
        "import sys, time, xrdfit.model.simulate as module\n"
        "module.simulate = lambda *_, **__: time.sleep(60)\n"
        "from xrdfit.cli import main\n"
        "sys.exit(main(['simulate', 'cu2se-6nm', '-o', 'x.csv']))"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, preexec_fn=heed_control_c
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("computing the pattern … ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "xrdfit: interrupted\n")
    assert not list(tmp_path.iterdir())
