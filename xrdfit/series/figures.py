"""Pictures of a series: a parameter against a coordinate, all patterns, the worst scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.errors import InputError
from xrdfit.parameters import KINDS

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from xrdfit.series.result import SeriesResult

    Array = NDArray[np.float64]

# Okabe & Ito's colours, which the colour-blind tell apart, each with a mark of its own for print without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
OBSERVED, CALCULATED, DIFFERENCE = "#333333", "#D55E00", "#0072B2"
_MOST_POINTS = 2000  # of a curve in a picture
_MOST_TRACES = 24
_MOST_LINES = 400
_UNITS = {"minutes": "min", "seconds": "s", "hours": "h", "kelvin": "K", "celsius": "°C", "nm": "nm"}
_STYLE: Any = {
    "font.size": 9,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "savefig.dpi": 200,
}


def plot_series(
    series: SeriesResult, *names: str, coord: str | None = None, shares: bool | None = None, log: bool = False
) -> Figure:
    """Draw parameters against a coordinate, with both errors: bars by counting, shades by counting and the model.

    Parameters
    ----------
    series : SeriesResult
    *names : str
        Parameters; without them the occupancies that varied, and their shares beside them.
    coord : str, optional
        A numerical coordinate; the first by default.
    shares : bool, optional
        Draw the shares too; they are drawn where no names are given.
    log : bool
        Whether the coordinate's axis is logarithmic.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        A parameter or a coordinate is not there.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> series = xf.fit_series(model, {"first": scan, "second": scan}, engine="bragg", total={"Cu": 8})
    >>> figure = xf.plot_series(series, "a")
    >>> figure.axes[0].get_ylabel()
    'a (Å)'
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    where, x = series.along(coord)
    curves = [(name, *_errors(series[name])) for name in names] if names else _of_sites(series, "occupancy")
    both = shares if shares is not None else not names
    with rc_context(_STYLE):
        figure = Figure(figsize=(7.2 if both else 4.2, 3.2), layout="constrained")
        axes = figure.subplots(1, 2 if both else 1, squeeze=False)[0]
        single = [n for n, *_ in curves] if names else []
        _draw(axes[0], x, curves, _ylabel(single))
        if both:
            _draw(axes[1], x, _of_sites(series, "share"), "share of the element's atoms")
        for one in axes:
            one.set_xlabel(_label(where))
            if where == "scan":
                one.xaxis.get_major_locator().set_params(integer=True)
            if log and np.nanmin(x) > 0.0:
                one.set_xscale("log")
        if not bool(series.data["success"].all()):
            n = int((~series.data["success"]).sum())
            figure.suptitle(f"{n} of {len(series)} scans without an answer are left out", fontsize=8)
    return figure


def _label(name: str) -> str:
    unit = _UNITS.get(name.lower())
    if name == "scan":
        return "scan"
    if unit is None:
        return name
    kinds = {"min": "time", "s": "time", "h": "time", "K": "temperature", "°C": "temperature", "nm": "size"}
    return f"{kinds[unit]} ({unit})"


def _ylabel(names: Sequence[str]) -> str:
    if not names:
        return "occupancy"
    units = {kind.unit if (kind := KINDS.get(name.rpartition("__")[2])) else "" for name in names}
    unit = units.pop() if len(units) == 1 else ""
    return (names[0] if len(names) == 1 else "value") + (f" ({unit})" if unit else "")


def _errors(one: xr.Dataset) -> tuple[Array, Array, Array]:
    """Value, standard error by counting, and that by counting and the model together."""
    stderr = one["stderr"].values
    return one["value"].values, stderr, np.hypot(stderr, np.nan_to_num(one["stderr_model"].values))


def _of_sites(series: SeriesResult, kind: str) -> list[tuple[str, Array, Array, Array]]:
    data = series.data
    found = []
    for site in data["site"].values:
        one = data.sel(site=site)
        stderr = one[f"{kind}_stderr"].values
        if np.isfinite(stderr).any():
            model = np.nan_to_num(one[f"{kind}_stderr_model"].values)
            found.append((_site(str(site)), one[kind].values, stderr, np.hypot(stderr, model)))
    return found


def _site(name: str) -> str:
    """Cu_8c as it is printed."""
    return name.replace("_", " ")


def _draw(axes: Axes, x: Array, curves: Sequence[tuple[str, Array, Array, Array]], label: str) -> None:
    order = np.argsort(x, kind="stable")
    for i, (name, value, stderr, both) in enumerate(curves):
        use = order[np.isfinite(value[order]) & np.isfinite(x[order])]
        colour, mark = COLOURS[i % len(COLOURS)], MARKS[i % len(MARKS)]
        many = len(use) > 100
        if np.isfinite(both[use]).any():
            axes.fill_between(x[use], (value - both)[use], (value + both)[use], color=colour, alpha=0.18, linewidth=0)
        axes.errorbar(
            x[use], value[use], yerr=None if many else np.nan_to_num(stderr[use]), color=colour, marker=mark,
            markersize=2 if many else 4, linewidth=0.8, elinewidth=0.9, capsize=0 if many else 2, label=_site(name),
        )  # fmt: skip
    axes.set_ylabel(label)
    if len(curves) > 1:
        axes.legend(fontsize=8)
    axes.margins(x=0.02)


