"""Sizes of clusters: χ² has troughs side by side, and a fit must not stay in the one that it began in."""

from __future__ import annotations

import numpy as np
import pytest
from inference_cases import scan_of

import xrdfit as xf
from xrdfit.fitting.descent import descend
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.prepare import prepare
from xrdfit.fitting.sizes import misfits, rough_components, scan_sizes

TRUTH = {"occ_Cu_8c": 0.3, "occ_Cu_4b": 0.3, "occ_Cu_24e": 0.182, "size_nm": 2.0}


@pytest.fixture(scope="module")
def model():
    return xf.load_model("cu2se-2nm")


@pytest.fixture(scope="module")
def scan(model):
    return scan_of(model, 5, values=TRUTH, engine="debye")


def posed(model, scan, engine="debye", **choices):
    return prepare(model, scan, FitOptions(engine=engine, **choices), engine).problem


def test_only_clusters_are_scanned(model, scan):
    problem = posed(model, scan)
    assert [problem.direct[i] for i in rough_components(problem)] == ["size_nm"]
    assert rough_components(posed(model, scan, "bragg")) == []
    assert rough_components(posed(model, scan, fix={"size_nm": 2.0})) == []


def test_a_descent_stays_in_its_trough_and_the_scan_leaves_it(model, scan):
    problem = posed(model, scan)
    start = problem.theta({**problem.base, **TRUTH, "size_nm": 2.5})
    stuck = descend(problem, start)
    assert stuck.chi2 > 4.0 * problem.n_points  # else there is nothing to leave
    assert misfits(problem, problem.evaluate(stuck.theta))
    found = scan_sizes(problem, stuck, start)
    assert found.chi2 < 1.15 * problem.n_points
    assert np.exp(found.theta[problem.direct.index("size_nm")]) == pytest.approx(2.0, abs=0.02)
    assert not misfits(problem, problem.evaluate(found.theta))


def test_the_scan_keeps_within_the_limits(model, scan):
    problem = posed(model, scan, start={"size_nm": 2.5}, limits={"size_nm": (2.2, 4.0)})
    start = problem.theta({**problem.base, **TRUTH, "size_nm": 2.5})
    found = scan_sizes(problem, descend(problem, start), start)
    assert 2.2 <= np.exp(found.theta[problem.direct.index("size_nm")]) <= 4.0


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_misfit(model, seed):
    """Once in a thousand by its size, once by its correlation: none of twenty."""
    problem = posed(model, scan_of(model, 100 + seed, values=TRUTH, engine="debye"))
    best = descend(problem, problem.theta({**problem.base, **TRUTH}))
    assert not misfits(problem, problem.evaluate(best.theta))


def test_a_fit_from_a_wrong_size_ends_in_the_right_one(model, scan):
    result = xf.fit(model, scan, engine="debye", start={"size_nm": 2.5})
    assert abs(result["size_nm"].value - 2.0) < 4.0 * result["size_nm"].stderr
    assert result.message == "converged"


def test_auto_starts_from_the_size_that_it_has_estimated(model, scan):
    """The start of the preset would be refused by these limits; what "auto" found lies within them."""
    told = []
    result = xf.fit(model, scan, engine="auto", start={}, progress=lambda stage, *_: told.append(stage))
    assert result.engine_reason
    assert abs(result["size_nm"].value - 2.0) < 4.0 * result["size_nm"].stderr
    assert not [stage for stage in told if "other sizes" in stage]


@pytest.mark.parametrize("limit", [0.5, 50.0])
def test_a_size_at_its_limit_is_a_size_that_the_engine_takes(model, scan, limit):
    problem = posed(model, scan)
    theta = problem.theta({**problem.base, "size_nm": limit})
    there = problem.expand(theta)[0]["size_nm"]
    assert 0.5 <= there <= 50.0
    assert there == pytest.approx(limit)
    assert np.isfinite(problem.evaluate(theta, derivatives=False).chi2)


@pytest.mark.parametrize("limit", np.linspace(3.1, 49.7, 40))
def test_rounding_takes_no_parameter_past_a_limit(model, scan, limit):
    problem = posed(model, scan, start={"size_nm": 3.0}, limits={"size_nm": (3.0, float(limit))})
    high = problem.theta({**problem.base, "size_nm": 50.0})
    low = problem.theta({**problem.base, "size_nm": 1.0})
    assert problem.expand(high)[0]["size_nm"] <= limit
    assert problem.expand(low)[0]["size_nm"] >= 3.0
