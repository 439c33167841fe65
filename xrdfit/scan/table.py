"""The block of numbers in a text file: where it begins and ends, its rows, and what in it was not read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.dialect import Dialect, detect, glance, is_comment

_ENOUGH = 10
"""As many rows of numbers in a row are the table; fewer are part of a header."""
_CHUNK = 20_000
_SAMPLE = 400
_MOST_LOOKED_AT = 200_000
"""Rows up to which each one's way of writing is compared with the others'."""
_DIGITS = b"0123456789+-.eE \t\n"
_END = frozenset(["end", "eof", "[end]", "*end", "*eof", "</data>", "stop", "enddata"])


@dataclass(frozen=True)
class Table:
    """The numbers of a text file.

    Attributes
    ----------
    values : (n, m) float64
        NaN where a field states that there is no number.
    lines : (n,) int
        Number of each row's line, from 1.
    header : list of str
        The lines before the first row.
    dialect : Dialect
    notes : list of str
        What had to be decided.
    """

    values: NDArray[np.float64]
    lines: NDArray[np.int64]
    header: list[str]
    dialect: Dialect
    notes: list[str]


def short(text: str, length: int = 40) -> str:
    """Return a text for a message: quoted, and cut where it is long."""
    return repr(text if len(text) <= length else text[: length - 3] + "...")


def read_table(text: str) -> Table:
    """Find and read the table of a text file.

    Raises
    ------
    InputError
        There is none, or a line in it cannot be read.
    """
    lines = text.splitlines()
    start = _first_row(lines)
    sample = _sample(lines, start)
    dialect, notes = detect(sample)
    _lost_rows(lines, start, dialect)
    notes += _like_a_row(lines, start, dialect)
    open_end = bool(lines) and not text.endswith(("\n", "\r", "\x0c"))
    values, numbers, more = _rows(lines, start, dialect, open_end)
    if len(values) == len(lines) - start <= _MOST_LOOKED_AT:
        notes += _odd_decimals(lines[start:], values, start + 1)
    return Table(values, numbers, lines[:start], dialect, notes + more)


def parse_table(lines: Sequence[str], first_line: int) -> NDArray[np.float64]:
    """Return the rows of numbers; blank lines and comments between them are skipped, anything else is an error."""
    rows = [(first_line + i, line) for i, line in enumerate(lines[:_SAMPLE]) if glance(line)]
    dialect = detect(rows)[0] if rows else Dialect(None)
    padding = [""] * (first_line - 1) if first_line < 10_000 else []
    values, _, _ = _rows([*padding, *lines], len(padding), dialect, open_end=False)
    return values


def _first_row(lines: Sequence[str]) -> int:
    """Return the index of the first of ten rows of numbers, else of the longest run of them."""
    best = (0, -1)
    run, first, width, single = 0, -1, 0, 0
    for index, line in enumerate(lines):
        stripped = line.strip()
        if not stripped:
            continue
        found = glance(stripped)
        if not found and is_comment(stripped) and run:
            continue
        if found != width or not found:
            run, first, width = 0, index, found
        if found:
            run += 1
            if run > best[0]:
                best = (run, first)
            if run == _ENOUGH:
                return first
        else:
            single += stripped.replace(",", ".").replace(".", "", 1).isdigit()
    if best[1] >= 0:
        return best[1]
    if not any(line.strip() for line in lines):
        raise InputError("is empty; a measured pattern is needed")
    if single >= 2:
        raise InputError("holds one column of numbers; angle and intensity are needed")
    raise InputError("holds no rows of numbers; angle and intensity are needed (`xrdfit formats` lists what is read)")


def _sample(lines: Sequence[str], start: int) -> list[tuple[int, str]]:
    """Return rows from all over the table with the numbers of their lines."""
    rest = len(lines) - start
    indices = range(start, len(lines)) if rest <= _SAMPLE else np.linspace(start, len(lines) - 1, _SAMPLE).astype(int)
    first = glance(lines[start])
    return [(int(i) + 1, lines[i]) for i in indices if glance(lines[i]) == first]


def _lost_rows(lines: Sequence[str], start: int, dialect: Dialect) -> None:
    """Raise for a row above the table that a damaged line parts from it: its steps are the table's."""
    rows = [row for line in lines[start : start + _ENOUGH] if (row := dialect.row(line)) is not None]
    if len(rows) < 3:
        return
    above = [i for i in range(start) if lines[i].strip() and not is_comment(lines[i].strip())]
    for column in (0, 1):
        x = np.array([row[column] for row in rows])
        steps = np.diff(x)
        if not (np.all(steps > 0) or np.all(steps < 0)):
            continue
        places = [_place(lines[i], dialect, column) for i in above]
        first = _first_lost(places, float(x[0]), float(np.median(steps)))
        if first is not None:
            later = above[first:]
            bad = next((i for i in later if dialect.row(lines[i]) is None), later[0])
            raise InputError(f"line {bad + 1} is not a row of numbers: {short(lines[bad].strip())}")
        return


