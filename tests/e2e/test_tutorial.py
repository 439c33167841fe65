"""Every command of the tutorial and of the guides runs as printed, with the files that stand before it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from xrdfit.cli import main

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```(?:\{code-block\} )?(bash|python|toml)\n(?::caption: (\S+)\n)?(.*?)\n```", re.S)


def follow(page: str, folder: Path) -> list[str]:
    """Do what a page says in a folder; return the commands that were run."""
    (folder / "data").symlink_to(ROOT / "data")
    done = []
    for kind, caption, text in BLOCK.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")):
        if kind == "toml":
            (folder / caption).write_text(text, encoding="utf-8")
        elif kind == "python":
            subprocess.run([sys.executable, "-c", text], check=True, cwd=folder, capture_output=True, timeout=300)
        else:
            program, *words = shlex.split(text)
            assert program == "xrdfit"
            assert main(words) == 0, text
            done.append(text)
    return done


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_tutorial(here):
    assert len(follow("tutorial", here)) >= 5
    assert r"\begin{tab" in (here / "paper.tex").read_text(encoding="utf-8")


@pytest.mark.slow
def test_an_antisite(here):
    assert len(follow("antisite", here)) == 2
    found = json.loads((here / "ferrite" / "result.json").read_text(encoding="utf-8"))["parameters"]
    iron = found["occ_Fe_8a"]
    assert abs(iron["value"] - 0.2) < 3.0 * iron["stderr"]
    assert iron["stderr"] < 0.01 < iron["stderr_model"] < 0.03


@pytest.mark.slow
def test_an_instrument(here, capsys):
    assert len(follow("instrument", here)) == 2
    value, error = re.findall(r"size_nm +([\d.]+)\((\d+)\)", capsys.readouterr().out)[-1]
    assert abs(float(value) - 60.0) < 4.0 * 0.1 * float(error)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "commands"), [("choosing-sites", 3), ("films", 0)])
def test_other_guides(here, page, commands):
    assert len(follow(page, here)) == commands
