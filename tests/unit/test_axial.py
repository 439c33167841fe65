"""Against the integral of Finger, Cox & Jephcoat (1994) as they write it, over 2 phi, by brute force."""

import numpy as np
import pytest

from xrdfit.diffraction.bragg.axial import node_counts, sub_line_slopes, sub_lines
from xrdfit.diffraction.bragg.profile import pseudo_voigt


def brute_force(grid, two_theta, s_l, h_l, fwhm, eta, bins=2000):
    cosine = np.cos(two_theta)
    height = (np.arange(200_000) + 0.5) / 200_000 * (s_l + h_l)
    phi = np.arccos(cosine * np.sqrt(1.0 + height**2))
    weight = np.where(height < abs(h_l - s_l), 2.0 * min(s_l, h_l), s_l + h_l - height)
    h = np.sqrt(np.maximum(np.cos(phi) ** 2 / cosine**2 - 1.0, 0.0))
    density = weight / (h * np.abs(np.cos(phi)))  # equation 14, up to its norm
    jacobian = np.abs(cosine) * height / (np.sqrt(1.0 + height**2) * np.sin(phi))
    weight = density * jacobian
    edges = np.linspace(phi.min() - 1e-7, phi.max() + 1e-7, bins + 1)
    share = np.histogram(phi, edges, weights=weight)[0]
    centres = np.histogram(phi, edges, weights=weight * phi)[0][share > 0.0] / share[share > 0.0]
    shares = share[share > 0.0] / weight.sum()
    return sum(w * pseudo_voigt(grid - p, fwhm, eta) for w, p in zip(shares, np.degrees(centres), strict=True))


@pytest.mark.parametrize("two_theta", [12.0, 20.0, 60.0, 88.0, 140.0])
@pytest.mark.parametrize(("s_l", "h_l"), [(0.02, 0.02), (0.04, 0.04), (0.02, 0.04), (0.04, 0.005)])
@pytest.mark.parametrize(("fwhm", "eta"), [(0.05, 0.5), (0.1, 0.0), (1.0, 0.5)])
def test_sharp_lines_come_out_smooth(two_theta, s_l, h_l, fwhm, eta):
    grid = two_theta + np.linspace(-2.0, 2.0, 1201) * max(1.0, fwhm)
    at = np.radians([two_theta])
    counts = node_counts(at, np.radians([fwhm]), s_l, h_l)
    _, position, weight = sub_lines(at, s_l, h_l, counts)
    line = sum(w * pseudo_voigt(grid - p, fwhm, eta) for w, p in zip(weight, np.degrees(position), strict=True))
    direct = brute_force(grid, at[0], s_l, h_l, fwhm, eta)
    assert np.abs(line - direct).max() < 1e-3 * direct.max()


@pytest.mark.parametrize(
    ("two_theta", "s_l", "h_l"), [(8.0, 0.0275, 0.0275), (8.0, 0.055, 0.001), (12.0, 0.055, 0.055)]
)
def test_lines_of_large_crystals_at_low_angles(two_theta, s_l, h_l):
    """1000 nm make lines of 0.008 degree, of which the divergence makes some 300 times as much."""
    fwhm = np.degrees(0.9 * 0.15406 / (1000.0 * np.cos(np.radians(0.5 * two_theta))))
    at = np.radians([two_theta])
    extent = np.degrees(0.5 * (s_l + h_l) ** 2 / np.tan(at[0]))
    grid = two_theta + np.linspace(-1.1 * extent, 0.1, 4001)
    _, position, weight = sub_lines(at, s_l, h_l, node_counts(at, np.radians([fwhm]), s_l, h_l))
    line = sum(w * pseudo_voigt(grid - p, fwhm, 0.5) for w, p in zip(weight, np.degrees(position), strict=True))
    direct = brute_force(grid, at[0], s_l, h_l, fwhm, 0.5, bins=20_000)
    assert np.abs(line - direct).max() < 2e-3 * direct.max()


@pytest.mark.parametrize(("s_l", "h_l"), [(0.03, 0.02), (0.02, 0.03), (0.025, 0.025), (0.03, 0.0), (0.05, 0.001)])
def test_derivatives_of_sub_lines(s_l, h_l):
    at, counts = np.radians([4.0, 20.0, 88.0, 140.0]), np.array([9, 7, 3, 5])
    slopes = sub_line_slopes(at, s_l, h_l, counts)
    step = 1e-6

    def moved(k, sign):
        shift = np.eye(3)[k] * sign * step
        _, position, weight = sub_lines(at + shift[0], s_l + shift[1], h_l + shift[2], counts)
        return np.stack([position, np.log(weight)])

    for k in range(3):
        if (s_l, h_l)[k - 1] == 0.0 and k:
            continue  # its sign does not matter: there is no slope at 0
        expected = (moved(k, 1.0) - moved(k, -1.0)) / (2.0 * step)
        np.testing.assert_allclose([slopes.position[k], slopes.weight[k]], expected, rtol=1e-5, atol=1e-5)


def test_weights_are_one_and_the_side_changes_at_90_degrees():
    at = np.radians([10.0, 45.0, 89.9, 90.1, 150.0])
    counts = np.array([30, 8, 3, 3, 12])
    line, position, weight = sub_lines(at, 0.03, 0.02, counts)
    np.testing.assert_allclose(np.bincount(line, weight), 1.0, rtol=1e-12)
    mean = np.bincount(line, weight * position) - at
    assert (mean[:3] < 0.0).all()
    assert (mean[3:] > 0.0).all()


def test_mean_shift():
    # <2phi - 2theta> = -<(z1 - z2)^2> / (2 tan 2theta) = -(S^2 + H^2)/(6 tan 2theta) to lowest order
    at = np.radians([40.0])
    _, position, weight = sub_lines(at, 0.012, 0.02, np.array([40]))
    expected = -(0.012**2 + 0.02**2) / (6.0 * np.tan(at[0]))
    assert weight @ position - at[0] == pytest.approx(expected, rel=2e-3)


def test_without_divergence_a_line_stays_one():
    at = np.radians([20.0, 50.0])
    counts = node_counts(at, np.radians([0.1, 0.1]), 0.0, 0.0)
    line, position, weight = sub_lines(at, 0.0, 0.0, counts)
    np.testing.assert_array_equal(line, [0, 1])
    np.testing.assert_array_equal(position, at)
    np.testing.assert_array_equal(weight, [1.0, 1.0])


def test_lines_near_zero_degrees_stay_finite():
    line, position, weight = sub_lines(np.radians([1.0]), 0.04, 0.04, np.array([20]))
    assert np.isfinite(position).all()
    assert (position > 0.0).all()
    assert np.bincount(line, weight)[0] == pytest.approx(1.0)
