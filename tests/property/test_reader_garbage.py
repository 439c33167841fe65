"""Garbage and damaged files end in InputError or in a valid pattern, never in another exception."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scan_files import SAMPLES, SEVERAL
from tiers import examples

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern

# HDF5 is read in a process of its own, a second a file: see tests/unit/test_scan_nexus.py.
FILES = [data for kind, data in SAMPLES.values() if kind != "nexus"]
FILES += [data for name, data in SEVERAL.items() if name != "nexus"]
MAGIC = [
    b"",
    b"RAW ",
    b"RAW2",
    b"RAW1.01",
    b"RAW4.00",
    b"PK\x03\x04Data0/Profile0.txt",
    b"<xrdMeasurements",
    b"*TYPE",
    b"data_x\nloop_\n",
    b"*RAS_DATA_START\n",
    b"_FILEVERSION=1\n_COUNTS\n",
    b"BANK 1 40 4 CONST 2000 5 0 0 STD\n",
    b"a\n2theta\nI\n12\n",
    b"V3RD",
    b"\x89HDF\r\n\x1a\n\x02",
    b"SampleIdent,a,/\nDataAngleRange, 20, 21.95,/\nScanStepSize, 0.05,/\nRawScan\n",
    b"SIETRONICS XRD SCAN\n20\n21\n0.05\nCu\n1.54\n1\n1\na\nSCANDATA\n",
    b"a\n 20.0 0.05 1.0 CU 1.54 21.95 40\n",
    b"##TITLE=a\n##JCAMP-DX=4.24\n##XUNITS=2THETA\n##FIRSTX=20\n##DELTAX=0.05\n##XYDATA=(X++(Y..Y))\n20",
    b"[RangeHeader]\n[Data]\nAngle, PSD\n",
    b"used,x, 2theta (deg),obs\n",
    b'"Histogram","a"\n"x","y_obs","weight"\n',
    b"20.0 0.05 21.95\n",
]
SETTINGS = settings(
    max_examples=examples(300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def assert_one_line(error: InputError) -> None:
    assert str(error).isprintable()


@pytest.fixture
def check(tmp_path):
    path = tmp_path / "scan"

    def _check(data: bytes, scan: int | None = None) -> None:
        path.write_bytes(data)
        try:
            pattern = read_pattern(path, scan=scan)
        except InputError as error:
            assert_one_line(error)
            return
        angle = pattern.two_theta.values
        assert len(angle) >= 10
        assert np.all(np.diff(angle) > 0)
        assert 0 < angle[0] < angle[-1] < 180
        assert np.all(np.isfinite(pattern.counts))
        assert np.all(np.isfinite(pattern.sigma) & (pattern.sigma > 0))

    return _check


@SETTINGS
@given(st.sampled_from(MAGIC), st.binary(max_size=2000))
def test_garbage(check, magic, tail):
    check(magic + tail)


@SETTINGS
@given(st.sampled_from(MAGIC), st.text(alphabet="0123456789.,;eE+- \n\t*_#abnfit<>()'\"?", max_size=600))
def test_garbage_text(check, magic, tail):
    check(magic + tail.encode())


@SETTINGS
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
    st.sampled_from([None, 0]),
)
def test_damaged_bytes(check, data, changes, scan):
    damaged = bytearray(data)
    for where, new in changes:
        at = int(where * len(damaged))
        damaged[at : at + len(new)] = new
    check(bytes(damaged), scan)


@SETTINGS
@given(st.sampled_from(FILES), st.floats(0, 1), st.floats(0, 1), st.sampled_from([None, 0]))
def test_a_piece_left_out_or_doubled(check, data, first, second, scan):
    low, high = sorted((int(first * len(data)), int(second * len(data))))
    check(data[:low] + data[high:], scan)
    check(data[:high] + data[low:], scan)


@SETTINGS
@given(
    st.sampled_from([data for data in FILES if b"\0" not in data]),
    st.floats(0, 1),
    st.sampled_from(
        [b"1e999", b"nan", b"-5", b"9" * 400, b"1e-320", b"0", b"inf", b"", b"1_0", b"\xc3\xa9", b"-1e308"]
    ),
)
def test_a_number_replaced(check, data, where, new):
    fields = data.split(b" ")
    fields[min(int(where * len(fields)), len(fields) - 1)] = new
    check(b" ".join(fields), 0)
