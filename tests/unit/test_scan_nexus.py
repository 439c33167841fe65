"""NeXus HDF5: axes and units, several patterns, paths inside the file, and what must not be followed or waited for."""

from __future__ import annotations

import io
import time

import h5py
import numpy as np
import pytest
import scan_files as files
from scan_files import ALPHA1, ANGLES, COUNTS, N

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern
from xrdfit.scan.isolated import call
from xrdfit.scan.nexus import read_here, read_inside
from xrdfit.scan.schema import to_dataset


def edited(data: bytes, change) -> bytes:
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


@pytest.mark.parametrize("unit", ["degrees", "2th_deg", "rad", "1/angstrom", "q_nm^-1"])
@pytest.mark.parametrize("definition", ["NXazint1d", "NXmonopd"])
def test_every_unit_of_the_radial_axis(unit, definition):
    (scan,) = read_here(files.nexus(unit, definition=definition), None)
    pattern = to_dataset(scan)
    np.testing.assert_allclose(pattern.two_theta, ANGLES, atol=1e-9)
    np.testing.assert_array_equal(pattern.counts, COUNTS)
    assert pattern.attrs["sigma_from"] == "file"
    assert pattern.attrs["wavelengths"] == [ALPHA1]
    assert (pattern.attrs["probe"], pattern.attrs["sample"]) == ("xray", "Cu2Se")


def test_several_patterns_are_scans_and_a_path_chooses_the_group(tmp_path):
    path = tmp_path / "scan.h5"
    path.write_bytes(files.nexus(frames=3, nested=True))
    with pytest.raises(InputError, match="holds 3 scans"):
        read_pattern(path)
    for inside in ("entry/azint1d", "/entry/data", "entry/azint1d/data/I"):
        pattern = read_pattern(f"{path}::{inside}", scan=2)
        np.testing.assert_array_equal(pattern.counts, COUNTS)
        assert pattern.attrs["wavelengths"] == [ALPHA1]


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("entry/nothing", r"holds no 'entry/nothing'; its NXdata groups are /entry/azint1d/data, /entry/azint2d/data"),
        ("entry/azint2d", "not one pattern"),
        ("entry/sample", "holds no integrated pattern"),
    ],
)
def test_a_path_that_holds_no_pattern(inside, message):
    with pytest.raises(InputError, match=message):
        read_here(files.nexus(nested=True), inside)


def test_a_path_inside_a_file_that_has_none(tmp_path):
    path = tmp_path / "scan.xy"
    path.write_bytes(files.columns())
    with pytest.raises(InputError, match="only nexus files are read as FILE::PATH"):
        read_pattern(f"{path}::entry")
    odd = tmp_path / "a::b"
    odd.write_bytes(files.columns())
    assert read_pattern(odd).sizes["two_theta"] == N


@pytest.mark.parametrize("unit", ["", "mm", "NX_ANGLE", "1/m", "keV"])
def test_an_axis_of_another_unit_is_refused_by_name(unit):
    data = edited(files.nexus(), lambda f: f["entry/data/radial_axis"].attrs.modify("units", unit))
    with pytest.raises(InputError, match=f"the axis 'radial_axis' in {unit!r}"):
        read_here(data, None)


def test_an_azimuthal_axis_in_degrees_is_no_two_theta():
    data = edited(files.nexus(), lambda f: f["entry/data/radial_axis"].attrs.create("long_name", "azimuthal angle"))
    with pytest.raises(InputError, match=r"2θ .* and Q are read"):
        read_here(data, None)


def test_bins_that_no_pixel_reached_are_left_out():
    def change(file):
        file["entry/data/norm"] = np.r_[0.0, np.ones(N - 1)]
        file["entry/data/I"][0, -1] = np.nan

    (scan,) = read_here(edited(files.nexus(), change), None)
    np.testing.assert_array_equal(scan.x, ANGLES[1:-1])
    assert scan.meta["notes"] == "2 points that no pixel reached are left out"


