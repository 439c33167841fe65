"""Patterns of atom lists against the direct double sum and debyecalculator, and against the statistical sphere."""

import os
import warnings

import numpy as np
import pytest

from xrdfit.clusters.carving import carve
from xrdfit.clusters.patterns import cluster_pattern, direct_debye
from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.diffraction.debye import engine as debye
from xrdfit.diffraction.probe import polarization
from xrdfit.diffraction.settings import EngineSettings

SLOW = os.environ.get("XRDFIT_SLOW") == "1"
WAVELENGTH = 1.540593
TWO_THETA = np.linspace(10.0, 120.0, 221)
Q = 4 * np.pi * np.sin(np.radians(TWO_THETA / 2)) / WAVELENGTH
PLAIN = EngineSettings(anomalous=False)


def antifluorite(occupancy=1.0):
    rows = [{"species": "Se", "xyz": (0, 0, 0)}, {"species": "Cu", "xyz": (0.25, 0.25, 0.25), "occupancy": occupancy}]
    return Structure.from_sites("antifluorite", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows)


@pytest.fixture(scope="module")
def shaken():
    """A 2 nm cluster off its lattice, so that every distance is its own."""
    cluster = carve(antifluorite(0.8), 2.0, seed=3)
    noise = np.random.default_rng(3).normal(0, 0.1, cluster.positions.shape)
    return type(cluster)(cluster.species, cluster.positions + noise)


def test_an_atom_list_is_the_direct_double_sum(shaken):
    line = radiation(WAVELENGTH)
    pattern = cluster_pattern(shaken, TWO_THETA, line, b_iso=0.8).intensity / polarization(TWO_THETA)
    expected = direct_debye(shaken.positions, shaken.species, Q, line, b_iso=0.8)
    np.testing.assert_allclose(pattern, expected, atol=1e-5 * expected.max())


def test_two_atoms_are_a_closed_form():
    pair = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.5]])
    (one,) = direct_debye(pair[:1], ["Cu"], np.array([3.0]))
    (both,) = direct_debye(pair, ["Cu", "Cu"], np.array([3.0]))
    assert both == pytest.approx(2 * one * (1 + np.sin(7.5) / 7.5), rel=1e-12)


def test_an_atom_list_is_what_debyecalculator_finds(shaken):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        debyecalculator = pytest.importorskip("debyecalculator", exc_type=ImportError)
        step = 0.01
        calculator = debyecalculator.DebyeCalculator(qmin=1.0, qmax=7.0 + step / 2, qstep=step, biso=0.0, device="cpu")
        q, intensity = (
            np.asarray(part, dtype=float) for part in calculator.iq((list(shaken.species), shaken.positions))
        )
    two_theta = 2 * np.degrees(np.arcsin(q * WAVELENGTH / (4 * np.pi)))
    ours = cluster_pattern(shaken, two_theta, radiation(WAVELENGTH), PLAIN).intensity / polarization(two_theta)
    # up to a common factor: it normalizes as it likes, and the shape is what counts
    scale = (ours @ intensity) / (intensity @ intensity)
    assert np.abs(ours - scale * intensity).max() < 1e-3 * ours.max()


def test_frames_give_their_mean_and_spread():
    frames = [carve(antifluorite(0.5), 1.5, seed=seed) for seed in range(5)]
    line = radiation("cu-ka1")
    single = np.array([cluster_pattern(frame, TWO_THETA, line).intensity for frame in frames])
    together = cluster_pattern(frames, TWO_THETA, line)
    np.testing.assert_allclose(together.intensity, single.mean(axis=0))
    np.testing.assert_allclose(together.spread, single.std(axis=0, ddof=1))
    assert together.n_frames == 5
    assert not cluster_pattern(frames[0], TWO_THETA, line).spread.any()


def test_carved_spheres_average_to_the_statistical_one():
    """Random centres and random occupation: atoms drawn one by one against the mean field, within their scatter."""
    count = 2000 if SLOW else 150
    structure, two_theta = antifluorite(0.5), np.linspace(15.0, 65.0, 41)
    frames = [carve(structure, 2.0, centre=None, seed=seed) for seed in range(count)]
    sampled = cluster_pattern(frames, two_theta, radiation(WAVELENGTH))
    engine = debye.bind(structure, two_theta, radiation(WAVELENGTH), EngineSettings())
    values = dict.fromkeys(engine.names, 0.0) | {"occ_Se_4a": 1.0, "occ_Cu_8c": 0.5, "a": 5.85, "size_nm": 2.0}
    cells = np.pi / 6 * 20.0**3 / 5.85**3
    pull = (sampled.intensity / cells - engine.pattern(values)) / (sampled.spread / cells / np.sqrt(count))
    assert np.abs(pull).max() < 4.5
