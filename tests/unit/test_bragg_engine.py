from dataclasses import replace

import bragg_cases as cases
import numpy as np
import pytest
from numpy.testing import assert_allclose

from xrdfit.crystal.radiation import Line, Radiation, radiation
from xrdfit.diffraction.bragg.engine import bind
from xrdfit.diffraction.protocol import BoundEngine
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.errors import InputError

GRID = np.linspace(15.0, 65.0, 1251)
KA1 = radiation("cu-ka1")


def pattern(structure, grid=GRID, source=KA1, settings=None, **given):
    engine = bind(structure, grid, source, settings or EngineSettings())
    return engine.pattern(cases.values_for(engine, structure, **given))


def test_fulfils_the_protocol():
    assert isinstance(bind(cases.cu2se(6), GRID, KA1, EngineSettings()), BoundEngine)


def test_area_of_a_line_follows_the_scale_convention():
    # m|F|^2 lambda^3 LP'/(16 pi V) over radians, for the 220 of the 4 nm model by hand: A = 4, 8 and f from the tables.
    from xrdfit.crystal.scattering import form_factors

    structure = cases.cu2se(4)
    grid = np.linspace(40.0, 47.0, 14001)
    wavelength, a = KA1.wavelength, 5.85
    s = np.sqrt(8.0) / (2.0 * a)
    se, cu = form_factors(["Se", "Cu"], np.array([s]), KA1.lines[0].energy_ev)[:, 0]
    theta = np.arcsin(wavelength * s)
    lp = (1.0 + np.cos(2.0 * theta) ** 2) / 2.0 / (np.sin(theta) ** 2 * np.cos(theta))
    expected = 12.0 * abs(4.0 * se + 8.0 * cu) ** 2 * wavelength**3 * lp / (16.0 * np.pi * a**3)
    y = pattern(structure, grid, size_nm=60.0, mixing=0.0)
    assert np.trapezoid(y, np.radians(grid)) == pytest.approx(expected, rel=1e-6)


def test_single_line_has_the_scherrer_width():
    grid = np.linspace(43.73 - 12.0, 43.73 + 12.0, 48001)
    y = pattern(cases.cu2se(4), grid, size_nm=20.0, mixing=0.0)
    near = np.abs(grid - 43.73) < 1.5
    above = grid[near][y[near] >= 0.5 * y[near].max()]
    theta = np.radians(0.5 * 43.7316)
    assert above[-1] - above[0] == pytest.approx(np.degrees(0.9 * KA1.wavelength / (200.0 * np.cos(theta))), rel=2e-3)


def test_zero_and_displacement_move_the_lines():
    structure = cases.cu2se(6)
    engine = bind(structure, GRID, KA1, EngineSettings(radius_mm=185.0))
    hkl, at = engine.positions(cases.values_for(engine, structure))
    moved_hkl, moved = engine.positions(cases.values_for(engine, structure, zero_deg=0.03, displacement_mm=-0.2))
    np.testing.assert_array_equal(hkl, moved_hkl)
    expected = np.degrees(0.4 / 185.0 * np.cos(np.radians(0.5 * at))) + 0.03
    assert_allclose(moved - at, expected, rtol=1e-9)
    assert_allclose(at, [26.37, 30.54, 43.73, 51.79, 54.28, 63.57], atol=0.006)


@pytest.mark.parametrize("size_nm", [2.0, 6.0])
@pytest.mark.parametrize("shape", ["scherrer", "sphere"])
def test_lines_beyond_the_range_reach_in(size_nm, shape):
    # Another grid must not change the pattern: a wide one, cut, is the same.
    structure = cases.cu2se(2)
    settings = EngineSettings(shape=shape)
    wide = np.arange(10.0, 150.0, 0.04)
    inside = (wide >= 15.0) & (wide <= 65.0)
    cut = pattern(structure, wide, settings=settings, size_nm=size_nm)[inside]
    narrow = pattern(structure, wide[inside], settings=settings, size_nm=size_nm)
    assert_allclose(narrow, cut, rtol=0.0, atol=2e-5 * cut.max())


