"""What starting costs: help and import load no heavy library."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("lmfit", "scipy", "xarray", "pymatgen", "xraydb", "matplotlib", "plotly", "pydantic", "gemmi")


def loaded_after(code: str) -> tuple[set[str], str]:
    """Run Python code in a fresh process; return which heavy libraries it loaded, and what it printed."""
    script = f"{code}\nimport sys\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    text, _, last = run.stdout.rpartition("LOADED")
    assert run.stderr == ""
    return set(last.split()), text


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["fit", "--help"], ["simulate", "--help"], ["demo", "--help"]]
)
def test_help_and_version_load_no_heavy_library(arguments: list[str]) -> None:
    heavy, text = loaded_after(f"from xrdfit.cli import main\nassert main({arguments!r}) == 0")
    assert heavy == set()
    assert text.strip()


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
