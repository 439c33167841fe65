"""Two engines that share nothing but f: lines of spheres, and pairs of atoms inside spheres."""

import bragg_cases as cases
import numpy as np
import pytest

from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.scattering import form_factors
from xrdfit.crystal.symmetry import reflections
from xrdfit.diffraction.bragg import engine as bragg
from xrdfit.diffraction.bragg.sphere_shape import sphere_line
from xrdfit.diffraction.debye import engine as debye
from xrdfit.diffraction.probe import polarization
from xrdfit.diffraction.settings import EngineSettings

GRID = np.linspace(20.0, 65.0, 1501)


@pytest.mark.parametrize(("size_nm", "tolerance"), [(15.0, 4e-3), (30.0, 2e-3)])
def test_large_spheres(size_nm, tolerance):
    # What is left is |F|^2 taken at the line instead of along it, and the tail of 000: both go as 1/D.
    settings = EngineSettings(shape="sphere", lorentz_along_profile=True)
    structure, source = cases.cu2se(4), radiation("cu-ka1")
    lines, pairs = (engine.bind(structure, GRID, source, settings) for engine in (bragg, debye))
    by_lines = lines.pattern(cases.values_for(lines, structure, size_nm=size_nm))
    by_pairs = pairs.pattern(cases.values_for(pairs, structure, size_nm=size_nm))
    assert np.abs(by_lines - by_pairs).max() < tolerance * by_pairs.max()


OPTICS = {
    "neutrons": ("neutron:1.540593", {}, {}),
    "capillary": ("cu-ka1", {"capillary": True}, {"mu_r": 2.0}),
    "film, slits": ("cu-ka1", {"film": True, "slits": "automatic"}, {"mu_t": 0.1}),
    "polarized": ("cu-ka1", {"polarized": True, "monochromator_deg": 20.0}, {"polarization": 0.95}),
    "kbeta": ("cu-ka", {"kalpha_ratio": True, "extra_lines": ("kbeta",)}, {"kalpha_ratio": 0.3, "kbeta": 0.2}),
    "dispersion": ("cu-ka1", {"f_prime": ("Cu",)}, {"fp_Cu": -2.0}),
}


@pytest.mark.parametrize("optics", OPTICS)
def test_optics_and_probe(optics):
    name, choices, given = OPTICS[optics]
    settings = EngineSettings(shape="sphere", lorentz_along_profile=True, **choices)
    structure = cases.cu2se(4)
    lines, pairs = (engine.bind(structure, GRID, radiation(name), settings) for engine in (bragg, debye))
    by_lines = lines.pattern(cases.values_for(lines, structure, size_nm=15.0, **given))
    by_pairs = pairs.pattern(cases.values_for(pairs, structure, size_nm=15.0, **given))
    plain = bragg.bind(structure, GRID, radiation("cu-ka1"), EngineSettings(shape="sphere", lorentz_along_profile=True))
    other = plain.pattern(cases.values_for(plain, structure, size_nm=15.0))
    assert np.abs(by_lines / by_lines.max() - other / other.max()).max() > 0.02  # it does something
    assert np.abs(by_lines - by_pairs).max() < 6e-3 * by_pairs.max()


@pytest.mark.parametrize("size_nm", [15.0, 30.0])
def test_integrated_intensities_by_profile_decomposition(size_nm):
    """A powder line of spheres is m|F|² 2π²/(V q q_h) P(q − q_h): the areas that fit the Debye pattern are m|F|²."""
    structure, source = cases.cu2se(4), radiation("cu-ka1")  # every site full: no diffuse part
    engine = debye.bind(structure, GRID, source, EngineSettings())
    pattern = engine.pattern(cases.values_for(engine, structure, size_nm=size_nm)) / polarization(GRID)
    wavelength, volume = source.wavelength, structure.cell.volume
    q = 4 * np.pi / wavelength * np.sin(np.radians(GRID / 2))
    lines = reflections(structure.group, structure.cell, 0.6)
    q_h = 2 * np.pi * np.linalg.norm(lines.hkl, axis=1) / structure.cell.a
    shells, shell = np.unique(np.round(q_h, 9), return_inverse=True)  # 333 and 511 are one line
    columns = 2 * np.pi**2 / (volume * q * shells[:, None]) * sphere_line(q - shells[:, None], 10 * size_nm)

    f = form_factors(["Se", "Cu"], shells / (4 * np.pi), source.lines[0].energy_ev)
    # docs/physics.md: 4a gives 4 to every line, 8c gives 8, 0 or -8
    total = lines.hkl.sum(axis=1)
    eight = np.where(lines.hkl[:, 0] % 2, 0, np.where(total % 4, -8, 8))
    squared = lines.multiplicity * np.abs(4 * f[0, shell] + eight * f[1, shell]) ** 2
    expected = np.bincount(shell, squared)
    inside = (shells > q[0]) & (shells < q[-1])
    beyond = expected[~inside] @ columns[~inside]  # their tails reach in
    found = np.linalg.lstsq(columns[inside].T, pattern - beyond)[0]
    strong = expected[inside] > 0.01 * expected[inside].max()
    assert strong.sum() >= 5
    np.testing.assert_allclose(found[strong], expected[inside][strong], rtol=0.005 if size_nm == 30.0 else 0.01)
