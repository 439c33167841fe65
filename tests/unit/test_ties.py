"""Ties: a closed grammar, values and derivatives."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdfit.errors import InputError
from xrdfit.model.ties import followed, ordered, parse_tie


def test_value_and_gradient():
    value, gradient = parse_tie("occ_Cu_32f = (1 - occ_Cu_8c) / 4").evaluate({"occ_Cu_8c": 0.37})
    assert value == pytest.approx(0.1575)
    assert gradient == pytest.approx({"occ_Cu_8c": -0.25})


def test_typographic_operators_and_precedence():
    assert parse_tie("t = 2 + 3 × x ÷ 4 − −1").evaluate({"x": 8.0})[0] == pytest.approx(9.0)


def test_affine_is_told_from_curved():
    assert parse_tie("t = 1 - 2*x + y/4").affine() == (pytest.approx(1.0), pytest.approx({"x": -2.0, "y": 0.25}))
    assert parse_tie("t = x*y").affine() is None
    assert parse_tie("t = 1/x").affine() is None


@given(a=st.floats(-5, 5), b=st.floats(0.5, 5))
def test_gradient_matches_differences(a, b):
    tie, h = parse_tie("t = (a*b - 3)/(b + 2*a*a + 1) + a"), 1e-6
    gradient = tie.evaluate({"a": a, "b": b})[1]
    for name in "ab":
        up, down = ({"a": a, "b": b} for _ in range(2))
        up[name] += h
        down[name] -= h
        slope = (tie.evaluate(up)[0] - tie.evaluate(down)[0]) / (2 * h)
        assert gradient[name] == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize(
    "text",
    ["a = b**2", "a = __import__('os')", "a =", "= 3", "a = a + 1", "a = (1 + 2", "a = b c", "a + 1 = b",
     "a = " + "(" * 200, "a = " + "b+" * 400 + "b", "a = b.real", "a = 'x'", "no tie at all"],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(text):
    with pytest.raises(InputError) as caught:
        parse_tie(text)
    assert "\n" not in str(caught.value)


def test_division_by_zero_is_an_input_error():
    with pytest.raises(InputError, match="divides by zero"):
        parse_tie("t = 1 / x").evaluate({"x": 0.0})


@given(st.text(alphabet="ab1.+-*/()= x_−×÷\n\t'\"[]{}", max_size=60))
def test_garbage_only_ever_raises_input_error(text):
    with contextlib.suppress(InputError):
        parse_tie(text)


@pytest.mark.parametrize("text", ["size_nm = a / 1e200", "size_nm = a / 1e-200", "occ_Cu_8c = -3", "occ_Cu_8c = a"])
def test_what_follows_stays_within_its_limits(text):
    tie = parse_tie(text)
    limits = {"size_nm": (0.5, 50.0), "occ_Cu_8c": (0.0, 1.0)}
    with pytest.raises(InputError, match=rf"tie '{re.escape(text)}' makes .* allowed are"):
        followed([tie], {"a": 5.85, "size_nm": 4.0, "occ_Cu_8c": 0.3}, limits)


@pytest.mark.parametrize("text", ["b = a * 1e308 * 1e308", "b = a / 1e-308 / 1e-308", "b = 1e308 * 1e308 * a"])
def test_a_tie_without_a_finite_value_says_so(text):
    with pytest.raises(InputError, match="no finite value"):
        parse_tie(text).evaluate({"a": 5.0})


def test_a_large_divisor_leaves_a_slope():
    value, slopes = parse_tie("b = 3 / a").evaluate({"a": 1e200})
    assert value == pytest.approx(3e-200)
    assert slopes["a"] == 0.0


def test_ties_are_followed_in_order():
    ties = ordered([parse_tie("c = 2 * b"), parse_tie("b = 2 * a")])
    everywhere = dict.fromkeys("abc", (0.0, 10.0))
    assert followed(ties, {"a": 1.0, "b": 0.0, "c": 0.0}, everywhere) == {"a": 1.0, "b": 2.0, "c": 4.0}
