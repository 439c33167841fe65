"""What starting costs: help and import load no heavy library."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

without_dask = pytest.mark.skipif(
    find_spec("dask") is not None, reason="xarray loads dask where it is installed, and dask scipy"
)


ROOT = Path(__file__).resolve().parents[2]
SCAN = str(ROOT / "data" / "scans" / "cu2se-6nm.xy")
HEAVY = (
    *("lmfit", "scipy", "xarray", "pandas", "numpy", "pymatgen", "xraydb", "sqlalchemy", "matplotlib"),
    *("pydantic", "gemmi", "spglib", "numba", "emcee", "corner", "joblib", "h5py", "h5netcdf", "rich"),
)


def loaded_after(code: str) -> tuple[set[str], str]:
    """Run Python code in a fresh process; return which heavy libraries it loaded, and what it printed."""
    script = f"{code}\nimport sys\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    text, _, last = run.stdout.rpartition("LOADED")
    assert [line for line in run.stderr.splitlines() if "…" not in line] == []  # what a busy machine's stages say
    return set(last.split()), text


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["fit", "--help"], ["simulate", "--help"], ["demo", "--help"]]
)
def test_help_and_version_load_no_heavy_library(arguments: list[str]) -> None:
    heavy, text = loaded_after(f"from xrdfit.cli import main\nassert main({arguments!r}) == 0")
    assert heavy <= {"rich"}  # cyclopts draws its help with it
    assert text.strip()


@without_dask
def test_a_fit_loads_what_it_uses_and_no_more() -> None:
    """Each of the others costs as much as the whole fit, or ten times that."""
    heavy, text = loaded_after(
        f"from xrdfit.cli import main\nassert main(['fit', {SCAN!r}, '--model', 'cu2se-6nm', '--json']) == 0"
    )
    assert heavy == {"numpy", "xarray", "pandas", "gemmi", "pydantic"}  # pandas is xarray's
    assert text.startswith('{"schema": 1')


@without_dask
def test_a_fit_with_files_loads_what_writes_them(tmp_path: Path) -> None:
    heavy, _ = loaded_after(
        f"from xrdfit.cli import main\n"
        f"assert main(['fit', {SCAN!r}, '--model', 'cu2se-6nm', '--json', '-o', {str(tmp_path / 'out')!r}]) == 0"
    )
    assert heavy == {"numpy", "xarray", "pandas", "gemmi", "pydantic", "matplotlib", "h5py", "h5netcdf"}


def test_the_list_of_presets_loads_no_scan_and_no_optimizer() -> None:
    heavy, text = loaded_after("from xrdfit.cli import main\nassert main(['presets']) == 0")
    assert heavy <= {"numpy", "gemmi", "pydantic", "rich"}
    assert "cu2se-6nm" in text


def test_import_loads_no_heavy_library_and_knows_its_names() -> None:
    heavy, text = loaded_after("import xrdfit\nprint('fit' in dir(xrdfit), xrdfit.__version__)")
    assert heavy == set()
    assert text.startswith("True ")


def test_help_lists_every_command_in_the_order_of_the_work() -> None:
    run = subprocess.run([sys.executable, "-m", "xrdfit.cli", "--help"], capture_output=True, text=True, check=True)
    places = [
        run.stdout.index(f"│ {name} ")
        for name in ("fit", "simulate", "reflections", "calibrate", "presets", "formats", "demo")
    ]
    assert places == sorted(places)
