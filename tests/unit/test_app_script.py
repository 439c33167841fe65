"""Every kind of background can be written in the script that the page offers."""

from __future__ import annotations

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.app.script import _literal

GRID = np.arange(20.0, 30.0, 0.1)


@pytest.mark.parametrize("component", [xf.Chebyshev(4), xf.Air(), xf.Hump(21.0, fwhm_deg=7.0)])
def test_components_are_written_as_they_are(component):
    assert eval(_literal(component), {"xf": xf}) == component  # our own words


def test_a_blank_is_read_from_its_file():
    blank = xf.Blank(xf.make_pattern(GRID, np.full(len(GRID), 9.0), file="blank.xy"))
    assert _literal(blank) == "xf.Blank(xf.read_pattern('blank.xy'))"
