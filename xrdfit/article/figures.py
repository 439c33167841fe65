"""The article's figure 4 from its published models: patterns by the Bragg engine beside those of the Debye engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.article.measure import FAMILIES, START, STOP, Engine, angles, counted, line_positions, names
from xrdfit.article.published import Block, by_size, model, published
from xrdfit.errors import InputError
from xrdfit.model.simulate import simulate
from xrdfit.report.figures import PHASES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

SIZE_COLORS = {6.0: PHASES[0], 4.0: PHASES[2], 2.0: PHASES[5]}
"""Blue, green and vermilion of Okabe & Ito for 6, 4 and 2 nm, in every figure."""

FIRST = "#000000"
"""The structure that a series starts from is black, as in the article."""

FIGURES = ("4a", "4b", "4c", "4d", "4e")
_SPACING = 1.25
_INK = "#404040"
_NUDGE = {"111": -1.2, "200": 1.2, "400": -1.4}  # degree: names of neighbours, and of the last one, stay readable
_WIDTH, _HEIGHT = 7.4, 4.6


@dataclass(frozen=True)
class Curve:
    """One pattern of a figure: a model, its label and its colour."""

    block: Block
    label: str
    color: str


@dataclass(frozen=True)
class Plan:
    """What a figure shows.

    Attributes
    ----------
    title : str
    curves : tuple of Curve
        From the bottom upwards.
    counted : bool
        Whether the patterns carry the noise of counting.
    arrow : str
        What grows along the curves, upwards; "" for nothing.
    normalized : bool
        Whether each pattern is drawn over its own highest point, else all over that of the panel.
    """

    title: str
    curves: tuple[Curve, ...]
    counted: bool = False
    arrow: str = ""
    normalized: bool = True


def plan(name: str) -> Plan:
    """Return what figure 4a, 4b, 4c or 4d shows.

    Raises
    ------
    InputError
        There is no such figure of patterns.
    """
    if name in ("4a", "4b"):
        curves = tuple(Curve(b, f"{b.size_nm:g} nm", SIZE_COLORS[b.size_nm]) for b in by_size().values())
        if name == "4b":
            return Plan("Figure 4b: patterns of the models of Table 2", curves)
        return Plan("In place of Figure 4a: COMPUTED scans with the noise of counting (none measured)", curves, True)
    if name == "4c":
        labels = ("LT Cu$_2$Se", "half-way", "anti-fluorite Cu$_2$Se")
        return Plan(
            "Figure 4c: Cu from trigonal (32f) to tetrahedral (8c) sites, 4 nm",
            _series(published(3), labels),
            arrow="Cu on tetrahedral sites",
            normalized=False,
        )
    if name == "4d":
        labels = tuple(f"4b: {b.occupancy('4b'):g}" for b in published(4))
        return Plan(
            "Figure 4d: Cu from 24e to octahedral (4b) sites, 2 nm (4b: 0.3 is Table 2’s, not printed)",
            _series(published(4), labels),
            arrow="Cu on octahedral sites",
            normalized=False,
        )
    raise InputError(f"figure {name!r} shows no patterns of the article; allowed are 4a, 4b, 4c and 4d")


def _series(blocks: Sequence[Block], labels: Sequence[str]) -> tuple[Curve, ...]:
    """Black first, then towards the full colour of the blocks' size."""
    full = SIZE_COLORS[blocks[0].size_nm]
    colors = (FIRST, _tint(full, 0.45), full)
    return tuple(Curve(*row) for row in zip(blocks, labels, colors, strict=True))


def _tint(color: str, white: float) -> str:
    """Return a colour mixed with white."""
    channels = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(c + white * (255 - c)):02X}" for c in channels)


def figure(name: str) -> Figure:
    """Draw figure 4a, 4b, 4c, 4d or 4e.

    Returns
    -------
    matplotlib.figure.Figure
        4a–4d: the Bragg engine's patterns on the left, the Debye engine's on the right, 15–65° 2θ; each pattern
        over its own highest point where the article normalizes, else over the highest of the panel. 4e: the sites.

    Raises
    ------
    InputError
        There is no such figure.
    """
    if name == "4e":
        from xrdfit.article.cell import cell_figure

        return cell_figure()
    if name not in FIGURES:
        raise InputError(f"figure {name!r} is none of those that can be made; allowed are {', '.join(FIGURES)}")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = plan(name)
    fig = Figure(figsize=(_WIDTH, _HEIGHT), dpi=150, layout="constrained")
    FigureCanvasAgg(fig)
    left, right = fig.subplots(1, 2, sharex=True, sharey=True)
    _draw(left, shown, "bragg", "Bragg: broadened lines, as in the article")
    _draw(right, shown, "debye", "Debye: sum over pairs of atoms, spheres")
    left.set_ylabel("normalized intensity" if shown.normalized else "intensity (arb. units)")
    if shown.arrow:
        _draw_arrow(right, shown.arrow)
    fig.suptitle(shown.title, fontsize=10.5)
    return fig


def _patterns(shown: Plan, engine: Engine) -> list[Array]:
    """Patterns with their highest point at 1, or those of one panel on a common scale."""
    if shown.counted:
        rows = [counted(c.block, engine)["counts"].values for c in shown.curves]
    else:
        rows = [simulate(model(c.block), angles(), engine=engine) for c in shown.curves]
    highest = max(row.max() for row in rows)
    return [row / (row.max() if shown.normalized else highest) for row in rows]


def _draw(axes: Axes, shown: Plan, engine: Engine, title: str) -> None:
    x = angles()
    for place, (curve, y) in enumerate(zip(shown.curves, _patterns(shown, engine), strict=True)):
        base = place * _SPACING
        width = 0.5 if shown.counted else 1.3
        axes.plot(x, y + base, color=curve.color, linewidth=width, label=curve.label)
        level = float(y[x > 59.8][:130].max())
        axes.text(STOP - 0.6, base + max(level, 0.12) + 0.06, curve.label, color=_INK, fontsize=9,
                  ha="right", va="bottom", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0})  # fmt: skip
    top = _SPACING * (len(shown.curves) - 1) + 1.0
    _mark_lines(axes, top)
    axes.set_xlim(START, STOP)
    axes.set_ylim(-0.05, top + 0.32)
    axes.set_yticks([])
    axes.set_xticks([20, 30, 40, 50, 60])
    axes.set_xlabel("2θ (degrees), Cu Kα")
    axes.set_title(title, fontsize=9, color=_INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _mark_lines(axes: Axes, top: float) -> None:
    """Name the families over the patterns, at their Bragg angles; {222} is too weak and too near {311}."""
    shown = [h for h in FAMILIES if h != (2, 2, 2)]
    for name, position in zip(names(shown), line_positions(shown), strict=True):
        axes.axvline(position, ymax=0.93, color="#B0B0B0", linewidth=0.6, linestyle=(0, (2, 3)), zorder=0)
        place = position + _NUDGE.get(name, 0.0)
        axes.text(place, top + 0.3, f"({name})", ha="center", va="top", fontsize=8, color=_INK)


def _draw_arrow(axes: Axes, text: str) -> None:
    axes.annotate(
        "", xy=(1.03, 0.9), xytext=(1.03, 0.08), xycoords="axes fraction",
        arrowprops={"arrowstyle": "-|>", "color": _INK, "linewidth": 1.0},
    )  # fmt: skip
    axes.text(1.05, 0.48, text, transform=axes.transAxes, rotation=90, va="center", ha="left", fontsize=9, color=_INK)
