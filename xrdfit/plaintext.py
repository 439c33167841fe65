"""Text from files made harmless for where it goes: a terminal, a spreadsheet, a file in UTF-8.

Names, titles, labels and notes come from files of others. A terminal must not obey them, a spreadsheet not compute
them, and a file name that is not UTF-8 must not end a programme that has computed for minutes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any
from unicodedata import category

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the begin of a formula, after blanks too."""


def printable(text: str) -> str:
    r"""Return text that a terminal shows and never obeys; new lines stay.

    Control characters, marks that turn the direction of writing, and what is no character are written as ``\u001b``.

    Examples
    --------
    >>> print(printable("Cu\x1b[31m χ²"))
    Cu\u001b[31m χ²
    """
    if text.isprintable():
        return text
    return "".join(c if _harmless(c) else _escape(c) for c in text)


def one_line(text: str) -> str:
    r"""Return `printable` text on one line.

    Examples
    --------
    >>> one_line("two\n lines")
    'two lines'
    """
    return printable(" ".join(text.split()))


def storable(text: str) -> str:
    r"""Return text that UTF-8 can hold: bytes of a file's name that it cannot are written as ``\udcff``.

    Examples
    --------
    >>> storable("scan\udcff.xy")
    'scan\\udcff.xy'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def csv_cell(value: Any) -> Any:
    """Return a cell that a spreadsheet does not compute: text that would begin a formula gets an apostrophe.

    Examples
    --------
    >>> csv_cell("=1+1"), csv_cell("-0.5"), csv_cell(-0.5), csv_cell(None)
    ("'=1+1", '-0.5', -0.5, '')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = printable(value)
    if (text.startswith("\n") or text.lstrip().startswith(_FORMULA)) and not _is_number(text):
        return "'" + text
    return text


def csv_text(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table as CSV with a header; None is an empty cell."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for row in (columns, *rows):
        writer.writerow([csv_cell(cell) for cell in row])
    return stream.getvalue()


def _harmless(character: str) -> bool:
    return character == "\n" or character.isprintable() or category(character) == "Zs"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
