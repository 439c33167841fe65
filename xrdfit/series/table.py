"""The table of a series: one labelled data set with the dimensions scan, parameter and site, and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.errors import InputError
from xrdfit.plaintext import csv_text
from xrdfit.series.entries import Entry
from xrdfit.series.rows import FIGURES, NUMBERS, SITE_NUMBERS, STATUS, Row

if TYPE_CHECKING:
    import xarray as xr

SCHEMA = 1
_MEANING = {
    "value": "value of the parameter",
    "stderr": "standard error by counting, times max(1, goodness of fit)",
    "stderr_model": "standard error by what the model lacks",
    "lower": "lower end of the 68 % interval",
    "upper": "upper end of the 68 % interval",
    "occupancy": "occupancy of the site",
    "share": "part of the element's atoms",
}


def dataset(
    rows: Sequence[Row], entries: Sequence[Entry], attrs: Mapping[str, Any], extra: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """Return the data set of rows and their entries, in the order of the entries.

    Parameters
    ----------
    rows, entries : sequence, of the same length
    attrs : Mapping[str, Any]
        Text and numbers about the series.
    extra : Mapping[str, Any], optional
        Further variables, as `xarray.Dataset` takes them.
    """
    import xarray as xr

    names = list(dict.fromkeys(name for words in dict.fromkeys(r.names for r in rows) for name in words))
    sites = list(dict.fromkeys(name for words in dict.fromkeys(r.sites for r in rows) for name in words))
    numbers = np.full((len(NUMBERS), len(rows), len(names)), np.nan)
    status = np.zeros((len(rows), len(names)), dtype=np.int8)
    site_numbers = np.full((len(SITE_NUMBERS), len(rows), len(sites)), np.nan)
    place = {name: i for i, name in enumerate(names)}
    site_place = {name: i for i, name in enumerate(sites)}
    columns = {words: [place[n] for n in words] for words in {r.names for r in rows}}
    site_columns = {words: [site_place[n] for n in words] for words in {r.sites for r in rows}}
    for i, r in enumerate(rows):
        numbers[:, i, columns[r.names]] = r.numbers
        status[i, columns[r.names]] = r.status
        site_numbers[:, i, site_columns[r.sites]] = r.site_numbers
    variables: dict[str, Any] = {
        name: (("scan", "parameter"), numbers[k], {"long_name": _MEANING[name]}) for k, name in enumerate(NUMBERS)
    }
    flags = {"flag_values": np.arange(len(STATUS), dtype=np.int8), "flag_meanings": " ".join(_flag(s) for s in STATUS)}
    variables["status"] = (("scan", "parameter"), status, flags)
    for k, name in enumerate(SITE_NUMBERS):
        meaning = _MEANING.get(name) or f"{_MEANING[name.partition('_')[2]]} of the {name.partition('_')[0]}"
        variables[name] = (("scan", "site"), site_numbers[k], {"long_name": meaning})
    for k, name in enumerate(FIGURES):
        variables[name] = ("scan", np.array([r.figures[k] for r in rows]))
    variables["success"] = ("scan", np.array([r.success for r in rows], dtype=bool))
    for name in ("message", "engine", "radiation", "key"):
        variables[name] = ("scan", _texts(getattr(r, name) for r in rows))
    variables["warnings"] = ("scan", _texts("; ".join(r.warnings) for r in rows))
    variables["advice"] = ("scan", _texts(" ".join(r.advice) for r in rows))
    variables["file"] = ("scan", _texts(e.file for e in entries))
    coords: dict[str, Any] = {
        "scan": _texts(e.label for e in entries),
        "parameter": _texts(names),
        "site": _texts(sites),
    }
    for name in dict.fromkeys(name for e in entries for name in e.coords):
        taken = name in variables or name in coords
        coords[f"coord_{name}" if taken else name] = ("scan", _column([e.coords.get(name) for e in entries]))
    return xr.Dataset(variables | dict(extra or {}), coords=coords, attrs={"series": SCHEMA, **attrs})


def _flag(status: str) -> str:
    return status.replace(" ", "_")


def _texts(words: Any) -> np.ndarray:
    texts = [str(w).encode("utf-8", "backslashreplace").decode() for w in words]
    return np.array(texts, dtype=object) if texts else np.array([], dtype=object)


def _column(values: Sequence[Any]) -> np.ndarray:
    if all(v is None or isinstance(v, float) for v in values):
        return np.array([np.nan if v is None else v for v in values])
    return _texts("" if v is None else f"{v:g}" if isinstance(v, float) else v for v in values)


def to_csv(data: xr.Dataset) -> str:
    """Return the table for a spreadsheet: a line a scan, parameters with their errors side by side."""
    along = [str(n) for n in data.coords if data[n].dims == ("scan",)]
    varied = [str(n) for n in data["parameter"].values if bool(np.isin(_of(data, "status", n), (1, 3, 4, 5)).any())]
    columns: dict[str, Any] = {name: data[name].values for name in along}
    columns |= {name: data[name].values for name in ("success", "message", "r_wp", "chi2_reduced")}
    for name in varied:
        for kind, suffix in (("value", ""), ("stderr", "_stderr"), ("stderr_model", "_stderr_model")):
            values = _of(data, kind, name)
            if kind != "stderr_model" or np.isfinite(values).any():
                columns[name + suffix] = values
    for site in data["site"].values:
        if np.isfinite(own := data["share_stderr"].sel(site=site).values).any():
            columns[f"share_{site}"] = data["share"].sel(site=site).values
            columns[f"share_{site}_stderr"] = own
    for name in ("warnings", "advice", "file"):
        columns[name] = data[name].values
    lines = zip(*(_written(v) for v in columns.values()), strict=True)
    return csv_text(list(columns), lines)


def _of(data: xr.Dataset, kind: str, name: Any) -> np.ndarray:
    return data[kind].sel(parameter=name).values


def _written(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "f":
        return ["" if np.isnan(v) else repr(float(v)) for v in values]
    return [str(v) for v in values]


def to_netcdf(data: xr.Dataset) -> bytes:
    """Return the data set as NetCDF 4, compressed."""
    packed = {
        str(name): {"zlib": True, "complevel": 4}
        for name, variable in data.data_vars.items()
        if variable.dtype.kind == "f" and variable.size > 1000
    }
    return bytes(data.to_netcdf(engine="h5netcdf", encoding=packed))


def write_zarr(data: xr.Dataset, path: Path, chunk: int = 10_000) -> None:
    """Write the data set as zarr, in chunks of scans.

    Raises
    ------
    InputError
        zarr is not installed.
    """
    try:
        import zarr  # noqa: F401
    except ImportError:
        raise InputError("zarr is not installed: pip install 'xrdfit-occupancy[series]'") from None
    sizes = {
        str(name): {"chunks": tuple(min(chunk, n) if d == "scan" else n for d, n in zip(v.dims, v.shape, strict=True))}
        for name, v in data.data_vars.items()
        if v.dtype.kind == "f" and v.size
    }
    data.to_zarr(path, mode="w", encoding=sizes, consolidated=False)


def read_netcdf(path: Path) -> xr.Dataset:
    """Read what `to_netcdf` wrote.

    Raises
    ------
    InputError
        It is missing or something else.
    """
    import xarray as xr

    try:
        with xr.open_dataset(path, engine="h5netcdf") as data:
            found = data.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be read as the table of a series: {str(error).splitlines()[0]}") from None
    if "series" not in found.attrs or "parameter" not in found.dims:
        raise InputError(f"{path}: is no table of a series, as `xrdfit series -o` writes it")
    return found
