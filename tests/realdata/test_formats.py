"""Real instruments' files: every one is read, and two formats of one scan agree."""

from __future__ import annotations

import numpy as np
import pytest

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern

# file: format, points, first and last angle, largest intensity, facts of the header
CU = {"anode": "Cu"}
KA = {"anode": "Cu", "radiation": "cu-ka"}
EMPYREAN = KA | {"wavelengths": [1.540598, 1.544426], "wavelength_weights": [2 / 3, 1 / 3], "radius_mm": 240.0}
FILES = {
    "fit/caf2_fluorite_cpd.prn": (
        "text",
        7251,
        5.0,
        150.0,
        10241,
        {},
    ),
    "fit/lab6_nist_srm660c_100a.cif": (
        "cif",
        5332,
        20.3,
        150.908,
        4319,
        KA | {"radius_mm": 217.5, "monochromator_deg": 26.6, "sample": "SRM 660c LaB6", "sigma_from": "file"},
    ),
    "fit/RbTa2O5F.xrdml": (
        "xrdml",
        8758,
        5.00656514,
        119.98845054,
        296615,
        EMPYREAN | {"sample": "RbTa2O5F", "count_time_s": 598.995},
    ),
    "fit/cu3au_ordered.raw": (
        "bruker-raw",
        3901,
        22.0,
        100.0,
        375,
        KA | {"wavelength_weights": [2 / 3, 1 / 3], "radius_mm": 200.5},
    ),
    "fit/NiO_0p6007-Bi2O3_0p4008--8min.xrdml": (
        "xrdml",
        8282,
        10.00943322,
        99.99442286,
        12775,
        KA | {"radius_mm": 145.0},
    ),
    "formats/rigaku_nims.ras": (
        "ras",
        3501,
        25.0,
        60.0,
        4551,
        CU | {"wavelengths": [1.540593, 1.544414], "sample": "Test Sample"},
    ),
    "formats/rigaku_TwoTheta_scan_powder.rasx": (
        "rasx",
        2726,
        10.0,
        119.0,
        1698.50854492188,
        CU | {"radius_mm": 300.0, "count_time_s": 2.4},
    ),
    "formats/rigaku_geddes_sample.rasx": (
        "rasx",
        2334,
        10.0,
        79.99,
        6209.0966796875,
        CU | {"radius_mm": 300.0},
    ),
    "formats/panalytical_XRD-918-16_10.xrdml": (
        "xrdml",
        5027,
        4.00656514,
        69.99936587,
        100168,
        EMPYREAN | {"count_time_s": 39.27},
    ),
    "formats/panalytical_empyrean_v1.5.xrdml": (
        "xrdml",
        196,
        30.05,
        41.75,
        22,
        EMPYREAN,
    ),
    "formats/panalytical_attenuator_m54313.xrdml": (
        "xrdml",
        1800,
        26.025,
        79.995,
        352876,
        KA | {"radius_mm": 320.0},
    ),
    "formats/bruker_raw1_LiCoO2.RAW": (
        "bruker-raw",
        4001,
        15.985,
        135.985,
        38405,
        {"wavelengths": [1.5406, 1.54443], "count_time_s": 12.5},
    ),
    "formats/bruker_LiCoO2.UXD": (
        "uxd",
        4001,
        15.985,
        135.985,
        38405,
        KA | {"count_time_s": 12.5},
    ),
    "formats/bruker_raw1_vinaigre.raw": (
        "bruker-raw",
        876,
        4.98,
        39.98,
        12880,
        {"sample": "VINAIGRE", "count_time_s": 4.0},
    ),
    "formats/bruker_raw2_zincite_QARR.raw": (
        "bruker-raw",
        7251,
        5.0,
        150.0,
        25185,
        KA | {"wavelengths": [1.5406, 1.5443], "count_time_s": 3.0},
    ),
    "formats/zincite_cpd.prn": (
        "text",
        7251,
        5.0,
        150.0,
        25185,
        {},
    ),
    "formats/bruker_raw101_BT86.raw": (
        "bruker-raw",
        2374,
        3.0,
        40.0002906,
        5774,
        KA | {"radius_mm": 200.5, "count_time_s": 0.5},
    ),
    "formats/bruker_BT86.UXD": (
        "uxd",
        2374,
        3.0,
        40.0,
        5774,
        KA | {"radius_mm": 200.5, "count_time_s": 0.5},
    ),
    "formats/bruker_raw4_aimat.raw": (
        "bruker-raw",
        4059,
        37.0001,
        120.0046,
        94855,
        KA | {"wavelengths": [1.5406, 1.54439]},
    ),
    "formats/bruker_23-012-AG_thinfilm.brml": (
        "brml",
        2001,
        44.0,
        48.0,
        495559.8,
        KA | {"count_time_s": 1.0},
    ),
    "formats/gsas_text_geddes.raw": (
        "gsas",
        4941,
        16.0,
        99.98,
        7959,
        {"sample": "Co"},
    ),
    "formats/geddes_sample.xy": (
        "text",
        11900,
        1.0,
        119.99,
        100,
        {},
    ),
    "neutron/garnet_d1a.raw": (
        "gsas",
        2679,
        24.0,
        157.9,
        2664,
        {"sample": "Y3FE2(ALO4)3 RT 1.909"},
    ),
    "neutron/pbso4_d1a.dat": ("text", 1801, 10.0, 100.0, 2459, {"sigma_from": "file"}),
    "neutron/pbso4_lab_xray.dat": ("text", 3601, 10.0, 100.0, 15702, {"sigma_from": "file"}),
    "neutron/lbco_hrpt.xye": ("text", 3098, 10.0, 164.85, 3532, {}),
}


