"""Bytes of a text file to its text: UTF-8, UTF-16 with or without mark, and the encodings of older instruments."""

from __future__ import annotations

from xrdfit.errors import InputError

_END_MARK = "\x1a"
# What "2θ" is in the encodings of Japanese, Chinese and Greek software; without it Latin-1 is taken.
_LEGACY = ((b"2\x83\xc6", "cp932"), (b"2\xa6\xc8", "gb18030"), (b"2\xe8", "cp1253"))


def decode(data: bytes) -> str:
    """Return the text of a file.

    UTF-8 and UTF-16 by their mark, UTF-16 without one by its zero bytes, else UTF-8, else the encoding in which the
    bytes say "2θ", else Latin-1. A DOS end mark (Ctrl-Z) and zero bytes that fill up the last block end the text.

    Raises
    ------
    InputError
        Where the file holds zero bytes elsewhere: it is not text, or it is damaged.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _without_end_mark(_utf16(data, "utf-16"))
    if b"\0" in data[:4096]:
        head = data[:4096]
        for zero, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
            if head[zero::2].count(0) > 0.9 * len(head[zero::2]) and head[1 - zero :: 2].count(0) == 0:
                return _without_end_mark(_utf16(data, codec))
    text = data.rstrip(b"\0")
    if b"\0" in text:
        readable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in text[:4096])
        if readable > 0.8 * len(text[:4096]):
            first = text.index(b"\0")
            line = text[:first].count(b"\n") + 1
            raise InputError(f"holds {text.count(0)} zero bytes, the first in line {line}: the file is damaged")
        raise InputError("is a binary file of no known format; `xrdfit formats` lists those that are read")
    try:
        return _without_end_mark(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        codec = next((codec for mark, codec in _LEGACY if mark in text), "latin-1")
    try:
        return _without_end_mark(text.decode(codec))
    except UnicodeDecodeError:
        return _without_end_mark(text.decode("latin-1"))


def padded(data: bytes) -> int:
    """Return how many zero bytes stand at the end of a text file of one byte a character."""
    return len(data) - len(data.rstrip(b"\0")) if data[-2:] == b"\0\0" else 0


def _utf16(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        raise InputError("starts as UTF-16 text and is not; a text or an instrument's file is needed") from None


def _without_end_mark(text: str) -> str:
    """Cut the text at Ctrl-Z where nothing but filling follows; elsewhere it is damage, and stays to be seen."""
    before, mark, after = text.partition(_END_MARK)
    return before if mark and not after.strip("\x1a\0 \t\r\n") else text
