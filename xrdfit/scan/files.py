"""From a path to a dataset: limits, choice of the reader, choice of the scan."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xrdfit.errors import InputError
from xrdfit.scan.axis import Axis, read_axis_option
from xrdfit.scan.columns import read_columns_option
from xrdfit.scan.detect import READERS, FormatInfo, Reader, find_reader, scans_of, split_inside
from xrdfit.scan.schema import Attribute, RawScan, ReadOptions, to_dataset
from xrdfit.scan.sigma import check_sigma_option

if TYPE_CHECKING:
    from xarray import Dataset

MAX_BYTES = 200_000_000
"""The largest file that is read: a powder pattern has some ten thousand points."""


def formats() -> tuple[FormatInfo, ...]:
    """Return the file formats that `read_pattern` knows."""
    return tuple(reader.info for reader in READERS)


def read_pattern(
    path: str | os.PathLike[str],
    scan: int | None = None,
    format: str | None = None,
    wavelength: float | None = None,
    *,
    axis: str | None = None,
    columns: str | Sequence[int] | None = None,
    counts_per: float | None = None,
    sigma: float | str | None = None,
) -> Dataset:
    """Read a measured powder pattern; the content of the file decides which format it is.

    Parameters
    ----------
    path : path
        The file. It is only read, at most 200 MB of it. ``FILE::PATH`` names a group inside an HDF5 file.
    scan : int, optional
        Which scan, counted from 0, of a file that holds several.
    format : str, optional
        Name of the format (see `formats`), for a file that does not show which one it is.
    wavelength : float, optional
        In Å; turns a Q axis into 2θ, before the one that the file may state, and is unused for any other file.
    axis : str, optional
        For columns of text: "two_theta" (degrees), "two_theta_rad", "q" (1/Å) or "q_nm" (1/nm), whatever the file says.
    columns : str or sequence of int, optional
        For columns of text: which hold axis, intensity and, if given, standard deviation, counted from 1 ("1,2,3").
    counts_per : float, optional
        Seconds for which each point was counted, for an intensity in counts per second without errors.
    sigma : float or str, optional
        How the standard deviations are made, whatever the file says of them: a positive number (the same at every
        point), "poisson" (counting), "poisson+B" (counting, for an intensity from which the background B was
        subtracted) or "scatter" (from the scatter of neighbouring points).

    Returns
    -------
    xarray.Dataset
        As `make_pattern` describes it, with ``file``, ``format``, ``scan_index`` and ``n_scans`` in the attributes, and
        what the file states of sample, wavelengths, anode, monochromator, radius and counting time; what it does not
        state is absent. ``evidence`` and ``notes`` say what was decided from what, and what was left out.

    Raises
    ------
    InputError
        One line, for a file that is missing, empty, too large, cut, of no known format or not a powder pattern, for
        one that leaves open what it holds (the message names the option that says so), and for a file of several scans
        when none is chosen (the message lists them).

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> import xrdfit as xf
    >>> table = np.column_stack([np.arange(20.0, 60.0, 0.02), np.arange(100.0, 2100.0)])
    >>> with TemporaryDirectory() as folder:
    ...     np.savetxt(Path(folder, "scan.xy"), table, header="2theta counts")
    ...     scan = xf.read_pattern(Path(folder, "scan.xy"))
    >>> scan.sizes["two_theta"], scan.attrs["sigma_from"]
    (2000, 'poisson')
    """
    scans = read_stack(
        path, format, wavelength, axis=axis, columns=columns, counts_per=counts_per, sigma=sigma, scan=scan, single=True
    )
    return scans[0].dataset()


@dataclass(frozen=True)
class StackedScan:
    """One scan of a file as its reader found it, not yet checked.

    Attributes
    ----------
    raw : RawScan
    options : ReadOptions
    about : Mapping[str, Attribute]
        File, format, index and number of scans.
    """

    raw: RawScan
    options: ReadOptions
    about: Mapping[str, Attribute]

    def dataset(self) -> Dataset:
        """Return the checked pattern, as `read_pattern` does.

        Raises
        ------
        InputError
            The scan is no powder pattern.
        """
        with np.errstate(all="ignore"):
            try:
                return to_dataset(self.raw, self.options.wavelength, self.options.sigma, **self.about)
            except InputError as error:
                raise _about_file(str(self.about["file"]), str(self.about["format"]), error) from None


def read_stack(
    path: str | os.PathLike[str],
    format: str | None = None,
    wavelength: float | None = None,
    *,
    axis: str | None = None,
    columns: str | Sequence[int] | None = None,
    counts_per: float | None = None,
    sigma: float | str | None = None,
    scan: int | None = None,
    single: bool = False,
) -> list[StackedScan]:
    """Read all scans of a file at once, each to be checked when it is used; see `read_pattern`.

    Parameters
    ----------
    scan : int, optional
        Only this one.
    single : bool
        Refuse several scans where none is chosen.

    Raises
    ------
    InputError
        As `read_pattern` does, but for what is wrong within one scan.
    """
    options = _options(axis, columns, wavelength, counts_per, sigma)
    file, inside = split_inside(path)
    reader = None
    try:
        data = _content(file)
        reader = find_reader(data, format)
        with np.errstate(all="ignore"):  # what overflows in a damaged file is infinite, and the schema names it
            scans = _read(reader, data, options, inside)
            chosen = [_choose(scans, scan)] if single or scan is not None else range(len(scans))
            found = []
            for index in chosen:
                about = {"file": str(file), "format": reader.info.name, "scan_index": index, "n_scans": len(scans)}
                raw = scans[index] if reader.columns else _with_counts(scans[index], options.counts_per)
                found.append(StackedScan(raw, options, about))
            return found
    except InputError as error:
        raise _about_file(str(file), reader.info.name if reader is not None else "text", error) from None


def _about_file(file: str, format: str, error: InputError) -> InputError:
    kind = f" ({format})" if format != "text" else ""
    return InputError(f"{_one_line(file)}{kind}: {_one_line(str(error))}")


def _options(
    axis: str | None,
    columns: str | Sequence[int] | None,
    wavelength: float | None,
    counts_per: float | None,
    sigma: float | str | None,
) -> ReadOptions:
    """Check the options of `read_pattern`."""
    if wavelength is not None and not (isinstance(wavelength, int | float) and 0.01 < wavelength < 10):
        raise InputError(f"wavelength is {wavelength!r}; a number of Å between 0.01 and 10 is allowed")
    if counts_per is not None and not (isinstance(counts_per, int | float) and 0 < counts_per < 1e9):
        raise InputError(f"counts_per is {counts_per!r}; a positive number of seconds is allowed")
    check_sigma_option(sigma)
    if columns is not None:
        columns = tuple(column + 1 for column in read_columns_option(columns))
    return ReadOptions(None if axis is None else read_axis_option(axis), columns, wavelength, counts_per, sigma)


def _read(reader: Reader, data: bytes, options: ReadOptions, inside: str | None) -> list[RawScan]:
    """Read all scans of a file; what says how columns are to be read goes only with columns."""
    if reader.columns and inside is None:
        return reader.columns(data, options)
    if options.axis is not None or options.columns is not None:
        raise InputError("states its axis and columns itself; axis= and columns= are for columns of text")
    return scans_of(reader, data, inside)


def _with_counts(raw: RawScan, counts_per: float | None) -> RawScan:
    """Return a scan with the counting time that was given for its counts per second."""
    if counts_per is None:
        return raw
    if raw.gain is not None or raw.sigma is not None:
        raise InputError("states its errors or its counting time; counts_per= is for counts per second without")
    return replace(raw, gain=np.full(len(raw.counts), 1 / counts_per), meta={**raw.meta, "count_time_s": counts_per})


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _content(file: Path) -> bytes:
    """Return the bytes of a plain file within the limit."""
    try:
        if file.is_dir():
            raise InputError("is a folder; a file is needed")
        if not file.exists():
            raise InputError("does not exist; a file is needed")
        if not file.is_file():
            raise InputError("is not a plain file; a file is needed")
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"is larger than {MAX_BYTES // 1_000_000} MB, the most that is read")
    if not data.strip():
        raise InputError("is empty; a measured pattern is needed")
    return data


def _choose(scans: list[RawScan], scan: int | None) -> int:
    """Return the index of the scan to take; several scans without a choice are an error that lists them."""
    if not scans:
        raise InputError("holds no scan")
    if scan is None:
        if len(scans) == 1:
            return 0
        listed = "; ".join(f"{index}: {_summary(raw)}" for index, raw in enumerate(scans[:20]))
        more = f"; and {len(scans) - 20} more" if len(scans) > 20 else ""
        raise InputError(f"holds {len(scans)} scans: {listed}{more}; pass --scan N (scan=N in Python)")
    if isinstance(scan, bool) or not isinstance(scan, int | np.integer) or not 0 <= scan < len(scans):
        raise InputError(f"scan {scan} is not in the file; allowed is 0 to {len(scans) - 1}")
    return int(scan)


def _summary(raw: RawScan) -> str:
    if len(raw.x) == 0:
        return "no points"
    time = f", {raw.meta['count_time_s']:g} s a step" if "count_time_s" in raw.meta else ""
    unit = "°" if raw.axis is Axis.TWO_THETA else f" ({raw.axis.value})"
    return f"{raw.x[0]:g}–{raw.x[-1]:g}{unit} {len(raw.x)} points{time}"
