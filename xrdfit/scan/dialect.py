"""How a text file writes its rows: separator, decimal sign, thousands separators, quotes. Decided once a file."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from xrdfit.errors import InputError

_SPACES = "\u00a0\u202f\u2009\u2007"
_LONGEST = 60
"""More characters than this are no number but damage."""
_EXPONENT = r"(?:[eEdD][+-]?\d{1,3})?"
_PLAIN = {sign: re.compile(rf"[+-]?(?:\d+{re.escape(sign)}?\d*|{re.escape(sign)}\d+){_EXPONENT}") for sign in ".,"}
_NO_NUMBER = (
    "nan +nan -nan inf +inf -inf infinity -infinity +infinity - -- --- . ? na n/a #n/a null none masked nil nv "
    "1.#qnan -1.#qnan 1.#ind -1.#ind 1.#inf #num! #value! #div/0!"
)
_MISSING = frozenset(_NO_NUMBER.split())
COMMENT = "#!;%'\"/*&:<>{}$_"
"""A line that begins with one of these is a comment, unless it is a quoted row of numbers."""


@dataclass(frozen=True)
class Dialect:
    """The way in which all rows of one file are written.

    Attributes
    ----------
    separator : str or None
        ``,``, ``;`` or a tab; None is white space.
    decimal : str
        ``.`` or ``,``.
    thousands : str
        The signs that group digits by three; empty where there are none.
    quoted : bool
        Whether fields stand in quotation marks.
    """

    separator: str | None
    decimal: str = "."
    thousands: str = ""
    quoted: bool = False

    def split(self, line: str) -> list[str]:
        """Return the fields of a row, without blanks and quotation marks."""
        text = line.strip(" \r\n") if self.separator == "\t" else line.strip()
        if self.quoted:
            fields = next(csv.reader([text], delimiter=self.separator or " ", skipinitialspace=True), [])
            return [field.strip() for field in fields]
        if self.separator is None:
            # where an unbreakable space groups digits, only the plain one separates
            return re.split(r"[ \t]+", text.strip(" \t")) if self.thousands.strip("'’,.") else text.split()
        return [field.strip() for field in text.split(self.separator)]

    def number(self, field: str) -> float | None:
        """Return the number that a field states, NaN where it states that there is none, None for anything else."""
        if len(field) > _LONGEST:
            return None
        if _PLAIN[self.decimal].fullmatch(field):
            return float(field.replace(",", ".").replace("d", "e").replace("D", "e"))
        if self.thousands and _grouped(self.thousands, self.decimal).fullmatch(field):
            digits = "".join(c for c in field if c not in self.thousands)
            return float(digits.replace(",", "."))
        if not field or field.lower() in _MISSING or (len(field) > 2 and not field.strip("*")):
            return float("nan")
        return None

    def row(self, line: str) -> list[float] | None:
        """Return the numbers of a row, None for a line that is none: its first two fields need a number at least."""
        values = [self.number(field) for field in self.split(line)]
        if len(values) < 2 or any(value is None for value in values) or all(v != v for v in values):
            return None
        return [value for value in values if value is not None]


def _grouped(signs: str, decimal: str) -> re.Pattern[str]:
    """Return the pattern of a number whose digits are grouped by three."""
    return re.compile(rf"[+-]?\d{{1,3}}(?:[{re.escape(signs)}]\d{{3}})+(?:{re.escape(decimal)}\d*)?")


def is_comment(stripped: str) -> bool:
    """Return whether a line is a comment: by its first character, unless a number in quotation marks begins it."""
    return stripped[0] in COMMENT and not re.match(r"\"\s?[+-]?[\d.]", stripped)


_COMMONEST = re.compile(r"[+-]?\d+(?:\.\d*)?(?: +[+-]?\d+(?:\.\d*)?)+", re.ASCII)  # one way to match, so linear


def glance(line: str) -> int:
    """Return how many fields a line has that looks like a row of numbers, 0 for one that does not."""
    text = line.strip()
    if not text or not (text[0].isdigit() or text[0] in '+-.",;'):
        return 0
    if _COMMONEST.fullmatch(text):  # the answer below at a fifth of its cost: most lines of most files
        return len(text.split())
    if '"' in text:
        text = re.sub(r'"([^"]*)"', lambda field: field[1].replace(",", ""), text)
    for separator in (";", "\t", ",", None):
        if separator is not None and separator not in text:
            continue
        fields = text.split(separator)
        if all(_looks(field.strip().strip('"').strip()) for field in fields):
            said = sum(
                any(c.isdigit() for c in field) or field.strip().lower() in _MISSING or not field.strip(" *")
                for field in fields
                if field.strip()
            )
            return len(fields) if said >= 2 else 0
    return 0


_LOOKS = re.compile(rf"[+-]?[\d.,][\d.,'’{_SPACES}]*(?: \d{{3}})*{_EXPONENT}")


def _looks(field: str) -> bool:
    return not field or _LOOKS.fullmatch(field) is not None or field.lower() in _MISSING or not field.strip("*")


def detect(rows: Sequence[tuple[int, str]]) -> tuple[Dialect, list[str]]:
    """Return the dialect of a file and notes on what had to be decided.

    Parameters
    ----------
    rows : sequence of (line number, text)
        Rows of numbers, a sample of the file.

    Raises
    ------
    InputError
        Two decimal signs in one file, naming the line.
    """
    texts = [text for _, text in rows]
    quoted = any('"' in text for text in texts)
    separator = _separator(texts, quoted)
    if separator == "," and not quoted:
        return Dialect(","), _two_for_one(rows)
    spaces = "".join(c for c in _SPACES if any(c in text for text in texts)) if separator is not None or quoted else ""
    narrow = any(c in text for text in texts for c in _SPACES)
    if separator is None and not quoted and narrow and all(re.search(r"[ \t]", text.strip()) for text in texts):
        # White space of two kinds: the narrow or unbreakable one groups digits, the plain one separates.
        return _decimal(rows, Dialect(None, thousands=_SPACES))
    signs = spaces + "".join(c for c in "'’" if any(c in text for text in texts))
    if separator == "\t" and any(re.search(r"\d \d{3}(?!\d)", text) for text in texts):
        signs += " "
    dialect, notes = _decimal(rows, Dialect(separator, thousands=signs, quoted=quoted))
    return dialect, notes if separator is not None else notes + _two_for_one(rows)


def _separator(texts: Sequence[str], quoted: bool) -> str | None:
    if quoted:
        for separator in (";", "\t", ","):
            if any(re.search(rf"\"\s*{separator}|{separator}\s*\"", text) for text in texts):
                return separator
    if all(";" in text for text in texts):
        return ";"
    if all("\t" in text for text in texts):
        inner = [field.strip() for text in texts for field in text.strip().split("\t")]
        if all(" " not in field or re.fullmatch(r"[+-]?\d{1,3}(?: \d{3})+(?:[.,]\d*)?", field) for field in inner):
            return "\t"
        return None
    if not any("," in text for text in texts):
        return None
    tight = any(not re.search(r"\s", text.strip()) for text in texts)
    return "," if tight or all(re.search(r",\s|\s,", text) for text in texts) else None


def _decimal(rows: Sequence[tuple[int, str]], draft: Dialect) -> tuple[Dialect, list[str]]:
    """Decide which of point and comma is the decimal sign: the one in the first column that holds one of them."""
    fields = [draft.split(text) for _, text in rows]
    columns = list(range(min(len(row) for row in fields)))
    decimal = next(
        (sign for column in columns for sign in [_sign([row[column] for row in fields], column)] if sign), ""
    )
    decimal = decimal or "."
    other = _OTHER[decimal]
    notes, signs = [], draft.thousands
    for column in columns:
        wrong = next((i for i, row in enumerate(fields) if other in row[column]), None)
        if wrong is not None:
            if column == 0 or not _grouped(other, decimal).fullmatch(fields[wrong][column]):
                told = fields[wrong][column][:20]
                raise InputError(f"line {rows[wrong][0]} writes {told!r} with another decimal sign than the rest")
            signs += other if other not in signs else ""
        example = next((row[column] for row in fields if any(c in row[column] for c in signs)), None)
        value = Dialect(draft.separator, decimal, signs, draft.quoted).number(example) if example else None
        if example is not None and value is not None:
            sign = next(c for c in signs if c in example)
            what = {",": "commas", ".": "points", "'": "apostrophes", "’": "apostrophes"}.get(sign, "blanks")
            notes.append(f"{what} in column {column + 1} are read as thousands separators ({example} is {value:g})")
    return Dialect(draft.separator, decimal, signs, draft.quoted), notes


_OTHER = {".": ",", ",": "."}


def _sign(fields: Sequence[str], column: int) -> str:
    """Return the decimal sign that one column shows, empty where it shows none."""
    found = [sign for sign in ".," if any(sign in field for field in fields)]
    if len(found) == 2:
        # the rarer one is the fault or the thousands separator
        counts = {sign: sum(sign in field for field in fields) for sign in found}
        grouping = [s for s in ",." if all(s not in f or _grouped(s, _OTHER[s]).fullmatch(f) for f in fields)]
        return _OTHER[grouping[0]] if column > 0 and grouping else max(counts, key=lambda s: counts[s])
    if found == [","] and column > 0 and all("," not in f or _grouped(",", ".").fullmatch(f) for f in fields):
        return "."
    return found[0] if found else ""


def _two_for_one(rows: Sequence[tuple[int, str]]) -> list[str]:
    """Refuse rows whose last two columns are one number with a thousands separator ("20.00 1 500").

    The sign of it: three digits exactly in the last column everywhere, and one to three before it.
    """
    tails = [re.search(r"(?<![\d.])(\d{1,3})[\s,]{1,3}(\d{3})\s*$", text) for _, text in rows]
    if len(tails) < 5 or any(tail is None for tail in tails):
        return []
    pairs = [(tail[1], tail[2]) for tail in tails if tail is not None]
    widths = {len(re.split(r"[\s,]+", text.strip())) for _, text in rows}
    if widths != {3}:
        return []
    # Errors of counting are below the counts; the last three digits of a number are anything.
    implausible = sum(int(low) > max(int(high), 31) or low[0] == "0" for high, low in pairs)
    if implausible > 0.5 * len(pairs):
        raise InputError(
            f"line {rows[0][0]}: {pairs[0][0]!r} and {pairs[0][1]!r} look like one number with a thousands separator; "
            "write it without, or pass --columns 1,2,3 (columns=) for three columns"
        )
    return []
