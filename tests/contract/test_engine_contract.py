"""What a fit relies on, whatever the engine: the same list of promises for each of them.

Another engine joins by a row of `ENGINES`.
"""

import dataclasses

import numpy as np
import pytest

from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, cell_names, free_coordinates, space_group
from xrdfit.diffraction.bragg import engine as bragg
from xrdfit.diffraction.debye import engine as debye
from xrdfit.diffraction.protocol import BoundEngine
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.errors import InputError

TWO_THETA = np.linspace(15.0, 70.0, 276)
ENGINES = {"bragg": bragg.bind, "debye": debye.bind}
# what a sample and an instrument may have; an engine takes the ones that it names
SAMPLE = {
    "size_nm": 2.4, "size_sigma": 0.15, "microstrain": 0.01, "mixing": 0.4, "march_r": 0.9, "b_overall": 0.3,
    "zero_deg": 0.07, "displacement_mm": -0.1, "mu_t": 0.2, "mu_r": 0.8, "polarization": 0.8, "kalpha_ratio": 0.45,
    "kbeta": 0.03, "w_la": 0.01, "fp_Cu": -0.4, "fp_Se": 0.3, "fp_Ag": 0.2, "fp_Cd": 0.1, "fp_O": 0.1,
    "U": 0.02, "V": -0.01, "W": 0.02, "X": 0.1, "Y": 0.05, "S_L": 0.02, "H_L": 0.02,
}  # fmt: skip


def antifluorite():
    rows = [
        {"species": "Se", "xyz": (0, 0, 0), "b_iso": 0.5},
        {"species": "Cu", "xyz": (0.25, 0.25, 0.25), "occupancy": 0.6, "b_iso": 1.0},
        {"species": "Ag", "xyz": (0.25, 0.25, 0.25), "occupancy": 0.2, "b_iso": 1.0},
        {"species": "Cu", "xyz": (0.34, 0.34, 0.34), "occupancy": 0.05, "b_iso": 1.2},
    ]
    return Structure.from_sites("antifluorite", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows)


def wurtzite():
    rows = [
        {"species": "Cd", "xyz": (1 / 3, 2 / 3, 0), "b_iso": 0.5},
        {"species": "Se", "xyz": (1 / 3, 2 / 3, 0.3767), "occupancy": 0.9, "b_iso": 0.6},
    ]
    return Structure.from_sites("wurtzite", space_group("P63mc"), Cell(4.3, 4.3, 7.01, 90, 90, 120), rows)


def monoclinic():
    rows = [
        {"species": "Cu", "xyz": (0.25, 0.25, 0.0), "b_iso": 0.5},
        {"species": "O", "xyz": (0.0, 0.4184, 0.25), "b_iso": 0.6},
    ]
    return Structure.from_sites("tenorite", space_group("C2/c"), Cell(4.6837, 3.4226, 5.1288, 90, 99.54, 90), rows)


STRUCTURES = {"cubic": antifluorite, "hexagonal": wurtzite, "monoclinic": monoclinic}


def values_of(engine, structure):
    values = dict(SAMPLE)
    for site in structure.sites:
        values[f"occ_{site.label}"] = site.occupancy
        if site.shares is None:
            values[f"b_{site.label}"] = site.b_iso
            for name in free_coordinates(structure.group, site.xyz).names:
                values[f"{name}_{site.label}"] = site.xyz["xyz".index(name)]
    values.update({name: getattr(structure.cell, name) for name in cell_names(structure.group)})
    return {name: values[name] for name in engine.names}


@pytest.fixture(params=ENGINES)
def bind(request):
    return ENGINES[request.param]


@pytest.fixture(params=STRUCTURES)
def structure(request):
    return STRUCTURES[request.param]()


@pytest.fixture
def bound(bind, structure):
    engine = bind(structure, TWO_THETA, radiation("cu-ka"), EngineSettings(film=True, monochromator_deg=26.6))
    return engine, values_of(engine, structure)


