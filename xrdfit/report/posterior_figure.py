"""The corner plot of a posterior."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from xrdfit.errors import need
from xrdfit.inference.uncertainty.posterior import Posterior
from xrdfit.report.figures import DIFFERENCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(posterior: Posterior, names: Sequence[str] = ()) -> Figure:
    """Draw samples pairwise.

    Parameters
    ----------
    posterior : Posterior
    names : sequence of str
        What to draw; every parameter (shares and totals left out) by default.
    """
    need("posterior", "the corner plot", "corner")
    import corner
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen = list(names) or [str(n) for n, x in posterior.samples.items() if not x.attrs["derived"]]
    table = np.column_stack([posterior.samples[n].values for n in chosen])
    # corner cannot draw what does not move
    moving = table.std(axis=0) > 0.0
    size = 1.6 * int(moving.sum()) + 1.0
    fig = Figure(figsize=(size, size), dpi=100)
    FigureCanvasAgg(fig)
    corner.corner(
        table[:, moving],
        fig=fig,
        labels=[n for n, m in zip(chosen, moving, strict=True) if m],
        color=DIFFERENCE,
        quantiles=(0.1587, 0.5, 0.8413),
        label_kwargs={"fontsize": 9},
        labelpad=0.15,
    )
    fig.text(0.98, 0.98, posterior.message, ha="right", va="top", fontsize=9)
    return fig


def png(posterior: Posterior, names: Sequence[str] = ()) -> bytes:
    """Return the corner plot as PNG."""
    stream = BytesIO()
    figure(posterior, names).savefig(stream, format="png", bbox_inches="tight")
    return stream.getvalue()