@pytest.mark.parametrize("name", FILES)
def test_file(name, realdata):
    kind, points, first, last, largest, facts = FILES[name]
    before = (realdata / name).read_bytes()
    pattern = read_pattern(realdata / name)
    assert (realdata / name).read_bytes() == before
    assert pattern.attrs["format"] == kind
    assert pattern.sizes["two_theta"] == points
    assert float(pattern.two_theta[0]) == pytest.approx(first, abs=1e-6)
    assert float(pattern.two_theta[-1]) == pytest.approx(last, abs=1e-4)
    assert float(pattern.counts.max()) == pytest.approx(largest)
    for fact, value in facts.items():
        assert pattern.attrs[fact] == (value if isinstance(value, str) else pytest.approx(value))


def test_every_file_is_in_the_list(realdata):
    others = {"RbTa2O5F.cif", "inst_d1a.prm", "co2sio4_d20_60-500K.zip"}
    there = {f"{p.parent.name}/{p.name}" for p in realdata.glob("*/*") if not p.name.startswith(("LICENSE", "."))}
    listed = {name for name in there if name.split("/")[1] not in others}
    assert set(FILES) <= listed  # what came later is at least read
    for name in listed - set(FILES):
        assert read_pattern(realdata / name).sizes["two_theta"] >= 10, name
    with pytest.raises(InputError, match="a structure is no scan"):
        read_pattern(realdata / "fit/RbTa2O5F.cif")


@pytest.mark.parametrize(
    ("first", "second", "digits"),
    [
        ("bruker_raw1_LiCoO2.RAW", "bruker_LiCoO2.UXD", 0.0),
        ("bruker_raw2_zincite_QARR.raw", "zincite_cpd.prn", 0.0),
        ("bruker_raw101_BT86.raw", "bruker_BT86.UXD", 5e-3),  # the UXD prints four digits
    ],
)
def test_two_formats_of_one_scan_agree(first, second, digits, realdata):
    one, two = (read_pattern(realdata / "formats" / name) for name in (first, second))
    np.testing.assert_array_equal(one.counts.values, two.counts.values)
    np.testing.assert_allclose(one.two_theta.values, two.two_theta.values, rtol=0, atol=digits + 1e-9)


def test_the_garnet_scan_has_the_counters_of_its_records(realdata):
    # Up to ten counters saw a point; GSAS stores their mean, so sigma² is that over their number.
    pattern = read_pattern(realdata / "neutron/garnet_d1a.raw")
    counters = 1 / pattern.gain.values
    np.testing.assert_allclose(counters, np.round(counters), atol=1e-12)
    assert (counters.min(), counters.max()) == (1, 10)
    np.testing.assert_allclose(pattern.sigma**2, pattern.counts / counters)


def test_attenuated_points_continue_the_peak(realdata):
    # A substrate's peak through the attenuator: raw counts drop by the factor where it comes in; true ones do not.
    pattern = read_pattern(realdata / "formats/panalytical_attenuator_m54313.xrdml")
    gain = pattern.gain.values
    assert set(gain) == {1.0, 188.0}
    assert gain[int(np.argmax(pattern.counts.values))] == 188.0
    assert float((pattern.counts / pattern.gain).max()) < float(pattern.counts.max())
    np.testing.assert_allclose(pattern.counts / gain, np.round(pattern.counts / gain), atol=1e-6)
    assert "Ge monochromator" in pattern.attrs["notes"]


def test_absorber_of_the_brml(realdata):
    # What the detector counted is whole only if the stored intensity contains the absorber's factor.
    pattern = read_pattern(realdata / "formats/bruker_23-012-AG_thinfilm.brml")
    detected = (pattern.counts / pattern.gain).values
    np.testing.assert_allclose(detected, np.round(detected), atol=1e-6)
    assert set(pattern.gain.values) == {1.0, 8.3}


def test_nist_weights_are_inverse_variances(realdata):
    # The file: weight = tau²/(N+1) for N counts in tau seconds, intensity N/tau. So tau follows from each point alone,
    # and has to come out as one whole number of seconds on every window, but for the three digits that are printed.
    pattern = read_pattern(realdata / "fit/lab6_nist_srm660c_100a.cif")
    angle, counts, sigma = (pattern[name].values for name in ("two_theta", "counts", "sigma"))
    starts = np.flatnonzero(np.diff(angle) > 0.5) + 1
    windows = np.split(np.arange(len(angle)), starts)
    assert len(windows) == 24
    for window in windows:
        y, variance = counts[window], sigma[window] ** 2
        # tau² = w·(tau·y + 1), solved for tau
        tau = (y / variance + np.sqrt((y / variance) ** 2 + 4 / variance)) / 2
        assert tau.mean() == pytest.approx(round(tau.mean()), abs=0.06)
        assert np.std(tau) / tau.mean() < 0.02
