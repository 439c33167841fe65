"""Speed of the main job beside rietx, start-up and memory: `pytest tests/benchmarks/bench_fit.py -s`.

The case: Cu2Se of 6 nm, 1251 points from 15 to 65 degrees, Cu Ka doublet, Poisson noise. Scale, three background
coefficients, cell, size and two occupancies vary, in either programme from the same start away from the truth.
"""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.diffraction.background import Chebyshev
from xrdfit.diffraction.bragg.profile import split_width
from xrdfit.model.instrument import Instrument
from xrdfit.model.phase import Phase
from xrdfit.model.powder import PowderModel

TWO_THETA = np.round(15.0 + 0.04 * np.arange(1251), 2)
COORDINATES = {"Se_4a": (0.0, 0.0, 0.0), "Cu_8c": (0.25, 0.25, 0.25), "Cu_32f": (0.34, 0.34, 0.34)}
START = {"a": 5.86, "size_nm": 5.0, "occ_Cu_8c": 0.45, "occ_Cu_32f": 0.12}
MIXING = 0.5


def seconds(function, repeats):
    """Least and median time of a call, and the least processor time."""
    wall, processor = [], []
    for _ in range(repeats):
        begin = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - begin[0])
        processor.append(time.process_time() - begin[1])
    return min(wall), float(np.median(wall)), min(processor)


def model():
    rows = [
        {"species": label[:2], "wyckoff": label[3:], "xyz": xyz, "occupancy": occupancy}
        for (label, xyz), occupancy in zip(COORDINATES.items(), (1.0, 0.37, 0.1575), strict=True)
    ]
    structure = Structure.from_sites("cu2se", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows)
    phase = Phase("cu2se", structure, size_nm=6.0, mixing=MIXING, vary=("occ_Cu_8c", "occ_Cu_32f"))
    return PowderModel("cu2se", (phase,), Instrument(radiation="cu-ka"), (Chebyshev(2),))


def counts():
    pattern = xf.simulate(model(), TWO_THETA)
    return np.random.default_rng(1).poisson(300.0 + 5000.0 * pattern / pattern.max()).astype(float)


def fitted():
    return xf.fit(model(), xf.make_pattern(TWO_THETA, counts()), engine="bragg", fix={"mixing": MIXING}, start=START)


def rietx_fit(rx, data):
    """The same problem: the Gaussian part of the size broadening is held at its true width, the Lorentzian varies."""

    def held(value):
        return rx.Parameter(value=value)

    atoms = [
        rx.Atom(
            label=label,
            species=label[:2],
            x=held(xyz[0]),
            y=held(xyz[1]),
            z=held(xyz[2]),
            occ=rx.Parameter(value=START.get(f"occ_{label}", 1.0), min=0.0, max=1.0),
            biso=held(0.0),
        )
        for label, xyz in COORDINATES.items()
    ]
    gauss, lorentz = split_width(MIXING)
    width = np.degrees(0.9 * 0.15405929 / np.array([6.0, START["size_nm"]]))
    right = {angle: held(90.0) for angle in ("alpha", "beta", "gamma")}
    phase = rx.Phase(
        name="cu2se",
        space_group="F m -3 m",
        cell=rx.Cell(a=held(START["a"]), b=held(START["a"]), c=held(START["a"]), **right),
        atoms=atoms,
        gauss_size=held((gauss * width[0]) ** 2),
        lor_size=rx.Parameter(value=lorentz * width[1], min=0.0),
    )
    instrument = rx.Instrument.bragg_brentano()
    instrument.profile.w.value, instrument.profile.x.value = 1e-8, instrument.profile.x.min
    instrument.background.coefficients = [held(0.0) for _ in range(3)]
    varied = ["scale", "cell.a", "lor_size", "atoms.1.occ", "atoms.2.occ"]
    names = [*(f"phases.0.{name}" for name in varied), "instrument.background.*"]
    refinement = rx.Refinement(rx.Structure(phases=[phase]), instrument, history=False)
    result = refinement.fit(data, plan=rx.RefinementPlan([rx.Stage("all", names)]), telemetry=False)
    return refinement, result


@pytest.mark.filterwarnings("ignore")
def test_a_fit_beside_rietx():
    rx = pytest.importorskip("rietx")
    y = counts()
    data = rx.PatternData(
        two_theta=TWO_THETA.tolist(), intensity=y.tolist(), sigma=np.sqrt(np.maximum(y, 1.0)).tolist()
    )
    scan, start = xf.make_pattern(TWO_THETA, y), model()

    def ours():
        return xf.fit(start, scan, engine="bragg", fix={"mixing": MIXING}, start=START)

    def theirs():
        return rietx_fit(rx, data)

    result, (refinement, other) = ours(), theirs()
    assert result.success
    assert other.status == "converged"
    assert result.statistics.n_varied == other.statistics.n_free_parameters == 8
    rows = {row.path: row.value for row in refinement.parameters()}
    for site, index in (("occ_Cu_8c", 1), ("occ_Cu_32f", 2)):
        assert rows[f"phases.0.atoms.{index}.occ"] == pytest.approx(result[site].value, abs=result[site].stderr)
    assert rows["phases.0.cell.a"] == pytest.approx(result["a"].value, abs=result["a"].stderr)

    # by turns, so that what else the machine does meets both
    rounds = [(seconds(ours, 5), seconds(theirs, 1)) for _ in range(6)]
    for k, clock in ((0, "wall clock"), (2, "processor")):
        mine, other_time = (min(r[side][k] for r in rounds) for side in (0, 1))
        print(f"\n{clock}: rietx {1e3 * other_time:.0f} ms, xrdfit {1e3 * mine:.1f} ms, ratio {other_time / mine:.1f}")
        assert other_time / mine > 15.0


def test_simulate():
    start = model()
    xf.simulate(start, TWO_THETA)
    least, median, _ = seconds(lambda: xf.simulate(start, TWO_THETA), 200)
    print(f"\nsimulate: {1e3 * least:.2f} ms, median {1e3 * median:.2f} ms")
    assert least < 1e-3


def test_start_up(tmp_path):
    """Above bare Python, with compiled bytecode: the first call of each compiles."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path)

    def start(*arguments):
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)

    commands = {
        "import xrdfit": ("-c", "import xrdfit"),
        "xrdfit --help": ("-c", "from xrdfit.cli import main; main(['--help'])"),
    }
    bare = ("-c", "pass")
    for arguments in (bare, *commands.values()):
        start(*arguments)
    floor = seconds(lambda: start(*bare), 10)[0]
    above = {name: seconds(lambda a=arguments: start(*a), 10)[0] - floor for name, arguments in commands.items()}
    print(f"\nabove bare Python ({floor:.3f} s): {', '.join(f'{name} {t:.3f} s' for name, t in above.items())}")
    assert above["import xrdfit"] < 0.1
    assert above["xrdfit --help"] < 0.4


def test_memory():
    pytest.importorskip("resource", reason="not on Windows")
    code = "import resource, bench_fit; bench_fit.fitted(); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    folder = str(__file__).rpartition("/")[0]
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True)
    unit = 1.0 if sys.platform == "darwin" else 1024.0
    peak = float(run.stdout.split()[-1]) * unit / 1e6
    print(f"\nmemory of a process that fits once: {peak:.0f} MB at most")
    assert peak < 400.0
