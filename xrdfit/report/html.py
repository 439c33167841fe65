"""report.html: the result as one page that opens offline, with a picture that can be zoomed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from xrdfit.inference.further import NOTHING_ASKED, Assessment
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import printable
from xrdfit.report.assessment import tables
from xrdfit.report.numbers import percent
from xrdfit.report.summary import (
    FORMULAS,
    PARAMETER_COLUMNS,
    SITE_COLUMNS,
    composition_text,
    facts,
    parameter_rows,
    site_rows,
    statistics_items,
)
from xrdfit.report.zoomable import plot

# The page may run its own script and nothing from anywhere else.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:"
)

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 70rem;
       margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem 1.4rem .25rem 0; vertical-align: top; border-bottom: 1px solid #e4e4e4; }
th { font-weight: 600; border-bottom: 2px solid #999; } td.n, th.n { text-align: right; }
.about td:first-child, .formulas td:first-child { color: #555; white-space: nowrap; }
.warnings { border-left: 4px solid #D55E00; padding: .2rem 1rem; background: #fff6ef; }
.failed { border-left: 4px solid #D55E00; padding: .6rem 1rem; background: #ffe9dc; font-weight: 600; }
.wide { overflow-x: auto; } summary { cursor: pointer; font-weight: 600; margin-top: 1rem; }
"""


def page(result: FitResult, assessment: Assessment = NOTHING_ASKED) -> str:
    """Return the whole page; every text of the user's is escaped."""
    from xrdfit import __version__

    name = _text(result.model.name)
    sections = [
        f"<h1>{name}: site occupancies</h1>",
        "" if result.success else f'<p class="failed">No answer: {_text(result.message)}</p>',
        *_sites(result),
        f"<p>Atoms per cell: {_text(composition_text(result))}</p>",
        _warnings(result),
        "<h2>Pattern</h2>",
        plot(result),
        "<h2>Figures of merit</h2>",
        _table(("Quantity", "Value"), statistics_items(result)),
        "<h2>Parameters</h2>",
        _table(PARAMETER_COLUMNS, parameter_rows(result), numeric=(1,)),
        "<details><summary>All parameters, fixed ones and occupancies included</summary>",
        _table(PARAMETER_COLUMNS, parameter_rows(result, everything=True), numeric=(1,)),
        "</details>",
        *_assessed(assessment),
        "<h2>What was fitted</h2>",
        _table((), facts(result), style="about"),
        "<h2>Formulas</h2>",
        _table((), FORMULAS, style="formulas"),
        f"<p>Written by xrdfit {_text(__version__)}. Rerun with <code>xrdfit fit --from fit.toml</code>.</p>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}: xrdfit</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def _text(content: str) -> str:
    """Return text that is neither markup nor turns the direction of writing."""
    return escape(printable(content))


def _sites(result: FitResult) -> list[str]:
    parts = []
    for phase in result.model.phases:
        heading = "Sites"
        if len(result.model.phases) > 1:
            heading = f"Sites of {_text(phase.name)} ({percent(result.weight_fractions[phase.name])} by weight)"
        parts += [f"<h2>{heading}</h2>", _table(SITE_COLUMNS, site_rows(result, phase.name), numeric=(2, 3, 4))]
    return parts


def _assessed(assessment: Assessment) -> list[str]:
    parts = []
    for heading, columns, rows, numeric in tables(assessment):
        parts += [f"<h2>{_text(heading)}</h2>", _table(columns, rows, numeric)]
    if assessment.posterior is not None:
        from base64 import b64encode

        from xrdfit.report.posterior_figure import png

        picture = b64encode(png(assessment.posterior)).decode("ascii")
        text = "Corner plot: samples of the posterior by pairs of parameters"
        parts.append(f'<div class="wide"><img alt="{text}" src="data:image/png;base64,{picture}"></div>')
    parts += [f'<p class="warnings">{_text(note)}</p>' for note in assessment.notes]
    if not assessment.complete:
        parts.append('<p class="failed">Interrupted: what stands here is what was done until then.</p>')
    return parts


def _warnings(result: FitResult) -> str:
    if not result.warnings:
        return "<p>No warnings.</p>"
    items = "".join(f"<li>{_text(w)}</li>" for w in result.warnings)
    return f'<div class="warnings"><h2>Warnings</h2><ul>{items}</ul></div>'


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = (), style: str = "") -> str:
    kinds = dict.fromkeys(numeric, ' class="n"')
    head = "".join(f"<th{kinds.get(i, '')}>{_text(c)}</th>" for i, c in enumerate(columns))
    body = "".join(
        "<tr>" + "".join(f"<td{kinds.get(i, '')}>{_text(c)}</td>" for i, c in enumerate(row)) + "</tr>" for row in rows
    )
    head = f"<thead><tr>{head}</tr></thead>" if columns else ""
    return f'<div class="wide"><table class="{style}">{head}<tbody>{body}</tbody></table></div>'