@pytest.mark.parametrize("growth", [0.97, 1.03])
def test_no_line_of_the_grid_is_lost_where_the_cell_grows_as_far_as_a_fit_lets_it(growth):
    start = cases.cu2se(6)
    size = start.cell.a * growth
    there = replace(start, cell=replace(start.cell, a=size, b=size, c=size))
    grid = np.linspace(140.0, 168.0, 561)
    moved, fresh = (
        engine.pattern(cases.values_for(engine, there, size_nm=80.0))
        for engine in (bind(s, grid, KA1, EngineSettings()) for s in (start, there))
    )
    # what is left are tails of lines beyond 178 degrees
    assert_allclose(moved, fresh, atol=1e-3 * fresh.max())


def test_a_large_cell_does_not_make_a_million_lines():
    small = cases.triclinic()
    big = small.with_values(cell=type(small.cell)(28.0, 29.0, 31.0, 83.0, 97.0, 104.0))
    engine = bind(big, np.linspace(5.0, 20.0, 100), radiation("mo-ka"), EngineSettings())
    two_theta = 2.0 * np.degrees(engine.table.lines(cases.values_for(engine, big)).theta)
    assert engine.table.reflections.multiplicity.sum() == pytest.approx(100_000, rel=0.1)
    assert two_theta.max() > 25.0


def test_thin_film_factor_and_slits():
    structure = cases.cu2se(4)
    grid = np.linspace(43.0, 44.5, 3001)
    theta = np.radians(0.5 * 43.7316)
    plain = pattern(structure, grid, size_nm=60.0, mixing=0.0)
    film = pattern(structure, grid, settings=EngineSettings(film=True), size_nm=60.0, mixing=0.0, mu_t=0.2)
    slits = pattern(structure, grid, settings=EngineSettings(slits="automatic"), size_nm=60.0, mixing=0.0)
    assert_allclose(film.sum() / plain.sum(), 1.0 - np.exp(-0.4 / np.sin(theta)), rtol=1e-5)
    assert_allclose(slits.sum() / plain.sum(), np.sin(theta), rtol=1e-5)


def test_a_film_of_no_thickness_still_has_a_derivative():
    structure = cases.cu2se(4)
    engine = bind(structure, GRID, KA1, EngineSettings(film=True))
    values = cases.values_for(engine, structure, mu_t=0.0)
    pattern, jacobian = engine.jacobian(values, ["mu_t"])
    assert not pattern.any()
    assert_allclose(jacobian[:, 0] * 1e-6, engine.pattern({**values, "mu_t": 1e-6}), rtol=1e-4)


def test_monochromator_changes_the_polarization():
    structure = cases.cu2se(4)
    grid = np.linspace(43.0, 44.5, 3001)
    ratio = pattern(structure, grid, settings=EngineSettings(monochromator_deg=26.6), size_nm=60.0).sum()
    ratio /= pattern(structure, grid, size_nm=60.0).sum()
    c, m = np.cos(np.radians(43.7316)) ** 2, np.cos(np.radians(26.6)) ** 2
    assert ratio == pytest.approx((1.0 + m * c) / (1.0 + m) / ((1.0 + c) / 2.0), rel=1e-4)


def test_a_doublet_is_the_weighted_sum_of_its_lines():
    structure = cases.cdse()
    doublet = radiation("cu-ka")
    parts = [line.weight * pattern(structure, source=Radiation("", (Line(line.wavelength),))) for line in doublet.lines]
    y = pattern(structure, source=doublet)
    # The last lines, near 160 degree, differ between the bindings: their tails are below 1e-4 of the strongest.
    assert_allclose(y, sum(parts), rtol=0.0, atol=1e-4 * y.max())


def test_march_dollase_averages_over_the_equivalents():
    # Hexagonal, axis 001: alpha of (h k l) follows from d, (1/d^2 of 00l) / (1/d^2 of hkl) = cos^2.
    structure, r = cases.cdse(), 0.7
    settings = EngineSettings(march_axis=(0, 0, 1))
    engine = bind(structure, GRID, KA1, settings)
    plain = engine.table.lines(cases.values_for(engine, structure))
    oriented = engine.table.lines(cases.values_for(engine, structure, march_r=r))
    hkl = engine.table.reflections.hkl
    d = structure.cell.d_spacing(hkl)
    cosine2 = (hkl[:, 2] * d / structure.cell.c) ** 2
    expected = (r**2 * cosine2 + (1.0 - cosine2) / r) ** -1.5
    exists = plain.factor[0] > 0.0
    assert_allclose((oriented.factor[0] / np.where(exists, plain.factor[0], 1.0))[exists], expected[exists], rtol=1e-12)


