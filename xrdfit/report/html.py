"""report.html: the result as one page that opens offline, with a picture that can be zoomed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from xrdfit.inference.further import NOTHING_ASKED, Assessment
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import printable
from xrdfit.report.assessment import tables
from xrdfit.report.curves import MOST_POINTS, curves
from xrdfit.report.figures import png, title
from xrdfit.report.methods import methods_text
from xrdfit.report.numbers import percent, plain
from xrdfit.report.regions import phase_regions
from xrdfit.report.summary import (
    FORMULAS,
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
from xrdfit.report.webpage import hash_of, json_within, script, static, style

REGION_COLUMNS = ("Scan", "Points of", "Points", "Rwp", "Mean (Δ/σ)²")


def page(result: FitResult, assessment: Assessment = NOTHING_ASKED, picture: bytes | None = None) -> str:
    """Return the whole page; every text of the user's is escaped.

    Parameters
    ----------
    result : FitResult
    assessment : Assessment
    picture : bytes, optional
        PNG of the fit of one scan, where it is drawn already.
    """
    from xrdfit import __version__

    name = _text(result.model.name)
    own = script([static("fitplot.js"), static("report.js")])
    sections = [
        f"<h1>{name}: site occupancies</h1>",
        f'<p class="headline">{_text(title(result, named=False))}</p>',
        "" if result.success else f'<p class="failed">No answer: {_text(result.message)}</p>',
        *_pictures(result, picture),
        *_sites(result),
        f"<p>Atoms per cell: {_text(composition_text(result))}</p>",
        _warnings(result),
        _advice(result),
        "<h2>Parameters</h2>",
        _table(PARAMETER_COLUMNS, parameter_rows(result), numeric=(1,)),
        '<details class="screen"><summary>All parameters, fixed ones and occupancies included</summary>',
        _table(PARAMETER_COLUMNS, parameter_rows(result, everything=True), numeric=(1,)),
        "</details>",
        "<h2>Figures of merit</h2>",
        _table(("Quantity", "Value"), statistics_items(result)),
        *_scans(result),
        _regions(result),
        *_assessed(assessment),
        "<h2>Methods</h2>",
        f'<p class="methods">{_text(methods_text(result))}</p>',
        "<h2>What was fitted</h2>",
        _table((), facts(result), style="about"),
        *_paper(result),
        "<h2>Formulas</h2>",
        _table((), FORMULAS, style="formulas"),
        f"<p>Written by xrdfit {_text(__version__)}. Rerun with <code>xrdfit fit --from fit.toml</code>. Picture drawn "
        "by uPlot (MIT licence, in this file).</p>",
    ]
    most = MOST_POINTS // len(result.scans)
    data = [{"place": f"plot-{i}"} | curves(result, scan.label, most) for i, scan in enumerate(result.scans)]
    sheets = style(static("fitplot.css"), static("report.css"))
    # the page may run its own script and nothing from anywhere else
    policy = f"default-src 'none'; script-src '{hash_of(own)}'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{name}: xrdfit</title><style>{sheets}</style></head>\n<body>\n"
        + "\n".join(sections)
        + f'\n<script type="application/json" id="data">{json_within(plain(data))}</script>\n<script>{own}</script>'
        + "\n</body></html>\n"
    )


def _pictures(result: FitResult, drawn: bytes | None) -> list[str]:
    """The plots that can be zoomed, and the still pictures that are printed instead."""
    parts = []
    drawn = drawn if len(result.scans) == 1 else None
    for i, scan in enumerate(result.scans):
        if scan.label:
            parts.append(f"<h2>{_text(scan.label)}: Rwp {percent(scan.statistics.r_wp)}</h2>")
        parts += [
            f'<div id="plot-{i}" class="screen"></div>',
            _image(
                drawn or png(result, scan=scan.label or None),
                "Observed and calculated pattern, tick marks, difference",
                "print",
            ),
        ]
    return parts


def _image(content: bytes, text: str, kind: str = "") -> str:
    return f'<img class="{kind}" alt="{text}" src="data:image/png;base64,{b64encode(content).decode("ascii")}">'


def _advice(result: FitResult) -> str:
    parts = []
    for heading, lines in (
        ("Added because the scan asked for it", list(map(str, result.steps))),
        ("What the scan asks for", list(map(str, result.advice))),
        ("What makes the errors by the model", model_error_lines(result)),
    ):
        if lines:
            items = "".join(f"<li>{_text(line)}</li>" for line in lines)
            parts.append(f"<h2>{heading}</h2><ul>{items}</ul>")
    return "".join(parts)


def _regions(result: FitResult) -> str:
    rows = [(r.scan, r.phase, str(r.n_points), percent(r.r_wp), f"{r.chi2:.3g}") for r in phase_regions(result)]
    columns, first = REGION_COLUMNS, 0
    if len(result.scans) == 1:
        first = 1
    shown = [row[first:] for row in rows]
    numeric = tuple(range(2 - first, 5 - first))
    return "<h3>Where it fits: the points that each phase dominates</h3>" + _table(columns[first:], shown, numeric)


def _paper(result: FitResult) -> list[str]:
    """The table for a paper as text to copy."""
    from xrdfit.report.paper import latex, markdown

    parts = ['<h2 class="screen">Table for a paper</h2>']
    for name, text in (("LaTeX", latex(result)), ("Markdown", markdown(result))):
        parts.append(
            f'<details class="screen"><summary>{name}</summary>'
            f'<textarea readonly rows="14" aria-label="Table as {name}">{_text(text)}</textarea></details>'
        )
    return parts


def _text(content: str) -> str:
    """Return text that is neither markup nor turns the direction of writing."""
    return escape(printable(content))


def _sites(result: FitResult) -> list[str]:
    parts = []
    for phase in result.model.phases:
        heading = "Sites"
        if len(result.model.phases) > 1:
            share = percent(result.weight_fractions[phase.name], result.weight_fraction_errors.get(phase.name))
            heading = f"Sites of {_text(phase.name)} ({share} by weight)"
        parts += [f"<h2>{heading}</h2>", _table(SITE_COLUMNS, site_rows(result, phase.name), numeric=(2, 3, 4))]
    return parts


def _scans(result: FitResult) -> list[str]:
    if len(result.scans) == 1:
        return []
    return ["<h2>Scans</h2>", _table(SCAN_COLUMNS, scan_rows(result), numeric=range(3, len(SCAN_COLUMNS)))]


def _assessed(assessment: Assessment) -> list[str]:
    parts = []
    for heading, columns, rows, numeric in tables(assessment):
        parts += [f"<h2>{_text(heading)}</h2>", _table(columns, rows, numeric)]
    if assessment.posterior is not None:
        from xrdfit.report.posterior_figure import png as corner

        text = "Corner plot: samples of the posterior by pairs of parameters"
        parts.append(f'<div class="wide">{_image(corner(assessment.posterior), text)}</div>')
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
