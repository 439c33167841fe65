"""`xrdfit calibrate-intervals`: how often the intervals hold the truth, by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import Parameter

from xrdfit.commands.arguments import Json
from xrdfit.commands.common import INTERRUPTED, console, finite_number, load, print_json, say, whole_number
from xrdfit.commands.progress import progress
from xrdfit.errors import InputError

MOST_WORKERS = 256
_COLUMNS = ("Engine", "Truth", "Interval", "Level", "Trials", "Held the truth")


def calibrate_intervals(
    *,
    model: Annotated[
        Sequence[str], Parameter(help="Models of the truths (cu2se-2nm, cu2se-4nm, cu2se-6nm). Repeatable.")
    ] = ("cu2se-2nm", "cu2se-4nm", "cu2se-6nm"),
    scans: Annotated[int, Parameter(converter=whole_number, help="Number of simulated scans (4000).")] = 4000,
    engine: Annotated[
        Literal["bragg", "debye", "both"], Parameter(help="Each engine fits its own scans (both).")
    ] = "both",
    counts: Annotated[
        float, Parameter(converter=finite_number, help="Counts above background at the maximum (5000).")
    ] = 5000.0,
    background_counts: Annotated[
        float, Parameter(converter=finite_number, help="Counts of the background (300).")
    ] = 300.0,
    seed: Annotated[int, Parameter(converter=whole_number, help="Seed of the random truths (0).")] = 0,
    first: Annotated[
        int, Parameter(converter=whole_number, help="Number of the first scan, to continue a calibration (0).")
    ] = 0,
    workers: Annotated[int, Parameter(converter=whole_number, help="Processes (1).")] = 1,
    json: Json = False,
) -> int:
    """Simulate scans of random truths, fit them, and count how often the intervals hold the truth."""
    from xrdfit.inference.coverage import calibrate_intervals as run

    for name, value, least in (
        ("--scans", scans, 1),
        ("--workers", workers, 1),
        ("--seed", seed, 0),
        ("--first", first, 0),
    ):
        if value < least:
            raise InputError(f"{name} {value} is too small; {least} or more is allowed")
    if workers > MOST_WORKERS:
        raise InputError(f"--workers {workers} is too large; at most {MOST_WORKERS} are allowed")
    engines: tuple[Literal["bragg", "debye"], ...] = ("bragg", "debye") if engine == "both" else (engine,)
    models = [load(name) for name in model]
    with progress() as tell:
        found = run(
            models, scans, engines=engines, counts=counts, background=background_counts, seed=seed, first=first,
            workers=workers, progress=tell,
        )  # fmt: skip
    if json:
        print_json(found.to_dict())
    else:
        from xrdfit.report.tables import table

        places = {"far": "2 esd or more from a bound", "near": "nearer than 2 esd"}
        rows = [
            [r.engine, places[r.place], r.kind, f"{100 * r.level:.0f} %", str(r.trials),
             f"{100 * r.covered:.1f} ± {100 * r.error:.1f} %"]
            for r in found.rows()
        ]  # fmt: skip
        title = (
            f"{found.scans} scans, {found.failed} without an answer; {found.without_interval} occupancies without an "
            "interval count as misses"
        )
        console().print(table(title, _COLUMNS, rows, _COLUMNS[3:]))
    if found.complete:
        return 0
    say(f"interrupted after {found.scans} scans; --first {first + found.scans} continues with the next")
    return INTERRUPTED
