"""Instrument widths in a fit: the floor of the Gaussian variance, and what an answer says of widths it cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.fitting.floors import Floor
from xrdfit.fitting.options import FitOptions, with_choices
from xrdfit.fitting.prepare import prepare
from xrdfit.model.ties import parse_tie

TWO_THETA = np.linspace(20.0, 110.0, 1801)
TANGENT = np.linspace(0.17, 1.4, 100_001)
NAMES = {"U": "U", "V": "V", "W": "W"}


def variance(values):
    return (values["U"] * TANGENT + values["V"]) * TANGENT + values["W"]


@pytest.mark.parametrize("stem", ["U", "V", "W"])
@pytest.mark.parametrize("seed", range(20))
def test_at_the_lowest_value_the_variance_touches_zero(stem, seed):
    """Unless the parameter's own limit is higher."""
    random = np.random.default_rng(seed)
    values = {"U": random.uniform(0.0, 0.1), "V": random.uniform(-0.3, 0.1), "W": random.uniform(0.0, 0.1)}
    low = -5.0 if stem == "V" else 0.0
    floor = Floor(stem, NAMES, TANGENT[0], TANGENT[-1], low, 5.0)
    values[stem], slopes = floor.lowest(values)
    scale = 1e-9 * max(values.values())
    assert variance(values).min() >= -scale
    if values[stem] > low:
        assert variance(values).min() <= scale + 1e-9
    for name, slope in slopes.items():
        step = 1e-7
        there, here = (floor.lowest({**values, name: values[name] + sign * step})[0] for sign in (1.0, -1.0))
        assert (there - here) / (2.0 * step) == pytest.approx(slope, rel=1e-4, abs=1e-6)


@pytest.fixture(scope="module")
def sharp():
    """A scan of an instrument whose Gaussian width has a minimum within it, with Poisson noise."""
    model = xf.load_model("lab6")
    truth = {"U": 0.02, "V": -0.018, "W": 0.008, "size_nm": 60.0, "mixing": 0.5}
    pattern = xf.simulate(model, TWO_THETA, values=truth, radiation="cu-ka")
    counts = np.random.default_rng(2).poisson(pattern / pattern.max() * 2e4 + 200.0).astype(float)
    return model, xf.make_pattern(TWO_THETA, counts, radiation="cu-ka"), truth


def problem_of(sharp, **choices):
    return prepare(sharp[0], sharp[1], with_choices(FitOptions(), choices), "bragg")


@pytest.mark.parametrize("vary", [["U", "V", "W"], ["V"], ["V", "W"], ["U", "W"], ["W"], ["U"]])
def test_no_point_of_the_optimizer_has_a_negative_variance(sharp, vary):
    start = {"U": 0.02, "V": -0.018, "W": 0.008}
    held = {k: v for k, v in start.items() if k not in vary}
    problem = problem_of(sharp, vary=vary, fix=held, start={k: start[k] for k in vary}).problem
    random = np.random.default_rng(1)
    tangent = np.tan(np.radians(0.5 * TWO_THETA))
    for _ in range(50):
        theta = problem.lower + random.random(len(problem.lower)) * np.minimum(problem.upper - problem.lower, 0.1)
        values, chain = problem.expand(theta)
        assert ((values["U"] * tangent + values["V"]) * tangent + values["W"]).min() >= -1e-9
        np.testing.assert_allclose(problem.theta(values), theta, atol=1e-9)
        for i, name in enumerate(problem.direct):
            if name in ("U", "V", "W"):
                step = 1e-7 * np.eye(len(theta))[i]
                slope = [(problem.expand(theta + step)[0][n] - values[n]) / 1e-7 for n in problem.direct]
                np.testing.assert_allclose(chain[: len(slope), i], slope, rtol=1e-3, atol=1e-4)


