"""What `fit_series` returns: the table, and the means to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.errors import InputError
from xrdfit.plaintext import printable
from xrdfit.series.entries import Entry
from xrdfit.series.rows import Row
from xrdfit.series.work import Job, Worker

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from xrdfit.inference.result import FitResult


@dataclass(frozen=True, eq=False)
class SeriesResult:
    """A finished series, or as much of it as was done.

    Attributes
    ----------
    data : xarray.Dataset
        Dimensions ``scan``, ``parameter`` and ``site``; values, errors, status, figures of merit, messages.
    entries : tuple of Entry
        The scans, in the order of the table.
    rows : tuple of Row
    job : Job or None
        Model and options; None where the table was read from a file.
    complete : bool
        False where it was interrupted: the rows without an answer say so.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> series = xf.fit_series(model, {"first": scan, "second": scan}, engine="bragg", total={"Cu": 8})
    >>> series.data["scan"].values.tolist()
    ['first', 'second']
    """

    data: xr.Dataset
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    rows: tuple[Row, ...] = field(default=(), repr=False)
    job: Job | None = field(default=None, repr=False)
    complete: bool = True

    def __len__(self) -> int:
        """Number of scans."""
        return int(self.data.sizes["scan"])

    def __repr__(self) -> str:
        """One line; `print` shows the occupancies."""
        done = int(self.data["success"].sum())
        return f"<SeriesResult: {done} of {len(self)} scans with an answer>"

    def __str__(self) -> str:
        """One line a scan."""
        return printable("\n".join([repr(self), *(self._line(i) for i in range(len(self)))]))

    def _line(self, i: int) -> str:
        one = self.data.isel(scan=i)
        where = ", ".join(f"{n} {one[n].values}" for n in self.coordinates)
        if not bool(one["success"]):
            return f"  {one['scan'].values} {where}: {one['message'].values}"
        moved = np.isfinite(one["occupancy_stderr"].values)
        numbers = ", ".join(
            f"{s} {o:.4f} ± {e:.4f}"
            for s, o, e in zip(
                one["site"].values[moved],
                one["occupancy"].values[moved],
                one["occupancy_stderr"].values[moved],
                strict=True,
            )
        )
        return f"  {one['scan'].values} {where}: {numbers}  R_wp {100 * float(one['r_wp']):.2f} %"

    @property
    def coordinates(self) -> list[str]:
        """Names of the coordinates along the series."""
        return [str(n) for n in self.data.coords if self.data[n].dims == ("scan",) and n != "scan"]

    def along(self, name: str | None = None) -> tuple[str, np.ndarray]:
        """Name and values of a numerical coordinate: the one named, else the first, else the place in the series."""
        numeric = [n for n in self.coordinates if self.data[n].dtype.kind == "f"]
        if name is None and not numeric:
            return "scan", np.arange(len(self), dtype=float)
        chosen = numeric[0] if name is None else name
        if chosen not in numeric:
            raise InputError(f"no numerical coordinate {chosen!r}; there are {', '.join(numeric) or 'none'}")
        return chosen, self.data[chosen].values

    def __getitem__(self, name: str) -> xr.Dataset:
        """Value and errors of a parameter along the series."""
        if name not in self.data["parameter"].values:
            listed = ", ".join(str(n) for n in self.data["parameter"].values)
            raise InputError(f"no parameter {name!r}; there are {listed}")
        return self.data[["value", "stderr", "stderr_model", "lower", "upper", "status"]].sel(parameter=name)

    def worst(self, n: int = 6) -> list[int]:
        """Indices of the scans that least deserve trust: those without an answer, then by χ²_red."""
        chi2 = np.where(
            self.data["success"].values, np.nan_to_num(self.data["chi2_reduced"].values, nan=np.inf), np.inf
        )
        return [int(i) for i in np.argsort(-chi2, kind="stable")[:n]]

    def patterns(self, indices: Sequence[int]) -> list[xr.Dataset | None]:
        """Observed, calculated and background of some scans, read again; None where there is no answer.

        Raises
        ------
        InputError
            The result was read from a file, which holds no scans.
        """
        if self.job is None:
            raise InputError("the table of a series holds no patterns: fit_series does, as long as it is in memory")
        worker = Worker(self.job)
        return [_pattern(worker, self.entries[i], self.rows[i]) for i in indices]

    def fit_of(self, label: str) -> FitResult:
        """Fit one scan again, for all that a `FitResult` can tell.

        Raises
        ------
        InputError
            There is no such scan, or its file cannot be read any more.
        """
        if self.job is None:
            raise InputError("the table of a series holds no scans: fit_series does, as long as it is in memory")
        for entry in self.entries:
            if entry.label == label:
                return Worker(self.job).fit(entry)
        raise InputError(f"no scan {label!r}; there are {', '.join(e.label for e in self.entries[:20])}")

    def plot(self, *names: str, coord: str | None = None, **choices: Any) -> Figure:
        """Draw parameters, or all occupancies, against a coordinate; see `xrdfit.plot_series`."""
        from xrdfit.series.figures import plot_series

        return plot_series(self, *names, coord=coord, **choices)


def _pattern(worker: Worker, entry: Entry, row: Row) -> xr.Dataset | None:
    if not row.success:
        return None
    import xarray as xr

    try:
        setup = worker.setup(entry)
    except InputError:
        return None  # the file is gone, or another
    scan, values = setup.problem.scans[0], row.values
    linear = np.array([values[name] for name in scan.linear])
    background = scan.bound.background.basis(values) @ linear[scan.n_phases :]
    calculated = scan.bound.patterns(values) @ linear[: scan.n_phases] + background
    variables = {
        "observed": ("two_theta", scan.observed),
        "sigma": ("two_theta", scan.sigma),
        "calculated": ("two_theta", calculated),
        "background": ("two_theta", background),
        "residual": ("two_theta", scan.observed - calculated),
    }
    return xr.Dataset(variables, coords={"two_theta": scan.bound.two_theta})
