"""From the bytes of a CIF to its data blocks: encodings, marks, damage, tags in their old and new spelling.

gemmi parses. What it refuses and people write all the same (a repeated tag, two blocks of one name, no block at all) is
read with a note. Tags are compared in one spelling: lower case, and "_" for the "." of the newer dictionaries, so that
``_atom_site.fract_x`` and ``_atom_site_fract_x`` are one.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gemmi

from xrdfit.errors import InputError

MAX_BYTES = 20_000_000
_UNKNOWN = ("", "?", ".")
_BAR = re.compile("(\\d)[\u0304\u0305]")  # a bar over the digit: 3̄
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_MARKS = {"\ufeff": " ", "\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-"}


@dataclass
class Block:
    """One data block.

    Attributes
    ----------
    name : str
        As it stands after ``data_``, with a suffix where an earlier block has the same name.
    values : dict of str to list of str
        Values of each tag (tags in one spelling), quotes stripped; a single value is a list of one.
    notes : list of str
        What was odd about the block.
    """

    name: str
    values: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)

    def first(self, tags: Sequence[str]) -> str | None:
        """First value known under one of the tags, or None."""
        for tag in tags:
            for text in self.values.get(tag, ())[:1]:
                if text not in _UNKNOWN:
                    return text
        return None

    def column(self, tags: Sequence[str]) -> list[str]:
        """Known values of the first of the tags that has any."""
        for tag in tags:
            texts = [text for text in self.values.get(tag, ()) if text not in _UNKNOWN]
            if texts:
                return texts
        return []


def number(text: str | None) -> float | None:
    """Value of "0.1234(5)" or "-1"; None for "?", "." and words."""
    value = gemmi.cif.as_number(text) if text is not None else float("nan")
    return value if -1e300 < value < 1e300 else None


def read_blocks(path_or_text: str | Path) -> tuple[list[Block], str]:
    """Read all data blocks.

    Parameters
    ----------
    path_or_text : str or Path
        A path, or the text of a CIF (a str of several lines).

    Returns
    -------
    blocks : list of Block
    source : str
        What messages call it: the path, or "CIF text".

    Raises
    ------
    InputError
        The file cannot be read or parsed, or is above 20 MB.
    """
    text, source = _text(path_or_text)
    cleaned = clean(text)
    try:
        document = _parsed(cleaned)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{source}: not a readable CIF: {' '.join(str(error).split())[:200]}") from None
    blocks: list[Block] = []
    for block in document:
        name = block.name.strip()
        taken = {other.name.lower() for other in blocks}
        unique, count = name, 1
        while unique.lower() in taken:
            count += 1
            unique = f"{name}_{count}"
        blocks.append(_block(block, unique))
    return blocks, source


def _parsed(text: str) -> gemmi.cif.Document:
    try:
        return gemmi.cif.read_string(text, check_level=0)
    except ValueError as error:
        if "expected block header" not in str(error) or re.search(r"^\s*(loop_|_\S)", text, re.MULTILINE) is None:
            raise
        return gemmi.cif.read_string("data_\n" + text, check_level=0)


def _block(block: gemmi.cif.Block, name: str) -> Block:
    values: dict[str, list[str]] = {}
    notes = []
    for item in block:
        for tag, texts in _columns(item):
            if tag not in values:
                values[tag] = texts
            elif values[tag] != texts:
                notes.append(f"{tag} stands twice with different values: the first is used ({_short(values[tag])})")
            elif not tag.startswith("_atom_site"):
                notes.append(f"{tag} stands twice: read once")
    return Block(name, values, notes)


def _columns(item: gemmi.cif.Item) -> list[tuple[str, list[str]]]:
    pair: Any = item.pair
    if pair is not None:
        return [(_spelling(pair[0]), [_plain(pair[1])])]
    if item.loop is not None:
        texts = [_plain(text) for text in item.loop.values]
        width = max(item.loop.width(), 1)
        return [(_spelling(tag), texts[i::width]) for i, tag in enumerate(item.loop.tags)]
    return []


def _spelling(tag: str) -> str:
    return tag.lower().replace(".", "_")


def _plain(text: str) -> str:
    return gemmi.cif.as_string(text).strip()


def _short(texts: Sequence[str]) -> str:
    return " ".join(", ".join(texts[:3]).split())[:60]


def _text(path_or_text: str | Path) -> tuple[str, str]:
    if isinstance(path_or_text, str) and ("\n" in path_or_text or "\r" in path_or_text):
        if len(path_or_text) > MAX_BYTES:
            raise InputError(f"CIF text: {len(path_or_text)} characters; up to {MAX_BYTES // 1_000_000} MB are allowed")
        return path_or_text, "CIF text"
    path = Path(path_or_text)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: {size / 1e6:.1f} MB; CIFs up to {MAX_BYTES // 1_000_000} MB are allowed")
        return _decoded(path.read_bytes()), str(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)!r}: cannot be read: {error}") from None  # a NUL in the path


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    for place, codec in ((1, "utf-16-le"), (0, "utf-16-be")):  # without a mark every second byte is zero
        if len(data) > 3 and data[place:200:2].strip(b"\0") == b"" and data[1 - place : 200 : 2].count(0) == 0:
            return data.decode(codec, errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def clean(text: str) -> str:
    """Leave only what a CIF is made of, printable ASCII: an odd character must reach no terminal, nor stop the parser.

    Full-width digits, superscripts, non-breaking blanks and the typographic minus become the plain ones; every other
    character that is none of ASCII's, and every control character, becomes "?".
    """
    text = text.removeprefix("\ufeff").rstrip("\x1a\x00\r\n\t ") + "\n"  # DOS ended files with Ctrl-Z
    if not text.isascii():
        text = _BAR.sub(r"-\1", text)
        text = unicodedata.normalize("NFKC", text.translate(str.maketrans(_MARKS)))
        text = "".join(c if c < "\x7f" else "?" for c in text.replace("\x85", "\n").replace("\u2028", "\n"))
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", " ").replace("\x0c", " ")
    return _CONTROL.sub("?", text)
