"""The result as tables on a terminal or in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from xrdfit.inference.further import Assessment
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import printable
from xrdfit.report.assessment import tables
from xrdfit.report.numbers import percent
from xrdfit.report.summary import (
    PARAMETER_COLUMNS,
    SCAN_COLUMNS,
    SITE_COLUMNS,
    composition_text,
    facts,
    model_error_lines,
    parameter_rows,
    scan_rows,
    site_rows,
    statistics_items,
)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str] = ()) -> Table:
    """Return a table; every cell is text as it stands, never markup nor a command to the terminal."""
    made = Table(title=_text(title, "bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        made.add_column(_text(name), justify="right" if name in numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(_text, row))
    return made


def _text(content: str, style: str = "") -> Text:
    return Text(printable(content), style=style)


def sites_table(result: FitResult, phase: str) -> Table:
    """Sites of one phase: occupancy, share of the element, atoms per cell."""
    several = len(result.model.phases) > 1
    title = "Sites"
    if several:
        share = percent(result.weight_fractions[phase], result.weight_fraction_errors.get(phase))
        title = f"Sites of {phase} ({share} by weight)"
    return table(title, SITE_COLUMNS, site_rows(result, phase), SITE_COLUMNS[2:5])


def parameters_table(result: FitResult, everything: bool = False) -> Table:
    """Parameters that vary (beside occupancies), or all of them."""
    return table("Parameters", PARAMETER_COLUMNS, parameter_rows(result, everything), PARAMETER_COLUMNS[1:2])


def assessment_tables(assessment: Assessment) -> Iterator[Table]:
    """Yield tables of what was asked beyond the fit."""
    for title, columns, rows, numeric in tables(assessment):
        yield table(title, columns, rows, [columns[i] for i in numeric])


def render(result: FitResult) -> RenderableType:
    """Return everything that a terminal shows of a result; warnings are not in it."""
    return Group(
        _pairs(facts(result)),
        "",
        *(sites_table(result, p.name) for p in result.model.phases),
        _text(f"Atoms per cell: {composition_text(result)}"),
        *(_text(f"Model error of {line}", "dim") for line in model_error_lines(result)),
        "",
        parameters_table(result),
        Text("Figures of merit", style="bold"),
        _pairs(statistics_items(result)),
        *([table("Scans", SCAN_COLUMNS, scan_rows(result), SCAN_COLUMNS[3:])] if len(result.scans) > 1 else []),
    )


def _pairs(items: Sequence[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in items:
        grid.add_row(label, _text(text))
    return grid