def test_it_is_a_bound_engine(bound, structure):
    engine, values = bound
    assert isinstance(engine, BoundEngine)
    np.testing.assert_array_equal(engine.two_theta, TWO_THETA)
    assert len(set(engine.names)) == len(engine.names)
    for site in structure.sites:
        assert f"occ_{site.label}" in engine.names
        assert (f"b_{site.label}" in engine.names) == (site.shares is None)
    pattern = engine.pattern(values)
    assert pattern.shape == TWO_THETA.shape
    assert np.all(np.isfinite(pattern))
    assert np.all(pattern > 0.0)


def test_every_derivative_is_the_difference_quotient(bound):
    engine, values = bound
    pattern, derivatives = engine.jacobian(values, engine.names)
    np.testing.assert_allclose(pattern, engine.pattern(values), rtol=1e-12)
    assert derivatives.shape == (len(TWO_THETA), len(engine.names))
    for column, name in zip(derivatives.T, engine.names, strict=True):
        step = 1e-4 * max(abs(values[name]), 0.05)
        high, low = (engine.pattern({**values, name: values[name] + sign * step}) for sign in (1, -1))
        numeric = (high - low) / (2 * step)
        # two differences of patterns that tables carry to 1e-6 cannot agree better than that over the step
        limit = 2e-4 * np.abs(numeric).max() + 1e-9 * pattern.max() / step
        assert np.abs(column - numeric).max() < limit, name


LIT = {
    "capillary": ("cu-ka", {"capillary": True}),
    "polarized": ("cu-ka", {"polarized": True, "monochromator_deg": 20.0}),
    "along the profile": ("cu-ka", {"polarized": True, "lorentz_along_profile": True, "capillary": True}),
    "tube": ("cu-ka", {"kalpha_ratio": True, "extra_lines": ("kbeta", "w_la"), "slits": "automatic"}),
    "dispersion": ("cu-ka", {"f_prime": ("Cu", "Se", "Cd", "O")}),
    "neutrons": ("neutron:1.5", {"capillary": True}),
}


@pytest.mark.parametrize("lit", LIT)
def test_derivatives_by_what_lights_the_sample(bind, structure, lit):
    name, choices = LIT[lit]
    engine = bind(structure, TWO_THETA[::5], radiation(name), EngineSettings(**choices))
    values = values_of(engine, structure)
    own = ("mu_r", "polarization", "kalpha_ratio", "kbeta", "w_la", "zero_deg", "a", f"occ_{structure.sites[0].label}")
    names = [n for n in engine.names if n in own or n.startswith("fp_")]
    assert len(names) > 3
    pattern, derivatives = engine.jacobian(values, names)
    for column, name in zip(derivatives.T, names, strict=True):
        step = 1e-4 * max(abs(values[name]), 0.05)
        high, low = (engine.pattern({**values, name: values[name] + sign * step}) for sign in (1, -1))
        numeric = (high - low) / (2 * step)
        limit = 2e-4 * np.abs(numeric).max() + 1e-9 * pattern.max() / step
        assert np.abs(column - numeric).max() < limit, name


def test_a_line_of_no_weight_has_a_derivative(bind):
    structure = antifluorite()
    engine = bind(structure, TWO_THETA, radiation("cu-ka"), EngineSettings(extra_lines=("kbeta",)))
    values = values_of(engine, structure) | {"kbeta": 0.0}
    plain = bind(structure, TWO_THETA, radiation("cu-ka"), EngineSettings()).pattern(values)
    pattern, slope = engine.jacobian(values, ["kbeta"])
    np.testing.assert_allclose(pattern, plain, rtol=2e-5)
    np.testing.assert_allclose(slope[:, 0], engine.pattern(values | {"kbeta": 1.0}) - pattern, rtol=1e-6, atol=1e-9)


def test_some_names_give_the_same_columns_as_all(bound):
    engine, values = bound
    chosen = engine.names[::-3]
    _, everything = engine.jacobian(values, engine.names)
    _, some = engine.jacobian(values, chosen)
    np.testing.assert_allclose(some, everything[:, [engine.names.index(name) for name in chosen]], rtol=1e-10)
    _, none = engine.jacobian(values, ())
    assert none.shape == (len(TWO_THETA), 0)


