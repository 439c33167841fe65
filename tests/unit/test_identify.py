"""What a scan can tell: eigenvectors against simulation, degenerate pairs named, rivals found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from inference_cases import scan_of

import xrdfit as xf
from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.structure import Structure
from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.inference.questions.combinations import combinations_of
from xrdfit.inference.questions.design import _excluded, design
from xrdfit.inference.questions.identify import identify_result, planned_result


def twin_model():
    """Two 32f sites, at x = 0.34 and 0.343."""
    model = xf.load_model("cu2se-6nm")
    phase = model.phases[0]
    rows = [
        {"species": "Se", "xyz": (0.0, 0.0, 0.0), "occupancy": 1.0},
        {"species": "Cu", "xyz": (0.25, 0.25, 0.25), "occupancy": 0.4},
        {"species": "Cu", "xyz": (0.34, 0.34, 0.34), "occupancy": 0.08},
        {"species": "Cu", "xyz": (0.343, 0.343, 0.343), "occupancy": 0.08},
    ]
    structure = Structure.from_sites("twins", phase.structure.group, phase.structure.cell, rows)
    vary = ("occ_Cu_8c", "occ_Cu_32f", "occ_Cu_32f_2")
    return replace(model, name="twins", phases=(replace(phase, structure=structure, vary=vary, packing=()),))


def test_two_sites_at_nearly_one_place_are_named_as_a_degenerate_pair():
    model = twin_model()
    found = xf.identify(model, scan_of(model, 1), engine="bragg")
    assert [(p.first, p.second) for p in found.degenerate] == [("occ_Cu_32f", "occ_Cu_32f_2")]
    (pair,) = found.degenerate
    assert pair.correlation < -0.99
    assert pair.sum_relative < 0.1 * pair.split_relative
    assert any("Cu_32f and Cu_32f_2 are a degenerate pair" in line for line in found.summary)
    worst = found.combinations[-1]
    assert worst.coefficients == {"occ_Cu_32f": 1.0, "occ_Cu_32f_2": -1.0}


def test_distinct_sites_are_no_degenerate_pair():
    model = xf.load_model("cu2se-2nm")
    assert xf.identify(model, scan_of(model, 1), engine="bragg").degenerate == ()


def test_an_identical_site_leaves_its_combination_undetermined():
    model = twin_model()
    phase = model.phases[0]
    sites = phase.structure.sites
    same = replace(sites[3], xyz=sites[2].xyz)
    structure = replace(phase.structure, sites=(*sites[:3], same))
    found = xf.identify(replace(model, phases=(replace(phase, structure=structure),)), xf.Plan(), engine="bragg")
    assert not found.combinations[-1].determined
    assert "not determined" in found.summary[len(found.combinations) - 1]


@pytest.mark.slow
def test_errors_of_combinations_are_those_of_repeated_scans():
    model = xf.load_model("cu2se-2nm")
    found = xf.identify(model, xf.Plan(), engine="bragg")
    fits = [xf.fit(model, scan_of(model, seed), engine="bragg") for seed in range(100, 160)]
    for c in found.combinations:
        values = [sum(f * r[n].value for n, f in c.coefficients.items()) for r in fits]
        # 60 scans know a standard deviation to 9 %
        assert np.std(values, ddof=1) == pytest.approx(c.stderr, rel=0.3)
        assert np.mean(values) == pytest.approx(c.value, abs=4 * c.stderr / 60**0.5)


def test_information_is_the_inverse_of_the_fit_s_covariance():
    model = xf.load_model("cu2se-2nm")
    result = xf.fit(model, scan_of(model, 1), engine="bragg")
    found = identify_result(result)
    names = list(found.occupancies)
    weights = np.array([8.0, 4.0, 24.0])
    rows = [result.covariance_names.index(n) for n in names]
    covariance = result.covariance[np.ix_(rows, rows)] * np.outer(weights, weights)
    ours = found.basis @ np.linalg.inv(found.information) @ found.basis.T
    assert ours == pytest.approx(covariance, rel=1e-4, abs=1e-6 * np.abs(covariance).max())


def test_under_a_total_one_combination_fewer_is_open():
    model = xf.load_model("cu2se-2nm")
    found = xf.identify(model, scan_of(model, 1), engine="bragg", total={"Cu": 8})
    assert len(found.combinations) == 2


def test_combinations_are_written_with_small_integers():
    # the number of atoms is known well, the difference of two sites badly
    basis = np.eye(2)
    total = np.array([1.0, 1.0]) / np.sqrt(2)
    rest = np.array([1.0, -1.0]) / np.sqrt(2)
    information = 1e4 * np.outer(total, total) + 4.0 * np.outer(rest, rest)
    atoms, occupancies = {"occ_Cu_8c": 8, "occ_Cu_24e": 24}, {"occ_Cu_8c": 0.3, "occ_Cu_24e": 0.2}
    good, bad = combinations_of(information, basis, atoms, occupancies)
    assert good.text == "8c + 3·24e"
    assert good.stderr == pytest.approx(0.01 * np.sqrt(2) / 8)
    assert good.relative == pytest.approx(good.stderr / 0.9)
    assert bad.text == "8c − 3·24e"
    assert bad.stderr == pytest.approx(0.5 * np.sqrt(2) / 8)


def test_a_second_minimum_is_reported_and_the_fit_says_so():
    model = xf.load_model("cu2se")
    scan = scan_of(model, 1)
    found = xf.identify(model, scan, engine="bragg")
    (rival,) = found.rivals
    assert rival.delta_chi2 < 9.0
    assert abs(rival.occupancies["occ_Cu_8c"] - found.occupancies["occ_Cu_8c"]) > 0.02
    # an independent fit from there stays there
    held = xf.fit(model, scan, engine="bragg", fix={"b_overall": rival.others["b_overall"]}, start=rival.occupancies)
    assert held["occ_Cu_8c"].value == pytest.approx(rival.occupancies["occ_Cu_8c"], abs=5e-3)
    assert held.statistics.chi2 - found.result.statistics.chi2 == pytest.approx(rival.delta_chi2, abs=1.0)
    assert any("several answers" in w for w in found.result.warnings)


def test_time_scales_with_the_square_of_the_error():
    model = xf.load_model("cu2se-2nm")
    result = xf.identify(model, xf.Plan(), engine="bragg").result
    stderr = result["occ_Cu_4b"].stderr
    rows = design(result, "occ_Cu_4b", stderr / 2)
    assert rows[0].time_in_all == pytest.approx(4.0, rel=0.01)
    assert any(r.two_theta[1] > 65 and r.stderr < stderr for r in rows)
    longer = xf.identify(model, xf.Plan(counts=20000, background=1200), engine="bragg").result
    assert longer["occ_Cu_4b"].stderr == pytest.approx(stderr / 2, rel=0.01)
    assert design(result, "occ_Cu_4b", stderr / 2, systematic=stderr)[0].time_in_all == np.inf


@pytest.mark.parametrize("plan", [{"two_theta": (65, 15, 0.04)}, {"counts": -1}, {"two_theta": (15, 65, 40)}])
def test_an_impossible_plan_is_refused(plan):
    with pytest.raises(InputError, match="plan"):
        xf.Plan(**plan)


def test_a_model_of_which_no_occupancy_varies_is_refused():
    with pytest.raises(InputError, match="no occupancy"):
        xf.identify(xf.load_model("cu2se-2nm"), xf.Plan(), engine="bragg", fix=["occ_*"])


@pytest.fixture(scope="module")
def misfitted():
    """A Bragg fit to a Debye scan of so many counts that it misses more than counting does."""
    model = xf.load_model("cu2se-2nm")
    scan = scan_of(model, 1, counts=4000, background=300, engine="debye")
    return xf.fit(model, scan, engine="bragg", exclude=[(40.0, 50.0)])


def test_design_keeps_exclusions_and_misfit(misfitted):
    quality = misfitted.statistics.goodness_of_fit
    assert 1.2 < quality < 2.0
    now = misfitted["occ_Cu_4b"].stderr
    present = design(misfitted, "occ_Cu_4b", 0.99 * now)[0]
    assert present.stderr == pytest.approx(now, rel=0.05)
    assert present.misfit == pytest.approx(now * np.sqrt(1.0 - quality**-2), rel=0.05)
    # an error below what misfit makes is out of reach, and just above it in reach only slowly
    assert design(misfitted, "occ_Cu_4b", 0.99 * present.misfit)[0].time_in_all == np.inf
    near = design(misfitted, "occ_Cu_4b", 1.1 * present.misfit)[0]
    counting2 = present.stderr**2 - present.misfit**2
    assert near.time_a_step == pytest.approx(counting2 / (0.21 * present.misfit**2), rel=1e-6)
    assert present.time_in_all == pytest.approx(present.time_a_step)


def test_excluded_ranges_follow_the_wavelength(misfitted):
    plan = xf.Plan(radiation="mo-ka")
    ((low, high),) = _excluded(misfitted, plan)
    mo, cu = radiation("mo-ka").wavelength, misfitted.model.radiation().wavelength
    assert np.sin(np.radians(low / 2)) / mo == pytest.approx(np.sin(np.radians(20.0)) / cu)
    assert np.sin(np.radians(high / 2)) / mo == pytest.approx(np.sin(np.radians(25.0)) / cu)


def test_design_refuses_a_fit_that_is_wrong():
    model = xf.load_model("cu2se-2nm")
    result = xf.fit(model, scan_of(model, 1, counts=50000, engine="debye"), engine="bragg")
    with pytest.raises(InputError, match="goodness of fit"):
        design(result, "occ_Cu_4b", 0.01)


@pytest.mark.parametrize(
    "choices",
    [
        {"engine": "debye"},
        {"engine": "auto"},
        {"total": {"Cu": 6.0}},
        {"fix": {"a": 5.9}},
        {"fix": {"scale": 1.0, "bkg_1": 0.0}},
        {"anomalous_table": "cromer-liberman"},
        {"vary": ["S_L"], "monochromator_deg": 26.6},
    ],
)
def test_a_planned_scan_is_the_exact_pattern_of_the_problem_as_posed(choices):
    model = xf.load_model("cu2se-2nm")
    result = planned_result(model, xf.Plan(), FitOptions(**choices))
    assert result.statistics.chi2 < 1e-12
    assert result.pattern["calculated"].values == pytest.approx(result.scan["counts"].values)
    height = result.pattern["calculated"] - result.pattern["background"]
    assert height.max() == pytest.approx(5000.0, rel=0.02)
    assert result["a"].value == pytest.approx(choices.get("fix", {}).get("a", model.phases[0].structure.cell.a))


def test_errors_of_a_plan_do_not_depend_on_a_cell_that_is_held_elsewhere():
    """Held a little off the model's own cell, the scan is computed there too, and nothing is misfitted."""
    model = xf.load_model("cu2se-2nm")
    a = model.phases[0].structure.cell.a
    here, there = (xf.identify(model, xf.Plan(), engine="bragg", fix={"a": a * k}) for k in (1.0, 1.01))
    for name, stderr in here.stderr.items():
        assert there.stderr[name] == pytest.approx(stderr, rel=0.1)


