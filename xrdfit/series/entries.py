"""What a series is made of: files, patterns with wild cards, a manifest, a stack, datasets, as a list of entries."""

from __future__ import annotations

import csv
import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrdfit.errors import InputError
from xrdfit.plaintext import one_line
from xrdfit.scan import RawScan, StackedScan, read_pattern, read_stack
from xrdfit.scan.schema import ReadOptions

if TYPE_CHECKING:
    import xarray as xr

Coordinate = float | str

MAX_MANIFEST_BYTES = 500_000_000
_MAX_COLUMNS = 100
_OF_AN_ENTRY = ("file", "label", "scan", "radiation", "blank", "model")


@dataclass(frozen=True)
class Reading:
    """How the files of a series are read; see `xrdfit.read_pattern`."""

    format: str | None = None
    wavelength: float | None = None
    axis: str | None = None
    columns: str | None = None
    counts_per: float | None = None
    sigma: float | str | None = None


@dataclass(frozen=True)
class Entry:
    """One scan of a series, not yet read where it is a file.

    Attributes
    ----------
    label : str
        Its name within the series.
    source : str, StackedScan or xarray.Dataset
        A file, one scan of a stack that was read already, or a pattern.
    scan : int or None
        Which scan of the file.
    coords : Mapping[str, float or str]
        Where it stands: time, temperature, size.
    radiation : str, float or None
        Instead of that of the options.
    blank, model : str or None
        Files instead of those of the options.
    """

    label: str
    source: Any
    scan: int | None = None
    coords: Mapping[str, Coordinate] = field(default_factory=dict)
    radiation: str | float | None = None
    blank: str | None = None
    model: str | None = None

    @property
    def file(self) -> str:
        """The file that it comes from, "" where it comes from memory."""
        if isinstance(self.source, str):
            return self.source
        about = self.source.about if isinstance(self.source, StackedScan) else self.source.attrs
        return str(about.get("file", ""))

    def read(self, reading: Reading) -> xr.Dataset:
        """Return the pattern.

        Raises
        ------
        InputError
            It cannot be read.
        """
        if isinstance(self.source, str):
            return read_pattern(self.source, self.scan, **vars(reading))
        return self.source.dataset() if isinstance(self.source, StackedScan) else self.source


def entries_of(scans: Any, reading: Reading | None = None) -> list[Entry]:
    """Return the entries of a series, in the order given, names with wild cards in the order of numbers.

    Parameters
    ----------
    scans : path, sequence of paths or datasets, mapping of labels to either, or xarray.Dataset
        Paths may hold wild cards, name a CSV manifest (a column ``file``, further ones ``label``, ``scan``,
        ``radiation``, ``blank``, ``model``; all others are coordinates) or a stack, ``FILE::PATH`` where the stack
        stands within it. A dataset has a dimension ``scan``.
    reading : Reading, optional

    Raises
    ------
    InputError
        There is none, or a manifest or a stack cannot be read.
    """
    reading = reading or Reading()
    if hasattr(scans, "data_vars"):
        found = _of_dataset(scans)
    elif isinstance(scans, Mapping):
        found = [Entry(str(label), _source(scan)) for label, scan in scans.items()]
    else:
        single = isinstance(scans, str | os.PathLike)
        found = [e for scan in ([scans] if single else scans) for e in _of_one(scan, reading)]
    if not found:
        raise InputError("a series of no scans; at least one is needed")
    return _with_labels(found)


def natural(text: str) -> tuple[Any, ...]:
    """Key that sorts names as a person does: t2 before t10."""
    parts = re.split(r"(\d{1,15})", text)
    return tuple((1, int(p), p) if p.isdigit() else (0, 0, p) for p in parts)


def _source(scan: Any) -> Any:
    return os.fspath(scan) if isinstance(scan, str | os.PathLike) else scan


def _of_one(scan: Any, reading: Reading) -> Iterable[Entry]:
    if hasattr(scan, "data_vars"):
        yield from _of_dataset(scan) if "scan" in scan.dims else [Entry(_stem(str(scan.attrs.get("file", ""))), scan)]
        return
    text = os.fspath(scan)
    if os.path.lexists(text):
        paths = [text]
    elif glob.has_magic(text) and "::" not in text:
        paths = sorted(glob.glob(text), key=natural)
        if not paths:
            raise InputError(f"{text!r} matches no file; a pattern such as 'scans/*.xy' is expected")
    else:
        paths = [text]
    for path in paths:
        yield from _of_path(path, reading)


def _of_path(path: str, reading: Reading) -> Iterable[Entry]:
    if path.lower().endswith(".csv") and (rows := _manifest(Path(path))) is not None:
        yield from rows
    elif "::" in path or path.lower().endswith((".h5", ".hdf5", ".nxs", ".nx5")):
        stack = read_stack(path, **vars(reading))
        stem = _stem(path)
        for scan in stack:
            yield Entry(f"{stem}#{scan.about['scan_index']}" if len(stack) > 1 else stem, scan)
    else:
        yield Entry(_stem(path), path)


