"""Which reader takes a file: decided by its content, never by its name's ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xrdfit.errors import InputError
from xrdfit.scan import bruker_raw, bruker_text, bruker_xml, chi, gsas, powder_cif, rigaku, text, xrdml
from xrdfit.scan.schema import RawScan, ReadOptions

_GLANCE = 65536


@dataclass(frozen=True)
class FormatInfo:
    """One file format: its short name, the usual endings of its files and what it is."""

    name: str
    endings: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class Reader:
    """A format with the function that recognises the head of a file and the one that reads its scans.

    `columns`, where there is one, reads them by what is said about axis and columns.
    """

    info: FormatInfo
    sniff: Callable[[bytes], bool]
    read: Callable[[bytes], list[RawScan]]
    columns: Callable[[bytes, ReadOptions], list[RawScan]] | None = None


READERS: tuple[Reader, ...] = (
    Reader(FormatInfo("xrdml", (".xrdml",), "PANalytical XML, all schemas"), xrdml.sniff, xrdml.read),
    Reader(
        FormatInfo("bruker-raw", (".raw",), "Bruker and Siemens binary, versions 1 to 4"),
        bruker_raw.sniff,
        bruker_raw.read,
    ),
    Reader(FormatInfo("brml", (".brml",), "Bruker zip of XML, point scans"), bruker_xml.sniff, bruker_xml.read),
    Reader(FormatInfo("rasx", (".rasx",), "Rigaku SmartLab zip"), rigaku.sniff_rasx, rigaku.read_rasx),
    Reader(FormatInfo("ras", (".ras",), "Rigaku SmartLab text"), rigaku.sniff_ras, rigaku.read_ras),
    Reader(FormatInfo("asc", (".asc", ".dat"), "Rigaku text with *TYPE"), rigaku.sniff_asc, rigaku.read_asc),
    Reader(FormatInfo("uxd", (".uxd",), "Bruker and Siemens text"), bruker_text.sniff, bruker_text.read),
    Reader(FormatInfo("gsas", (".gsas", ".gsa", ".fxye", ".raw"), "GSAS banks: STD, ESD, FXYE"), gsas.sniff, gsas.read),
    Reader(FormatInfo("cif", (".cif",), "powder CIF"), powder_cif.sniff, powder_cif.read),
    Reader(FormatInfo("chi", (".chi",), "FIT2D and pyFAI, 2θ or Q axis"), chi.sniff, chi.read, chi.read),
    Reader(
        FormatInfo("text", (".xy", ".xye", ".csv", ".dat", ".prn", ".txt"), "columns: 2θ (or Q), intensity, error"),
        lambda head: True,
        text.read_columns,
        text.read_columns,
    ),
)
"""In order of trial: what announces itself by a signature first, bare columns last."""


def _glance(data: bytes) -> bytes:
    """Return as much of a file as a sniffer needs: the head, and of a zip file the directory at its end as well."""
    return data[:_GLANCE] + (data[_GLANCE:][-_GLANCE:] if data.startswith(b"PK\x03\x04") else b"")


def find_reader(data: bytes, name: str | None = None) -> Reader:
    """Return the reader called `name`, or the first that recognises the file.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name is None:
        head = _glance(data)
        return next(reader for reader in READERS if reader.sniff(head))
    for reader in READERS:
        if reader.info.name == name:
            return reader
    known = ", ".join(reader.info.name for reader in READERS)
    raise InputError(f"file format {name!r} is not known; allowed are {known}")
