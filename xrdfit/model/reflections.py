"""`reflections`: the powder lines of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xrdfit.diffraction.bragg.reflection_table import reflection_table
from xrdfit.model.powder import PowderModel

if TYPE_CHECKING:
    import xarray as xr

COLUMNS = ("h", "k", "l", "multiplicity", "d", "two_theta", "f_squared", "lorentz_polarization", "intensity")
_UNITS = {"d": "Å", "two_theta": "degree"}


def reflections(
    model: PowderModel,
    *,
    two_theta: tuple[float, float] = (5.0, 120.0),
    radiation: str | float | None = None,
    anomalous: bool = True,
) -> xr.Dataset:
    """List the powder lines of a model, a phase after another.

    Parameters
    ----------
    model : PowderModel
    two_theta : (float, float)
        First and last angle, degrees.
    radiation : str or float, optional
        Name ("cu-ka"), wavelength (Å) or "neutron:1.909"; the model's by default.
    anomalous : bool
        Whether f′ and f″ are added.

    Returns
    -------
    xarray.Dataset
        On ``reflection``: ``h``, ``k``, ``l`` of one representative, ``multiplicity``, ``d`` (Å), ``two_theta``
        (degree), ``f_squared`` (electrons² per cell, fm² for neutrons, with displacement and occupancies in it; the
        mean of ``|F(h)|²`` and ``|F(−h)|²``), ``lorentz_polarization``, ``intensity`` (``m |F|² LP``, the
        strongest of a phase at 100) and ``phase``. Every line that the space group allows is there, ``|F|²`` = 0
        included.

    Raises
    ------
    InputError
        For a radiation that is unknown or a range that cannot be.

    Examples
    --------
    >>> import xrdfit as xf
    >>> table = xf.reflections(xf.load_model("cu2se-6nm"), two_theta=(20.0, 50.0))
    >>> [(int(r.h), int(r.k), int(r.l), int(r.multiplicity)) for r in table.to_dataframe().itertuples()]
    [(1, 1, 1, 8), (2, 0, 0, 6), (2, 2, 0, 12)]
    """
    import xarray as xr

    if radiation is not None:
        model = model.with_radiation(radiation)
    rays = model.radiation()
    shifts = {r.own_name: r.value for r in model.instrument.rows()}
    columns: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
    names: list[str] = []
    for phase in model.phases:
        lines = reflection_table(
            phase.structure,
            rays,
            two_theta,
            phase.settings(model.instrument, anomalous),
            shifts | {"b_overall": phase.b_overall},
        )
        for name, values in zip(COLUMNS, (*lines.hkl.T, *(getattr(lines, c) for c in COLUMNS[3:])), strict=True):
            columns[name].append(values)
        names += [phase.name] * len(lines.hkl)
    data = {
        c: ("reflection", np.concatenate(v), {"units": _UNITS[c]} if c in _UNITS else {}) for c, v in columns.items()
    }
    attributes = {"model": model.name, "radiation": rays.name, "wavelength": rays.wavelength, "probe": rays.probe}
    return xr.Dataset(data | {"phase": ("reflection", np.array(names, dtype=str))}, attrs=attributes)
