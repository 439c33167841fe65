"""Columns of numbers: .xy, .xye, .csv, .dat, .prn, .txt in any common separator, comment style and decimal sign."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import Axis, axis_of_label, refuse_other_axis, stated_wavelength
from xrdfit.scan.meta import join_notes
from xrdfit.scan.schema import Attribute, RawScan

_COMMENT = "#!;%'\"/*&:<>{}$_"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_COUNTS = re.compile(r"^(counts?|int|intensity|intensities|i|y|y_?obs|obs|observed|yo)\b", re.IGNORECASE)
_SIGMA = re.compile(r"^(sigma|error|err|e|esd|std|s|dy|uncertainty|sig|σ|stderr)\b", re.IGNORECASE)
_WEIGHT = re.compile(r"^(weights?|w)\b", re.IGNORECASE)
_MAX_HEADER = 2000


@dataclass(frozen=True)
class _Columns:
    """Which columns hold what; `unused` are names that were read over."""

    axis: Axis
    x: int = 0
    y: int = 1
    sigma: int | None = None
    weight: int | None = None
    unused: tuple[str, ...] = ()
    named: bool = False


def decode(data: bytes) -> str:
    """Return the text of a file: UTF-16 or UTF-8 by its mark, UTF-8, else Latin-1.

    Raises
    ------
    InputError
        Where the file holds NUL bytes: it is not text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError:
            raise InputError("starts as UTF-16 text and is not; a text or an instrument's file is needed") from None
    if b"\0" in data:
        raise InputError("is a binary file of no known format; `xrdfit formats` lists those that are read")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_columns(data: bytes) -> list[RawScan]:
    """Read two or three columns: 2θ, intensity and, as third, the standard deviation.

    A header line with names decides which columns are read; `two_theta`, `2theta`, `q`, `intensity`, `counts`,
    `sigma`, `error`, `weight` and the like are known.
    """
    lines = decode(data).splitlines()
    start = _first_row(lines)
    header = lines[:start]
    columns = _assign(header, _split(lines[start]))
    table = parse_table(lines[start:], start + 1)
    return [_scan(table, columns, header)]


def parse_table(lines: Sequence[str], first_line: int) -> NDArray[np.float64]:
    """Return the rows of numbers; blank lines and comments between them are skipped, anything else is an error."""
    rows: list[list[float]] = []
    width = 0
    for offset, line in enumerate(lines):
        stripped = line.strip()
        if not stripped or stripped[0] in _COMMENT:
            continue
        values = _numbers(_split(stripped))
        if values is None:
            raise InputError(f"line {first_line + offset} is not a row of numbers: {_short(stripped)}")
        width = width or len(values)
        if len(values) != width:
            raise InputError(f"line {first_line + offset} has {len(values)} columns where the first row has {width}")
        rows.append(values)
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _split(line: str) -> list[str]:
    """Return the fields of a row, with the decimal sign a point.

    A comma between digits is the decimal sign where another separator is there ("10,02 5"; "10,02;5"), else the
    separator ("10.02,5"); followed by white space it is always the separator ("10.02, 5").
    """
    text = line.strip()
    if ";" in text:
        return [field.strip().replace(",", ".") for field in text.rstrip(";").split(";")]
    if "," not in text:
        return text.split()
    if re.search(r",\s|\s,", text) or not re.search(r"\s", text):
        return [field.strip() for field in text.rstrip(",").split(",")]
    return text.replace(",", ".").split()


def _numbers(fields: Sequence[str]) -> list[float] | None:
    if not fields or not all(_NUMBER.fullmatch(field) for field in fields):
        return None
    return [float(field) for field in fields]


def _first_row(lines: Sequence[str]) -> int:
    """Return the index of the first line with at least two numbers and nothing else."""
    single = 0
    for index, line in enumerate(lines[:_MAX_HEADER]):
        values = _numbers(_split(line)) if line.strip() and line.strip()[0] not in _COMMENT else None
        if values is not None and len(values) >= 2:
            return index
        single += values is not None
    if not any(line.strip() for line in lines):
        raise InputError("is empty; a measured pattern is needed")
    if single >= 2:
        raise InputError("holds one column of numbers; angle and intensity are needed")
    raise InputError("holds no rows of numbers; angle and intensity are needed (`xrdfit formats` lists what is read)")


