"""A result as a folder of files, and back."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from xrdfit.errors import InputError
from xrdfit.inference.cautions import Caution
from xrdfit.inference.further import NOTHING_ASKED, Assessment
from xrdfit.inference.result import FitResult
from xrdfit.report import assessment as assessment_files
from xrdfit.report.contents import parameters_csv, refined_cif, to_json
from xrdfit.report.figures import Intensity, check_intensity
from xrdfit.report.fitfile import FIT_FILE, checksum, read_fit_file, write_fit_file
from xrdfit.report.staging import PENDING, named, publish, staged_folder, write_whole

OUTPUTS = ("result.json", "parameters.csv", "fit.toml", "pattern.nc", "refined.cif", "fit.png", "report.html")
"""What `save` writes, beside the files of an assessment."""

_FOLDER_BYTES = 10_000_000  # the page is below 1.5 MB, so is all else of a scan
_FILE_BYTES = 1_000_000
_LONGEST_NAME = 255  # bytes, of every usual file system


def check_directory(directory: str | PathLike[str], force: bool = False) -> Path:
    """Make sure that results can be written to a directory, before they are computed; nothing is left there.

    Raises
    ------
    InputError
        It is a file, cannot be written, has no room, or holds results and `force` is not given.
    """
    path = _named(directory)
    if path.exists() and not path.is_dir():
        raise InputError(f"output {str(path)!r} is a file; a folder is needed")
    if not force:
        _refuse_results(path)
    _check_writable(path, _FOLDER_BYTES)
    return path


def _refuse_results(path: Path) -> None:
    present = [name for name in (*OUTPUTS, *assessment_files.OUTPUTS, PENDING) if (path / name).exists()]
    if present:
        held = present[0] if present[0] != PENDING else OUTPUTS[0]
        raise InputError(f"output {str(path)!r} already holds {held}; give another folder, or --force to overwrite")


def check_file(file: str | PathLike[str], force: bool = False) -> Path:
    """Make sure that a file can be written, before its content is computed; see `check_directory`."""
    path = _named(file)
    if path.is_dir():
        raise InputError(f"output {str(path)!r} is a folder; a file is needed")
    if path.exists() and not force:
        raise InputError(f"output {str(path)!r} exists; give another name, or --force to overwrite")
    if path.exists() and not path.is_file():
        raise InputError(f"output {str(path)!r} is a device or pipe; a file is needed")
    if not path.parent.is_dir():
        raise InputError(f"output {str(path)!r}: there is no folder {str(path.parent)!r}")
    _check_writable(path, _FILE_BYTES)
    return path


def check_picture(file: str | PathLike[str], force: bool = False) -> Path:
    """Make sure that a PNG can be written, before it is drawn; see `check_directory`."""
    path = check_file(file, force)
    if path.suffix.lower() != ".png":
        raise InputError(f"output {str(path)!r}: pictures are PNG; give a name that ends in .png")
    return path


def _named(path: str | PathLike[str]) -> Path:
    """Return a path whose every part can be a name and is no link to nothing."""
    if not str(path):
        raise InputError("output '': is empty; the name of a file or folder is needed")
    named = Path(path)
    if "\0" in str(named):
        raise InputError(f"output {str(named)!r}: a name cannot hold a zero character")
    for part in (named, *named.parents):
        if len(os.fsencode(part.name)) > _LONGEST_NAME:
            raise InputError(
                f"output {str(named)!r}: a name of {len(os.fsencode(part.name))} bytes; "
                f"at most {_LONGEST_NAME} are allowed"
            )
        if part.is_symlink() and not part.exists():
            raise InputError(f"output {str(named)!r}: {str(part)!r} is a link to nothing; give another name")
    return named


def _check_writable(path: Path, size: int) -> None:
    """Write as much as will be needed to a file without a name, in the folder or the nearest one above it."""
    nearest = next((p for p in (path, *path.absolute().parents) if p.exists()), path)
    if not os.access(nearest, os.W_OK) or not (nearest.is_dir() or nearest == path):
        raise InputError(f"output {str(path)!r} cannot be written: {str(nearest)!r} does not allow it")
    folder = nearest if nearest.is_dir() else nearest.parent
    try:
        with TemporaryFile(dir=folder, prefix=".xrdfit-") as probe:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(probe.fileno(), 0, size)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that cannot reserve space
            return
        reason = f"{error.strerror or error}; {size / 1e6:.0f} MB are needed"
        raise InputError(f"output {str(path)!r} cannot be written: {str(folder)!r}: {reason}") from None


def write_text(path: Path, text: str, exclusive: bool = False) -> None:
    """Write a file whole or not at all; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"), exclusive)


