"""The new formats and the odd ones of the old: what a header implies is checked, and what disagrees is said."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import scan_files as files
from scan_files import ANGLES, COUNTS, SAMPLES, START, STEP, N

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern
from xrdfit.scan.steps import impossible_zeros, is_usual_step, stepped_angles


@pytest.fixture
def read(tmp_path: Path):
    def _read(data: bytes, **options):
        path = tmp_path / "scan"
        path.write_bytes(data)
        return read_pattern(path, **options)

    return _read


def assert_scan(pattern, keep=slice(None)) -> None:
    np.testing.assert_allclose(pattern.two_theta, ANGLES[keep], atol=1e-9)
    np.testing.assert_array_equal(pattern.counts, COUNTS[keep])


# --- GSAS ---------------------------------------------------------------------------------------------------------


def gsas_std(padding: str, points: int = N - 7) -> bytes:
    bank = f"title\nBANK 1 {points} {-(-points // 10)} CONST {START * 100:.1f} {STEP * 100:.2f} 0 0 STD\n"
    cells = [f"{c:8.0f}" for c in COUNTS[:points]] + [padding] * (-points % 10)
    return (bank + "\n".join("".join(cells[i : i + 10]) for i in range(0, len(cells), 10)) + "\n").encode()


@pytest.mark.parametrize("padding", ["       0", " 0     0", "       0.", "        "])
def test_gsas_last_record_is_filled_up(read, padding):
    assert_scan(read(gsas_std(padding[-8:])), slice(0, N - 7))


def test_gsas_a_last_record_with_counts_beyond_the_announced_is_refused(read):
    with pytest.raises(InputError, match="40 fields where its BANK record announces 33"):
        read(gsas_std("     100"))
    with pytest.raises(InputError, match="50 fields"):  # a whole record of zeros is no padding
        read(gsas_std("       0") + b"       0" * 10 + b"\n")


def test_gsas_more_rows_than_announced_are_read_and_noted(read):
    data = files.gsas("FXYE").replace(f"BANK 1 {N} ".encode(), f"BANK 1 {N - 1} ".encode())
    pattern = read(data)
    assert_scan(pattern)
    assert "40 rows where the BANK record announces 39" in pattern.attrs["notes"]
    with pytest.raises(InputError, match="40 rows where its BANK record announces 41"):
        read(files.gsas("FXYE").replace(f"BANK 1 {N} ".encode(), f"BANK 1 {N + 1} ".encode()))


def fxye(unit: float, record: str) -> bytes:
    rows = "".join(f"{a * unit:.4f} {c:.1f} {np.sqrt(c):.6f}\n" for a, c in zip(ANGLES, COUNTS, strict=True))
    return f"title\nBANK 1 {N} {N} CONST {record} 0 0 FXYE\n{rows}".encode()


def test_gsas_rows_in_the_unit_that_the_record_implies(read):
    assert "notes" not in read(fxye(100, "2000.0 5.0")).attrs
    pattern = read(fxye(1, "2000.0 5.0"))
    assert_scan(pattern)
    assert "the rows are in degrees, as the BANK record's start shows" in pattern.attrs["notes"]


def test_gsas_a_record_that_fits_neither_unit(read):
    with pytest.raises(InputError, match="the centidegree, which would end the scan below 2°"):
        read(fxye(1, "0 0"))
    pattern = read(fxye(100, "1000.0 5.0"))
    assert_scan(pattern)
    assert "the first row is at 20° where the BANK record says 10°" in pattern.attrs["notes"]
    assert_scan(read(fxye(100, "0 0")))


# --- powder CIF ---------------------------------------------------------------------------------------------------


def test_cif_unknown_weights_are_left_out(read):
    lines = files.cif(weights=True).decode().splitlines()
    for at in (-1, -2):
        lines[at] = lines[at].rsplit(" ", 1)[0] + (" ." if at == -1 else " ?")
    pattern = read("\n".join([*lines, ""]).encode())
    assert_scan(pattern, slice(0, N - 2))
    assert "2 points without a value, or of a weight of 0 or unknown" in pattern.attrs["notes"]


@pytest.mark.parametrize(("stated", "probe"), [("neutron", "neutron"), ("x-ray", "xray"), ("?", None)])
def test_cif_probe(read, stated, probe):
    data = files.cif().replace(b"_pd_phase_name", f"_diffrn_radiation_probe {stated}\n_pd_phase_name".encode())
    assert read(data).attrs.get("probe") == probe


def test_cif_other_probes_and_axes_are_refused(read):
    with pytest.raises(InputError, match="the probe 'electron'"):
        read(files.cif().replace(b"_pd_phase_name", b"_diffrn_radiation_probe electron\n_pd_phase_name"))
    with pytest.raises(InputError, match="over _pd_meas_time_of_flight and no 2θ"):
        read(files.dotted_cif().replace(b"2theta_scan", b"time_of_flight"))


def test_cif_old_names_with_errors_in_a_column_and_names_in_capitals(read):
    data = files.dotted_cif().replace(b"_pd_meas.", b"_PD_MEAS_")
    pattern = read(data)
    assert_scan(pattern)
    np.testing.assert_allclose(pattern.sigma, np.sqrt(COUNTS), rtol=1e-5)


def test_cif_a_wavelength_that_stands_twice_is_one(read):
    row = f"{files.ALPHA2} {files.RATIO}\n".encode()
    assert read(files.cif().replace(row, 2 * row)).attrs["wavelengths"] == [files.ALPHA1, files.ALPHA2]


# --- .xrdml -------------------------------------------------------------------------------------------------------


def test_xrdml_axis_as_pyfai_calls_it(read):
    assert_scan(read(files.xrdml().replace(b'axis="2Theta"', b'axis="2\\theta"')))
    with pytest.raises(InputError, match="in 'rad'; degrees are read"):
        read(files.xrdml().replace(b'axis="2Theta" unit="deg"', b'axis="2Theta" unit="rad"'))


def interrupted(data: bytes) -> bytes:
    return data.replace(b'<scan scanAxis="Gonio">', b'<scan scanAxis="Gonio" status="Aborted">')


def test_xrdml_an_interrupted_scan_is_not_stretched(read):
    short = re.sub(rb"( \d+){10}(</intensities>)", rb"\g<2>", files.xrdml())
    with pytest.raises(InputError, match=r"interrupted after 30 points of a range from 20° to 21\.95°"):
        read(interrupted(short))
    pattern = read(interrupted(files.xrdml()))
    assert_scan(pattern)
    assert "the scan was interrupted" in pattern.attrs["notes"]


def test_xrdml_a_lost_point_is_noted(read):
    assert "notes" not in read(files.xrdml()).attrs
    notes = read(files.xrdml().replace(b" 100 102 ", b" 100 ")).attrs["notes"]
    assert "39 points from 20° to 21.95° make the unusual step 0.0513158°" in notes


@pytest.mark.parametrize(
    ("step", "n", "usual"),
    [
        *((0.02, 500, True), (0.0131303, 8758, True), (0.0167113, 4487, True), (0.0108664, 8282, True)),
        *((3.98 / 119, 120, False), (0.0131303 * 8757 / 8756, 8757, False), (0.0, 10, False)),
    ],
)
def test_steps_that_instruments_make(step, n, usual):
    assert is_usual_step(step, n) is usual


# --- start, step and stop -----------------------------------------------------------------------------------------


def test_stepped_angles_agree_with_all_that_is_stated():
    angles, notes = stepped_angles(10.0, 0.02, 200, stop=13.98, announced=200)
    np.testing.assert_allclose(angles, 10 + 0.02 * np.arange(200), atol=1e-12)
    assert notes == []
    assert "one step before the 13.98°" in stepped_angles(10.0, 0.02, 199, stop=13.98)[1][0]
    for n, announced in ((150, None), (201, None), (199, 200)):
        with pytest.raises(InputError, match="cut or damaged"):
            stepped_angles(10.0, 0.02, n, stop=13.98, announced=announced)


def test_a_step_that_the_header_rounds_is_that_of_the_detector():
    # An X'Celerator's .udf: 0.0167113° printed as 0.017.
    angles, notes = stepped_angles(5.0084, 0.017, 4488, stop=5.0084 + 4487 * 0.0167113)
    assert angles[-1] == pytest.approx(79.9920, abs=1e-3)
    assert "the step is 0.0167113°, which the header prints as 0.017°" in notes


@pytest.mark.parametrize(
    "title", ["", "A title\n", "! comment\n# another\n", "/* Topas */\n", "'a comment\n", "2% Co in ZnO\n"]
)
def test_start_step_stop_behind_titles(read, title):
    assert_scan(read(files.start_step_stop(title)))


def test_start_step_stop_with_end_marks_and_padding(read):
    assert_scan(read(files.start_step_stop(padded=True)))
    assert_scan(read(files.start_step_stop() + b"    -1000\n   -10000\n"))
    with pytest.raises(InputError, match=r"47 intensities where 20° to 21\.95° in steps of 0\.05° make 40"):
        read(files.start_step_stop() + b" 1 2 3 4 5 6 7\n")


@pytest.mark.parametrize(
    "rows",
    [
        "".join(f"{a:.2f} {c / 1e4:.4f} {99 + a:.2f}\n" for a, c in zip(ANGLES, COUNTS, strict=True)),
        "".join(f"{a:.2f} {c:.0f} {np.sqrt(c):.2f}\n" for a, c in zip(ANGLES, COUNTS, strict=True)),
    ],
)
def test_columns_are_not_taken_for_start_step_stop(read, rows):
    pattern = read(rows.encode())
    assert pattern.attrs["format"] == "text"
    assert pattern.sizes["two_theta"] == N


def test_three_counts_a_line_are_counts(read):
    assert_scan(read(files.start_step_stop(per_line=3)))


# --- text of single makers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["udf", "cpi", "mdi", "start step stop", "asc", "jcamp"])
@pytest.mark.parametrize("instead", [b"", b"1000 1000", b"1000\n1000"])
def test_a_value_that_was_lost_or_doubled_is_refused_or_noted(name, instead, read):
    data = SAMPLES[name][1]
    assert data.count(b"1000") == 1
    try:
        notes = read(data.replace(b"1000", instead)).attrs["notes"]
    except InputError:
        return
    assert "the scan ends one step before" in notes


def test_uxd_without_a_count_notes_a_line_that_stands_twice(read):
    lines = files.uxd().decode().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if "1000" in line)
    notes = read("".join([*lines[: at + 1], *lines[at:]]).encode()).attrs["notes"]
    assert "repeats the one before: if it was doubled, all later angles are 8 steps too high" in notes
    counted = (
        files.uxd().replace(b"_STEPSIZE", f"_STEPCOUNT={N}\n_STEPSIZE".encode()).decode().splitlines(keepends=True)
    )
    at = next(i for i, line in enumerate(counted) if "1000" in line)
    with pytest.raises(InputError, match="48 intensities where _STEPCOUNT is 40"):
        read("".join([*counted[: at + 1], *counted[at:]]).encode())


def test_udf_without_its_slash_is_cut(read):
    with pytest.raises(InputError, match="has no / behind its last intensity"):
        read(files.udf().rstrip(b"/\n"))


def test_bruker_text_ranges(read):
    data = files.bruker_text(2)
    assert_scan(read(data, scan=1))
    with pytest.raises(InputError, match="announces 41: the file is cut"):
        read(data.replace(b"StepSize", b"StepCount=41\nStepSize"), scan=0)
    assert (
        "begins at 20° where its header says 30°" in read(data.replace(b"Start=20", b"Start=30"), scan=0).attrs["notes"]
    )
    with pytest.raises(InputError, match="does not begin with names"):
        read(data.replace(b"     Angle,", b"  Channel,"), scan=0)


def test_jcamp_forms_agree_and_lines_are_checked(read):
    for form in ("AFFN", "PAC", "SQZ", "DIF", "DIFDUP", "XYPOINTS"):
        assert_scan(read(files.jcamp(form)))
    lines = files.jcamp().decode().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith("20.45"))
    swapped = "".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]])
    with pytest.raises(InputError, match="a line is missing, doubled or damaged"):
        read(swapped.encode())
    with pytest.raises(InputError, match="has 975 at the start of a line where 945"):
        read(re.sub(rb"(\n20.95[A-Ia-i@])\d", rb"\g<1>7", files.jcamp("DIF")))


def test_jcamp_of_another_axis_or_too_much(read):
    with pytest.raises(InputError, match=r"the axis '1/CM' \(##XUNITS\)"):
        read(files.jcamp(unit="1/CM"))
    with pytest.raises(InputError, match="repeats a value 99999999 times"):
        read(files.jcamp("SQZ").replace(b"\n##END", b"Z9999999\n##END").replace(b"Z9999999", b"s9999999"))


@pytest.mark.parametrize("used", [True, False])
def test_gsas2_names_that_stand_one_column_to_the_left(read, used):
    assert_scan(read(files.gsas2_plot(";", used=used)))


def test_gsas2_points_that_were_not_used_are_left_out(read):
    data = files.gsas2_plot().replace(b"\n1,20.0", b"\n0,20.0")
    pattern = read(data)
    assert_scan(pattern, slice(2, None))
    assert "2 points that GSAS-II did not use are left out" in pattern.attrs["notes"]
    with pytest.raises(InputError, match="the axis 'x, TOF"):
        read(data.replace(b"x, 2theta (deg)", b"x, TOF (usec)"))


def test_gsas2_histogram_states_probe_and_lines(read):
    assert read(files.gsas2_histogram("PNC")).attrs["probe"] == "neutron"
    with pytest.raises(InputError, match="the type 'PNT': not at a constant wavelength"):
        read(files.gsas2_histogram("PNT"))


def test_philips_rd_of_another_version_or_range(read):
    with pytest.raises(InputError, match="V3RD and V5RD are read"):
        read(files.rd().replace(b"V3RD", b"V4RD"), format="philips-rd")
    with pytest.raises(InputError, match="the file is damaged"):
        read(files.rd()[:214] + bytes(24) + files.rd()[238:])


# --- damage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 12, 30])
def test_zeros_in_a_row_amid_counts_are_named(read, at):
    data = bytearray(files.raw1())
    start = len(data) - 4 * N + 4 * at
    data[start : start + 40] = bytes(40)
    assert re.search(r"1\d points from .* of 0 amid counts|1\d zeros in a row", read(bytes(data)).attrs["notes"])


def test_few_counts_may_be_zero():
    from xrdfit.scan import RawScan

    counts = np.random.default_rng(1).poisson(2.0, 2000).astype(float)
    assert impossible_zeros(RawScan(np.linspace(10, 50, 2000), counts)) == []


def test_a_last_line_without_an_end_is_noted(read):
    for name in ("cif", "bruker text", "gsas2 histogram", "uxd"):
        notes = read(SAMPLES[name][1].rstrip(b"\n")).attrs["notes"]
        assert "the last line has no end" in notes


# --- what the fuzzer found ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b". 1.",  # a row that is no number, alone in its file
        files.jcamp("DIF").replace(b"\n20.45", b"\n\x1f0.45"),  # white space to a pattern, none to a number
    ],
)
def test_inputs_that_ended_in_another_exception(read, data):
    with pytest.raises(InputError) as caught:
        read(data)
    assert str(caught.value).isprintable()


def test_a_few_thousand_mutated_inputs_end_in_an_answer_or_a_refusal(tmp_path):
    import fuzz_files

    counted = fuzz_files.run(3.0, 2, tmp_path)
    assert set(counted) <= {"read", "refused", "no scan", "left out", "slowest ms"}
    assert counted["refused"] > 100
