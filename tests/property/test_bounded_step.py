"""The quadratic step within limits, against scipy's bounded least squares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear
from tiers import examples

from xrdfit.fitting.descent import bounded_step


def quadratic(curvature, gradient, step):
    return 2 * gradient @ step + step @ curvature @ step


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 8), correlated=st.booleans())
def test_step_is_the_bounded_minimum(seed, n, correlated):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(12, n))
    if correlated:
        design += 5.0 * rng.normal(size=(12, 1))
    target = rng.normal(size=12) * 10 ** rng.uniform(-2, 2)
    curvature, gradient = design.T @ design, design.T @ target
    low, high = -rng.exponential(size=n), rng.exponential(size=n)
    low[rng.random(n) < 0.2] = 0.0
    step = bounded_step(curvature, gradient, low, high, np.ones(n, dtype=bool))
    assert (step >= low).all()
    assert (step <= high).all()
    low = np.minimum(low, -1e-300)
    best = lsq_linear(design, -target, (low, high), method="bvls", tol=1e-14).x
    lowest = quadratic(curvature, gradient, best)
    assert quadratic(curvature, gradient, step) - lowest < 1e-6 * abs(lowest) + 1e-10


def test_correlated_components_that_cross_together():
    """Clipping both at once would go uphill here."""
    curvature = np.array([[1.0, 0.999], [0.999, 1.0]])
    gradient = -curvature @ np.array([10.0, -10.0])
    step = bounded_step(curvature, gradient, np.array([-9.0, -0.001]), np.array([1.0, 9.0]), np.ones(2, dtype=bool))
    assert quadratic(curvature, gradient, step) < 0.0


def test_what_is_not_free_stays():
    step = bounded_step(np.eye(2), np.array([1.0, 1.0]), -np.ones(2) * 9, np.ones(2) * 9, np.array([True, False]))
    assert step == pytest.approx([-1.0, 0.0])
