"""Model and instrument files: exact round trips, and one line that names file and key for everything broken."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from xrdfit.crystal.radiation import Line, Radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import cell_from_free, space_group
from xrdfit.diffraction.background import Chebyshev
from xrdfit.errors import InputError
from xrdfit.model.files.read import (
    instrument_to_toml,
    load_instrument,
    load_model,
    load_models,
    model_from_toml,
    model_to_toml,
)
from xrdfit.model.instrument import Instrument
from xrdfit.model.phase import Phase
from xrdfit.model.powder import PowderModel
from xrdfit.model.ties import parse_tie

GOOD = """\
schema = 1
name = "pyrochlore"
title = "mixed anion site"
source = "made up for the test"
ties = ["occ_F_48f = 1 - occ_O_48f"]

[instrument]
radiation = "cu-ka1"
radius_mm = 240

[background]
order = 6

[[phase]]
name = "pyro"
space_group = "F d -3 m:2"
cell = { a = 10.4774 }
size_nm = 100
vary = ["occ_Rb_32e", "x_Rb_32e", "march_r"]
march_axis = [1, 1, 1]
packing = { Rb_32e = 4 }
min_distance = 1.9

[[phase.site]]
species = "Ta"
wyckoff = "16c"
xyz = [0, 0, 0]

[[phase.site]]
species = "Rb"
wyckoff = "32e"
xyz = [0.39606, 0.39606, 0.39606]
occupancy = 0.25

[[phase.site]]
species = "O"
wyckoff = "48f"
xyz = [0.3362, 0.125, 0.125]
occupancy = 0.8333
b_iso = 4.59

