"""From structure to intensity: pure functions on arrays, and engines bound to a grid of angles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from xrdfit.crystal.radiation import Radiation
    from xrdfit.crystal.structure import Structure
    from xrdfit.diffraction.protocol import BoundEngine
    from xrdfit.diffraction.settings import EngineSettings


def bind(
    engine: Literal["bragg", "debye"],
    structure: Structure,
    two_theta: NDArray[np.float64],
    radiation: Radiation,
    settings: EngineSettings,
) -> BoundEngine:
    """Lower a structure to arrays on a grid.

    Parameters
    ----------
    engine : {"bragg", "debye"}
        Broadened Bragg lines, or the Debye sum over pairs of atoms in a finite cluster.
    structure : Structure
    two_theta : ndarray, shape (n,)
        Scattering angles, degree, ascending.
    radiation : Radiation
    settings : EngineSettings
    """
    if engine == "bragg":
        from xrdfit.diffraction.bragg import engine as chosen
    else:
        from xrdfit.diffraction.debye import engine as chosen
    return chosen.bind(structure, two_theta, radiation, settings)
