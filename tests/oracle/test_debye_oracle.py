"""The Debye engine against a direct double sum over atoms, closed forms and debyecalculator."""

import os

import numpy as np
import pytest
from debye_reference import reciprocal_sum, scattering_factors, sphere_average

from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, cell_names, free_coordinates, orbit, space_group
from xrdfit.diffraction.debye import engine as debye
from xrdfit.diffraction.probe import polarization
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.diffraction.shapes import gamma_support, lognormal_gamma, sphere_gamma

SLOW = os.environ.get("XRDFIT_SLOW") == "1"
WAVELENGTH = 1.540593
TWO_THETA = np.linspace(15.0, 65.0, 1251)


def copper_selenide(rows, a=5.85):
    sites = [
        {"species": species, "xyz": xyz, "occupancy": occupancy, "b_iso": b} for species, xyz, occupancy, b in rows
    ]
    return Structure.from_sites("copper selenide", space_group("Fm-3m"), Cell(a, a, a), sites)


PARTIAL = [
    ("Se", (0.0, 0.0, 0.0), 1.0, 0.4),
    ("Cu", (0.25, 0.25, 0.25), 0.6, 1.0),
    ("Cu", (0.5, 0.5, 0.5), 0.4, 1.5),
]
FULL = [("Se", (0.0, 0.0, 0.0), 1.0, 0.0), ("Cu", (0.25, 0.25, 0.25), 1.0, 0.0)]
DISORDERED = [*PARTIAL, ("Cu", (0.182, 0.0, 0.0), 0.1, 0.9), ("Cu", (0.34, 0.34, 0.34), 0.05, 0.7)]


def values_of(engine, structure, **chosen):
    values = dict.fromkeys(engine.names, 0.0)
    for site in structure.sites:
        values[f"occ_{site.label}"] = site.occupancy
        if site.shares is None:
            values[f"b_{site.label}"] = site.b_iso
            for name in free_coordinates(structure.group, site.xyz).names:
                values[f"{name}_{site.label}"] = site.xyz["xyz".index(name)]
    values.update({name: getattr(structure.cell, name) for name in cell_names(structure.group)})
    return {**values, **chosen}


def calculated(structure, two_theta=TWO_THETA, line=WAVELENGTH, settings=None, **chosen):
    engine = debye.bind(structure, two_theta, radiation(line), settings or EngineSettings())
    return engine.pattern(values_of(engine, structure, **chosen))


def reference(structure, diameter, two_theta, n_centres, seed=1):
    basis, occupancy, kind = [], [], []
    q = 4 * np.pi * np.sin(np.radians(two_theta / 2)) / WAVELENGTH
    forms = scattering_factors([site.species for site in structure.sites], q, WAVELENGTH)
    damping = np.exp([-site.b_iso * (q / (4 * np.pi)) ** 2 for site in structure.sites])
    for index, site in enumerate(structure.sites):
        atoms = orbit(structure.group, site.xyz)
        basis.append(atoms)
        occupancy += [site.occupancy] * len(atoms)
        kind += [index] * len(atoms)
    return sphere_average(
        structure.cell.a, np.vstack(basis), np.array(occupancy), np.array(kind), diameter, forms, damping, q,
        n_centres, 8, seed,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "diameter", "n_centres", "n_angles"),
    [
        (PARTIAL, 15.0, 4000 if SLOW else 800, 63 if SLOW else 14),
        (PARTIAL, 20.0, 1500 if SLOW else 200, 26 if SLOW else 7),
        (DISORDERED, 15.0, 500 if SLOW else 80, 13 if SLOW else 3),
    ],
    ids=["three sites 1.5 nm", "three sites 2 nm", "five sites 1.5 nm"],
)
def test_a_sphere_averaged_over_its_centres_is_the_direct_double_sum(rows, diameter, n_centres, n_angles):
    structure = copper_selenide(rows)
    pattern = calculated(structure, size_nm=diameter / 10) / polarization(TWO_THETA)
    chosen = np.linspace(0, len(TWO_THETA) - 1, n_angles).astype(int)
    expected, error = reference(structure, diameter, TWO_THETA[chosen], n_centres)
    limit = 0.001 * pattern.max()
    if SLOW and rows is PARTIAL:
        assert error.max() < 0.0002 * pattern.max()
    assert np.abs(pattern[chosen] - expected).max() < limit + (0.0 if SLOW else 4.0 * error.max())
    print(f"standard error {error.max() / pattern.max():.2e}, difference "
          f"{np.abs(pattern[chosen] - expected).max() / pattern.max():.2e} of the maximum")  # fmt: skip


def test_two_species_that_share_a_position_are_never_a_pair_there():
    """Half Cu, half Cu on one position is Cu: twice the same species must give what one site gives."""
    split = copper_selenide([FULL[0], ("Cu", (0.25, 0.25, 0.25), 0.35, 0.8), ("Cu", (0.25, 0.25, 0.25), 0.25, 0.8)])
    whole = copper_selenide([FULL[0], ("Cu", (0.25, 0.25, 0.25), 0.6, 0.8)])
    assert split.sites[2].shares == split.sites[1].label
    np.testing.assert_allclose(calculated(split, size_nm=2.0), calculated(whole, size_nm=2.0), rtol=1e-9)


