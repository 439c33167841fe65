"""Absorption in a cylinder against closed forms, an independent integration and published numbers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import dblquad
from scipy.special import iv, modstruve

from xrdfit.diffraction.capillary import transmission

# Fourth-order polynomials in muR of A* = 1/A, fitted by A. J. Schultz (2010) to the table of Dwiggins, Acta Cryst. A31,
# 146 (1975), which is that of International Tables C, 6.3.3.2; the fits themselves are good to half a per cent.
DWIGGINS = {
    0: (1.0016, 1.6444, 1.6350, 0.2919, 0.5164),
    15: (0.9721, 2.1296, 0.1660, 1.7523, -0.1048),
    30: (0.9970, 1.7768, 0.9518, 1.0192, -0.2001),
    45: (1.0082, 1.5730, 1.4955, 0.0877, -0.0572),
    60: (1.0051, 1.6041, 1.3474, -0.2388, 0.0127),
    90: (0.9998, 1.6858, 0.9803, -0.3185, 0.0402),
}


def lobanov(theta_deg, mu_r):
    """A after Lobanov & Alte da Veiga (6th European Powder Diffraction Conference, 1998), for muR up to 3."""
    x = np.sin(np.radians(theta_deg)) ** 2
    first = (25.99978 - 0.01911 * x**0.25) * np.exp(-0.024551 * x) + 0.109561 * np.sqrt(x) - 26.04556
    second = -0.02489 - 0.39499 * x + 1.219077 * x**1.5 - 1.31268 * x**2 + 0.871081 * x**2.5 - 0.2327 * x**3
    third = 0.003045 + 0.018167 * x - 0.03305 * x**2
    return np.exp(-16.0 / (3.0 * np.pi) * mu_r - first * mu_r**2 - second * mu_r**3 - third * mu_r**4)


def forward(mu_r):
    """A at theta = 0, where every way is a chord: twice the second derivative of I0 - L0 (Struve's) at 2 muR."""
    z = 2.0 * mu_r
    return 2.0 * ((iv(0, z) - iv(1, z) / z) - (modstruve(0, z) - modstruve(1, z) / z))


def backward(mu_r):
    """A at theta = 90, where the way out is the way in: the first derivative of I0 - L0 at 4 muR."""
    z = 4.0 * mu_r
    return (2.0 + np.pi * (iv(1, z) - modstruve(1, z) - 2.0 / np.pi)) / (2.0 * np.pi * mu_r)


def by_quadrature(theta_deg, mu_r):
    """The integral over the circle in Cartesian coordinates, as it is defined."""
    theta = np.radians(theta_deg)

    def inside(y, x):
        total = 0.0
        for sign in (1.0, -1.0):
            along, across = x * np.cos(theta) + sign * y * np.sin(theta), y * np.cos(theta) - sign * x * np.sin(theta)
            total += np.sqrt(max(1.0 - across**2, 0.0)) + (along if sign < 0 else -along)
        return np.exp(-mu_r * total)

    edge = lambda x: np.sqrt(1.0 - x * x)  # noqa: E731
    return dblquad(inside, -1.0, 1.0, lambda x: -edge(x), edge, epsabs=1e-8, epsrel=1e-7)[0] / np.pi


@pytest.mark.parametrize("mu_r", [0.01, 0.1, 0.5, 1.0, 2.5, 4.0])
def test_closed_forms_forward_and_backward(mu_r):
    found = transmission(np.radians([0.0, 90.0]), mu_r)[0]
    assert_allclose(found, [forward(mu_r), backward(mu_r)], rtol=1e-5)


@pytest.mark.parametrize(("theta", "mu_r"), [(10.0, 0.5), (35.0, 1.0), (70.0, 2.0)])
def test_the_integral_as_it_is_defined(theta, mu_r):
    assert_allclose(transmission(np.radians([theta]), mu_r)[0], by_quadrature(theta, mu_r), rtol=1e-5)


@pytest.mark.parametrize("mu_r", [0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("theta", DWIGGINS)
def test_published_numbers(theta, mu_r):
    published = np.polyval(DWIGGINS[theta][::-1], mu_r)
    assert_allclose(1.0 / transmission(np.radians([float(theta)]), mu_r)[0], published, rtol=0.015)


@pytest.mark.parametrize("mu_r", [0.25, 0.5, 1.0, 1.5, 2.0, 2.5])
def test_an_approximation_that_others_use(mu_r):
    theta = np.array([1.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0])
    assert_allclose(transmission(np.radians(theta), mu_r)[0], lobanov(theta, mu_r), rtol=0.01)


def test_a_thick_cylinder_reflects_from_its_rim():
    """Backwards a layer of depth 1/2mu is left of every chord, A = 1/(pi muR), but for the short ones at the sides."""
    assert_allclose(transmission(np.radians([90.0]), 10.0)[0] * np.pi * 10.0, 1.0, atol=0.01)
    assert_allclose(transmission(np.radians([0.0]), 10.0)[0], forward(10.0), rtol=5e-4)


def test_no_absorption():
    value, by_theta, _ = transmission(np.radians([5.0, 60.0]), 0.0)
    assert_allclose(value, 1.0, rtol=1e-12)
    assert_allclose(by_theta, 0.0, atol=1e-10)


@pytest.mark.parametrize("mu_r", [0.3, 1.0, 3.0, 6.0])
def test_derivatives(mu_r):
    theta = np.radians(np.array([4.0, 20.0, 45.0, 80.0]))
    _, by_theta, by_mu_r = transmission(theta, mu_r)
    step = 1e-4
    numeric = (transmission(theta + step, mu_r)[0] - transmission(theta - step, mu_r)[0]) / (2 * step)
    assert_allclose(by_theta, numeric, rtol=1e-5)
    numeric = (transmission(theta, mu_r + step)[0] - transmission(theta, mu_r - step)[0]) / (2 * step)
    assert_allclose(by_mu_r, numeric, rtol=1e-5)