def write_bytes(path: Path, content: bytes, exclusive: bool = False) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : Path
        As `check_file` returned it.
    content : bytes
    exclusive : bool
        Refuse a file that another programme has made since.

    Raises
    ------
    InputError
        It exists and `exclusive` is given.
    OSError
        It cannot be written.
    """
    try:
        write_whole(path, content, exclusive)
    except FileExistsError:
        raise InputError(
            f"output {str(path)!r} was made by another programme meanwhile; give another name, or --force to overwrite"
        ) from None


def save(
    result: FitResult,
    directory: str | PathLike[str],
    force: bool = False,
    assessment: Assessment = NOTHING_ASKED,
    intensity: Intensity = "linear",
) -> Path:
    """Write a result as a folder: numbers, pattern, structure, picture, page and what reruns the fit.

    Everything is written to a hidden folder first, which then takes its place at once: whatever ends the programme,
    what is found is the old result or the new one. Of two programmes that write to one folder, the second is refused.

    Parameters
    ----------
    result : FitResult
    directory : path
        Made where it does not exist, together with the folders above it.
    force : bool
        Overwrite the files of an earlier result.
    assessment : Assessment
        What `assess` found; it becomes part of the page, and of the folder as assessment.json, corner.png and
        samples.nc.
    intensity : {"linear", "sqrt", "log"}
        How fit.png's axis of intensity runs; the page has all three.

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    InputError
        The directory holds a result and `force` is not given, or cannot be written.
    OSError
        The system refused to write; the error names the directory.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     print(sorted(file.name for file in xf.save(result, folder + "/fit").iterdir()))
    ['fit.png', 'fit.toml', 'parameters.csv', 'pattern.nc', 'refined.cif', 'report.html', 'result.json']
    """
    check_intensity(intensity)
    path = check_directory(directory, force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with staged_folder(path if path.is_dir() else path.parent) as part:
            for name, write in _writers(result, assessment, intensity).items():
                write(part / name)
            assessment_files.write(assessment, part)
            sums = {file.name: checksum(file) for file in sorted(part.iterdir())}
            (part / FIT_FILE).write_text(write_fit_file(result, path, assessment.asked, sums), "utf-8", newline="")
            # what an earlier result was worth is not what this one is
            removed = [name for name in assessment_files.OUTPUTS if name not in sums]
            publish(part, path, lambda: None if force else _refuse_results(path), removed)
    except OSError as error:
        raise named(error, path) from error
    return path


def _writers(result: FitResult, assessment: Assessment, intensity: Intensity) -> dict[str, Callable[[Path], Any]]:
    from xrdfit.report.figures import png
    from xrdfit.report.html import page
    from xrdfit.report.patternfile import write_pattern_file

    def text(content: str) -> Callable[[Path], Any]:
        return lambda file: file.write_text(content, encoding="utf-8", newline="")

    picture = png(result, intensity)
    return {
        "result.json": text(to_json(result)),
        "parameters.csv": text(parameters_csv(result)),
        "pattern.nc": lambda file: write_pattern_file(result, file),
        "refined.cif": text(refined_cif(result)),
        "fit.png": lambda file: file.write_bytes(picture),
        "report.html": text(page(result, assessment, picture)),
    }


def load_result(directory: str | PathLike[str]) -> FitResult:
    """Read a result that `save` wrote.

    The pattern is calculated again from the start model, the options and the fitted values, so that errors and
    intervals can be asked for as right after the fit.

    Parameters
    ----------
    directory : path

    Raises
    ------
    InputError
        A file is missing, cannot be used, or is not the one that was saved with the others.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     print(xf.load_result(xf.save(result, folder + "/fit")) == result)
    True
    """
    from xrdfit.inference.fit import restore
    from xrdfit.inference.stage import Step
    from xrdfit.report.patternfile import read_pattern_file

    path = Path(directory)
    if not path.is_dir():
        raise InputError(f"result {str(path)!r}: there is no such folder")
    saved = read_fit_file(path / FIT_FILE)
    _check_together(path, saved.sums)
    data = _read_json(path / "result.json")
    read = {label: read_pattern_file(path / "pattern.nc", label) for label in saved.scans}
    scans, sigmas = {label: scan for label, (scan, _) in read.items()}, [sigma for _, sigma in read.values()]
    try:
        values = {str(name): float(p["value"]) for name, p in data["parameters"].items()}
        success, message = bool(data["success"]), str(data["message"])
        # results of 0.1 held the sentences alone
        said = data.get("cautions", [{"code": "note", "names": [text]} for text in data["warnings"]])
        cautions = tuple(map(_caution, said))
        engines: Any = {"": str(data["engine"])}
        if len(scans) > 1:
            engines = {str(scan["label"]): str(scan["engine"]) for scan in data["scans"]}
        reason, rivals = str(data.get("engine_reason", "")), list(data.get("rivals", []))
        steps = tuple(map(Step.from_dict, data.get("steps", [])))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path / 'result.json'}: not a result of xrdfit, schema 1 ({error!r})") from None
    # the engine that was chosen then, without choosing again
    others = [_rival(row, path) for row in rivals]
    result = restore(saved.model, scans, saved.options, values, sigmas, others, engines)
    return replace(
        result,
        success=success,
        message=message,
        cautions=cautions,
        options=saved.options,
        engine_reason=reason,
        steps=steps,
    )


def _check_together(path: Path, sums: Mapping[str, str]) -> None:
    """Make sure that the files are of one save, as far as they are there; older results do not say so."""
    for name, expected in sums.items():
        file = path / name
        if file.is_file() and checksum(file) != expected:
            raise InputError(
                f"{file}: is not the file that was saved with {FIT_FILE}; a save was cut short or a file was changed: "
                "fit again"
            )


def _caution(row: Any) -> Caution:
    """A reason for doubt as result.json holds it."""
    numbers = {str(name): float(value) for name, value in row.get("numbers", {}).items()}
    found = Caution(str(row["code"]), tuple(map(str, row["names"])), numbers, str(row.get("scan", "")))
    str(found)  # a code or a number that there is not is found out here
    return found


def _rival(row: Any, path: Path) -> dict[str, float]:
    """Values of another answer, as result.json holds it."""
    try:
        return {str(k): float(v) for part in ("occupancies", "others") for k, v in row[part].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path / 'result.json'}: its rivals cannot be read ({error!r})") from None


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}; a result's folder holds it") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise InputError(f"{file}: not a result of xrdfit, schema 1")
    return data
