"""Profile intervals: their ends are where independent constrained fits put them, and limits are respected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from inference_cases import GRID, scan_of

import xrdfit as xf
from xrdfit.errors import ComputationError, InputError
from xrdfit.inference.uncertainty.feldman_cousins import critical_value, critical_value_among, feldman_cousins
from xrdfit.inference.uncertainty.intervals import ends, normal_quantile
from xrdfit.inference.uncertainty.profiles import Profile
from xrdfit.model.ties import parse_tie


@pytest.fixture(scope="module")
def model():
    return xf.load_model("cu2se-2nm")


@pytest.fixture(scope="module")
def result(model):
    return with_known_sigma(model, scan_of(model, 1))


@pytest.fixture(scope="module")
def at_bound(model):
    """A truth on the bound, in a scan that pulls below it."""
    for seed in range(20):
        found = with_known_sigma(model, scan_of(model, seed, values={"occ_Cu_24e": 0.0}))
        if found["occ_Cu_24e"].status == "at bound":
            return found
    raise AssertionError("half of all scans should end at the bound")


def with_known_sigma(model, scan, **choices):
    """Fit with weights that no later fit changes, so that χ² of different fits can be compared."""
    first = xf.fit(model, scan, engine="bragg", **choices)
    known = xf.make_pattern(GRID, scan["counts"].values, first.pattern["sigma"].values)
    return xf.fit(model, known, engine="bragg", **choices)


def height(result, chi2):
    """√Δχ² in units of what an interval is cut at."""
    return np.sqrt((chi2 - result.statistics.chi2) / max(1.0, result.statistics.chi2_reduced))


@pytest.mark.parametrize("name", ["occ_Cu_8c", "occ_Cu_24e", "a", "size_nm", "mixing"])
@pytest.mark.parametrize("level", [0.6827, 0.95])
def test_a_fit_with_the_parameter_fixed_at_an_end_is_worse_by_z_squared(result, name, level):
    z = normal_quantile(level)
    low, high = result.interval(name, level)
    assert low < result[name].value < high
    for end in (low, high):
        fixed = xf.fit(result.start_model, result.scan, engine="bragg", fix={name: end})
        assert height(result, fixed.statistics.chi2) == pytest.approx(z, rel=0.01)


def test_a_fit_with_the_total_held_at_an_end_is_worse_by_z_squared(result):
    low, high = result.interval("Cu", 0.95)
    assert low < result.composition["Cu"] < high
    for end in (low, high):
        held = xf.fit(result.start_model, result.scan, engine="bragg", total={"Cu": end})
        assert height(result, held.statistics.chi2) == pytest.approx(1.96, rel=0.01)


def test_a_fit_with_the_share_held_by_a_tie_is_worse_by_z_squared(result):
    site = next(s for s in result.sites if s.label == "Cu_8c")
    low, high = result.interval("share_Cu_8c", 0.95)
    assert low < site.share < high
    assert high - low == pytest.approx(2 * 1.96 * site.share_stderr, rel=0.02)
    for end in (low, high):
        factor = end / (1.0 - end) / 8.0
        tie = parse_tie(f"occ_Cu_8c = {4 * factor!r} * occ_Cu_4b + {24 * factor!r} * occ_Cu_24e")
        held = xf.fit(replace(result.start_model, ties=(tie,)), result.scan, engine="bragg")
        assert height(result, held.statistics.chi2) == pytest.approx(1.96, rel=0.01)


def test_under_a_total_a_share_is_the_occupancy(model):
    result = xf.fit(model, scan_of(model, 2), engine="bragg", total={"Cu": 8})
    assert np.array(result.interval("share_Cu_8c")) == pytest.approx(np.array(result.interval("occ_Cu_8c")), rel=1e-4)
    with pytest.raises(InputError, match="did not vary"):
        result.interval("Cu")


def test_regular_intervals_are_those_of_the_covariance(result):
    for name in ("occ_Cu_8c", "occ_Cu_4b", "occ_Cu_24e"):
        low, high = result.interval(name)
        assert high - low == pytest.approx(2 * result[name].stderr, rel=0.03)


def test_at_a_bound_the_interval_begins_there_and_ends_where_a_dense_grid_does(at_bound):
    low, high = at_bound.interval("occ_Cu_24e", 0.95)
    assert low == 0.0
    grid = np.linspace(0.5, 1.5, 9) * high
    fits = [xf.fit(at_bound.start_model, at_bound.scan, engine="bragg", fix={"occ_Cu_24e": x}) for x in grid]
    heights = [height(at_bound, f.statistics.chi2) for f in fits]
    assert np.all(np.diff(heights) > 0)
    assert high == pytest.approx(np.interp(1.96, heights, grid), rel=0.01)


def test_feldman_cousins_is_shorter_at_a_bound_and_the_same_far_from_one(at_bound, result):
    profile, unified = at_bound.interval("occ_Cu_24e", 0.6827), feldman_cousins(at_bound, "occ_Cu_24e", 0.6827)
    assert unified[0] == 0.0
    assert 0.0 < unified[1] < profile[1]
    assert feldman_cousins(result, "occ_Cu_8c") == pytest.approx(result.interval("occ_Cu_8c"))


@pytest.mark.parametrize("level", [0.6827, 0.9, 0.95])
@pytest.mark.parametrize(("below", "above"), [(0.0, 50.0), (0.3, 50.0), (1.0, 50.0), (1.5, 50.0), (0.4, 0.9)])
def test_critical_values_cover_a_gaussian_measurement_between_limits(level, below, above):
    x = np.random.default_rng(0).standard_normal(400_000)
    best = np.clip(x, -below, above)
    ratio = x**2 - (x - best) ** 2
    covered = np.mean(ratio <= critical_value(below, above, level) ** 2 + 1e-9)
    assert covered == pytest.approx(level, abs=0.004)


@pytest.mark.parametrize("level", [0.6827, 0.95])
@pytest.mark.parametrize(
    ("slack", "rho"),
    [
        ((0.0, 0.0), 0.8),  # both truths on their bounds
        ((0.0, 0.0), -0.8),
        ((0.0, 0.7), -0.5),
        ((9.0, 0.0), 0.7),  # only the other one's bound is near
    ],
)
def test_critical_values_cover_beside_another_quantity_on_its_bound(level, slack, rho):
    """Two correlated quantities, each at least 0, measured 6000 times; minima by an optimizer of its own."""
    from scipy.optimize import nnls

    covariance = np.array([[1.0, rho], [rho, 1.0]])
    root = np.linalg.inv(np.linalg.cholesky(covariance))
    truth = np.array(slack)
    heights = []
    for x in np.random.default_rng(7).multivariate_normal(truth, covariance, 6000):
        best = nnls(root, root @ x)[1]
        held = nnls(root[:, 1:], root @ x - root[:, 0] * truth[0])[1]
        heights.append(held**2 - best**2)
    # the quantity first, then what is limited from above: the two quantities with their signs turned
    signs = np.array([1.0, -1.0, -1.0])
    three = np.array([[1.0, 1.0, rho], [1.0, 1.0, rho], [rho, rho, 1.0]]) * np.outer(signs, signs)
    critical = critical_value_among(truth, three, level)
    assert np.mean(np.array(heights) <= critical**2 + 1e-7) == pytest.approx(level, abs=3 * (0.25 / 6000) ** 0.5)


def test_limits_that_say_the_same_and_limits_far_away_change_nothing():
    alone = critical_value_among(np.array([0.4]), np.array([[1.0, -1.0], [-1.0, 1.0]]), 0.95)
    assert alone == pytest.approx(critical_value(0.4, np.inf, 0.95))
    covariance = np.array(
        [[1.0, -1.0, -2.0, 0.5], [-1.0, 1.0, 2.0, -0.5], [-2.0, 2.0, 4.0, -1.0], [0.5, -0.5, -1.0, 1.0]]
    )
    assert critical_value_among(np.array([0.4, 1.2, 8.0]), covariance, 0.95) == alone


def profile_along(height, best=0.0):
    """A profile whose √Δχ² is a given function of the quantity."""
    return Profile(lambda v, t: (height(v) ** 2, t), lambda v, t: {}, best, height(best) ** 2, np.empty(0), -9.0, 9.0)


@pytest.mark.parametrize(
    ("height", "end"),
    [
        (lambda v: abs(v), 1.96),
        (lambda v: abs(v) if v < 1.0 else 1.0 + 40.0 * (v - 1.0), 1.024),  # a kink
        (lambda v: 0.3 * abs(v) if v < 2.0 else 9.0, 2.0),  # a jump
        (lambda v: 1e-3 * abs(v) if v < 3.0 else 1e3 * (v - 3.0), 3.00196),  # flat, then a wall
    ],
)
def test_ends_are_found_where_a_profile_is_not_smooth(height, end):
    found = ends("x", [profile_along(height)], 1.0, 1.96, lambda *_: 1.96, 1.0)
    assert found[1] == pytest.approx(end, abs=3e-3)


def test_a_better_minimum_on_the_way_is_an_error_that_names_the_place():
    lower = Profile(lambda v, t: ((v - 1.5) ** 2 - 1.0, t), lambda v, t: {}, 0.0, 1.25, np.empty(0), -9.0, 9.0)
    with pytest.raises(ComputationError, match="fit again"):
        ends("x", [lower], 1.0, 1.0, lambda *_: 1.0, 1.0)


def test_another_answer_above_the_level_adds_nothing():
    main, other = profile_along(abs), profile_along(lambda v: np.hypot(v - 5.0, 1.5), best=5.0)
    assert ends("x", [main, other], 1.0, 1.0, lambda *_: 1.0, 1.0) == pytest.approx((-1.0, 1.0), abs=2e-3)
    assert ends("x", [main, other], 1.0, 2.0, lambda *_: 2.0, 1.0) == pytest.approx((-2.0, 5.0 + 1.75**0.5), abs=5e-3)


def test_a_share_of_no_atoms_has_no_interval():
    model = xf.load_model("cu2se-4nm")
    empty = {"occ_Cu_8c": 0.0, "occ_Cu_32f": 0.0}
    fits = (xf.fit(model, scan_of(model, seed, values=empty), engine="bragg") for seed in range(30))
    without = next(found for found in fits if found.composition["Cu"] == 0.0)
    for interval in (without.interval, lambda name: feldman_cousins(without, name)):
        with pytest.raises(ComputationError, match="holds no atoms"):
            interval("share_Cu_8c")


def test_published_limits_of_a_measurement_on_the_bound():
    # Feldman & Cousins (1998), table X: x0 = 0 allows 0 to 1.00 (68.27 %), 1.64 (90 %), 1.96 (95 %), 2.58 (99 %)
    for level, limit in ((0.6827, 1.00), (0.90, 1.64), (0.95, 1.96), (0.99, 2.58)):
        means = np.linspace(0.0, 4.0, 4001)
        inside = [m for m in means if m <= critical_value(m, 50.0, level)]
        assert max(inside) == pytest.approx(limit, abs=0.01)


@pytest.mark.parametrize(
    ("name", "message"),
    [("occ_Se_4a", "did not vary"), ("Se", "did not vary"), ("share_Se_4a", "did not vary"), ("Cd", "there are")],
)
def test_what_has_no_interval_is_refused(result, name, message):
    with pytest.raises(InputError, match=message):
        result.interval(name)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, float("nan")])
def test_a_level_is_a_probability(result, level):
    with pytest.raises(InputError, match="level"):
        result.interval("occ_Cu_8c", level)
