"""`simulate`: the pattern of a model on a grid, without background."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdfit.diffraction.grids import check_grid
from xrdfit.errors import InputError
from xrdfit.model.powder import PowderModel
from xrdfit.model.ties import followed, ordered


def simulate(
    model: PowderModel,
    two_theta: ArrayLike,
    *,
    engine: Literal["bragg", "debye"] = "bragg",
    values: Mapping[str, float] | None = None,
    radiation: str | float | None = None,
    anomalous: bool = True,
    anomalous_table: str = "chantler",
) -> NDArray[np.float64]:
    """Compute a model's pattern without background.

    Parameters
    ----------
    model : PowderModel
    two_theta : array_like, shape (n,)
        Scattering angles, degree, ascending.
    engine : {"bragg", "debye"}
    values : Mapping[str, float], optional
        Parameters that differ from the model's.
    radiation : str or float, optional
        Name or wavelength (Å) instead of the model's.
    anomalous : bool
        Whether f′ and f″ are added.
    anomalous_table : {"chantler", "cromer-liberman"}
        Where these come from.

    Returns
    -------
    ndarray, shape (n,)
        Intensity, electron units per unit cell times the scale.

    Raises
    ------
    InputError
        For a grid that is not ascending within 0–180°, a parameter that the model does not have, or a tie that leaves
        the limits of what follows.

    Examples
    --------
    >>> import numpy as np
    >>> import xrdfit as xf
    >>> model, grid = xf.load_model("cu2se-6nm"), np.arange(15.0, 65.0, 0.04)
    >>> lines = xf.simulate(model, grid)
    >>> round(float(grid[np.argmax(lines)]), 1)
    43.8
    """
    if engine not in ("bragg", "debye"):
        raise InputError(f"engine {engine!r} is unknown here; allowed are bragg and debye")
    angles = check_grid(two_theta)
    if radiation is not None:
        model = model.with_radiation(radiation)
    rows = model.rows(engine)
    parameters = {r.name: r.value for r in rows}
    for name, value in (values or {}).items():
        if name not in parameters:
            raise InputError(f"{name}={value:g} is no parameter of {model.name}; there are {', '.join(parameters)}")
        parameters[name] = value
    parameters = followed(ordered(model.ties), parameters, {r.name: (r.minimum, r.maximum) for r in rows})
    bound = model.bind(angles, engine, anomalous=anomalous, table=anomalous_table)
    return bound.patterns(parameters) @ np.array([parameters[name] for name in bound.scales])
