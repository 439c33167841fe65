"""Twenty scans of a reaction with their blank, and 23 measured neutron scans along the temperature; minutes each."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

import xrdfit as xf

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("XRDFIT_SLOW"), reason="minutes: XRDFIT_SLOW=1"),
]
CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "series"


@pytest.mark.parametrize("mode", ["independent", "joint"])
def test_a_reaction(mode):
    if not CASES.is_dir():
        pytest.skip(f"the scans are not there: {CASES}")
    blank = xf.read_pattern(CASES / "blank.xy")
    from xrdfit.diffraction.background import Blank, Chebyshev, Hump

    share = {"share": ["b_*", "size_sigma"]} if mode == "joint" else {}
    found = xf.fit_series(
        xf.load_model("cu2se-4nm"), str(CASES / "t*min.xy"), coord={"name": "t{minutes}min.xy"}, mode=mode,
        engine="debye", total={"Cu": 8}, background=[Chebyshev(None), Blank(blank), Hump(19.8, 6.5)],
        vary=["displacement_mm", "size_sigma", "b_Se_4a", "b_Cu_8c"], tie=["b_Cu_32f = b_Cu_8c"], **share,
    )  # fmt: skip
    truth = np.genfromtxt(CASES / "truth.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(found.data["minutes"].values, truth["t_min"])
    assert bool(found.data["success"].all())
    for site, column in (("Cu_8c", "occ_8c"), ("Cu_32f", "occ_32f")):
        one = found.data.sel(site=site)
        away = one["occupancy"].values - truth[column]
        both = np.hypot(one["occupancy_stderr"].values, np.nan_to_num(one["occupancy_stderr_model"].values))
        assert np.abs(away / both).max() < 3.0
        assert 0.7 < np.sqrt(np.mean((away / one["occupancy_stderr"].values) ** 2)) < 1.3


MODEL = """schema = 1
name = "co2sio4"

[[phase]]
name = "co2sio4"
space_group = "Pnma"
cell = { a = 10.3, b = 6.0, c = 4.78 }
size_nm = 300.0
"""
SITES = (
    ("Co", "4a", "0, 0, 0"), ("Co", "4c", "0.279, 0.25, 0.985"), ("Si", "4c", "0.094, 0.25, 0.429"),
    ("O", "4c", "0.091, 0.25, 0.771"), ("O", "4c", "0.448, 0.25, 0.217"), ("O", "8d", "0.164, 0.032, 0.28"),
)  # fmt: skip


def test_a_cell_that_grows_with_the_temperature(realdata, tmp_path):
    with zipfile.ZipFile(realdata / "series" / "co2sio4_d20_60-500K.zip") as archive:
        archive.extractall(tmp_path)
    sites = [f'\n[[phase.site]]\nspecies = "{e}"\nwyckoff = "{w}"\nxyz = [{x}]\nb_iso = 0.5\n' for e, w, x in SITES]
    (tmp_path / "model.toml").write_text(
        MODEL + "".join(sites) + "\n[instrument]\nU = 0.3\nV = -0.5\nW = 0.4\nzero_deg = 0.1\n"
    )
    found = xf.fit_series(
        xf.load_model(tmp_path / "model.toml"), str(tmp_path / "*.dat"), engine="bragg",
        coord={"kelvin": "header:TEMP"}, mode="sequential", radiation="neutron:1.87", background=12,
        vary=["zero_deg", "U", "V", "W", "b_*", "x_*", "z_*", "y_O_8d", "occ_Co_*"], model_errors=False,
        range=(10.0, 150.0), fix={"mixing": None, "size_nm": 300.0, "b_overall": 0.0},
    )  # fmt: skip
    assert bool(found.data["success"].all())
    kelvin = found.data["kelvin"].values
    assert kelvin[0] < 61.0
    assert kelvin[-1] > 497.0
    volume = np.prod([found[n]["value"].values for n in "abc"], axis=0)
    assert (np.diff(volume)[3:] > 0.0).all()  # below 130 K it hardly grows
    smooth = np.polynomial.Polynomial.fit(kelvin, volume, 4)(kelvin)
    assert np.abs(volume - smooth).max() < 2e-4 * volume[0]
    for site in ("Co_4a", "Co_4c"):
        one = found.data.sel(site=site)
        assert (one["occupancy"].values + 3.0 * one["occupancy_stderr"].values > 1.0).all()
