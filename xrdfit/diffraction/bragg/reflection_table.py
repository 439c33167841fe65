"""The list of powder lines of a structure, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite, radians, sin

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Line, Radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import cell_from_free, cell_names
from xrdfit.diffraction.bragg.lines import bind_lines
from xrdfit.diffraction.probe import polarization_factor
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.errors import InputError


@dataclass(frozen=True, eq=False)
class ReflectionTable:
    """Powder lines by ascending angle; every line that the space group allows, |F|^2 = 0 included.

    Attributes
    ----------
    hkl : ndarray of int, shape (n, 3)
        Indices of one representative.
    multiplicity : ndarray of int, shape (n,)
    d : ndarray, shape (n,)
        Angstrom.
    two_theta : ndarray, shape (n,)
        Bragg angle, degree, for the strongest line of the radiation.
    f_squared : ndarray, shape (n,)
        Mean of |F(h)|^2 and |F(-h)|^2 per cell, electrons^2 or, for neutrons, fm^2, with displacement and occupancies
        in it.
    lorentz_polarization : ndarray, shape (n,)
        (1 + cos^2 2theta_M cos^2 2theta) / (sin^2 theta cos theta); of neutrons the denominator alone.
    intensity : ndarray, shape (n,)
        multiplicity x f_squared x lorentz_polarization, the strongest at 100.
    """

    hkl: NDArray[np.int64]
    multiplicity: NDArray[np.int64]
    d: FloatArray
    two_theta: FloatArray
    f_squared: FloatArray
    lorentz_polarization: FloatArray
    intensity: FloatArray


def structure_values(structure: Structure) -> dict[str, float]:
    """Return a structure's own occupancies, coordinates, B and cell under their parameters' names (b_overall = 0)."""
    values = {"b_overall": 0.0}
    for site in structure.sites:
        values[f"occ_{site.label}"] = site.occupancy
        if site.shares is None:
            values[f"b_{site.label}"] = site.b_iso
            values.update((f"{axis}_{site.label}", float(x)) for axis, x in zip("xyz", site.xyz, strict=True))
    values.update((name, float(getattr(structure.cell, name))) for name in cell_names(structure.group))
    return values


def reflection_table(
    structure: Structure,
    radiation: Radiation,
    two_theta_range: tuple[float, float],
    settings: EngineSettings,
    values: Mapping[str, float] | None = None,
) -> ReflectionTable:
    """List the powder lines of a structure.

    Parameters
    ----------
    structure : Structure
    radiation : Radiation
        Angles, f' and f'' are those of its strongest line.
    two_theta_range : tuple of float
        First and last angle, degree, 0 to 180.
    settings : EngineSettings
        Anomalous terms, monochromator and polarization.
    values : mapping, optional
        Occupancies, coordinates, B and cell under their parameters' names, in place of the structure's own; and
        `polarization` where the settings have it.

    Raises
    ------
    InputError
        For a range that is empty or out of bounds.
    """
    low, high = two_theta_range
    if not (isfinite(low) and isfinite(high) and 0.0 <= low < high <= 180.0):
        raise InputError(f"two_theta_range {low:g} to {high:g} is no range: ascending within 0 to 180 is allowed")
    own = {**structure_values(structure), **(values or {})}
    moved = replace(structure, cell=cell_from_free(structure.group, own))
    wavelength = radiation.wavelength
    single = Radiation(radiation.name, (Line(wavelength, 1.0),), radiation.probe)
    settings = replace(settings, extra_lines=(), kalpha_ratio=False, f_prime=())
    d_min = 0.5 * wavelength / sin(radians(0.5 * high))
    table = bind_lines(moved, single, settings, (d_min,))
    d = moved.cell.d_spacing(table.reflections.hkl)
    sine = np.minimum(0.5 * wavelength / d, 1.0)
    two_theta = 2.0 * np.arcsin(sine)
    # A line exactly at 180 degree is backscattered: it has no finite Lorentz factor and cannot be measured.
    inside = (np.degrees(two_theta) >= low) & (np.degrees(two_theta) <= high) & (sine < 1.0 - 1e-12)
    two_theta, sine = two_theta[inside], sine[inside]
    f_squared = table.factors.squared(own, 0.5 / d)[0, inside]
    lp = 1.0 / (sine**2 * np.cos(0.5 * two_theta))
    if not radiation.neutron:
        through = np.cos(radians(settings.monochromator_deg)) ** 2
        fraction = own["polarization"] if settings.polarized else 0.5
        lp *= polarization_factor(0.5 * two_theta, settings.monochromator_deg, fraction) * (1.0 + through)
    multiplicity = table.reflections.multiplicity[inside]
    strength = multiplicity * f_squared * lp
    strongest = strength.max(initial=0.0)
    intensity = 100.0 * strength / strongest if strongest > 0.0 else strength
    return ReflectionTable(
        table.reflections.hkl[inside], multiplicity, d[inside], np.degrees(two_theta), f_squared, lp, intensity
    )
