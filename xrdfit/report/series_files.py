"""The files of a series: table, CIF of many blocks, pictures, one page."""

from __future__ import annotations

import io
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xrdfit.crystal.cifwriter import write_cif
from xrdfit.errors import InputError
from xrdfit.plaintext import printable
from xrdfit.report.staging import named, write_whole
from xrdfit.series.figures import heat_map, plot_series, waterfall, worst_scans
from xrdfit.series.result import SeriesResult
from xrdfit.series.table import read_netcdf, to_csv, to_netcdf, write_zarr

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE = "series.nc"
LARGE = 50_000
"""From so many scans on the table is zarr, which is written and read in pieces."""
_MOST_BLOCKS = 20_000
_MOST_LISTED = 200

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 70rem;
       margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top; border-bottom: 1px solid #e4e4e4; }
th { border-bottom: 2px solid #999; } img { max-width: 100%; } .wide { overflow-x: auto; }
.failed { border-left: 4px solid #D55E00; padding: .6rem 1rem; background: #ffe9dc; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def save_series(series: SeriesResult, directory: str | os.PathLike[str]) -> Path:
    """Write a series to a folder; files of the same names are replaced.

    They are ``series.nc`` (``series.zarr`` for more than 50,000 scans), ``series.csv``, ``refined.cif``, pictures
    (``series.png``, ``waterfall.png``, ``map.png``, ``worst.png``) and ``series.html``.

    Parameters
    ----------
    series : SeriesResult
        As `fit_series` returns it.
    directory : path

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OSError
        A file cannot be written; it names it.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> from tempfile import TemporaryDirectory
    >>> series = xf.fit_series(model, {"first": scan}, engine="bragg", total={"Cu": 8})
    >>> with TemporaryDirectory() as folder:
    ...     print("series.csv" in [f.name for f in xf.save_series(series, folder + "/series").iterdir()])
    True
    """
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise named(error, folder) from None
    if len(series) > LARGE:
        write_zarr(series.data, folder / "series.zarr")
    else:
        write_whole(folder / TABLE, to_netcdf(series.data))
    write_whole(folder / "series.csv", to_csv(series.data).encode())
    cif = "".join(cif_blocks(series))
    if cif:
        write_whole(folder / "refined.cif", cif.encode())
    pictures = {name: png(figure) for name, figure in figures(series)}
    for name, content in pictures.items():
        write_whole(folder / f"{name}.png", content)
    write_whole(folder / "series.html", page(series, pictures).encode())
    return folder


def load_series(directory: str | os.PathLike[str]) -> SeriesResult:
    """Read the table of a series again, without its scans.

    Raises
    ------
    InputError
        The folder holds none.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> from tempfile import TemporaryDirectory
    >>> series = xf.fit_series(model, {"first": scan}, engine="bragg", total={"Cu": 8})
    >>> with TemporaryDirectory() as folder:
    ...     print(len(xf.load_series(xf.save_series(series, folder + "/series"))))
    1
    """
    folder = Path(directory)
    large = folder / "series.zarr"
    if large.is_dir():
        import xarray as xr

        return SeriesResult(xr.open_zarr(large, consolidated=False))
    return SeriesResult(read_netcdf(folder / TABLE if folder.is_dir() else folder))


def table_rows(series: SeriesResult, most: int) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of the first scans: coordinates, the occupancies that moved, figures of merit."""
    data = series.data
    moved = [s for s in data["site"].values if np.isfinite(data["occupancy_stderr"].sel(site=s).values).any()]
    rows = []
    for i in range(min(len(series), most)):
        one = data.isel(scan=i)
        cells = [str(one["scan"].values)]
        cells += [f"{v:g}" if isinstance(v := one[n].values.item(), float) else str(v) for n in series.coordinates]
        for site in moved:
            at = one.sel(site=site)
            cells.append(_with_errors(*(float(at[f"occupancy{end}"]) for end in ("", "_stderr", "_stderr_model"))))
        good = bool(one["success"])
        figures = [f"{float(one['chi2_reduced']):.2f}", f"{100.0 * float(one['r_wp']):.2f} %"]
        rows.append([*cells, *(figures if good else ["", "no answer"])])
    return ["Scan", *series.coordinates, *map(str, moved), "χ²_red", "R_wp"], rows


def _with_errors(value: float, stderr: float, model: float) -> str:
    if value != value:
        return ""
    return f"{value:.4f}" + "".join(f" ± {error:.4f}" for error in (stderr, model) if error == error)


def figures(series: SeriesResult) -> Iterator[tuple[str, Figure]]:
    """Yield the pictures of a series with their names, those that can be drawn."""
    if not bool(series.data["success"].any()):
        return
    moved = np.isfinite(series.data["occupancy_stderr"].values).any()
    if moved:
        yield "series", plot_series(series)
    cell = [n for n in ("a", "b", "c", "size_nm") if n in series.data["parameter"].values]
    cell = [n for n in cell if np.isfinite(series[n]["stderr"].values).any()]
    for name in cell:
        yield name, plot_series(series, name)
    if series.job is None:
        return
    yield "waterfall", waterfall(series)
    if int(series.data["success"].sum()) > 1:
        yield "map", heat_map(series)
    if (worst := worst_scans(series)) is not None:
        yield "worst", worst


def png(figure: Figure) -> bytes:
    """Return a picture as PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=200)
    return stream.getvalue()


def cif_blocks(series: SeriesResult) -> Iterator[str]:
    """Yield one data block a phase of each scan with an answer, at most 20,000; coordinates are in its name."""
    if series.job is None:
        return
    count = 0
    for entry, row in zip(series.entries, series.rows, strict=True):
        if not row.success:
            continue
        model = series.job.models[entry.model or ""].with_values(row.values)
        errors = dict(zip(row.names, row.numbers[1], strict=True))
        for phase in model.phases:
            prefix = model.prefix(phase)
            own = {n.removeprefix(prefix): float(e) for n, e in errors.items() if n.startswith(prefix) and e == e}
            name = f"{entry.label}_{phase.name}" if len(model.phases) > 1 else entry.label
            yield write_cif(replace(phase.structure, name=name), esds=own) + "\n"
            count += 1
            if count == _MOST_BLOCKS:
                return


def page(series: SeriesResult, pictures: dict[str, bytes]) -> str:
    """Return one page of the series, pictures within; every text of the user's is escaped."""
    data = series.data
    failed = [i for i in range(len(series)) if not bool(data["success"][i])]
    name = _text(str(data.attrs.get("model", "")))
    title = f"{name}: a series of {len(series)} scans"
    captions = {
        "series": "Occupancies and shares; bars: counting, shades: counting and the model",
        "waterfall": "Observed and calculated patterns",
        "map": "Observed, calculated, difference",
        "worst": "Scans with the largest χ², worst first",
    }
    sections = [f"<h1>{title}</h1>", f"<p>{_about(series)}</p>"]
    if failed:
        sections.append(f'<p class="failed">{len(failed)} scans have no answer; the table says why.</p>')
    for key, content in pictures.items():
        text = _text(captions.get(key, key))
        picture = b64encode(content).decode("ascii")
        sections += [f"<h2>{text}</h2>", f'<img alt="{text}" src="data:image/png;base64,{picture}">']
    sections += ["<h2>Scans, worst first</h2>", _worst_table(series)]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n" + "\n".join(sections) + "\n</body></html>\n"
    )


