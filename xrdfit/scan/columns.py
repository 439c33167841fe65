"""Which column of a table is what: by its header's names, by what is asked for, else by position."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import Axis
from xrdfit.scan.labels import Kind, Label, classify, is_template
from xrdfit.scan.table import Table, short

_MARKS = "#!;%'/*&:>{}$ \t-=|"
_QUOTES = "\"'"
_ABOVE = 6
_FACTS = re.compile(
    r"^(sample|operator|user|date|time|name|title|comment|anode|file|instrument|id|remark|datum)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Columns:
    """Where a table holds what (columns from 0).

    Attributes
    ----------
    x, y : int
    sigma, variance, weight, flag : int or None
    axis : Axis or None
        What the names say that `x` is, None where they say nothing.
    told : str
        Where they say so.
    named : bool
        Whether the columns have names.
    per_second : float
        See `Label`.
    notes : list of str
    """

    x: int = 0
    y: int = 1
    sigma: int | None = None
    variance: int | None = None
    weight: int | None = None
    flag: int | None = None
    axis: Axis | None = None
    told: str = ""
    stated: bool = False
    named: bool = False
    per_second: float = 0.0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Names:
    """The names of the columns, what they mean, and the line that holds them (from 1)."""

    names: list[str]
    labels: list[Label | None]
    line: int


def read_columns_option(text: str | Sequence[int]) -> tuple[int, ...]:
    """Return the columns (from 0) that an option names: "1,2", "1,2,3" or whole numbers.

    Raises
    ------
    InputError
        For anything else.
    """
    parts = text.split(",") if isinstance(text, str) else list(text)
    try:
        numbers = [int(part) for part in parts]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) not in (2, 3) or min(numbers) < 1 or len(set(numbers)) < len(numbers):
        raise InputError(
            f"columns is {str(text)[:40]!r}; two or three different numbers from 1 are allowed: axis, intensity and "
            "standard deviation (1,2,3)"
        )
    return tuple(number - 1 for number in numbers)


def assign(table: Table, wanted: tuple[int, ...] | None, axis_given: bool = False) -> Columns:
    """Decide which column holds what.

    Raises
    ------
    InputError
        Where neither names nor position tell.
    """
    width = table.values.shape[1]
    filled = width
    while filled > 2 and np.all(np.isnan(table.values[:, filled - 1])):  # separators at the end of every row
        filled -= 1
    names = find_names(table, width) or (find_names(table, filled) if filled < width else None)
    if wanted is not None:
        if max(wanted) >= width:
            raise InputError(f"columns {','.join(str(w + 1) for w in wanted)} asked for; the file has {width}")
        label = names.labels[wanted[0]] if names else None
        axis, told, stated = _axis_of(label, names, wanted[0]) if not axis_given else (None, "", False)
        rate = names.labels[wanted[1]] if names else None
        sigma, per_second = (wanted[2] if len(wanted) == 3 else None), (rate.per_second if rate else 0.0)
        return Columns(
            wanted[0], wanted[1], sigma, axis=axis, told=told, stated=stated, named=True, per_second=per_second
        )
    if names is None:
        return _by_position(table, filled, axis_given)
    return _by_names(names, axis_given)


def find_names(table: Table, width: int) -> Names | None:
    """Return the names of the columns from the lines above the table.

    A line is one of names if every field of it is known, one of them as an axis; directly above the table also if it is
    divided as the rows are and names an axis or nothing known at all, as long as it does not read like a statement.
    """
    lines = [i for i in range(len(table.header)) if table.header[i].strip(_MARKS + '[]"<')]
    units: Names | None = None
    for depth, index in enumerate(reversed(lines[-_ABOVE:])):
        text = table.header[index].strip()
        if re.match(r"\[[^\]]{0,40}\]$", text) or len(text) > 600 or is_template(text):
            continue
        found = _names(text, index + 1, table, width, strict=depth > 0)
        if found is None:
            continue
        label = next((item for item in found.labels if item and item.kind is Kind.AXIS), None)
        if label is not None and not label.stated and units is None:
            units = found  # "deg counts" under "2theta intensity"
            continue
        if units is not None and label is None:
            return units
        return found if units is None else _with_units(found, units)
    return units


def _with_units(names: Names, units: Names) -> Names:
    """Return names with what a line of units below them says of radians and of counts a second."""
    labels = list(names.labels)
    for i, (name, unit) in enumerate(zip(names.labels, units.labels, strict=True)):
        if name is None or unit is None or name.kind is not unit.kind:
            continue
        if unit.axis is Axis.RADIANS and name.axis is Axis.TWO_THETA:
            labels[i] = replace(name, axis=Axis.RADIANS)
        elif unit.per_second and not name.per_second:
            labels[i] = replace(name, per_second=unit.per_second)
    return Names(names.names, labels, names.line)


def _names(text: str, line: int, table: Table, width: int, strict: bool) -> Names | None:
    body = text.lstrip(_MARKS)
    body = re.sub(r"^L\s+(?=\S)", "", body) if text.startswith("#L") else body
    separator = table.dialect.separator
    for divided in _divisions(body, separator):
        for shift in (0, 1):
            fields = [""] * shift + divided
            if len(fields) > width and not fields[-1]:
                fields = fields[:width]
            if len(fields) != width or (shift and not _counts_rows(table.values[:, 0])):
                continue
            labels = [classify(name) if name else Label(Kind.INDEX) for name in fields]
            if any(item is not None and item.kind in (Kind.AXIS, Kind.OTHER_AXIS) for item in labels):
                kinds = {item.kind for item in labels if item is not None}
                known = all(item is not None for item in labels) and bool(kinds & {Kind.AXIS, Kind.COUNTS})
                known &= bool(kinds - {Kind.AXIS, Kind.OTHER_AXIS, Kind.INDEX})
                by_sign = (separator is not None and not text.startswith(tuple("#!;%'"))) or separator in (",", ";")
                lone = width == 2 and _lone_axis(fields, labels[0])
                if known or (not strict and (lone or (by_sign and _no_statement(fields)))):
                    return Names(fields, labels, line)
            elif not strict and _unknown_axis(text, fields, labels, separator):
                return Names(fields, labels, line)
    return None


def _divisions(body: str, separator: str | None) -> list[list[str]]:
    """Return the ways in which a line can be divided into names."""
    out = []
    for sign in (separator, "\t", ";", ","):
        if sign is not None and sign in body:
            if '"' in body:
                out.append([part.strip() for part in re.findall(rf"\"[^\"]*\"|[^{sign}\"]+|(?<=^)(?={sign})", body)])
            out.append([part.strip().strip("\"'").strip() for part in body.rstrip("\r\n").split(sign)])
    if "<" in body:
        out.append([part.strip() for part in re.findall(r"<([^<>]{1,40})>", body)])
    text = body.replace('"', " ").strip()
    out.append(re.split(r"\t|\s{2,}", text))
    out.append(re.split(r"\s+(?![(\[/])", text))
    out.append(text.split())
    return out


def _no_statement(fields: Sequence[str]) -> bool:
    return not any(re.search(r"[:=]", name) or re.fullmatch(r"[+-]?[\d.]+", name) or len(name) > 60 for name in fields)


def _lone_axis(fields: Sequence[str], first: Label | None) -> bool:
    """Return whether two words above two columns begin with Q, θ, d, …, whatever the second is ("q sample3")."""
    other = first is not None and (first.kind is Kind.OTHER_AXIS or first.axis in (Axis.Q_ANGSTROM, Axis.Q_NM))
    return other and _no_statement(fields)


def _unknown_axis(text: str, fields: Sequence[str], labels: Sequence[Label | None], separator: str | None) -> bool:
    """Return whether a line directly above the table names columns of which none is known as an axis."""
    if not _no_statement(fields) or _FACTS.match(fields[0]) or not all(name[:1].isalpha() for name in fields if name):
        return False
    intensity = any(item is not None and item.kind in (Kind.COUNTS, Kind.SIGMA) for item in labels[1:])
    divided = separator is not None and separator in text and not text.startswith(tuple("#!;%'"))
    return labels[0] is None and bool(fields[0]) and (intensity or divided)


def _axis_of(label: Label | None, names: Names | None, column: int) -> tuple[Axis | None, str, bool]:
    if label is None or names is None or label.kind is not Kind.AXIS:
        return None, "", False
    return label.axis, f"{names.names[column].strip(_QUOTES)[:40]!r} in line {names.line}", label.stated


def _by_names(names: Names, axis_given: bool) -> Columns:
    labels = names.labels
    axes = [i for i, item in enumerate(labels) if item is not None and item.kind is Kind.AXIS]
    axes = [i for i in axes if labels[i].stated] or axes  # type: ignore[union-attr]
    others = [i for i, item in enumerate(labels) if item is not None and item.kind is Kind.OTHER_AXIS]
    if len(axes) > 1 and len({labels[i].axis for i in axes}) > 1:  # type: ignore[union-attr]
        axes = [i for i in axes if labels[i].axis is Axis.TWO_THETA] or axes  # type: ignore[union-attr]
    if axes:
        x = axes[0]
    elif axis_given:
        x = next((i for i, item in enumerate(labels) if item is None or item.kind is Kind.OTHER_AXIS), 0)
    elif others:
        raise InputError(
            f"has the axis {names.names[others[0]][:40]!r} (line {names.line}); 2θ (degrees or radians) and Q are "
            "read; if it is one of these under another name, pass --axis (axis=)"
        )
    else:
        raise InputError(
            f"names its columns in line {names.line} ({short(' | '.join(names.names))}) and none is known as 2θ or Q: "
            "pass --axis two_theta, two_theta_rad, q or q_nm (axis=)"
        )
    y, notes = _intensity(names, x)

    def only(kind: Kind) -> int | None:
        return next(
            (i for i, item in enumerate(labels) if item is not None and item.kind is kind and i not in (x, y)), None
        )

    sigma = only(Kind.SIGMA)
    variance = only(Kind.VARIANCE) if sigma is None else None
    weight = only(Kind.WEIGHT) if sigma is None and variance is None else None
    flag = only(Kind.FLAG)
    silent = {x, y, sigma, variance, weight, flag, *(i for i, t in enumerate(labels) if t and t.kind is Kind.INDEX)}
    unused = [names.names[i] for i in range(len(labels)) if i not in silent]
    if unused:
        many = len(unused) > 1
        listed = ", ".join(unused)[:120]
        notes.append(f"column{'s' if many else ''} {listed} {'were' if many else 'was'} not read")
    axis, told, stated = _axis_of(labels[x], names, x)
    label = labels[y]
    return Columns(
        x, y, sigma, variance, weight, flag, axis, told, stated, True, label.per_second if label else 0.0, notes
    )


def _intensity(names: Names, x: int) -> tuple[int, list[str]]:
    """Return the column of the measured intensity: the best of those that are called so, else the only unknown one."""
    rest = [(i, item) for i, item in enumerate(names.labels) if i != x]
    counts = [(i, item) for i, item in rest if item is not None and item.kind is Kind.COUNTS]
    if counts:
        best = max(item.rank for _, item in counts)
        first = [i for i, item in counts if item.rank == best]
        if len(first) > 1:
            _ask(names, first)
        return first[0], []
    unknown = [i for i, item in rest if item is None]
    if len(unknown) > 1:
        _ask(names, unknown)
    if unknown:
        return unknown[0], []
    calculated = [i for i, item in rest if item is not None and item.kind is Kind.CALCULATED]
    if calculated:
        return calculated[0], [
            f"column {names.names[calculated[0]][:40]} holds a calculated intensity, no measured one"
        ]
    changed = [i for i, item in rest if item is not None and item.kind is Kind.TRANSFORMED]
    if changed:
        raise InputError(f"holds {names.names[changed[0]][:40]!r}, not an intensity; export the intensity itself")
    raise InputError(f"names no column of intensity in line {names.line}; pass --columns 1,2 (columns=)")


def _ask(names: Names, which: Sequence[int]) -> None:
    listed = ", ".join(f"{i + 1} {names.names[i][:30]!r}" for i in which[:8])
    raise InputError(f"holds several columns that may be the intensity ({listed}); pass --columns 1,2 (columns=)")


def _counts_rows(column: NDArray[np.float64]) -> bool:
    """Return whether a column holds nothing but the numbers of the rows, from 0 or 1."""
    return len(column) > 9 and column[0] in (0.0, 1.0) and bool(np.all(np.diff(column) == 1.0))


def _by_position(table: Table, width: int, axis_given: bool) -> Columns:
    values = table.values
    index = _counts_rows(values[:, 0])
    if index and width >= 3:
        steps = np.diff(values[:, 1])
        if np.all(steps > 0) or np.all(steps < 0):
            note = ["the first column numbers the rows and is not read"]
            if width > 4:
                raise InputError(
                    f"holds {width} columns without a header that names them; pass --columns 2,3 (columns=)"
                )
            return Columns(1, 2, 3 if width == 4 else None, notes=note)
    if index and width == 2 and len(values) > 40 and not axis_given:
        raise InputError(
            "has a first column that numbers the rows (1, 2, 3 …) and no angles; if these are degrees, pass "
            "--axis two_theta (axis=)"
        )
    if width > 3:
        raise InputError(
            f"holds {width} columns without a header that names them; "
            "2 (angle, intensity) or 3 (and its standard deviation) are allowed; --columns 1,2,3 (columns=) picks them",
        )
    return Columns(sigma=2 if width == 3 else None)
