"""What lies beneath the lines: components that are linear in their heights, each one class of one protocol.

A component describes itself by rows of parameters, its heights first, and is bound to a grid; then it gives the
patterns that its heights multiply, and how these change with what shapes them. A fit solves for the heights.
"""

from __future__ import annotations

from xrdfit.diffraction.background.blank import Blank
from xrdfit.diffraction.background.bound import BoundBackground, background_rows, bind_background
from xrdfit.diffraction.background.broad import Air, Hump
from xrdfit.diffraction.background.components import Component
from xrdfit.diffraction.background.polynomial import MAX_ORDER, Chebyshev, chebyshev_basis

__all__ = [
    "COMPONENTS", "MAX_ORDER", "Air", "Blank", "BoundBackground", "Chebyshev", "Component", "Hump", "background_rows",
    "bind_background", "chebyshev_basis",
]  # fmt: skip

COMPONENTS: dict[str, type[Component]] = {kind.key: kind for kind in (Chebyshev, Blank, Air, Hump)}
"""Every kind of component by its key in a file."""
