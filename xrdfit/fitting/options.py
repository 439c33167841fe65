"""What a user may ask of a fit, and how it turns into a problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xrdfit.crystal.radiation import KALPHA_RATIO, Line, Radiation
from xrdfit.errors import InputError
from xrdfit.model.powder import DEFAULT_RADIATION, Instrument, ParameterRow, PowderModel

if TYPE_CHECKING:
    import xarray as xr

EngineChoice = Literal["bragg", "debye", "auto"]


@dataclass(frozen=True)
class FitOptions:
    """The choices of one fit; together with model and scan they determine it completely.

    Attributes
    ----------
    engine : {"bragg", "debye", "auto"}
    total : Mapping[str, float]
        Atoms of an element per cell, kept exactly; "phase__Cu" where several phases hold the element.
    vary : tuple of str
        Names or shell patterns (``b_*``) that vary beside the model's own.
    fix : Mapping[str, float or None]
        Names or patterns that do not vary, with a value or (None) where they stand.
    start : Mapping[str, float]
        Other starting values.
    range : (float, float) or None
        Part of the scan that is fitted, degrees 2θ.
    exclude : tuple of (float, float)
        Stretches left out, such as a reflection of the holder.
    background : int or None
        Order of the Chebyshev background instead of the model's.
    radiation : str, float or None
        Name or wavelength (Å); None leaves it to instrument file, scan header, model, default, in that order.
    anomalous : bool
        Whether f′ and f″ are added.
    anomalous_table : {"chantler", "cromer-liberman"}
        Where they come from.
    monochromator_deg, radius_mm : float or None
        Replace what scan and model say.
    instrument : Instrument or None
        An instrument file, replacing the model's instrument.
    packing : bool
        Keep the model's packing rule (one cation per void).
    """

    engine: EngineChoice = "bragg"
    total: Mapping[str, float] = field(default_factory=dict)
    vary: tuple[str, ...] = ()
    fix: Mapping[str, float | None] = field(default_factory=dict)
    start: Mapping[str, float] = field(default_factory=dict)
    range: tuple[float, float] | None = None
    exclude: tuple[tuple[float, float], ...] = ()
    background: int | None = None
    radiation: str | float | None = None
    anomalous: bool = True
    anomalous_table: str = "chantler"
    monochromator_deg: float | None = None
    radius_mm: float | None = None
    instrument: Instrument | None = None
    packing: bool = False

    def __post_init__(self) -> None:
        if self.engine not in ("bragg", "debye", "auto"):
            raise InputError(f"engine {self.engine!r} is unknown; allowed are bragg, debye and auto")
        for what, interval in [("range", self.range), *(("exclude", e) for e in self.exclude)]:
            if interval is not None and not interval[0] < interval[1]:
                raise InputError(f"{what} {interval[0]:g} {interval[1]:g} must rise: give the smaller angle first")
        if self.background is not None and not 0 <= self.background <= 30:
            raise InputError(f"background order {self.background} is out of range; 0 to 30 is allowed")
        if self.radius_mm is not None and not 1.0 <= self.radius_mm <= 1e5:
            raise InputError(f"radius_mm {self.radius_mm:g} is out of range: 1 to 100000 is allowed")
        for name, value in {**self.start, **{k: v for k, v in self.fix.items() if v is not None}, **self.total}.items():
            if not isfinite(value):
                raise InputError(f"{name}={value} is not a finite number")


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


def resolve_rows(rows: Iterable[ParameterRow], model: PowderModel, options: FitOptions) -> list[ParameterRow]:
    """Apply vary, fix and start to the model's parameters.

    Raises
    ------
    InputError
        For a name or pattern that matches no parameter, or a start outside its limits.
    """
    table = {r.name: r for r in rows}
    # an automatic choice must not stumble over a parameter that only the other engine has
    elsewhere = _bragg_names(model) if options.engine == "auto" else set()
    tied = {t.target for t in model.ties}
    for pattern in options.vary:
        for name in _matches(pattern, table, "vary", elsewhere):
            _refuse_tied("vary", name, pattern, tied)
            table[name] = replace(table[name], vary=name not in tied)
    for pattern, value in options.fix.items():
        for name in _matches(pattern, table, "fix", elsewhere):
            _refuse_tied("fix", name, pattern, tied)
            table[name] = replace(table[name], vary=False, value=table[name].value if value is None else value)
    for pattern, value in options.start.items():
        for name in _matches(pattern, table, "start", elsewhere):
            _refuse_tied("start", name, pattern, tied)
            table[name] = replace(table[name], value=value)
    for r in table.values():
        if not r.minimum <= r.value <= r.maximum and (r.name in {*options.start, *options.fix} or r.vary):
            raise InputError(
                f"{r.name}={r.value:g} is outside its limits {r.minimum:g} to {r.maximum:g} {r.unit}".rstrip()
            )
    return [replace(r, vary=r.vary and r.name not in tied) for r in table.values()]


def _refuse_tied(what: str, name: str, pattern: str, tied: set[str]) -> None:
    """A pattern may pass over what follows a tie; a name may not."""
    if name in tied and name == pattern:
        raise InputError(f"{what} {name!r}: it follows a tie of the model and has no value of its own")


def _bragg_names(model: PowderModel) -> set[str]:
    return {r.name for r in model.rows("bragg")}


def _matches(pattern: str, table: Mapping[str, ParameterRow], what: str, elsewhere: set[str]) -> list[str]:
    names = [name for name in table if fnmatchcase(name, pattern)]
    if not names and not any(fnmatchcase(name, pattern) for name in elsewhere):
        raise InputError(f"{what} {pattern!r} matches no parameter; there are {', '.join(table)}")
    return names


def with_choices(options: FitOptions, choices: Mapping[str, Any]) -> FitOptions:
    """Return options with some fields replaced; sequences and mappings may come in any form that `fit` takes.

    Raises
    ------
    InputError
        For a name that is no field of `FitOptions`.
    """
    known = [f.name for f in fields(FitOptions)]
    for name in choices:
        if name not in known:
            raise InputError(f"option {name!r} is unknown; there are {', '.join(known)}")
    clean: dict[str, Any] = dict(choices)
    for name in ("vary", "exclude"):
        if name in clean:
            clean[name] = tuple(clean[name])
    if "fix" in clean and not isinstance(clean["fix"], Mapping):
        clean["fix"] = dict.fromkeys(clean["fix"])
    return replace(options, **clean)
