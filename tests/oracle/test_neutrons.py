"""Neutrons: structure factors and patterns against other programmes, closed forms and the plain double sum."""

import bragg_cases as cases
import debye_reference
import gemmi
import numpy as np
import periodictable
import pytest
from numpy.testing import assert_allclose

from xrdfit.clusters.atoms import Cluster
from xrdfit.clusters.patterns import cluster_pattern, direct_debye
from xrdfit.crystal.convert import to_pymatgen
from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.diffraction.bragg.reflection_table import reflection_table
from xrdfit.diffraction.debye.engine import bind as bind_debye
from xrdfit.diffraction.settings import EngineSettings

NEUTRONS = radiation("neutron:1.5")


def length(symbol):
    """b from the table that is used, by the element's name."""
    return getattr(periodictable, symbol).neutron.b_c


def cubic(symbol, rows, a=5.85):
    return Structure.from_sites("cubic", space_group(symbol), Cell(a, a, a), rows)


def test_fm3m_sites_by_hand():
    """4a and 8c: all odd 16 b_a², 4n (4 b_a + 8 b_c)², 4n + 2 (4 b_a - 8 b_c)²; here with negative b on 8c."""
    structure = cubic("Fm-3m", [{"species": "Se", "xyz": (0, 0, 0)}, {"species": "Ti", "xyz": (0.25, 0.25, 0.25)}])
    table = reflection_table(structure, NEUTRONS, (5.0, 150.0), EngineSettings())
    se, ti = length("Se"), length("Ti")
    assert ti < 0.0 < se
    for hkl, found in zip(table.hkl, table.f_squared, strict=True):
        eight = 0 if hkl[0] % 2 else -8 if sum(hkl) % 4 else 8
        assert found == pytest.approx((4 * se + eight * ti) ** 2, rel=1e-4), hkl
    theta = np.radians(table.two_theta / 2)
    assert_allclose(table.lorentz_polarization, 1.0 / (np.sin(theta) ** 2 * np.cos(theta)))


def test_deuterium_is_not_hydrogen():
    squares = []
    for species in ("H", "D"):
        structure = cubic("Fm-3m", [{"species": "Li", "xyz": (0, 0, 0)}, {"species": species, "xyz": (0.5, 0.5, 0.5)}])
        squares.append(reflection_table(structure, NEUTRONS, (5.0, 90.0), EngineSettings()).f_squared[:2])
    li, h, d = length("Li"), length("H"), periodictable.D.neutron.b_c
    assert_allclose(squares, [[16 * (li - b) ** 2, 16 * (li + b) ** 2] for b in (h, d)], rtol=5e-4)  # Li absorbs


@pytest.mark.parametrize("structure", [cases.shared_site(), cases.zns(), cases.lab6()], ids=lambda s: s.name)
def test_against_gemmi(structure):
    """Its own operators, sums and table of b (Sears 1992), all real; the tables differ by half a per cent in b."""
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(*(getattr(structure.cell, n) for n in ("a", "b", "c", "alpha", "beta", "gamma")))
    small.spacegroup = structure.group.gemmi
    small.setup_cell_images()
    for site in structure.sites:
        atom = gemmi.SmallStructure.Site()
        atom.label, atom.element = site.label, gemmi.Element(site.element)
        atom.fract = gemmi.Fractional(*site.xyz)
        # gemmi sums over all images, also where they coincide
        atom.occ = site.occupancy * site.multiplicity / len(structure.group.rotations)
        atom.u_iso = site.b_iso / (8 * np.pi**2)
        small.add_site(atom)
    calculator = gemmi.StructureFactorCalculatorN(small.cell)
    table = reflection_table(structure, NEUTRONS, (10.0, 120.0), EngineSettings())
    theirs = np.array([abs(calculator.calculate_sf_from_small_structure(small, list(map(int, h)))) for h in table.hkl])
    assert_allclose(np.sqrt(table.f_squared), theirs, rtol=0.01, atol=0.01 * theirs.max())