def test_time_does_not_depend_on_the_unit_of_the_intensity():
    model = xf.load_model("cu2se-2nm")
    scan = scan_of(model, 1)
    rate = xf.make_pattern(scan["two_theta"].values, scan["counts"].values / 20.0, scan["sigma"].values / 20.0)
    counts, rates = (design(xf.fit(model, s, engine="bragg"), "occ_Cu_4b", 0.0003) for s in (scan, rate))
    assert rates[0].stderr == pytest.approx(counts[0].stderr, rel=0.03)
    assert rates[0].time_a_step == pytest.approx(counts[0].time_a_step, rel=0.06)


def test_a_scan_without_information_leaves_every_combination_open():
    (first, second) = combinations_of(
        np.zeros((2, 2)),
        np.eye(2),
        {"occ_Cu_8c": 8, "occ_Cu_4b": 4},
        {
            "occ_Cu_8c": 0.5,
            "occ_Cu_4b": 0.5,
        },
    )
    assert min(first.relative, second.relative) > 1e6


def test_a_well_determined_combination_of_odd_numbers_stays_so():
    """Rounded to two digits, the coefficients would mix in the direction that is open."""
    atoms, values = {"occ_Ca_4a": 4, "occ_F_8c": 8}, {"occ_Ca_4a": 1.0, "occ_F_8c": 1.0}
    fixed = np.array([0.71234, -0.70183])
    fixed /= np.linalg.norm(fixed)
    open_ = np.array([fixed[1], -fixed[0]])
    information = 1e4 * np.outer(fixed, fixed) + 1e-8 * np.outer(open_, open_)
    first, second = combinations_of(information, np.eye(2), atoms, values)
    assert first.determined
    assert first.stderr == pytest.approx(0.01 * first.coefficients["occ_Ca_4a"] / 4 / abs(fixed[0]), rel=0.01)
    assert not second.determined
