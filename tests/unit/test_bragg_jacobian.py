"""Every derivative of the Bragg engine against differences of its pattern."""

import bragg_cases as cases
import numpy as np
import pytest

from xrdfit.crystal.radiation import radiation
from xrdfit.diffraction.bragg.engine import bind
from xrdfit.diffraction.settings import EngineSettings

GRID = np.linspace(20.0, 90.0, 351)
INSTRUMENT = {"U": 0.02, "V": -0.01, "W": 0.03, "X": 0.04, "Y": 0.05}
SHIFTS = {"zero_deg": 0.02, "displacement_mm": -0.1}

CASES = {
    "cu2se": (cases.cu2se(2), EngineSettings(), {"size_nm": 3.0, "microstrain": 2e-3, **SHIFTS}),
    "perfect instrument": (cases.cu2se(6), EngineSettings(), {}),
    "instrument, monochromator": (
        cases.cu2se(6),
        EngineSettings(monochromator_deg=26.6, film=True, slits="automatic"),
        {"b_overall": 0.8, "mu_t": 0.3, **INSTRUMENT, **SHIFTS},
    ),
    "sizes": (cases.cu2se(6), EngineSettings(), {"size_sigma": 0.3, "microstrain": 3e-3, **INSTRUMENT}),
    "axial": (cases.lab6(), EngineSettings(), {"S_L": 0.03, "H_L": 0.02, "size_nm": 9.0, **INSTRUMENT, **SHIFTS}),
    "wurtzite, oriented": (cases.cdse(), EngineSettings(march_axis=(1, 0, 2)), {"march_r": 0.8, **SHIFTS}),
    "wurtzite, platelets": (
        cases.cdse(),
        EngineSettings(broadening_axis=(0, 0, 1)),
        {"size_ratio": 0.4, "strain_ratio": 2.0, "microstrain": 3e-3, "size_sigma": 0.2, **INSTRUMENT, **SHIFTS},
    ),
    "triclinic needles": (
        cases.triclinic(),
        EngineSettings(broadening_axis=(1, 0, 2), march_axis=(0, 1, 0)),
        {"size_ratio": 3.0, "strain_ratio": 0.0, "microstrain": 2e-3, "march_r": 0.8, **SHIFTS},
    ),
    "zincblende": (cases.zns(), EngineSettings(lorentz_along_profile=True), {"b_overall": 0.2}),
    "shared site": (cases.shared_site(), EngineSettings(), {"b_overall": 0.2}),
    "triclinic": (cases.triclinic(), EngineSettings(), SHIFTS),
    "sphere": (cases.cu2se(6), EngineSettings(shape="sphere"), {"size_nm": 4.0, **SHIFTS}),
    "spheres and instrument": (
        cases.cu2se(4),
        EngineSettings(shape="sphere"),
        {"size_nm": 4.0, "size_sigma": 0.2, "microstrain": 4e-3, "S_L": 0.02, "H_L": 0.02, **INSTRUMENT, **SHIFTS},
    ),
}
# Where a parameter is 0 or its scale is not its own value.
SCALES = {"microstrain": 1e-3, "U": 1e-2, "V": 1e-2, "W": 1e-2, "X": 1e-2, "Y": 1e-2, "S_L": 1e-2, "H_L": 1e-2}
EDGES = ("U", "V", "W", "X", "Y", "S_L", "H_L", "microstrain", "size_sigma")  # at 0 they end: tested where they are not


def numeric(engine, values, name):
    step = 1e-4 * max(abs(values[name]), SCALES.get(name, 0.1))

    def at(k):
        return engine.pattern({**values, name: values[name] + k * step})

    return (8.0 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12.0 * step)


@pytest.mark.parametrize("case", CASES)
def test_jacobian(case):
    structure, settings, given = CASES[case]
    engine = bind(structure, GRID, radiation("cu-ka"), settings)
    values = cases.values_for(engine, structure, **given)
    names = [name for name in engine.names if not (name in EDGES and values[name] == 0.0)]
    # A table of the transform is interpolated by cubics, whose own derivatives are good to some 1e-5.
    # Of many lines tails are interpolated, to 1e-6.
    tolerance = {"spheres and instrument": 5e-5, "triclinic": 3e-5, "triclinic needles": 3e-5}.get(case, 1e-5)
    pattern, jacobian = engine.jacobian(values, names)
    np.testing.assert_allclose(pattern, engine.pattern(values), rtol=1e-10)
    for column, name in zip(jacobian.T, names, strict=True):
        expected = numeric(engine, values, name)
        scale = np.abs(expected).max()
        assert scale > 0.0, name
        np.testing.assert_allclose(column, expected, rtol=0.0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("name", ["U", "V", "W", "X", "Y", "microstrain"])
def test_widths_start_from_a_perfect_instrument(name):
    # At 0 the derivative is that to the right.
    structure = cases.cu2se(6)
    engine = bind(structure, GRID, radiation("cu-ka"), EngineSettings())
    values = cases.values_for(engine, structure)
    _, jacobian = engine.jacobian(values, [name])
    step = 1e-6
    y = [engine.pattern({**values, name: k * step}) for k in range(3)]
    expected = (-3.0 * y[0] + 4.0 * y[1] - y[2]) / (2.0 * step)
    np.testing.assert_allclose(jacobian[:, 0], expected, rtol=0.0, atol=1e-4 * np.abs(expected).max())


def test_what_starts_flat_is_flat():
    structure = cases.cu2se(6)
    engine = bind(structure, GRID, radiation("cu-ka"), EngineSettings())
    _, jacobian = engine.jacobian(cases.values_for(engine, structure), ["size_sigma", "S_L", "H_L"])
    assert not jacobian.any()


def test_unknown_names_have_no_influence_and_the_order_is_the_callers():
    structure = cases.cu2se(6)
    engine = bind(structure, GRID, radiation("cu-ka"), EngineSettings())
    values = cases.values_for(engine, structure)
    _, both = engine.jacobian(values, ["size_nm", "elsewhere", "a"])
    _, other = engine.jacobian(values, ["a", "size_nm"])
    np.testing.assert_allclose(both[:, [2, 0]], other, rtol=1e-12)
    assert not both[:, 1].any()
    assert engine.jacobian(values, [])[1].shape == (GRID.size, 0)
