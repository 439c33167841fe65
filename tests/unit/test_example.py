"""Scans that come with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

import xrdfit as xf


@pytest.mark.parametrize("name", ["cu2se-2nm", "cu2se-4nm", "cu2se-6nm"])
def test_an_example_is_a_preset_and_a_scan_of_it(name):
    model, scan = xf.example(name)
    assert model == xf.load_model(name)
    assert "COMPUTED, not measured" in Path(scan.attrs["file"]).read_text(encoding="utf-8")
    lines = xf.simulate(model, scan["two_theta"].values, radiation="cu-ka")
    top = scan["two_theta"].values[lines.argmax()]
    assert abs(scan["two_theta"].values[scan["counts"].values.argmax()] - top) < 1.0


def test_no_other():
    with pytest.raises(xf.InputError, match="example 'lab6': there is none; there are cu2se-2nm, cu2se-4nm, cu2se-6nm"):
        xf.example("lab6")
