"""Profile intervals agree with the sampled posterior; systematic shifts are those of fits made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from inference_cases import scan_of

import xrdfit as xf
from xrdfit.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result():
    model = xf.load_model("cu2se-2nm")
    return xf.fit(model, scan_of(model, 4), engine="bragg", total={"Cu": 8})


@pytest.fixture(scope="module")
def posterior(result):
    return xf.sample(result, steps=3000, seed=1)


def test_the_chain_is_long_enough_and_says_so(posterior):
    assert posterior.converged
    assert posterior.steps > 50 * posterior.autocorrelation_time
    assert "autocorrelation times" in posterior.message


@pytest.mark.parametrize("level", [0.6827, 0.95])
@pytest.mark.parametrize("name", ["occ_Cu_8c", "occ_Cu_4b", "occ_Cu_24e", "share_Cu_8c", "a", "size_nm"])
def test_intervals_agree_with_the_posterior_where_it_is_regular(result, posterior, name, level):
    low, high = result.interval(name, level)
    sampled = posterior.interval(name, level)
    width = high - low
    assert np.subtract(*sampled[::-1]) == pytest.approx(width, rel=0.1)
    assert sampled == pytest.approx((low, high), abs=0.1 * width)


def test_every_sample_keeps_the_total(posterior):
    assert posterior.samples["total_Cu"].values == pytest.approx(8.0, abs=1e-9)


def test_on_a_bound_the_posterior_is_one_sided_like_the_profile():
    model = xf.load_model("cu2se-4nm")
    fits = (xf.fit(model, scan_of(model, seed), engine="bragg") for seed in range(20))
    result = next(r for r in fits if r["occ_Cu_8c"].status == "at bound")
    sampled = xf.sample(result, steps=1500, seed=2).interval("occ_Cu_8c", 0.95)
    low, high = result.interval("occ_Cu_8c", 0.95)
    assert high == 1.0
    assert sampled[1] > 1.0 - 0.1 * (1.0 - low)
    # flat prior beyond a bound: the posterior's 95 % is a tail of a normal distribution cut off, of the same order
    assert 0.5 * (1.0 - low) < 1.0 - sampled[0] < 1.5 * (1.0 - low)


def test_unknown_samples_are_refused(posterior):
    with pytest.raises(InputError, match="there are"):
        posterior.interval("occ_Cu_32f")


def test_systematic_shifts_are_those_of_separate_fits(result):
    table = xf.systematics(result)
    by_name = {v.name: v for v in table.variations}
    hand = xf.fit(result.start_model, result.scan, engine="bragg", total={"Cu": 8}, fix={"b_overall": 1.0})
    shift = hand["occ_Cu_8c"].value - result["occ_Cu_8c"].value
    assert by_name["b_overall = 1 Å²"].shifts["occ_Cu_8c"] == pytest.approx(
        shift, abs=0.02 * result["occ_Cu_8c"].stderr
    )
    assert {"debye engine", "f′, f″ of cromer-liberman", "background order 5", "range from 17°"} <= set(by_name)
    for name in table.names:
        assert table.combined[name] >= table.stderr[name]
    assert table.in_errors(by_name["b_overall = 1 Å²"])["occ_Cu_8c"] == pytest.approx(
        by_name["b_overall = 1 Å²"].shifts["occ_Cu_8c"] / result["occ_Cu_8c"].stderr
    )


def test_a_displacement_that_varies_is_not_moved_again():
    model = xf.load_model("cu2se")
    table = xf.systematics(xf.fit(model, scan_of(model, 1), engine="bragg", total={"Cu": 8}))
    (entry,) = [v for v in table.variations if "b_overall" in v.name]
    assert entry.shifts == {}
    assert "statistical" in entry.note
