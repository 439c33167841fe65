"""Clusters sampled atom by atom: the Debye engine returns what is in them, with honest errors; Bragg's law does not.

Poisson counts, 5000 at the maximum over a background of 300; 20 noises at 2 and 3 nm, or 200 at 2, 3 and 4 nm with
XRDFIT_SLOW=1. docs/validation.md has the 200.
"""

from __future__ import annotations

import cluster_samples as samples
import numpy as np
import pytest
from scipy.stats import chi2, norm, t

N_SAMPLES, N_NOISES = (20, 10) if samples.SLOW else (5, 4)
SIZES = (2.0, 3.0, 4.0) if samples.SLOW else (2.0, 3.0)
FEW = {2.0: 800, 3.0: 250}  # clusters in a sample: enough for a coarse test in seconds


def n_clusters(size_nm):
    return None if samples.SLOW else FEW[size_nm]


@pytest.fixture(scope="module", params=SIZES, ids=[f"{s:g} nm" for s in SIZES])
def recovery(request):
    return samples.recover(request.param, "debye", N_SAMPLES, N_NOISES, n_clusters(request.param))


def test_means_lie_within_three_standard_errors_of_what_the_samples_hold(recovery):
    """Three for the 20 samples' means; for fewer, Student's t of the same probability."""
    limit = 3.0 if N_SAMPLES >= 20 else t.isf(norm.sf(3.0), N_SAMPLES - 1)
    for name in recovery.off:
        assert abs(recovery.distance(name)) < limit, name


def test_pulls_scatter_by_one(recovery):
    """0.85–1.15 for 200. Fewer clusters add their own scatter, up to that of counting; 99.9 % of N unit normals."""
    n = N_SAMPLES * N_NOISES
    few = np.sqrt(chi2.ppf([0.0005, 0.9995], n - 1) / (n - 1)) * [1.0, np.sqrt(2.0)]
    low, high = (0.85, 1.15) if n >= 200 else few
    for name in recovery.off:
        assert low < recovery.pulls(name) < high, name


def test_bragg_s_law_misses_the_same_clusters_by_many_errors():
    found = samples.recover(2.0, "bragg", 1, 3, FEW[2.0])
    biases = {name: (found.off[name] / found.errors[name]).mean() for name in samples.COPPER}
    assert max(abs(bias) for bias in biases.values()) > 5, biases
    assert found.off["a"].mean() > 0.01  # Å; the Debye engine's error is 0.0006


def test_pairs_counted_by_transform_are_those_of_the_atoms():
    """One cluster of full sites against the direct double sum."""
    from xrdfit.clusters.patterns import direct_debye
    from xrdfit.crystal.radiation import Radiation, radiation
    from xrdfit.diffraction.probe import polarization

    one = samples.sample(2.0, 3, 1)
    rng, box = np.random.default_rng(3), 5
    golden = 1.2207440846057596 ** -np.arange(1.0, 4.0)
    centre = (golden + rng.random(3)) % 1.0 + box // 2
    positions, species = [], []
    for site, atoms in samples._atoms(box).items():
        near = atoms[np.linalg.norm(atoms / 4.0 - centre, axis=1) * samples.A <= 10.0]
        there = near[rng.random(len(near)) < samples.OCCUPANCIES[2.0][site]]
        positions.append(there * samples.A / 4.0)
        species += [site[:2]] * len(there)
    chosen = samples.TWO_THETA[::250]
    expected = 0.0
    for line in radiation("cu-ka").lines:
        q = 4 * np.pi * np.sin(np.radians(chosen / 2)) / line.wavelength
        expected += line.weight * direct_debye(np.vstack(positions), species, q, Radiation("one line", (line,)))
    expected *= polarization(chosen)
    ratio = (one.counts[::250] - samples.BACKGROUND) / expected
    assert ratio == pytest.approx(ratio[0], rel=1e-9)
