"""fit.toml: scan, options and start model of a fit, so that it can be run again exactly."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xrdfit.diffraction.background import Blank
from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.scans import check_labels
from xrdfit.fitting.selection import select
from xrdfit.inference.fitted import FittedScan
from xrdfit.inference.result import FitResult
from xrdfit.model.files.read import model_from_table, model_to_toml
from xrdfit.model.files.values import toml_value
from xrdfit.model.powder import PowderModel
from xrdfit.report.options_table import options_table, read_options
from xrdfit.report.staging import finish
from xrdfit.scan import read_pattern

if TYPE_CHECKING:
    import xarray as xr

SCHEMA = 1
MAX_BYTES = 2_000_000
FIT_FILE = "fit.toml"
PATTERN = "pattern.nc"
"""Name of the file beside fit.toml that holds a scan which no file of an instrument holds."""

Sum = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _ScanTable(_Table):
    file: str
    sha256: Sum | None = None
    index: Annotated[int, Field(ge=0)] = 0


class _AssessTable(_Table):
    systematics: bool = False
    feldman_cousins: bool = False
    posterior: bool = False


class _FitFile(_Table):
    schema_version: Literal[1] = Field(alias="schema")
    scan: _ScanTable | None = None
    scans: dict[str, _ScanTable] = {}
    options: dict[str, Any] = {}
    assess: _AssessTable = _AssessTable()
    files: dict[str, Sum] = {}
    model: dict[str, Any]


@dataclass(frozen=True)
class SavedScan:
    """Where a scan of a fit.toml is.

    Attributes
    ----------
    file : Path
        As seen from here.
    sha256 : str or None
        Its checksum; None where the scan is in pattern.nc.
    index : int
        Which scan of that file.
    """

    file: Path
    sha256: str | None
    index: int


@dataclass(frozen=True)
class SavedFit:
    """What a fit.toml says.

    Attributes
    ----------
    path : Path
        The file.
    scans : Mapping[str, SavedScan]
        By label; a single one has the label "".
    options : FitOptions
    model : PowderModel
        The start model.
    asked : tuple of str
        What was asked beyond the fit, of `xrdfit.inference.further.QUESTIONS`.
    sums : Mapping[str, str]
        Checksums of the files that were saved with it, by name.
    """

    path: Path
    scans: Mapping[str, SavedScan]
    options: FitOptions
    model: PowderModel
    asked: tuple[str, ...] = ()
    sums: Mapping[str, str] = field(default_factory=dict)

    def read_scans(self) -> dict[str, xr.Dataset]:
        """Read the scans, and make sure that they are those that were fitted.

        Raises
        ------
        InputError
            A file is missing or has changed.
        """
        return {label: self._read(label, saved) for label, saved in self.scans.items()}

    def _read(self, label: str, saved: SavedScan) -> xr.Dataset:
        if saved.sha256 is None:
            from xrdfit.report.patternfile import read_pattern_file

            scan = read_pattern_file(saved.file, label)[0]
        else:
            scan = read_pattern(saved.file, scan=saved.index)
        expected = saved.sha256 or self.sums.get(PATTERN)
        if expected and (found := checksum(saved.file)) != expected:
            raise InputError(
                f"{self.path}: the scan {saved.file} has changed since this fit "
                f"(sha256 {found[:12]}…, {expected[:12]}… expected); give the original file"
            )
        return scan


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_fit_file(
    result: FitResult, directory: Path, asked: Sequence[str] = (), sums: Mapping[str, str] | None = None
) -> str:
    """Return the text of the fit.toml that will stand in a directory.

    Parameters
    ----------
    result : FitResult
    directory : Path
    asked : sequence of str
        What was asked beyond the fit.
    sums : Mapping[str, str], optional
        Checksums of the files beside it, by name.
    """
    from xrdfit import __version__

    lines = [
        f"# A fit by xrdfit {__version__}; `xrdfit fit --from fit.toml` runs it again.",
        f"schema = {SCHEMA}",
        "",
        *_scan_tables(result, directory),
        "[options]",
        *_lines(options_table(_options_from(result.options, directory))),
    ]
    if asked:
        lines += ["", "[assess]", *_lines(dict.fromkeys(asked, True))]
    if sums:
        lines += ["", "# sha256 of what was saved with this file", "[files]"]
        lines += [f"{toml_value(name)} = {toml_value(value)}" for name, value in sums.items()]
    start = replace(result.start_model, background=_blanks_from(result.start_model.background, directory))
    model = model_to_toml(start).splitlines()
    return "\n".join([*lines, "", "[model]", *(_within_model(line) for line in model)]) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {toml_value(value)}" for key, value in table.items()]


def _within_model(line: str) -> str:
    """Move a table's header below [model]: every value is on one line, so only headers begin with a bracket."""
    if line.startswith("[["):
        return "[[model." + line[2:]
    return "[model." + line[1:] if line.startswith("[") else line