def _header_names(header: Sequence[str], n_columns: int) -> list[str] | None:
    """Return the column names of the last header line that has as many fields as the data and names an axis."""
    for line in reversed(header):
        text = line.strip().lstrip(_COMMENT + " ").removeprefix("->").lstrip("-> ").strip()
        by_white = re.split(r"\t|\s{2,}|\s+(?![(\[])", text)
        for names in (re.split(r"[,;\t]", text), by_white):
            cleaned = [name.strip().strip("\"'") for name in names if name.strip()]
            if len(cleaned) == n_columns and any(axis_of_label(name) for name in cleaned):
                return cleaned
            if len(cleaned) == n_columns and any(_COUNTS.match(name) for name in cleaned[1:]):
                refuse_other_axis(cleaned[0])
    return None


def _assign(header: Sequence[str], first: Sequence[str]) -> _Columns:
    """Decide which column holds what: by the header's names, else by position."""
    names = _header_names(header, len(first))
    if names is None:
        if len(first) > 3:
            raise InputError(
                f"holds {len(first)} columns without a header that names them; "
                "2 (angle, intensity) or 3 (and its standard deviation) are allowed",
            )
        return _Columns(Axis.TWO_THETA, sigma=2 if len(first) == 3 else None)
    x = next(i for i, name in enumerate(names) if axis_of_label(name))
    axis = axis_of_label(names[x])
    assert axis is not None
    others = [i for i in range(len(names)) if i != x]
    y = next((i for i in others if _COUNTS.match(names[i])), others[0])
    others.remove(y)
    sigma = next((i for i in others if _SIGMA.match(names[i])), None)
    weight = next((i for i in others if _WEIGHT.match(names[i])), None) if sigma is None else None
    unused = tuple(names[i] for i in others if i not in (sigma, weight))
    return _Columns(axis, x, y, sigma, weight, unused, named=True)


def _scan(table: NDArray[np.float64], columns: _Columns, header: Sequence[str]) -> RawScan:
    notes = [f"column {name} was not read" for name in columns.unused]
    counts = table[:, columns.y]
    sigma = None if columns.sigma is None else table[:, columns.sigma]
    if columns.weight is not None:
        sigma = sigma_from_weights(table[:, columns.weight])
    if sigma is not None and not columns.named and np.all(sigma == 1.0):
        # The third column of Rigaku's text is the attenuation factor; no counts have errors of exactly 1 everywhere.
        sigma = None
        notes.append("the third column is 1 everywhere: not taken for errors, which are those of counting")
    if sigma is not None:
        sigma, more = usable_sigma(sigma, counts)
        notes += more
    wavelength = stated_wavelength("\n".join(header))
    meta: dict[str, Attribute] = join_notes(notes)
    if wavelength is not None:
        meta["wavelengths"] = [wavelength]
    return RawScan(table[:, columns.x], counts, sigma, meta=meta, axis=columns.axis)


def sigma_from_weights(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1/sqrt(weight); a weight of 0 or less gives infinity, which the schema refuses by name."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weights > 0, 1 / np.sqrt(np.where(weights > 0, weights, 1.0)), np.inf)


def usable_sigma(
    sigma: NDArray[np.float64], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Return the file's errors as far as they are any, and notes on what was done.

    A column of nothing but zeros states no errors. sqrt(N) is 0 where nothing was counted, which would be an infinite
    weight: such a point gets the smallest error that the file gives to any other point (1 where sigma = sqrt(N)).
    """
    if not np.any(sigma):
        return None, ["the column of errors is all zeros: errors are those of counting"]
    empty = (sigma == 0) & (counts == 0)
    if not empty.any() or not np.any(sigma > 0):
        return sigma, []
    least = float(np.min(sigma[sigma > 0]))
    return np.where(empty, least, sigma), [
        f"{int(empty.sum())} points of 0 counts and error 0 have the error {least:g}"
    ]
