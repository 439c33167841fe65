"""The wheel holds what the package needs: presets and scans are found without a checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The wheel, built from this tree and unpacked as an installer would."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    site = out / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def run(site, cwd, *command):
    environment = {**os.environ, "PYTHONPATH": str(site), "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )


def test_the_wheel_is_what_is_imported_and_finds_its_presets(unpacked, tmp_path):
    code = (
        "import xrdfit; from xrdfit.model.files.presets import preset_names; "
        "print(xrdfit.__file__, len(preset_names()))"
    )
    done = run(unpacked, tmp_path, "-c", code)
    where, count = done.stdout.split()
    assert Path(where).is_relative_to(unpacked)
    assert int(count) == len(list((ROOT / "data" / "presets").glob("*.toml")))


def test_demo_runs_from_the_wheel(unpacked, tmp_path):
    done = run(unpacked, tmp_path, "-m", "xrdfit.cli", "demo")
    assert done.returncode == 0, done.stderr
    assert "Cu_24e" in done.stdout
    assert (tmp_path / "xrdfit-demo" / "fit.png").stat().st_size > 10_000


def test_the_page_of_explore_is_written_from_the_wheel_with_its_licence(unpacked, tmp_path):
    done = run(unpacked, tmp_path, "-m", "xrdfit.cli", "explore", "si", "-o", "page.html")
    assert done.returncode == 0, done.stderr
    assert "Copyright (c) 2022 Leon Sorokin" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert list(unpacked.glob("*.dist-info/licenses/**/uplot-LICENSE.txt"))


def test_nothing_but_the_package_is_in_the_wheel(unpacked):
    tops = {p.name for p in unpacked.iterdir()}
    assert tops == {"xrdfit", next(t for t in tops if t.endswith(".dist-info"))}


def test_types_and_licences_are_in_the_wheel(unpacked):
    assert (unpacked / "xrdfit" / "py.typed").is_file()
    (info,) = unpacked.glob("*.dist-info")
    licences = info / "licenses"
    assert "BSD 3-Clause" in (licences / "LICENSE").read_text()
    assert "MIT License" in (licences / "licenses" / "PyXtal.txt").read_text()
    assert (unpacked / "xrdfit" / "_data" / "article" / "README.md").is_file()
