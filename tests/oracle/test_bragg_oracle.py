"""Intensities against numbers and programmes that are not ours."""

import csv
from pathlib import Path

import bragg_cases as cases
import gemmi
import numpy as np
import pytest
from numpy.testing import assert_allclose

from xrdfit.crystal.radiation import radiation
from xrdfit.diffraction.bragg.reflection_table import reflection_table
from xrdfit.diffraction.bragg.structure_factors import bind_structure_factors
from xrdfit.diffraction.probe import Probe
from xrdfit.diffraction.settings import EngineSettings

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
KA1 = radiation("cu-ka1")

# Tabulated independently: m|F|^2 LP of 111, 200, 220, 311, 222, 400, Cu K alpha 1, B = 0.
PUBLISHED = {
    6: [59.6, 0.1, 100.0, 62.3, 1.2, 4.5],
    4: [39.1, 8.4, 100.0, 17.4, 1.8, 15.1],
    2: [74.3, 73.9, 100.0, 33.6, 0.2, 50.3],
}


@pytest.mark.parametrize("nm", PUBLISHED)
def test_published_intensities(nm):
    table = reflection_table(cases.cu2se(nm), KA1, (15.0, 65.0), EngineSettings())
    assert table.hkl.tolist() == [[1, 1, 1], [2, 0, 0], [2, 2, 0], [3, 1, 1], [2, 2, 2], [4, 0, 0]]
    assert table.multiplicity.tolist() == [8, 6, 12, 24, 8, 6]
    assert_allclose(table.two_theta, [26.37, 30.54, 43.73, 51.79, 54.28, 63.57], atol=0.005)
    assert_allclose(table.intensity, PUBLISHED[nm], atol=0.1)


def test_without_anomalous_terms():
    table = reflection_table(cases.cu2se(2), KA1, (15.0, 65.0), EngineSettings(anomalous=False))
    assert_allclose(table.intensity[:2], [68.2, 71.0], atol=0.1)


@pytest.mark.parametrize("nm", [2, 4, 6])
def test_against_another_rietveld_programme(nm):
    path = REFERENCE / f"cu2se_{nm}nm_ka1_20-120_U0_refl.csv"
    if not path.exists():
        pytest.skip(f"reference values absent: {path.name}")
    with path.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    table = reflection_table(cases.cu2se(nm), radiation(1.5406), (20.0, 120.0), EngineSettings())
    theirs = np.array([float(row["Fsq"]) for row in rows])
    assert_allclose(table.d, [float(row["d_A"]) for row in rows], atol=1e-5)
    assert_allclose(table.two_theta, [float(row["two_theta"]) for row in rows], atol=1e-4)
    assert table.multiplicity.tolist() == [int(row["mult"]) for row in rows]
    assert np.abs(np.sqrt(table.f_squared) - np.sqrt(theirs)).max() <= 0.5
    strong = theirs > theirs.max() / 5.0
    assert_allclose(table.f_squared[strong], theirs[strong], rtol=5e-3)
    # Their Icorr has multiplicity, LP and 1/V in it.
    correction = np.array([float(row["Icorr"]) for row in rows])
    ours = table.multiplicity * table.lorentz_polarization
    assert_allclose(ours / ours[0], correction / correction[0], rtol=2e-5)


@pytest.mark.parametrize("structure", [cases.cu2se(4), cases.zns(), cases.cdse(), cases.lab6()], ids=lambda s: s.name)
def test_gemmi_structure_factors(structure):
    # gemmi has IT92 tables (neutral atoms, no f'): they differ from Waasmaier & Kirfel by 0.1 electrons at most.
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(*(getattr(structure.cell, n) for n in ("a", "b", "c", "alpha", "beta", "gamma")))
    small.spacegroup = structure.group.gemmi
    small.setup_cell_images()
    for site in structure.sites:
        atom = gemmi.SmallStructure.Site()
        atom.label, atom.type_symbol, atom.element = site.label, site.element, gemmi.Element(site.element)
        atom.fract = gemmi.Fractional(*site.xyz)
        # gemmi sums over all images, also where they coincide.
        atom.occ = site.occupancy * site.multiplicity / len(structure.group.rotations)
        atom.u_iso = site.b_iso / (8.0 * np.pi**2)
        small.add_site(atom)
    calculator = gemmi.StructureFactorCalculatorX(small.cell)
    table = reflection_table(structure, KA1, (10.0, 130.0), EngineSettings(anomalous=False))

    def squared(hkl):
        return abs(calculator.calculate_sf_from_small_structure(small, [int(n) for n in hkl])) ** 2

    both = np.array([0.5 * (squared(hkl) + squared(-hkl)) for hkl in table.hkl])
    atoms = sum(site.multiplicity * site.occupancy for site in structure.sites)
    assert np.abs(np.sqrt(both) - np.sqrt(table.f_squared)).max() < 0.05 * atoms
    strong = table.f_squared > 0.2 * table.f_squared.max()
    assert_allclose(table.f_squared[strong], both[strong], rtol=1e-2)


