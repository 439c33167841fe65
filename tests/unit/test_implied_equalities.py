"""Antisites in a perovskite: totals of two elements on two full mixed sites leave one degree of freedom, no bound."""

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.scan import make_pattern

CIF = """data_antisite
_cell_length_a 3.8
_cell_length_b 3.8
_cell_length_c 3.8
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_B_iso_or_equiv
Al1 Al 0 0 0 {0} 0.3
Ga1 Ga 0 0 0 {1} 0.3
Al2 Al 0.5 0.5 0.5 {1} 0.3
Ga2 Ga 0.5 0.5 0.5 {0} 0.3
O1 O 0.5 0.5 0 1 0.4
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("antisite") / "antisite.cif"
    path.write_text(CIF.format(0.667, 0.333))
    return xf.load_model(path)


@pytest.fixture(scope="module")
def result(model):
    """The truth is 0.8 of aluminium on its own site."""
    angles = np.arange(20.0, 120.0, 0.05)
    values = {"occ_Al_1a": 0.8, "occ_Ga_1a": 0.2, "occ_Al_1b": 0.2, "occ_Ga_1b": 0.8}
    pattern = xf.simulate(model, angles, values=values)
    counts = np.random.default_rng(4).poisson(5000.0 * pattern / pattern.max() + 100.0).astype(float)
    scan = make_pattern(angles, counts, np.sqrt(np.maximum(counts, 1.0)), file="antisite")
    return xf.fit(model, scan, engine="bragg", total={"Al": 1.0, "Ga": 1.0}, vary=["occ_Al*", "occ_Ga*"])


def test_one_occupancy_varies_and_three_follow(result):
    status = [result[f"occ_{s}"].status for s in ("Al_1a", "Ga_1a", "Al_1b", "Ga_1b")]
    assert sorted(status) == ["derived", "derived", "derived", "varied"]
    errors = [result[f"occ_{s}"].stderr for s in ("Al_1a", "Ga_1a", "Al_1b", "Ga_1b")]
    assert np.ptp(errors) < 1e-9
    assert abs(result["occ_Al_1a"].value - 0.8) < 4.0 * errors[0]
    assert errors[0] < 0.02


def test_the_error_is_that_of_the_curvature(result):
    lower, upper = result.interval("occ_Al_1a")
    assert (upper - lower) / 2 == pytest.approx(result["occ_Al_1a"].stderr, rel=0.1)


def test_nothing_is_said_of_bounds_or_of_what_is_told_apart(result):
    about = [w for w in result.warnings if "occ_" in w and ("bound" in w or "apart" in w)]
    assert about == []


def test_identify_has_one_combination(result):
    from xrdfit.inference.questions.identify import identify_result

    assert len(identify_result(result).combinations) == 1


def test_totals_that_were_rounded_are_said_to_be(model, result):
    rounded = xf.fit(model, result.scan, engine="bragg", total={"Al": 1.0, "Ga": 0.999}, vary=["occ_Al*", "occ_Ga*"])
    assert any("rounding" in w for w in rounded.warnings)
    assert rounded["occ_Al_1a"].stderr == pytest.approx(result["occ_Al_1a"].stderr, rel=0.05)
