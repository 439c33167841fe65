"""Small text files that went wrong somewhere: each is read right, or refused in one true line."""

from __future__ import annotations

from pathlib import Path

import pytest

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"

# file: points, first and last 2θ, largest intensity and where, origin of the errors, facts, words of the notes
READ = {
    "files/q03_q_named_wavelength_in_json.dat": (297, 0.0304, 18.1018, 2822.645, "poisson", {"wavelengths": [0.5]}, ""),
    "files/q05_xunits_q_lambda1.dat": (
        200,
        7.02869,
        66.629,
        6904,
        "poisson",
        {"wavelengths": [1.540598]},
        "1/Å is taken",
    ),
    "files/w01_tth_wavelength_in_json.xye": (297, 0.0308, 18.2451, 2868.595, "file", {"wavelengths": [0.5]}, ""),
    "files/w02_lambda1.xy": (200, 10, 13.98, 6904, "poisson", {"wavelengths": [1.540598]}, ""),
    "files/w05_eva_anode_mo.xy": (
        200,
        10,
        13.98,
        6904,
        "poisson",
        {"anode": "Mo", "radiation": "mo-ka"},
        "mo-ka is taken",
    ),
    "files/w06_highscore_ka1.csv": (
        200,
        10,
        13.98,
        6904,
        "poisson",
        {"radiation": "cu-ka1", "wavelengths": [1.540598]},
        "",
    ),
    "files/h01_prose_taken_for_names.xy": (250, 0.5, 0.74897, 353.8913, "file", {"wavelengths": [0.413909]}, ""),
    "files/h02_powder_xray_3col.xye": (200, 10, 13.98, 6904, "file", {}, ""),
    "files/h05_twotheta_offset_3col.xye": (200, 10, 13.98, 6904, "file", {}, ""),
    "files/n01_two_wavelengths_line.dat": (200, 10, 13.98, 6904, "poisson", {}, "not read as data"),
    "files/n03_thousands_tab.txt": (200, 10, 13.98, 6904, "poisson", {}, "thousands separators"),
    "files/n05_pandas_index_150.csv": (150, 10, 12.98, 6904, "poisson", {}, ""),
    "files/n07_quoted.csv": (200, 10, 13.98, 6904, "poisson", {}, ""),
    "files/n09_ctrl_z.dat": (200, 10, 13.98, 6904, "poisson", {}, ""),
    "files/n10_utf16_without_mark.txt": (200, 10, 13.98, 6904, "poisson", {}, ""),
    "files/n12_third_column_is_background.txt": (200, 10, 13.98, 6904, "poisson", {}, "900 everywhere: not taken"),
    "files/n13_cps_label.csv": (200, 10, 13.98, 6904, "poisson", {}, "counts per second without a counting time"),
    "files/a01_starts_at_zero.xye": (299, 0.001, 0.299, 480.363, "file", {}, "1 point at 0° at 2θ ≤ 0 left out"),
    "files/a06_nan_masked.xye": (198, 10.04, 13.98, 6904, "file", {}, "2 points from 10 to 10.02° without a number"),
    "files/a07_masked_zero_bins.xy": (191, 10, 13.98, 6904.25, "poisson", {}, "9 points from 11.22 to 11.38° of 0"),
    "hostile/thousands_tab.txt": (40, 20, 21.95, 10500, "poisson", {}, "1,500 is 1500"),
    "hostile/space_thousands.txt": (40, 20, 21.95, 10500, "poisson", {}, "is 1500"),
    "hostile/cut_last.xy": (40, 20, 21.95, 10500, "poisson", {}, "has no end"),
    "hostile/gap.prn": (1800, 5, 44.98, 25185, "poisson", {}, "no points from 16 to 20.02°"),
    "hostile/intensity_calc.csv": (40, 20, 21.95, 10500, "poisson", {}, "column intensity calc was not read"),
    "hostile/blanklines.xy": (40, 20, 21.95, 1000, "poisson", {}, ""),
    "hostile/lambda1200.xy": (40, 20, 21.95, 1000, "poisson", {}, ""),
}
REFUSED = {
    "files/q01_chi_label.chi": "Q in 1/Å and states no wavelength; give it: --radiation",
    "files/q04_template_header_q.dat": r"in line 23, which is not known; pass --axis",
    "files/q07_q_csv_for_cli.csv": "Q in 1/Å and states no wavelength; give it: --radiation",
    "files/q08_fit2d_radial_mm.chi": r"has the axis 'Radial Distance \(mm\)'",
    "files/a03_theta_label.xy": "has the axis 'theta' .*pass --axis",
    "files/a04_shimadzu_theta_drive.txt": "is a scan of 'Theta' .*not of 2θ",
    "files/a08_background_subtracted.xy": "counts is -61 at point 1 .*--sigma",
    "hostile/halfbad.xy": "line 1 is not a row of numbers: '20.00 O1500'",
    "hostile/sig_allhuge.xy": r"sigma is 1\.68819e\+201 at point 1",
    "hostile/sig_alltiny.xy": "sigma is 1.68819e-199 at point 1",
}


@pytest.fixture(scope="module")
def cases() -> Path:
    if not CASES.is_dir():
        pytest.skip(f"the small cases are not there: {CASES}")
    return CASES


@pytest.mark.parametrize("name", READ)
def test_read_right(name, cases):
    points, first, last, largest, origin, facts, words = READ[name]
    scan = read_pattern(cases / name)
    assert scan.sizes["two_theta"] == points
    assert float(scan.two_theta[0]) == pytest.approx(first, abs=1e-4)
    assert float(scan.two_theta[-1]) == pytest.approx(last, abs=1e-4)
    assert float(scan.counts.max()) == pytest.approx(largest)
    assert scan.attrs["sigma_from"] == origin
    for key, value in facts.items():
        assert scan.attrs[key] == value
    assert words in scan.attrs.get("notes", "")
    assert "axis" in scan.attrs["evidence"]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_a_true_line(name, cases):
    with pytest.raises(InputError, match=REFUSED[name]):
        read_pattern(cases / name)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("files/q01_chi_label.chi", {"wavelength": 0.5}),
        ("files/q04_template_header_q.dat", {"axis": "q"}),
        ("files/q07_q_csv_for_cli.csv", {"wavelength": 0.5}),
        ("files/q08_fit2d_radial_mm.chi", {"axis": "two_theta"}),
        ("files/a03_theta_label.xy", {"axis": "two_theta"}),
        ("files/a08_background_subtracted.xy", {"sigma": "poisson+950"}),
    ],
)
def test_the_option_that_a_refusal_names_helps(name, options, cases):
    assert read_pattern(cases / name, **options).sizes["two_theta"] >= 200
