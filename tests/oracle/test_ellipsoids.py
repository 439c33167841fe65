"""Anisotropic sizes against ellipsoids of atoms, computed atom by atom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.clusters.atoms import Cluster
from xrdfit.clusters.patterns import cluster_pattern
from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.model.phase import Phase
from xrdfit.model.powder import PowderModel

A, C = 2.9, 4.1  # Å, of a primitive tetragonal lattice, whose lines about the axis and across stand apart
GRID = np.arange(15.0, 75.0, 0.05)


def ellipsoid(across, along):
    """Atoms of the lattice within an ellipsoid of revolution, its diameters in Å."""
    n = [int(np.ceil(d / 2.0 / step)) for d, step in ((across, A), (across, A), (along, C))]
    grid = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in n), indexing="ij"), axis=-1).reshape(-1, 3)
    xyz = grid * [A, A, C]
    inside = ((2.0 * xyz / [across, across, along]) ** 2).sum(axis=1) <= 1.0
    return Cluster(("Cu",) * int(inside.sum()), xyz[inside])


def model():
    structure = xf.Structure.from_sites(
        "tetragonal", space_group("P4/mmm"), Cell(A, A, C, 90.0, 90.0, 90.0), [{"species": "Cu", "xyz": [0, 0, 0]}]
    )
    return PowderModel("tetragonal", (Phase("tetragonal", structure, size_nm=6.0, vary=("b_overall",)),))


@pytest.mark.parametrize(("across", "along"), [(90.0, 36.0), (40.0, 120.0)])
def test_ratio_of_the_diameters(across, along):
    curve = cluster_pattern(ellipsoid(across, along), GRID, radiation("cu-ka")).intensity
    counts = 200.0 + 10_000.0 * curve / curve.max()
    scan = xf.make_pattern(GRID, counts, radiation="cu-ka")
    options = {"engine": "bragg", "fix": {"occ_*": 1.0}, "background": 4}
    spheres = xf.fit(model(), scan, **options)
    shaped = xf.fit(model(), scan, anisotropic=(0, 0, 1), **options)
    assert shaped["size_ratio"].value == pytest.approx(along / across, rel=0.05)
    # a sphere's lines are 1.107 λ/(D cos θ) wide, Scherrer's 0.9 λ/(L cos θ)
    assert shaped["size_nm"].value == pytest.approx(0.1 * across * 0.9 / 1.107, rel=0.08)
    assert shaped.statistics.r_wp < 0.35 * spheres.statistics.r_wp
    assert spheres.advice[0].remedy == "--anisotropic 0 0 1"
    assert (spheres.advice[0].size > 0.0) == (along > across)
    twice = replace(model(), phases=(replace(model().phases[0], broadening_axis=(0, 0, 2), vary=("size_ratio",)),))
    assert xf.fit(twice, scan, **options)["size_ratio"].value == pytest.approx(along / across, rel=0.05)
