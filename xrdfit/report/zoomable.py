"""The picture of report.html: pattern, tick marks and difference, drawn in the browser by plotly's script.

What the script draws is plain data; plotly's Python objects, which check it, cost a fifth of a run's time.
"""

from __future__ import annotations

import json
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import printable
from xrdfit.report.figures import (
    BACKGROUND,
    CALCULATED,
    DIFFERENCE,
    EXCLUDED,
    OBSERVED,
    PHASES,
    gaps_broken,
    title,
)

# No button may send the pattern anywhere.
_CONFIG = {"displaylogo": False, "responsive": True, "showSendToCloud": False, "plotlyServerURL": ""}
_GAP = 0.02  # between panels, of the height
_AXIS = {
    "showline": True, "mirror": True, "linecolor": "#888", "gridcolor": "#EBF0F8", "ticks": "", "automargin": True,
    "zeroline": False,
}  # fmt: skip


def plot(result: FitResult) -> str:
    """Return the interactive picture as a piece of HTML with its script inside."""
    data = json.dumps({**figure(result), "config": _CONFIG}, allow_nan=False)
    data = data.replace("<", "\\u003c")  # no text ends the script
    return (
        f'<div id="pattern" style="height:620px"></div>\n<script>{_script()}</script>\n'
        f'<script>Plotly.newPlot("pattern", {data});</script>'
    )


def figure(result: FitResult) -> dict[str, Any]:
    """Return traces and layout of the picture as plotly's script takes them: ``data`` and ``layout``."""
    phases = [p.name for p in result.model.phases]
    angles = result.pattern["two_theta"].values
    share = 0.04 + 0.03 * len(phases)
    heights = [part * (1.0 - 2 * _GAP) for part in (0.2, share, 0.8 - share)]
    lows = [0.0, heights[0] + _GAP, heights[0] + heights[1] + 2 * _GAP]
    (bottom, middle, top) = ([low, low + height] for low, height in zip(lows, heights, strict=True))
    span = {"range": [float(angles[0]), float(angles[-1])], **_AXIS}
    layout = {
        "height": 620,
        "font": {"color": "#2a3f5f"},
        "margin": {"l": 80, "r": 20, "t": 60, "b": 55},
        "title": {"text": _text(title(result)), "font": {"size": 15}, "x": 0.0, "xref": "paper"},
        "legend": {
            "orientation": "h", "x": 1.0, "xanchor": "right", "y": 1.01, "yanchor": "bottom",
            "bgcolor": "rgba(0,0,0,0)",
        },
        "hovermode": "closest",
        "xaxis": {**span, "anchor": "y", "matches": "x3", "showticklabels": False},
        "xaxis2": {**span, "anchor": "y2", "matches": "x3", "showticklabels": False},
        "xaxis3": {**span, "anchor": "y3", "title": {"text": "2θ (degrees)"}},
        "yaxis": {**_AXIS, "domain": top, "title": {"text": "intensity (counts)"}, "exponentformat": "none"},
        "yaxis2": {
            **_AXIS, "anchor": "x2", "domain": middle, "showgrid": False, "range": [-len(phases) + 0.4, 0.6],
            "tickvals": [-row for row in range(len(phases))], "ticktext": [_text(p) for p in phases],
        },
        "yaxis3": {**_AXIS, "anchor": "x3", "domain": bottom, "title": {"text": "difference / σ"}},
        "shapes": [
            {
                "type": "rect", "xref": "x", "yref": "paper", "x0": low, "x1": high, "y0": 0, "y1": 1,
                "fillcolor": EXCLUDED, "line": {"width": 0}, "layer": "below",
            }
            for low, high in result.options.exclude
        ],
    }  # fmt: skip
    return {"data": [*_lines(result), *_ticks(result, phases)], "layout": layout}


def _lines(result: FitResult) -> list[dict[str, Any]]:
    p = result.pattern
    angles = p["two_theta"].values
    x, calculated, background, difference = gaps_broken(
        angles, p["calculated"].values, p["background"].values, p["residual"].values / p["sigma"].values
    )
    drawn = (
        (calculated, "calculated", CALCULATED, "solid", ""),
        (background, "background", BACKGROUND, "dash", ""),
        (difference, "difference", DIFFERENCE, "solid", "3"),
    )
    points = {
        "type": "scatter", "mode": "markers", "name": "observed", "x": _numbers(angles),
        "y": _numbers(p["observed"].values), "marker": {"size": 3, "color": OBSERVED, "opacity": 0.6},
        "xaxis": "x", "yaxis": "y",
    }  # fmt: skip
    return [points] + [
        {
            "type": "scatter", "mode": "lines", "name": name, "x": _numbers(x), "y": _numbers(y),
            "line": {"color": color, "width": 1.5, "dash": dash}, "showlegend": not panel,
            "xaxis": f"x{panel}", "yaxis": f"y{panel}",
        }
        for y, name, color, dash, panel in drawn
    ]  # fmt: skip


def _ticks(result: FitResult, phases: list[str]) -> list[dict[str, Any]]:
    marks = result.pattern
    names = marks["tick_phase"].values.astype(str)
    traces = []
    for row, phase in enumerate(phases):
        own = names == phase
        angles = _numbers(marks["tick_two_theta"].values[own])
        color = PHASES[row % len(PHASES)]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": _text(phase), "showlegend": False, "x": angles,
                "y": [-row] * len(angles), "text": marks["tick_hkl"].values[own].astype(str).tolist(),
                "hovertemplate": "%{text}<br>%{x:.3f}°", "xaxis": "x2", "yaxis": "y2",
                "marker": {"symbol": "line-ns", "size": 11, "line": {"width": 1.5, "color": color}},
            }
        )  # fmt: skip
    return traces


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    """Return numbers as JSON holds them: gaps, which are no numbers, as null; seven digits are more than is seen."""
    return [float(f"{value:.7g}") if np.isfinite(value) else None for value in values.tolist()]


def _text(content: str) -> str:
    """Return text that is no markup of plotly's, nor turns the direction of writing."""
    return escape(printable(content))


def _script() -> str:
    """Return plotly's script, which its Python package carries."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise InputError("report.html is drawn by plotly, which is not installed: pip install plotly")
    return Path(spec.origin).with_name("package_data").joinpath("plotly.min.js").read_text(encoding="utf-8")
