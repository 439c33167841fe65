import numpy as np
import pytest

from xrdfit.diffraction.background import chebyshev_basis
from xrdfit.errors import InputError


def test_is_cos_of_k_arccos():
    grid = np.sort(np.random.default_rng(0).uniform(15.0, 65.0, 50))
    x = 2.0 * (grid - grid[0]) / (grid[-1] - grid[0]) - 1.0
    expected = np.cos(np.arange(7) * np.arccos(np.clip(x, -1.0, 1.0))[:, None])
    np.testing.assert_allclose(chebyshev_basis(grid, 6), expected, atol=1e-12)


def test_one_point_and_no_point():
    np.testing.assert_array_equal(chebyshev_basis(np.array([20.0]), 2), [[1.0, 0.0, -1.0]])
    with pytest.raises(InputError, match="empty"):
        chebyshev_basis(np.array([]), 2)


@pytest.mark.parametrize("order", [-1, 51])
def test_order_out_of_range(order):
    with pytest.raises(InputError, match=str(order)):
        chebyshev_basis(np.array([20.0, 30.0]), order)
