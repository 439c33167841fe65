"""Broken input of every kind: status 2, one line that names the culprit, nothing printed, nothing written."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from xrdfit.cli import main
from xrdfit.model.files.presets import data_path, preset_text

ANGLES = np.linspace(20.0, 60.0, 200)


def columns(two_theta=ANGLES, counts=None) -> str:
    counts = 100.0 + np.round(50 * np.sin(ANGLES) ** 2) if counts is None else counts
    return "".join(f"{x:.4f} {y:g}\n" for x, y in zip(two_theta, counts, strict=False))


def changed(values, at: int, value: float) -> np.ndarray:
    out = np.array(values, dtype=float)
    out[at] = value
    return out


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


COUNTS = np.full(len(ANGLES), 100.0)
ENTITY_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(8))
    + ']><xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.0">&i;</xrdMeasurements>'
)
EXTERNAL_ENTITY = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    '<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.0">&a;</xrdMeasurements>'
)
SCANS: dict[str, str | bytes] = {
    "empty.xy": "",
    "blank.xy": "\n \n\t\n",
    "text.xy": "To be, or not to be, that is the question.\n" * 30,
    "one-column.xy": "".join(f"{x:g}\n" for x in ANGLES),
    "three-points.xy": "20 1\n21 2\n22 3\n",
    "all-zero.xy": columns(counts=0 * COUNTS),
    "negative.xy": columns(counts=changed(COUNTS, 7, -40.0)),
    "unsorted.xy": columns(two_theta=changed(ANGLES, 50, 25.0)),
    "repeated.xy": columns(two_theta=changed(ANGLES, 50, ANGLES[49])),
    "beyond-180.xy": columns(two_theta=ANGLES + 130.0),
    "binary.xy": bytes(range(256)) * 20,
    "not-a-zip.rasx": b"PK\x03\x04" + b"\x00" * 400,
    "not-a-zip.brml": b"PK\x03\x04 no, it is not",
    "other.rasx": zipped("readme.txt", b"nothing of a scan"),
    "zip-bomb.rasx": zipped("Data0/Profile0.txt", b"0" * 300_000_000),
    "zip-bomb.brml": zipped("Experiment0/RawData0.xml", b" " * 300_000_000),
    "entity-bomb.xrdml": ENTITY_BOMB,
    "external-entity.xrdml": EXTERNAL_ENTITY,
    "cut.xrdml": '<?xml version="1.0"?><xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.0"><xrdMea',
    "cut-v1.raw": b"RAW " + b"\x01" * 60,
    "cut-v3.raw": b"RAW1.01" + b"\x00" * 700,
    "cut-v4.raw": b"RAW4.00" + b"\x00" * 40,
    "cut.ras": '*RAS_DATA_START\n*RAS_HEADER_START\n*FILE_SAMPLE "x"\n',
    "cut.uxd": "_FILEVERSION=2\n_SAMPLE='x'\n_START=20\n",
    "nameless.cif": "data_\nloop_\n_pd_meas_2theta_scan\n",
}


@pytest.fixture
def broken(tmp_path, monkeypatch, capfd):
    """Run a command in an empty folder and check the whole contract; return the line."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    before = {p: p.read_bytes() if p.is_file() else None for p in tmp_path.rglob("*")}

    def run(*arguments: str) -> str:
        before.update({p: p.read_bytes() if p.is_file() else None for p in tmp_path.rglob("*")})
        status = main(list(arguments))
        out, err = capfd.readouterr()
        assert (status, out) == (2, ""), err
        assert err.startswith("xrdfit: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        assert len(err) < 1500
        after = {p: p.read_bytes() if p.is_file() else None for p in tmp_path.rglob("*")}
        assert after == before
        return err

    return run


@pytest.mark.parametrize("name", SCANS)
def test_broken_scan(name: str, broken, tmp_path: Path) -> None:
    content = SCANS[name]
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    assert name in broken("fit", str(tmp_path / name), "--model", "cu2se-2nm", "-o", "out")


def test_cut_scans_of_real_instruments(broken, tmp_path: Path) -> None:
    folder = Path(__file__).resolve().parents[3] / "shared" / "realdata" / "formats"
    if not folder.is_dir():
        pytest.skip("no files of real instruments at ../shared/realdata/formats")
    kinds = (".raw", ".rasx", ".brml", ".xrdml", ".zip")
    files = [f for f in sorted(folder.rglob("*")) if f.suffix.lower() in kinds and f.stat().st_size < 2_000_000]
    assert files
    for file in files:
        cut = tmp_path / ("cut" + file.suffix)
        cut.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        assert cut.name in broken("fit", str(cut), "--model", "cu2se-2nm")


def test_scan_that_is_missing_or_a_folder(broken, tmp_path: Path) -> None:
    assert "folder" in broken("fit", str(tmp_path), "--model", "cu2se-2nm")
    assert "nowhere.xy" in broken("fit", "nowhere.xy", "--model", "cu2se-2nm")
    assert "line" not in broken("fit", "no\nwhere.xy", "--model", "cu2se-2nm")


MODELS: dict[str, str | bytes] = {
    "empty.cif": "",
    "text.cif": "no CIF at all",
    "no-sites.cif": "data_x\n_cell_length_a 5\n_cell_length_b 5\n_cell_length_c 5\n",
    "bad-group.cif": "data_x\n_cell_length_a 5\n_cell_length_b 5\n_cell_length_c 5\n_cell_angle_alpha 90\n"
    "_cell_angle_beta 90\n_cell_angle_gamma 90\n_space_group_name_H-M_alt 'Q z z z'\nloop_\n_atom_site_label\n"
    "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nCu1 0 0 0\n",
    "bad-number.cif": "data_x\n_cell_length_a five\n_cell_length_b 5\n_cell_length_c 5\nloop_\n_atom_site_label\n"
    "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nCu1 0 0 0\n",
    "binary.cif": bytes(range(256)),
    "empty.toml": "",
    "text.toml": "this is = = not TOML",
    "unknown-key.toml": "colour = 'red'\n",
    "bad-tie.toml": "ties = [\"occ_Cu_8c = __import__('os')\"]\n",
    "deep.toml": "x = " + "[" * 5000,
    "model.txt": "a model of another kind",
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("command", ["fit", "simulate", "reflections"])
def test_broken_model(name: str, command: str, broken, tmp_path: Path) -> None:
    content = MODELS[name]
    text = preset_text("cu2se-2nm")
    if name in ("unknown-key.toml", "bad-tie.toml"):
        content = str(content) + text
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    path = str(tmp_path / name)
    scan = str(data_path("scans", "cu2se-2nm.xy"))
    arguments = ("fit", scan, "--model", path, "-o", "out") if command == "fit" else (command, path)
    assert name in broken(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--engine", "fast"], "bragg"),
        (["--colour", "red"], "--colour"),
        (["--vary", "occ_Cu_9z"], "occ_Cu_8c"),
        (["--vary", "q_*"], "occ_Cu_8c"),
        (["--fix", "nothing"], "occ_Cu_8c"),
        (["--fix", "=3"], "NAME=VALUE"),
        (["--fix", "a=wide"], "'wide'"),
        (["--fix", "a=5.8", "--fix", "a=5.9"], "twice"),
        (["--start", "nothing=1"], "occ_Cu_8c"),
        (["--start", "size_nm"], "NAME=VALUE"),
        (["--start", "size_nm=-3"], "size_nm"),
        (["--start", "size_nm=nan"], "finite"),
        (["--start", "occ_Cu_8c=1.5"], "occ_Cu_8c"),
        (["--total", "Cu"], "ELEMENT=ATOMS"),
        (["--total", "Cu=60"], "Cu"),
        (["--total", "Xx=3"], "Xx"),
        (["--total", "Cu=-1"], "Cu"),
        (["--total", "Cu=inf"], "or a number"),
        (["--range", "60", "20"], "60"),
        (["--range", "nan", "20"], "--range"),
        (["--range", "20"], "--range"),
        (["--range", "100", "120"], "range"),
        (["--exclude", "0", "180"], "exclude"),
        (["--exclude", "30", "20"], "exclude"),
        (["--background", "-1"], "background"),
        (["--background", "1.5"], "whole number"),
        (["--background", "900"], "background"),
        (["--radiation", "kryptonite"], "kryptonite"),
        (["--radiation", "-1.54"], "-1.54"),
        (["--radiation", "nan"], "nan"),
        (["--radiation", "900"], "900"),
        (["--monochromator", "nan"], "finite"),
        (["--monochromator", "500"], "monochromator"),
        (["--radius", "-5"], "radius"),
        (["--radius", "0"], "radius"),
        (["--instrument", "nowhere.toml"], "nowhere.toml"),
        (["--scan", "7"], "scan 7"),
        (["--scan", "-1"], "-1"),
        (["--phase", "nowhere.cif"], "nowhere.cif"),
        (["--packing"], "packing"),
        (["--from", "fit.toml"], "--from"),
        (["surplus"], "surplus"),
    ],
)
def test_impossible_options_of_fit(options: list[str], words: str, broken) -> None:
    scan = str(data_path("scans", "cu2se-2nm.xy"))
    assert words in broken("fit", scan, "--model", "cu2se-2nm", "-o", "out", *options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "cu2se-2nm", "--size-nm", "-1"], "size_nm"),
        (["simulate", "cu2se-2nm", "--size-nm", "0"], "size_nm"),
        (["simulate", "cu2se-2nm", "--size-nm", "nan"], "finite"),
        (["simulate", "cu2se-2nm", "--two-theta", "60", "20", "0.1"], "START"),
        (["simulate", "cu2se-2nm", "--two-theta", "20", "200", "0.1"], "180"),
        (["simulate", "cu2se-2nm", "--two-theta", "0", "20", "0.1"], "START"),
        (["simulate", "cu2se-2nm", "--two-theta", "20", "60", "0"], "STEP"),
        (["simulate", "cu2se-2nm", "--two-theta", "20", "60", "-1"], "STEP"),
        (["simulate", "cu2se-2nm", "--two-theta", "20", "60", "1e-9"], "1000000"),
        (["simulate", "cu2se-2nm", "--two-theta", "20", "inf", "1"], "finite"),
        (["simulate", "cu2se-2nm", "--two-theta", "20", "60"], "--two-theta"),
        (["simulate", "cu2se-2nm", "--set", "occ_Cu_8c=2"], "0 to 1"),
        (["simulate", "cu2se-2nm", "--set", "nothing=2"], "occ_Cu_8c"),
        (["simulate", "cu2se-2nm", "--set", "a=0"], "a"),
        (["simulate", "cu2se-2nm", "--set", "bkg_0=5"], "bkg_0"),
        (["simulate", "cu2se-2mn"], "cu2se-2nm"),
        (["simulate", "cu2se-2nm", "-o", "no/such/folder/x.csv"], "folder"),
        (["simulate"], "MODEL"),
        (["reflections", "cu2se-2nm", "--two-theta", "60", "20"], "60"),
        (["reflections", "cu2se-2nm", "--two-theta", "nan", "20"], "finite"),
        (["reflections", "cu2se-2nm", "--format", "xml"], "csv"),
        (["reflections", "cu2se-2nm", "--radiation", "moon"], "moon"),
        (["presets", "--show", "cu2se-9nm"], "cu2se-2nm"),
        (["calibrate", "nowhere.xy", "-o", "i.toml"], "nowhere.xy"),
        (["calibrate"], "SCAN"),
        (["fit"], "SCAN"),
        (["fit", "scan.xy"], "--model"),
        (["fit", "--from", "nowhere.toml"], "nowhere.toml"),
        (["dance"], "dance"),
        (["--dance"], "--dance"),
    ],
)
def test_impossible_options_of_other_commands(arguments: list[str], words: str, broken) -> None:
    assert words in broken(*arguments)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "schema = 2",
        "schema = 1\n[scan]\nfile = 3",
        "schema = 1\n[scan]\nfile = 'x'\n[options]\n[model]\n",
    ],
)
def test_broken_fit_toml(text: str, broken, tmp_path: Path) -> None:
    (tmp_path / "fit.toml").write_text(text)
    assert "fit.toml" in broken("fit", "--from", str(tmp_path / "fit.toml"), "-o", "out")


def test_output_that_is_a_file(broken, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    scan = str(data_path("scans", "cu2se-2nm.xy"))
    assert "taken" in broken("fit", scan, "--model", "cu2se-2nm", "-o", str(tmp_path / "taken"))
    assert "taken" in broken("fit", scan, "--model", "cu2se-2nm", "-o", str(tmp_path / "taken" / "below"))
    assert "--force" in broken("simulate", "cu2se-2nm", "-o", str(tmp_path / "taken"))
    assert "folder" in broken("simulate", "cu2se-2nm", "-o", str(tmp_path))


def test_a_process_of_its_own_fails_in_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "scan.xy").write_text("")
    command = [sys.executable, "-m", "xrdfit.cli", "fit", "scan.xy", "--model", "cu2se-2nm", "-o", "out", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "xrdfit: scan.xy: is empty; a measured pattern is needed\n"
    assert [p.name for p in tmp_path.iterdir()] == ["scan.xy"]
