"""Microabsorption: grains that absorb more than their surroundings scatter less than their share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from xrdfit.crystal.radiation import Line
from xrdfit.crystal.scattering import anomalous
from xrdfit.diffraction.protocol import FloatArray

_ELECTRON_RADIUS = 2.8179403e-5  # Å
_ROUNDS = 50
VALID = 1.0
"""|µ − µ̄| × diameter beyond which powders are too coarse for the correction; Brindley calls 0.1 to 1 coarse."""


def linear_absorption(composition: Mapping[str, float], volume: float, lines: Sequence[Line]) -> float:
    """Linear coefficient of photoabsorption, 1/µm: µ = (2 r_e λ/V) Σ n f″, weighted over the lines.

    Parameters
    ----------
    composition : mapping
        Atoms of each element in a cell.
    volume : float
        Of the cell, Å³.
    lines : sequence of Line
        X-rays.
    """
    total = sum(line.weight for line in lines)
    per_angstrom = sum(
        line.weight / total * 2.0 * _ELECTRON_RADIUS * line.wavelength / volume * n * anomalous(e, line.energy_ev).imag
        for line in lines
        for e, n in composition.items()
    )
    return 1e4 * per_angstrom


def brindley_factor(excess: ArrayLike) -> FloatArray:
    """How much less a spherical grain scatters than an average one: τ of Brindley (Phil. Mag. 36, 347, 1945).

    τ = (1/V)∫exp(−(µ − µ̄)x)dV over the ways x through a sphere of diameter D; for a straight way, of which the
    deflected ones differ little while |µ − µ̄|D < 1, it is 3∫₀¹ t² exp(−kt) dt with k = (µ − µ̄)D.

    Parameters
    ----------
    excess : array_like
        k, of either sign.
    """
    k = np.asarray(excess, dtype=float)
    small = np.abs(k) < 0.05
    safe = np.where(small, 1.0, k)
    closed = 3.0 * (2.0 - np.exp(-safe) * (safe * (safe + 2.0) + 2.0)) / safe**3
    series = 1.0 - k * (0.75 - k * (0.3 - k * (1.0 / 12.0 - k / 56.0)))
    return np.where(small, series, closed)


def brindley_factors(masses: FloatArray, densities: FloatArray, mu: FloatArray, diameter: FloatArray) -> FloatArray:
    """Return τ of each phase of a powder, whose mean absorption depends on the fractions that τ corrects.

    Parameters
    ----------
    masses : (n,) array
        Apparent masses of the phases, in any unit.
    densities : (n,) array
        In any unit.
    mu : (n,) array
        Linear absorption coefficients, 1/µm.
    diameter : (n,) array
        Of the grains, µm; 0 leaves a phase alone.
    """
    tau = np.ones(len(mu))
    for _ in range(_ROUNDS):
        volume = masses / tau / densities
        mean = float(volume @ mu / max(volume.sum(), 1e-300))
        new = np.asarray(brindley_factor((mu - mean) * diameter))
        if np.abs(new - tau).max() < 1e-12:
            break
        tau = new
    return tau
