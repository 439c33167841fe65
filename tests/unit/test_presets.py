"""Presets: every one loads, says where it comes from, and gives the line intensities that something else computed."""

from __future__ import annotations

import re
import tomllib

import pytest

from xrdfit.crystal.radiation import radiation
from xrdfit.diffraction.bragg.reflection_table import reflection_table
from xrdfit.errors import InputError
from xrdfit.model.files.presets import data_path, preset_names, preset_text
from xrdfit.model.files.read import load_model, model_from_toml, model_to_toml

ARTICLE = {"cu2se-2nm": 7.968, "cu2se-4nm": 8.0, "cu2se-6nm": 8.0}


def test_the_promised_presets_are_there():
    assert {"cu2se", *ARTICLE, "cdse-wurtzite", "cdse-zincblende", "cdte-zincblende"} <= set(preset_names())
    assert {"cu2o", "caf2", "lab6", "si", "cu2se-high-temperature-gulay"} <= set(preset_names())
    assert not [name for name in preset_names() if re.search("alpha|beta", name)]


@pytest.mark.parametrize("name", preset_names())
def test_preset_loads_cites_and_survives_writing(name):
    model = load_model(name)
    assert model.name == name
    assert len(model.phases[0].structure.source) > 20
    assert not model.notes  # every position was given exactly
    assert model_from_toml(model_to_toml(model)) == model
    assert model.parameters("bragg")
    assert model.parameters("debye")


@pytest.mark.parametrize("name", preset_names())
def test_line_intensities_of_an_independent_computation(name):
    check = tomllib.loads(preset_text(name))["check"]
    model = load_model(name)
    phase = model.phases[0]
    table = reflection_table(
        phase.structure,
        radiation(check["radiation"]),
        tuple(check["two_theta"]),
        phase.settings(model.instrument, anomalous=True),
        {"b_overall": phase.b_overall},
    )
    found = dict(zip(map(tuple, table.hkl.tolist()), table.intensity, strict=True))
    assert len(check["line"]) >= 3
    for line in check["line"]:
        assert found[tuple(line["hkl"])] == pytest.approx(line["intensity"], abs=check["tolerance"])


@pytest.mark.parametrize(("name", "copper"), ARTICLE.items())
def test_article_presets_hold_what_was_published(name, copper):
    model = load_model(name)
    (phase,) = model.phases
    assert phase.structure.cell.a == 5.85
    assert phase.structure.composition() == pytest.approx({"Se": 4.0, "Cu": copper})
    assert phase.size_nm == float(name[6])
    assert (phase.b_overall, *(site.b_iso for site in phase.structure.sites)) == (0.0,) * (
        1 + len(phase.structure.sites)
    )
    varied = {row.name for row in model.rows("bragg", 3) if row.vary}
    copper_sites = {f"occ_{site.label}" for site in phase.structure.sites if site.element == "Cu"}
    assert varied == {"scale", "a", "size_nm", "mixing", "bkg_0", "bkg_1", "bkg_2", "bkg_3"} | copper_sites


def test_six_nanometres_fill_each_void_once():
    rule = load_model("cu2se-6nm").phases[0].packing_rule("")
    occupancies = {"occ_Cu_8c": 0.37, "occ_Cu_32f": 0.1575}
    assert sum(rule.coefficients[k] * v for k, v in occupancies.items()) == pytest.approx(1.0)


def test_the_model_of_all_five_sites():
    (phase,) = load_model("cu2se").phases
    assert [site.label for site in phase.structure.sites] == ["Se_4a", "Cu_8c", "Cu_32f", "Cu_4b", "Cu_24e"]
    assert phase.structure.composition()["Cu"] == pytest.approx(8.0)
    assert phase.structure["Cu_32f"].xyz[0] == 0.34
    assert phase.structure["Cu_24e"].xyz[0] == 0.25
    assert "b_overall" in phase.vary
    packing = phase.packing_rule("").coefficients
    assert packing == {"occ_Cu_8c": 1.0, "occ_Cu_32f": 4.0}


def test_unknown_preset_names_the_near_ones():
    with pytest.raises(
        InputError, match=r"'cu2se-3nm': unknown; did you mean .*cu2se-.nm.*Presets are .*lab6"
    ) as caught:
        preset_text("cu2se-3nm")
    assert "\n" not in str(caught.value)


def test_missing_data_file_is_one_line():
    with pytest.raises(InputError, match=r"article/none\.csv"):
        data_path("article", "none.csv")


def test_data_inside_an_installed_package_come_first(tmp_path, monkeypatch):
    import xrdfit.model.files.presets as presets

    package = tmp_path / "xrdfit"
    (package / "_data" / "presets").mkdir(parents=True)
    (package / "_data" / "presets" / "only.toml").write_text("schema = 1")
    monkeypatch.setattr(presets, "_PACKAGE", package)
    assert preset_names() == ("only",)
