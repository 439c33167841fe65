"""Which reader takes a file: decided by its content, never by its name's ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xrdfit.errors import InputError
from xrdfit.scan import text
from xrdfit.scan.schema import RawScan

HEAD_BYTES = 65536
"""As much of a file as a sniffer sees."""


@dataclass(frozen=True)
class FormatInfo:
    """One file format: its short name, the usual endings of its files and what it is."""

    name: str
    endings: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class Reader:
    """A format with the function that recognises the head of a file and the one that reads its scans."""

    info: FormatInfo
    sniff: Callable[[bytes], bool]
    read: Callable[[bytes], list[RawScan]]


_TEXT = Reader(
    FormatInfo("text", (".xy", ".xye", ".csv", ".dat", ".prn", ".txt"), "columns: 2θ (or Q), intensity, error"),
    lambda head: True,
    text.read_columns,
)

READERS: tuple[Reader, ...] = (_TEXT,)
"""In order of trial: what announces itself by a signature first, bare columns last."""


def find_reader(head: bytes, name: str | None = None) -> Reader:
    """Return the reader called `name`, or the first that recognises `head`.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name is None:
        return next(reader for reader in READERS if reader.sniff(head))
    for reader in READERS:
        if reader.info.name == name:
            return reader
    known = ", ".join(reader.info.name for reader in READERS)
    raise InputError(f"file format {name!r} is not known; allowed are {known}")
