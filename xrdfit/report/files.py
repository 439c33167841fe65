"""A result as a folder of files, and back."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from xrdfit.errors import InputError
from xrdfit.inference.further import NOTHING_ASKED, Assessment
from xrdfit.inference.result import FitResult
from xrdfit.report import assessment as assessment_files
from xrdfit.report.numbers import plain

OUTPUTS = ("result.json", "parameters.csv", "fit.toml", "pattern.nc", "refined.cif", "fit.png", "report.html")
"""What `save` writes, beside the files of an assessment."""

_COLUMNS = ("name", "value", "stderr", "stderr_serial", "lower", "upper", "unit", "status", "text")


def check_directory(directory: str | PathLike[str], force: bool = False) -> Path:
    """Make sure that results can be written to a directory, without touching it.

    Raises
    ------
    InputError
        It is a file, cannot be written, or holds results and `force` is not given.
    """
    path = _named(directory)
    if path.exists() and not path.is_dir():
        raise InputError(f"output {str(path)!r} is a file; a folder is needed")
    present = [name for name in (*OUTPUTS, *assessment_files.OUTPUTS) if (path / name).exists()]
    if present and not force:
        raise InputError(
            f"output {str(path)!r} already holds {present[0]}; give another folder, or --force to overwrite"
        )
    _check_writable(path)
    return path


def check_file(file: str | PathLike[str], force: bool = False) -> Path:
    """Make sure that a file can be written, without touching it; see `check_directory`."""
    path = _named(file)
    if path.is_dir():
        raise InputError(f"output {str(path)!r} is a folder; a file is needed")
    if path.exists() and not force:
        raise InputError(f"output {str(path)!r} exists; give another name, or --force to overwrite")
    if not path.parent.is_dir():
        raise InputError(f"output {str(path)!r}: there is no folder {str(path.parent)!r}")
    _check_writable(path)
    return path


def check_picture(file: str | PathLike[str], force: bool = False) -> Path:
    """Make sure that a PNG can be written, without touching it; see `check_directory`."""
    path = check_file(file, force)
    if path.suffix.lower() != ".png":
        raise InputError(f"output {str(path)!r}: pictures are PNG; give a name that ends in .png")
    return path


def _named(path: str | PathLike[str]) -> Path:
    if not str(path):
        raise InputError("output '': is empty; the name of a file or folder is needed")
    return Path(path)


def _check_writable(path: Path) -> None:
    nearest = next((p for p in (path, *path.absolute().parents) if p.exists()), path)
    if not os.access(nearest, os.W_OK) or not (nearest.is_dir() or nearest == path):
        raise InputError(f"output {str(path)!r} cannot be written: {str(nearest)!r} does not allow it")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def save(
    result: FitResult,
    directory: str | PathLike[str],
    force: bool = False,
    assessment: Assessment = NOTHING_ASKED,
) -> Path:
    """Write a result as a folder: numbers, pattern, structure, picture, page and what reruns the fit.

    Everything is written to a folder beside it first, so that no half-written result is ever found.

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

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    InputError
        The directory holds a result and `force` is not given, or cannot be written.
    """
    path = check_directory(directory, force)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{path.absolute().name}.{os.getpid()}.part"
    part.mkdir()
    try:
        for name, write in _writers(result, path, assessment).items():
            write(part / name)
        assessment_files.write(assessment, part)
        if path.exists():
            written = [file.name for file in part.iterdir()]
            for name in written:
                (part / name).replace(path / name)
            # what an earlier result was worth is not what this one is
            for name in assessment_files.OUTPUTS:
                if name not in written:
                    (path / name).unlink(missing_ok=True)
        else:
            part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return path


def _writers(result: FitResult, directory: Path, assessment: Assessment) -> dict[str, Callable[[Path], Any]]:
    from xrdfit.report.figures import png
    from xrdfit.report.fitfile import write_fit_file
    from xrdfit.report.html import page
    from xrdfit.report.patternfile import write_pattern_file

    def text(content: str) -> Callable[[Path], Any]:
        return lambda file: file.write_text(content, encoding="utf-8", newline="")

    return {
        "result.json": text(to_json(result)),
        "parameters.csv": text(parameters_csv(result)),
        "fit.toml": text(write_fit_file(result, directory, assessment.asked)),
        "pattern.nc": lambda file: write_pattern_file(result, file),
        "refined.cif": text(refined_cif(result)),
        "fit.png": lambda file: file.write_bytes(png(result)),
        "report.html": text(page(result, assessment)),
    }


def to_json(result: FitResult) -> str:
    """Return result.json (schema 1); numbers that are not finite are null."""
    return json.dumps(plain(result.to_dict()), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def parameters_csv(result: FitResult) -> str:
    """Return parameters.csv, one parameter a row; cells of what did not vary are empty."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for parameter in result.parameters.values():
        cells = (getattr(parameter, column) for column in _COLUMNS)
        writer.writerow("" if cell is None else cell for cell in map(plain, cells))
    return stream.getvalue()


def refined_cif(result: FitResult) -> str:
    """Return the refined structures as CIF, a block a phase, with standard uncertainties.

    B of a site is `b_overall` + `b_<label>`, as in the calculated pattern.
    """
    from xrdfit.crystal.cif import write_cif

    blocks = []
    for phase in result.model.phases:
        prefix = result.model.prefix(phase)
        structure = phase.structure.with_values(
            b_iso={s.label: s.b_iso + phase.b_overall for s in phase.structure.sites if s.shares is None}
        )
        esds = {
            row.own_name: error
            for name, row in result.problem.rows.items()
            if row.phase == result.model.label(phase) and (error := result.parameters[name].stderr) is not None
        }
        for site in structure.sites:
            spread = _error_of_sum(result, (f"{prefix}b_overall", f"{prefix}b_{site.label}"))
            if spread > 0.0:
                esds[f"b_{site.label}"] = spread
        blocks.append(write_cif(replace(structure, name=phase.name), None, esds))
    return "\n".join(blocks)


def _error_of_sum(result: FitResult, names: tuple[str, ...]) -> float:
    """Standard error of a sum of parameters, from their covariance."""
    rows = [result.covariance_names.index(n) for n in names if n in result.covariance_names]
    return float(np.sqrt(max(result.covariance[np.ix_(rows, rows)].sum(), 0.0)))


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
        A file is missing or cannot be used.
    """
    from xrdfit.inference.fit import restore
    from xrdfit.report.fitfile import read_fit_file
    from xrdfit.report.patternfile import read_pattern_file

    path = Path(directory)
    if not path.is_dir():
        raise InputError(f"result {str(path)!r}: there is no such folder")
    data = _read_json(path / "result.json")
    saved = read_fit_file(path / "fit.toml")
    scan, sigma = read_pattern_file(path / "pattern.nc")
    try:
        values = {str(name): float(p["value"]) for name, p in data["parameters"].items()}
        success, message, warnings = bool(data["success"]), str(data["message"]), tuple(map(str, data["warnings"]))
        engine, reason, rivals = str(data["engine"]), str(data.get("engine_reason", "")), list(data.get("rivals", []))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path / 'result.json'}: not a result of xrdfit, schema 1 ({error!r})") from None
    # the engine that was chosen then, without choosing again
    options = replace(saved.options, engine=engine)  # pyright: ignore[reportArgumentType]  # FitOptions checks it
    result = restore(saved.model, scan, options, values, [sigma], [_rival(row, path) for row in rivals])
    return replace(
        result,
        success=success,
        message=message,
        warnings=warnings,
        options=saved.options,
        engine_reason=reason,
    )


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
