"""`xrdfit compare`: which sets of sites a scan supports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from xrdfit.commands.arguments import FitArguments, Force, Json, Model
from xrdfit.commands.common import INTERRUPTED, console, finite_number, load, print_json, say, show, whole_number
from xrdfit.commands.progress import progress
from xrdfit.commands.samples import read_sample
from xrdfit.errors import InputError

if TYPE_CHECKING:
    from xrdfit.inference.questions.ranking import Comparison

_COLUMNS = ("Sites", "ΔBIC", "ΔAIC", "Rwp", "Parameters", "Occupancies")


def compare(
    *scan: Annotated[
        str,
        Parameter(
            name="SCAN", help="File of the measured pattern; several are one sample, see `fit`.", show_default=False
        ),
    ],
    model: Model = None,
    sites: Annotated[
        Sequence[str],
        Parameter(help="Candidate sites, such as 8c,32f,4b,24e or Cu_8c; else those that vary. Repeatable."),
    ] = (),
    rival: Annotated[Sequence[str], Parameter(help="A rival model: preset, CIF or model TOML. Repeatable.")] = (),
    negligible: Annotated[
        float | None,
        Parameter(
            converter=finite_number,
            help="SHARE of its element's atoms under which a site left out is as good as empty (0.02).",
        ),
    ] = None,
    arguments: FitArguments | None = None,
    scan_index: Annotated[
        int | None,
        Parameter(name="--scan", converter=whole_number, help="Which scan of a file that holds several, from 0."),
    ] = None,
    output: Annotated[str | None, Parameter(name=["-o", "--output"], help="Picture (PNG) of the rivals.")] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Fit every subset of the candidate sites and rank them."""
    from xrdfit.inference.questions.compare import compare as run
    from xrdfit.report.files import check_picture

    if not scan:
        raise InputError("SCAN is missing: give the file of a measured pattern")
    arguments = arguments or FitArguments()
    start = load(model, arguments.phase, arguments.block)
    rivals = [load(name) for name in rival]
    pattern, options = read_sample(scan, arguments, scan_index)
    path = None if output is None else check_picture(output, force)
    names = [name.strip() for group in sites for name in group.split(",") if name.strip()]
    with progress() as tell:
        share = {} if negligible is None else {"negligible": negligible}
        found = run(start, pattern, sites=names, rivals=rivals, options=options, progress=tell, **share)
    if json:
        print_json(found.to_dict())
    else:
        _show(found)
    if path is not None:
        from xrdfit.report.compare_figure import png
        from xrdfit.report.files import write_bytes

        write_bytes(path, png(found), exclusive=not force)
    return 0 if found.complete else INTERRUPTED


def _show(found: Comparison) -> None:
    from xrdfit.report.numbers import percent
    from xrdfit.report.tables import table

    lowest = min(c.aic for c in found.candidates)
    several = len({c.model for c in found.candidates}) > 1
    rows = [
        [
            (f"{c.model}: " if several else "") + (" + ".join(c.sites) or "none"),
            f"{c.delta_bic:.1f}",
            f"{c.aic - lowest:.1f}",
            percent(c.r_wp),
            str(c.n_varied),
            ", ".join(f"{_short(s)} {o:.3f}" for s, o in c.occupancies.items()),
        ]
        for c in found.candidates
    ]
    console().print(table("Sets of sites, best first", _COLUMNS, rows, _COLUMNS[1:5]))
    show("\n".join(found.summary))
    for sites, reason in found.left_out:
        say(f"left out: {' + '.join(sites)}: {reason}")


def _short(site: str) -> str:
    """A site without its element, as in 8c and phase__8c; a label that has none stays as it is."""
    phase, mark, label = site.rpartition("__")
    return phase + mark + (label.partition("_")[2] or label)
