"""`xrdfit calibrate`: the instrument's profile from a standard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from xrdfit.commands.arguments import FitArguments, Force, Json
from xrdfit.commands.common import conclude, console, load, print_json, show, whole_number
from xrdfit.commands.progress import progress
from xrdfit.errors import ComputationError, InputError
from xrdfit.model.ties import parse_tie

if TYPE_CHECKING:
    from pathlib import Path

    from xrdfit.fitting.options import FitOptions
    from xrdfit.inference.result import FitResult
    from xrdfit.model.instrument import Instrument
from xrdfit.model.powder import PowderModel

PROFILE = ("U", "V", "W", "X", "Y", "S_L")
_NOT_THE_STANDARD = 0.3  # R_wp without background: lines are not where the standard has them
_SIZE_NM = 1000.0
"""The standard's crystallites: their lines are 0.01 degree wide, so that all width is the instrument's."""
_FIRST_GUESS = {"W": 0.003, "Y": 0.03, "S_L": 0.02}
_AXIAL_TIE = "H_L = S_L"
"""A scan holds only a combination of the two; they are equal where the same Soller slits stand on both sides."""
_SHIFTS = {"displacement": "displacement_mm", "zero": "zero_deg"}


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
    from xrdfit.inference.fit import fit_with
    from xrdfit.model.files.read import instrument_to_toml
    from xrdfit.report.files import check_file, write_text

    if scan is None:
        raise InputError("SCAN is missing: give the file of a standard's pattern")
    arguments = arguments or FitArguments()
    standard = with_axial_tie(load(model, arguments.phase, arguments.block), arguments)
    options = calibration(standard, arguments.options(), shift)
    pattern = arguments.read_scan(scan, scan_index)
    path = None if output is None else check_file(output, force)
    with progress() as tell:
        result = fit_with(standard, pattern, options, tell)
    if result.statistics.r_wp_background_subtracted > _NOT_THE_STANDARD:
        share = 100 * result.statistics.r_wp_background_subtracted
        raise ComputationError(
            f"{scan} does not look like {standard.name}: R_wp without background is {share:.0f} %; nothing is written"
        )
    source = (
        f"{result.model.name} in {scan}, R_wp {100 * result.statistics.r_wp:.2f} %; "
        f"the specimen's displacement, {result['displacement_mm'].value:.4f} mm, is left out"
    )
    text = instrument_to_toml(without_specimen(result), source)
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


def with_axial_tie(model: PowderModel, arguments: FitArguments) -> PowderModel:
    """Return the model with H/L tied to S/L, unless an option or the model itself says what H/L does."""
    named = (*arguments.fix, *arguments.vary, *arguments.start)
    if any(text.startswith("H_L") for text in named) or any(tie.target == "H_L" for tie in model.ties):
        return model
    return replace(model, ties=(*model.ties, parse_tie(_AXIAL_TIE)))


def calibration(model: PowderModel, options: FitOptions, shift: Literal["displacement", "zero"]) -> FitOptions:
    """Return options under which the cell is kept and the profile varies; what the user asked for has precedence."""
    from xrdfit.crystal.symmetry import cell_names

    fixed: dict[str, float | None] = {}
    for phase in model.phases:
        prefix = model.prefix(phase)
        fixed |= {f"{prefix}{name}": None for name in cell_names(phase.structure.group)}
        fixed |= {f"{prefix}size_nm": _SIZE_NM, f"{prefix}mixing": 1.0}
    known = {row.name for row in model.rows("bragg")}
    varied = [name for name in (*PROFILE, _SHIFTS[shift]) if name not in options.fix]
    start = {name: value for name, value in _FIRST_GUESS.items() if name in varied}
    return replace(
        options,
        vary=(*varied, *options.vary),
        fix={name: value for name, value in fixed.items() if name in known and name not in options.vary}
        | dict(options.fix),
        start=start | dict(options.start),
    )


def without_specimen(result: FitResult) -> Instrument:
    """Return the fitted instrument without the displacement, which belongs to the specimen of the standard."""
    return replace(result.model.instrument, displacement_mm=result.start_model.instrument.displacement_mm)


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