def _about(series: SeriesResult) -> str:
    attrs = series.data.attrs
    told = [f"{key} {attrs[key]}" for key in ("mode", "engine", "shared", "law") if attrs.get(key)]
    if attrs.get("start"):
        told.append(f"every scan starts from the answer of {attrs['start']}")
    return _text("; ".join(told))


def _worst_table(series: SeriesResult) -> str:
    data = series.data
    columns = ["scan", *series.coordinates, "χ²_red", "R_wp", "message", "advice", "warnings"]
    lines = [f"<tr>{''.join(f'<th>{_text(c)}</th>' for c in columns)}</tr>"]
    for i in series.worst(_MOST_LISTED):
        one = data.isel(scan=i)
        coords = [_shown(one[n].values) for n in series.coordinates]
        cells = [
            str(one["scan"].values), *coords, f"{float(one['chi2_reduced']):.3f}",
            f"{100.0 * float(one['r_wp']):.2f} %",
            *(str(one[n].values) for n in ("message", "advice", "warnings")),
        ]  # fmt: skip
        lines.append(f"<tr>{''.join(f'<td>{_text(c)}</td>' for c in cells)}</tr>")
    more = "" if len(series) <= _MOST_LISTED else f"<p>and {len(series) - _MOST_LISTED} more in series.csv</p>"
    return f'<div class="wide"><table>{"".join(lines)}</table></div>{more}'


def _shown(value: np.ndarray) -> str:
    return f"{float(value):g}" if value.dtype.kind == "f" else str(value)


def _text(content: str) -> str:
    return escape(printable(content))


def check_output(folder: Path, *, resume: bool, force: bool) -> None:
    """Refuse a folder that holds something else than a series.

    Raises
    ------
    InputError
        It holds the files of something else, or of a series that is neither to be gone on with nor replaced.
    """
    if not folder.is_dir():
        return
    names: Sequence[str] = [p.name for p in folder.iterdir() if not p.name.startswith(".")]
    if names and not resume and not force:
        raise InputError(
            f"output {str(folder)!r} holds {names[0]}: --resume goes on with a series, --force replaces it"
        )
