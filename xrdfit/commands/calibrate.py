"""`xrdfit calibrate`: the instrument's profile from a standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from xrdfit.commands.arguments import FitArguments, Force, Json
from xrdfit.commands.common import conclude, console, load, print_json, show, whole_number
from xrdfit.commands.progress import progress
from xrdfit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from xrdfit.inference.result import FitResult


def calibrate(
    scan: Annotated[
        str | None, Parameter(name="SCAN", help="File of the standard's pattern.", show_default=False)
    ] = None,
    /,
    *,
    model: Annotated[str, Parameter(help="The standard (lab6): preset, CIF or model TOML; its cell is kept.")] = "lab6",
    shift: Annotated[
        Literal["displacement", "zero"],
        Parameter(help="What moves the lines: displacement of the specimen (the default) or zero of the instrument."),
    ] = "displacement",
    arguments: FitArguments | None = None,
    scan_index: Annotated[
        int | None,
        Parameter(name="--scan", converter=whole_number, help="Which scan of a file that holds several, from 0."),
    ] = None,
    output: Annotated[
        str | None, Parameter(name=["-o", "--output"], help="Instrument TOML; else standard output.")
    ] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Fit the instrument's profile to the scan of a standard."""
    from xrdfit.inference.calibration import calibrate as run
    from xrdfit.report.files import check_file, write_text

    if scan is None:
        raise InputError("SCAN is missing: give the file of a standard's pattern")
    arguments = arguments or FitArguments()
    standard, options = load(model, arguments.phase, arguments.block), arguments.options()
    pattern = arguments.read_scan(scan, scan_index)
    path = None if output is None else check_file(output, force)
    with progress() as tell:
        found = run(pattern, standard, shift=shift, options=options, progress=tell)
    result, text = found.result, found.to_toml()
    unsaved: Exception | None = None
    if path is not None and result.success:
        try:
            write_text(path, text, exclusive=not force)
        except (OSError, InputError) as error:  # what was computed is told all the same
            unsaved = error
    _show(result, text, None if unsaved else path, as_json=json)
    if unsaved is not None:
        raise unsaved
    return conclude(result)


def _show(result: FitResult, text: str, path: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json(result.to_dict() | {"instrument_toml": text})
    elif path is None and result.success:
        show(text, end="")
    else:
        from xrdfit.report.tables import render

        console().print(render(result))
        if result.success:
            show(f"\nWritten to {path}; use it with --instrument {path}")
