"""The picture of a fit: observed, calculated, tick marks, difference."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.inference.fitted import FittedScan
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import one_line
from xrdfit.report.numbers import percent
from xrdfit.report.regions import weakest_region

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Intensity = Literal["linear", "sqrt", "log"]
"""How the axis of intensity runs; √ shows counting noise equally wide everywhere."""

# Okabe & Ito's colours, told apart with every kind of colour vision.
OBSERVED = "#000000"
CALCULATED = "#D55E00"
BACKGROUND = "#009E73"
DIFFERENCE = "#0072B2"
EXCLUDED = "#E8E8E8"
PHASES = ("#0072B2", "#CC79A7", "#009E73", "#E69F00", "#56B4E9", "#D55E00")


def title(result: FitResult, named: bool = True) -> str:
    """Return the line over the picture: model (unless `named` is off), engine, R_wp and χ²."""
    s = result.statistics
    engine = " and ".join(name.capitalize() for name in result.engine.split("+"))
    state = "" if result.success else ", no answer"
    name = f"{result.model.name}, " if named else ""
    return one_line(f"{name}{engine} engine{state}: Rwp {percent(s.r_wp)}, χ² {s.chi2_reduced:.3g}")


def gaps_broken(two_theta: NDArray[np.float64], *columns: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return angles and columns with a NaN in every gap of the scan, so that no line is drawn across it.

    A gap is a step of more than five times the median step.
    """
    steps = np.diff(two_theta)
    at = np.flatnonzero(steps > 5.0 * np.median(steps)) + 1
    middle = (two_theta[at - 1] + two_theta[at]) / 2.0
    return [np.insert(two_theta, at, middle), *(np.insert(c.astype(float), at, np.nan) for c in columns)]


def figure(result: FitResult, intensity: Intensity = "linear", scan: str | None = None) -> Figure:
    """Draw a fit.

    Parameters
    ----------
    result : FitResult
    intensity : {"linear", "sqrt", "log"}
        How the axis of intensity runs. A linear one has the weakest fitted region magnified within it.
    scan : str, optional
        Label of one of several scans; all, one below the other, by default.

    Returns
    -------
    matplotlib.figure.Figure
        For each scan three panels over one angle axis: pattern, tick marks by phase, difference in units of σ.

    Raises
    ------
    InputError
        For an unknown axis or scan.
    """
    from xrdfit.report.picture import Picture

    check_intensity(intensity)
    drawn = [s for s in result.scans if scan is None or s.label == scan]
    if not drawn:
        raise InputError(f"no scan {scan!r}; there are {', '.join(s.label for s in result.scans)}")
    several = len(drawn) > 1
    fig = Picture(figsize=(9.0, 4.6 * len(drawn) if several else 6.0), dpi=150, layout="constrained")
    if several:
        parts = fig.subfigures(len(drawn), 1, squeeze=False)[:, 0]
        for part, one in zip(parts, drawn, strict=True):
            top = _draw_scan(part, result, one, scan_title(one), intensity)
        fig.suptitle(title(result), fontsize=11, x=0.01, ha="left", parse_math=False)
    else:
        heading = scan_title(drawn[0]) if len(result.scans) > 1 else title(result)
        top = _draw_scan(fig, result, drawn[0], heading, intensity)
    _legend(fig, top, any(excluded(result, s.label) for s in drawn))
    return fig


def scan_title(scan: FittedScan) -> str:
    """Return the line over the picture of one of several scans: label, radiation, engine, R_wp and χ²."""
    s = scan.statistics
    rays = scan.model.radiation().name
    return one_line(
        f"{scan.label}: {rays}, {scan.engine.capitalize()} engine, Rwp {percent(s.r_wp)}, χ² {s.chi2_reduced:.3g}"
    )


def _draw_scan(
    fig: Figure | SubFigure, result: FitResult, scan: FittedScan, heading: str, intensity: Intensity
) -> Axes:
    """Draw the three panels of one scan; return the upper one."""
    phases = [p.name for p in scan.model.phases]
    pattern = result.pattern_of(scan.label)
    heights = (6.0, 0.25 + 0.3 * len(phases), 1.6)
    top, ticks, bottom = fig.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": heights, "hspace": 0.02})
    _draw_pattern(top, pattern)
    _draw_ticks(ticks, pattern, phases)
    _draw_difference(bottom, pattern)
    for low, high in excluded(result, scan.label):
        for axes in (top, ticks, bottom):
            axes.axvspan(low, high, color=EXCLUDED, zorder=0, linewidth=0)
    angles = pattern["two_theta"].values
    bottom.set_xlim(angles[0], angles[-1])
    bottom.set_xlabel("2θ (degrees)")
    _scale(top, pattern, intensity)
    if intensity == "linear":
        _magnify(top, pattern)
    top.set_title(heading, fontsize=11 if heading == title(result) else 10, loc="left", parse_math=False)
    return top


