"""Outputs that are closed, full or of few characters; signals at any time; terminals under attack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from signals import heed_control_c

import xrdfit as xf
from xrdfit.cli import main
from xrdfit.model.files.presets import preset_text
from xrdfit.model.files.write import model_to_toml

pytestmark = pytest.mark.skipif(os.name == "nt", reason="streams and signals of POSIX")

XRDFIT = f"{sys.executable} -m xrdfit.cli"
SCAN = str(Path(__file__).parents[2] / "data" / "scans" / "cu2se-2nm.xy")
HOSTILE = "<b>\x1b]0;pwned\x07\x1b[31m\u202e=1+1"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, timeout=120, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_output_is_a_quiet_end(closed: str) -> None:
    run = shell(f"{XRDFIT} presets {closed}")
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_a_file_does_not_take_the_place_of_a_closed_output(tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    assert shell(f"{XRDFIT} simulate cu2se-2nm --two-theta 20 30 1 -o {out} --json >&-").returncode == 0
    assert out.read_text().count("\n") == 12


@FULL
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("fit nowhere.xy --model cu2se-2nm 2>/dev/full", 2),
        ("dance 2>/dev/full", 2),
        ("presets 2>/dev/full >/dev/null", 0),
        ("presets >/dev/full", 2),
        ("presets --json >/dev/full", 2),
        ("presets >/dev/full 2>/dev/full", 2),
        ("--help >/dev/full", 2),
    ],
)
def test_a_full_output_gives_the_same_status(command: str, status: int) -> None:
    run = shell(f"{XRDFIT} {command}")
    assert run.returncode == status
    assert run.stderr.count(b"\n") == (1 if command.endswith(" >/dev/full") else 0)
    assert b"Traceback" not in run.stderr


def test_few_characters_are_escaped_and_json_stays_json() -> None:
    run = shell(f"{XRDFIT} formats", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert run.returncode == 0
    assert b"?" not in run.stdout
    run = shell(f"{XRDFIT} reflections cu2se-2nm", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert rb"2\u03b8" in run.stdout
    run = shell(f"{XRDFIT} presets --show cu2se-2nm --json", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert json.loads(run.stdout.decode("latin-1"))["toml"] == preset_text("cu2se-2nm")


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1, 0.2, 0.3, 0.5, 0.8])
def test_control_c_during_imports_is_one_line(delay: float) -> None:
    script = (
        "import os, sys; from xrdfit.cli import main; os.write(1, b'ready\\n')\n"
        f"sys.exit(main(['compare', {SCAN!r}, '--model', 'cu2se', '--engine', 'debye']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_control_c
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(delay + 0.002)  # main is entered
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    lines = [line for line in err.decode().splitlines() if " … " not in line]
    assert process.returncode == 130
    assert len(lines) == 1
    assert "interrupted" in lines[0]
    assert b"Traceback" not in out


def test_a_termination_while_saving_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, time, xrdfit.report.html as html\n"
        "def page(*_):\n    print('saving', flush=True)\n    time.sleep(60)\n"
        "html.page = page\n"
        "from xrdfit.cli import main\n"
        f"sys.exit(main(['fit', {SCAN!r}, '--model', 'cu2se-2nm', '-o', 'out']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "saving\n"
        assert [p.name.endswith(".part") for p in tmp_path.iterdir()] == [True]
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert [line for line in err.splitlines() if " … " not in line] == ["xrdfit: terminated"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("as_json", [False, True])
def test_the_answer_is_told_where_saving_fails(tmp_path: Path, monkeypatch, capsys, as_json: bool) -> None:
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xrdfit.report.html.page", full)
    out = tmp_path / "out"
    assert main(["fit", SCAN, "--model", "cu2se-2nm", "-o", str(out), *(["--json"] if as_json else [])]) == 2
    told = capsys.readouterr()
    if as_json:
        assert json.loads(told.out)["success"] is True
    assert "Cu_24e" in told.out
    assert f"'{out}' cannot be written: No space left on device" in told.err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["compare", SCAN, "--sites", "8c,24e"], ["identify"]])
def test_findings_are_told_where_the_picture_cannot_be_written(command, tmp_path: Path, monkeypatch, capsys) -> None:
    def full(*_, **__):
        raise OSError(28, "No space left on device", "x.png")

    monkeypatch.setattr("xrdfit.report.files.write_bytes", full)
    assert main([*command, "--model", "cu2se-2nm", "-o", str(tmp_path / "x.png")]) == 2
    told = capsys.readouterr()
    assert "8c + " in told.out
    assert told.err.splitlines()[-1] == "xrdfit: x.png: No space left on device"


def test_names_from_files_are_never_commands_to_a_terminal(tmp_path: Path, capfd) -> None:
    file, plain = tmp_path / "model.toml", xf.load_model("cu2se-2nm")
    structure = replace(plain.phases[0].structure, name=HOSTILE, source=HOSTILE, notes=(HOSTILE,))
    phase = replace(plain.phases[0], structure=structure)
    file.write_text(model_to_toml(replace(plain, name=HOSTILE, notes=(HOSTILE,), phases=(phase,))), encoding="utf-8")
    assert xf.load_model(file).name == HOSTILE
    model = str(file)
    for command in (
        ["fit", SCAN, "--model", model],
        ["fit", SCAN, "--model", model, "--json", "-o", str(tmp_path / "out")],
        ["simulate", model, "--two-theta", "20", "30", "1"],
        ["simulate", model, "--set", HOSTILE + "=1"],
        ["reflections", model],
        ["reflections", model, "--format", "csv"],
        ["cluster", model, "--size-nm", "1"],
        ["compare", SCAN, "--model", model, "--sites", HOSTILE],
        ["identify", "--model", model],
        ["presets", "--show", HOSTILE],
        [HOSTILE],
        ["fit", HOSTILE, "--model", HOSTILE],
        ["fit", SCAN, "--model", model, "-o", str(tmp_path / "out" / "fit.toml" / HOSTILE)],
    ):
        main(command)
        told = capfd.readouterr()
        for text in told:
            assert not set(text) & {"\x1b", "\x07", "\u202e"}, command
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<b>" not in page.partition("<script")[0]
