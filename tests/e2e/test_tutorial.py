"""Every command of the tutorial runs as printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from xrdfit.cli import main

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = re.findall(r"```bash\n(.*?)\n```", (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"), re.S)


@pytest.mark.slow
def test_every_command_runs_as_printed(tmp_path, monkeypatch, capsys):
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) >= 5
    for command in COMMANDS:
        program, *words = shlex.split(command)
        assert program == "xrdfit"
        assert main(words) == 0, command
    capsys.readouterr()
    assert r"\begin{tab" in (tmp_path / "paper.tex").read_text(encoding="utf-8")
