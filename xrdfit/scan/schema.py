"""The measured pattern: one `xarray.Dataset` schema and the one function that makes and checks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdfit.errors import InputError
from xrdfit.scan.axis import Axis, to_two_theta
from xrdfit.scan.points import left_out, odd_steps
from xrdfit.scan.sigma import asked_sigma, odd_errors

if TYPE_CHECKING:
    from xarray import Dataset

MIN_POINTS = 10
"""Fewer points than this are no powder pattern but a fragment of something else."""

SMALLEST_MAXIMUM, LARGEST_COUNT = 1e-12, 1e15
"""Beyond these, numbers are no intensities but an error of units or of reading."""

SIGMA_SPREAD = 1e7
"""Farther than this from the median, a standard deviation decides the fit alone or has no say in it: it is damage."""

Attribute = str | int | float | list[float]


@dataclass(frozen=True)
class ReadOptions:
    """What is said about a file that the file does not say; see `xrdfit.scan.read_pattern`."""

    axis: Axis | None = None
    columns: str | tuple[int, ...] | None = None
    wavelength: float | None = None
    counts_per: float | None = None
    sigma: float | str | None = None


DEFAULT_OPTIONS = ReadOptions()


@dataclass(frozen=True)
class RawScan:
    """What a reader found in a file, before any check.

    Attributes
    ----------
    x, counts : (n,) float64
        Position on the axis of the file and intensity.
    sigma : (n,) float64, optional
        Standard deviations, only where the file states them.
    gain : (n,) float64, optional
        Intensity units per detected count, only where it is not 1 (attenuators, counts per second).
    meta : mapping
        Attributes of the dataset, under the names that `make_pattern` documents; facts that the file lacks are absent.
    axis : Axis
        What `x` is: 2θ in degrees unless the file says otherwise.
    """

    x: NDArray[np.float64]
    counts: NDArray[np.float64]
    sigma: NDArray[np.float64] | None = None
    gain: NDArray[np.float64] | None = None
    meta: Mapping[str, Attribute] = field(default_factory=dict)
    axis: Axis = Axis.TWO_THETA


def make_pattern(
    two_theta: ArrayLike,
    counts: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    gain: ArrayLike | None = None,
    **attrs: Attribute | None,
) -> Dataset:
    """Make the dataset of a measured (or computed) powder pattern, and check it.

    Parameters
    ----------
    two_theta : (n,)
        Scattering angle in degrees, strictly ascending, 0 < 2θ < 180, at least 10 points; the steps need not be equal.
    counts : (n,)
        Intensity, finite and not all zero. Negative values are allowed only together with `sigma`
        (a pattern whose background was subtracted), because they have no counting error of their own.
    sigma : (n,), optional
        Standard deviation of `counts`, positive. Without it the errors are those of counting,
        sigma = sqrt(gain·max(counts, gain)): the variance of g·N is g²·N for N detected quanta, and at least g².
    gain : (n,) or scalar, optional
        Intensity units per detected count; 1 where absent.
    **attrs
        Provenance, safe for netCDF: text, numbers, lists of numbers. Names in use: ``file``, ``format``, ``sample``,
        ``wavelengths`` (Å), ``wavelength_weights`` (sum 1; only where the file states how the intensity is shared),
        ``anode``, ``radiation``, ``monochromator_deg`` (2θ of the monochromator), ``radius_mm``, ``count_time_s``,
        ``scan_index``, ``n_scans``, ``probe`` ("xray" or "neutron"), ``evidence`` (what was taken from where in the
        file) and ``notes`` (what a reader had to decide or leave out), both with semicolons. None is left out.

    Returns
    -------
    xarray.Dataset
        Coordinate ``two_theta``; variables ``counts``, ``sigma`` and, where it is not 1, ``gain``; attribute
        ``sigma_from`` is "file" or "poisson".

    Raises
    ------
    InputError
        Naming the first point that breaks one of these rules.

    Examples
    --------
    >>> import numpy as np
    >>> pattern = make_pattern(np.linspace(10, 20, 11), np.full(11, 100.0), sample="flat")
    >>> float(pattern.sigma[0]), pattern.attrs["sigma_from"]
    (10.0, 'poisson')
    """
    import xarray as xr

    angle, intensity = _column(two_theta, "two_theta"), _column(counts, "counts")
    factor = None if gain is None else _checked_gain(gain, angle)
    _check_angles(angle)
    _same_length(intensity, angle, "counts")
    _check_counts(intensity, angle, has_sigma=sigma is not None)
    if sigma is None:
        unit = np.ones_like(intensity) if factor is None else factor
        error, origin = np.sqrt(unit * np.maximum(intensity, unit)), "poisson"
    else:
        error, origin = _column(sigma, "sigma"), "file"
        _same_length(error, angle, "sigma")
    _first_bad(~(np.isfinite(error) & (error > 0)), error, angle, "sigma", "a positive number")
    _check_range(error, intensity, angle)
    variables = {
        "counts": ("two_theta", intensity, {"units": "counts", "long_name": "measured intensity"}),
        "sigma": ("two_theta", error, {"units": "counts", "long_name": "standard deviation of counts"}),
    }
    if factor is not None and np.any(factor != 1.0):
        variables["gain"] = ("two_theta", factor, {"long_name": "intensity units per detected count"})
    return xr.Dataset(
        variables,
        coords={"two_theta": ("two_theta", angle, {"units": "degree", "long_name": "scattering angle 2θ"})},
        attrs={"sigma_from": origin, **{name: _attribute(name, v) for name, v in attrs.items() if v is not None}},
    )


def to_dataset(
    raw: RawScan, wavelength: float | None = None, sigma: float | str | None = None, **attrs: Attribute | None
) -> Dataset:
    """Turn what a reader found into the dataset.

    A Q axis becomes 2θ, by `wavelength` (Å), else by the one that the file states. Points that cannot be used are left
    out (see `xrdfit.scan.points.left_out`) and noted, as are gaps. A scan measured downwards is reversed; any other
    order is an error. `sigma` says how errors are made (see `xrdfit.scan.sigma.asked_sigma`).
    """
    meta: dict[str, Any] = {**raw.meta, **attrs}
    notes = [str(meta["notes"])] if "notes" in meta else []
    evidence = [str(meta["evidence"])] if "evidence" in meta else []
    if raw.axis in (Axis.Q_ANGSTROM, Axis.Q_NM):
        notes += _conversion(meta, wavelength)
    stated = meta.get("wavelengths")
    two_theta = to_two_theta(raw.x, raw.axis, stated[0] if isinstance(stated, list) else None)
    counts, error, gain = raw.counts, raw.sigma, raw.gain
    if all(column is None or len(column) == len(two_theta) for column in (counts, error, gain)):
        notes += odd_steps(raw.x, "°" if raw.axis is Axis.TWO_THETA else f" ({raw.axis.value})")
        if sigma is not None:
            error = asked_sigma(sigma, counts, gain)
            evidence.append(f"errors: sigma = {sigma}, as asked for")
        elif error is not None:
            notes += odd_errors(two_theta, counts, error)
        keep, more = left_out(two_theta, counts, error)
        notes += more
        order = np.flatnonzero(keep)
        if len(order) > 1 and np.all(np.diff(two_theta[keep]) < 0):
            order = order[::-1]
        two_theta, counts = two_theta[order], counts[order]
        error, gain = (None if column is None else column[order] for column in (error, gain))
    if error is None and gain is None and not np.array_equal(counts, np.round(counts)):
        notes.append("intensities are not whole numbers, yet their errors take them for counts")
    meta |= {"notes": "; ".join(notes)} if notes else {}
    meta |= {"evidence": "; ".join(evidence)} if evidence else {}
    return make_pattern(two_theta, counts, error, gain=gain, **meta)


def _conversion(meta: dict[str, Any], wavelength: float | None) -> list[str]:
    """Put the wavelength that turns Q into 2θ into the attributes: what is asked for decides before the header."""
    stated = meta.get("wavelengths")
    if wavelength is None:
        return []
    meta["wavelengths"] = [wavelength]
    if not isinstance(stated, list) or abs(stated[0] / wavelength - 1) < 1e-4:
        return []
    for name in ("radiation", "wavelength_weights", "anode"):
        meta.pop(name, None)
    return [f"the header states {stated[0]:g} Å; {wavelength:g} Å was asked for and turns Q into 2θ"]


def _column(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return a float64 copy with one dimension: the dataset never shares memory with the caller."""
    try:
        column = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is not a column of numbers") from None
    if column.ndim != 1:
        raise InputError(f"{name} has {column.ndim} dimensions; one is allowed")
    return column


