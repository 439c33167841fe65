"""The dataset of a measured pattern: what it holds and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from xrdfit.errors import InputError
from xrdfit.scan import RawScan, make_pattern
from xrdfit.scan.axis import Axis
from xrdfit.scan.schema import to_dataset

ANGLE = np.linspace(10.0, 20.0, 21)
COUNTS = np.arange(21.0)


def changed(values, index, value):
    out = np.array(values, dtype=float)
    out[index] = value
    return out


def test_poisson_errors_have_a_floor_of_one_count():
    pattern = make_pattern(ANGLE, COUNTS)
    np.testing.assert_allclose(pattern.sigma, np.sqrt(np.maximum(COUNTS, 1)))
    assert pattern.attrs == {"sigma_from": "poisson"}
    assert "gain" not in pattern


def test_errors_of_attenuated_counts_are_those_of_the_detected_quanta():
    # N quanta detected behind a factor g give g·N with the standard deviation g·sqrt(N), at least g.
    gain, detected = 188.0, COUNTS
    pattern = make_pattern(ANGLE, gain * detected, gain=gain)
    np.testing.assert_allclose(pattern.sigma, gain * np.sqrt(np.maximum(detected, 1)))
    np.testing.assert_array_equal(pattern.gain, gain)


def test_gain_of_one_is_not_kept():
    assert "gain" not in make_pattern(ANGLE, COUNTS, gain=np.ones(21))


def test_own_errors_allow_negative_counts():
    pattern = make_pattern(ANGLE, COUNTS - 5, np.full(21, 2.0), sample="x", wavelengths=(1.5, 1.6), radius_mm=None)
    assert float(pattern.counts[0]) == -5
    assert pattern.attrs == {"sigma_from": "file", "sample": "x", "wavelengths": [1.5, 1.6]}


def test_windows_and_uneven_steps_are_fine():
    angle = np.concatenate([ANGLE, ANGLE + 40])
    assert make_pattern(angle, np.ones(42)).sizes["two_theta"] == 42


def test_the_dataset_shares_no_memory_with_the_input():
    counts = COUNTS.copy()
    pattern = make_pattern(ANGLE, counts)
    counts[:] = 7
    assert float(pattern.counts[3]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ANGLE[:9], COUNTS[:9]), "a pattern of 9 points; at least 10 are needed"),
        ((ANGLE, COUNTS[:-1]), "counts has 20 points and two_theta has 21"),
        ((ANGLE, COUNTS, COUNTS[:3]), "sigma has 3 points"),
        ((ANGLE, np.zeros(21)), "zero at all 21 points"),
        ((ANGLE, changed(COUNTS, 4, -1)), r"counts is -1 at point 5 \(2θ = 12°\).*only with a column of errors"),
        ((ANGLE, changed(COUNTS, 4, np.nan)), r"counts is nan at point 5"),
        ((ANGLE, changed(COUNTS, 4, np.inf)), r"counts is inf at point 5"),
        ((changed(ANGLE, 4, np.nan), COUNTS), "two_theta is nan at point 5"),
        ((changed(ANGLE, 0, 0.0), COUNTS), "two_theta is 0 at point 1"),
        ((changed(ANGLE, 20, 180.0), COUNTS), "two_theta is 180 at point 21"),
        ((changed(ANGLE, 4, 11.5), COUNTS), r"two_theta repeats at point 5 \(11.5°"),
        ((changed(ANGLE, 4, 11.0), COUNTS), "two_theta goes back at point 5"),
        ((ANGLE[::-1], COUNTS), "two_theta goes back at point 2"),
        ((ANGLE, COUNTS, changed(np.ones(21), 2, 0)), "sigma is 0 at point 3"),
        ((ANGLE, COUNTS, changed(np.ones(21), 2, np.nan)), "sigma is nan at point 3"),
        ((ANGLE.reshape(3, 7), COUNTS), "two_theta has 2 dimensions"),
        ((["a"] * 21, COUNTS), "two_theta is not a column of numbers"),
    ],
)
def test_refusals_name_the_first_bad_point(arguments, message):
    with pytest.raises(InputError, match=message):
        make_pattern(*arguments)


@pytest.mark.parametrize("gain", [0.0, -1.0, np.nan, np.ones(3), "x"])
def test_gain_must_be_positive(gain):
    with pytest.raises(InputError, match="gain is"):
        make_pattern(ANGLE, COUNTS, gain=gain)


@pytest.mark.parametrize("value", [True, {"a": 1}, object(), ["a"]])
def test_attributes_must_fit_netcdf(value):
    with pytest.raises(InputError, match="attribute odd"):
        make_pattern(ANGLE, COUNTS, odd=value)


def test_a_descending_scan_is_reversed_with_all_its_columns():
    raw = RawScan(ANGLE[::-1], COUNTS[::-1], np.arange(21.0, 0, -1), np.arange(1.0, 22))
    pattern = to_dataset(raw)
    np.testing.assert_array_equal(pattern.two_theta, ANGLE)
    np.testing.assert_array_equal(pattern.counts, COUNTS)
    np.testing.assert_array_equal(pattern.sigma, np.arange(1.0, 22))
    np.testing.assert_array_equal(pattern.gain, np.arange(21.0, 0, -1))


def test_q_axis_becomes_two_theta_by_braggs_law():
    wavelength = 0.7093
    d = 2 * np.pi / np.linspace(1, 5, 21)
    expected = np.degrees(2 * np.arcsin(wavelength / (2 * d)))
    for axis, unit in ((Axis.Q_ANGSTROM, 1), (Axis.Q_NM, 10)):
        raw = RawScan(2 * np.pi / d * unit, COUNTS, axis=axis)
        np.testing.assert_allclose(to_dataset(raw, wavelength).two_theta, expected, rtol=1e-12)
        with pytest.raises(InputError, match="states no wavelength"):
            to_dataset(raw)
    with pytest.raises(
        InputError, match=r"Q = 18\.1 at point 19 cannot be reached with 0\.7093 Å; allowed is below 17"
    ):
        to_dataset(RawScan(np.linspace(1, 20, 21), COUNTS, axis=Axis.Q_ANGSTROM), wavelength)


def test_intensities_that_are_no_counts_are_noted():
    assert "not whole numbers" in to_dataset(RawScan(ANGLE, COUNTS + 0.5)).attrs["notes"]
    assert "notes" not in to_dataset(RawScan(ANGLE, COUNTS + 0.5, gain=np.full(21, 0.5))).attrs
