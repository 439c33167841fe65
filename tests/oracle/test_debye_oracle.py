"""The Debye engine against a direct double sum over atoms, closed forms and debyecalculator."""

import os

import numpy as np
import pytest
from debye_reference import scattering_factors, sphere_average

from xrdfit.crystal.radiation import polarization, radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, cell_names, free_coordinates, orbit, space_group
from xrdfit.diffraction import debye
from xrdfit.diffraction.settings import EngineSettings

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
        (PARTIAL, 15.0, 20_000 if SLOW else 1200, 126 if SLOW else 26),
        (PARTIAL, 20.0, 10_000 if SLOW else 400, 126 if SLOW else 13),
        (DISORDERED, 15.0, 4000 if SLOW else 150, 51 if SLOW else 6),
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
