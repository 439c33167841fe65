"""report.html: the result as one page that opens offline, with a picture that can be zoomed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from xrdfit.inference.further import NOTHING_ASKED, Assessment
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import printable
from xrdfit.report.assessment import tables
from xrdfit.report.figures import (
    BACKGROUND,
    CALCULATED,
    DIFFERENCE,
    EXCLUDED,
    OBSERVED,
    PHASES,
    gaps_broken,
    scan_title,
    title,
)
from xrdfit.report.numbers import percent
from xrdfit.report.summary import (
    FORMULAS,
    PARAMETER_COLUMNS,
    SCAN_COLUMNS,
    SITE_COLUMNS,
    composition_text,
    facts,
    parameter_rows,
    scan_rows,
    site_rows,
    statistics_items,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import xarray as xr

# The page may run its own script and nothing from anywhere else.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:"
)

# No button may send the pattern anywhere.
_PLOT_CONFIG = {"displaylogo": False, "responsive": True, "showSendToCloud": False, "plotlyServerURL": ""}

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
        *_scans(result),
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


def _scans(result: FitResult) -> list[str]:
    if len(result.scans) == 1:
        return []
    return ["<h2>Scans</h2>", _table(SCAN_COLUMNS, scan_rows(result), numeric=range(3, len(SCAN_COLUMNS)))]


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


def plot(result: FitResult) -> str:
    """Return the interactive pictures, one a scan, as a piece of HTML with their script inside."""
    parts = []
    for i, scan in enumerate(result.scans):
        heading = f"<h3>{_text(scan_title(scan))}</h3>" if scan.label else ""
        parts.append(heading + interactive(result, scan.label).to_html(
            full_html=False, include_plotlyjs=i == 0, include_mathjax=False, config=_PLOT_CONFIG
        ))  # fmt: skip
    return "\n".join(parts)


def interactive(result: FitResult, label: str = "") -> go.Figure:
    """Return pattern, tick marks and difference of one scan as a plotly figure; of the first by default."""
    from plotly.subplots import make_subplots

    scan = next((s for s in result.scans if s.label == label), result.scans[0])
    pattern = result.pattern_of(scan.label)
    phases = [p.name for p in scan.model.phases]
    share = 0.04 + 0.03 * len(phases)
    fig = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.02, row_heights=[0.8 - share, share, 0.2])
    _add_lines(fig, pattern)
    _add_ticks(fig, pattern, phases)
    for low, high in result.options.of(scan.label).exclude:
        fig.add_vrect(x0=low, x1=high, fillcolor=EXCLUDED, line_width=0, layer="below")
    angles = pattern["two_theta"].values
    fig.update_xaxes(range=[float(angles[0]), float(angles[-1])], showline=True, mirror=True, linecolor="#888")
    fig.update_yaxes(showline=True, mirror=True, linecolor="#888", zeroline=False)
    fig.update_xaxes(title_text="2θ (degrees)", row=3, col=1)
    fig.update_yaxes(title_text="intensity (counts)", exponentformat="none", row=1, col=1)
    fig.update_yaxes(title_text="difference / σ", row=3, col=1)
    fig.update_layout(
        template="plotly_white",
        height=620,
        margin={"l": 80, "r": 20, "t": 60, "b": 55},
        title={
            "text": _text(title(result) if not scan.label else scan_title(scan)),
            "font": {"size": 15},
            "x": 0.0,
            "xref": "paper",
        },
        legend={
            "orientation": "h",
            "x": 1.0,
            "xanchor": "right",
            "y": 1.01,
            "yanchor": "bottom",
            "bgcolor": "rgba(0,0,0,0)",
        },
        hovermode="closest",
    )
    return fig


def _add_lines(fig: go.Figure, p: xr.Dataset) -> None:
    import plotly.graph_objects as go

    angles = p["two_theta"].values
    fig.add_trace(
        go.Scatter(
            x=angles, y=p["observed"].values, mode="markers", name="observed",
            marker={"size": 3, "color": OBSERVED, "opacity": 0.6},
        ),
        row=1, col=1,
    )  # fmt: skip
    difference = p["residual"].values / p["sigma"].values
    x, calculated, background, difference = gaps_broken(
        angles, p["calculated"].values, p["background"].values, difference
    )
    for y, name, color, dash, row in (
        (calculated, "calculated", CALCULATED, "solid", 1),
        (background, "background", BACKGROUND, "dash", 1),
        (difference, "difference", DIFFERENCE, "solid", 3),
    ):
        line = {"color": color, "width": 1.5, "dash": dash}
        fig.add_trace(go.Scatter(x=x, y=y, mode="lines", name=name, line=line, showlegend=row == 1), row=row, col=1)


def _add_ticks(fig: go.Figure, marks: xr.Dataset, phases: list[str]) -> None:
    import plotly.graph_objects as go

    names = marks["tick_phase"].values.astype(str)
    for row, phase in enumerate(phases):
        own = names == phase
        angles = marks["tick_two_theta"].values[own]
        marker = {"symbol": "line-ns", "size": 11, "line": {"width": 1.5, "color": PHASES[row % len(PHASES)]}}
        fig.add_trace(
            go.Scatter(
                x=angles, y=[-row] * len(angles), mode="markers", marker=marker, name=_text(phase), showlegend=False,
                text=marks["tick_hkl"].values[own].astype(str), hovertemplate="%{text}<br>%{x:.3f}°",
            ),
            row=2, col=1,
        )  # fmt: skip
    fig.update_yaxes(
        tickvals=[-row for row in range(len(phases))], ticktext=[_text(p) for p in phases],
        range=[-len(phases) + 0.4, 0.6], showgrid=False, row=2, col=1,
    )  # fmt: skip
