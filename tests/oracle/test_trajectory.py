"""A trajectory of a CdSe cluster of magic size: what moves damps the mean pattern as a Debye-Waller factor does."""

import numpy as np

import xrdfit as xf
from xrdfit.clusters.by_composition import carve_atoms
from xrdfit.clusters.patterns import cluster_pattern
from xrdfit.crystal.radiation import radiation

TWO_THETA = np.linspace(15.0, 80.0, 66)


def test_atoms_that_shake_by_themselves_have_a_displacement_factor():
    """Independent Gaussian displacements u along each axis: every pair is damped by exp(−2 B s²), B = 8π²<u²>."""
    magic = carve_atoms(xf.load_model("cdse-wurtzite").phases[0].structure, {"Cd": 27, "Se": 27})
    rng, u, count = np.random.default_rng(8), 0.2, 400
    frames = [
        type(magic)(magic.species, magic.positions + rng.normal(0.0, u, magic.positions.shape)) for _ in range(count)
    ]
    line = radiation("cu-ka1")
    moving = cluster_pattern(frames, TWO_THETA, line)
    still = cluster_pattern(magic, TWO_THETA, line, b_iso=8 * np.pi**2 * u**2).intensity
    pulls = (moving.intensity - still) / (moving.spread / np.sqrt(count))
    assert np.abs(pulls).max() < 4.5
    # and the spread says more than rounding: single snapshots differ by several per cent of the maximum
    assert moving.spread.max() > 0.02 * still.max()
    assert (
        np.abs(cluster_pattern(magic, TWO_THETA, line).intensity - still).max() > 20 * moving.spread.max() / count**0.5
    )
