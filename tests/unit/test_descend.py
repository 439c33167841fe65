"""The step within limits against a general optimizer, and descents against the trust region method."""

from __future__ import annotations

import numpy as np
import pytest
from inference_cases import scan_of
from scipy.optimize import lsq_linear

import xrdfit as xf
from xrdfit.fitting.descent import bounded_step, descend
from xrdfit.fitting.search import minimize


@pytest.mark.parametrize("seed", range(200))
def test_the_step_is_the_minimum_of_the_quadratic_within_the_limits(seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 7))
    jacobian = random.standard_normal((n + 4, n)) @ np.diag(10.0 ** random.uniform(-1, 1, n))
    residual = random.standard_normal(n + 4)
    lowest, highest = -random.exponential(0.3, n), random.exponential(0.3, n)
    lowest[random.random(n) < 0.3] = 0.0
    highest[random.random(n) < 0.2] = 0.0
    highest[lowest == highest] = 0.1
    step = bounded_step(jacobian.T @ jacobian, jacobian.T @ residual, lowest, highest, np.ones(n, dtype=bool))
    best = lsq_linear(jacobian, -residual, (lowest, highest), method="bvls", tol=1e-14).x
    assert np.all((step >= lowest) & (step <= highest))
    assert np.sum((residual + jacobian @ step) ** 2) == pytest.approx(
        np.sum((residual + jacobian @ best) ** 2), rel=1e-9
    )


def test_components_that_are_not_free_stay():
    curvature, gradient = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([1.0, 1.0])
    step = bounded_step(curvature, gradient, np.full(2, -9.0), np.full(2, 9.0), np.array([True, False]))
    assert step == pytest.approx([-0.5, 0.0])


@pytest.mark.parametrize("truth", [{}, {"occ_Cu_24e": 0.0}, {"occ_Cu_8c": 1.0, "occ_Cu_24e": 1.0}])
def test_a_descent_ends_where_the_trust_region_does(truth):
    model = xf.load_model("cu2se-2nm")
    problem = xf.fit(model, scan_of(model, 1, values=truth), engine="bragg").problem
    start = problem.theta({**problem.base, **truth})
    ours, theirs = descend(problem, start), minimize(problem, start)
    assert ours.success
    assert ours.chi2 == pytest.approx(theirs.chi2, abs=2e-3)
