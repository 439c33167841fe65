"""Which reader takes a file: decided by its content, never by its name's ending."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xrdfit.errors import InputError
from xrdfit.scan import (
    bruker_raw,
    bruker_text,
    bruker_xml,
    chi,
    gsas,
    gsas2,
    jade,
    jcamp,
    nexus,
    philips,
    powder_cif,
    rigaku,
    sietronics,
    start_step_stop,
    text,
    xrdml,
)
from xrdfit.scan.schema import RawScan, ReadOptions
from xrdfit.scan.steps import end_notes, impossible_zeros, with_notes

_GLANCE = 65536


@dataclass(frozen=True)
class FormatInfo:
    """One file format: its short name, the usual endings of its files, what it is and what is kept of it."""

    name: str
    endings: tuple[str, ...]
    description: str
    kept: str


@dataclass(frozen=True)
class Reader:
    """A format with the function that recognises the head of a file and the one that reads its scans.

    `read_inside` reads those below a path inside the file ("FILE::PATH"), where a format has such paths.
    `columns`, where there is one, reads them by what is said about axis and columns. `lines` says that the format is
    text whose end is a line's end, so that a file which lacks it may have been cut.
    """

    info: FormatInfo
    sniff: Callable[[bytes], bool]
    read: Callable[[bytes], list[RawScan]]
    columns: Callable[[bytes, ReadOptions], list[RawScan]] | None = None
    read_inside: Callable[[bytes, str], list[RawScan]] | None = None
    lines: bool = False


def _row(
    name: str,
    endings: str,
    description: str,
    kept: str,
    sniff: Callable[[bytes], bool],
    read: Callable[[bytes], list[RawScan]],
    columns: Callable[[bytes, ReadOptions], list[RawScan]] | None = None,
    read_inside: Callable[[bytes, str], list[RawScan]] | None = None,
    lines: bool = False,
) -> Reader:
    return Reader(FormatInfo(name, tuple(endings.split()), description, kept), sniff, read, columns, read_inside, lines)


_LINES = "wavelengths, anode, sample"

READERS: tuple[Reader, ...] = (
    _row(
        "xrdml",
        ".xrdml",
        "PANalytical XML, all schemas",
        f"{_LINES}, radius, monochromator, time, attenuation",
        xrdml.sniff,
        xrdml.read,
    ),
    _row(
        "bruker-raw",
        ".raw",
        "Bruker and Siemens binary, versions 1 to 4",
        f"{_LINES}, radius, time",
        bruker_raw.sniff,
        bruker_raw.read,
    ),
    _row(
        "philips-rd",
        ".rd .sd",
        "Philips binary, PC-APD versions 3 and 5",
        _LINES,
        philips.sniff_rd,
        philips.read_rd,
    ),
    _row(
        "nexus",
        ".h5 .nxs .hdf5",
        "NeXus HDF5 of integrated images (NXazint1d, pyFAI); FILE::PATH",
        "errors, wavelength, probe, sample; 2θ or Q",
        nexus.sniff,
        nexus.read,
        read_inside=nexus.read_inside,
    ),
    _row(
        "brml",
        ".brml",
        "Bruker zip of XML, point scans",
        f"{_LINES}, radius, time, absorber",
        bruker_xml.sniff,
        bruker_xml.read,
    ),
    _row(
        "rasx",
        ".rasx",
        "Rigaku SmartLab zip",
        f"{_LINES}, radius, monochromator, time, attenuation",
        rigaku.sniff_rasx,
        rigaku.read_rasx,
    ),
    _row(
        "ras",
        ".ras",
        "Rigaku SmartLab text",
        f"{_LINES}, monochromator, time, attenuation",
        rigaku.sniff_ras,
        rigaku.read_ras,
        lines=True,
    ),
    _row(
        "asc", ".asc .dat", "Rigaku text with *TYPE", f"{_LINES}, time", rigaku.sniff_asc, rigaku.read_asc, lines=True
    ),
    _row(
        "uxd",
        ".uxd",
        "Bruker and Siemens text",
        f"{_LINES}, radius, time",
        bruker_text.sniff,
        bruker_text.read,
        lines=True,
    ),
    _row(
        "bruker-text",
        ".txt",
        "Bruker text export with [RangeHeader] and [Data]",
        _LINES,
        bruker_text.sniff_export,
        bruker_text.read_export,
        lines=True,
    ),
    _row("udf", ".udf", "Philips text", f"{_LINES}, time", philips.sniff_udf, philips.read_udf, lines=True),
    _row("cpi", ".cpi", "Sietronics text", _LINES, sietronics.sniff, sietronics.read, lines=True),
    _row("jcamp", ".jdx .dx .jcm", "JCAMP-DX, plain and compressed", "sample", jcamp.sniff, jcamp.read, lines=True),
    _row(
        "gsas",
        ".gsas .gsa .fxye .raw",
        "GSAS banks: STD, ESD, FXYE",
        "errors or counters, sample",
        gsas.sniff,
        gsas.read,
        lines=True,
    ),
    _row(
        "gsas2-csv",
        ".csv",
        "GSAS-II's exports of a plot or a histogram",
        "errors, wavelengths, probe, radius; points not used are left out",
        gsas2.sniff,
        gsas2.read,
        lines=True,
    ),
    _row(
        "cif",
        ".cif",
        "powder CIF, old and dotted names",
        f"errors, {_LINES}, probe, radius, monochromator, time",
        powder_cif.sniff,
        powder_cif.read,
        lines=True,
    ),
    _row("mdi", ".mdi", "MDI Jade text", f"{_LINES}, time", jade.sniff, jade.read, lines=True),
    _row("chi", ".chi", "FIT2D and pyFAI, 2θ or Q axis", "errors, wavelength", chi.sniff, chi.read, chi.read),
    _row(
        "start-step-stop",
        ".dat .xdd",
        "a line of start, step, stop, then counts (FullProf INSTRM 0, Fox, Topas)",
        "counts only",
        start_step_stop.sniff,
        start_step_stop.read,
        lines=True,
    ),
    _row(
        "text",
        ".xy .xye .csv .dat .prn .txt",
        "columns: 2θ (or Q), intensity, error",
        "errors, wavelength",
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


def split_inside(path: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """Return the file and the path inside it of "FILE::PATH"; a file that is called so itself comes first."""
    text = os.fspath(path)
    if "::" not in text or os.path.lexists(text):
        return Path(text), None
    file, _, inside = text.rpartition("::")
    return Path(file), inside


def scans_of(reader: Reader, data: bytes, inside: str | None) -> list[RawScan]:
    """Return the scans of a file, or of a path inside it.

    Raises
    ------
    InputError
        For a path inside a file of a format that has none.
    """
    if inside is None:
        notes = end_notes(data) if reader.lines else []
        return [with_notes(scan, [*notes, *impossible_zeros(scan)]) for scan in reader.read(data)]
    if reader.read_inside is None:
        raise InputError(f"has no {inside!r} inside: only {_WITH_PATHS} files are read as FILE::PATH")
    return reader.read_inside(data, inside)


_WITH_PATHS = ", ".join(reader.info.name for reader in READERS if reader.read_inside is not None)
