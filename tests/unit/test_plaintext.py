"""Text from files never becomes a command to a terminal, a formula or markup."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrdfit.plaintext import csv_cell, csv_text, one_line, printable, storable


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_control_character_is_left(text: str) -> None:
    shown = printable(text)
    assert not [c for c in shown if c != "\n" and not (c.isprintable() or c.isspace())]
    assert not set(shown) & {"\x1b", "\r", "\x07", "\x08", "\x9b", "\u202e", "\u2066"}
    assert "\n" not in one_line(text)


@pytest.mark.parametrize("text", ["Cu₂Se, χ² = 1.03 · 5.85 Å", "a\u00a0b", "two\nlines"])
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("text", ["\x1b]0;pwned\x07", "\x1b[31m", "\x9b31m", "a\rb", "\u202egnp.exe"])
def test_sequences_are_shown_not_obeyed(text: str) -> None:
    assert "\\u" in printable(text)


FORMULAS = ("=1+1", "+1+1", "-2+3", "@SUM(A1)", "\n=1", "  =cmd|' /C calc'!A0", "\u3000=1", "＝1+1", '=HYPERLINK("x")')


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_text(text: str) -> None:
    (row,) = list(csv.reader(io.StringIO(csv_text(["x"], [[text]]), newline="")))[1:]
    assert row == ["'" + text]


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "a\rb"])
def test_a_cell_holds_no_control_character(text: str) -> None:
    assert csv_text(["x"], [[text]]).startswith("x\n\\u" if text[0] != "a" else "x\na\\u")


@pytest.mark.parametrize("text", ["-0.5", "+1e-3", "-inf", "occ_Cu_8c", "", "a=b", "−1"])
def test_numbers_and_names_stay(text: str) -> None:
    assert csv_cell(text) == text


def test_numbers_stay_numbers() -> None:
    assert csv_text(["a", "b"], [[-0.5, None], [3, "x,y"]]) == 'a,b\n-0.5,\n3,"x,y"\n'


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=40))
def test_whatever_a_name_holds_can_be_stored(text: str) -> None:
    assert storable(text).encode("utf-8").decode("utf-8") == storable(text)
