"""What an extra holds is asked for in words, before anything is computed."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from xrdfit import errors
from xrdfit.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def without(monkeypatch):
    """Let libraries seem not to be installed."""

    def take(*names):
        real = errors.find_spec
        monkeypatch.setattr(errors, "find_spec", lambda name: None if name in names else real(name))
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return take


def test_a_posterior_names_its_extra_before_the_fit(without, capsys, monkeypatch):
    without("emcee")
    monkeypatch.setattr("xrdfit.inference.fit.fit_with", lambda *_: pytest.fail("it was fitted"))
    scan = str(ROOT / "data" / "scans" / "cu2se-6nm.xy")
    assert main(["fit", scan, "--model", "cu2se-6nm", "--posterior", "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.strip() == (
        "xrdfit: --posterior needs emcee, which is not installed: pip install 'xrdfit-occupancy[posterior]'"
    )


def test_what_the_messages_name_is_an_extra():
    """And what a plain fit needs is none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {part.split(">")[0] for part in project["optional-dependencies"]["posterior"]}
    assert extra == {"emcee", "corner"}
    assert not extra & {part.split(">")[0] for part in project["dependencies"]}


def test_a_plain_fit_runs_without_what_extras_hold(without, tmp_path, capsys):
    without("emcee", "corner", "numba")
    scan = str(ROOT / "data" / "scans" / "cu2se-6nm.xy")
    assert main(["fit", scan, "--model", "cu2se-6nm", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
