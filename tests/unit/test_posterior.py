"""Sampling refuses what it cannot do in words, and never mistakes an element for a coefficient of the width."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from inference_cases import GRID, scan_of

import xrdfit as xf
from xrdfit.errors import InputError
from xrdfit.inference.uncertainty.posterior import Posterior
from xrdfit.inference.uncertainty.site_shares import share_gradient
from xrdfit.model.files.read import model_from_toml

TUNGSTEN = """schema = 1
name = "w"
[[phase]]
name = "w"
space_group = "Im-3m"
cell = {a = 3.165}
size_nm = 10.0
[[phase.site]]
species = "W"
wyckoff = "2a"
xyz = [0, 0, 0]
occupancy = 0.9
"""


@pytest.fixture(scope="module")
def result():
    model = xf.load_model("cu2se-2nm")
    return xf.fit(model, scan_of(model, 1), engine="bragg")


@pytest.mark.parametrize("choices", [{"steps": 0}, {"walkers": 3}, {"walkers": 11}])
def test_too_few_steps_or_walkers_are_refused(result, choices):
    with pytest.raises(InputError, match=next(iter(choices))):
        xf.sample(result, **choices)


def test_without_anything_to_sample_it_is_refused(result):
    held = xf.fit(result.start_model, result.scan, engine="bragg", fix=["occ_*", "a", "size_nm", "mixing"])
    with pytest.raises(InputError, match="nothing but scale and background"):
        xf.sample(held, steps=50)


@pytest.mark.parametrize("steps", [1, 5])
def test_a_chain_too_short_for_an_autocorrelation_time_has_not_converged(result, steps):
    chain = xf.sample(result, steps=steps)
    assert not chain.converged
    assert "NOT converged" in chain.message
    assert np.all(np.isfinite(chain.samples["occ_Cu_8c"].values))


def _posterior(draws):
    samples = xr.Dataset({"x": ("sample", draws)})
    return Posterior(samples, 1.0, len(draws), 8, True, "", True)


def test_the_ends_of_a_regular_interval_scatter_by_less_than_a_tenth_of_an_error():
    """Of 1000 draws, as many as a converged chain is worth; the bare shortest interval scatters by more."""
    random = np.random.default_rng(0)
    ends = np.array([_posterior(random.standard_normal(1000)).interval("x") for _ in range(400)])
    assert ends.mean(axis=0) == pytest.approx([-1.0, 1.0], abs=0.03)
    assert ends.std(axis=0).max() < 0.1


@pytest.mark.parametrize("level", [0.6827, 0.95])
def test_samples_that_pile_up_at_a_bound_have_a_one_sided_interval(level):
    random = np.random.default_rng(0)
    draws = [np.abs(random.standard_normal(1000)) for _ in range(200)]
    touching = [_posterior(x).interval("x", level)[0] == x.min() for x in draws]
    assert np.mean(touching) > 0.95


def test_an_element_called_as_a_width_is_kept_apart_from_it():
    model = model_from_toml(TUNGSTEN)
    scale = 5000.0 / xf.simulate(model, GRID).max()
    fitted = xf.fit(model, scan_of(model, 1), engine="bragg", vary=["W", "occ_W_2a"], fix={"scale": scale})
    low, high = fitted.interval("W")
    assert low <= fitted["W"].value < high < 0.5
    low, high = fitted.interval("total_W")
    assert (low, high) == pytest.approx([2.0 * x for x in fitted.interval("occ_W_2a")], rel=1e-4)
    samples = xf.sample(fitted, steps=20).samples
    assert samples["total_W"].values == pytest.approx(2.0 * samples["occ_W_2a"].values)
    assert samples["W"].attrs["derived"] == 0
    assert samples["W"].values.max() < 0.5


def test_a_plain_element_means_its_total_where_no_parameter_has_its_name(result):
    assert result.interval("Cu") == result.interval("total_Cu")


def test_share_slopes_are_difference_quotients():
    atoms, at = {"x": 8.0, "y": 4.0}, {"x": 0.3, "y": 0.5}
    share, slopes = share_gradient(atoms, at, "x")
    assert share == pytest.approx(2.4 / 4.4)
    for name in atoms:
        high, low = (share_gradient(atoms, {**at, name: at[name] + d}, "x")[0] for d in (1e-6, -1e-6))
        assert slopes[name] == pytest.approx((high - low) / 2e-6, rel=1e-6)
    assert share_gradient(atoms, {"x": 0.0, "y": 0.0}, "x") == (0.0, {"x": 0.0, "y": 0.0})