def waterfall(series: SeriesResult, coord: str | None = None) -> Figure:
    """Draw observed and calculated patterns above each other, at most 24 of them, evenly along the series."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    where, x = series.along(coord)
    order = _good(series, x)
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), _MOST_TRACES)).astype(int))]
    patterns = [(i, p) for i, p in zip(chosen, series.patterns([int(i) for i in chosen]), strict=True) if p is not None]
    with rc_context(_STYLE):
        figure = Figure(figsize=(7.2, min(2.0 + 0.32 * len(patterns), 9.0)), layout="constrained")
        axes = figure.subplots()
        heights = [float(np.percentile(p["observed"], 99.5) - np.percentile(p["observed"], 5)) for _, p in patterns]
        step = 0.6 * float(np.median(heights)) if heights else 1.0
        for level, (i, p) in enumerate(patterns):
            angle, observed, calculated = _thinned(p, ("observed", "calculated"))
            axes.plot(angle, observed + level * step, ".", color=OBSERVED, markersize=1.2)
            axes.plot(angle, calculated + level * step, "-", color=CALCULATED, linewidth=0.9)
            axes.annotate(
                f"{x[i]:g}", (angle[-1], float(np.mean(calculated[-20:])) + level * step), (4, 0),
                textcoords="offset points", fontsize=7, va="center",
            )  # fmt: skip
        axes.set_xlabel("2θ (degrees)")
        axes.set_ylabel("counts, each curve raised")
        axes.set_yticks([])
        axes.set_title(f"observed (dots) and calculated (lines); numbers: {_label(where)}", fontsize=8, loc="left")
    return figure


def _good(series: SeriesResult, x: Array) -> NDArray[np.int64]:
    order = np.argsort(x, kind="stable")
    return order[series.data["success"].values[order] & np.isfinite(x[order])]


def _thinned(p: xr.Dataset, names: Sequence[str]) -> list[Array]:
    """Angles and curves, every so many points where there are too many for a picture."""
    every = max(1, len(p["two_theta"]) // _MOST_POINTS)
    return [p["two_theta"].values[::every], *(p[n].values[::every] for n in names)]


def heat_map(series: SeriesResult, coord: str | None = None) -> Figure:
    """Draw observed, calculated and difference over σ as maps, angle across and the series upward."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    where, x = series.along(coord)
    order = _good(series, x)
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), _MOST_LINES)).astype(int))]
    patterns = [(i, p) for i, p in zip(chosen, series.patterns([int(i) for i in chosen]), strict=True) if p is not None]
    if len(patterns) < 2:
        raise InputError("a map needs at least two scans with an answer")
    low = min(float(p["two_theta"][0]) for _, p in patterns)
    high = max(float(p["two_theta"][-1]) for _, p in patterns)
    grid = np.linspace(low, high, 800)
    columns: dict[str, list[Array]] = {"observed": [], "calculated": [], "difference / σ": []}
    for _, p in patterns:
        angle = p["two_theta"].values
        pull = p["residual"].values / p["sigma"].values
        for name, curve in zip(columns, (p["observed"].values, p["calculated"].values, pull), strict=True):
            columns[name].append(np.interp(grid, angle, curve, left=np.nan, right=np.nan))
    with rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        top = float(np.nanpercentile(columns["observed"], 99.7))
        bottom = float(np.nanpercentile(columns["observed"], 1.0))
        edges = _edges(np.array([x[i] for i, _ in patterns]))
        for axes, (name, rows) in zip(figure.subplots(1, 3, sharey=True), columns.items(), strict=True):
            pulls = name.startswith("diff")
            image = axes.pcolormesh(
                _edges(grid), edges, np.array(rows), rasterized=True,
                cmap="RdBu_r" if pulls else "viridis",
                vmin=-5.0 if pulls else bottom, vmax=5.0 if pulls else top,
            )  # fmt: skip
            axes.set_title(name, fontsize=9)
            axes.set_xlabel("2θ (degrees)")
            figure.colorbar(image, ax=axes, location="bottom", shrink=0.9)
        figure.axes[0].set_ylabel(_label(where))
    return figure


def _edges(centres: Array) -> Array:
    """Edges of cells around ascending centres; equal ones get a place of their own."""
    if len(np.unique(centres)) < len(centres):
        centres = np.arange(len(centres), dtype=float)
    middle = (centres[1:] + centres[:-1]) / 2.0
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def worst_scans(series: SeriesResult, n: int = 6) -> Figure | None:
    """Draw the scans with the largest χ²_red, worst first; None where no scan has an answer."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    chosen = [i for i in series.worst(len(series)) if bool(series.data["success"][i])][:n]
    patterns = [(i, p) for i, p in zip(chosen, series.patterns(chosen), strict=True) if p is not None]
    if not patterns:
        return None
    with rc_context(_STYLE):
        rows = (len(patterns) + 1) // 2
        figure = Figure(figsize=(7.2, 2.2 * rows), layout="constrained")
        for axes in (all_axes := figure.subplots(rows, 2, squeeze=False).ravel()):
            axes.set_visible(False)
        for axes, (i, p) in zip(all_axes, patterns, strict=False):
            axes.set_visible(True)
            angle, observed, calculated, residual = _thinned(p, ("observed", "calculated", "residual"))
            axes.plot(angle, observed, ".", color=OBSERVED, markersize=1.5)
            axes.plot(angle, calculated, "-", color=CALCULATED, linewidth=0.9)
            floor = float(min(observed.min(), calculated.min())) - 1.2 * float(np.abs(residual).max())
            axes.plot(angle, residual + floor, "-", color=DIFFERENCE, linewidth=0.7)
            label, chi2 = series.data["scan"].values[i], float(series.data["chi2_reduced"][i])
            axes.set_title(f"{label}: χ²_red {chi2:.2f}", fontsize=8)
            axes.tick_params(labelsize=7)
    return figure