def _same_length(column: NDArray[np.float64], angle: NDArray[np.float64], name: str) -> None:
    if len(column) != len(angle):
        raise InputError(f"{name} has {len(column)} points and two_theta has {len(angle)}; they must agree")


def _first_bad(
    bad: NDArray[np.bool_], column: NDArray[np.float64], angle: NDArray[np.float64], name: str, allowed: str
) -> None:
    """Raise for the first point that is marked bad."""
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{name} is {column[row]:g} at point {row + 1} (2θ = {angle[row]:g}°); allowed is {allowed}",
        )


def _check_angles(angle: NDArray[np.float64]) -> None:
    if len(angle) < MIN_POINTS:
        raise InputError(f"a pattern of {len(angle)} points; at least {MIN_POINTS} are needed")
    bad = ~((angle > 0) & (angle < 180))
    _first_bad(bad, angle, angle, "two_theta", "an angle between 0 and 180 degrees")
    stuck = np.diff(angle) <= 0
    if stuck.any():
        row = int(np.argmax(stuck)) + 1
        what = "repeats" if angle[row] == angle[row - 1] else "goes back"
        raise InputError(
            f"two_theta {what} at point {row + 1} ({angle[row]:g}° after {angle[row - 1]:g}°); "
            "angles must ascend (or descend) strictly",
        )


