"""What the README shows works as printed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = [" ".join(block.split()) for block in re.findall(r"```bash\n(.*?)```", README, re.S)]
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)


def test_the_first_two_blocks_are_the_set_up_commands():
    """They run as printed, in an environment of their own, in continuous integration."""
    assert SHELL[0].endswith("xrdfit demo")
    assert "pytest -q" in SHELL[1]
    assert all("\n" not in block.strip() for block in re.findall(r"```bash\n(.*?)```", README, re.S)[:2])


@pytest.mark.parametrize("line", SHELL[2:])
def test_commands(line, tmp_path):
    words = shlex.split(line)
    assert words[0] == ".venv/bin/xrdfit"
    arguments = [str(tmp_path / "out") if word.startswith("/tmp/") else word for word in words[1:]]
    done = subprocess.run(
        [sys.executable, "-m", "xrdfit.cli", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", PYTHON)
def test_python(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "Cu_8c" in done.stdout


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