def test_exclusion_leaves_out_the_pairs_that_are_too_near():
    """With 24e at x = 0.1 the six atoms around a corner are 0.585 √2, 1.17, … Å apart, all others over 2.9 Å."""
    rows = [FULL[0], ("Cu", (0.1, 0.0, 0.0), 0.2, 0.0)]
    structure = copper_selenide(rows)
    with_pairs = calculated(structure, size_nm=2.0)
    without = calculated(structure, settings=EngineSettings(min_distance=1.3), size_nm=2.0)
    q = 4 * np.pi * np.sin(np.radians(TWO_THETA / 2)) / WAVELENGTH
    (form,) = scattering_factors(["Cu"], q, WAVELENGTH)
    expected = 0.0
    for distance, neighbours in ((0.585 * np.sqrt(2), 4), (1.17, 1)):
        gamma = sphere_gamma(np.array([distance]), 20.0)[0][0]
        expected += 24 * neighbours * 0.2**2 * np.abs(form) ** 2 * gamma * np.sinc(q * distance / np.pi)
    difference = (with_pairs - without) / polarization(TWO_THETA)
    np.testing.assert_allclose(difference, expected, atol=1e-5 * with_pairs.max())


def test_at_large_q_every_atom_scatters_by_itself():
    """The sum rule: displacement takes the pairs away and leaves sum o m |f|^2."""
    structure = copper_selenide(PARTIAL)
    two_theta = np.linspace(100.0, 150.0, 21)
    pattern = calculated(structure, two_theta, 0.5, size_nm=2.0, b_overall=6.0) / polarization(two_theta)
    q = 4 * np.pi * np.sin(np.radians(two_theta / 2)) / 0.5
    copper, selenium = np.abs(scattering_factors(["Cu", "Se"], q, 0.5)) ** 2
    np.testing.assert_allclose(pattern, 4 * selenium + (8 * 0.6 + 4 * 0.4) * copper, rtol=1e-4)


def test_the_doublet_is_the_sum_of_its_lines():
    structure = copper_selenide(PARTIAL)
    doublet = radiation("cu-ka")
    parts = [line.weight * calculated(structure, line=line.wavelength, size_nm=3.0) for line in doublet.lines]
    together = calculated(structure, line="cu-ka", size_nm=3.0)
    np.testing.assert_allclose(together, sum(parts), atol=3e-6 * together.max())


def test_a_hexagonal_crystal_is_its_orthohexagonal_cell():
    """The same wurtzite in two settings: the general metric against the orthogonal one, at equal volume of cell."""
    a, c, u = 4.3, 7.01, 0.3767
    hexagonal = Structure.from_sites(
        "wurtzite", space_group("P63mc"), Cell(a, a, c, 90, 90, 120),
        [{"species": "Cd", "xyz": (1 / 3, 2 / 3, 0)}, {"species": "Se", "xyz": (1 / 3, 2 / 3, u)}],
    )  # fmt: skip
    orthogonal = Structure.from_sites(
        "wurtzite", space_group("Cmc21"), Cell(a, a * np.sqrt(3), c),
        [{"species": "Cd", "xyz": (0, 1 / 3, 0)}, {"species": "Se", "xyz": (0, 1 / 3, u)}],
    )  # fmt: skip
    one, other = (calculated(structure, size_nm=2.5) for structure in (hexagonal, orthogonal))
    np.testing.assert_allclose(2 * one, other, atol=1e-5 * other.max())


def test_tables_are_fine_enough():
    """Nodes, bins and steps of the tables: the same sums over the shells themselves, one by one."""
    structure = copper_selenide(DISORDERED)
    diameter, a = 23.0, 5.85
    positions = [orbit(structure.group, site.xyz) for site in structure.sites]
    steps = np.arange(-5, 6)
    cells = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    chosen = TWO_THETA[::50]
    q = 4 * np.pi * np.sin(np.radians(chosen / 2)) / WAVELENGTH
    species = [site.species for site in structure.sites]
    f = scattering_factors(species, q, WAVELENGTH)
    damped = f * np.exp([-site.b_iso * (q / (4 * np.pi)) ** 2 for site in structure.sites])
    total = sum(site.occupancy * site.multiplicity * np.abs(f[i]) ** 2 for i, site in enumerate(structure.sites))
    for i, one in enumerate(structure.sites):
        for j, other in enumerate(structure.sites):
            vectors = (positions[j][:, None] + cells - positions[i][0]).reshape(-1, 3) * a
            r = np.linalg.norm(vectors, axis=1)
            r = r[(r > 1e-6) & (r < diameter)]
            gamma = 1 - 1.5 * r / diameter + 0.5 * (r / diameter) ** 3
            weight = one.occupancy * other.occupancy * one.multiplicity * (damped[i] * damped[j].conj()).real
            total = total + weight * (np.sinc(np.outer(q, r) / np.pi) @ gamma)
    pattern = calculated(structure, size_nm=2.3) / polarization(TWO_THETA)
    np.testing.assert_allclose(pattern[::50], total, atol=5e-6 * total.max())


