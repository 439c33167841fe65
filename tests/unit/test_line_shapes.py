import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import fftconvolve
from scipy.special import voigt_profile

from xrdfit.diffraction.bragg.line_sums import Peaks, sum_peaks, sum_peaks_jacobian
from xrdfit.diffraction.bragg.profile import (
    combine_widths,
    pseudo_voigt,
    split_width,
)
from xrdfit.diffraction.bragg.sizes import lognormal_nodes, volume_weighted_mean
from xrdfit.diffraction.bragg.sphere_shape import broadened_line, sphere_line


@pytest.mark.parametrize("mixing", [0.0, 1e-6, 0.1, 0.5, 0.9, 0.999, 1.0])
def test_a_sample_alone_keeps_its_width_and_its_lorentzian_fraction(mixing):
    gauss, lorentz = split_width(mixing)
    fwhm, eta = combine_widths(gauss, lorentz)
    assert float(fwhm) == pytest.approx(1.0, abs=1e-12)
    assert float(eta) == pytest.approx(mixing, abs=1e-12)


@pytest.mark.parametrize(("gauss", "lorentz"), [(1.0, 0.2), (1.0, 1.0), (0.3, 1.0)])
def test_combined_widths_approximate_a_voigt(gauss, lorentz):
    # Thompson, Cox & Hastings: 1.3 % of the peak at worst.
    x = np.linspace(-8.0, 8.0, 4001)
    voigt = voigt_profile(x, gauss / np.sqrt(8.0 * np.log(2.0)), 0.5 * lorentz)
    fwhm, eta = combine_widths(gauss, lorentz)
    assert np.abs(pseudo_voigt(x, float(fwhm), float(eta)) - voigt).max() < 0.013 * voigt.max()


def random_peaks(rng, m, low=0.05, high=2.0):
    return Peaks(rng.uniform(5.0, 75.0, m), rng.uniform(low, high, m), rng.uniform(0.1, 1.0, m), rng.uniform(0.1, 1, m))


def direct_sum(grid, peaks):
    rows = zip(peaks.position, peaks.fwhm, peaks.lorentz, peaks.gauss, strict=True)
    return sum(L * pseudo_voigt(grid - p, w, 1.0) + G * pseudo_voigt(grid - p, w, 0.0) for p, w, L, G in rows)


def test_sum_over_windows_is_the_whole_sum():
    # An uneven grid with a gap, lines outside it, and more rows than fit one block.
    rng = np.random.default_rng(1)
    grid = np.unique(np.concatenate([rng.uniform(15.0, 40.0, 900), rng.uniform(50.0, 65.0, 700)]))
    peaks = random_peaks(rng, 300)
    whole = direct_sum(grid, peaks)
    # Gaussians end at 4e-10 of their height, tails of Lorentzians are interpolated.
    assert_allclose(sum_peaks(grid, peaks), whole, rtol=0.0, atol=2e-6 * whole.max())
    sharp = Peaks(peaks.position, 0.02 * peaks.fwhm, peaks.lorentz, peaks.gauss)
    whole = direct_sum(grid, sharp)
    assert_allclose(sum_peaks(grid, sharp), whole, rtol=0.0, atol=2e-6 * whole.max())


def test_derivatives_of_the_sum():
    rng = np.random.default_rng(2)
    grid = np.linspace(15.0, 65.0, 801)
    peaks = random_peaks(rng, 20, low=0.4)
    slopes = Peaks(*(rng.normal(size=(20, 3)) for _ in range(4)))
    total, jacobian = sum_peaks_jacobian(grid, peaks, slopes)
    assert_allclose(total, sum_peaks(grid, peaks), rtol=1e-12)
    fields = ("position", "fwhm", "lorentz", "gauss")
    for p in range(3):

        def moved(t, p=p):
            return sum_peaks(grid, Peaks(*(getattr(peaks, f) + t * getattr(slopes, f)[:, p] for f in fields)))

        h = 1e-4
        numeric = (8.0 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12.0 * h)
        assert_allclose(jacobian[:, p], numeric, rtol=0.0, atol=1e-7 * np.abs(numeric).max())


def test_no_line_on_the_grid_gives_next_to_nothing():
    far = Peaks(np.array([100.0]), np.array([0.01]), np.ones(1), np.ones(1))
    assert sum_peaks(np.linspace(10.0, 20.0, 11), far).max() < 1e-8 / 0.01


def test_lognormal_nodes_give_the_moments_of_the_volume_weighted_distribution():
    sizes, weights = lognormal_nodes(4.0, 0.3)
    assert weights.sum() == pytest.approx(1.0)
    assert sizes @ weights == pytest.approx(volume_weighted_mean(4.0, 0.3), rel=1e-9)
    # <D^2>/<D^3>, the mean of 1/D by volume, decides the tails.
    assert (1.0 / sizes) @ weights == pytest.approx(np.exp(-2.5 * 0.09) / 4.0, rel=1e-9)


