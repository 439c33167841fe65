"""A figure with controls in a notebook, and a still picture of it where no kernel runs."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 200
_WIDTH = 100  # pixels on the page per inch of the figure


def sliders(draw: Callable[..., Figure], **controls: Any) -> None:
    """Show a figure under controls and draw it again whenever one of them moves.

    The output holds the first picture beside the widget, so that a page without a kernel (an export, a repository's
    viewer) shows that picture. Nothing is loaded from outside. Needs the extra ``notebooks``.

    Parameters
    ----------
    draw : callable
        Takes the controls' values by name and returns a matplotlib figure.
    **controls : ipywidgets.Widget
        Whatever has a `value`.
    """
    import ipywidgets
    from IPython.display import display

    # The picture is an Image widget: the Output widget of `interact` makes executors without a browser wait for
    # replies that they have overlooked.
    image = ipywidgets.Image(format="png", layout={"max_width": "100%"})

    def redraw(_: object = None) -> None:
        figure = draw(**{name: control.value for name, control in controls.items()})
        image.layout.width = f"{_WIDTH * figure.get_figwidth():.0f}px"
        image.value = _png(figure)

    redraw()
    for control in controls.values():
        control.observe(redraw, names="value")
    box = ipywidgets.VBox([*controls.values(), image])
    still = base64.b64encode(image.value).decode("ascii")
    display({**(box._repr_mimebundle_() or {}), "image/png": still}, raw=True)


def _png(figure: Figure) -> bytes:
    from matplotlib import pyplot

    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    pyplot.close(figure)  # else a notebook shows it once more
    return stream.getvalue()
