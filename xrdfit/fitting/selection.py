"""Which points of a scan are fitted, and which instrument measured them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xrdfit.crystal.radiation import KALPHA_RATIO, Line, Radiation
from xrdfit.diffraction.background import Chebyshev
from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.model.powder import DEFAULT_RADIATION, PowderModel

if TYPE_CHECKING:
    import xarray as xr


def select(scan: xr.Dataset, options: FitOptions) -> xr.Dataset:
    """Return the points of a scan that the options leave in.

    Raises
    ------
    InputError
        When fewer than ten are left.
    """
    for name in ("counts", "sigma"):
        if name not in getattr(scan, "data_vars", ()):
            raise InputError(f"the scan has no {name!r}; a Dataset of read_pattern or make_pattern is needed")
        if not np.isfinite(scan[name].values).all():
            raise InputError(f"the scan's {name} are not finite everywhere")
    if not (scan["sigma"].values > 0).all():
        raise InputError("the scan's sigma must be above zero everywhere")
    angles = scan["two_theta"].values
    keep = np.ones(len(angles), dtype=bool)
    if options.range is not None:
        keep &= (angles >= options.range[0]) & (angles <= options.range[1])
    for low, high in options.exclude:
        keep &= (angles < low) | (angles > high)
    if keep.sum() < 10:
        raise InputError(
            f"range and exclude leave {int(keep.sum())} of the scan's {len(angles)} points "
            f"({angles[0]:g} to {angles[-1]:g} degrees); at least 10 are needed"
        )
    return scan.isel(two_theta=keep)


def with_instrument(model: PowderModel, scan: xr.Dataset, options: FitOptions) -> tuple[PowderModel, list[str]]:
    """Return the model with the instrument that options, scan header and model together describe, and notes on it."""
    given = options.instrument or model.instrument
    file = options.instrument
    header = scan.attrs
    radius = _first(options.radius_mm, file and file.radius_mm, header.get("radius_mm"), given.radius_mm)
    mono = _first(
        options.monochromator_deg,
        file and file.monochromator_deg,
        header.get("monochromator_deg"),
        given.monochromator_deg,
    )
    ray = _first(options.radiation, file and file.radiation, _header_radiation(header), given.radiation)
    notes = [str(note) for note in np.atleast_1d(header.get("notes", []))]
    if ray is None:
        ray = DEFAULT_RADIATION
        notes.append(f"neither scan nor model name a radiation: {DEFAULT_RADIATION} is taken (--radiation sets it)")
    instrument = replace(given, radius_mm=radius and float(radius), monochromator_deg=float(mono or 0.0), radiation=ray)
    return replace(model, instrument=instrument), notes


def with_background(model: PowderModel, options: FitOptions) -> PowderModel:
    """Return the model with the background that the options name: an order, or all components."""
    chosen = options.background
    if chosen is None:
        return model
    if isinstance(chosen, int):
        rest = tuple(c for c in model.background if not isinstance(c, Chebyshev))
        chosen = (Chebyshev(chosen), *rest)
    return replace(model, background=tuple(chosen))


def _first(*choices):
    return next((c for c in choices if c is not None), None)


def _header_radiation(header: Mapping) -> Radiation | str | None:
    """The radiation that a scan's header states; a doublet without a ratio gets the customary one."""
    if "wavelengths" not in header:
        return header.get("radiation")
    wavelengths = np.atleast_1d(header["wavelengths"]).astype(float)
    name = str(header.get("radiation", " + ".join(f"{w:.6g} Å" for w in wavelengths)))
    weights = np.ones(len(wavelengths))
    if "wavelength_weights" in header:
        weights = np.atleast_1d(header["wavelength_weights"]).astype(float)
    elif len(wavelengths) == 2:
        weights[1] = KALPHA_RATIO
        name += f" (ratio {KALPHA_RATIO:g} assumed)"
    lines = tuple(Line(float(w), float(f)) for w, f in zip(wavelengths, weights / weights.sum(), strict=True))
    return Radiation(name, lines)