def _place(line: str, dialect: Dialect, column: int) -> float:
    """Return where on the axis a line would be if it were a row, NaN where it cannot be one."""
    fields = dialect.split(line)
    value = dialect.number(fields[column]) if column < len(fields) > 1 else None
    if value is None and column == 0 and (number := re.match(r"[+-]?\d+[.,]\d+", line.strip())):
        value = float(number.group().replace(",", "."))
    return float("nan") if value is None else value


def _first_lost(places: Sequence[float], x: float, step: float) -> int | None:
    """Return the first of the lines that lead up to the table in its own steps, or that follow each other in them."""
    first, allowed = None, 1
    for index in range(len(places) - 1, -1, -1):
        follows = index + 1 < len(places) and 0.5 < (places[index + 1] - places[index]) / step < 1.5
        if follows or (allowed <= 8 and 0.5 < (x - places[index]) / step < allowed + 1.6):
            first, x, allowed = index, places[index], 1
        else:
            allowed += 1
    return first


def _like_a_row(lines: Sequence[str], start: int, dialect: Dialect) -> list[str]:
    """Return a note on a line directly above the table that has its form and cannot be read: a damaged first row."""
    above = next((i for i in range(start - 1, -1, -1) if lines[i].strip()), None)
    if above is None:
        return []
    text, row = lines[above].strip(), lines[start].strip()
    joined = re.search(r"[^\W\d_)\]\"]([+-]?\d+[.,]\d.{1,60})$", text)
    if joined is not None and len(dialect.row(joined[1]) or ()) == len(dialect.row(row) or " "):
        return [f"line {above + 1} ({short(text)}) ends in what looks like a row: it is not read"]
    digits = sum(c.isdigit() for c in text)
    alike = abs(len(text) - len(row)) <= 3 and re.fullmatch(r"[\d.]+", text) is None
    date = re.search(r"\d[:/]\d\d|\d\d-\d\d", text)
    if alike and digits > 0.5 * len(text) and not date and not glance(text):
        return [f"line {above + 1} ({short(text)}) looks like a row and is not one: it is not read"]
    return []


def _rows(
    lines: Sequence[str], start: int, dialect: Dialect, open_end: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[str]]:
    """Return the numbers of all rows from a line on, the numbers of their lines, and notes."""
    width = 0
    parts: list[NDArray[np.float64]] = []
    numbers: list[NDArray[np.int64]] = []
    notes: list[str] = []
    commented: list[int] = []
    last = next((i for i in range(len(lines) - 1, start - 1, -1) if lines[i].strip()), start)
    for low in range(start, len(lines), _CHUNK):
        chunk = lines[low : low + _CHUNK]
        block = _fast(chunk, dialect, width)
        if block is not None:
            width = block.shape[1]
            parts.append(block)
            numbers.append(np.arange(low + 1, low + 1 + len(block)))
            continue
        values, at, width, ended = _slow(chunk, low, dialect, width, commented, last if open_end else -1, notes)
        parts.append(np.array(values, dtype=np.float64).reshape(len(values), width))
        numbers.append(np.array(at, dtype=np.int64))
        if ended:
            break
    if commented:
        notes.append(
            f"{len(commented)} rows of numbers begin as comments and are not read, the first in line {commented[0]}"
        )
    if open_end and not any("is cut" in note for note in notes):
        notes.append(f"the last line ({short(lines[last].strip())}) has no end: the file may be cut there")
    if not parts:
        return np.zeros((0, 0)), np.zeros(0, dtype=np.int64), notes
    table = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return table, np.concatenate(numbers), notes


