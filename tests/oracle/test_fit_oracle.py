"""The minimum and its covariance against an independent minimisation: scipy over all parameters at once.

No variable projection, no shares, no analytic derivatives of the fit: scale, background and occupancies stand in
the vector like everything else, and the covariance is the inverse of JᵀJ by numerical differentiation.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

import xrdfit as xf
from xrdfit.model.files.presets import data_path


def _direct(result, names, total=None):
    """Minimise over `names` directly at the result's weights, from a start a few errors away."""
    model, scan = result.start_model, result.scan
    angles, counts, sigma = (scan["two_theta"].values, scan["counts"].values, result.pattern["sigma"].values)
    x = 2 * (angles - angles[0]) / (angles[-1] - angles[0]) - 1
    bound = result.model.bind(angles, result.engine)
    fixed = {n: p.value for n, p in result.parameters.items()}

    def residual(vector):
        values = {**fixed, **dict(zip(names, vector, strict=True))}
        if total is not None:
            rest = sum(m * values[n] for n, m in total[1].items() if n != total[0])
            values[total[0]] = (total[2] - rest) / total[1][total[0]]
        scales = [values[name] for name in bound.scales]
        background = [values[f"bkg_{i}"] for i in range(4)]
        calculated = bound.patterns(values) @ scales + np.polynomial.chebyshev.chebval(x, background)
        return (counts - calculated) / sigma

    assert model.background[0].order_on(angles) == 3
    rng = np.random.default_rng(0)
    start = [result[n].value + 3 * result[n].stderr * rng.standard_normal() for n in names]
    step = np.array([result[n].stderr for n in names])
    found = least_squares(residual, start, x_scale=step, jac="3-point", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    jacobian = np.column_stack(
        [(residual(found.x + h) - residual(found.x - h)) / (2 * h.max()) for h in np.diag(1e-2 * step)]
    )
    scaled = jacobian * step
    return found, np.linalg.inv(scaled.T @ scaled) * np.outer(step, step)


def _compare(result, names, tolerance=1e-4, **given):
    """Values to `tolerance` of an error; variances and covariances to `tolerance` of the variances."""
    found, covariance = _direct(result, names, **given)
    errors = np.sqrt(np.diag(covariance))
    values = np.array([result[n].value for n in names])
    np.testing.assert_allclose(values / errors, found.x / errors, atol=tolerance, rtol=0)
    assert 0 <= result.statistics.chi2 - 2 * found.cost + 1e-6 < 1e-6 + tolerance**2 * len(names)
    index = [result.covariance_names.index(n) for n in names]
    own = result.covariance[np.ix_(index, index)] / max(1.0, result.statistics.chi2_reduced)
    np.testing.assert_allclose(own / np.outer(errors, errors), covariance / np.outer(errors, errors), atol=tolerance)


@pytest.fixture(scope="module")
def scan():
    return lambda name: xf.read_pattern(str(data_path("scans", f"{name}.xy")))


def test_minimum_and_covariance(scan):
    result = xf.fit(xf.load_model("cu2se-6nm"), scan("cu2se-6nm"), engine="bragg")
    names = [n for n, p in result.parameters.items() if p.status == "varied"]
    assert len(names) == result.statistics.n_varied
    _compare(result, names)


def test_minimum_and_covariance_of_the_debye_engine():
    """Shells of atoms enter a growing sphere one by one, so that χ² is a little rough in the size."""
    model = xf.load_model("cu2se-2nm")
    two_theta = np.round(15.0 + 0.05 * np.arange(1001), 2)
    pattern = xf.simulate(model, two_theta, engine="debye", values={"size_nm": 2.3})
    counts = np.random.default_rng(1).poisson(pattern * 4700 / pattern.max() + 300).astype(float)
    result = xf.fit(model, xf.make_pattern(two_theta, counts, radiation="cu-ka"), engine="debye")
    names = [n for n, p in result.parameters.items() if p.status == "varied"]
    _compare(result, names, tolerance=1e-2)


def test_with_a_total_and_displacement_parameters(scan):
    """One occupancy follows from the total: eliminated here by hand."""
    result = xf.fit(
        xf.load_model("cu2se-2nm"),
        scan("cu2se-2nm"),
        engine="bragg",
        total={"Cu": 7.968},
        vary=["b_overall", "zero_deg"],
    )
    assert result["occ_Cu_24e"].status == "derived"
    names = [n for n, p in result.parameters.items() if p.status == "varied"]
    total = ("occ_Cu_24e", {"occ_Cu_8c": 8, "occ_Cu_4b": 4, "occ_Cu_24e": 24}, 7.968)
    _compare(result, names, total=total)
    # the error of the one that follows, by hand: o = (N − 8 o₁ − 4 o₂)/24
    index = [result.covariance_names.index(n) for n in ("occ_Cu_8c", "occ_Cu_4b")]
    gradient = np.array([8, 4]) / 24
    variance = gradient @ result.covariance[np.ix_(index, index)] @ gradient
    assert result["occ_Cu_24e"].stderr == pytest.approx(np.sqrt(variance), rel=1e-6)