def _stem(path: str) -> str:
    return one_line(Path(path.rpartition("::")[0] or path).stem)


def _manifest(path: Path) -> list[Entry] | None:
    """Entries of a CSV manifest; None for a file that is a scan instead."""
    try:
        with path.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as stream:
            header = [name.strip() for name in next(csv.reader([stream.readline(100_000)]), [])]
            if "file" not in header:
                return None
            _check_header(header, path)
            if path.stat().st_size > MAX_MANIFEST_BYTES:
                raise InputError(f"{path}: larger than {MAX_MANIFEST_BYTES // 1_000_000} MB, the most that is read")
            rows = csv.reader(stream)
            return [_row(header, row, path, n) for n, row in enumerate(rows, start=2) if any(c.strip() for c in row)]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; a manifest or a scan is needed") from None
    except csv.Error as error:
        raise InputError(f"{path}: no CSV manifest: {error}") from None


def _check_header(header: Sequence[str], path: Path) -> None:
    if len(header) > _MAX_COLUMNS or len(set(header)) < len(header) or "" in header:
        raise InputError(f"{path}: columns need names that differ, at most {_MAX_COLUMNS}; file is one of them")


def _row(header: Sequence[str], row: Sequence[str], path: Path, line: int) -> Entry:
    if len(row) != len(header):
        raise InputError(f"{path}: line {line} has {len(row)} fields and the header {len(header)}; they must agree")
    given = {name: text.strip() for name, text in zip(header, row, strict=True)}
    if not given["file"]:
        raise InputError(f"{path}: line {line} names no file")

    def near(name: str) -> str | None:
        text = given.get(name)
        return str(path.parent / text) if text else None

    index = given.get("scan") or None
    if index is not None and not index.isdecimal():
        raise InputError(f"{path}: line {line}: scan {index!r} is no whole number")
    rays = given.get("radiation") or None
    model = given.get("model") or None
    if model is not None and (path.parent / model).is_file():
        model = near("model")
    file = near("file") or ""
    return Entry(
        label=one_line(given.get("label") or _stem(file)),
        source=file,
        scan=None if index is None else int(index),
        coords={name: number_or_text(text) for name, text in given.items() if name not in _OF_AN_ENTRY},
        radiation=None if rays is None else number_or_text(rays),
        blank=near("blank"),
        model=model,
    )


def number_or_text(text: str) -> Coordinate:
    """Return the finite number that a text is, else the text."""
    try:
        value = float(text)
    except ValueError:
        return one_line(text)
    return value if abs(value) < float("inf") else one_line(text)


def _of_dataset(data: xr.Dataset) -> list[Entry]:
    """Entries of a dataset with a dimension ``scan``; what else has that dimension alone are coordinates."""
    if "scan" not in data.dims or "counts" not in data.data_vars:
        raise InputError("a dataset of a series needs the dimension 'scan' and 'counts' on (scan, two_theta)")
    counts = data["counts"].transpose("scan", "two_theta").values
    stated = data.attrs.get("sigma_from") != "poisson" and "sigma" in data
    sigma = data["sigma"].transpose("scan", "two_theta").values if stated else None
    gain = (
        data["gain"].transpose("scan", "two_theta").values if "gain" in data and "scan" in data["gain"].dims else None
    )
    angles = data["two_theta"].values
    along = {str(n): data[n].values for n in data.coords if data[n].dims == ("scan",) and n != "scan"}
    names = [str(v) for v in data["scan"].values] if "scan" in data.coords else [str(i) for i in range(len(counts))]
    attrs = {str(k): v for k, v in data.attrs.items() if k not in ("sigma_from", "scan_index", "n_scans")}
    found = []
    for i, name in enumerate(names):
        about: dict[str, Any] = {"file": "", "format": "memory", **attrs, "scan_index": i, "n_scans": len(names)}
        raw = RawScan(angles, counts[i], None if sigma is None else sigma[i], None if gain is None else gain[i])
        coords = {key: number_or_text(str(values[i])) for key, values in along.items()}
        found.append(Entry(one_line(name), StackedScan(raw, ReadOptions(), about), coords=coords))
    return found


def _with_labels(entries: list[Entry]) -> list[Entry]:
    """Give every entry a label of its own: where stems repeat, with their folder, else with a number."""
    seen: dict[str, int] = {}
    for e in entries:
        seen[e.label] = seen.get(e.label, 0) + 1
    used: set[str] = set()
    found = []
    for i, e in enumerate(entries):
        label = e.label or f"scan{i}"
        if seen.get(e.label, 0) > 1 and isinstance(e.source, str):
            label = one_line(f"{Path(e.source).parent.name}/{e.label}")
        number = 2
        base = label
        while label in used:
            label, number = f"{base}_{number}", number + 1
        used.add(label)
        found.append(replace(e, label=label))
    return found
