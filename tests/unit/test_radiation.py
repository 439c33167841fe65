import numpy as np
import pytest

from xrdfit.crystal.radiation import radiation
from xrdfit.diffraction.probe import polarization
from xrdfit.errors import InputError


@pytest.mark.parametrize(("name", "wavelength"), [("cu-ka1", 1.540593), ("cu-ka2", 1.544427), ("co-ka1", 1.788996),
                                                  ("mo-ka1", 0.709317), ("ag-ka1", 0.559422), ("fe-ka1", 1.936041),
                                                  ("cr-ka1", 2.289726)])  # fmt: skip
def test_lines_of_the_tubes(name, wavelength):
    found = radiation(name)
    assert found.wavelength == pytest.approx(wavelength, abs=1e-6)
    assert found.lines[0].weight == 1.0


def test_energy_of_cu_ka1():
    assert radiation("cu-ka1").lines[0].energy_ev == pytest.approx(8047.82, abs=0.02)


@pytest.mark.parametrize("ratio", [0.0, 0.497, 0.5, 1.0])
def test_the_doublet(ratio):
    found = radiation("Cu-Kα", ratio)
    first, second = found.lines
    assert found.name == "cu-ka"
    assert first.weight + second.weight == pytest.approx(1.0)
    assert second.weight == pytest.approx(ratio * first.weight)
    assert found.wavelength == 1.540593


def test_every_name_is_understood_and_the_splitting_is_that_of_2p_levels():
    """E(Kα1) − E(Kα2) grows with the atomic number like (Z − σ)⁴: 9.2 eV for Cr, 19.9 eV for Cu, 105 eV for Mo."""
    splitting = {}
    for anode in ("cr", "fe", "co", "ni", "cu", "mo", "ag"):
        splitting[anode] = radiation(f"{anode}-ka1").lines[0].energy_ev - radiation(f"{anode}-ka2").lines[0].energy_ev
        assert radiation(f"{anode}-ka").wavelength == radiation(f"{anode}-ka1").wavelength
    assert list(splitting.values()) == sorted(splitting.values())
    assert splitting["cr"] == pytest.approx(9.2, abs=0.1)
    assert splitting["cu"] == pytest.approx(19.95, abs=0.1)
    assert splitting["mo"] == pytest.approx(105.0, abs=0.5)


@pytest.mark.parametrize("value", [1.2398, "1.2398", " 1.2398 "])
def test_a_number_is_a_wavelength(value):
    found = radiation(value)
    assert [line.wavelength for line in found.lines] == [1.2398]


@pytest.mark.parametrize("name", ["xx-ka", "cu", "cu-kb", "", "-1", "nan", 0, 1e3, float("inf"), "cu-ka1; rm"])
def test_unknown_radiations_are_refused(name):
    with pytest.raises(InputError, match="radiation") as caught:
        radiation(name)
    assert "\n" not in str(caught.value)


def test_a_ratio_outside_is_refused():
    with pytest.raises(InputError, match="Kα2"):
        radiation("cu-ka", 1.5)


def test_factors_of_the_angle():
    angles = np.array([30.0, 90.0])
    np.testing.assert_allclose(polarization(angles), [(1 + 0.75) / 2, 0.5])
    np.testing.assert_allclose(polarization(angles, 90.0), [1.0, 1.0])
    np.testing.assert_allclose(polarization(np.array([0.0]), 26.6), 1.0)
    through = np.cos(np.radians(26.6)) ** 2
    np.testing.assert_allclose(polarization(angles, 26.6), (1 + through * np.array([0.75, 0])) / (1 + through))
