"""Figures of merit against hand-made sums and against what white and serially correlated noise must give."""

from __future__ import annotations

import numpy as np
import pytest

from xrdfit.fitting.statistics import berar_lelann_factor, statistics


@pytest.fixture
def white():
    return np.random.default_rng(5).standard_normal(20_000)


def test_formulas_on_four_points():
    observed = np.array([10.0, 20.0, 40.0, 10.0])
    calculated = np.array([11.0, 18.0, 41.0, 10.0])
    background = np.full(4, 10.0)
    sigma = np.array([1.0, 2.0, 4.0, 1.0])
    s = statistics(observed, calculated, background, sigma, n_varied=2)
    # residuals −1, 1, −1/4, 0
    assert s.chi2 == pytest.approx(1 + 1 + 1 / 16)
    assert s.chi2_reduced == pytest.approx(s.chi2 / 2)
    assert s.goodness_of_fit == pytest.approx(np.sqrt(s.chi2 / 2))
    assert s.r_p == pytest.approx(4 / 80)
    assert s.r_wp == pytest.approx(np.sqrt(s.chi2 / (100 + 100 + 100 + 100)))
    assert s.r_wp_background_subtracted == pytest.approx(np.sqrt(s.chi2 / (0 + 25 + 56.25 + 0)))
    assert s.r_exp == pytest.approx(np.sqrt(2 / 400))
    assert s.durbin_watson == pytest.approx((2**2 + 1.25**2 + 0.25**2) / s.chi2)
    assert s.aic == pytest.approx(s.chi2 + 4)
    assert s.bic == pytest.approx(s.chi2 + 2 * np.log(4))
    assert (s.n_points, s.n_varied) == (4, 2)


def test_white_noise_needs_no_serial_correction(white):
    """Standard errors over 20,000 points: Durbin–Watson 2 ± 2/√N, the factor 1 within a few per cent."""
    s = statistics(white, np.zeros_like(white), np.zeros_like(white), np.ones_like(white), 10)
    assert s.durbin_watson == pytest.approx(2.0, abs=4 * 2 / np.sqrt(white.size))
    assert s.durbin_watson > s.durbin_watson_critical
    assert 1.0 <= berar_lelann_factor(white) < 1.03


def test_factor_is_never_below_one(white):
    alternating = np.abs(white) * np.where(np.arange(white.size) % 2, 1.0, -1.0)
    assert berar_lelann_factor(alternating) == 1.0


@pytest.mark.parametrize("times", [2, 5, 10])
def test_noise_measured_once_and_written_several_times(white, times):
    """Each value repeated m times holds 1/m of the information it pretends to: errors grow by √m, exactly."""
    once = white[:4000]
    runs = np.flatnonzero(np.diff(np.sign(once), prepend=np.nan) != 0)
    sums = np.add.reduceat(once, runs)
    raw = np.sqrt(sums @ sums / (once @ once) / (1 + 4 / np.pi))
    assert berar_lelann_factor(np.repeat(once, times)) == pytest.approx(raw * np.sqrt(times), rel=1e-12)


def test_serially_correlated_noise_is_found(white):
    """First-order autoregression with ρ = 0.6: Durbin–Watson 2(1 − ρ)."""
    noise = np.empty_like(white)
    noise[0] = white[0]
    for i in range(1, white.size):
        noise[i] = 0.6 * noise[i - 1] + 0.8 * white[i]
    s = statistics(noise, np.zeros_like(noise), np.zeros_like(noise), np.ones_like(noise), 10)
    assert s.durbin_watson == pytest.approx(0.8, abs=0.03)
    assert s.durbin_watson < s.durbin_watson_critical
    assert s.berar_lelann > 1.3


def test_perfect_agreement_divides_by_nothing():
    y = np.full(20, 7.0)
    s = statistics(y, y, y, np.ones(20), 3)
    assert s.r_wp == 0.0
    assert s.durbin_watson == 2.0
    assert s.berar_lelann == 1.0
    assert s.r_wp_background_subtracted == float("inf")
