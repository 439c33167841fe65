"""Speed of the Debye engine beside debyecalculator, in one run: `pytest tests/benchmarks/bench_debye.py -s`.

A whole antifluorite sphere at 1251 angles. "cold" binds, counts the pairs and calculates; "occupancy" calculates again
after an occupancy changed; a fit is `xrdfit.fit` as a user calls it.
"""

import time
import tracemalloc
import warnings

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.clusters.carving import carve
from xrdfit.clusters.patterns import cluster_pattern
from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.diffraction.debye import engine as debye
from xrdfit.diffraction.settings import EngineSettings

TWO_THETA = np.linspace(15.0, 65.0, 1251)
LINE = radiation("cu-ka1")


def antifluorite():
    rows = [{"species": "Se", "xyz": (0, 0, 0)}, {"species": "Cu", "xyz": (0.25, 0.25, 0.25)}]
    return Structure.from_sites("antifluorite", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows)


def seconds(function, repeats, clock=time.perf_counter):
    times = []
    for _ in range(repeats):
        start = clock()
        function()
        times.append(clock() - start)
    return min(times)


def bound(size):
    engine = debye.bind(antifluorite(), TWO_THETA, LINE, EngineSettings())
    values = dict.fromkeys(engine.names, 0.0)
    return engine, values | {"occ_Se_4a": 1.0, "occ_Cu_8c": 1.0, "a": 5.85, "size_nm": size}


@pytest.fixture(scope="module")
def calculator():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("debyecalculator", exc_type=ImportError)
        yield module.DebyeCalculator(qmin=1.06, qmax=4.38, qstep=(4.38 - 1.06) / 1250, biso=0.0, device="cpu")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("size", "by_occupancy", "by_cold"), [(2.0, 5, 1), (4.0, 20, 1), (6.0, 40, 1), (10.0, 50, 20)])
def test_lattice_clusters(calculator, size, by_occupancy, by_cold):
    cluster = carve(antifluorite(), size)
    atoms = (list(cluster.species), cluster.positions)
    theirs = seconds(lambda: calculator.iq(atoms), 5 if size < 5 else 2)

    def cold():
        engine, values = bound(size)
        engine.pattern(values)

    ours_cold = seconds(cold, 10)
    engine, values = bound(size)
    engine.pattern(values)
    occupancies = iter(np.linspace(0.1, 0.9, 50))
    ours = seconds(lambda: engine.pattern({**values, "occ_Cu_8c": next(occupancies)}), 50)
    print(f"\n{size:g} nm, {len(atoms[0])} atoms: debyecalculator {1e3 * theirs:.2f} ms")
    print(f"ours cold {1e3 * ours_cold:.2f} ms ({theirs / ours_cold:.1f}x)")
    print(f"ours after a change of occupancy {1e3 * ours:.2f} ms ({theirs / ours:.0f}x)")
    assert theirs / ours > by_occupancy
    assert theirs / ours_cold > by_cold


@pytest.mark.filterwarnings("ignore")
def test_a_list_of_31000_atoms(calculator):
    cluster = carve(antifluorite(), 10.0)
    noise = np.random.default_rng(0).normal(0, 0.05, cluster.positions.shape)
    cluster = type(cluster)(cluster.species, cluster.positions + noise)
    atoms = (list(cluster.species), cluster.positions)
    theirs = seconds(lambda: calculator.iq(atoms), 2)
    ours = seconds(lambda: cluster_pattern(cluster, TWO_THETA, LINE), 2)
    print(f"\n{len(atoms[0])} atoms off their lattice: debyecalculator {theirs:.2f} s, ours {ours:.2f} s")
    assert ours < theirs


@pytest.mark.parametrize(
    ("preset", "size", "limit"), [("cu2se-2nm", 2.0, 0.1), ("cu2se-6nm", 6.0, 0.5)], ids=["2 nm", "6 nm"]
)
def test_a_whole_fit(preset, size, limit):
    """Scale, background, cell, size and the free occupancies, from the noisy scan to the result."""
    model = xf.load_model(preset)
    clean = xf.simulate(model, TWO_THETA, engine="debye", values={"size_nm": size})
    counts = np.random.default_rng(1).poisson(4700.0 * clean / clean.max() + 300.0).astype(float)
    scan = xf.make_pattern(TWO_THETA, counts)
    start = {"size_nm": 0.93 * size, "a": 5.87}
    result = xf.fit(model, scan, engine="debye", start=start)
    wall = seconds(lambda: xf.fit(model, scan, engine="debye", start=start), 10)
    # all of it runs on one thread: on a machine with nothing else to do the two are the same
    taken = seconds(lambda: xf.fit(model, scan, engine="debye", start=start), 10, time.process_time)
    occupancies = {f"occ_{s.label}": s.occupancy for s in model.phases[0].structure.sites}
    pulls = {
        name: (result[name].value - true) / result[name].stderr
        for name, true in {**occupancies, "a": 5.85, "size_nm": size}.items()
        if result[name].stderr
    }
    print(f"\nfit at {size:g} nm: {1e3 * taken:.0f} ms of the processor, {1e3 * wall:.0f} ms on the clock")
    print(f"pulls {np.round(list(pulls.values()), 1)}")
    assert max(abs(pull) for pull in pulls.values()) < 4
    assert taken < limit


def test_memory_at_10_nm():
    tracemalloc.start()
    engine, values = bound(10.0)
    engine.jacobian(values, engine.names)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    print(f"\n10 nm with all derivatives: {peak:.0f} MB at most")
    assert peak < 1000
