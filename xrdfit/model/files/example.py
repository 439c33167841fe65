"""Scans that come with the package, with the models that they were computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrdfit.errors import InputError
from xrdfit.model.files.presets import data_path, preset_names
from xrdfit.model.files.read import load_model
from xrdfit.model.powder import PowderModel
from xrdfit.scan.files import read_pattern

if TYPE_CHECKING:
    from xarray import Dataset


def example(name: str = "cu2se-6nm") -> tuple[PowderModel, Dataset]:
    """Return a preset and its scan, which was computed and has counting noise.

    Parameters
    ----------
    name : str
        "cu2se-2nm", "cu2se-4nm" or "cu2se-6nm".

    Raises
    ------
    InputError
        There is no such scan.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-2nm")
    >>> model.phases[0].size_nm, scan.sizes["two_theta"]
    (2.0, 1251)
    """
    names = [n for n in preset_names() if (data_path("scans") / f"{n}.xy").is_file()]
    if name not in names:
        raise InputError(f"example {name!r}: there is none; there are {', '.join(names)}")
    return load_model(name), read_pattern(data_path("scans", f"{name}.xy"))
