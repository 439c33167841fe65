"""How the wishes of a user change the rows of a model: what varies, from where, within which limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.parameters import ParameterRow

_FREE_OF_HABIT = ("occ",)
"""Kinds whose limits a user may widen: a heavier atom on a site makes its occupancy exceed 1."""


def resolve_rows(
    rows: Iterable[ParameterRow], options: FitOptions, tied: set[str], elsewhere: set[str]
) -> dict[str, ParameterRow]:
    """Apply vary, fix, start and limits to the model's parameters.

    Parameters
    ----------
    rows : iterable of ParameterRow
    options : FitOptions
    tied : set of str
        Names that follow ties.
    elsewhere : set of str
        Names that only another engine has: naming one of them is no mistake where the engine is chosen for the user.

    Raises
    ------
    InputError
        For a name or pattern that matches no parameter, or a start outside its limits.
    """
    table = {r.name: r for r in rows}

    def each(what: str, wishes: Iterable[str]) -> Iterable[tuple[str, str]]:
        for pattern in wishes:
            for name in matching(pattern, table, what, elsewhere):
                if name in tied and name == pattern:  # a pattern may pass over what follows a tie; a name may not
                    raise InputError(f"{what} {name!r}: it follows a tie of the model and has no value of its own")
                yield pattern, name

    for _, name in each("vary", options.vary):
        table[name] = replace(table[name], vary=name not in tied)
    for pattern, name in each("fix", options.fix):
        value = options.fix[pattern]
        table[name] = replace(table[name], vary=False, value=table[name].value if value is None else value)
    for pattern, name in each("limits", options.limits):
        table[name] = _within(table[name], *options.limits[pattern])
    for pattern, name in each("start", options.start):
        table[name] = replace(table[name], value=options.start[pattern])
    asked = {name for wishes in (options.start, options.fix) for p in wishes for name in _hits(p, table)}
    for r in table.values():
        if not r.minimum <= r.value <= r.maximum and (r.name in asked or r.vary):
            raise InputError(
                f"{r.name}={r.value:g} is outside its limits {r.minimum:g} to {r.maximum:g} {r.unit}".rstrip()
            )
    return {name: replace(r, vary=r.vary and name not in tied) for name, r in table.items()}


def _within(row: ParameterRow, low: float, high: float) -> ParameterRow:
    """The row with other limits; beyond what its kind can be they are not taken."""
    kind = row.kind
    if kind.stem not in _FREE_OF_HABIT and not (low >= kind.minimum and high <= kind.maximum):
        allowed = f"{kind.minimum:g} to {kind.maximum:g} {kind.unit}".rstrip()
        raise InputError(f"limits {row.name}={low:g}:{high:g} go beyond what it can be; {allowed} is allowed")
    return replace(row, minimum=low, maximum=high)


def matching(pattern: str, table: Mapping[str, ParameterRow], what: str, elsewhere: set[str]) -> list[str]:
    """Return the names that a name or pattern means; one without a scan's label means that parameter of every scan."""
    names = _hits(pattern, table)
    if not names and not any(fnmatchcase(name, pattern) for name in elsewhere):
        raise InputError(f"{what} {pattern!r} matches no parameter; there are {', '.join(table)}")
    return names


def _hits(pattern: str, table: Mapping[str, ParameterRow]) -> list[str]:
    return [
        name
        for name, r in table.items()
        if fnmatchcase(name, pattern) or (r.scan and fnmatchcase(replace(r, scan="").name, pattern))
    ]
