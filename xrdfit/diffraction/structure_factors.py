"""|F|^2 of a structure's reflections as a function of occupancies, displacements and free coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Radiation
from xrdfit.crystal.scattering import anomalous, f0_coefficients
from xrdfit.crystal.structure import Site, Structure
from xrdfit.crystal.symmetry import free_coordinates, orbit_operations
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.diffraction.settings import EngineSettings

ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class _Orbit:
    """One position of the structure, that several species may share.

    `turned` (n, m, 3) and `phase` (n, m) are h R_k and h t_k, so that A = sum_k exp(2 pi i (h R_k x + h t_k));
    `fixed` (n,) is A at the structure's own coordinates.
    """

    label: str
    coordinates: tuple[str, ...]
    start: tuple[float, ...]
    offset: FloatArray
    basis: FloatArray
    turned: FloatArray
    phase: FloatArray
    fixed: ComplexArray

    def waves(self, at: Sequence[float]) -> ComplexArray:
        position = self.offset + self.basis @ np.asarray(at, dtype=float)
        return np.exp(2j * np.pi * (self.turned @ position + self.phase))

    def amplitude(self, values: Mapping[str, float]) -> ComplexArray:
        """Return A(h), shape (n,)."""
        at = tuple(values[name] for name in self.coordinates)
        return self.fixed if at == self.start else self.waves(at).sum(axis=1)

    def amplitude_slope(self, values: Mapping[str, float], name: str) -> ComplexArray:
        """Return dA/d`name`, shape (n,)."""
        along = self.turned @ self.basis[:, self.coordinates.index(name)]
        waves = self.waves([values[coordinate] for coordinate in self.coordinates])
        return 2j * np.pi * (along * waves).sum(axis=1)


@dataclass(frozen=True, eq=False)
class StructureFactors:
    """A structure lowered to arrays for n reflections and the w lines of a radiation.

    |F|^2 is the mean of |F(h)|^2 and |F(-h)|^2, F(h) = sum_j o_j f_j exp(-(b_overall + b_j) s^2) A_j(h). With
    A = C + i S the two are |P +- i Q|^2, P = sum w_j f_j C_j, Q = sum w_j f_j S_j, and their mean is |P|^2 + |Q|^2:
    no reflection is computed twice, and the origin may lie anywhere.

    Attributes
    ----------
    sites : tuple of Site
    names : tuple of str
        Parameters that move |F|^2 at given s.
    """

    sites: tuple[Site, ...]
    names: tuple[str, ...]
    _orbits: tuple[_Orbit, ...]
    _orbit_of: NDArray[np.intp]
    _species_of: NDArray[np.intp]
    _f0: tuple[FloatArray, FloatArray, FloatArray]
    _dispersion: ComplexArray

    def squared(self, values: Mapping[str, float], s: FloatArray) -> FloatArray:
        """Return the mean of |F(h)|^2 and |F(-h)|^2.

        Parameters
        ----------
        values : mapping
            Holds `names`.
        s : ndarray, shape (n,)
            sin(theta)/lambda, 1/Angstrom.

        Returns
        -------
        ndarray, shape (w, n)
            Electrons^2 per cell, for each line of the radiation.
        """
        amplitude = self._amplitudes(values)
        weights = self._weights(values, s)
        f = self._form_factors(s)
        real, imaginary = self._sums(f, weights, amplitude)
        return _square(real) + _square(imaginary)

    def slopes(self, values: Mapping[str, float], s: FloatArray, names: Sequence[str]) -> dict[str, FloatArray]:
        """Return the derivatives of `squared` at fixed s by those of `names` that move it, each (w, n)."""
        amplitude = self._amplitudes(values)
        occupancy = np.array([values[f"occ_{site.label}"] for site in self.sites])
        displaced = self._displacement(values, s)
        weights = occupancy[:, None] * displaced
        f = self._form_factors(s)
        real, imaginary = self._sums(f, weights, amplitude)
        # 2 Re(conj(P) f_j) and 2 Re(conj(Q) f_j), shape (w, sites, n)
        by_real = 2.0 * (real.conj()[:, None, :] * f).real
        by_imaginary = 2.0 * (imaginary.conj()[:, None, :] * f).real
        per_site = displaced * (by_real * amplitude.real + by_imaginary * amplitude.imag)
        out: dict[str, FloatArray] = {}
        for name in names:
            kind, _, label = name.partition("_")
            if name == "b_overall":
                out[name] = -2.0 * s**2 * (_square(real) + _square(imaginary))
            elif kind == "occ" and name in self.names:
                out[name] = per_site[:, [site.label for site in self.sites].index(label)]
            elif kind == "b" and name in self.names:
                rows = self._rows(label)
                out[name] = -(s**2) * np.einsum("j,wjn->wn", occupancy[rows], per_site[:, rows])
            elif name in self.names:
                rows = self._rows(label)
                slope = self._orbits[self._orbit_of[rows[0]]].amplitude_slope(values, name)
                moved = by_real[:, rows] * slope.real + by_imaginary[:, rows] * slope.imag
                out[name] = np.einsum("jn,wjn->wn", weights[rows], moved)
        return out

    def _rows(self, label: str) -> list[int]:
        return [row for row, site in enumerate(self.sites) if label in (site.label, site.shares)]

    def _amplitudes(self, values: Mapping[str, float]) -> ComplexArray:
        orbits = [orbit.amplitude(values) for orbit in self._orbits]
        return np.array(orbits)[self._orbit_of]

    def _displacement(self, values: Mapping[str, float], s: FloatArray) -> FloatArray:
        b = np.array([values["b_overall"] + values[f"b_{orbit.label}"] for orbit in self._orbits])
        return np.exp(-np.multiply.outer(b, s * s))[self._orbit_of]

    def _weights(self, values: Mapping[str, float], s: FloatArray) -> FloatArray:
        occupancy = np.array([values[f"occ_{site.label}"] for site in self.sites])
        return occupancy[:, None] * self._displacement(values, s)

    def _form_factors(self, s: FloatArray) -> ComplexArray:
        """Return f, shape (w, sites, n)."""
        a, b, c = self._f0
        f0 = np.einsum("ti,tin->tn", a, np.exp(-np.multiply.outer(b, s * s))) + c[:, None]
        return (f0 + self._dispersion[:, :, None])[:, self._species_of]

    def _sums(self, f: ComplexArray, weights: FloatArray, amplitude: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        real = np.einsum("wjn,jn->wn", f, weights * amplitude.real)
        return real, np.einsum("wjn,jn->wn", f, weights * amplitude.imag)


def bind_structure_factors(
    structure: Structure, hkl: NDArray[np.int64], radiation: Radiation, settings: EngineSettings
) -> StructureFactors:
    """Lower a structure to the arrays that no parameter moves.

    Parameters
    ----------
    structure : Structure
    hkl : ndarray of int, shape (n, 3)
    radiation : Radiation
        f' and f'' are taken at the energy of each of its lines.
    settings : EngineSettings
    """
    own = [site for site in structure.sites if site.shares is None]
    orbits = tuple(_bind_orbit(structure, site, hkl) for site in own)
    row = {site.label: index for index, site in enumerate(own)}
    species = list(dict.fromkeys(site.species for site in structure.sites))
    element = {site.species: site.element for site in structure.sites}
    table = [f0_coefficients(name) for name in species]
    dispersion = np.zeros((len(radiation.lines), len(species)), dtype=complex)
    if settings.anomalous:
        for i, line in enumerate(radiation.lines):
            dispersion[i] = [anomalous(element[name], line.energy_ev, settings.anomalous_table) for name in species]
    coordinates = (name for orbit in orbits for name in orbit.coordinates)
    names = (
        *(f"occ_{site.label}" for site in structure.sites),
        *coordinates,
        *(f"b_{site.label}" for site in own),
        "b_overall",
    )
    f0 = (np.array([t[0] for t in table]), np.array([t[1] for t in table]), np.array([t[2] for t in table]))
    orbit_of = np.array([row[site.shares or site.label] for site in structure.sites])
    species_of = np.array([species.index(site.species) for site in structure.sites])
    return StructureFactors(structure.sites, names, orbits, orbit_of, species_of, f0, dispersion)


def _bind_orbit(structure: Structure, site: Site, hkl: NDArray[np.int64]) -> _Orbit:
    rotations, translations = orbit_operations(structure.group, site.xyz)
    free = free_coordinates(structure.group, site.xyz)
    start = tuple(float(site.xyz["xyz".index(name)]) for name in free.names)
    turned = np.einsum("ni,mij->nmj", hkl, rotations).astype(float)
    phase = (hkl @ translations.T).astype(float)
    fixed = np.exp(2j * np.pi * (turned @ np.asarray(site.xyz, dtype=float) + phase)).sum(axis=1)
    names = tuple(f"{name}_{site.label}" for name in free.names)
    return _Orbit(site.label, names, start, free.offset, free.basis, turned, phase, fixed)


def _square(values: ComplexArray) -> FloatArray:
    return values.real**2 + values.imag**2
