"""Figure 4e: where the sites of copper stand in the cell of selenium."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.article.published import LATTICE_PARAMETER
from xrdfit.crystal.symmetry import orbit, space_group
from xrdfit.report.figures import PHASES

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d import Axes3D

Array = NDArray[np.float64]

SELENIUM = "#9A9A9A"
Site = tuple[str, tuple[float, float, float], str, str, str]
SITES: tuple[Site, ...] = (
    ("8c", (0.25, 0.25, 0.25), "tetrahedral", PHASES[4], "o"),
    ("32f", (0.34, 0.34, 0.34), "trigonal, x = 0.34", PHASES[1], "^"),
    ("4b", (0.5, 0.5, 0.5), "octahedral", PHASES[3], "s"),
    ("24e", (0.25, 0.0, 0.0), "x = 0.25", "#F0E442", "D"),
)
"""Wyckoff position, coordinates, what it is called, colour (none of those of the sizes), marker."""


def atoms_in_cell(xyz: tuple[float, float, float]) -> Array:
    """Return all positions of an orbit within the closed unit cell, those on its boundary repeated; (n, 3)."""
    base = orbit(space_group("Fm-3m"), xyz)
    shifted = (base[:, None, :] + np.array(list(product((-1, 0, 1), repeat=3)))).reshape(-1, 3)
    inside = shifted[((shifted > -1e-6) & (shifted < 1 + 1e-6)).all(axis=1)]
    return np.unique(np.round(inside, 6), axis=0).astype(np.float64)


def cell_figure() -> Figure:
    """Draw the cell once a site of Cu: selenium grey, the site in colour, joined to its nearest Se (32f: its void)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fig = Figure(figsize=(7.2, 7.2), dpi=150)
    FigureCanvasAgg(fig)
    for place, row in enumerate(SITES, start=1):
        axes: Axes3D = fig.add_subplot(2, 2, place, projection="3d")  # pyright: ignore[reportAssignmentType]
        _draw_site(axes, row)
    fig.suptitle("Figure 4e: sites of Cu (coloured) in the f.c.c. cell of Se (grey), Fm-3m, a = 5.85 Å", fontsize=11)
    fig.subplots_adjust(left=0.0, right=1.0, bottom=0.0, top=0.86, wspace=0.0, hspace=0.22)
    return fig


def _draw_site(axes: Axes3D, row: Site) -> None:
    wyckoff, xyz, words, color, marker = row
    selenium, copper, voids = (atoms_in_cell(at) for at in ((0.0, 0.0, 0.0), xyz, (0.25, 0.25, 0.25)))
    _draw_box(axes)
    # a trigonal site is read by the void that it belongs to, every other one by its nearest selenium
    hosts = voids if wyckoff == "32f" else selenium
    reach = 1.01 * shortest(copper, hosts)
    for atom in copper:
        for host in hosts[np.linalg.norm(hosts - atom, axis=1) < reach]:
            axes.plot(*np.array([atom, host]).T, color=color, linewidth=1.4, alpha=0.8)
    axes.scatter(*selenium.T, s=150, color=SELENIUM, edgecolor="black", linewidth=0.5, depthshade=False)
    axes.scatter(*copper.T, s=48, color=color, marker=marker, edgecolor="black", linewidth=0.6, depthshade=False)
    nearest = LATTICE_PARAMETER * shortest(copper, selenium)
    axes.set_title(f"Cu {wyckoff}: {words}\n{wyckoff[:-1]} a cell, {nearest:.3f} Å from Se", fontsize=10, y=1.04)
    axes.set_axis_off()
    axes.set_proj_type("ortho")
    axes.set_box_aspect((1, 1, 1), zoom=1.15)  # pyright: ignore[reportArgumentType]
    axes.view_init(elev=14, azim=-64)


def shortest(first: Array, second: Array) -> float:
    """Return the shortest distance between two sets of positions, (n, 3) and (m, 3), that is not zero."""
    distances = np.linalg.norm(first[:, None, :] - second[None, :, :], axis=2)
    return float(distances[distances > 1e-6].min())


def _draw_box(axes: Axes3D) -> None:
    ring = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
    for z in (0, 1):
        for (x0, y0), (x1, y1) in pairwise(ring):
            axes.plot([x0, x1], [y0, y1], [z, z], color="#606060", linewidth=0.8)
    for x, y in ring[:4]:
        axes.plot([x, x], [y, y], [0, 1], color="#606060", linewidth=0.8)