def _fast(lines: Sequence[str], dialect: Dialect, width: int) -> NDArray[np.float64] | None:
    """Return the rows of lines that hold nothing but plain numbers, None where one of them has to be looked at."""
    if dialect.quoted or dialect.thousands:
        return None
    text = "\n".join(lines)
    if dialect.decimal == ",":
        text = text.replace(",", ".")
    separator = dialect.separator
    if not text.isascii() or not text.strip() or text.encode().translate(None, _DIGITS + (separator or "").encode()):
        return None
    rows = lines if dialect.decimal == "." else text.split("\n")
    try:
        values = np.loadtxt(rows, delimiter=separator, comments=None, ndmin=2)
    except ValueError:
        return None
    # loadtxt passes over blank lines; their rows would get the numbers of other lines
    return values if len(values) == len(lines) and values.shape[1] == (width or values.shape[1]) > 1 else None


def _odd_decimals(lines: Sequence[str], values: NDArray[np.float64], first_line: int) -> list[str]:
    """Return notes on numbers with other decimals than all others of their column: a sign or a digit is lost there."""
    text = "\n".join(lines).replace(",", ".") if not any("." in line for line in lines[:5]) else "\n".join(lines)
    if not text.isascii() or "e" in text or "E" in text:
        return []
    data = np.frombuffer(f" {text} ".encode(), np.uint8)
    blank = (data <= ord(" ")) | (data == ord(";")) | (data == ord(",")) | (data == ord('"'))
    starts, ends = np.flatnonzero(blank[:-1] & ~blank[1:]) + 1, np.flatnonzero(~blank[:-1] & blank[1:]) + 1
    if len(starts) != values.size:
        return []
    signs = np.concatenate([[-1], np.flatnonzero(data == ord("."))])
    last = signs[np.searchsorted(signs, ends) - 1]
    decimals = np.where(last >= starts, ends - 1 - last, 0).reshape(values.shape)
    notes = []
    for column in range(values.shape[1]):
        usual = int(np.bincount(decimals[:, column]).argmax())
        odd = np.flatnonzero((decimals[:, column] != usual) & (np.nan_to_num(values[:, column]) != 0))
        if usual > 0 and 0 < len(odd) <= max(2, 0.005 * len(values)):
            first = int(odd[0])
            notes.append(
                f"line {first_line + first} writes column {column + 1} with {decimals[first, column]} decimals where "
                f"the others have {usual}: {short(lines[first].strip())}"
            )
    return notes


def _slow(
    lines: Sequence[str], low: int, dialect: Dialect, width: int, commented: list[int], open_line: int, notes: list[str]
) -> tuple[list[list[float]], list[int], int, bool]:
    """Read line by line; the last result is whether an end mark was met."""
    values: list[list[float]] = []
    numbers: list[int] = []
    for index, line in enumerate(lines, start=low):
        stripped = line.strip()
        if not stripped:
            continue
        if is_comment(stripped):
            if dialect.row(stripped[1:]) is not None:
                commented.append(index + 1)
            continue
        row = dialect.row(line)
        if row is not None and (not width or len(row) == width):
            width = len(row)
            values.append(row)
            numbers.append(index + 1)
            continue
        if index == open_line:
            notes.append(f"the last line ({short(stripped)}) is cut and left out")
            continue
        if stripped.lower() in _END:
            return values, numbers, width, True
        fields = dialect.split(line)
        if all(dialect.number(field) is not None for field in fields):
            raise InputError(f"line {index + 1} has {len(fields)} columns where the first row has {width}")
        raise InputError(f"line {index + 1} is not a row of numbers: {short(stripped)}")
    return values, numbers, max(width, 2), False
