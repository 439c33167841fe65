"""What every line shape owes: unit area, its width, its centre, and never below zero."""

import numpy as np
import pytest
from scipy.integrate import quad

from xrdfit.diffraction.bragg.profile import pseudo_voigt
from xrdfit.diffraction.bragg.sphere_shape import broadened_line, sphere_line

ZERO = np.zeros(1)


def fourier(x, diameter, sigma=0.0, gauss=0.0, lorentz=0.0):
    return broadened_line(np.atleast_2d(x), diameter, sigma, np.array([gauss]), np.array([lorentz]))[0]


# Each with the distance within which all but its x^-2 tail lies, and the tail's coefficient: P -> tail / x^2.
SHAPES = {
    "gaussian": (lambda x: pseudo_voigt(x, 0.3, 0.0), 0.3, 0.0),
    "half lorentzian": (lambda x: pseudo_voigt(x, 0.3, 0.5), 0.3, 0.5 * 0.15 / np.pi),
    "lorentzian": (lambda x: pseudo_voigt(x, 0.3, 1.0), 0.3, 0.15 / np.pi),
    "sphere": (lambda x: sphere_line(x, 30.0), 0.2, 1.5 / 30.0 / np.pi),
    "sphere by transform": (lambda x: fourier(x, 30.0), 0.2, 1.5 / 30.0 / np.pi),
    "spheres, lognormal": (lambda x: fourier(x, 30.0, 0.3), 0.2, 1.5 / 30.0 * np.exp(-2.5 * 0.09) / np.pi),
    "sphere and instrument": (lambda x: fourier(x, 30.0, 0.0, 0.1, 0.05), 0.2, (1.5 / 30.0 + 0.025) / np.pi),
}


@pytest.fixture(params=SHAPES, ids=str)
def shape(request):
    return SHAPES[request.param]


def test_unit_area(shape):
    line, width, tail = shape
    x = np.linspace(-100.0 * width, 100.0 * width, 400_001)
    area = np.trapezoid(line(x), x) + 2.0 * tail / x[-1]
    assert area == pytest.approx(1.0, abs=2e-5)


def test_symmetric_and_highest_at_the_centre(shape):
    line, width, _ = shape
    x = np.linspace(-5.0 * width, 5.0 * width, 2001)
    y = line(x)
    np.testing.assert_allclose(y, y[::-1], rtol=1e-9)
    assert np.argmax(y) == 1000


def test_never_negative(shape):
    line, width, _ = shape
    x = np.linspace(-60.0 * width, 60.0 * width, 20_001)
    assert line(x).min() >= -1e-9 * line(np.zeros(1))[0]


def test_input_is_left_alone(shape):
    line, width, _ = shape
    x = np.linspace(-width, width, 11)
    before = x.copy()
    np.testing.assert_array_equal(line(x), line(x))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_pseudo_voigt_has_the_width_asked_for(eta):
    top, half = pseudo_voigt(np.array([0.0, 0.35]), 0.7, eta)
    assert half == pytest.approx(0.5 * top, rel=1e-12)


def test_sphere_width():
    # 1.107 lambda/(D cos theta) in 2 theta is 1.107 * 2 pi/D in q.
    top, half = sphere_line(np.array([0.0, 0.5 * 1.107 * 2.0 * np.pi / 40.0]), 40.0)
    assert half == pytest.approx(0.5 * top, rel=1e-3)


def test_sphere_is_the_transform_of_its_characteristic_function():
    diameter = 25.0

    def gamma(r):
        return 1.0 - 1.5 * r / diameter + 0.5 * (r / diameter) ** 3

    for x in (0.0, 0.005, 0.011, 0.0121, 0.1, 0.7, 3.0):
        direct = quad(lambda r, x=x: gamma(r) * np.cos(x * r), 0.0, diameter, limit=400)[0] / np.pi
        assert sphere_line(np.array([x]), diameter)[0] == pytest.approx(direct, rel=1e-8)
        assert fourier(np.array([x]), diameter)[0] == pytest.approx(direct, abs=2e-6 * diameter)
