"""|F|^2 of a structure's reflections as a function of occupancies, displacements and free coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.structure import Site, Structure
from xrdfit.crystal.symmetry import free_coordinates, orbit_operations
from xrdfit.diffraction.probe import Probe, SpeciesAmplitudes
from xrdfit.diffraction.protocol import FloatArray

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
    species_of: NDArray[np.intp]
    scattering: SpeciesAmplitudes

    def seen_by(self, probe: Probe) -> StructureFactors:
        """Return them for other amplitudes of the same species."""
        species = list(dict.fromkeys(site.species for site in self.sites))
        return replace(self, scattering=probe.amplitudes(species))

    def at(self, values: Mapping[str, float], s: FloatArray) -> Amplitudes:
        """Evaluate at values of the parameters.

        Parameters
        ----------
        values : mapping
            Holds `names`.
        s : ndarray, shape (n,)
            sin(theta)/lambda, 1/Angstrom.
        """
        b = np.array([values["b_overall"] + values[f"b_{orbit.label}"] for orbit in self._orbits])[self._orbit_of]
        occupancy = np.array([values[f"occ_{site.label}"] for site in self.sites])
        displaced = np.exp(np.multiply.outer(-b, s * s))
        amplitude = np.array([orbit.amplitude(values) for orbit in self._orbits])[self._orbit_of]
        terms = self.scattering.gaussians(s)
        form = self.scattering.total(terms, values)[:, self.species_of]
        waves = occupancy[:, None] * displaced * amplitude
        real, imaginary = (form * waves.real).sum(axis=1), (form * waves.imag).sum(axis=1)
        return Amplitudes(self, values, s, b, occupancy, displaced, amplitude, terms, form, real, imaginary)

    def squared(self, values: Mapping[str, float], s: FloatArray) -> FloatArray:
        """Return the mean of |F(h)|^2 and |F(-h)|^2, electrons^2 per cell, shape (w, n); see `at`."""
        return self.at(values, s).squared

    def orbit(self, row: int) -> _Orbit:
        """Return the position of a site."""
        return self._orbits[self._orbit_of[row]]

    def rows_of(self, label: str) -> list[int]:
        """Return the indices of the sites that have the position of `label`."""
        return [row for row, site in enumerate(self.sites) if label in (site.label, site.shares)]


@dataclass(frozen=True, eq=False)
class Amplitudes:
    """Structure factors at given values of the parameters, and their derivatives.

    Attributes
    ----------
    model : StructureFactors
    values : mapping
    s : ndarray, shape (n,)
        sin(theta)/lambda, 1/Angstrom.
    b : ndarray, shape (sites,)
        b_overall + b_j, Angstrom^2.
    occupancy : ndarray, shape (sites,)
    displaced, amplitude : ndarray, shape (sites, n)
        exp(-b s^2) and A.
    terms : ndarray, shape (species, terms, n)
        Gaussians of f0.
    form : ndarray of complex, shape (w, sites, n)
        f0 + f' + i f'', or b.
    real, imaginary : ndarray of complex, shape (w, n)
        P and Q.
    """

    model: StructureFactors
    values: Mapping[str, float]
    s: FloatArray
    b: FloatArray
    occupancy: FloatArray
    displaced: FloatArray
    amplitude: ComplexArray
    terms: FloatArray
    form: ComplexArray
    real: ComplexArray
    imaginary: ComplexArray

    @property
    def squared(self) -> FloatArray:
        """Mean of |F(h)|^2 and |F(-h)|^2, electrons^2 per cell, shape (w, n)."""
        return _square(self.real) + _square(self.imaginary)

    def slopes(self, names: Sequence[str]) -> dict[str, FloatArray]:
        """Return the derivatives of `squared` at fixed s by those of `names` that move it, each (w, n)."""
        model, values = self.model, self.values
        weights = self.occupancy[:, None] * self.displaced
        # 2 Re(conj(P) f_j) and 2 Re(conj(Q) f_j), shape (w, sites, n)
        by_real = 2.0 * (self.real.conj()[:, None, :] * self.form).real
        by_imaginary = 2.0 * (self.imaginary.conj()[:, None, :] * self.form).real
        per_site = self.displaced * (by_real * self.amplitude.real + by_imaginary * self.amplitude.imag)
        out: dict[str, FloatArray] = {}
        for name in names:
            kind, _, label = name.partition("_")
            if name == "b_overall":
                out[name] = -2.0 * self.s**2 * self.squared
            elif kind == "occ" and name in model.names:
                out[name] = per_site[:, [site.label for site in model.sites].index(label)]
            elif kind == "b" and name in model.names:
                rows = model.rows_of(label)
                out[name] = -(self.s**2) * np.einsum("j,wjn->wn", self.occupancy[rows], per_site[:, rows])
            elif name in model.scattering.names:
                whose = (model.scattering.whose(name)[model.species_of] * self.occupancy)[:, None] * self.displaced
                real, imaginary = ((whose * part).sum(axis=0) for part in (self.amplitude.real, self.amplitude.imag))
                out[name] = 2.0 * (self.real.real * real + self.imaginary.real * imaginary)
            elif name in model.names:
                rows = model.rows_of(label)
                slope = model.orbit(rows[0]).amplitude_slope(values, name)
                moved = by_real[:, rows] * slope.real + by_imaginary[:, rows] * slope.imag
                out[name] = np.einsum("jn,wjn->wn", weights[rows], moved)
        return out

    def slope_by_s(self) -> FloatArray:
        """Return the derivative of `squared` by s at fixed parameters, shape (w, n)."""
        model = self.model
        f0 = -2.0 * self.s * (model.scattering.exponent[:, :, None] * self.terms).sum(axis=1)[model.species_of]
        form = f0 - 2.0 * self.s * self.b[:, None] * self.form
        waves = self.occupancy[:, None] * self.displaced * self.amplitude
        real, imaginary = (form * waves.real).sum(axis=1), (form * waves.imag).sum(axis=1)
        return 2.0 * (self.real.conj() * real + self.imaginary.conj() * imaginary).real


def bind_structure_factors(structure: Structure, hkl: NDArray[np.int64], probe: Probe) -> StructureFactors:
    """Lower a structure to the arrays that no parameter moves.

    Parameters
    ----------
    structure : Structure
    hkl : ndarray of int, shape (n, 3)
    probe : Probe
        Amplitudes are taken at the energy of each of its lines.
    """
    own = [site for site in structure.sites if site.shares is None]
    orbits = tuple(_bind_orbit(structure, site, hkl) for site in own)
    row = {site.label: index for index, site in enumerate(own)}
    species = list(dict.fromkeys(site.species for site in structure.sites))
    scattering = probe.amplitudes(species)
    coordinates = (name for orbit in orbits for name in orbit.coordinates)
    names = (
        *(f"occ_{site.label}" for site in structure.sites),
        *coordinates,
        *(f"b_{site.label}" for site in own),
        "b_overall",
        *scattering.names,
    )
    orbit_of = np.array([row[site.shares or site.label] for site in structure.sites])
    species_of = np.array([species.index(site.species) for site in structure.sites])
    return StructureFactors(structure.sites, names, orbits, orbit_of, species_of, scattering)


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
