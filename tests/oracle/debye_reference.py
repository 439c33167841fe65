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
