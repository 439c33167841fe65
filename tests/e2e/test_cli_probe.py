"""Neutrons and the optics of specimen and beam on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.cli import main
from xrdfit.model.files.presets import data_path

SCAN = str(data_path("scans", "cu2se-6nm.xy"))


def output(capsys, *arguments):
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out)


def test_reflections_of_neutrons(capsys):
    found = output(capsys, "reflections", "cu2se-4nm", "--radiation", "neutron:1.5", "--format", "json")
    assert (found["radiation"], found["wavelength"]) == ("neutron:1.5", 1.5)
    first = found["reflections"][0]  # 111: selenium alone, (4 b)², b = 7.97 fm
    assert first["f_squared"] == pytest.approx(16 * 7.97**2, rel=1e-3)
    assert main(["reflections", "cu2se-4nm", "--radiation", "neutron:1.5"]) == 0
    assert "fm²" in capsys.readouterr().out


def test_simulate_neutrons(tmp_path, capsys):
    found = output(
        capsys, "simulate", "cu2se-2nm", "--radiation", "neutron:1.5", "--two-theta", "20", "60", "1", "--json"
    )
    expected = xf.simulate(xf.load_model("cu2se-2nm"), found["two_theta"], radiation="neutron:1.5")
    assert found["intensity"] == pytest.approx(expected.tolist())
    atoms = tmp_path / "two.xyz"
    atoms.write_text("2\n\nD 0 0 0\n7Li 0 0 2.0\n")
    found = output(
        capsys, "simulate", str(atoms), "--radiation", "neutron:1.5", "--two-theta", "20", "60", "10", "--json"
    )
    assert found["radiation"] == "neutron:1.5"
    assert found["intensity"][0] < (6.668 + 2.28) ** 2


@pytest.mark.parametrize("name", ["neutron", "neutron:0"])
def test_no_wavelength_of_neutrons(name, capsys):
    assert main(["reflections", "si", "--radiation", name]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_fit_takes_all_options_of_specimen_and_beam(tmp_path, capsys):
    folder = tmp_path / "out"
    chosen = [
        "--capillary",
        "0.2",
        "--polarization",
        "0.6",
        "--kbeta",
        "0.001",
        "--texture",
        "0",
        "0",
        "1",
        "--packing",
    ]
    found = output(capsys, "fit", SCAN, "--model", "cu2se-6nm", *chosen, "--vary", "fp_*", "--fix", "occ_*", "--json",
                   "-o", str(folder))  # fmt: skip
    values = {name: p["value"] for name, p in found["parameters"].items()}
    assert (values["mu_r"], values["polarization"], values["kbeta"]) == (0.2, 0.6, 0.001)
    assert found["parameters"]["fp_Se"]["status"] == "varied"
    # (001) of a cubic crystal has equivalents all round: little moves, but the parameter is there
    assert found["parameters"]["march_r"]["status"] in ("varied", "at bound")
    again = output(capsys, "fit", "--from", str(folder / "fit.toml"), "--json")
    assert again["parameters"]["march_r"]["value"] == pytest.approx(values["march_r"], rel=1e-6)
    assert again["parameters"]["mu_r"]["value"] == 0.2


def test_platelets_grains_and_a_standard_on_the_command_line(tmp_path, capsys):
    model, grid = xf.load_model(["caf2", "lab6"]), np.arange(20.0, 80.0, 0.05)
    y = xf.simulate(model, grid, values={"caf2__scale": 1.0, "lab6__scale": 0.4}, radiation="cu-ka")
    scan, folder = tmp_path / "mixture.xy", tmp_path / "out"
    np.savetxt(scan, np.column_stack([grid, np.round(100.0 + 5000.0 * y / y.max())]), header="2theta counts")
    chosen = ["--anisotropic", "0", "0", "1", "--phase", "lab6", "--standard", "lab6=20.0(5)", "--particle", "lab6=2"]
    plain = ["--model", "caf2", "--engine", "bragg", "--radiation", "cu-ka", "--no-usual"]
    found = output(capsys, "fit", str(scan), *plain, *chosen, "--json", "-o", str(folder))
    assert found["parameters"]["caf2__size_ratio"]["status"] in ("varied", "at bound")
    share = found["weight_fractions"]["lab6"]
    assert found["amorphous"] == pytest.approx((1.0 - 0.2 / share) / 0.8, rel=1e-9)
    again = output(capsys, "fit", "--from", str(folder / "fit.toml"), "--json")
    assert again["amorphous"] == pytest.approx(found["amorphous"], rel=1e-6)
    assert again["parameters"]["caf2__size_ratio"]["value"] == pytest.approx(
        found["parameters"]["caf2__size_ratio"]["value"], rel=1e-3
    )


def test_film_on_the_command_line(capsys):
    found = output(capsys, "fit", SCAN, "--model", "cu2se-6nm", "--film", "--total", "Cu=8", "--json")
    assert found["parameters"]["mu_t"]["status"] in ("varied", "at bound")


@pytest.mark.parametrize(
    "options",
    [
        ["--capillary", "50"],
        ["--polarization", "2"],
        ["--texture", "0", "0", "0"],
        ["--anisotropic", "0", "0", "0"],
        ["--particle", "si=2"],
        ["--standard", "cu2se=20"],
        ["--film", "--capillary", "1"],
    ],
)
def test_what_cannot_be(options, capsys):
    assert main(["fit", SCAN, "--model", "cu2se-6nm", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip().count("\n") == 0
