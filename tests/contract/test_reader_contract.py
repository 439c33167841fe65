"""Every reader keeps the same promises, whatever the format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scan_files import ANGLES, COUNTS, SAMPLES, SEVERAL

from xrdfit.errors import InputError
from xrdfit.scan import formats, read_pattern

# What each format's sample states; a file states neither more nor less than this.
STATED = {
    "text": {"evidence"},
    "xrdml": {
        "anode",
        "wavelengths",
        "wavelength_weights",
        "radiation",
        "sample",
        "radius_mm",
        "count_time_s",
        "monochromator_deg",
    },
    "uxd": {"anode", "wavelengths", "wavelength_weights", "radiation", "sample", "radius_mm", "count_time_s"},
    "brml": {"anode", "wavelengths", "wavelength_weights", "radiation", "sample", "radius_mm", "count_time_s"},
    "ras": {"anode", "wavelengths", "sample", "count_time_s"},
    "rasx": {"anode", "wavelengths", "sample", "count_time_s", "radius_mm"},
    "asc": {"anode", "wavelengths", "sample", "count_time_s"},
    "gsas": {"sample"},
    "cif": {"anode", "wavelengths", "wavelength_weights", "radiation", "sample", "radius_mm"},
    "chi": {"evidence"},
    "udf": {"anode", "wavelengths", "wavelength_weights", "radiation", "sample", "count_time_s"},
    "philips-rd": {"anode", "wavelengths", "wavelength_weights", "radiation", "sample", "notes"},
    "cpi": {"anode", "wavelengths", "sample"},
    "mdi": {"anode", "wavelengths", "sample", "count_time_s"},
    "start-step-stop": set(),
    "jcamp": {"sample"},
    "bruker-text": {"anode", "wavelengths", "wavelength_weights", "radiation", "sample"},
    "nexus": {"wavelengths", "sample", "probe"},
}
# By the sample's name where samples of one format differ.
STATED_BY = {
    "cif dotted": {"wavelengths", "sample", "probe"},
    "gsas2 histogram": {"wavelengths", "wavelength_weights", "sample", "radius_mm", "probe"},
    **{key: set() for key in ("gsas2 plot", "gsas2 plot semicolon", "gsas2 plot unquoted", "gsas2 plot shifted")},
}
ROOTS_OF_COUNTS = ("rd", "sd")
ALWAYS = {"file", "format", "scan_index", "n_scans", "sigma_from"}


def assert_one_line(error: InputError) -> None:
    assert str(error).isprintable()


@pytest.fixture
def write(tmp_path: Path):
    def _write(data: bytes, name: str = "scan.dat") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return _write


@pytest.mark.parametrize("name", SAMPLES)
def test_same_scan_from_every_format(name, write):
    kind, data = SAMPLES[name]
    path = write(data)
    pattern = read_pattern(path)
    np.testing.assert_allclose(pattern.two_theta, ANGLES, rtol=0, atol=1e-9)
    if name in ROOTS_OF_COUNTS:  # the format keeps 10·sqrt(N) in whole numbers
        assert np.all(np.abs(pattern.counts - COUNTS) <= 0.1 * np.sqrt(COUNTS) + 0.5)
    else:
        np.testing.assert_array_equal(pattern.counts, COUNTS)
    # Samples with errors state those of counting, to the digits that they print.
    np.testing.assert_allclose(pattern.sigma, np.sqrt(pattern.counts), rtol=1e-4)
    assert pattern.attrs["format"] == kind
    assert "gain" not in pattern
    assert path.read_bytes() == data


@pytest.mark.parametrize("name", SAMPLES)
def test_states_what_the_file_states_and_nothing_else(name, write):
    kind, data = SAMPLES[name]
    attrs = read_pattern(write(data)).attrs
    if name in STATED_BY or kind in STATED:
        assert set(attrs) - ALWAYS == STATED_BY.get(name, STATED.get(kind))
    expected = {"sample": "Cu2Se", "anode": "Cu", "radiation": "cu-ka"}
    for key, value in expected.items():
        assert attrs.get(key, value) == value
    assert attrs.get("count_time_s", 2.0) == pytest.approx(2.0)
    lines = attrs.get("wavelengths", [])
    np.testing.assert_allclose(lines, [1.5406, 1.5444][: len(lines)], atol=1e-9)
    np.testing.assert_allclose(attrs.get("wavelength_weights", [2 / 3, 1 / 3]), [2 / 3, 1 / 3], atol=1e-9)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("ending", [".xy", ".raw", ".cif", ""])
def test_the_content_decides(name, ending, write):
    kind, data = SAMPLES[name]
    assert read_pattern(write(data, "scan" + ending)).attrs["format"] == kind


@pytest.mark.parametrize("name", SAMPLES)
def test_a_cut_file_is_an_error_or_a_valid_pattern(name, write):
    _, data = SAMPLES[name]
    for size in sorted({int(x) for x in np.linspace(1, len(data) - 1, 60)} | set(range(1, 12))):
        try:
            pattern = read_pattern(write(data[:size]))
        except InputError as error:
            assert_one_line(error)
        else:
            # Text without a stated length may end early; what was read is the beginning of the scan.
            n = pattern.sizes["two_theta"]
            np.testing.assert_allclose(pattern.two_theta[:-1], ANGLES[: n - 1], atol=1e-9)


@pytest.mark.parametrize(
    "name",
    [
        *("raw1", "raw2", "raw3", "raw4", "xrdml", "brml", "rasx", "ras", "asc", "gsas std", "chi", "udf", "rd", "sd"),
        *("mdi", "jcamp", "jcamp pac", "jcamp sqz", "jcamp dif", "jcamp difdup", "jcamp points", "nexus"),
    ],
)
def test_formats_that_know_their_length_refuse_any_cut(name, write):
    _, data = SAMPLES[name]
    for size in np.linspace(len(data) // 2, len(data) - 30, 20).astype(int):
        with pytest.raises(InputError):
            read_pattern(write(data[:size]))


@pytest.mark.parametrize("name", SEVERAL)
def test_several_scans_are_listed_and_chosen(name, write):
    path = write(SEVERAL[name])
    with pytest.raises(InputError, match=r"holds 2 scans: 0: 20–21\.95° 40 points.*; 1: .*pass --scan N"):
        read_pattern(path)
    for index in (0, 1):
        pattern = read_pattern(path, scan=index)
        np.testing.assert_array_equal(pattern.counts, COUNTS)
        assert (pattern.attrs["scan_index"], pattern.attrs["n_scans"]) == (index, 2)
    for index in (2, -1):
        with pytest.raises(InputError, match="allowed is 0 to 1"):
            read_pattern(path, scan=index)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_dataset_can_be_saved(name, write, tmp_path):
    import xarray as xr

    pattern = read_pattern(write(SAMPLES[name][1]))
    pattern.to_netcdf(tmp_path / "scan.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "scan.nc", engine="h5netcdf") as again:
        xr.testing.assert_identical(pattern.drop_attrs(), again.load().drop_attrs())
        assert again.attrs["format"] == pattern.attrs["format"]


def test_formats_name_every_reader():
    names = [info.name for info in formats()]
    assert len(set(names)) == len(names)
    assert {kind for kind, _ in SAMPLES.values()} == set(names)
    assert all(info.description and info.kept and all(e.startswith(".") for e in info.endings) for info in formats())


@pytest.mark.parametrize("kind", [info.name for info in formats()])
def test_a_named_format_does_not_break_on_another_one(kind, write):
    for _, data in SAMPLES.values():
        path = write(data)
        try:
            read_pattern(path, format=kind)
        except InputError as error:
            assert_one_line(error)


def test_unknown_format_lists_the_known(write):
    with pytest.raises(InputError, match="'excel' is not known; allowed are xrdml, bruker-raw"):
        read_pattern(write(b"1 2\n"), format="excel")
