"""cluster, and simulate for lists of atoms: what they write, and what they refuse."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.cli import main
from xrdfit.clusters.atoms import read_xyz
from xrdfit.clusters.patterns import cluster_pattern
from xrdfit.crystal.radiation import radiation

GRID = ["--two-theta", "20", "60", "1"]
ANGLES = np.linspace(20.0, 60.0, 41)


def columns(text: str) -> dict[str, np.ndarray]:
    rows = list(csv.reader(io.StringIO(text)))
    return dict(zip(rows[0], np.array(rows[1:], dtype=float).T, strict=True))


@pytest.mark.slow
def test_a_cluster_is_written_and_simulated(tmp_path, capsys) -> None:
    file = tmp_path / "cluster.xyz"
    assert main(["cluster", "cu2se-2nm", "--size-nm", "2", "--seed", "5", "-o", str(file)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    (cluster,) = read_xyz(file)
    assert f"{len(cluster.species)} atoms" in captured.err
    # Se: 4 in each cell of the sphere, all there
    assert cluster.composition()["Se"] == pytest.approx(4 * np.pi / 6 * 20.0**3 / 5.85**3, rel=0.1)
    assert main(["simulate", str(file), *GRID, "--radiation", "cu-ka1", "--set", "b_overall=0.5"]) == 0
    found = columns(capsys.readouterr().out)
    assert list(found) == ["two_theta", "intensity"]
    expected = cluster_pattern(cluster, ANGLES, radiation("cu-ka1"), b_iso=0.5).intensity
    np.testing.assert_allclose(found["intensity"], expected, rtol=1e-12)


def test_seeds_shapes_and_standard_output(capsys) -> None:
    texts = []
    for options in (["--seed", "1"], ["--seed", "1"], ["--seed", "2"], ["--seed", "1", "--shape", "octahedron"]):
        assert main(["cluster", "cu2se-2nm", "--size-nm", "1.5", *options]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


def test_min_distance_is_obeyed(tmp_path) -> None:
    distances = []
    for options in ([], ["--min-distance", "1.8"]):
        file = tmp_path / f"{len(options)}.xyz"
        assert main(["cluster", "cu2se-2nm", "--size-nm", "1.5", *options, "-o", str(file)]) == 0
        (cluster,) = read_xyz(file)
        copper = cluster.positions[np.array(cluster.species) == "Cu"]
        apart = np.linalg.norm(copper[:, None] - copper, axis=-1)
        distances.append(apart[np.triu_indices(len(copper), 1)].min())
    assert distances[0] < 1.8 <= distances[1]


@pytest.mark.parametrize(("preset", "element"), [("cdse-wurtzite", "Se"), ("cdte-zincblende", "Te")])
@pytest.mark.parametrize("pairs", [27, 33])
def test_magic_sizes_have_their_atoms_and_hold_together(preset, element, pairs, tmp_path, capsys) -> None:
    file = tmp_path / "magic.xyz"
    atoms = ["--atoms", f"Cd={pairs}", "--atoms", f"{element}={pairs}"]
    assert main(["cluster", preset, *atoms, "-o", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["composition"] == {"Cd": pairs, element: pairs}
    (cluster,) = read_xyz(file)
    cation = np.array(cluster.species) == "Cd"
    bond = xf.load_model(preset).phases[0].structure.cell.volume ** (1 / 3) * 0.9  # longer than any bond
    apart = np.linalg.norm(cluster.positions[cation][:, None] - cluster.positions[~cation], axis=-1)
    shortest = apart.min()
    assert shortest < bond
    assert (apart < 1.15 * shortest).any(axis=0).all()
    assert (apart < 1.15 * shortest).any(axis=1).all()


def test_a_trajectory_gives_mean_and_spread(tmp_path, capsys) -> None:
    file = tmp_path / "frames.extxyz"
    frames = []
    for seed in "1234":
        assert main(["cluster", "cu2se-2nm", "--size-nm", "1.5", "--seed", seed]) == 0
        frames.append(capsys.readouterr().out)
    file.write_text("".join(frames))
    assert main(["simulate", str(file), *GRID, "-o", str(tmp_path / "x.csv"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["frames"], data["engine"], data["radiation"]) == (4, "debye", "cu-ka")
    table = columns((tmp_path / "x.csv").read_text())
    assert list(table) == ["two_theta", "intensity", "spread"]
    single = [cluster_pattern(f, ANGLES, radiation("cu-ka")).intensity for f in read_xyz(file)]
    np.testing.assert_allclose(table["intensity"], np.mean(single, axis=0))
    np.testing.assert_allclose(table["spread"], np.std(single, axis=0, ddof=1))


def refused(arguments: list[str], capfd) -> str:
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("xrdfit: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0\nnothing\n", "frame 1: cluster: it has no atoms"),
        ("2\n\nCu 0 0 0\nCu 0 0 0\n", "frame 1: cluster: atoms 1 (Cu) and 2 (Cu) are 0.000 Å apart"),
        ("1\n\nCu 0 0 0\n2\n\nCu 0 0 0\nSe 0 0 0.01\n", "frame 2"),
        ("1\n\nXx 0 0 0\n", "line 3"),
        ("2\n\nCu 0 0 0\nCu 0 0 501\n", "50.1 nm wide; up to 50 nm"),
        ("", "no frame"),
    ],
)
def test_broken_lists_of_atoms(text, words, tmp_path, capfd) -> None:
    file = tmp_path / "broken.xyz"
    file.write_text(text)
    line = refused(["simulate", str(file), "-o", str(tmp_path / "x.csv")], capfd)
    assert "broken.xyz" in line
    assert words in line
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cu2se-2nm", "--size-nm", "50.1"], "50"),
        (["cu2se-2nm", "--size-nm", "0"], "size_nm"),
        (["cu2se-2nm", "--size-nm", "nan"], "finite"),
        (["cu2se-2nm"], "--size-nm"),
        (["cu2se-2nm", "--size-nm", "2", "--atoms", "Cu=3"], "exactly one"),
        (["cu2se-2nm", "--atoms", "Cu=3"], "not full"),
        (["cdse-wurtzite", "--atoms", "Cd=3"], "Cd, Se"),
        (["cdse-wurtzite", "--atoms", "Cd=3.5", "--atoms", "Se=3"], "whole number"),
        (["cdse-wurtzite", "--atoms", "Cd=0", "--atoms", "Se=3"], "at least 1"),
        (["cdse-wurtzite", "--atoms", "Cd=3", "--atoms", "Se=3", "--shape", "cube"], "--shape"),
        (["cu2se-2nm", "--size-nm", "2", "--shape", "star"], "octahedron"),
        (["cu2se-2nm", "--size-nm", "2", "--seed", "-1"], "--seed"),
        (["cu2se-2nm", "--size-nm", "2", "--min-distance", "-1"], "--min-distance"),
        (["nowhere.cif", "--size-nm", "2"], "nowhere.cif"),
        (["cu2se-2nm", "--size-nm", "2", "-o", "cluster.txt"], ".xyz"),
        (["cu2se-2nm", "--size-nm", "2", "-o", "no/folder/c.xyz"], "folder"),
    ],
)
def test_impossible_clusters(arguments, words, tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refused(["cluster", *arguments], capfd)
    assert not list(tmp_path.iterdir())


def test_a_composition_without_a_sphere_is_no_answer(capfd) -> None:
    assert main(["cluster", "cdse-wurtzite", "--atoms", "Cd=90", "--atoms", "Se=10"]) == 1
    assert "Cd90 Se10" in capfd.readouterr().err


def test_an_existing_file_is_kept_without_force(tmp_path, capfd) -> None:
    file = tmp_path / "mine.xyz"
    file.write_text("precious")
    command = ["cluster", "cu2se-2nm", "--size-nm", "1", "-o", str(file)]
    assert "--force" in refused(command, capfd)
    assert file.read_text() == "precious"
    assert main([*command, "--force"]) == 0
    assert len(read_xyz(file)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["mine.xyz"]


@pytest.mark.parametrize("option", [["--engine", "bragg"], ["--size-nm", "3"], ["--set", "a=5"]])
def test_what_a_list_of_atoms_has_not(option, tmp_path, capfd) -> None:
    file = tmp_path / "one.xyz"
    file.write_text("1\n\nCu 0 0 0\n")
    assert "list of atoms" in refused(["simulate", str(file), *option], capfd)
