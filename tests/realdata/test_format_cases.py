"""Small files that went wrong with somebody, with their right readings; skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"

# 200 points from 10.00 to 13.98°, the maximum 6904 at 11.50, 892 at the end.
SAME_SCAN = {
    "files/f01_start_step_stop.dat": "start-step-stop",
    "files/f04_philips.udf": "udf",
    "files/f05_sietronics.cpi": "cpi",
    "files/f06_jade.mdi": "mdi",
    "files/f08_jcamp_xpp_yy.jdx": "jcamp",
    "files/n08_gsas2_export.csv": "gsas2-csv",
    "files/c03_dotted_names.cif": "cif",
}


@pytest.fixture(scope="module")
def cases() -> Path:
    if not CASES.is_dir():
        pytest.skip(f"the cases are not there: {CASES}")
    return CASES


def assert_scan(pattern, start=10.0) -> None:
    np.testing.assert_allclose(pattern.two_theta, start + 0.02 * np.arange(200), atol=1e-9)
    counts = pattern.counts.values
    assert (counts[0], counts[1], counts.max(), counts[-1]) == (889, 903, 6904, 892)
    assert float(pattern.two_theta[int(np.argmax(counts))]) == pytest.approx(start + 1.5)


@pytest.mark.parametrize("name", SAME_SCAN)
def test_the_scan_of_200_points(name, cases):
    pattern = read_pattern(cases / name)
    assert pattern.attrs["format"] == SAME_SCAN[name]
    assert_scan(pattern)


def test_facts_of_headers(cases):
    udf = read_pattern(cases / "files/f04_philips.udf").attrs
    assert udf["wavelengths"] == [1.5406, 1.54439]
    np.testing.assert_allclose(udf["wavelength_weights"], [2 / 3, 1 / 3])
    assert read_pattern(cases / "files/c03_dotted_names.cif").attrs["sigma_from"] == "file"
    assert read_pattern(cases / "crystals/11a_neutron_pdcif.cif").attrs["probe"] == "neutron"


def test_two_ranges_are_two_scans(cases):
    for scan, start in ((0, 10.0), (1, 20.0)):
        assert_scan(read_pattern(cases / "files/f07_bruker_text_two_ranges.txt", scan=scan), start)


def test_rows_in_degrees(cases):
    pattern = read_pattern(cases / "files/f09_fxye_in_degrees.gsas")
    np.testing.assert_allclose(pattern.two_theta, 10 + 0.02 * np.arange(200))
    assert "in degrees" in pattern.attrs["notes"]


def test_pyfai_xrdml(cases):
    pattern = read_pattern(cases / "files/f10_pyfai.xrdml")
    assert pattern.sizes["two_theta"] == 500
    assert float(pattern.two_theta[0]) == pytest.approx(0.0308, abs=1e-4)
    assert float(pattern.two_theta[-1]) == pytest.approx(30.737, abs=1e-3)
    assert pattern.attrs["wavelengths"] == [0.5]


def test_unknown_weights_are_left_out(cases):
    pattern = read_pattern(cases / "files/c01_unknown_weight_last.cif")
    assert pattern.sizes["two_theta"] == 194  # five of weight 0 at the start, one unknown at the end
    assert float(pattern.two_theta[-1]) == pytest.approx(13.96)


def test_padded_last_record(cases):
    pattern = read_pattern(cases / "crystals/16_gsas_std_padded_last_record.gsa")
    np.testing.assert_array_equal(pattern.counts, 100 + 3 * np.arange(23))


def test_a_block_of_zeros_is_named(cases):
    assert "128 points" in read_pattern(cases / "hostile/zeroed_block.raw").attrs["notes"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("files/r01_short_scan_full_range.xrdml", "was interrupted after 120 points"),
        ("hostile/brmlnest8000.brml", "nests XML elements over 100 levels deep"),
        ("hostile/bomb_rows50.rasx", "compressed more than 100 times"),
        ("hostile/rasx_digits.rasx", r"without a Data0/Profile0\.txt"),
    ],
)
def test_refused_in_one_true_line(name, message, cases):
    with pytest.raises(InputError, match=message) as caught:
        read_pattern(cases / name)
    assert str(caught.value).isprintable()
