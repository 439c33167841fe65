"""Ties: a closed grammar, values and derivatives."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdfit.errors import InputError
from xrdfit.model.ties import parse_tie


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