def test_pymatgen_pattern():
    # Its conventions: no f', LP without monochromator, families by permutation of indices; cubic m-3m allows that.
    from pymatgen.analysis.diffraction.xrd import XRDCalculator
    from pymatgen.core import Lattice, Structure

    theirs = XRDCalculator(wavelength=KA1.wavelength).get_pattern(
        Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.85), ["Se", "Cu"], [[0, 0, 0], [0.25, 0.25, 0.25]]),
        two_theta_range=(15.0, 65.0),
    )
    table = reflection_table(cases.cu2se(4), KA1, (15.0, 65.0), EngineSettings(anomalous=False))
    assert_allclose(table.two_theta, theirs.x, atol=1e-3)
    # Its form factors are those of electron-scattering tables: some per cent.
    assert_allclose(table.intensity, theirs.y, atol=1.5)


def test_non_centrosymmetric_mean_by_hand():
    # Zincblende 111: A_Zn = 4, A_S = 4 exp(i pi 3/2) = -4i, so |F(+-h)|^2 = 16 |f_Zn -+ i f_S|^2.
    from xrdfit.crystal.scattering import form_factors

    structure = cases.zns()
    table = reflection_table(structure, KA1, (20.0, 40.0), EngineSettings())
    s = np.array([np.sqrt(3.0) / (2.0 * 5.41)])
    zn, sulphur = form_factors(["Zn", "S"], s, KA1.lines[0].energy_ev)[:, 0]
    zn, sulphur = zn * np.exp(-0.8 * s[0] ** 2), 0.9 * sulphur * np.exp(-0.6 * s[0] ** 2)
    plus, minus = abs(4.0 * (zn - 1j * sulphur)) ** 2, abs(4.0 * (zn + 1j * sulphur)) ** 2
    assert abs(plus - minus) > 0.01 * plus  # f'' does tell them apart
    assert table.f_squared[0] == pytest.approx(0.5 * (plus + minus), rel=1e-10)


@pytest.mark.parametrize(
    ("hkl", "amplitudes"),
    [
        ((1, 1, 1), (4, -4, 0)),
        ((3, 1, 1), (4, -4, 0)),
        ((2, 2, 0), (4, 4, 8)),
        ((4, 0, 0), (4, 4, 8)),
        ((2, 0, 0), (4, 4, -8)),
        ((2, 2, 2), (4, 4, -8)),
    ],
)
def test_closed_forms_of_the_amplitudes(hkl, amplitudes):
    from xrdfit.crystal.structure import Structure
    from xrdfit.crystal.symmetry import Cell, space_group

    rows = [{"species": "Se", "wyckoff": w} for w in ("4a", "4b", "8c")]
    structure = Structure.from_sites("sites", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows)
    factors = bind_structure_factors(structure, np.array([hkl]), Probe(KA1, EngineSettings(anomalous=False)))
    s = np.array([0.1])
    values = dict.fromkeys(factors.names, 0.0)
    f = np.sqrt(factors.squared(values | {"occ_Se_4a": 1.0}, s)[0, 0]) / 4.0
    for name, amplitude in zip(("occ_Se_4a", "occ_Se_4b", "occ_Se_8c"), amplitudes, strict=True):
        alone = factors.squared(values | {name: 1.0}, s)[0, 0]
        assert alone == pytest.approx((amplitude * f) ** 2, abs=1e-9)
        # The sign shows against the first site.
        both = factors.squared(values | {name: 1.0, "occ_Se_4a": 1.0 + (name == "occ_Se_4a")}, s)[0, 0]
        assert both == pytest.approx(((4 + amplitude) * f) ** 2, abs=1e-9)


def test_lines_that_vanish_are_listed():
    # Silicon's 222: allowed by Fd-3m, zero for spherical atoms on 8a.
    from xrdfit.crystal.structure import Structure
    from xrdfit.crystal.symmetry import Cell, space_group

    silicon = Structure.from_sites(
        "si", space_group("F d -3 m:1"), Cell(5.431, 5.431, 5.431), [{"species": "Si", "xyz": (0.0, 0.0, 0.0)}]
    )
    table = reflection_table(silicon, KA1, (20.0, 100.0), EngineSettings())
    row = table.hkl.tolist().index([2, 2, 2])
    assert table.f_squared[row] == pytest.approx(0.0, abs=1e-20 + 1e-12 * table.f_squared.max())
    assert [3, 3, 3] in table.hkl.tolist()
    assert [5, 1, 1] in table.hkl.tolist()