def test_names_of_another_engine_or_phase_have_columns_of_zeros(bound):
    engine, values = bound
    known = engine.names[0]
    pattern, columns = engine.jacobian(values, ("other__a", known, "bkg_0"))
    np.testing.assert_array_equal(pattern, engine.jacobian(values, (known,))[0])
    np.testing.assert_array_equal(columns[:, [0, 2]], 0.0)
    np.testing.assert_array_equal(columns[:, 1], engine.jacobian(values, (known,))[1][:, 0])


def test_the_pattern_is_quadratic_in_the_occupancies(bound):
    """Third differences along any direction vanish, and an empty crystal scatters nothing."""
    engine, values = bound
    names = [name for name in engine.names if name.startswith("occ_")]
    direction = dict(zip(names, np.random.default_rng(0).uniform(-0.1, 0.1, len(names)), strict=True))
    along = [
        engine.pattern({**values, **{name: values[name] + k * direction[name] for name in names}}) for k in range(4)
    ]
    third = along[3] - 3 * along[2] + 3 * along[1] - along[0]
    assert np.abs(third).max() < 1e-11 * along[0].max()
    empty = engine.pattern({**values, **dict.fromkeys(names, 0.0)})
    np.testing.assert_allclose(empty, 0.0, atol=1e-12 * along[0].max())


def test_the_order_of_calls_changes_nothing(bound, bind, structure):
    engine, values = bound
    first = engine.pattern(values)
    for name, factor in (("size_nm", 1.3), ("a", 1.05), ("b_overall", 3.0), ("W", 2.0)):
        engine.jacobian({**values, name: values[name] * factor}, [name])
    np.testing.assert_array_equal(engine.pattern(values), first)
    fresh = bind(structure, TWO_THETA, radiation("cu-ka"), EngineSettings(film=True, monochromator_deg=26.6))
    np.testing.assert_array_equal(fresh.pattern(values), first)


def test_inputs_stay_as_they_were(bind, structure):
    grid = TWO_THETA.copy()
    engine = bind(structure, grid, radiation("cu-ka"), EngineSettings())
    values = values_of(engine, structure)
    before, fields = dict(values), dataclasses.asdict(structure)
    first = engine.pattern(values)
    engine.jacobian(values, engine.names)
    assert values == before
    assert dataclasses.asdict(structure) == fields
    np.testing.assert_array_equal(grid, TWO_THETA)
    grid += 1.0
    first[:] = 0.0
    np.testing.assert_array_equal(engine.two_theta, TWO_THETA)
    assert engine.pattern(values).min() > 0.0


def test_a_grid_with_gaps_gives_the_same_values(bind, structure):
    settings = EngineSettings()
    some = np.r_[30:120, 200:276]
    whole, gapped = (bind(structure, grid, radiation("cu-ka"), settings) for grid in (TWO_THETA, TWO_THETA[some]))
    values = {**values_of(whole, structure), **dict.fromkeys(("U", "V", "W", "X", "Y"), 0.0)}
    expected = whole.pattern(values)
    np.testing.assert_allclose(gapped.pattern(values), expected[some], atol=5e-6 * expected.max())


def test_a_shift_of_zero_moves_the_grid(bind, structure):
    settings = EngineSettings()
    engine = bind(structure, TWO_THETA, radiation("cu-ka1"), settings)
    values = {**values_of(engine, structure), "zero_deg": 0.0, "displacement_mm": 0.0}
    values |= dict.fromkeys(("U", "V", "W", "X", "Y"), 0.0)
    moved = bind(structure, TWO_THETA + 0.2, radiation("cu-ka1"), settings)
    expected = engine.pattern(values)
    np.testing.assert_allclose(moved.pattern({**values, "zero_deg": 0.2}), expected, atol=1e-5 * expected.max())


def test_values_that_cannot_be_used_are_refused(bound):
    engine, values = bound
    for name in engine.names:
        with pytest.raises(InputError, match=name):
            engine.pattern({**values, name: np.nan})
    with pytest.raises(InputError, match="b_overall"):
        engine.jacobian({name: value for name, value in values.items() if name != "b_overall"}, ["a"])