[[phase.site]]
species = "F"
wyckoff = "48f"
xyz = [0.3362, 0.125, 0.125]
occupancy = 0.1667
b_iso = 4.59
"""


def message(call, *args):
    with pytest.raises(InputError) as caught:
        call(*args)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 600
    return text


def test_every_key_arrives():
    model = model_from_toml(GOOD)
    (phase,) = model.phases
    assert model.instrument == Instrument(radiation="cu-ka1", radius_mm=240.0)
    assert model.background == (Chebyshev(6),)
    assert model.ties[0].target == "occ_F_48f"
    assert (phase.structure.name, phase.structure.source) == ("mixed anion site", "made up for the test")
    assert [site.label for site in phase.structure.sites] == ["Ta_16c", "Rb_32e", "O_48f", "F_48f"]
    assert phase.structure["F_48f"].shares == "O_48f"
    assert phase.structure["O_48f"].b_iso == 4.59
    assert (phase.march_axis, phase.packing, phase.min_distance) == ((1, 1, 1), (("Rb_32e", 4.0),), 1.9)
    assert {row.name for row in model.rows("bragg") if row.vary} >= {"occ_Rb_32e", "x_Rb_32e", "march_r"}


def test_round_trip_is_exact():
    model = model_from_toml(GOOD)
    assert model_from_toml(model_to_toml(model)) == model


def test_round_trip_of_awkward_values():
    third = 1.0 / 3.0
    group = space_group("P 63 m c")
    structure = Structure.from_sites(
        'quotes " back\\slash, \t tab, \n line, α, \x7f and \x01',
        group,
        cell_from_free(group, {"a": 4.299 + 1e-13, "c": np.nextafter(7.01, 8)}),
        [
            {"species": "Cd2+", "xyz": (third, 2 * third, 0.0), "occupancy": 1 - 1e-12, "b_iso": 1e-7},
            {"species": "Se", "xyz": (third, 2 * third, 0.376123456789012)},
        ],
    )
    rays = Radiation("two lines", (Line(1.5405929, 0.667), Line(1.544427, 0.333)))
    phase = Phase("a_b", structure, size_nm=1 / 3, size_sigma=0.1, microstrain=1e-5, mixing=0.0, shape="sphere")
    phase = replace(phase, size_nm=4 / 3)
    instrument = Instrument(radiation=rays, displacement_mm=-0.0787, W=1e-4, S_L=0.02, slits="automatic", film=True)
    ties = (parse_tie("b_Se_2b = 2 × b_Cd_2b"),)
    model = PowderModel("x", (phase, replace(phase, name="c")), instrument, (Chebyshev(0),), notes=("a note",))
    assert model_from_toml(model_to_toml(model)) == model
    alone = PowderModel("x", (phase,), ties=ties)
    assert model_from_toml(model_to_toml(alone)) == alone


def test_a_fitted_model_survives_writing():
    model = load_model("cu2se-2nm").with_values({"occ_Cu_8c": 0.31234567890123, "a": 5.8512345, "size_nm": 2.1})
    assert model_from_toml(model_to_toml(model)) == model


BROKEN = [
    ("schema = 1", "schema = 2", r"^f\.toml: schema: 2 input should be 1"),
    ("schema = 1\n", "", r"^f\.toml: schema: lacking"),
    ('name = "pyrochlore"', 'name = "x"\ncolour = "red"', r"^f\.toml: colour: unknown key"),
    ("order = 6", 'order = "6"', r"^f\.toml: background\.order: '6': a whole number or 'range' is needed"),
    ("order = 6", "order = 6.5", r"^f\.toml: background\.order"),
    ("radius_mm = 240", "radius = 240", r"^f\.toml: instrument\.radius: unknown key"),
    ('"cu-ka1"', '"unobtainium"', r"^f\.toml: instrument\.radiation: radiation 'unobtainium'"),
    (
        "occupancy = 0.25",
        "occupancy = 1.25",
        r"^f\.toml: phase\[0\]\.site\[1\]\.occupancy: 1\.25 .*less than or equal to 1",
    ),
    ("occupancy = 0.25", "occupancy = nan", r"^f\.toml: phase\[0\]\.site\[1\]\.occupancy: nan"),
    ("occupancy = 0.25", "ocupancy = 0.25", r"^f\.toml: phase\[0\]\.site\[1\]\.ocupancy: unknown key"),
    ('wyckoff = "32e"', 'wyckoff = "16d"', r"^f\.toml: phase\[0\]\.site\[1\]: .*16d.*it is 32e"),
    ('species = "Rb"', 'species = "Xx"', r"^f\.toml: phase\[0\]\.site\[1\]: .*Xx"),
    ("[0, 0, 0]", "[0, 0]", r"^f\.toml: phase\[0\]\.site\[0\]\.xyz"),
    ("occupancy = 0.1667", "occupancy = 0.5", r"^f\.toml: phase\[0\]\.site: .*O_48f.*at most 1"),
    ('"F d -3 m:2"', '"F d -3 q"', r"^f\.toml: phase\[0\]\.space_group: .*nearest"),
    ("{ a = 10.4774 }", "{ a = -1 }", r"^f\.toml: phase\[0\]\.cell\.a: -1 "),
    ("{ a = 10.4774 }", "{ a = 10.4774, b = 11 }", r"^f\.toml: phase\[0\]\.cell\.b: 11 does not fit"),
    ('"march_r"]', '"size_nn"]', r"^f\.toml: phase\[0\]\.vary: .*'size_nn'.*size_nm"),
    ("[1, 1, 1]", "[0, 0, 0]", r"^f\.toml: phase\[0\]\.march_axis: .*no direction"),
    ("{ Rb_32e = 4 }", "{ Rb_8a = 4 }", r"^f\.toml: phase\[0\]\.packing: 'Rb_8a' is no site; .*Rb_32e"),
    ('name = "pyro"', 'name = "two__parts"', r"^f\.toml: phase\[0\]\.name: 'two__parts'"),
    ("1 - occ_O_48f", "1 - __import__('os')", r"^f\.toml: ties\[0\]: .*cannot be read"),
    ("1 - occ_O_48f", "1 - occ_O_48g", r"^f\.toml: ties: .*occ_O_48g.*no parameter"),
    ("schema = 1", "schema = = 1", r"^f\.toml: not TOML: .*line 1"),
    ("schema = 1", "schema = " + 5000 * "[", r"^f\.toml: not TOML"),
]


@pytest.mark.parametrize(("old", "new", "expected"), BROKEN, ids=[new[:30] for _, new, _ in BROKEN])
def test_broken_files_name_file_and_key(old, new, expected):
    assert old in GOOD
    with pytest.raises(InputError, match=expected) as caught:
        model_from_toml(GOOD.replace(old, new, 1), "f.toml")
    assert "\n" not in str(caught.value)


def test_paths_of_all_kinds(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_model(path) == load_model(str(path)) == model_from_toml(GOOD)
    assert "no such file" in message(load_model, tmp_path / "none.toml")
    assert "did you mean cu2se" in message(load_model, "cu2sse")
    odd = tmp_path / "model.txt"
    odd.write_text(GOOD, encoding="utf-8")
    assert "ends in '.txt'" in message(load_model, odd)
    path.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in message(load_model, path)
    path.write_text("#" * 1_000_001, encoding="utf-8")
    assert "at most 1000000" in message(load_model, path)
    assert str(tmp_path) in message(load_model, tmp_path / "none.cif")


def test_model_passes_through():
    model = load_model("cu2se")
    assert load_model(model) is model


def test_a_cif_has_nothing_free_and_is_named_after_its_file(tmp_path):
    from xrdfit.crystal.cifwriter import write_cif

    path = tmp_path / "2nd try--of__Cu2Se.cif"
    write_cif(load_model("cu2se-6nm").phases[0].structure, path)
    (phase,) = load_model(path).phases
    assert phase.name == "phase_2nd_try_of_Cu2Se"
    assert phase.vary == ()
    assert phase.size_nm == 30.0
    assert phase.structure["Cu_32f"].occupancy == pytest.approx(0.1575)
    again = load_model([path, path])
    assert [p.name for p in again.phases] == ["phase_2nd_try_of_Cu2Se", "phase_2nd_try_of_Cu2Se_2"]


def test_several_models_become_one_with_names_and_ties_kept_apart():
    tied = model_from_toml(GOOD)
    merged = load_models([tied, "cu2se-2nm", tied])
    assert [phase.name for phase in merged.phases] == ["pyro", "cu2se", "pyro_2"]
    assert [tie.text for tie in merged.ties] == [
        "pyro__occ_F_48f = 1 - pyro__occ_O_48f",
        "pyro_2__occ_F_48f = 1 - pyro_2__occ_O_48f",
    ]
    assert merged.instrument.radiation == "cu-ka1"
    assert merged.background == (Chebyshev(6),)
    assert "radiation = cu-ka1 of the first model that states it is used, not cu-ka" in merged.notes
    assert merged.rows("bragg")
    assert model_from_toml(model_to_toml(merged)) == merged
    twice = load_models([merged, merged])  # prefixes of a model of several phases move too
    assert twice.ties[2].text == "pyro_3__occ_F_48f = 1 - pyro_3__occ_O_48f"
    assert len({phase.name for phase in twice.phases}) == 6


def test_no_models_is_an_error():
    assert "at least one" in message(load_models, [])


def test_instrument_files(tmp_path):
    instrument = Instrument(
        radiation=1.5406, radius_mm=217.5, monochromator_deg=26.6, U=0.01, V=-0.004, W=0.003, S_L=0.02
    )
    path = tmp_path / "instrument.toml"
    path.write_text(instrument_to_toml(instrument, "fit to SRM 660c"), encoding="utf-8")
    assert load_instrument(path) == instrument
    path.write_text(instrument_to_toml(Instrument()), encoding="utf-8")
    assert load_instrument(path) == Instrument()
    path.write_text("schema = 1\n[instrument]\nW = -1", encoding="utf-8")
    assert f"{path}: instrument.W: -1 " in message(load_instrument, path)
    path.write_text(
        'schema = 1\n[instrument.radiation]\nname = "x"\nlines = [{ wavelength = 1.54, weight = 0.4 }]',
        encoding="utf-8",
    )
    assert "instrument.radiation: the weights of its lines sum to 0.4" in message(load_instrument, path)


def test_pydantic_is_imported_only_to_read_a_file():
    code = (
        "import sys, xrdfit.model.files.read as m\n"
        "from xrdfit.model.phase import Phase; from xrdfit.model.powder import PowderModel\n"
        "from xrdfit.crystal.structure import Structure\n"
        "from xrdfit.crystal.symmetry import cell_from_free, space_group\n"
        "g = space_group('Fm-3m')\n"
        "s = Structure.from_sites('s', g, cell_from_free(g, {'a': 4.0}), [{'species': 'Cu', 'xyz': (0, 0, 0)}])\n"
        "m.model_to_toml(m.load_model(PowderModel('x', (Phase('p', s),))))\n"
        "assert 'pydantic' not in sys.modules\n"
        "m.load_model('cu2se')\n"
        "assert 'pydantic' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
