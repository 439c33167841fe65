"""Processor time of a low-symmetry measured scan: `pytest tests/benchmarks/bench_measured.py -s`."""

from __future__ import annotations

import time
from dataclasses import replace

import xrdfit as xf
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.model.ties import parse_tie

ATOMS = (
    ("Pb", (0.1876, 0.25, 0.167), 1.37),
    ("S", (0.0654, 0.25, 0.684), 0.38),
    ("O", (0.9082, 0.25, 0.5954), 1.98),
    ("O", (0.1935, 0.25, 0.5432), 1.45),
    ("O", (0.0811, 0.0272, 0.8086), 1.28),
)
WIDTHS = ["U", "V", "W", "X", "Y", "S_L"]


def test_lead_sulfate_with_everything_free(realdata):
    """39 parameters with axial divergence; it took 7 s when derivatives were differences."""
    rows = [{"species": element, "xyz": xyz, "b_iso": b} for element, xyz, b in ATOMS]
    structure = Structure.from_sites("PbSO4", space_group("P n m a"), Cell(8.47, 5.39, 6.95, 90, 90, 90), rows)
    model = xf.PowderModel("pbso4", (xf.Phase("pbso4", structure, size_nm=100.0),))
    model = replace(model, ties=(parse_tie("H_L = S_L"),))
    scan = xf.read_pattern(realdata / "neutron" / "pbso4_lab_xray.dat")
    choices = {
        "radiation": "cu-ka1",
        "vary": ["displacement_mm", "zero_deg", *WIDTHS, "x_*", "y_*", "z_*", "b_*"],
        "fix": ["b_overall"],
        "start": {"U": 0.3, "V": -0.1, "W": 0.02, "S_L": 0.02},
        "background": 8,
    }
    xf.fit(model, scan, engine="bragg", **{**choices, "vary": ["displacement_mm"]})  # imports and tables
    begin = time.process_time()
    result = xf.fit(model, scan, engine="bragg", **choices)
    seconds = time.process_time() - begin
    print(f"\nPbSO4, {result.statistics.n_varied} parameters: {seconds:.2f} s")
    assert result.success
    assert result.statistics.chi2_reduced < 12.0
    assert seconds < 3.0
