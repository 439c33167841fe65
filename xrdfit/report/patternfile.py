"""pattern.nc: what was observed and what was calculated, and the scan as it was before the fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.errors import InputError
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import storable
from xrdfit.scan import make_pattern

if TYPE_CHECKING:
    import xarray as xr

MAX_BYTES = 500_000_000
"""The most that is read, of the file and of what its variables hold."""


def write_pattern_file(result: FitResult, path: Path) -> None:
    """Write pattern.nc; of several scans each is a group under its label.

    The variables of `FitResult.pattern`; `sigma` holds the weights of the fit, `scan_sigma` and `gain` what the scan
    said. The attributes are the scan's.
    """
    for i, fitted in enumerate(result.scans):
        scan = fitted.data
        extra = {"scan_sigma": scan["sigma"]} | ({"gain": scan["gain"]} if "gain" in scan else {})
        dataset = result.pattern_of(fitted.label).assign(extra)
        # the origin of the errors would otherwise be lost: a scan that is read again states its sigma
        about = {name: storable(value) if isinstance(value, str) else value for name, value in scan.attrs.items()}
        dataset.assign_attrs(about).to_netcdf(
            path, engine="h5netcdf", group=fitted.label or None, mode="w" if i == 0 else "a"
        )


def read_pattern_file(path: Path, label: str = "") -> tuple[xr.Dataset, np.ndarray]:
    """Return the scan (the points that were fitted) and the weights' σ, shape (n,).

    Parameters
    ----------
    path : Path
    label : str
        Which of several scans.

    Raises
    ------
    InputError
        The file is missing, larger than 500 MB by its size or by what it announces, damaged or not a pattern.nc.
    """
    import xarray as xr

    from xrdfit.report.try_netcdf import what_is_wrong

    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB, the most that is read")
        if wrong := what_is_wrong(path, MAX_BYTES):
            raise InputError(f"{path}: not a pattern.nc of xrdfit: {wrong}")
        with xr.open_dataset(path, engine="h5netcdf", group=label or None) as opened:
            data = opened.load()
        scan = make_pattern(
            data["two_theta"].values,
            data["observed"].values,
            data["scan_sigma"].values,
            gain=data["gain"].values if "gain" in data else None,
            **{key: _plain(value) for key, value in data.attrs.items() if key != "sigma_from"},
        )
        return scan.assign_attrs(sigma_from=str(data.attrs["sigma_from"])), data["sigma"].values
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a result's folder holds it") from None
    except InputError:
        raise
    except (OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a pattern.nc of xrdfit: {reason}") from None


def _plain(value: Any) -> Any:
    """Return an attribute as `make_pattern` takes it: NumPy's numbers and arrays become Python's."""
    if isinstance(value, np.ndarray):
        return [float(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
