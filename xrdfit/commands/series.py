"""`xrdfit series`: many scans and a model go in, one table comes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from xrdfit.commands.arguments import FitArguments, Force, Json, Model
from xrdfit.commands.common import (
    INTERRUPTED,
    console,
    load,
    number_or_text,
    print_json,
    read_radiation,
    say,
    show,
    whole_number,
)
from xrdfit.commands.progress import progress
from xrdfit.errors import InputError

if TYPE_CHECKING:
    from xrdfit.series.entries import Reading
    from xrdfit.series.result import SeriesResult

_MOST_SHOWN = 40


def series(
    *scans: Annotated[
        str, Parameter(name="SCAN", help="Files, patterns with wild cards, a stack (FILE::PATH) or a CSV manifest.")
    ],
    model: Model = None,
    arguments: FitArguments | None = None,
    coord: Annotated[
        Sequence[str],
        Parameter(
            help="Where the scans stand: NAME=1,2,3 (one value a scan), NAME=header:WORD, FROM_NAME, or a pattern of "
            "the names, t{minutes}min.xy. Repeatable."
        ),
    ] = (),
    mode: Annotated[
        Literal["independent", "sequential", "joint"],
        Parameter(help="Each scan by itself; each from its neighbour's answer; or all with shared parameters."),
    ] = "independent",
    share: Annotated[
        Sequence[str], Parameter(help="NAME or PATTERN: what all scans of a joint fit have in common. Repeatable.")
    ] = (),
    law: Annotated[
        Sequence[str],
        Parameter(help="NAME=constant|linear|exponential|spline[:KNOTS]: how it goes along the series. Repeatable."),
    ] = (),
    workers: Annotated[
        int | None, Parameter(converter=whole_number, help="Processes of this machine that share the work.")
    ] = None,
    scheduler: Annotated[
        str | None, Parameter(help="Address of a dask.distributed scheduler, tcp://HOST:PORT.")
    ] = None,
    batch: Annotated[int | None, Parameter(converter=whole_number, help="Scans that travel together.")] = None,
    counting_errors_only: Annotated[
        bool, Parameter(name="--counting-errors-only", help="Leave out errors by the model, and advice.")
    ] = False,
    output: Annotated[str | None, Parameter(name=["-o", "--output"], help="Folder for table, pictures, page.")] = None,
    resume: Annotated[
        bool, Parameter(help="Go on with the series in the folder; what is done is not done again.")
    ] = False,
    force: Force = False,
    json: Json = False,
) -> int:
    """Fit a model to every scan of a series."""
    from xrdfit.report.options_table import read_texts
    from xrdfit.report.series_files import check_output, save_series
    from xrdfit.series.coordinates import read_coordinates
    from xrdfit.series.run import fit_series

    if not scans:
        raise InputError("SCAN is missing: give files, a pattern such as 'scans/*.xy', a stack or a manifest")
    if resume and output is None:
        raise InputError("--resume goes on with the series of a folder: name it (-o DIR)")
    arguments = arguments or FitArguments()
    start, options = load(model, arguments.phase, arguments.block), arguments.options()
    reading = _reading(arguments)
    if output is not None:
        check_output(Path(output), resume=resume, force=force)
    with progress() as tell:
        found = fit_series(
            start,
            list(scans),
            coord=read_coordinates(coord),
            mode=mode,
            share=tuple(share),
            law=read_texts(law, "law", "NAME=constant, linear, exponential or spline:KNOTS"),
            workers=workers,
            scheduler=scheduler,
            batch=batch,
            output=output,
            resume=resume,
            force=force,
            model_errors=not counting_errors_only,
            reading=reading,
            options=options,
            progress=tell,
        )
        if output is not None:
            tell("writing tables and pictures")
            save_series(found, output)
    return _deliver(found, output, as_json=json)


def _reading(arguments: FitArguments) -> Reading:
    from xrdfit.crystal.radiation import radiation
    from xrdfit.series.entries import Reading

    named = read_radiation(arguments.radiation)
    return Reading(
        wavelength=None if named is None else radiation(named).wavelength,
        axis=arguments.axis,
        columns=arguments.columns,
        counts_per=arguments.counts_per,
        sigma=number_or_text(arguments.sigma),
    )


def _deliver(found: SeriesResult, output: str | None, *, as_json: bool) -> int:
    if as_json:
        print_json(to_dict(found))
    else:
        _show(found)
        if output is not None:
            folder = Path(output)
            show(f"\nTable: {folder / 'series.nc'}, {folder / 'series.csv'}\nPage: {folder / 'series.html'}")
    for text, count in _counted(found):
        say(f"warning: {text} ({count} of {len(found)} scans)")
    failed = [i for i in range(len(found)) if not bool(found.data["success"][i])]
    for i in failed[:10]:
        say(f"{found.data['scan'].values[i]}: {found.data['message'].values[i]}")
    if len(failed) > 10:
        say(f"and {len(failed) - 10} more scans without an answer; the table says why")
    if not found.complete:
        say("interrupted: what was done until then is kept" + (", --resume goes on" if output is not None else ""))
        return INTERRUPTED
    return 0 if len(failed) < len(found) else 1


def _counted(found: SeriesResult) -> list[tuple[str, int]]:
    """Warnings that are the same for many scans, once each; those of single scans stand in the table."""
    counts: dict[str, int] = {}
    for row in found.rows:
        for text in row.warnings:
            counts[text] = counts.get(text, 0) + 1
    often = [(text, n) for text, n in counts.items() if n > 1 and n >= len(found) // 2]
    return sorted(often, key=lambda item: -item[1])[:5]


def to_dict(found: SeriesResult) -> dict[str, object]:
    """Return a series as plain data: one object a scan."""
    data = found.data
    scans = []
    for i, row in enumerate(found.rows):
        sites = [
            {"label": s} | dict(zip(("occupancy", "stderr", "stderr_model", "share", "share_stderr"), n, strict=False))
            for s, n in zip(row.sites, row.site_numbers.T.tolist(), strict=True)
        ]
        parameters = {
            n: {"value": v[0], "stderr": v[1], "stderr_model": v[2], "lower": v[3], "upper": v[4]}
            for n, v in zip(row.names, row.numbers.T.tolist(), strict=True)
        }
        scans.append(
            {
                "scan": row.label,
                "coordinates": {n: data[n].values[i] for n in found.coordinates},
                "success": row.success,
                "message": row.message,
                "r_wp": row.figure("r_wp"),
                "chi2_reduced": row.figure("chi2_reduced"),
                "sites": sites,
                "parameters": parameters,
                "advice": list(row.advice),
                "warnings": list(row.warnings),
            }
        )
    return {"schema": 1, **data.attrs, "scans": scans}


def _show(found: SeriesResult) -> None:
    from xrdfit.report.series_files import table_rows
    from xrdfit.report.tables import table

    columns, rows = table_rows(found, _MOST_SHOWN)
    console().print(table(f"{found.data.attrs['model']}: {len(found)} scans", columns, rows, columns[1:]))
    if len(found) > _MOST_SHOWN:
        show(f"and {len(found) - _MOST_SHOWN} more")
