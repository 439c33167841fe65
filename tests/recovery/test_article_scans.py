"""Synthetic recovery: the article's scans with counting noise give back what went into them, with honest errors.

Poisson counts, 5000 at the maximum over a background of 300; the seeds are fixed in advance, 20 of them, or 200 with
XRDFIT_SLOW=1. docs/validation.md has the 200.
"""

from __future__ import annotations

import article_recovery as recovery
import numpy as np
import pytest
from scipy.stats import chi2

N = 200 if recovery.SLOW else 20


@pytest.fixture(scope="module", params=list(recovery.TRUTHS))
def sample(request):
    name = request.param
    return (recovery.truth(name), *recovery.recover(name, N))


@pytest.mark.slow
def test_means_lie_within_three_standard_errors_of_the_truth(sample):
    truth, values, _ = sample
    for name, true in truth.items():
        error = values[name].std(ddof=1) / np.sqrt(N)
        assert abs(values[name].mean() - true) < 3 * error, name


@pytest.mark.slow
def test_pulls_scatter_by_one(sample):
    """0.85–1.15 for 200; for fewer, the interval that holds the deviation of N unit normals in 99.9 % of cases."""
    truth, values, errors = sample
    few = np.sqrt(chi2.ppf([0.0005, 0.9995], N - 1) / (N - 1))
    low, high = (0.85, 1.15) if N >= 200 else few
    for name, true in truth.items():
        assert low < ((values[name] - true) / errors[name]).std(ddof=1) < high, name


def test_the_truths_are_the_article_models_where_these_are_within_their_limits():
    copper = {"8c": 8, "4b": 4, "24e": 24, "32f": 32}
    cells = {
        name: sum(copper[site.removeprefix("occ_Cu_")] * value for site, value in sites.items())
        for name, sites in recovery.TRUTHS.items()
    }
    assert cells == pytest.approx({"cu2se-2nm": 7.968, "cu2se-4nm": 8.0, "cu2se-6nm": 8.0})
    assert all(0 < value < 1 for sites in recovery.TRUTHS.values() for value in sites.values())
