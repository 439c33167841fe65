"""`xrdfit identify`: what a scan, measured or planned, can and cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from xrdfit.commands.arguments import FitArguments, Force, Json, Model
from xrdfit.commands.common import check_finite, console, finite_number, load, print_json, say, show, whole_number
from xrdfit.commands.progress import progress
from xrdfit.commands.samples import labelled_files, read_sample
from xrdfit.errors import InputError

if TYPE_CHECKING:
    from xrdfit.inference.questions.design import DesignRow
    from xrdfit.model.powder import PowderModel

_PLANNED = {"counts": "--counts", "background": "--background-counts", "two_theta": "--two-theta"}
_COLUMNS = ("Measurement", "Error", "Time a step", "Time in all")


def identify(
    *scan: Annotated[
        str,
        Parameter(
            name="SCAN",
            help="File of the measured pattern; several are one sample, see `fit`; without any a planned scan is "
            "computed.",
        ),
    ],
    model: Model = None,
    arguments: FitArguments | None = None,
    counts: Annotated[
        float | None,
        Parameter(converter=finite_number, help="Planned: counts above background at the maximum (5000)."),
    ] = None,
    background_counts: Annotated[
        float | None, Parameter(converter=finite_number, help="Planned: counts of the background (300).")
    ] = None,
    two_theta: Annotated[
        tuple[float, float, float] | None, Parameter(help="Planned: START STOP STEP in degrees (15 65 0.04).")
    ] = None,
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
    from xrdfit.inference.questions.design import design
    from xrdfit.inference.questions.identify import Plan
    from xrdfit.inference.questions.identify import identify as run
    from xrdfit.report.files import check_picture, write_bytes
    from xrdfit.report.options_table import read_assignments

    arguments = arguments or FitArguments()
    check_finite("--two-theta", two_theta or ())
    source = load(model, arguments.phase, arguments.block)
    targets = read_assignments(reach, "reach")
    labels = list(labelled_files(scan)) if len(scan) > 1 else []
    _check_targets(source, targets, labels)
    path = None if output is None else check_picture(output, force)
    planned = {"counts": counts, "background": background_counts, "two_theta": two_theta}
    chosen: dict[str, Any] = {name: value for name, value in planned.items() if value is not None}
    if not scan:
        options = arguments.options()
        data: Any = Plan(radiation=options.radiation, **chosen)
    elif chosen:
        given = ", ".join(_PLANNED[name] for name in chosen)
        raise InputError(f"{given} describes a planned scan: leave it out, or leave out the measured one, {scan[0]}")
    else:
        data, options = read_sample(scan, arguments, scan_index)
    with progress() as tell:
        found = run(source, data, options=options, progress=tell)
        plans, refused = {}, {}
        for name, target in targets.items():
            try:
                plans[name] = design(found.result, name, target, progress=tell)
            except InputError as error:
                refused[name] = str(error)
    if json:
        rows = {name: [row.to_dict() for row in rows] for name, rows in plans.items()}
        print_json({**found.to_dict(), "design": rows, "design_refused": refused})
    else:
        show(str(found))
        for name, rows in plans.items():
            _show(name, targets[name], rows)
    if path is not None:
        from xrdfit.report.identify_figure import png

        write_bytes(path, png(found), exclusive=not force)
    for name, reason in refused.items():
        say(f"warning: --reach {name}: {reason}")
    # what a fit finds suspicious in its residual says nothing where there is no noise
    for warning in found.result.warnings if scan else ():
        say(f"warning: {warning}")
    return 1 if refused else 0


def _check_targets(model: PowderModel, targets: Mapping[str, float], labels: Sequence[str]) -> None:
    own = [row.name for engine in ("bragg", "debye") for row in model.rows(engine)]
    names = [*dict.fromkeys(own), *(f"{label}__{name}" for label in labels for name in dict.fromkeys(own))]
    for name, target in targets.items():
        if target <= 0.0:
            raise InputError(f"--reach {name}={target:g}: an error must be a positive number")
        if name not in names:
            raise InputError(f"--reach {name}: there is no such parameter; there are {', '.join(names)}")


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
