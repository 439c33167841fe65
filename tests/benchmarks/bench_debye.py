"""Speed of the Debye engine beside debyecalculator, in one run: `pytest tests/benchmarks/bench_debye.py -s`.

A whole antifluorite sphere at 1251 angles. "cold" binds, counts the pairs and calculates; "occupancy" calculates again
after an occupancy changed; a fit varies scale, background, cell, size, B and an occupancy, twice.
"""

import time
import tracemalloc
import warnings

import numpy as np
import pytest

from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.diffraction import debye
from xrdfit.diffraction.carving import carve
from xrdfit.diffraction.explicit import cluster_pattern
from xrdfit.diffraction.settings import EngineSettings

TWO_THETA = np.linspace(15.0, 65.0, 1251)
LINE = radiation("cu-ka1")


def antifluorite():
    rows = [{"species": "Se", "xyz": (0, 0, 0)}, {"species": "Cu", "xyz": (0.25, 0.25, 0.25)}]
    return Structure.from_sites("antifluorite", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows)


def seconds(function, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
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


@pytest.mark.parametrize(("size", "limit"), [(2.0, 0.1), (6.0, 0.5)])
def test_a_whole_fit(size, limit):
    from scipy.optimize import least_squares

    engine, truth = bound(size)
    truth |= {"occ_Cu_8c": 0.7, "b_overall": 1.0}
    names = ["occ_Cu_8c", "a", "size_nm", "b_overall"]
    background = np.polynomial.chebyshev.chebvander(np.linspace(-1, 1, len(TWO_THETA)), 3)
    clean = engine.pattern(truth)
    clean = 1e4 * clean / clean.max() + 500.0
    counts = np.random.default_rng(1).poisson(clean).astype(float)
    weights = 1.0 / np.sqrt(np.maximum(counts, 1.0))

    def solve(values):
        pattern, derivatives = engine.jacobian(values, names)
        columns = np.column_stack([pattern, background])
        linear = np.linalg.lstsq(columns * weights[:, None], counts * weights, rcond=None)[0]
        return (
            (columns @ linear - counts) * weights,
            derivatives * linear[0] * weights[:, None],
            columns * weights[:, None],
        )

    def fit():
        fresh, start = bound(size)
        nonlocal engine
        engine = fresh
        start = {**start, "occ_Cu_8c": 0.5, "a": 5.87, "size_nm": 0.93 * size, "b_overall": 0.5}
        last = {}

        def residual(x):
            key = tuple(x)
            if last.get("key") != key:
                last.update(key=key, result=solve({**start, **dict(zip(names, x, strict=True))}))
            return last["result"][0]

        def jacobian(x):
            residual(x)
            _, derivatives, columns = last["result"]
            basis = np.linalg.qr(columns)[0]
            return derivatives - basis @ (basis.T @ derivatives)  # Kaufman's variable projection

        found = [start[name] for name in names]
        for _ in range(2):
            result = least_squares(residual, found, jac=jacobian, x_scale="jac", method="trf")
            found = result.x
        return result

    found = fit()
    taken = seconds(fit, 3)
    errors = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    pulls = (found.x - [truth[name] for name in names]) / errors
    print(f"\nfit at {size:g} nm: {1e3 * taken:.0f} ms, pulls {np.round(pulls, 1)}")
    assert np.abs(pulls).max() < 4
    assert taken < limit


def test_memory_at_10_nm():
    tracemalloc.start()
    engine, values = bound(10.0)
    engine.jacobian(values, engine.names)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    print(f"\n10 nm with all derivatives: {peak:.0f} MB at most")
    assert peak < 1000
