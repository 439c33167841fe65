"""Crystals whose rules leave no slack, from the folder of small cases; skipped where it is absent."""

import pytest

import xrdfit as xf


@pytest.fixture(scope="module")
def crystals(realdata):
    folder = realdata.parent / "cases" / "crystals"
    if not folder.is_dir():
        pytest.skip(f"the small cases are not there: {folder}")
    return folder


@pytest.mark.slow
def test_garnet_has_one_degree_of_freedom(crystals):
    """Al 24 and Ga 16 on 16a and 24d, both full: gallium on 16a is 0.300 in truth."""
    result = xf.fit(
        xf.load_model(crystals / "04a_garnet_start.cif"),
        xf.read_pattern(crystals / "04a_garnet.xy"),
        engine="bragg",
        total={"Al": 24, "Ga": 16},
        vary=["occ_Al*", "occ_Ga*", "W"],
        radiation="cu-ka",
    )
    gallium = result["occ_Ga_16a"]
    assert gallium.stderr == pytest.approx(0.0016, abs=1e-4)
    assert abs(gallium.value - 0.300) < 2.0 * gallium.stderr
    assert {result[f"occ_{s}"].status for s in ("Al_16a", "Ga_16a", "Al_24d", "Ga_24d")} == {"varied", "derived"}
