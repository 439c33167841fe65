"""Which points of a scan are fitted, and which instrument measured them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from xrdfit.crystal.radiation import KALPHA_RATIO, Line, Radiation, neutrons, radiation
from xrdfit.diffraction.background import Blank, Chebyshev, Component
from xrdfit.errors import InputError
from xrdfit.fitting.known import Known
from xrdfit.fitting.options import FitOptions
from xrdfit.model.instrument import Instrument
from xrdfit.model.phase import Engine, Phase
from xrdfit.model.powder import DEFAULT_RADIATION, PowderModel

if TYPE_CHECKING:
    import xarray as xr

LARGEST_PARTICLE_UM = 1000.0


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
    """Return the model with the instrument that options, scan header and model together describe, and notes on it.

    Raises
    ------
    InputError
        The scan was measured with neutrons and is to be fitted as X-rays, or its wavelength is not known; or what
        only tubes or X-rays have is asked for elsewhere.
    """
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
    asked = _first(options.radiation, file and file.radiation)
    ray = _first(asked, _header_radiation(header), given.radiation)
    notes = [str(note) for note in np.atleast_1d(header.get("notes", []))]
    if header.get("probe") == "neutron":
        ray = _neutrons(asked, header)
    elif ray is None:
        ray = DEFAULT_RADIATION
        notes.append(f"neither scan nor model name a radiation: {DEFAULT_RADIATION} is taken (--radiation sets it)")
    rays = ray if isinstance(ray, Radiation) else radiation(ray)
    instrument = replace(given, radius_mm=radius and float(radius), monochromator_deg=float(mono or 0.0), radiation=ray)
    return replace(model, instrument=_with_specimen(instrument, rays, model, options)), notes


def _neutrons(asked: str | float | Radiation | None, header: Mapping) -> str | Radiation:
    """The radiation of a scan that was measured with neutrons; X-rays are refused."""
    example = "neutron:1.909"
    if asked is not None:
        rays = asked if isinstance(asked, Radiation) else radiation(asked)
        if not rays.neutron:
            raise InputError(
                f"radiation {rays.name}: X-rays, but the scan says that it was measured with neutrons; "
                f"give their wavelength in Å (--radiation {example})"
            )
        return asked if isinstance(asked, str) else rays
    if "wavelengths" not in header:
        raise InputError(
            "the scan was measured with neutrons and states no wavelength; "
            f"give it, or that of X-rays if it was not, in Å (--radiation {example})"
        )
    return neutrons(float(np.atleast_1d(header["wavelengths"])[0]))


def _with_specimen(instrument: Instrument, rays: Radiation, model: PowderModel, options: FitOptions) -> Instrument:
    """Switch on what the options ask for: film, capillary, polarization, lines of the tube, shifts of f′."""
    if options.film:
        instrument = replace(instrument, film=True, capillary=False)
    if options.capillary is not None:
        instrument = replace(instrument, film=False, capillary=True, mu_r=options.capillary)
    if rays.neutron:
        for name in ("polarization", "kbeta"):
            if getattr(options, name) is not None:
                raise InputError(f"{name} {getattr(options, name):g}: neutrons have none; leave it out")
        return instrument.for_neutrons()
    if options.polarization is not None:
        instrument = replace(instrument, polarization=options.polarization)
    starts = {"kbeta": _first(options.kbeta, instrument.kbeta), "w_la": instrument.w_la}
    starts["kalpha_ratio"] = instrument.kalpha_ratio
    if len(rays.lines) == 2 and starts["kalpha_ratio"] is None:
        ratio = rays.lines[1].weight / rays.lines[0].weight
        starts["kalpha_ratio"] = ratio if _named("kalpha_ratio", options) else None
    for name in ("kbeta", "w_la"):
        if starts[name] is None and rays.anode is not None and _named(name, options):
            starts[name] = 0.0
    shifts = dict(instrument.f_prime)
    for element in dict.fromkeys(site.element for phase in model.phases for site in phase.structure.sites):
        if element not in shifts and _named(f"fp_{element}", options):
            shifts[element] = 0.0
    return replace(instrument, f_prime=tuple(shifts.items()), **starts)


def _named(name: str, options: FitOptions) -> bool:
    """Whether the options name a parameter that is there on demand only; patterns count from its first part on."""
    wishes = (*options.vary, *options.fix, *options.start, *options.limits, *options.restrain)
    stem = name.partition("_")[0]
    patterns = (wish.rpartition("__")[2] for wish in wishes)
    return any(pattern.startswith(stem) and fnmatchcase(name, pattern) for pattern in patterns)


def with_axes(model: PowderModel, options: FitOptions, engine: Engine) -> PowderModel:
    """Return the model with preferred orientation and shape of crystallites as the options name their axes.

    Raises
    ------
    InputError
        No phase is computed by the Bragg engine, which alone knows either.
    """
    for name, axis, what in (
        ("texture", options.texture, "preferred orientation"),
        ("anisotropic", options.anisotropic, "crystallites that are no spheres"),
    ):
        if axis is not None and all((phase.engine or engine) == "debye" for phase in model.phases):
            raise InputError(f"{name} {axis}: the Debye engine has no {what}; --engine bragg has")
    phases = [p if (p.engine or engine) == "debye" else _about_axes(p, options) for p in model.phases]
    return replace(model, phases=tuple(phases))


def _about_axes(phase: Phase, options: FitOptions) -> Phase:
    if options.texture is not None:
        phase = replace(phase, march_axis=options.texture, vary=(*phase.vary, "march_r"))
    if options.anisotropic is None:
        return phase
    if phase.shape != "scherrer":
        raise InputError(
            f"anisotropic {options.anisotropic}: phase {phase.name!r} has lines of spheres; shape 'scherrer' is needed"
        )
    names = ["size_ratio"]
    strained = (*phase.vary, *(pattern.rpartition("__")[2] for pattern in options.vary))
    if any(fnmatchcase("microstrain", pattern) for pattern in strained):
        names.append("strain_ratio")
    return replace(phase, broadening_axis=options.anisotropic, vary=(*phase.vary, *names))


def with_amounts(model: PowderModel, options: FitOptions) -> PowderModel:
    """Return the model with the grains that the options name.

    Raises
    ------
    InputError
        A phase of `particle` or `standard` is none of the model's, or a number is out of range.
    """
    names = [phase.name for phase in model.phases]
    for what, given in (("particle", options.particle), ("standard", options.standard)):
        for name in given:
            if name not in names:
                raise InputError(f"{what} {name!r}: the model has no such phase; it has {', '.join(names)}")
    for name, diameter in options.particle.items():
        if not 0.0 < diameter <= LARGEST_PARTICLE_UM:
            raise InputError(f"particle {name}={diameter:g} µm: above 0 to {LARGEST_PARTICLE_UM:g} is allowed")
    if len(options.standard) > 1:
        raise InputError(f"standard {', '.join(options.standard)}: one phase is the standard; leave the others out")
    for name, added in options.standard.items():
        percent = added.value if isinstance(added, Known) else added
        if not 0.0 < percent < 100.0 or len(names) == 1:
            raise InputError(f"standard {name}={percent:g} %: between 0 and 100 beside another phase is allowed")
    phases = [replace(p, particle_um=options.particle.get(p.name, p.particle_um)) for p in model.phases]
    return replace(model, phases=tuple(phases))


def components(model: PowderModel, options: FitOptions) -> tuple[Component, ...]:
    """Return the background that the options name, an order or all components, or else the model's."""
    chosen = options.background
    if chosen is None:
        return tuple(model.background)
    if isinstance(chosen, int):
        return (Chebyshev(chosen), *(c for c in model.background if not isinstance(c, Chebyshev)))
    return tuple(chosen)


def with_background(model: PowderModel, header: Mapping, options: FitOptions) -> PowderModel:
    """Return the model with the background of the options; blanks have the height that a scan's header tells."""
    found = components(model, options)
    return replace(model, background=tuple(c.for_scan(header) if isinstance(c, Blank) else c for c in found))


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
