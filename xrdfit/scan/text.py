"""Columns of numbers: .xy, .xye, .csv, .dat, .prn, .txt, each decision with the line of the file that it rests on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import Axis
from xrdfit.scan.columns import Columns, assign, read_columns_option
from xrdfit.scan.decode import decode, padded
from xrdfit.scan.header import Facts, degrees_mentioned, mention_of_two_theta, read_header
from xrdfit.scan.meta import join_notes
from xrdfit.scan.schema import DEFAULT_OPTIONS, Attribute, RawScan, ReadOptions
from xrdfit.scan.sigma import doubts, sigma_from_weights, usable_sigma
from xrdfit.scan.table import Table, parse_table, read_table

__all__ = ["decode", "parse_table", "read_columns", "sigma_from_weights", "usable_sigma"]

_ASK = "pass --axis two_theta, two_theta_rad, q or q_nm (axis=)"
_STRAY_ROWS, _STRAY_STEPS = 3, 20.0
_WITHIN_PI = 3.2
"""A scan that ends below may be in radians."""


def read_columns(data: bytes, options: ReadOptions = DEFAULT_OPTIONS) -> list[RawScan]:
    """Read two or three columns: axis, intensity and, as third, the standard deviation.

    A header line that names the columns decides which are read (see `xrdfit.scan.columns.assign`), else their
    position; `options` decides before both. The attribute ``evidence`` says what was taken from where.
    """
    table = read_table(decode(data))
    facts = read_header(table.header) if options.axis is None else _lenient(table)
    wanted = None if options.columns is None else read_columns_option(options.columns)
    columns = assign(table, wanted, axis_given=options.axis is not None or facts.axis is not None)
    table, stray = _without_stray_rows(table, columns)
    axis, evidence, notes = _axis(table, columns, facts, options)
    notes = table.notes + stray + columns.notes + facts.notes + notes + _announced(facts, len(table.values))
    if n := padded(data):
        notes.append(f"the file ends in {n} zero bytes, as a damaged one does")
    told = [evidence, _told_columns(columns), *facts.evidence]
    return [_scan(table, columns, axis, facts, options, told, notes)]


def _lenient(table: Table) -> Facts:
    """Read the header of a file whose axis is given: what it says of another axis does not count."""
    try:
        return read_header(table.header)
    except InputError:
        return Facts()


def _told_columns(columns: Columns) -> str:
    error = next(
        (
            f", {name} {at + 1}"
            for name, at in (("error", columns.sigma), ("variance", columns.variance), ("weight", columns.weight))
            if at is not None
        ),
        "",
    )
    return (
        f"columns: axis {columns.x + 1}, intensity {columns.y + 1}{error}, by {'name' if columns.named else 'position'}"
    )


def _axis(table: Table, columns: Columns, facts: Facts, options: ReadOptions) -> tuple[Axis, str, list[str]]:
    """Return the axis, the evidence for it, and notes.

    In order: what is asked for, the column's name, a statement of the header, a mention of 2θ in it. Where the header
    speaks of Q or of something unknown instead, degrees are not assumed.

    Raises
    ------
    InputError
        The header leaves open what the axis is.
    """
    if options.axis is not None:
        return options.axis, f"axis: {options.axis.value}, as asked for", []
    notes: list[str] = []
    if columns.axis is not None and columns.stated:
        axis, source = columns.axis, f"from {columns.told}"
    elif facts.axis is not None:
        axis, source = facts.axis, facts.axis_from
    elif columns.axis is not None and columns.axis is not Axis.TWO_THETA:
        axis, source = columns.axis, f"from {columns.told}"
        if axis is Axis.Q_ANGSTROM:
            notes.append(f"{columns.told} states no unit: 1/Å is taken (--axis q_nm for 1/nm)")
    else:
        mention = mention_of_two_theta(table.header)
        if facts.foreign:
            raise InputError(f"has the axis {facts.foreign}, which is not known; {_ASK}")
        if facts.q_mentioned and not mention:
            raise InputError(f"states no axis, and line {facts.q_mentioned} speaks of Q; {_ASK}")
        axis = Axis.TWO_THETA
        if mention:
            source = f"from {mention}"
        elif columns.told:
            source = f"assumed for {columns.told}"
        else:
            source = ""
    x = table.values[:, columns.x]
    finite = x[np.isfinite(x)]
    if axis is Axis.TWO_THETA and not degrees_mentioned(table.header) and len(finite) and finite.max() < _WITHIN_PI:
        notes.append(f"all angles are below {_WITHIN_PI}°: if they are radians or Q, {_ASK}")
    return axis, f"axis: {axis.value}, {source}" if source else "no axis stated: 2θ in degrees assumed", notes


def _without_stray_rows(table: Table, columns: Columns) -> tuple[Table, list[str]]:
    """Leave out up to three rows before the scan that are far from its first point: numbers of the header."""
    x = table.values[:, columns.x]
    if len(x) < 10 + _STRAY_ROWS:
        return table, []
    steps = np.diff(x)
    step = float(np.nanmedian(steps[_STRAY_ROWS:]))
    if not np.isfinite(step) or step == 0:
        return table, []
    doubled = np.all(table.values[1 : _STRAY_ROWS + 1] == table.values[:_STRAY_ROWS], axis=1)
    off = ~((steps[:_STRAY_ROWS] / step > 0) & (steps[:_STRAY_ROWS] / step <= _STRAY_STEPS)) & ~doubled
    off &= np.isfinite(steps[:_STRAY_ROWS])
    if not off.any():
        return table, []
    n = int(np.flatnonzero(off)[-1]) + 1
    told = f"line {table.lines[0]}" if n == 1 else f"lines {table.lines[0]} to {table.lines[n - 1]}"
    note = (
        f"{told} ({x[0]:g} …) {'is' if n == 1 else 'are'} far from the scan's first point, {x[n]:g}: not read as data"
    )
    return Table(table.values[n:], table.lines[n:], table.header, table.dialect, table.notes), [note]


def _announced(facts: Facts, n: int) -> list[str]:
    if facts.points is None or abs(facts.points[0] - n) <= 1:
        return []
    return [f"line {facts.points[1]} announces {facts.points[0]} points, the file has {n}: it may be cut"]


def _scan(
    table: Table,
    columns: Columns,
    axis: Axis,
    facts: Facts,
    options: ReadOptions,
    evidence: list[str],
    notes: list[str],
) -> RawScan:
    values = table.values
    if columns.flag is not None:
        used = values[:, columns.flag] != 0
        if not used.all():
            notes.append(f"{int((~used).sum())} points that the file marks as not used are left out")
            values = values[used]
    counts = values[:, columns.y]
    sigma, more = _sigma(values, columns, counts)
    notes += more
    meta: dict[str, Attribute] = dict(facts.meta)
    gain = None
    time = options.counts_per or (facts.meta.get("count_time_s") if columns.per_second else None)
    if sigma is None and isinstance(time, float | int):
        rate = columns.per_second or 1.0
        gain = np.full(len(counts), 1 / (float(time) * rate))
        meta["count_time_s"] = float(time)
        evidence.append(
            f"counts: intensity times {time * rate:g}, from {'--counts-per' if options.counts_per else 'the header'}"
        )
    elif sigma is None and columns.per_second:
        notes.append(
            "the intensity is in counts per second without a counting time: neither counts nor their errors are known "
            "(--counts-per SECONDS)"
        )
    meta |= join_notes(notes)
    meta["evidence"] = "; ".join(text.replace(";", ",") for text in evidence)
    return RawScan(values[:, columns.x], counts, sigma, gain, meta=meta, axis=axis)


def _sigma(
    values: NDArray[np.float64], columns: Columns, counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Return the file's standard deviations, from whichever column states them, and notes."""
    if columns.sigma is not None:
        sigma = values[:, columns.sigma]
    elif columns.variance is not None:
        with np.errstate(invalid="ignore"):
            sigma = np.sqrt(values[:, columns.variance])
    elif columns.weight is not None:
        sigma = sigma_from_weights(values[:, columns.weight])
    else:
        return None, []
    usable, notes = usable_sigma(sigma, counts)
    if usable is None:
        return None, notes
    taken, more = doubts(counts, usable, columns.named)
    return (usable if taken else None), (notes if taken else []) + more