def test_wavelengths_that_disagree_are_not_chosen_from():
    def change(file):
        other = file.create_group("entry/reduction/input")
        other.create_dataset("wavelength", data=0.5).attrs["units"] = "angstrom"

    (scan,) = read_here(edited(files.nexus(), change), None)
    assert "wavelengths" not in scan.meta
    assert "several wavelengths" in scan.meta["notes"]


@pytest.mark.parametrize(
    ("value", "unit", "length"),
    [(0.154, "nm", 1.54), (1.54e-10, "m", 1.54), (1.54, "furlong", None), (-1.0, "angstrom", None)],
)
def test_units_of_the_wavelength(value, unit, length):
    def change(file):
        file["entry/instrument/monochromator/wavelength"][()] = value
        file["entry/instrument/monochromator/wavelength"].attrs["units"] = unit

    (scan,) = read_here(edited(files.nexus(), change), None)
    assert scan.meta.get("wavelengths") == (None if length is None else [pytest.approx(length)])


def test_energy_and_calibration_give_the_wavelength_where_it_is_not_stated():
    def change(file):
        del file["entry/instrument/monochromator/wavelength"]
        file.create_dataset("entry/instrument/monochromator/energy", data=24.797).attrs["units"] = "keV"

    (scan,) = read_here(edited(files.nexus(), change), None)
    assert scan.meta["wavelengths"] == [pytest.approx(0.5, rel=1e-4)]

    def calibrated(file):
        del file["entry/instrument/monochromator/wavelength"]
        file["entry/reduction/input/poni"] = "Distance: 0.1\nWavelength: 5.0e-11\n"

    (scan,) = read_here(edited(files.nexus(), calibrated), None)
    assert scan.meta["wavelengths"] == [pytest.approx(0.5)]


def test_other_files_are_not_read(tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.full(N, 7.0).tobytes())

    def external(file):
        del file["entry/data/I"]
        file["entry/data"].create_dataset("I", (N,), dtype="f8", external=[(str(secret), 0, 8 * N)])

    with pytest.raises(InputError, match="keeps I in another file"):
        read_here(edited(files.nexus(), external), None)

    other = tmp_path / "other.h5"
    other.write_bytes(files.nexus())

    def linked(file):
        del file["entry/data"]
        file["entry/data"] = h5py.ExternalLink(str(other), "/entry/data")

    with pytest.raises(InputError, match="holds no integrated pattern"):
        read_here(edited(files.nexus(), linked), None)
    with pytest.raises(InputError, match="holds no 'entry/data'"):
        read_here(edited(files.nexus(), linked), "entry/data")


def test_a_shape_that_announces_too_much_is_refused_before_it_is_read():
    def change(file):
        del file["entry/data/I"]
        file["entry/data"].create_dataset("I", (10**10, N), dtype="f8", chunks=(1, N))

    with pytest.raises(InputError, match="more than 20000000 intensities"):
        read_here(edited(files.nexus(), change), None)


def test_a_hard_link_in_a_circle_ends():
    def change(file):
        file["entry/again"] = file["entry"]

    assert len(read_here(edited(files.nexus(), change), None)) == 1


def test_a_file_that_the_library_never_finishes(tmp_path):
    # One byte of a global heap: HDF5 2.0 then looks for an attribute's text for ever.
    data = bytearray(files.nexus())
    at = data.find(b"GCOL")
    started = time.perf_counter()
    for offset in (8, 16, 24, 32):
        broken = bytearray(data)
        broken[at + offset : at + offset + 8] = bytes(8)
        try:
            read_inside(bytes(broken), None)
        except InputError as error:
            assert str(error).isprintable()  # noqa: PT017
    assert time.perf_counter() - started < 300


def test_a_function_that_crashes_is_an_input_error():
    with pytest.raises(InputError, match="crashes or does not end"):
        call("os", "abort", b"")


@pytest.mark.parametrize("data", [b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n\x09" + bytes(60), b"text"])
def test_what_is_no_hdf5(data):
    with pytest.raises(InputError, match="HDF5"):
        read_inside(data, None)
