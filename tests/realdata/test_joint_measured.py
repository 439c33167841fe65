"""PbSO4 by neutrons (D1A) and X-rays (laboratory) together: the example by which programmes show a joint fit.

Known: 8.4784, 5.3967, 6.9585 Å. Either scan alone has its cell from its own zero shift.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.inference.questions.identify import identify_result
from xrdfit.model.phase import Phase

KNOWN = {"a": 8.4784, "b": 5.3967, "c": 6.9585}
ATOMS = {
    "Pb": [(0.1876, 0.25, 0.167, 1.37)],
    "S": [(0.0654, 0.25, 0.684, 0.38)],
    "O": [(0.9082, 0.25, 0.5954, 1.98), (0.1935, 0.25, 0.5432, 1.45), (0.0811, 0.0272, 0.8086, 1.28)],
}
OF_SCANS = {
    "radiation": {"d1a": "neutron:1.91", "lab": 1.540567},
    "background": {"d1a": 6, "lab": 10},
    "instrument": {
        "d1a": xf.Instrument(U=0.139, V=-0.412, W=0.386, Y=0.05),
        "lab": xf.Instrument(U=0.304, V=-0.113, W=0.021, Y=0.05),
    },
}
CHOICES = {
    "vary": ["b_*", "x_*", "y_*", "z_*", "U", "V", "W", "Y", "S_L", "zero_deg"],
    "fix": ["b_overall", "size_nm", "mixing"],
}

pytestmark = pytest.mark.skipif(not os.environ.get("XRDFIT_SLOW"), reason="three fits of 30 parameters: XRDFIT_SLOW=1")


@pytest.fixture(scope="module")
def anglesite():
    rows = [{"species": e, "xyz": (x, y, z), "b_iso": b} for e, atoms in ATOMS.items() for x, y, z, b in atoms]
    structure = Structure.from_sites("pbso4", space_group("Pnma"), Cell(8.47, 5.39, 6.95), rows)
    return xf.PowderModel("pbso4", (Phase("pbso4", structure, size_nm=300.0, mixing=0.0),))


@pytest.fixture(scope="module")
def scans(realdata):
    files = {"d1a": "pbso4_d1a.dat", "lab": "pbso4_lab_xray.dat"}
    return {label: xf.read_pattern(realdata / "neutron" / file) for label, file in files.items()}


@pytest.fixture(scope="module")
def joint(anglesite, scans):
    return xf.fit(anglesite, scans, engine="bragg", **OF_SCANS, **CHOICES)


@pytest.mark.slow
def test_one_cell_fits_both(joint):
    assert joint.success
    for name, known in KNOWN.items():
        assert joint[name].value == pytest.approx(known, abs=0.003)


@pytest.mark.slow
@pytest.mark.parametrize("label", ["d1a", "lab"])
def test_neither_scan_fits_much_worse_than_alone(anglesite, scans, joint, label):
    own = {name: value[label] for name, value in OF_SCANS.items()}
    alone = xf.fit(anglesite, scans[label], engine="bragg", **own, **CHOICES)
    together = next(s for s in joint.scans if s.label == label)
    assert together.statistics.r_wp < 1.05 * alone.statistics.r_wp


@pytest.mark.slow
def test_errors_are_smaller_than_by_either_scan(joint):
    """Of counting: what both scans misfit multiplies them all by the worst scan's."""
    assert joint.inflation == pytest.approx(max(s.statistics.chi2_reduced for s in joint.scans))
    from xrdfit.inference.questions.by_scan import information_of

    information = information_of(joint.problem, joint.theta)
    names = [n for n, r in joint.problem.rows.items() if r.kind.belongs == "site" and n in joint.problem.direct]
    assert len(names) > 10
    for name in names:
        both, d1a, lab = (information.error(name, w) for w in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0)))
        assert both < min(d1a, lab)
        assert np.isfinite(d1a)
    with pytest.raises(xf.InputError, match="no occupancy"):
        identify_result(joint)
