"""The picture of a comparison: how much worse each candidate is, and where the rivals differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xrdfit.inference.questions.ranking import DECISIVE, Candidate, Comparison
from xrdfit.report.figures import DIFFERENCE, OBSERVED, PHASES, as_png, gaps_broken

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LISTED = 15
_DRAWN = 4


def figure(found: Comparison) -> Figure:
    """Draw a comparison.

    Returns
    -------
    matplotlib.figure.Figure
        Left: ΔBIC of the candidates. Right: the scan, and below it what each of the best rivals adds to or takes
        from the best candidate's pattern, in units of σ.
    """
    from xrdfit.report.picture import Picture

    rivals = distinct_rivals(found)
    fig = Picture(figsize=(12.0, 6.5), dpi=130, layout="constrained")
    left, right = (fig.add_subfigure(place) for place in fig.add_gridspec(1, 2, width_ratios=(1.0, 1.5)))
    _draw_ranking(left.subplots(), found)
    panels = right.subplots(1 + max(len(rivals), 1), 1, sharex=True, squeeze=False)[:, 0]
    _draw_scan(panels[0], found)
    for axes, rival, color in zip(panels[1:], rivals, PHASES, strict=False):
        _draw_difference(axes, found, rival, color)
    if not rivals:
        panels[1].text(0.5, 0.5, "no rival differs", ha="center", transform=panels[1].transAxes)
    panels[-1].set_xlabel("2θ (degrees)")
    fig.suptitle(f"{found.verdict}: lowest BIC for {found.best.name}", fontsize=11, x=0.01, ha="left", parse_math=False)
    return fig


def distinct_rivals(found: Comparison) -> list[Candidate]:
    """Return the best candidates whose pattern differs visibly from the best one's, by at most four."""
    sigma = found.scan["sigma"].values
    differing = [
        c
        for c in found.candidates[1:]
        if float(np.sqrt(np.mean(((c.calculated - found.best.calculated) / sigma) ** 2))) > 0.05
    ]
    return differing[:_DRAWN]


def _draw_ranking(axes: Axes, found: Comparison) -> None:
    listed = found.candidates[:_LISTED]
    rows = np.arange(len(listed))
    deltas = np.array([c.delta_bic for c in listed])
    axes.barh(rows, np.maximum(deltas, 0.3), color=[PHASES[2] if d < DECISIVE else DIFFERENCE for d in deltas])
    axes.set_xscale("symlog", linthresh=10.0)
    axes.axvline(DECISIVE, color=OBSERVED, linewidth=0.8, linestyle="--")
    axes.set_xlim(0.0, max(20.0, 30.0 * deltas.max()))
    for row, delta in zip(rows, deltas, strict=True):
        axes.annotate(f"{delta:.1f}" if delta < 1e4 else f"{delta:.1e}", (max(delta, 0.3), row), (4, 0),
                      textcoords="offset points", va="center", fontsize=8)  # fmt: skip
    several = len({c.model for c in listed}) > 1
    names = [(f"{c.model}: " if several else "") + " + ".join(s.removeprefix("Cu_") for s in c.sites) for c in listed]
    axes.set_yticks(rows, names, fontsize=8, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(f"ΔBIC (dashed: {DECISIVE:g} decides)")


def _draw_scan(axes: Axes, found: Comparison) -> None:
    angles = found.scan["two_theta"].values
    axes.plot(angles, found.scan["counts"].values, ".", color=OBSERVED, markersize=2, alpha=0.6)
    x, calculated = gaps_broken(angles, found.best.calculated)
    axes.plot(x, calculated, color=PHASES[5], linewidth=1.2, label=" + ".join(found.best.sites))
    axes.set_ylabel("counts")
    axes.legend(frameon=False, fontsize=8)


def _draw_difference(axes: Axes, found: Comparison, rival: Candidate, color: str) -> None:
    sigma = found.scan["sigma"].values
    x, difference = gaps_broken(found.scan["two_theta"].values, (rival.calculated - found.best.calculated) / sigma)
    axes.axhline(0.0, color=OBSERVED, linewidth=0.6)
    axes.plot(x, difference, color=color, linewidth=1.0)
    axes.set_ylabel("rival − best\n(σ)", fontsize=8)
    axes.set_title(f"{' + '.join(rival.sites)}: ΔBIC {rival.delta_bic:.1f}", fontsize=8, loc="left", parse_math=False)


def png(found: Comparison) -> bytes:
    """Return the picture of a comparison as PNG."""
    return as_png(figure(found))
