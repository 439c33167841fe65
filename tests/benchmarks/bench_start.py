"""What a run costs from the shell, and of what: `pytest tests/benchmarks/bench_start.py -s`.

Processor time of whole processes, bytecode compiled, the least of some runs. The limits are those of a free machine,
where `import numpy, xarray`, the floor that the scan's container sets, takes `REFERENCE`; where it takes longer, the
limits grow alike. Runs alternate, so that what else the machine does meets all of them.

The limits are those of a plain installation. xarray imports dask wherever it is installed, asked or not: what the
extra `series` costs every run is printed beside.
"""

from __future__ import annotations

import compileall
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path

import pytest
from machine import environment, processor_time, slower

import xrdfit

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no resource module")

ROOT = Path(__file__).resolve().parents[2]
SCAN = str(ROOT / "data" / "scans" / "cu2se-6nm.xy")  # 1251 points
RUNS = 7
# to `importlib.util.find_spec` a module that is None is not installed
PLAIN = "import sys; sys.modules.update(dask=None, distributed=None, numba=None)"
XRDFIT = f"{PLAIN}; from xrdfit.cli import main; sys.exit(main())"
FIT = ("fit", SCAN, "--model", "cu2se-6nm", "--json")


def shares(arguments):
    """Seconds by the clock of a run's imports by library, as `-X importtime` says them."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], check=True, capture_output=True, text=True, env=environment()
    )
    found: Counter[str] = Counter()
    for line in run.stderr.splitlines():
        if line.startswith("import time:") and "self [us]" not in line:
            own, _, name = line.removeprefix("import time:").split("|")
            top = name.strip().split(".")[0].lstrip("_")
            found[
                "standard library" if top in sys.stdlib_module_names or f"_{top}" in sys.stdlib_module_names else top
            ] += int(own)
    return {name: microseconds / 1e6 for name, microseconds in found.most_common()}


def test_start(tmp_path):
    for folder in (Path(xrdfit.__file__).parent, Path(sysconfig.get_paths()["purelib"])):
        compileall.compile_dir(folder, quiet=2)
    commands = {
        "import numpy, xarray": (("-c", "import numpy, xarray"), None),
        "xrdfit --help": (("-c", XRDFIT, "--help"), 0.3),
        "xrdfit presets": (("-c", XRDFIT, "presets"), 0.5),
        "xrdfit fit --json": (("-c", XRDFIT, *FIT), 1.0),
        "xrdfit fit --json -o": (("-c", XRDFIT, *FIT, "-o", str(tmp_path / "out"), "--force"), 1.6),
        "xrdfit demo": (("-c", XRDFIT, "demo", "-o", str(tmp_path / "demo"), "--force"), None),
        "xrdfit fit --json -o, every extra": (("-m", "xrdfit.cli", *FIT, "-o", str(tmp_path / "out"), "--force"), None),
    }
    least = dict.fromkeys(commands, float("inf"))
    for _ in range(RUNS):
        for name, (arguments, _) in commands.items():
            least[name] = min(least[name], processor_time(arguments))
    slow = slower(least["import numpy, xarray"])
    print(f"\nprocessor time from the shell; this machine takes {slow:.2f} times what the limits were made for")
    for name, (_, limit) in commands.items():
        told = "" if limit is None else f"  limit {limit * slow:.2f} s"
        print(f"  {name:34s} {least[name]:.2f} s{told}")
    for name in ("xrdfit fit --json", "xrdfit fit --json -o"):
        print(f"imports of {name}, seconds by the clock:")
        parts = shares(commands[name][0])
        few = {k: v for k, v in parts.items() if v >= 0.01}
        print(
            "  " + ", ".join(f"{k} {v:.2f}" for k, v in few.items()),
            f"others {sum(parts.values()) - sum(few.values()):.2f}",
        )
    missed = {n: least[n] for n, (_, limit) in commands.items() if limit is not None and least[n] >= limit * slow}
    assert not missed
