"""Counting pairs of atoms: with and without a compiler, against all distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from xrdfit.clusters.compiled import compiled_count
from xrdfit.clusters.histogram import pair_histogram

ATOMS = np.random.default_rng(5).random((700, 3)) * 30.0


@pytest.mark.parametrize("other", [None, ATOMS[:300] + 0.7])
def test_number_and_mean_distance(other):
    distance, count = pair_histogram(ATOMS, other, 0.01)
    pairs = pdist(ATOMS) if other is None else cdist(ATOMS, other).ravel()
    assert count.sum() == len(pairs)
    assert distance @ count == pytest.approx(pairs.sum(), rel=1e-9)
    np.testing.assert_allclose(np.sin(distance) @ count, np.sin(pairs).sum(), atol=1e-5 * len(pairs))


def test_compiled_loop_counts_the_same():
    pytest.importorskip("numba")
    count = compiled_count()
    assert count is not None
    own = (ATOMS - ATOMS.mean(axis=0)) / 0.05
    number, total = count(own, own, True, 2000)
    index = pdist(own).astype(int)
    np.testing.assert_array_equal(number, np.bincount(index, minlength=2000))
    np.testing.assert_allclose(total, np.bincount(index, pdist(own), minlength=2000), rtol=1e-9)
