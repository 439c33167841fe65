"""What finishes a fit against lmfit's own minimizer on the same problem."""

from __future__ import annotations

import lmfit
import numpy as np
import pytest
from inference_cases import scan_of

import xrdfit as xf
from xrdfit.fitting.search import minimize, settle


def by_lmfit(problem, start):
    """θ where lmfit's `least_squares` ends, from where `minimize` starts."""
    inner = np.clip(start, problem.lower + 1e-3 * problem.step, problem.upper - 1e-3 * problem.step)
    params = lmfit.Parameters()
    for i, value in enumerate(inner):
        params.add(f"t{i}", value=value, min=problem.lower[i], max=problem.upper[i])

    def theta(p):
        return np.array([q.value for q in p.values()])

    with np.errstate(invalid="ignore"):
        fitted = lmfit.Minimizer(lambda p: problem.evaluate(theta(p)).residual, params).least_squares(
            jac=lambda p: problem.evaluate(theta(p)).jacobian,
            x_scale=problem.step,
            ftol=1e-9,
            xtol=1e-8,
            gtol=1e-10,
            max_nfev=200,
        )
    return theta(fitted.params)


@pytest.mark.parametrize("truth", [{}, {"occ_Cu_24e": 0.0}, {"size_nm": 3.0, "a": 5.87}])
@pytest.mark.parametrize("engine", ["bragg", "debye"])
def test_a_fit_ends_where_lmfit_does(engine, truth):
    model = xf.load_model("cu2se-2nm")
    result = xf.fit(model, scan_of(model, 3, values=truth), engine=engine)
    problem = result.problem
    start = problem.theta({**problem.base, "a": problem.base["a"] * 1.001})
    theirs = by_lmfit(problem, start)
    np.testing.assert_allclose(minimize(problem, start).theta, theirs, rtol=0, atol=1e-9 * problem.step.min())
    settled = settle(problem, start)
    assert settled.chi2 <= problem.evaluate(theirs).chi2 + 1e-3
    inside = np.minimum(theirs - problem.lower, problem.upper - theirs) > 0.1 * problem.step
    if inside.all():  # else settle puts it on the limit
        information = np.linalg.inv(problem.evaluate(theirs).jacobian.T @ problem.evaluate(theirs).jacobian)
        errors = np.sqrt(np.diag(information))
        reached = np.sqrt(2e-9 * settled.chi2) + 1e-4  # lmfit stops where a step gains 1e-9 of χ²; as much may be left
        assert (np.abs(settled.theta - theirs) < reached * errors).all()
