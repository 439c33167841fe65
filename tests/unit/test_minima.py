"""Minima over the occupancies from many points: the small problem is the whole one, and mirror answers are met."""

from __future__ import annotations

import numpy as np
import pytest
from inference_cases import scan_of
from scipy.special import erf

import xrdfit as xf
from xrdfit.fitting.minima import _Reduced, occupancy_minima
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.prepare import prepare
from xrdfit.model.files.read import load_models


def problem_of(names, engine="bragg", **choices):
    model = load_models(names)
    options = FitOptions(engine=engine, **choices)
    return prepare(model, scan_of(model, 1, engine=engine), options, engine).problem


@pytest.mark.parametrize(
    ("names", "engine", "choices"),
    [
        (["cu2se-2nm"], "bragg", {}),
        (["cu2se-2nm"], "debye", {}),
        (["cu2se"], "bragg", {"total": {"Cu": 8.0}}),
        (["cu2se-2nm"], "bragg", {"fix": {"scale": 0.8, "bkg_0": 290.0}}),
        (["cu2se-2nm", "cu2o"], "bragg", {"vary": ["cu2o__occ_Cu_4b"]}),
    ],
)
def test_a_few_patterns_hold_every_composition(names, engine, choices):
    """χ² and its slopes from the reduced problem are those of the whole one, wherever the scales are positive."""
    problem = problem_of(names, engine, **choices)
    k, n = len(problem.direct), len(problem.occupancies.free)
    theta = problem.theta(problem.base)
    shares = np.random.default_rng(3).random((30, n))
    chi2, gradient, _ = _Reduced.of(problem, theta).chi2(shares)
    compared = 0
    for row, u in enumerate(shares):
        whole = problem.evaluate(np.append(theta[:k], u))
        if any(whole.values[s] <= 0.0 for s in problem.scans[0].bound.scales):
            continue
        compared += 1
        assert chi2[row] == pytest.approx(whole.chi2, rel=1e-8)
        slope = whole.jacobian[:, k:].T @ whole.residual
        assert gradient[row] == pytest.approx(slope, rel=1e-6, abs=1e-6 * np.abs(slope).max())
    assert compared >= 10


# 8c and 4b without 24e: |F|² of the three families of lines has the same ratios for two compositions
MIRROR = {"occ_Cu_8c": 1.0, "occ_Cu_4b": 0.3846, "occ_Cu_24e": 0.0, "a": 5.8502}


@pytest.mark.parametrize("engine", ["bragg", "debye"])
@pytest.mark.parametrize("seed", range(3))
def test_a_mirror_answer_is_met_and_reported(engine, seed):
    model = xf.load_model("cu2se-2nm")
    scan = scan_of(model, seed, values=MIRROR, engine=engine)
    result = xf.fit(model, scan, engine=engine)
    from_truth = xf.fit(model, scan, engine=engine, start=MIRROR)
    assert result.statistics.chi2 == pytest.approx(from_truth.statistics.chi2, abs=0.05)
    answers = [result["occ_Cu_8c"].value, *(r.occupancies["occ_Cu_8c"] for r in result.rivals)]
    assert len(answers) == 2
    assert max(answers) > 0.95
    assert min(answers) < 0.75
    assert any("one of several answers" in w for w in result.warnings)


def test_an_interval_reaches_over_all_answers_that_the_level_allows():
    model = xf.load_model("cu2se-2nm")
    result = xf.fit(model, scan_of(model, 1, values=MIRROR, engine="debye"), engine="debye")
    (rival,) = result.rivals
    distance = np.sqrt(rival.delta_chi2)
    other = rival.occupancies["occ_Cu_8c"]
    for z in (0.5 * distance, 1.5 * distance):
        low, high = result.interval("occ_Cu_8c", float(erf(z / np.sqrt(2))))
        assert (low <= other <= high) == (z > distance)
        assert low <= result["occ_Cu_8c"].value <= high


def test_minima_are_distinct_and_sorted_and_move_only_the_occupancies():
    problem = problem_of(["cu2se"], total={"Cu": 8.0})
    theta = problem.theta(problem.base)
    found = occupancy_minima(problem, theta)
    chi2 = [problem.evaluate(t, derivatives=False).chi2 for t in found]
    moved = [i for i, n in enumerate(problem.direct) if not problem.rows[n].is_displacement]
    assert len(found) > 1
    assert chi2 == sorted(chi2)
    assert all(np.array_equal(t[moved], theta[moved]) for t in found)
    occupancies = np.array([[problem.expand(point)[0][n] for n in problem.occupancies.names] for point in found])
    k = len(problem.direct)
    for i, point in enumerate(found):
        # two that stand for one another at the same B are one
        same = [j for j in range(i) if np.array_equal(found[j][:k], point[:k])]
        assert all(np.abs(occupancies[i] - occupancies[j]).max() > 0.02 for j in same)
    # nothing near the lowest is lower: steps of a hundredth of each share, where they are allowed
    for step in 0.01 * np.vstack([np.eye(len(theta) - k), -np.eye(len(theta) - k)]):
        near = np.append(found[0][:k], np.clip(found[0][k:] + step, 0.0, 1.0))
        assert problem.evaluate(near, derivatives=False).chi2 >= chi2[0] - 1e-6


def test_nothing_is_looked_for_where_no_occupancy_is_free():
    model = xf.load_model("lab6")
    scan = scan_of(model, 1)
    problem = prepare(model, scan, FitOptions(), "bragg").problem
    assert occupancy_minima(problem, problem.theta(problem.base)) == []


@pytest.mark.parametrize("seed", range(0, 24, 3))
def test_of_two_occupancies_the_answer_does_not_depend_on_the_start(seed):
    """8c full or nearly, 4b anything: the mirror answer may lie close by or far off, or be none at all."""
    model = xf.load_model("cu2se-2nm")
    truth = {"occ_Cu_8c": 1.0, "occ_Cu_4b": float(np.random.default_rng(seed).random()), "occ_Cu_24e": 0.0}
    scan = scan_of(model, seed, values=truth)
    start = {name: truth[name] for name in ("occ_Cu_8c", "occ_Cu_4b")}
    plain, from_truth = (xf.fit(model, scan, engine="bragg", fix={"occ_Cu_24e": 0.0}, start=s) for s in ({}, start))
    assert plain.statistics.chi2 == pytest.approx(from_truth.statistics.chi2, abs=0.05)
    assert len(plain.rivals) == len(from_truth.rivals)
