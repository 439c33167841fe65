"""Columns of text in the separators, comments, headers and axes that people use."""

from __future__ import annotations

import numpy as np
import pytest
from scan_files import ANGLES, COUNTS, chi, columns

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern

Q = 4 * np.pi * np.sin(np.radians(ANGLES / 2)) / 0.7093


@pytest.fixture
def read(tmp_path):
    def _read(data: bytes | str, **options):
        path = tmp_path / "scan.txt"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_pattern(path, **options)

    return _read


def rows(*cols, separator=" "):
    return "\n".join(separator.join(f"{v:.6f}" for v in row) for row in zip(*cols, strict=True)) + "\n"


@pytest.mark.parametrize("separator", [" ", "\t", ",", ";", " ; ", ", ", "   "])
@pytest.mark.parametrize(
    "head", ["", "# a comment\n", "! x\n' y\n\n", "Sample: Cu2Se, 6 nm\n", "two_theta,intensity\n"]
)
def test_separators_and_headers(read, separator, head):
    pattern = read(columns(separator, head=head))
    np.testing.assert_allclose(pattern.two_theta, ANGLES)
    np.testing.assert_array_equal(pattern.counts, COUNTS)


@pytest.mark.parametrize("separator", [" ", "\t", ";"])
def test_decimal_comma(read, separator):
    np.testing.assert_allclose(read(columns(separator, comma=True, sigma=True)).sigma, np.sqrt(COUNTS), atol=1e-6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings(read, encoding):
    text = "# Größe\n" + columns().decode()
    np.testing.assert_array_equal(read(text.replace("\n", "\r\n").encode(encoding)).counts, COUNTS)


def test_named_columns_in_any_order(read):
    head = "weight,counts,2theta,background\n"
    pattern = read(head + rows(1 / COUNTS, COUNTS, ANGLES, COUNTS * 0, separator=","))
    np.testing.assert_allclose(pattern.two_theta, ANGLES)
    np.testing.assert_allclose(pattern.sigma, np.sqrt(COUNTS), rtol=1e-3)
    assert pattern.attrs["notes"] == "column background was not read"


def test_negative_intensity_needs_a_column_of_errors(read):
    assert float(read(rows(ANGLES, COUNTS - 500, np.sqrt(COUNTS))).counts.min()) == -400
    with pytest.raises(InputError, match="counts is -400 at point 1 "):
        read(rows(ANGLES, COUNTS - 500))


def test_error_of_zero_at_zero_counts(read):
    counts = np.where(np.arange(40) < 3, 0, COUNTS)
    pattern = read(rows(ANGLES, counts, np.sqrt(counts)))
    np.testing.assert_allclose(pattern.sigma[:3], np.sqrt(COUNTS.min()), rtol=1e-6)
    assert "3 points of 0 counts" in pattern.attrs["notes"]
    with pytest.raises(InputError, match="sigma is 0 at point 3"):
        read(rows(ANGLES, COUNTS, np.where(np.arange(40) == 2, 0, 1.5)))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_third_column_that_states_no_errors(read, value):
    pattern = read(rows(ANGLES, COUNTS, np.full(40, value)))
    assert pattern.attrs["sigma_from"] == "poisson"
    assert "column" in pattern.attrs["notes"]


def test_descending_file_is_reversed(read):
    np.testing.assert_array_equal(read(rows(ANGLES[::-1], COUNTS[::-1])).counts, COUNTS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n\n ", "is empty"),
        ("Dear all,\nplease find the scan attached.\n", "no rows of numbers"),
        ("\n".join(f"{c}" for c in COUNTS), "one column of numbers"),
        (rows(ANGLES[:5], COUNTS[:5]), "a pattern of 5 points"),
        (rows(ANGLES, COUNTS) + "total 12\n", "line 41 is not a row of numbers: 'total 12'"),
        (rows(ANGLES, COUNTS) + "25.0\n", "line 41 has 1 columns where the first row has 2"),
        (rows(ANGLES, COUNTS) + "25.0 1_000\n", "line 41 is not a row"),
        (rows(ANGLES, COUNTS) + "21.0 5\n", "two_theta goes back at point 41"),
        (rows(ANGLES, COUNTS, COUNTS, COUNTS), "4 columns without a header"),
        ("d,intensity\n" + rows(ANGLES, COUNTS, separator=","), "axis 'd' .*; 2θ"),
        ("theta intensity\n" + rows(ANGLES, COUNTS), "axis 'theta'"),
        ("q,intensity\n" + rows(Q, COUNTS, separator=","), "Q in 1/Å and states no wavelength"),
        (b"\x00\x01\x02" * 30, "binary file of no known format"),
        (b"\xff\xfeabc", "starts as UTF-16"),
    ],
)
def test_refusals_say_where(read, text, message):
    with pytest.raises(InputError, match=message):
        read(text)


@pytest.mark.parametrize(
    ("label", "x"),
    [
        ("2-Theta Angle (Degrees)", ANGLES),
        ("2-Theta (radians)", np.radians(ANGLES)),
        ("Q (Inverse Angstrom)", Q),
        ("Q (Inverse Nanometres)", 10 * Q),
        ("q_nm^-1", 10 * Q),
    ],
)
def test_chi_axes(read, label, x):
    np.testing.assert_allclose(read(chi(label, x=x), wavelength=0.7093).two_theta, ANGLES, rtol=1e-6)


@pytest.mark.parametrize(
    "stated", ["wavelength: 0.7093 A", "Wavelength: 7.093e-11 m", "lambda = 0.07093 nm", "wavelength 0.7093"]
)
def test_wavelength_of_the_header(read, stated):
    pattern = read(chi("Q (Inverse Angstrom)", title=stated, x=Q))
    np.testing.assert_allclose(pattern.two_theta, ANGLES, rtol=1e-6)
    assert pattern.attrs["wavelengths"] == pytest.approx([0.7093])
    pattern = read(f"# {stated}\n# q_A^-1 I\n" + rows(Q, COUNTS))
    np.testing.assert_allclose(pattern.two_theta, ANGLES, rtol=1e-5)


@pytest.mark.parametrize("wavelength", [0, -1, "cu", 154.06])
def test_wavelength_must_be_in_angstrom(read, wavelength):
    with pytest.raises(InputError, match=r"wavelength is .* between 0\.01 and 10"):
        read(columns(), wavelength=wavelength)