def test_strain_damps_each_pair():
    """One pair of sites at one distance only: the factor exp(-q²r²ε²/(4 ln 2)) stands alone."""
    structure = copper_selenide([("Cu", (0.0, 0.0, 0.0), 1.0, 0.0)])
    kept = {"size_nm": 0.55}  # nothing but the first shell, a/√2, lies within
    single, strained = (calculated(structure, **kept, microstrain=e) / polarization(TWO_THETA) for e in (0.0, 0.1))
    q = 4 * np.pi * np.sin(np.radians(TWO_THETA / 2)) / WAVELENGTH
    (form,) = scattering_factors(["Cu"], q, WAVELENGTH)
    alone = 4 * np.abs(form) ** 2
    distance = 5.85 / np.sqrt(2)
    expected = (single - alone) * np.exp(-((q * distance * 0.1) ** 2) / (4 * np.log(2)))
    np.testing.assert_allclose(strained - alone, expected, atol=2e-4 * single.max())


def test_gamma_of_a_sphere_is_the_overlap_of_two():
    """Monte Carlo over a sphere: the share of it that stays inside when moved by r."""
    rng = np.random.default_rng(2)
    points = rng.uniform(-1, 1, (400_000, 3))
    points = points[(points**2).sum(1) < 1]
    r = np.array([0.1, 0.5, 1.0, 1.7])
    shared = [((points + np.array([x, 0, 0])) ** 2).sum(1) < 1 for x in r]
    gamma, _ = sphere_gamma(r, 2.0)
    error = np.sqrt(gamma * (1 - gamma) / len(points))
    assert np.all(np.abs(np.mean(shared, axis=1) - gamma) < 4 * error)
    assert sphere_gamma(np.array([2.5]), 2.0)[0] == 0.0


@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.4])
def test_lognormal_gamma_is_the_mean_weighted_by_volume(sigma):
    r = np.linspace(0.5, 60.0, 40)
    x = np.linspace(-8.0, 8.0 + 3 * sigma, 20_001)
    diameters = 20.0 * np.exp(sigma * x)
    weights = np.exp(-(x**2) / 2) * diameters**3
    spheres = np.array([sphere_gamma(r, d)[0] for d in diameters])
    gamma, slope, by_sigma = lognormal_gamma(r, 20.0, sigma)
    np.testing.assert_allclose(gamma, weights @ spheres / weights.sum(), atol=2e-7)
    step = 1e-5
    numeric = (lognormal_gamma(r, 20.0, sigma + step)[0] - lognormal_gamma(r, 20.0, sigma - step)[0]) / (2 * step)
    np.testing.assert_allclose(by_sigma, numeric, atol=1e-6)
    numeric = (lognormal_gamma(r + step, 20.0, sigma)[0] - lognormal_gamma(r - step, 20.0, sigma)[0]) / (2 * step)
    np.testing.assert_allclose(slope, r * numeric, atol=1e-6)
    support = gamma_support(20.0, sigma)
    assert lognormal_gamma(np.array([support]), 20.0, sigma)[0] < 1e-5


def reciprocal_pattern(structure, diameter, two_theta, h_max):
    """Pattern over polarization from the sum over reciprocal lattice vectors."""
    q = 4 * np.pi * np.sin(np.radians(two_theta / 2)) / WAVELENGTH
    sites = structure.sites
    f = scattering_factors([site.species for site in sites], q, WAVELENGTH)
    damped = f * np.exp([-site.b_iso * (q / (4 * np.pi)) ** 2 for site in sites])
    occupancy = np.array([site.occupancy for site in sites])[:, None]
    many = np.array([site.multiplicity for site in sites])[:, None]
    basis = [orbit(structure.group, site.xyz) for site in sites]
    sums = reciprocal_sum(structure.cell.a, basis, diameter, q, h_max)
    amplitude = occupancy * damped
    diffuse = (many * (occupancy * np.abs(f) ** 2 - np.abs(amplitude) ** 2)).sum(0)
    return diffuse + np.einsum("su,stu,tu->u", amplitude.conj(), sums, amplitude).real


@pytest.mark.parametrize("rows", [PARTIAL, DISORDERED], ids=["three sites", "five sites"])
@pytest.mark.parametrize("size", [1.5, 2.0, 4.0, 6.0, 10.0, 30.0])
def test_distances_and_reciprocal_vectors_give_one_pattern(rows, size):
    """Poisson's formula: no distance is counted, and the pattern is the same to 0.1 % of the maximum, and better."""
    if size == 30.0 and rows is DISORDERED and not SLOW:
        pytest.skip("takes some seconds: XRDFIT_SLOW=1")
    structure = copper_selenide(rows)
    expected = reciprocal_pattern(structure, 10 * size, TWO_THETA[::5], 40.0)
    pattern = calculated(structure, TWO_THETA[::5], size_nm=size) / polarization(TWO_THETA[::5])
    assert np.abs(pattern - expected).max() < 1e-4 * pattern.max()
