"""The Bragg engine's bias on exact cluster patterns, and where the automatic choice of the engine lies."""

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.inference.engines import AUTO_DEBYE_BELOW_NM

TWO_THETA = np.arange(1251) * 0.04 + 15.0


def expectation(diameter, maximum=1e4):
    """The exact pattern of spheres of the article's 2 nm composition, without noise."""
    model = xf.load_model("cu2se-2nm")
    truth = xf.simulate(model, TWO_THETA, engine="debye", values={"size_nm": diameter})
    return model, xf.make_pattern(TWO_THETA, truth / truth.max() * maximum + 300.0)


def occupancy_biases(result):
    """Deviations from the truth in standard errors of counting alone."""
    counting = max(1.0, result.statistics.chi2_reduced) ** 0.5
    truth = {"occ_Cu_8c": 0.3, "occ_Cu_4b": 0.3, "occ_Cu_24e": 0.182}
    return [(result[n].value - t) / result[n].stderr * counting for n, t in truth.items()]


@pytest.mark.slow
def test_bragg_law_misleads_at_2_nm():
    model, scan = expectation(2.0)
    result = xf.fit(model, scan, engine="bragg")
    assert np.abs(occupancy_biases(result)).max() > 10.0
    assert result["a"].value / 5.85 - 1 == pytest.approx(0.004, abs=0.001)
    assert result["size_nm"].value / 2.0 == pytest.approx(0.87, abs=0.02)


@pytest.mark.slow
def test_debye_engine_returns_the_truth_at_2_nm():
    model, scan = expectation(2.0)
    result = xf.fit(model, scan, engine="debye")
    assert np.abs(occupancy_biases(result)).max() < 0.05
    assert result["a"].value == pytest.approx(5.85, abs=1e-5)


@pytest.mark.slow
def test_the_limit_of_auto_is_where_the_bias_is_half_an_error():
    for diameter, small in ((0.67 * AUTO_DEBYE_BELOW_NM, False), (AUTO_DEBYE_BELOW_NM, True)):
        model, scan = expectation(diameter)
        assert (np.abs(occupancy_biases(xf.fit(model, scan, engine="bragg"))).max() < 0.5) == small


@pytest.mark.parametrize(("diameter", "engine"), [(2.0, "debye"), (20.0, "debye"), (40.0, "bragg")])
def test_auto_says_which_and_why(diameter, engine):
    model, scan = expectation(diameter)
    result = xf.fit(model, scan, engine="auto")
    assert result.engine == engine
    assert f"{AUTO_DEBYE_BELOW_NM:g} nm" in result.engine_reason
