"""Where the scans of a series stand: coordinates from options, from headers, from the names of files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xrdfit.errors import InputError
from xrdfit.scan import StackedScan
from xrdfit.series.entries import Coordinate, Entry, number_or_text

FROM_NAME = "FROM_NAME"
_HEADER = "header:"
_HEADER_BYTES = 8192
_NUMBER = r"[-+]?\d{1,12}(?:\.\d{1,12})?(?:[eE][-+]?\d{1,3})?"
_FIELD = re.compile(r"\{([A-Za-z_]\w{0,40})\}")


def with_coordinates(entries: Sequence[Entry], coord: Mapping[str, Any]) -> list[Entry]:
    """Return the entries with further coordinates.

    Parameters
    ----------
    entries : sequence of Entry
    coord : Mapping[str, Any]
        By name: a sequence of one value a scan; ``"header:WORD"`` for the number behind a word of each file's header;
        ``"FROM_NAME"`` for the one number in which the names of the files differ; or, under any name, a pattern of the
        name such as ``"t{minutes}min.xy"``, whose fields are the coordinates.

    Raises
    ------
    InputError
        A coordinate is not there for every scan, or is the name of something else.
    """
    found = [dict(e.coords) for e in entries]
    for name, wish in coord.items():
        for key, values in _values(entries, name, wish).items():
            if not re.fullmatch(r"[A-Za-z_]\w{0,40}", key) or key in ("scan", "site", "parameter"):
                raise InputError(
                    f"coordinate {key!r}: a name of letters and digits is needed, not scan, site, parameter"
                )
            for own, value in zip(found, values, strict=True):
                own[key] = value
    return [replace(e, coords=own) for e, own in zip(entries, found, strict=True)]


def read_coordinates(texts: Sequence[str]) -> dict[str, Any]:
    """Read ``NAME=1,2,3``, ``NAME=header:WORD``, ``NAME=FROM_NAME``, ``FROM_NAME`` or ``t{minutes}min.xy``.

    Raises
    ------
    InputError
        A text is of no such form.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, rest = (part.strip() for part in text.partition("="))
        if _FIELD.search(text):
            found[text] = text
        elif text.strip() == FROM_NAME:
            found["number"] = FROM_NAME
        elif not equals or not name or not rest:
            raise InputError(
                f"coord {text!r}: must read NAME=1,2,3, NAME=header:WORD, NAME=FROM_NAME or a name's pattern such as "
                "t{minutes}min.xy"
            )
        else:
            plain = rest == FROM_NAME or rest.startswith(_HEADER)
            found[name] = rest if plain else [number_or_text(part.strip()) for part in rest.split(",")]
    return found


def _values(entries: Sequence[Entry], name: str, wish: Any) -> dict[str, list[Coordinate]]:
    if isinstance(wish, str) and _FIELD.search(wish):
        return _from_pattern(entries, wish)
    if wish == FROM_NAME:
        return {name: _from_names(entries)}
    if isinstance(wish, str) and wish.startswith(_HEADER):
        return {name: [_from_header(e, wish[len(_HEADER) :].strip(), name) for e in entries]}
    if isinstance(wish, str):
        raise InputError(f"coord {name}={wish!r}: a list of values, header:WORD, FROM_NAME or a pattern is needed")
    values = [v if isinstance(v, str) else float(v) for v in wish]
    if len(values) != len(entries):
        raise InputError(f"coord {name} has {len(values)} values and the series {len(entries)} scans; they must agree")
    return {name: values}


def _name(entry: Entry) -> str:
    return Path(entry.file.rpartition("::")[0] or entry.file).name if entry.file else entry.label


def _from_pattern(entries: Sequence[Entry], pattern: str) -> dict[str, list[Coordinate]]:
    names = _FIELD.findall(pattern)
    if len(set(names)) < len(names):
        raise InputError(f"coord {pattern!r} names a field twice")
    parts = [re.escape(part) for part in _FIELD.split(pattern)[::2]]
    expression = re.compile(f"({_NUMBER})".join(parts))
    found: dict[str, list[Coordinate]] = {name: [] for name in names}
    for entry in entries:
        name = _name(entry)
        match = expression.fullmatch(name) or expression.fullmatch(os.path.splitext(name)[0])
        if match is None:
            raise InputError(f"coord {pattern!r} does not fit the name {name!r}: text must agree, fields be numbers")
        for key, text in zip(names, match.groups(), strict=True):
            found[key].append(float(text))
    return found


def _from_names(entries: Sequence[Entry]) -> list[Coordinate]:
    numbers = [re.findall(r"\d{1,12}(?:\.\d{1,12})?", os.path.splitext(_name(e))[0]) for e in entries]
    if len({len(found) for found in numbers}) == 1:
        differing = [column for column in zip(*numbers, strict=True) if len(set(column)) > 1]
        if len(differing) == 1:
            return [float(text) for text in differing[0]]
    raise InputError(
        f"FROM_NAME: the names ({_name(entries[0])!r}, …) do not differ in exactly one number; "
        "give their pattern, such as --coord 't{minutes}min.xy'"
    )


def _from_header(entry: Entry, word: str, name: str) -> Coordinate:
    """The number behind a word, in the attributes of what was read or in the first lines of the file."""
    source = entry.source
    attrs: Mapping[Any, Any] = {}
    if isinstance(source, StackedScan):
        attrs = {**source.about, **source.raw.meta}
    elif not isinstance(source, str):
        attrs = source.attrs
    if word in attrs:
        return number_or_text(str(attrs[word]))
    try:
        with Path(entry.file.rpartition("::")[0] or entry.file).open("rb") as stream:
            head = stream.read(_HEADER_BYTES).decode("latin-1")
    except OSError:
        return float("nan")  # the scan's own row says why
    match = re.search(rf"{re.escape(word)}\W{{0,20}}?({_NUMBER})", head, re.IGNORECASE)
    if match is None:
        raise InputError(f"coord {name}: the header of {entry.file} has no number behind {word!r}")
    return float(match.group(1))
