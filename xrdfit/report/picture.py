"""A figure that a notebook shows by itself, whether or not pyplot was ever imported.

This module alone imports matplotlib when it is imported; whoever draws imports it within a function.
"""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class Picture(Figure):
    """A figure with its own canvas."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)  # pyright: ignore[reportArgumentType]  # matplotlib's own
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        from xrdfit.report.figures import as_png

        return as_png(self)