def check_intensity(intensity: str) -> None:
    """Refuse a name of an axis that there is not.

    Raises
    ------
    InputError
        Naming it and what is allowed.
    """
    if intensity not in get_args(Intensity):
        raise InputError(f"intensity {intensity!r} is unknown; allowed are {', '.join(get_args(Intensity))}")


def excluded(result: FitResult, scan: str | None = None) -> tuple[tuple[float, float], ...]:
    """Return the stretches of a scan that the options leave out, degrees 2θ."""
    return tuple(result.options.of(scan or result.scans[0].label).exclude)


def _draw_pattern(axes: Axes, p: xr.Dataset, size: float = 2.5) -> None:
    angles = p["two_theta"].values
    axes.plot(angles, p["observed"].values, ".", color=OBSERVED, markersize=size, alpha=0.6, label="observed")
    x, calculated, background = gaps_broken(angles, p["calculated"].values, p["background"].values)
    axes.plot(x, calculated, "-", color=CALCULATED, linewidth=1.3, label="calculated")
    axes.plot(x, background, "--", color=BACKGROUND, linewidth=1.0, label="background")
    axes.set_ylabel("intensity (counts)")
    axes.tick_params(labelbottom=False)
    axes.margins(y=0.06)


def _legend(fig: Figure, axes: Axes, left_out: bool) -> None:
    """Say below the picture what is what, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if left_out:
        from matplotlib.patches import Patch

        handles, labels = [*handles, Patch(color=EXCLUDED)], [*labels, "left out"]
    fig.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9, markerscale=3)


def _scale(axes: Axes, p: xr.Dataset, intensity: Intensity) -> None:
    observed = p["observed"].values
    highest = 1.06 * float(max(observed.max(), p["calculated"].values.max()))
    if intensity == "sqrt":
        axes.set_yscale("function", functions=(_root, _square))
        axes.set_ylim(0.9 * max(float(observed.min()), 0.0), highest)
        axes.set_ylabel("intensity (counts, √ scale)")
    elif intensity == "log":
        seen = observed[observed > 0.0]
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(0.8 * float(seen.min()) if len(seen) else 0.1, 1.3 * max(highest, 1.0))
        axes.set_ylabel("intensity (counts, log scale)")


def _root(y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(y, 0.0))


def _square(y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(y) ** 2


def _magnify(axes: Axes, p: xr.Dataset) -> None:
    """Show the weakest fitted region larger, in the empty space above it."""
    region = weakest_region(p)
    if region is None:
        return
    angles = p["two_theta"].values
    inside = (angles >= region[0]) & (angles <= region[1])
    low, high = axes.get_ylim()
    tallest = max(float(p[name].values[inside].max()) for name in ("observed", "calculated"))
    floor = 0.14 + (tallest - low) / (high - low)
    if floor > 0.6:
        return
    span = angles[-1] - angles[0]
    left = (region[0] - angles[0]) / span
    inset = axes.inset_axes((min(left + 0.02, 0.78), floor, 0.2, 0.96 - floor))
    _draw_pattern(inset, p.isel(two_theta=inside), 2.0)
    ends = [
        float(f(p[name].values[inside])) for name in ("observed", "calculated", "background") for f in (np.min, np.max)
    ]
    margin = 0.05 * (max(ends) - min(ends))
    inset.set(xlim=region, ylim=(min(ends) - margin, max(ends) + margin), ylabel="")
    inset.tick_params(labelsize=7, labelbottom=True)
    inset.patch.set_alpha(0.9)
    axes.indicate_inset_zoom(inset, edgecolor="#888888")


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


def png(result: FitResult, intensity: Intensity = "linear", scan: str | None = None) -> bytes:
    """Return the picture of a fit as PNG; see `figure`."""
    return as_png(figure(result, intensity, scan))


def as_png(fig: Figure) -> bytes:
    """Return a figure as PNG; characters that its font lacks are boxes, which is no matter for a warning."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        FigureCanvasAgg(fig).print_png(stream)  # `savefig` would lay out and draw twice
    return stream.getvalue()
