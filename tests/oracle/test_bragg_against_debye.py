"""Two engines that share nothing but f: lines of spheres, and pairs of atoms inside spheres."""

import bragg_cases as cases
import numpy as np
import pytest

from xrdfit.crystal.radiation import radiation
from xrdfit.diffraction import bragg, debye
from xrdfit.diffraction.settings import EngineSettings

GRID = np.linspace(20.0, 65.0, 1501)


@pytest.mark.parametrize(("size_nm", "tolerance"), [(15.0, 4e-3), (30.0, 2e-3)])
def test_large_spheres(size_nm, tolerance):
    # What is left is |F|^2 taken at the line instead of along it, and the tail of 000: both go as 1/D.
    settings = EngineSettings(shape="sphere", lorentz_along_profile=True)
    structure, source = cases.cu2se(4), radiation("cu-ka1")
    lines, pairs = (engine.bind(structure, GRID, source, settings) for engine in (bragg, debye))
    by_lines = lines.pattern(cases.values_for(lines, structure, size_nm=size_nm))
    by_pairs = pairs.pattern(cases.values_for(pairs, structure, size_nm=size_nm))
    assert np.abs(by_lines - by_pairs).max() < tolerance * by_pairs.max()
