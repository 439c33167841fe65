"""`xrdfit identify`: what a scan, measured or planned, can and cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from xrdfit.commands.arguments import FitArguments, Force, Json, Model
from xrdfit.commands.common import check_finite, console, finite_number, load, print_json, say, whole_number
from xrdfit.commands.progress import progress

if TYPE_CHECKING:
    from xrdfit.inference.design import DesignRow

_COLUMNS = ("Measurement", "Error", "Time a step", "Time in all")


def identify(
    scan: Annotated[
        str | None, Parameter(name="SCAN", help="File of the measured pattern; without it a planned scan is computed.")
    ] = None,
    /,
    *,
    model: Model = None,
    arguments: FitArguments | None = None,
    counts: Annotated[
        float, Parameter(converter=finite_number, help="Planned: counts above background at the maximum (5000).")
    ] = 5000.0,
    background_counts: Annotated[
        float, Parameter(converter=finite_number, help="Planned: counts of the background (300).")
    ] = 300.0,
    two_theta: Annotated[
        tuple[float, float, float], Parameter(help="Planned: START STOP STEP in degrees (15 65 0.04).")
    ] = (15.0, 65.0, 0.04),
    reach: Annotated[
        Sequence[str],
        Parameter(help="NAME=ERROR: which counting time, range or wavelength brings a parameter to an error."),
    ] = (),
    scan_index: Annotated[
        int | None,
        Parameter(name="--scan", converter=whole_number, help="Which scan of a file that holds several, from 0."),
    ] = None,
    output: Annotated[str | None, Parameter(name=["-o", "--output"], help="Picture (PNG) of the combinations.")] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Say which combinations of occupancies a scan determines."""
    from xrdfit.inference.design import design
    from xrdfit.inference.identify import Plan
    from xrdfit.inference.identify import identify as run
    from xrdfit.report.files import check_file, write_bytes
    from xrdfit.report.fitfile import read_assignments
    from xrdfit.scan import read_pattern

    arguments = arguments or FitArguments()
    check_finite("--two-theta", two_theta)
    source, options = load(model, arguments.phase), arguments.options()
    targets = read_assignments(reach, "reach")
    path = None if output is None else check_file(output, force)
    data = (
        Plan(counts, background_counts, two_theta, options.radiation)
        if scan is None
        else read_pattern(scan, scan=scan_index)
    )
    with progress() as tell:
        found = run(source, data, options=options, progress=tell)
        plans = {n: design(found.result, n, target, progress=tell) for n, target in targets.items()}
        if path is not None:
            from xrdfit.report.identify_figure import png

            write_bytes(path, png(found))
    if json:
        print_json({**found.to_dict(), "design": {n: [r.to_dict() for r in rows] for n, rows in plans.items()}})
    else:
        print(found)
        for name, rows in plans.items():
            _show(name, targets[name], rows)
    # what a fit finds suspicious in its residual says nothing where there is no noise
    for warning in found.result.warnings if scan is not None else ():
        say(f"warning: {warning}")
    return 0


def _show(name: str, target: float, rows: Sequence[DesignRow]) -> None:
    from xrdfit.report.tables import table

    def factor(value: float) -> str:
        return f"× {value:.3g}" if isfinite(value) else "never"

    cells = [
        [
            r.change,
            f"{r.stderr:.2g}" if isfinite(r.stderr) else "not determined",
            factor(r.time_a_step),
            factor(r.time_in_all),
        ]
        for r in rows
    ]
    console().print(table(f"To bring {name} to ± {target:g}", _COLUMNS, cells, _COLUMNS[1:]))
    if rows[0].misfit > 0.0:
        print(f"of the error {rows[0].stderr:.2g} as measured, misfit makes {rows[0].misfit:.2g}: no time removes that")
