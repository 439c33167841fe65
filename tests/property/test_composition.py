"""The map from shares to occupancies: no rule is ever broken, and every allowed composition is reached."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from tiers import examples

from xrdfit.errors import InputError
from xrdfit.model.composition import Rule, occupancy_map

SITES = {"occ_Cu_8c": 8, "occ_Cu_4b": 4, "occ_Cu_24e": 24, "occ_Cu_32f": 32}
NAMES = list(SITES)
PACKING = Rule({"occ_Cu_8c": 1.0, "occ_Cu_32f": 4.0}, 1.0, False, "8c + 4·32f ≤ 1")


def cu_map(total, packing=False):
    rules = [Rule(SITES, total, True, f"Cu={total}")] + ([PACKING] if packing else [])
    return occupancy_map(NAMES, [(0.0, 1.0)] * 4, rules)


@given(total=st.floats(0, 68), shares=st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_total_is_exact_and_occupancies_stay_within_limits(total, shares):
    occupancies = cu_map(total).occupancies(np.array(shares))
    assert np.dot(list(SITES.values()), occupancies) == pytest.approx(total, abs=1e-9)
    assert occupancies.min() >= 0.0
    assert occupancies.max() <= 1.0


@given(total=st.floats(0, 36), shares=st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_packing_and_total_hold_together(total, shares):
    occupancies = cu_map(total, packing=True).occupancies(np.array(shares))
    assert np.dot(list(SITES.values()), occupancies) == pytest.approx(total, abs=1e-9)
    assert occupancies[0] + 4 * occupancies[3] <= 1.0 + 1e-12


@given(point=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_every_composition_is_reached(point):
    point = np.array(point)
    mapped = cu_map(float(np.dot(list(SITES.values()), point)))
    np.testing.assert_allclose(mapped.occupancies(mapped.shares(point)), point, atol=1e-9)


# an occupancy below `equalities.PRECISION` is not told from zero: smaller totals leave nothing open
@settings(max_examples=examples(40), deadline=None)
@given(total=st.just(0.0) | st.floats(1e-4, 8.4), shares=st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_limits_are_those_of_a_linear_programme(total, shares):
    """The first site's range must be what an independent LP solver finds."""
    mapped = cu_map(total, packing=True)
    ends = [mapped.occupancies(np.array([end, *shares]))[0] for end in (0.0, 1.0)]
    bounds = {"A_ub": [[1, 0, 0, 4]], "b_ub": [1], "A_eq": [list(SITES.values())], "b_eq": [total], "bounds": (0, 1)}
    low = linprog([1, 0, 0, 0], **bounds).fun
    high = -linprog([-1, 0, 0, 0], **bounds).fun
    np.testing.assert_allclose(ends, [low, high], atol=1e-7)


@given(shares=st.lists(st.floats(0.05, 0.95), min_size=3, max_size=3))
def test_derivative_matches_differences_away_from_kinks(shares):
    mapped, u, h = cu_map(3.0), np.array(shares), 1e-6
    slope = mapped.derivative(u)[1]
    steps = [(mapped.occupancies(u + h * e) - mapped.occupancies(u - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(slope, np.transpose(steps), atol=1e-6)


def test_half_the_copper_on_4b_is_full_occupancy():
    """Shares of the atoms alone would allow 4b to hold more than it can."""
    mapped = cu_map(8.0)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 3), -1).reshape(-1, 3)
    assert max(mapped.occupancies(u)[1] for u in grid) == pytest.approx(1.0)


def test_led_by_makes_one_share_move_one_occupancy():
    mapped = cu_map(8.0).led_by("occ_Cu_24e")
    assert mapped.names[0] == "occ_Cu_24e"
    values = [mapped.occupancies(np.array([0.3, u, v]))[0] for u in (0.1, 0.9) for v in (0.2, 0.7)]
    assert np.ptp(values) == 0.0


def test_mixed_site_never_overfills():
    rule = Rule({"occ_O_48f": 1.0, "occ_F_48f": 1.0}, 1.0, False, "O_48f + F_48f ≤ 1")
    mapped = occupancy_map(["occ_O_48f", "occ_F_48f"], [(0, 1)] * 2, [rule])
    assert mapped.occupancies(np.array([0.8, 1.0])) == pytest.approx([0.8, 0.2])


def test_affine_tie_is_an_equality():
    tie = Rule({"occ_Cu_32f": 1.0, "occ_Cu_8c": 0.25}, 0.25, True, "occ_Cu_32f = (1 - occ_Cu_8c) / 4")
    mapped = occupancy_map(["occ_Cu_8c", "occ_Cu_32f"], [(0, 1)] * 2, [tie])
    assert len(mapped.free) == 1
    assert mapped.occupancies(np.array([0.37])) == pytest.approx([0.37, 0.1575])


def test_impossible_totals_say_so():
    with pytest.raises(InputError, match="Cu=69"):
        cu_map(69.0)
    with pytest.raises(InputError, match="4·32f"):
        cu_map(37.0, packing=True)