def test_against_pymatgen():
    from pymatgen.analysis.diffraction.neutron import NDCalculator

    structure = cases.cu2se(4)
    theirs = NDCalculator(wavelength=1.5, debye_waller_factors={}).get_pattern(
        to_pymatgen(structure), scaled=True, two_theta_range=(15.0, 120.0)
    )
    table = reflection_table(structure, NEUTRONS, (15.0, 120.0), EngineSettings())
    strength = np.zeros(len(theirs.x))
    for angle, intensity in zip(table.two_theta, table.intensity, strict=True):
        near = np.abs(theirs.x - angle) < 1e-3
        strength += intensity * near  # 333 and 511 are one line there
        assert near.any() or intensity < 1e-3
    assert_allclose(strength, theirs.y, atol=0.05)


@pytest.mark.parametrize("species", [("Cu", "Se"), ("7Li", "Gd"), ("D", "H")])
def test_debye_against_the_double_sum(species):
    """Spheres of a rock-salt crystal, averaged over their centres atom by atom, with b by hand."""
    first, second = species
    rows = [{"species": first, "xyz": (0, 0, 0), "b_iso": 0.6}]
    rows += [{"species": second, "xyz": (0.5, 0.5, 0.5), "occupancy": 0.7, "b_iso": 0.6}]
    structure = cubic("Fm-3m", rows, a=5.0)
    grid = np.linspace(15.0, 100.0, 18)
    engine = bind_debye(structure, grid, NEUTRONS, EngineSettings())
    pattern = engine.pattern(cases.values_for(engine, structure, size_nm=1.4))
    q = 4 * np.pi / 1.5 * np.sin(np.radians(grid / 2))
    lattice = np.array([(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])
    basis = np.vstack([lattice, (lattice + 0.5) % 1.0])
    b = {"7Li": periodictable.Li[7], "D": periodictable.D}
    nuclei = [b.get(name) or getattr(periodictable, name) for name in species]
    lengths = [complex(n.neutron.scattering_by_wavelength(1.5)[0]) for n in nuclei]
    forms = np.array(lengths)[:, None] * np.ones_like(q)
    damping = np.exp(-0.6 * (q / (4 * np.pi)) ** 2) * np.ones((2, 1))
    mean, error = debye_reference.sphere_average(
        5.0, basis, np.repeat([1.0, 0.7], 4), np.repeat([0, 1], 4), 14.0, forms, damping, q, 150, 6, 3
    )
    assert (error < 0.02 * mean.max()).all()
    assert np.abs(pattern - mean).max() < 5e-3 * mean.max()


def test_clusters_of_atoms():
    rng = np.random.default_rng(5)
    positions = np.array([(i, j, k) for i in range(4) for j in range(4) for k in range(4)]) * 2.6
    positions = positions + rng.normal(0, 0.05, positions.shape)
    species = tuple(np.tile(["D", "7Li"], 32).tolist())
    grid = np.linspace(20.0, 90.0, 36)
    found = cluster_pattern(Cluster(species, positions), grid, NEUTRONS, b_iso=0.5).intensity
    q = 4 * np.pi / 1.5 * np.sin(np.radians(grid / 2))
    apart = np.linalg.norm(positions[:, None] - positions, axis=-1)
    b = np.tile([periodictable.D.neutron.b_c, periodictable.Li[7].neutron.b_c], 32)
    kernel = np.sinc(q[:, None, None] * apart / np.pi) * np.exp(-1.0 * (q / 4 / np.pi) ** 2)[:, None, None]
    kernel[:, np.arange(64), np.arange(64)] = 1.0
    expected = np.einsum("i,qij,j->q", b, kernel, b)
    assert_allclose(found, expected, atol=2e-5 * expected.max())
    assert_allclose(direct_debye(positions, species, q, NEUTRONS, 0.5), expected, rtol=1e-6)
