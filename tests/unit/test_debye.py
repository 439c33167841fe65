"""The Debye engine's own rules: its parameters, its limits, and what it does with tables."""

import numpy as np
import pytest

from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.diffraction.debye import engine as debye
from xrdfit.diffraction.debye.gridding import ORDER, interpolation, lagrange_slopes, lagrange_weights, spread
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.errors import InputError

TWO_THETA = np.linspace(15.0, 65.0, 251)


@pytest.fixture(scope="module")
def structure():
    rows = [{"species": "Se", "xyz": (0, 0, 0)}, {"species": "Cu", "xyz": (0.25, 0.25, 0.25), "occupancy": 0.5}]
    return Structure.from_sites("antifluorite", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows)


@pytest.fixture(scope="module")
def engine(structure):
    return debye.bind(structure, TWO_THETA, radiation("cu-ka1"), EngineSettings())


@pytest.fixture
def values(engine):
    return dict.fromkeys(engine.names, 0.0) | {"occ_Se_4a": 1.0, "occ_Cu_8c": 0.5, "a": 5.85, "size_nm": 2.0}


def test_lagrange_weights_are_exact_for_polynomials():
    offset = np.linspace(0.0, ORDER - 1.0, 37)
    nodes = np.arange(ORDER)
    for power in range(ORDER):
        np.testing.assert_allclose(
            (nodes / 5.0) ** power @ lagrange_weights(offset), (offset / 5.0) ** power, atol=1e-9
        )
        slope = power * (offset / 5.0) ** max(power - 1, 0) / 5.0
        np.testing.assert_allclose((nodes / 5.0) ** power @ lagrange_slopes(offset), slope, atol=1e-9)


def test_spreading_is_the_transpose_of_interpolation():
    rng = np.random.default_rng(5)
    position, weights = rng.uniform(0, 39, 50), rng.normal(size=50)
    moved = spread(position, weights, np.zeros(50, dtype=np.int64), (1, 40))[0]
    function = rng.normal(size=40)
    expected = weights @ interpolation(position, 40, np.ones(50))(function[None])[0]
    assert moved @ function == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size_nm": 51.0}, "size_nm 51 is out of range"),
        ({"size_nm": 0.0}, "size_nm 0 is out of range"),
        ({"size_sigma": -0.1}, "size_sigma -0.1"),
        ({"size_nm": 30.0, "size_sigma": 0.5}, "too large for the Debye engine"),
    ],
)
def test_sizes_outside_the_limits_are_refused(engine, values, changed, message):
    with pytest.raises(InputError, match=message):
        engine.pattern({**values, **changed})


@pytest.mark.parametrize("grid", [[], [30.0, 20.0], [0.0, 20.0], [20.0, 180.0], [[20.0, 30.0]], [20.0, np.nan]])
def test_a_grid_that_is_none_is_refused(structure, grid):
    with pytest.raises(InputError, match="two_theta"):
        debye.bind(structure, grid, radiation("cu-ka1"), EngineSettings())


def test_one_angle_is_a_grid(engine, values, structure):
    single = debye.bind(structure, engine.two_theta[7:8], radiation("cu-ka1"), EngineSettings())
    pattern, by_width = single.jacobian({**values, "W": 0.0}, ["W"])
    whole = engine.pattern({**values, "W": 0.0})
    assert pattern == pytest.approx(whole[7], abs=1e-5 * whole.max())
    assert not by_width.any()


@pytest.mark.parametrize(("name", "at"), [("size_nm", 2.0), ("a", 5.85), ("zero_deg", 1.5)])
def test_the_pattern_is_smooth_where_tables_change(engine, values, name, at):
    """Tables are made in steps of the size, the cell and the shift; no step may show."""
    offsets = np.linspace(-0.1, 0.1, 41) * (1.0 if name == "zero_deg" else at)
    curves = np.array([engine.pattern({**values, name: at + offset}) for offset in offsets])
    third = np.diff(curves, n=3, axis=0)
    fine = np.array([engine.pattern({**values, name: at + offset}) for offset in offsets / 2])
    # a jump keeps its height when the steps are halved, a smooth curve's third difference falls to an eighth
    assert np.abs(np.diff(fine, n=3, axis=0)).max() < 0.5 * np.abs(third).max() + 2e-5 * curves.max()


def test_exclusion_looks_at_cations_only(structure, values):
    """Cu-Cu stand 2.925 Å apart, Se-Cu 2.533 Å: 2.6 Å removes nothing, 3 Å the copper pairs."""
    patterns = [
        debye.bind(structure, TWO_THETA, radiation("cu-ka1"), EngineSettings(min_distance=distance)).pattern(values)
        for distance in (0.0, 2.6, 3.0)
    ]
    np.testing.assert_array_equal(patterns[0], patterns[1])
    assert np.abs(patterns[0] - patterns[2]).max() > 0.01 * patterns[0].max()


def test_an_instrument_keeps_the_area_and_widens(engine, values):
    sharp = engine.pattern({**values, "size_nm": 6.0})
    broad = engine.pattern({**values, "size_nm": 6.0, "W": 1.0})
    assert broad.max() < sharp.max()
    inner = slice(50, 200)
    assert broad[inner].sum() == pytest.approx(sharp[inner].sum(), rel=0.01)
    # half the variance times the curvature, for a width that is small against the pattern's features
    width = 0.09
    blurred = engine.pattern({**values, "W": width})
    plain = engine.pattern(values)
    step = TWO_THETA[1] - TWO_THETA[0]
    curvature = np.gradient(np.gradient(plain, step), step)
    expected = 0.5 * width / (8 * np.log(2)) * curvature
    assert np.abs((blurred - plain) - expected)[5:-5].max() < 0.05 * np.abs(expected).max()