def test_a_start_below_is_raised_and_said(sharp):
    setup = problem_of(sharp, vary=["U", "V", "W"], start={"U": 0.01, "V": -0.1, "W": 0.01})
    assert any(note.startswith("V starts at") and "negative" in note for note in setup.notes)


def test_the_truth_comes_out_from_below_the_floor(sharp):
    model, scan, truth = sharp
    result = xf.fit(model, scan, engine="bragg", vary=["U", "V", "W"], start={"U": 0.01, "V": -0.1, "W": 0.01})
    assert result.success
    for name in ("U", "V", "W", "size_nm"):
        assert abs(result[name].value - truth[name]) < 4.0 * result[name].stderr
    low, high = result.interval("V", 0.95)  # by profile, with V itself held
    assert low < result["V"].value < high
    assert high - low == pytest.approx(4.0 * result["V"].stderr, rel=0.3)


def test_widths_that_do_the_same_do_not_refuse_an_answer(sharp):
    """Lorentzian strain and X are one thing: only that is open, and the message is no refusal."""
    model, scan, _ = sharp
    truth = {"size_nm": 40.0, "mixing": 1.0, "microstrain": 1e-3}
    pattern = xf.simulate(model, TWO_THETA, values=truth, radiation="cu-ka")
    counts = np.random.default_rng(4).poisson(pattern / pattern.max() * 2e4 + 200.0).astype(float)
    scan = xf.make_pattern(TWO_THETA, counts, radiation="cu-ka")
    result = xf.fit(
        model,
        scan,
        engine="bragg",
        vary=["X", "microstrain", "x_B*", "occ_La*"],
        fix={"mixing": 1.0},
        start={"microstrain": 5e-4},
    )
    assert result.success
    assert result["x_B_6f"].stderr is not None
    assert result["microstrain"].stderr is None
    assert any("only combinations of microstrain, X" in w for w in result.warnings)


def test_divergence_that_is_not_there_is_at_its_bound(sharp):
    """It takes no part in the displacement's error, and has an upper limit of its own."""
    model, scan, truth = sharp
    model = replace(model, ties=(parse_tie("H_L = S_L"),))
    held = {k: truth[k] for k in ("U", "V", "W", "mixing")}
    without = xf.fit(model, scan, engine="bragg", vary=["displacement_mm"], fix=held)
    result = xf.fit(model, scan, engine="bragg", vary=["displacement_mm", "S_L"], fix=held)
    assert result.success
    if result["S_L"].status == "at bound":
        assert result["S_L"].value == 0.0
        assert result["displacement_mm"].stderr == pytest.approx(without["displacement_mm"].stderr, rel=0.05)
        assert 0.0 < result["S_L"].upper < 0.05
    else:
        assert result["S_L"].value > result["S_L"].stderr


@pytest.fixture(scope="module")
def small():
    model = xf.load_model("cu2se-2nm")
    pattern = xf.simulate(model, np.linspace(15.0, 65.0, 501), engine="debye")
    return model, xf.make_pattern(np.linspace(15.0, 65.0, 501), np.round(pattern / pattern.max() * 3000 + 200))


class TestDebye:
    """What a Debye sum does not know."""

    def test_axial_divergence_that_is_given_is_said_to_be_left_out(self, small):
        result = xf.fit(*small, engine="debye", fix={"S_L": 0.03})
        assert any("leaves axial divergence (S_L) out" in w for w in result.warnings)

    def test_axial_divergence_cannot_be_varied(self, small):
        with pytest.raises(xf.InputError, match="S_L: the Debye engine knows no axial divergence"):
            xf.fit(*small, engine="debye", vary=["S_L"])

    def test_preferred_orientation_is_said_to_be_left_out(self, small):
        model, scan = small
        textured = replace(model, phases=(replace(model.phases[0], march_axis=(1, 1, 1), march_r=0.8),))
        result = xf.fit(textured, scan, engine="debye")
        assert any("preferred orientation (march_r=0.8) out" in w for w in result.warnings)
