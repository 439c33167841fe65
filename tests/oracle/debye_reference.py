"""Slow and plain: the Debye equation atom by atom, from nothing but positions and XrayDB."""

import numpy as np
import xraydb

HC = 12398.419843320026


def scattering_factors(species, q, wavelength):
    """f0 + f' + i f'' straight from XrayDB, (n_species, n_q)."""
    energy = HC / wavelength
    rows = []
    for name in species:
        dispersion = xraydb.f1_chantler(name, energy) + 1j * xraydb.f2_chantler(name, energy)
        rows.append(xraydb.f0(name, q / (4 * np.pi)) + dispersion)
    return np.array(rows)


def sphere_average(cell, basis, occupancy, kind, diameter, forms, damping, q, n_centres, n_batches, seed):
    """Mean over sphere centres of the direct double sum, per cell, with its standard error.

    Every centre: all atoms within diameter/2 of it, each pair weighted with its occupancies; centres are a
    low-discrepancy sequence, shifted at random in every batch, and the error is that of the batches' mean.

    cell: edge of the cubic cell; basis (m, 3); occupancy, kind (m,); forms, damping (n_kinds, n_q).
    """
    reach = int(np.ceil(diameter / 2 / cell)) + 1
    steps = np.arange(-reach, reach + 1)
    cells = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    atoms = ((cells + basis) * cell).reshape(-1, 3)
    kinds = np.tile(kind, len(cells))
    weights = np.tile(occupancy, len(cells))
    near = np.linalg.norm(np.maximum(np.abs(atoms - cell / 2) - cell / 2, 0.0), axis=1) <= diameter / 2
    atoms, kinds, weights = atoms[near], kinds[near], weights[near]

    rng = np.random.default_rng(seed)
    golden = 1.2207440846057596  # root of x^4 = x + 1: Roberts' additive sequence in three dimensions
    sequence = np.outer(np.arange(1, n_centres + 1), golden ** -np.arange(1.0, 4.0))
    shifts = rng.random((n_batches, 1, 3))
    centres = ((sequence + shifts) % 1.0 * cell).reshape(-1, 3)
    squares = (centres**2).sum(1)[:, None] + (atoms**2).sum(1) - 2 * centres @ atoms.T
    inside = (squares <= diameter**2 / 4).astype(float)

    distances = np.sqrt(((atoms[:, None] - atoms) ** 2).sum(-1))
    np.fill_diagonal(distances, 1.0)
    scale = cell**3 / (np.pi / 6 * diameter**3)
    mean, error = np.empty(len(q)), np.empty(len(q))
    for i, value in enumerate(q):
        f = forms[kinds, i]
        amplitude = f * damping[kinds, i] * weights
        kernel = np.sin(value * distances) / (value * distances)
        np.fill_diagonal(kernel, 0.0)
        matrix = kernel * (np.outer(amplitude.real, amplitude.real) + np.outer(amplitude.imag, amplitude.imag))
        single = inside @ (weights * np.abs(f) ** 2) + ((inside @ matrix) * inside).sum(1)
        batches = scale * single.reshape(n_batches, -1).mean(1)
        mean[i], error[i] = batches.mean(), batches.std(ddof=1) / np.sqrt(n_batches)
    return mean, error


def reciprocal_sum(cell, basis, diameter, q, h_max):
    """Pair sums of a sphere by Poisson's formula, over reciprocal lattice vectors instead of distances.

    Averaged over directions the transform of gamma around a reciprocal vector h is
    [W(q - h) - W(q + h)]/(2 q h) with W(x) = int_x^inf k G(k) dk = 4 pi int_0^D gamma(r) cos(x r) dr, so that
    sum_r n_st(r) gamma(r) sin(qr)/(qr) with r = 0 in it = sum_h A_s A_t* [W(q - h) - W(q + h)]/(2 q h V).
    Vectors beyond h_max count as spread evenly, with |A_s|^2 = m_s and no correlation between sites.

    basis: list of (m_s, 3) positions of a cubic cell; returns (n_sites, n_sites, n_q).
    """
    radius = int(h_max * cell / (2 * np.pi))
    steps = np.arange(-radius, radius + 1)
    hkl = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    squares = (hkl**2).sum(1)
    kept = (squares <= radius**2) & (squares > 0)
    hkl, squares = hkl[kept], squares[kept]
    amplitudes = [np.exp(2j * np.pi * hkl @ atoms.T).sum(1) for atoms in basis]

    def line(x):
        # 4 pi int_0^D (1 - 1.5 r/D + 0.5 (r/D)^3) cos(x r) dr in closed form, with v = x D
        v = np.abs(x * diameter)
        safe = np.where(v < 1e-2, 1.0, v)
        value = (1.5 / safe**2) + (3 / safe**4) + (-3 * np.cos(safe) - 3 * safe * np.sin(safe)) / safe**4
        return 4 * np.pi * diameter * np.where(v < 1e-2, 0.375 - v**2 / 48, value)

    shells = np.flatnonzero(np.bincount(squares))
    h = 2 * np.pi / cell * np.sqrt(shells)
    edge = 2 * np.pi / cell * (radius + 0.5)
    profile = (line(q - h[:, None]) - line(q + h[:, None])) / (2 * q * h[:, None] * cell**3)
    half = q * diameter / 2
    centre = 96 * np.pi * (np.sin(half) - half * np.cos(half)) ** 2 / (q**6 * diameter**3 * cell**3)
    tail = 6 / (np.pi * diameter * edge)  # W is 6 pi/(D x^2) far out
    sums = np.empty((len(basis), len(basis), len(q)))
    for s, one in enumerate(amplitudes):
        for t, other in enumerate(amplitudes):
            weights = np.bincount(squares, (one * other.conj()).real)[shells]
            sums[s, t] = weights @ profile + len(basis[s]) * len(basis[t]) * centre + (s == t) * len(basis[s]) * tail
    return sums
