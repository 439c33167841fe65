"""The page of `explore` before it meets a browser: what goes into it, and what it refuses."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.cli import main
from xrdfit.crystal.lattice import PARAMETERS, cell_from_free, cell_names
from xrdfit.crystal.radiation import HC
from xrdfit.crystal.scattering import anomalous
from xrdfit.crystal.symmetry import space_group
from xrdfit.errors import InputError
from xrdfit.explore.page import explore_page, grid, page_data, page_text
from xrdfit.explore.payload import model_data
from xrdfit.explore.radiations import wavelength_table, wavelengths
from xrdfit.explore.states import state_values
from xrdfit.model.files.read import model_from_toml

ANGLES = np.arange(20.0, 80.0, 0.25)


def toml(space_group: str, cell: str, sites: str = "", more: str = "") -> str:
    sites = sites or '[[phase.site]]\nspecies = "Cu"\nxyz = [0, 0, 0]\n'
    head = f'schema = 1\nname = "m"\n{more}\n[[phase]]\nname = "p"\nspace_group = "{space_group}"\n'
    return head + f"cell = {{ {cell} }}\n" + sites


@pytest.mark.parametrize("name", ["cu2se-2nm", "cu2se-4nm", "cu2se-6nm"])
def test_a_state_of_the_five_site_model_is_the_other_model(name):
    host, model = xf.load_model("cu2se"), xf.load_model(name)
    values = state_values(host, model)
    assert values is not None
    for engine in ("bragg", "debye"):
        known = {row.name for row in host.rows(engine)}
        mine = xf.simulate(
            host, ANGLES, engine=engine, values={k: v for k, v in values.items() if k in known}, radiation="cu-ka"
        )
        expected = xf.simulate(model, ANGLES, engine=engine)
        assert np.abs(mine - expected).max() < 1e-9 * expected.max()


def test_what_does_not_fit_on_a_models_sites_is_no_state():
    host = xf.load_model("cu2se")
    small = xf.load_model("cu2se-2nm")
    assert state_values(host, xf.load_model("si")) is None  # another group
    assert state_values(small, host) is None  # 32f is filled and not there
    assert state_values(host, replace(small, instrument=replace(small.instrument, film=True))) is None
    moved = model_from_toml(
        toml("Fm-3m", "a = 5.85", '[[phase.site]]\nspecies = "Cu"\nxyz = [0.3, 0.3, 0.3]\n')
    )  # 32f at another x
    assert state_values(host, moved) is None


@pytest.mark.parametrize(
    ("group", "cell"),
    [
        ("P-1", {"a": 5.1, "b": 6.2, "c": 7.3, "alpha": 81.0, "beta": 95.0, "gamma": 103.0}),
        ("P21/c", {"a": 5.1, "b": 6.2, "c": 7.3, "beta": 95.0}),
        ("P63mc", {"a": 4.3, "c": 7.0}),
        ("R-3m:R", {"a": 5.5, "alpha": 57.0}),
        ("R-3m:H", {"a": 3.0, "c": 15.0}),
        ("Pnma", {"a": 10.3, "b": 6.0, "c": 4.7}),
        ("Fm-3m", {"a": 5.85}),
    ],
)
def test_the_cells_rule_gives_the_cell_for_any_free_parameters(group, cell):
    model = model_from_toml(toml(group, ", ".join(f"{k} = {v}" for k, v in cell.items())))
    phase = model_data(model, ANGLES, ["Cu"])["phases"][0]
    assert phase["cell_names"] == list(cell_names(space_group(group)))
    moved = {name: value * (1.0 + 0.01 * k) for k, (name, value) in enumerate(cell.items(), start=1)}
    expected = cell_from_free(space_group(group), moved)
    rule = [moved[entry] if isinstance(entry, str) else entry for entry in phase["cell"]]
    assert rule == pytest.approx([getattr(expected, name) for name in PARAMETERS])


@pytest.mark.parametrize("source", ["cu2se", "lab6", "cdse-wurtzite"])
@pytest.mark.parametrize("last", [60.0, 150.0])
def test_the_page_knows_every_line_that_the_engine_counts(source, last):
    model = xf.load_model(source)
    angles = np.arange(10.0, last, 0.5)
    phase = model_data(model, angles, sorted({s.element for s in model.phases[0].structure.sites}))["phases"][0]
    hkl = np.frombuffer(b64decode(phase["hkl"]), "<i2").reshape(-1, 3)
    for wavelength in (phase["least_wavelength"], 0.7, 1.5406, 2.5):
        ray = replace(model, instrument=replace(model.instrument, radiation=wavelength))
        table = ray.bind(angles, "bragg").engines[0].table.reflections.hkl
        assert np.array_equal(hkl[: len(table)], table)


def test_a_model_of_a_shorter_wavelength_than_the_slider_goes_has_its_lines():
    model = xf.load_model("si")
    model = replace(model, instrument=replace(model.instrument, radiation=0.25))
    phase = model_data(model, ANGLES, ["Si"])["phases"][0]
    table = model.bind(ANGLES, "bragg").engines[0].table.reflections.hkl
    assert len(np.frombuffer(b64decode(phase["hkl"]), "<i2")) >= 3 * len(table)


def test_anomalous_terms_are_those_of_each_wavelength():
    table = wavelength_table(["Cu"])
    assert table["count"] == len(wavelengths())
    pairs = np.frombuffer(b64decode(table["anomalous"]["Cu"]), "<f4").reshape(-1, 2)
    for i in (0, 196, 230, 419):  # 196: the K edge, 1.38 Å, where they jump
        wavelength = table["first"] + i * table["step"]
        assert complex(*pairs[i]) == pytest.approx(anomalous("Cu", HC / wavelength), rel=1e-6)


def test_the_page_runs_its_own_script_and_asks_for_nothing():
    text = page_text([("si", xf.load_model("si"))], ANGLES)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")
    script = re.search(r"<script>(.*)</script>", text, re.S)
    assert script is not None
    digest = b64encode(sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy[1]
    outside = text.replace(script[1], "")
    assert re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?!data:|[\"'])\S+", outside) == []
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|WebSocket|sendBeacon|importScripts|eval)\s*\(", script[1])


def test_the_data_cannot_end_the_script_and_say_what_was_asked_for():
    hostile = replace(xf.load_model("si"), name="</script><script>alert(1)</script>")
    text = page_text([("x", hostile)], ANGLES)
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert data is not None
    assert json.loads(data[1])["models"][0]["name"] == hostile.name
    assert text.count("<script") == 2


def test_models_that_lie_on_anothers_sites_become_its_states():
    models = [(name, xf.load_model(name)) for name in ("cu2se-2nm", "cu2se", "si")]
    data = page_data(models, ANGLES)
    assert [model["name"] for model in data["models"]] == ["cu2se", "si"]
    titles = [state["title"] for state in data["models"][0]["states"]]
    assert titles[0] == "cu2se-2nm"
    assert data["models"][1]["states"] == []
    # the article's 2 nm pattern is there already, in table 2 and as the last of table 4
    assert [s["group"] for s in data["models"][0]["states"]].count("fig. 4b") == 2


@pytest.mark.parametrize(
    ("range_", "says"),
    [((30.0, 20.0, 0.1), "START < STOP"), ((10.0, 90.0, 0.0), "STEP"), ((10.0, 90.0, 1e-4), "points"),
     ((0.0, 90.0, 0.1), "0 < START"), ((10.0, float("nan"), 0.1), "START < STOP")],
)  # fmt: skip
def test_angles_that_are_no_grid_are_refused(range_, says):
    with pytest.raises(InputError, match=says):
        grid(*range_)


def test_the_grid_holds_its_end():
    assert grid(15.0, 90.0, 0.05)[[0, -1]].tolist() == [15.0, 90.0]
    assert len(grid(15.0, 90.0, 0.05)) == 1501


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        explore_page("si", path)
    assert path.read_text() == "mine"
    assert explore_page("si", path, two_theta=(20.0, 60.0, 0.2), force=True) == path
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_model_with_a_crowd_of_sites_or_a_crooked_tie_is_refused():
    sites = "".join(f'[[phase.site]]\nspecies = "O"\nxyz = [{0.01 * k:.2f}, 0.13, 0.37]\n' for k in range(61))
    with pytest.raises(InputError, match="61 sites"):
        model_data(
            model_from_toml(toml("P1", "a = 40, b = 41, c = 42, alpha = 90, beta = 90, gamma = 90", sites)),
            ANGLES,
            ["O"],
        )
    two = '[[phase.site]]\nspecies = "Cu"\nxyz = [0, 0, 0]\n[[phase.site]]\nspecies = "Se"\nxyz = [0.5, 0.5, 0.5]\n'
    crooked = model_from_toml(toml("Pm-3m", "a = 4.0", two, 'ties = ["b_Cu_1a = b_Se_1b * b_Se_1b"]'))
    with pytest.raises(InputError, match="not linear"):
        model_data(crooked, ANGLES, ["Cu", "Se"])


def test_platelets_are_refused():
    model = xf.load_model("cdse-wurtzite")
    plates = replace(model, phases=(replace(model.phases[0], broadening_axis=(0, 0, 1)),))
    with pytest.raises(InputError, match="the page draws spheres"):
        model_data(plates, ANGLES, ["Cd", "Se"])


def test_the_command_writes_the_page_and_says_where(tmp_path, capsys):
    path = tmp_path / "page.html"
    assert main(["explore", "si", "-o", str(path), "--two-theta", "20", "60", "0.2"]) == 0
    assert str(path) in capsys.readouterr().out
    assert path.stat().st_size < 1_500_000
    assert main(["explore", "si", "-o", str(path)]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["explore", "nonsense", "-o", str(tmp_path / "other.html")]) == 2
    assert not (tmp_path / "other.html").exists()
