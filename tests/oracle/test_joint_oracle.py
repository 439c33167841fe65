"""A fit of several scans against one least-squares problem written with scipy, every parameter explicit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import chebyshev
from scipy.optimize import least_squares
from two_scans import RADIATION, alloy, scan_of

import xrdfit as xf

SHARED = ("a", "size_nm", "mixing", "b_overall", "occ_Cu_8c", "occ_Fe_4b")
GRIDS = {"lab": np.arange(20.0, 90.0, 0.08), "hrpt": np.arange(20.0, 120.0, 0.12)}
ORDER = 2


@pytest.fixture(scope="module")
def scans():
    """Errors stated by the scans, so that no weight depends on the fit."""
    found = {}
    for seed, (label, grid) in enumerate(GRIDS.items()):
        mean = scan_of(alloy(), RADIATION[label], grid, None)
        noise = np.random.default_rng(seed).normal(size=len(grid))
        found[label] = xf.make_pattern(grid, mean["counts"].values + mean["sigma"].values * noise, mean["sigma"].values)
    return found


@pytest.fixture(scope="module")
def fitted(scans):
    return xf.fit(
        alloy(),
        scans,
        engine="bragg",
        radiation=RADIATION,
        background=ORDER,
        vary=["b_overall", "hrpt__zero_deg"],
        usual=False,
    )


def stacked(scans):
    """Names and the residual of the whole problem, scales and backgrounds among the parameters."""
    names = [*SHARED, "hrpt__zero_deg"]
    names += [f"{x}__{n}" for x in scans for n in ("scale", *(f"bkg_{i}" for i in range(ORDER + 1)))]
    bound, base = {}, {}
    for label, grid in GRIDS.items():
        model = alloy().with_radiation(RADIATION[label])
        bound[label] = model.bind(grid)
        base = {r.name: r.value for r in model.rows("bragg")}

    def residual(vector):
        p = dict(zip(names, vector, strict=True))
        parts = []
        for label, scan in scans.items():
            own = {**base, **{n: p[n] for n in SHARED}, "zero_deg": p.get(f"{label}__zero_deg", 0.0)}
            grid = GRIDS[label]
            x = 2.0 * (grid - grid[0]) / (grid[-1] - grid[0]) - 1.0
            below = chebyshev.chebval(x, [p[f"{label}__bkg_{i}"] for i in range(ORDER + 1)])
            calculated = p[f"{label}__scale"] * bound[label].patterns(own)[:, 0] + below
            parts.append((scan["counts"].values - calculated) / scan["sigma"].values)
        return np.concatenate(parts)

    return names, residual


def slopes(residual, at, steps):
    """Central differences of the residual."""
    eye = np.diag(steps)
    return np.column_stack([(residual(at + e) - residual(at - e)) / (2.0 * e.sum()) for e in eye])


def test_values_and_covariance_are_those_of_the_stacked_problem(scans, fitted):
    assert fitted.success
    names, residual = stacked(scans)
    errors = np.array([fitted[n].stderr for n in names])
    start = np.array([fitted[n].value for n in names]) + 0.5 * errors
    steps = 1e-2 * errors
    found = least_squares(
        residual, start, jac=lambda v: slopes(residual, v, steps), x_scale=errors, xtol=1e-12, ftol=1e-14, gtol=1e-12
    )
    assert fitted.statistics.chi2 == pytest.approx(2.0 * found.cost, rel=1e-9)
    inflation = max(1.0, *(s.statistics.chi2_reduced for s in fitted.scans), fitted.statistics.chi2_reduced)
    jacobian = slopes(residual, found.x, steps)
    covariance = np.linalg.inv(jacobian.T @ jacobian) * inflation
    own = np.sqrt(np.diag(covariance))
    values = np.array([fitted[n].value for n in names])
    assert np.abs((values - found.x) / own).max() < 1e-4
    places = [fitted.covariance_names.index(n) for n in names]
    ours = fitted.covariance[np.ix_(places, places)]
    assert np.abs((ours - covariance) / np.outer(own, own)).max() < 1e-4


def test_statistics_of_all_and_of_each(scans, fitted):
    names, residual = stacked(scans)
    found = residual(np.array([fitted[n].value for n in names]))
    ends = np.cumsum([len(grid) for grid in GRIDS.values()])[:-1]
    weighed = [float(np.sum((s["counts"] / s["sigma"]) ** 2)) for s in scans.values()]
    for part, of_scan, weight in zip(np.split(found, ends), fitted.scans, weighed, strict=True):
        assert of_scan.statistics.chi2 == pytest.approx(part @ part)
        assert of_scan.statistics.r_wp == pytest.approx(np.sqrt(part @ part / weight))
    assert fitted.statistics.r_wp == pytest.approx(np.sqrt(found @ found / sum(weighed)))
    assert fitted.statistics.n_varied == len(names)
    assert fitted.statistics.chi2_reduced == pytest.approx(found @ found / (len(found) - len(names)))


def test_one_scan_by_label_is_the_plain_fit(scans):
    choices = {"background": ORDER, "vary": ["b_overall"]}
    plain = xf.fit(alloy(), scans["lab"], engine="bragg", radiation="cu-ka", **choices)
    named = xf.fit(alloy(), {"lab": scans["lab"]}, engine="bragg", radiation={"lab": "cu-ka"}, **choices)
    assert named == plain
