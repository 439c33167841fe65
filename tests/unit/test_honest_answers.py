"""Cases in which the only right answer is that there is none, or a warning."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.cli import main
from xrdfit.crystal.cif import read_cif
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.model.ties import parse_tie

SCANS = Path(__file__).parents[2] / "data" / "scans"
TWO_THETA = np.arange(1251) * 0.04 + 15.0
NIO = """data_NiO
_space_group_name_H-M_alt 'F m -3 m'
_cell_length_a 4.177
_cell_length_b 4.177
_cell_length_c 4.177
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Ni1 Ni {x} 0 0
O1 O 0.5 0.5 0.5
"""


def test_a_scan_that_shows_nothing_has_no_answer():
    scan = xf.make_pattern(TWO_THETA, np.full(len(TWO_THETA), 7.0))
    result = xf.fit(xf.load_model("cu2se-2nm"), scan, engine="bragg")
    assert not result.success
    assert "shows nothing" in result.message


def test_one_site_and_a_scale_are_singular():
    rows = [{"species": "Cu", "wyckoff": "4a", "xyz": (0, 0, 0)}]
    structure = Structure.from_sites("Cu", space_group("Fm-3m"), Cell(3.61, 3.61, 3.61, 90, 90, 90), rows)
    phase = xf.Phase("cu", structure, size_nm=10.0, vary=("occ_Cu_4a",))
    model = xf.PowderModel("cu", (phase,), xf.Instrument(radiation="cu-ka"))
    pattern = xf.simulate(model, TWO_THETA + 20)
    result = xf.fit(
        model, xf.make_pattern(TWO_THETA + 20, np.round(pattern / pattern.max() * 5000 + 300)), engine="bragg"
    )
    assert not result.success
    assert "occ_Cu_4a" in result.message
    assert result["occ_Cu_4a"].lower is None


@pytest.mark.parametrize("x", ["abc", "nan", "1e999"])
def test_a_coordinate_that_is_no_number_is_refused(x):
    with pytest.raises(xf.InputError, match="Ni1"):
        read_cif(NIO.format(x=x))


def test_an_unknown_coordinate_leaves_the_atom_out_and_says_so():
    structure = read_cif(NIO.format(x="?"))
    assert [s.element for s in structure.sites] == ["O"]
    assert any("Ni1" in note for note in structure.notes)


def test_a_tie_on_what_is_solved_for_is_refused():
    model = xf.load_model("cu2se-2nm")
    with pytest.raises(xf.InputError, match="scale"):
        xf.PowderModel(model.name, model.phases, ties=(parse_tie("a = 2 * scale"),)).rows("bragg")


@pytest.mark.parametrize("text", ["t = b*c/(b + c)", "t = b*b/c"])
def test_homogeneous_is_not_affine(text):
    assert parse_tie(text).affine() is None


def test_a_start_for_what_follows_a_tie_is_refused():
    model, scan = xf.load_model("cu2se-2nm"), xf.read_pattern(str(SCANS) + "/cu2se-2nm.xy")
    tied = replace(model, ties=(parse_tie("b_Cu_4b = b_Cu_8c"),))
    with pytest.raises(xf.InputError, match="follows a tie"):
        xf.fit(tied, scan, engine="bragg", start={"b_Cu_4b": 1.0})


def test_a_model_that_does_not_describe_the_scan_is_not_passed_over():
    """Bragg lines against the exact pattern's scan the other way round: a negative B, a negative background."""
    scan = xf.read_pattern(str(SCANS) + "/cu2se-2nm.xy")
    said = " ".join(xf.fit(xf.load_model("cu2se-2nm"), scan, engine="debye", vary="b_overall").warnings)
    assert "b_overall is negative" in said
    assert "background is negative" in said
    assert "does not describe the scan" in said


@pytest.mark.slow
def test_intervals_of_all_that_varies_do_not_lose_a_fit():
    """Freeing every B is singular: what the scan does not determine is named and has no interval, the rest has one."""
    scan = xf.read_pattern(str(SCANS) + "/cu2se-2nm.xy")
    result = xf.fit(xf.load_model("cu2se-2nm"), scan, engine="bragg", vary="b_*", fix="b_overall")
    assert not result.success
    named = set(result.message.partition("combinations of ")[2].partition(";")[0].split(", "))
    assert {"scale", "b_Cu_8c", "occ_Cu_24e"} <= named
    varied = {n: p for n, p in result.to_dict()["parameters"].items() if p["status"] == "varied"}
    assert {n for n, p in varied.items() if p["lower"] is None} == named
    assert {n for n, p in varied.items() if p["upper"] is None} == named
    for name in varied.keys() - named:
        p = varied[name]
        assert p["lower"] < p["value"] < p["upper"]
        assert (p["upper"] - p["lower"]) / 2 == pytest.approx(p["stderr"], rel=0.2), name


def test_calibrate_refuses_another_material(tmp_path, capsys):
    out = tmp_path / "instrument.toml"
    status = main(["calibrate", str(SCANS) + "/cu2se-2nm.xy", "--model", "lab6", "-o", str(out)])
    assert status == 1
    assert "does not look like" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("largest", [1e-300, 1e300])
def test_numbers_that_are_no_counts_are_refused(largest):
    with pytest.raises(xf.InputError, match="maximum"):
        xf.make_pattern(TWO_THETA, np.full(len(TWO_THETA), largest))