def test_lognormal_spheres_are_a_superposition_of_spheres():
    x = np.linspace(0.0, 3.0, 500)
    median, sigma = 30.0, 0.25
    d = np.exp(np.linspace(np.log(median) - 3.0, np.log(median) + 3.0, 4001))
    density = np.exp(-0.5 * (np.log(d / median) / sigma) ** 2) * d**3
    mixture = (density / density.sum()) @ np.array([sphere_line(x, size) for size in d])
    zero = np.zeros(1)
    assert_allclose(broadened_line(x[None], median, sigma, zero, zero)[0], mixture, rtol=0.0, atol=2e-5 * mixture.max())


@pytest.mark.parametrize(("gauss", "lorentz"), [(0.1, 0.0), (0.0, 0.1), (0.08, 0.06)])
def test_instrument_is_convolved(gauss, lorentz):
    x = np.linspace(-8.0, 8.0, 16001)
    step = x[1] - x[0]
    sphere = sphere_line(x, 30.0)
    kernel = voigt_profile(x, max(gauss, 1e-3) / np.sqrt(8.0 * np.log(2.0)), 0.5 * lorentz)
    convolved = fftconvolve(sphere, kernel, mode="same") * step
    line = broadened_line(x[None], 30.0, 0.0, np.array([gauss]), np.array([lorentz]))[0]
    near = np.abs(x) < 1.0
    # The direct sum ends at 8 / Angstrom and misses the tails beyond: 1e-3 of the height.
    assert_allclose(line[near], convolved[near], rtol=0.0, atol=1e-3 * line.max())


def test_tails_of_a_group_are_those_of_one_line():
    """To the height at which windows end, 1.1e-5 of the maximum, beside the lines' own windows."""
    rng = np.random.default_rng(5)
    grid = np.linspace(5.0, 80.0, 3751)
    centre, fwhm, spread = rng.uniform(6.0, 79.0, 30), rng.uniform(0.03, 0.3, 30), 10 ** rng.uniform(-2.0, 0.0, 30)
    group = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    position = centre[group] - spread[group] * rng.uniform(0.0, 1.0, group.size) ** 2
    peaks = Peaks(position, fwhm[group], rng.uniform(0.0, 1.0, group.size), np.zeros(group.size))
    apart, together = sum_peaks(grid, peaks), sum_peaks(grid, peaks, group)
    assert_allclose(together, apart, rtol=0.0, atol=3e-5 * apart.max())
    d_fwhm = rng.normal(size=(30, 2))[group] * np.array([0.0, 1.0])
    moved = rng.normal(size=(3, group.size, 2)) * np.array([1.0, 0.0])
    slopes = Peaks(moved[0], d_fwhm, moved[1], 0.0 * moved[2])
    one, other = sum_peaks_jacobian(grid, peaks, slopes)[1], sum_peaks_jacobian(grid, peaks, slopes, group)[1]
    for column in range(2):
        assert_allclose(other[:, column], one[:, column], rtol=0.0, atol=1e-4 * np.abs(one[:, column]).max())


def test_many_lines_of_all_widths_are_their_sum():
    """From those that the grid hardly resolves to those wider than half of it."""
    rng = np.random.default_rng(7)
    grid = np.linspace(10.0, 80.0, 3501)
    peaks = Peaks(rng.uniform(0.0, 90.0, 400), 10 ** rng.uniform(-1.3, 1.6, 400), *rng.uniform(0.0, 1.0, (2, 400)))
    whole = direct_sum(grid, peaks)
    assert_allclose(sum_peaks(grid, peaks), whole, rtol=0.0, atol=2e-6 * whole.max())


@pytest.mark.parametrize("sigma", [0.3, 0.6, 0.8, 1.0])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_lognormal_distribution_of_sizes_against_its_integral(sigma, eta):
    x = np.linspace(-3.0, 3.0, 301)
    sizes, weights = lognormal_nodes(1.0, sigma)
    line = sum(w * pseudo_voigt(x, 1.0 / size, eta) for size, w in zip(sizes, weights, strict=True))
    t = np.linspace(-8.0, 8.0, 2001)
    share = np.exp(-0.5 * t**2) / np.exp(-0.5 * t**2).sum()
    many = np.exp(3.0 * sigma**2 + sigma * t)
    direct = sum(w * pseudo_voigt(x, 1.0 / size, eta) for size, w in zip(many, share, strict=True))
    assert np.abs(line - direct).max() < 5e-4 * direct.max()
