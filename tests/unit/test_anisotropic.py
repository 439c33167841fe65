"""Crystallites that are no spheres: lines by their direction, options, files, advice."""

from __future__ import annotations

from dataclasses import replace

import bragg_cases as cases
import numpy as np
import pytest

import xrdfit as xf
from xrdfit.crystal.radiation import radiation
from xrdfit.diffraction.bragg.engine import bind
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.fitting.options import FitOptions
from xrdfit.model.files.write import model_to_toml
from xrdfit.report.options_table import read_options

GRID = np.arange(20.0, 90.0, 0.05)


def engines(structure, axis):
    rays = radiation("cu-ka1")
    return [bind(structure, GRID, rays, EngineSettings(broadening_axis=a)) for a in (None, axis)]


@pytest.mark.parametrize(
    ("structure", "axis"), [(cases.cu2se(6), (1, 1, 1)), (cases.cdse(), (1, 0, 1)), (cases.triclinic(), (0, 1, 2))]
)
def test_a_ratio_of_one_is_a_sphere(structure, axis):
    sphere, shaped = engines(structure, axis)
    ordinary = sphere.pattern(cases.values_for(sphere, structure, microstrain=2e-3))
    ones = {"size_ratio": 1.0, "strain_ratio": 1.0}
    other = shaped.pattern(cases.values_for(shaped, structure, microstrain=2e-3, **ones))
    np.testing.assert_allclose(other, ordinary, rtol=1e-6, atol=1e-6 * ordinary.max())


def test_equivalents_part_by_their_angle():
    """Of the eight 111 of a cube two lie on the axis, six at arccos 1/3."""
    table = engines(cases.cu2se(6), (1, 1, 1))[1].table.reflections
    first = np.flatnonzero(np.abs(np.abs(table.hkl).sum(axis=1) - 3) + np.abs(table.hkl).max(axis=1) == 1)
    found = {tuple(table.hkl[i]): int(table.multiplicity[i]) for i in first}
    assert sorted(found.values()) == [2, 6]
    assert found[1, 1, 1] == 2
    np.testing.assert_array_equal(np.bincount(table.owner), table.multiplicity)


def test_widths_are_those_of_an_ellipsoid():
    """Along the axis the Scherrer length is ρL, across it L, at an angle φ L/√(sin²φ + cos²φ/ρ²)."""
    structure = cases.cdse()
    engine = engines(structure, (0, 0, 1))[1]
    values = cases.values_for(engine, structure, size_nm=30.0, size_ratio=0.4, mixing=1.0)
    lines = engine.table.lines(values)
    lorentz = engine.table.widths(values, lines, 30.0)[1]
    cosine = np.cos(lines.theta.ravel())
    length = np.degrees(0.9 * engine.table.wavelengths[0] / (lorentz * cosine)) / 10.0
    for hkl, angle in (((0, 0, 2), 0.0), ((1, 0, 0), 90.0), ((1, 0, 1), None)):
        at = next(i for i, h in enumerate(engine.table.reflections.hkl) if tuple(h) == hkl)
        phi = np.radians(angle) if angle is not None else np.arctan2(2.0 * structure.cell.c, 3**0.5 * structure.cell.a)
        assert length[at] == pytest.approx(30.0 / np.hypot(np.sin(phi), np.cos(phi) / 0.4), rel=1e-9)


def platelets():
    model = xf.load_model("cdse-wurtzite")
    phase = replace(
        model.phases[0], size_nm=12.0, size_ratio=0.4, strain_ratio=2.0, broadening_axis=(0, 0, 1), engine="bragg"
    )
    return replace(model, phases=(phase,))


class TestModels:
    def test_a_file_holds_axis_and_ratios(self, tmp_path):
        file = tmp_path / "plates.toml"
        file.write_text(model_to_toml(platelets()))
        assert xf.load_model(str(file)).phases == platelets().phases

    def test_a_sphere_has_no_axis(self, tmp_path):
        file = tmp_path / "plates.toml"
        file.write_text(model_to_toml(platelets()).replace("[[phase]]", '[[phase]]\nshape = "sphere"'))
        with pytest.raises(xf.InputError, match=r"broadening_axis: lines of shape 'sphere'"):
            xf.load_model(str(file))
        with pytest.raises(xf.InputError, match="broadening_axis"):
            EngineSettings(shape="sphere", broadening_axis=(0, 0, 1))

    def test_no_direction(self, tmp_path):
        file = tmp_path / "plates.toml"
        file.write_text(model_to_toml(platelets()).replace("[0, 0, 1]", "[0, 0, 0]"))
        with pytest.raises(xf.InputError, match=r"broadening_axis: \[0, 0, 0\] is no direction"):
            xf.load_model(str(file))
        with pytest.raises(xf.InputError, match="anisotropic"):
            FitOptions(anisotropic=(0, 0, 0))
        with pytest.raises(xf.InputError, match="anisotropic"):
            read_options({"anisotropic": [0.5, 0, 1]}, "fit.toml", tmp_path)


@pytest.fixture(scope="module")
def scan():
    true = platelets()
    grid = np.arange(20.0, 80.0, 0.05)
    y = xf.simulate(true, grid, engine="bragg")
    counts = np.random.default_rng(4).poisson(200.0 + 4000.0 * y / y.max()).astype(float)
    return xf.make_pattern(grid, counts, radiation="cu-ka")


class TestFits:
    def test_the_advice_names_it_and_guided_adds_it(self, scan):
        model = xf.load_model("cdse-wurtzite")
        first = xf.fit(model, scan, engine="bragg")
        assert first.advice[0].remedy == "--anisotropic 0 0 1"
        found = xf.fit(model, scan, engine="bragg", seek=["all"])
        assert found.options.anisotropic == (0, 0, 1)
        assert found["size_ratio"].value == pytest.approx(0.4, abs=4.0 * found["size_ratio"].stderr)

    def test_strain_has_a_ratio_where_it_varies(self, scan):
        model = xf.load_model("cdse-wurtzite")
        varied = {
            n
            for n, p in xf.fit(model, scan, vary=["microstrain"], anisotropic=(0, 0, 1)).parameters.items()
            if p.stderr
        }
        assert {"size_ratio", "microstrain", "strain_ratio"} <= varied

    def test_clusters_are_spheres(self, scan):
        with pytest.raises(xf.InputError, match="Debye engine has no crystallites that are no spheres"):
            xf.fit(xf.load_model("cdse-wurtzite"), scan, engine="debye", anisotropic=(0, 0, 1))
        assert xf.fit(xf.load_model("cdse-wurtzite"), scan, anisotropic=(0, 0, 1)).engine == "bragg"

    def test_a_model_of_platelets_under_the_debye_engine_is_told(self, scan):
        model = platelets()
        model = replace(model, phases=(replace(model.phases[0], engine=None, size_nm=2.0),))
        result = xf.fit(model, scan, engine="debye", fix=["size_nm", "a", "c"])
        assert any("leaves its shape out (size_ratio=0.4" in w for w in result.warnings)
