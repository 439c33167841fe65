"""`xrdfit explore`: a page with sliders that needs no server."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from xrdfit.commands.arguments import Force
from xrdfit.commands.common import check_finite, load, say_notes
from xrdfit.commands.progress import progress

DEFAULT_RANGE = (15.0, 90.0, 0.05)


def explore(
    *models: Annotated[
        str, Parameter(name="MODEL", help="Presets, CIFs or model TOMLs; else Cu2Se with the article's patterns.")
    ],
    output: Annotated[str, Parameter(name=["-o", "--output"], help="The HTML file (explore.html).")] = "explore.html",
    two_theta: Annotated[
        tuple[float, float, float], Parameter(help="START STOP STEP in degrees, STOP included (15 90 0.05).")
    ] = DEFAULT_RANGE,
    force: Force = False,
) -> int:
    """Write a page with sliders for occupancies, size, cell and radiation; it opens without a connection."""
    from xrdfit.explore.page import DEFAULT_MODELS, page_text
    from xrdfit.explore.page import grid as page_grid
    from xrdfit.report.files import check_file, write_text

    check_finite("--two-theta", two_theta)
    path = check_file(output, force)
    loaded = [(name, load(name)) for name in models or DEFAULT_MODELS]
    for _, model in loaded:
        say_notes(model)
    with progress("computing the page"):
        write_text(path, page_text(loaded, page_grid(*two_theta)))
    print(f"Page: {path}")
    return 0
