"""Options of the command line that say what a scan's file does not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from xrdfit.cli import main
from xrdfit.model.files.presets import data_path

WAVELENGTH = 1.540593
FIT = ["--model", "cu2se-6nm", "--background", "2", "--range", "35", "48", "--json", "--fix", "occ_*"]


@pytest.fixture(scope="module")
def columns() -> tuple[np.ndarray, np.ndarray]:
    angle, counts = np.loadtxt(data_path("scans", "cu2se-6nm.xy"), comments="#")[:, :2].T
    return angle, counts


def run(capsys, path, *options) -> tuple[int, dict, str]:
    status = main(["fit", str(path), *FIT, *options])
    out, err = capsys.readouterr()
    return status, json.loads(out) if out.startswith("{") else {}, err


def test_radiation_gives_a_q_axis_its_wavelength(columns, tmp_path, capsys):
    angle, counts = columns
    q = 4 * np.pi * np.sin(np.radians(angle / 2)) / WAVELENGTH
    path = tmp_path / "q.csv"
    path.write_text("Q (1/A),Intensity\n" + "".join(f"{a:.9f},{c:.0f}\n" for a, c in zip(q, counts, strict=True)))
    status, _, err = run(capsys, path)
    assert status == 2
    assert "give it: --radiation" in err
    status, data, _ = run(capsys, path, "--radiation", "cu-ka")
    assert status == 0
    assert data["scan"]["wavelengths"] == pytest.approx([WAVELENGTH], abs=1e-5)
    assert "axis: Q in 1/Å, from 'Q (1/A)' in line 1" in data["scan"]["evidence"]
    plain = tmp_path / "plain.xy"
    plain.write_text("".join(f"{a:.6f} {c:.0f}\n" for a, c in zip(angle, counts, strict=True)))
    _, same, _ = run(capsys, plain, "--radiation", "cu-ka")
    assert data["parameters"]["a"]["value"] == pytest.approx(same["parameters"]["a"]["value"], abs=1e-5)


def test_axis_columns_and_errors(columns, tmp_path, capsys):
    angle, counts = columns
    path = tmp_path / "odd.txt"
    path.write_text(
        "theta,net,dark,cps\n" + "".join(f"{a:.4f},{c:.0f},7,{c / 2}\n" for a, c in zip(angle, counts, strict=True))
    )
    status, _, err = run(capsys, path)
    assert (status, err.count("\n")) == (2, 1)
    assert "--axis" in err
    status, data, _ = run(capsys, path, "--axis", "two_theta", "--columns", "1,4", "--counts-per", "2")
    assert status == 0
    assert data["scan"]["count_time_s"] == 2
    assert "axis: 2θ in degrees, as asked for" in data["scan"]["evidence"]
    status, data, _ = run(capsys, path, "--axis", "two_theta", "--columns", "1,2", "--sigma", "30")
    assert "sigma = 30" in data["scan"]["evidence"]


@pytest.mark.parametrize("options", [["--axis", "d"], ["--columns", "1"], ["--sigma", "gauss"], ["--counts-per", "-1"]])
def test_wrong_options_are_one_line(options, tmp_path, capsys):
    path = tmp_path / "scan.xy"
    path.write_text("".join(f"{20 + 0.1 * i:.2f} {100 + i}\n" for i in range(300)))
    status, _, err = run(capsys, path, *options)
    assert (status, err.count("\n")) == (2, 1)
