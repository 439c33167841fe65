"""The picture of what a scan can tell: combinations of sites, how well each is known, and rival answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xrdfit.inference.questions.combinations import UNDETERMINED, short_names
from xrdfit.inference.questions.findings import Identifiability
from xrdfit.report.figures import DIFFERENCE, OBSERVED, PHASES, as_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure(found: Identifiability) -> Figure:
    """Draw what a scan can tell.

    Returns
    -------
    matplotlib.figure.Figure
        Left: the coefficients of the combinations, best determined first. Middle: their errors. Right: the answers.
    """
    from xrdfit.report.picture import Picture

    fig = Picture(figsize=(12.0, 1.6 + 0.7 * max(len(found.combinations), 3)), dpi=130, layout="constrained")
    left, middle, right = fig.subplots(1, 3, gridspec_kw={"width_ratios": (1.2, 1.0, 1.0)})
    _draw_coefficients(left, found)
    _draw_errors(middle, found)
    _draw_answers(right, found)
    fig.suptitle(f"{found.model}, {found.scan}", fontsize=11, x=0.01, ha="left", parse_math=False)
    return fig


def _draw_coefficients(axes: Axes, found: Identifiability) -> None:
    names = list(found.occupancies)
    called = short_names(names)
    # in atoms, of unit length: how much of the combination is on each site
    table = np.array([[c.coefficients.get(n, 0.0) for n in names] for c in found.combinations])
    table = table / np.abs(table).max(axis=1, keepdims=True)
    axes.imshow(table, cmap="RdBu_r", vmin=-1.0, vmax=1.0, aspect="auto")
    for (i, j), value in np.ndenumerate(table):
        coefficient = found.combinations[i].coefficients.get(names[j], 0.0)
        axes.text(j, i, f"{coefficient:g}" if coefficient else "–", ha="center", va="center", fontsize=9,
                  color="white" if abs(value) > 0.6 else "black")  # fmt: skip
    axes.set_xticks(range(len(names)), [called[n] for n in names], parse_math=False)
    axes.set_yticks(range(len(table)), [f"{i + 1}" for i in range(len(table))])
    axes.set_ylabel("combination")
    axes.set_title("coefficients of the occupancies", fontsize=9, loc="left")


def _draw_errors(axes: Axes, found: Identifiability) -> None:
    rows = np.arange(len(found.combinations))
    errors = np.array([min(100.0 * c.relative, 1e4) for c in found.combinations])
    colors = [DIFFERENCE if c.determined else PHASES[5] for c in found.combinations]
    low = min(0.01, errors.min() / 2.0)
    axes.barh(rows + 0.15, errors - low, 0.4, left=low, color=colors)
    axes.set_xscale("log")
    axes.set_xlim(low, max(200.0, 4.0 * errors.max()))
    axes.axvline(100.0 * UNDETERMINED, color=OBSERVED, linewidth=0.8, linestyle="--")
    for row, c in zip(rows, found.combinations, strict=True):
        axes.text(low * 1.1, row - 0.1, c.text, va="bottom", fontsize=8, parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xlabel("error, per cent (dashed: not determined)", fontsize=8)
    axes.set_title("how well it is fixed", fontsize=9, loc="left")


def _draw_answers(axes: Axes, found: Identifiability) -> None:
    names = list(found.occupancies)
    called = short_names(names)
    answers = [("answer", found.occupancies)] + [
        (f"rival, Δχ² {r.delta_chi2:.1f}", r.occupancies) for r in found.rivals
    ]
    width = 0.8 / len(answers)
    for k, (label, occupancies) in enumerate(answers):
        places = np.arange(len(names)) + (k - (len(answers) - 1) / 2) * width
        errors = [found.stderr[n] or 0.0 for n in names] if k == 0 else None
        axes.bar(
            places, [occupancies[n] for n in names], width, yerr=errors, label=label, color=PHASES[k % len(PHASES)]
        )
    axes.set_xticks(range(len(names)), [called[n] for n in names], parse_math=False)
    axes.set_ylabel("occupancy")
    axes.set_title("answers within Δχ² = 9", fontsize=9, loc="left")
    axes.legend(frameon=False, fontsize=8)


def png(found: Identifiability) -> bytes:
    """Return the picture as PNG."""
    return as_png(figure(found))