def test_march_dollase_keeps_the_powder_average():
    # Over all directions the density has the mean 1: so it has over the many equivalents of general reflections.
    structure = cases.lab6()
    settings = EngineSettings(march_axis=(1, 1, 0))
    engine = bind(structure, np.linspace(5.0, 140.0, 50), radiation(0.35), settings)
    plain = engine.table.lines(cases.values_for(engine, structure)).factor[0]
    oriented = engine.table.lines(cases.values_for(engine, structure, march_r=0.8)).factor[0]
    general = (engine.table.reflections.multiplicity == 48) & (plain > 0.0)
    assert (oriented[general] / plain[general]).mean() == pytest.approx(1.0, abs=5e-3)


def test_a_distribution_of_sizes_becomes_a_single_size():
    structure = cases.cu2se(6)
    for shape in ("scherrer", "sphere"):
        settings = EngineSettings(shape=shape)
        one = pattern(structure, settings=settings, size_nm=4.0)
        narrow = pattern(structure, settings=settings, size_nm=4.0, size_sigma=1e-3)
        assert_allclose(narrow, one, rtol=0.0, atol=5e-5 * one.max())


def test_a_fit_of_scherrer_to_spheres_finds_a_smaller_size():
    # docs/physics.md: the widths at half maximum agree for L = 0.9/1.107 D = 0.81 D.
    structure = cases.cu2se(4)
    grid = np.linspace(40.0, 47.5, 3001)
    sphere = pattern(structure, grid, settings=EngineSettings(shape="sphere"), size_nm=12.0)
    line = pattern(structure, grid, size_nm=12.0 * 0.9 / 1.107, mixing=0.3)

    def width(y):
        above = grid[y >= 0.5 * y.max()]
        return above[-1] - above[0]

    assert width(sphere) == pytest.approx(width(line), rel=0.02)


def test_lorentz_factor_along_the_profile():
    # For sharp lines it is the same; for broad ones the low-angle side gains.
    structure = cases.cu2se(6)
    grid = np.linspace(20.0, 33.0, 1301)
    along, centre = EngineSettings(lorentz_along_profile=True), EngineSettings()
    sharp = [pattern(structure, grid, settings=s, size_nm=100.0, mixing=0.0) for s in (along, centre)]
    assert_allclose(sharp[0], sharp[1], rtol=0.0, atol=6e-3 * sharp[1].max())
    broad = [pattern(structure, grid, settings=s, size_nm=3.0, mixing=0.0) for s in (along, centre)]
    assert broad[0][grid < 25.0].sum() > 1.03 * broad[1][grid < 25.0].sum()


def test_a_vanishing_site_and_a_vanishing_pattern():
    structure = cases.cu2se(2)
    y = pattern(structure, occ_Cu_4b=0.0, occ_Cu_8c=0.0, occ_Cu_24e=0.0, occ_Se_4a=0.0)
    assert not y.any()


@pytest.mark.parametrize(
    ("grid", "message"),
    [([], "shape"), ([20.0, 20.0], "ascending"), ([0.0, 10.0], "above 0"), ([10.0, np.nan], "below 180")],
)
def test_bad_grids(grid, message):
    with pytest.raises(InputError, match=message):
        bind(cases.cu2se(6), grid, KA1, EngineSettings())


def test_bad_values():
    structure = cases.cu2se(6)
    engine = bind(structure, GRID, KA1, EngineSettings())
    values = cases.values_for(engine, structure)
    with pytest.raises(InputError, match="size_nm is -1: a number above 0"):
        engine.pattern({**values, "size_nm": -1.0})
    with pytest.raises(InputError, match="occ_Cu_8c is nan"):
        engine.jacobian({**values, "occ_Cu_8c": float("nan")}, ["a"])
    del values["mixing"]
    with pytest.raises(InputError, match="mixing is missing"):
        engine.pattern(values)


def test_bad_settings():
    for bad in ({"shape": "cube"}, {"radius_mm": 0.0}, {"march_axis": (0, 0, 0)}, {"scherrer_k": float("inf")}):
        with pytest.raises(InputError, match=next(iter(bad))):
            EngineSettings(**bad)


def test_the_grid_is_the_engines_own():
    grid = np.linspace(20.0, 30.0, 11)
    engine = bind(cases.cu2se(6), grid, KA1, EngineSettings())
    grid[0] = 1.0
    assert engine.two_theta[0] == 20.0
    with pytest.raises(ValueError, match="read-only"):
        engine.two_theta[0] = 1.0
