"""The picture of a fit: observed, calculated, tick marks, difference."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.inference.result import FitResult, FittedScan
from xrdfit.plaintext import one_line
from xrdfit.report.numbers import percent

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Okabe & Ito's colours, told apart with every kind of colour vision.
OBSERVED = "#000000"
CALCULATED = "#D55E00"
BACKGROUND = "#009E73"
DIFFERENCE = "#0072B2"
EXCLUDED = "#E8E8E8"
PHASES = ("#0072B2", "#CC79A7", "#009E73", "#E69F00", "#56B4E9", "#D55E00")


def title(result: FitResult) -> str:
    """Return the line over the picture: model, engine, R_wp and χ²."""
    s = result.statistics
    engine = " and ".join(name.capitalize() for name in result.engine.split("+"))
    state = "" if result.success else ", no answer"
    return one_line(f"{result.model.name}, {engine} engine{state}: Rwp {percent(s.r_wp)}, χ² {s.chi2_reduced:.3g}")


def gaps_broken(two_theta: NDArray[np.float64], *columns: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return angles and columns with a NaN in every gap of the scan, so that no line is drawn across it.

    A gap is a step of more than five times the median step.
    """
    steps = np.diff(two_theta)
    at = np.flatnonzero(steps > 5.0 * np.median(steps)) + 1
    middle = (two_theta[at - 1] + two_theta[at]) / 2.0
    return [np.insert(two_theta, at, middle), *(np.insert(c.astype(float), at, np.nan) for c in columns)]


def figure(result: FitResult) -> Figure:
    """Draw a fit.

    Returns
    -------
    matplotlib.figure.Figure
        For each scan, one below the other, three panels over one angle axis: pattern, tick marks by phase, difference
        in units of σ.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    several = len(result.scans) > 1
    fig = Figure(figsize=(9.0, 6.0 if not several else 4.6 * len(result.scans)), dpi=150, layout="constrained")
    FigureCanvasAgg(fig)
    if not several:
        _draw_scan(fig, result, result.scans[0], title(result))
        return fig
    for part, scan in zip(fig.subfigures(len(result.scans), 1, squeeze=False)[:, 0], result.scans, strict=True):
        _draw_scan(part, result, scan, scan_title(scan))
    fig.suptitle(title(result), fontsize=11, x=0.01, ha="left", parse_math=False)
    return fig


def scan_title(scan: FittedScan) -> str:
    """Return the line over the picture of one of several scans: label, radiation, engine, R_wp and χ²."""
    s = scan.statistics
    rays = scan.model.radiation().name
    return one_line(f"{scan.label}: {rays}, {scan.engine.capitalize()} engine, Rwp {percent(s.r_wp)}, χ² "
                    f"{s.chi2_reduced:.3g}")  # fmt: skip


def _draw_scan(fig: Figure | SubFigure, result: FitResult, scan: FittedScan, heading: str) -> None:
    phases = [p.name for p in scan.model.phases]
    pattern = result.pattern_of(scan.label)
    excluded = result.options.of(scan.label).exclude
    heights = (6.0, 0.25 + 0.3 * len(phases), 1.6)
    top, ticks, bottom = fig.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": heights, "hspace": 0.02})
    _draw_pattern(top, pattern, bool(excluded))
    _draw_ticks(ticks, pattern, phases)
    _draw_difference(bottom, pattern)
    for low, high in excluded:
        for axes in (top, ticks, bottom):
            axes.axvspan(low, high, color=EXCLUDED, zorder=0, linewidth=0)
    angles = pattern["two_theta"].values
    bottom.set_xlim(angles[0], angles[-1])
    bottom.set_xlabel("2θ (degrees)")
    top.set_title(heading, fontsize=11 if heading == title(result) else 10, loc="left", parse_math=False)


def _draw_pattern(axes: Axes, p: xr.Dataset, excluded: bool) -> None:
    angles = p["two_theta"].values
    axes.plot(angles, p["observed"].values, ".", color=OBSERVED, markersize=2.5, alpha=0.6, label="observed")
    x, calculated, background = gaps_broken(angles, p["calculated"].values, p["background"].values)
    axes.plot(x, calculated, "-", color=CALCULATED, linewidth=1.3, label="calculated")
    axes.plot(x, background, "--", color=BACKGROUND, linewidth=1.0, label="background")
    handles, labels = axes.get_legend_handles_labels()
    if excluded:
        from matplotlib.patches import Patch

        handles, labels = [*handles, Patch(color=EXCLUDED)], [*labels, "left out"]
    axes.legend(handles, labels, frameon=False, fontsize=9, markerscale=3)
    axes.set_ylabel("intensity (counts)")
    axes.tick_params(labelbottom=False)
    axes.margins(y=0.06)


def _draw_ticks(axes: Axes, marks: xr.Dataset, phases: list[str]) -> None:
    names = marks["tick_phase"].values.astype(str)
    for row, phase in enumerate(phases):
        angles = marks["tick_two_theta"].values[names == phase]
        color = PHASES[row % len(PHASES)]
        axes.vlines(angles, -row - 0.32, -row + 0.32, color=color, linewidth=1.0)
    axes.set_ylim(-len(phases) + 0.5, 0.5)
    axes.set_yticks([-row for row in range(len(phases))], phases, fontsize=8, parse_math=False)
    axes.tick_params(left=False, bottom=False, labelbottom=False)


def _draw_difference(axes: Axes, p: xr.Dataset) -> None:
    x, difference = gaps_broken(p["two_theta"].values, p["residual"].values / p["sigma"].values)
    axes.axhspan(-3.0, 3.0, color=DIFFERENCE, alpha=0.1, linewidth=0)
    axes.axhline(0.0, color=OBSERVED, linewidth=0.6)
    axes.plot(x, difference, "-", color=DIFFERENCE, linewidth=0.8)
    largest = max(4.5, 1.08 * float(np.nanmax(np.abs(difference))))
    axes.set_ylim(-largest, largest)
    axes.set_ylabel("difference / σ")


def png(result: FitResult) -> bytes:
    """Return the picture of a fit as PNG."""
    return as_png(figure(result))


def as_png(fig: Figure) -> bytes:
    """Return a figure as PNG; characters that its font lacks are boxes, which is no matter for a warning."""
    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        fig.savefig(stream, format="png")
    return stream.getvalue()