def _check_counts(counts: NDArray[np.float64], angle: NDArray[np.float64], *, has_sigma: bool) -> None:
    _first_bad(~np.isfinite(counts), counts, angle, "counts", "a finite number")
    if not counts.any():
        raise InputError(f"counts are zero at all {len(counts)} points; a pattern needs intensity")
    largest = float(np.abs(counts).max())
    if not SMALLEST_MAXIMUM <= largest <= LARGEST_COUNT:
        raise InputError(
            f"counts reach {largest:g}; a maximum from {SMALLEST_MAXIMUM:g} to {LARGEST_COUNT:g} is allowed"
        )
    if not has_sigma:
        _first_bad(
            counts < 0,
            counts,
            angle,
            "counts",
            "0 or more (negative only with a column of errors, or with --sigma, sigma= in Python)",
        )


def _check_range(error: NDArray[np.float64], counts: NDArray[np.float64], angle: NDArray[np.float64]) -> None:
    """Raise for errors that no intensity like this can have."""
    middle, largest = float(np.median(error)), float(np.abs(counts).max())
    wild = (error > SIGMA_SPREAD * middle) | (error < middle / SIGMA_SPREAD)
    _first_bad(
        wild,
        error,
        angle,
        "sigma",
        f"{middle / SIGMA_SPREAD:g} to {middle * SIGMA_SPREAD:g} (the median is {middle:g})",
    )
    limit = 1e9
    wild = (error > limit * largest) | (error < largest / limit)
    _first_bad(
        wild, error, angle, "sigma", f"{largest / limit:g} to {limit * largest:g} (the intensity reaches {largest:g})"
    )


def _checked_gain(gain: ArrayLike, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        factor = np.array(np.broadcast_to(np.asarray(gain, dtype=np.float64), angle.shape))
    except (TypeError, ValueError):
        raise InputError(f"gain is neither a number nor a column of {len(angle)} numbers") from None
    _first_bad(~(np.isfinite(factor) & (factor > 0)), factor, angle, "gain", "a positive number")
    return factor


def _attribute(name: str, value: Any) -> Attribute:
    """Return an attribute in a type that netCDF holds."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        raise InputError(f"attribute {name} = {value}; text, a number or a list of numbers is allowed")
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, list | tuple | np.ndarray) and all(
        isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in value
    ):
        return [float(v) for v in value]
    raise InputError(f"attribute {name} is a {type(value).__name__}; text, a number or a list of numbers is allowed")
