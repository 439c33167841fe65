"""Symmetry in one place: groups, cells, positions and reflections.

The work is done in `groups`, `lattice`, `sites` and `reflections`; this module is what other floors import.
"""

from __future__ import annotations

from xrdfit.crystal.groups import SpaceGroup, space_group, space_group_from_operations
from xrdfit.crystal.lattice import Cell, cell_from_free, cell_names, check_cell, metric_slope
from xrdfit.crystal.reflections import Reflections, reflections
from xrdfit.crystal.sites import (
    FreeCoordinates,
    WyckoffPosition,
    free_coordinates,
    orbit,
    orbit_operations,
    snap,
    standard_position,
    wyckoff,
    wyckoff_positions,
)

__all__ = [
    "Cell",
    "FreeCoordinates",
    "Reflections",
    "SpaceGroup",
    "WyckoffPosition",
    "cell_from_free",
    "cell_names",
    "check_cell",
    "free_coordinates",
    "metric_slope",
    "orbit",
    "orbit_operations",
    "reflections",
    "snap",
    "space_group",
    "space_group_from_operations",
    "standard_position",
    "wyckoff",
    "wyckoff_positions",
]