def _options_from(options: FitOptions, directory: Path) -> FitOptions:
    """Return options in which the files of blanks are named as seen from a directory."""
    pieces = options.background
    if isinstance(pieces, Mapping):
        return replace(options, background={k: _blanks_from(v, directory) for k, v in pieces.items()})
    return replace(options, background=_blanks_from(pieces, directory))


def _blanks_from(pieces: Any, directory: Path) -> Any:
    if not isinstance(pieces, tuple):
        return pieces
    return tuple(_seen_from(piece, directory) if isinstance(piece, Blank) else piece for piece in pieces)


def _seen_from(blank: Blank, directory: Path) -> Blank:
    file = blank.scan.attrs.get("file")
    if file is None or not Path(file).is_file():
        return blank
    try:
        path = Path(os.path.relpath(file, directory)).as_posix()
    except ValueError:  # another drive
        path = str(Path(file).resolve())
    return replace(blank, scan=blank.scan.assign_attrs(file=path))


def _scan_tables(result: FitResult, directory: Path) -> list[str]:
    """One table for a single scan, one for each of several."""
    lines = []
    for scan in result.scans:
        head = f"[scans.{scan.label}]" if scan.label else "[scan]"
        lines += [head, *_lines(_scan_table(scan, result.options, directory)), ""]
    return lines


def _scan_table(scan: FittedScan, options: FitOptions, directory: Path) -> dict[str, Any]:
    file = scan.data.attrs.get("file")
    index = int(scan.data.attrs.get("scan_index", 0))
    if file is None or not _is_in_file(scan, options, Path(file), index):
        return {"file": PATTERN}
    if not _is_text(os.path.abspath(file)):  # TOML cannot name it
        return {"file": PATTERN}
    try:
        path = Path(os.path.relpath(file, directory)).as_posix()
    except ValueError:  # another drive
        path = str(Path(file).resolve())
    return {"file": path, "sha256": checksum(Path(file)), "index": index}


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_in_file(fitted: FittedScan, options: FitOptions, file: Path, index: int) -> bool:
    """Whether reading the file again gives the points that were fitted: a script may have changed them."""
    try:
        scan = select(read_pattern(file, scan=index), options.of(fitted.label))
    except InputError:
        return False
    return scan.drop_attrs().identical(fitted.data.drop_attrs())


def read_fit_file(path: str | Path) -> SavedFit:
    """Read a fit.toml.

    Raises
    ------
    InputError
        It is missing, no TOML, or breaks the schema: one line with the file and the key.
    """
    path = Path(path)
    try:
        finish(path.parent)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES} bytes, the most that is read")
        table = _FitFile.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; a fit.toml is needed") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {key}: {first['msg'].lower()}; a fit.toml is needed") from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not TOML: {' '.join(str(error).split())[:200]}") from None
    options = read_options(table.options, f"{path}: options", path.parent)
    if (table.scan is None) != bool(table.scans):
        raise InputError(f"{path}: scan: one table [scan], or a table [scans.LABEL] for each of several, is needed")
    tables = table.scans if table.scan is None else {"": table.scan}
    if table.scans:
        check_labels(list(table.scans))
    scans = {
        label: SavedScan(Path(os.path.normpath(path.parent / each.file)), each.sha256, each.index)
        for label, each in tables.items()
    }
    model = model_from_table(table.model, f"{path}: model", path.parent)
    asked = tuple(question for question, yes in table.assess if yes)
    return SavedFit(path, scans, options, model, asked, table.files)
