"""What is particular to one vendor's format."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import scan_files as files
from scan_files import ANGLES, COUNTS, N

from xrdfit.errors import InputError
from xrdfit.scan import files as reading
from xrdfit.scan import read_pattern
from xrdfit.scan.meta import radiation_attributes


@pytest.fixture
def read(tmp_path):
    def _read(data: bytes, **options):
        path = tmp_path / "scan"
        path.write_bytes(data)
        return read_pattern(path, **options)

    return _read


FACTORS = np.where(np.arange(N) > 30, 188.0, 1.0)
LISTED = f"<beamAttenuationFactors>{' '.join(map(str, FACTORS))}</beamAttenuationFactors>"


def test_xrdml_counts_are_multiplied_by_the_attenuators_factors(read):
    pattern = read(files.xrdml("counts", LISTED, "2.1"))
    np.testing.assert_allclose(pattern.counts, COUNTS * FACTORS)
    np.testing.assert_allclose(pattern.sigma, np.sqrt(COUNTS) * FACTORS)
    np.testing.assert_array_equal(pattern.gain, FACTORS)


def test_xrdml_intensities_hold_the_factors_already(read):
    pattern = read(files.xrdml("intensities", LISTED))
    np.testing.assert_array_equal(pattern.counts, COUNTS)
    np.testing.assert_allclose(pattern.sigma, np.sqrt(FACTORS * np.maximum(COUNTS, FACTORS)))


def test_counts_per_second_have_the_errors_of_the_counts(read):
    # y = N/t with sigma sqrt(N)/t = sqrt(y/t)
    for data in (
        files.xrdml(unit="cps"),
        files.uxd("_CPS"),
        files.uxd("_2THETACPS"),
        files.ras(unit="cps"),
        files.asc("cps"),
    ):
        pattern = read(data)
        np.testing.assert_array_equal(pattern.counts, COUNTS)
        np.testing.assert_allclose(pattern.sigma, np.sqrt(COUNTS / files.TIME))
        np.testing.assert_allclose(pattern.gain, 1 / files.TIME)


def test_counts_per_second_without_a_time_are_noted(read):
    pattern = read(files.uxd("_CPS").replace(b"_STEPTIME", b"_X"))
    assert "gain" not in pattern
    assert "without a counting time" in pattern.attrs["notes"]


def test_xrdml_graphite_monochromator_by_braggs_law(read):
    # 26.6° for graphite and Cu Kα; the tables of d(002) differ by 0.05°.
    assert read(files.xrdml()).attrs["monochromator_deg"] == pytest.approx(26.6, abs=0.06)


def test_ras_and_rasx_attenuation(read):
    for data in (files.ras(10.0), files.rasx(10.0)):
        pattern = read(data)
        np.testing.assert_allclose(pattern.counts, 10 * COUNTS)
        np.testing.assert_allclose(pattern.sigma, 10 * np.sqrt(COUNTS))


def test_brml_absorber_is_in_the_stored_intensity(read):
    pattern = read(files.brml(absorber=8.0))
    np.testing.assert_allclose(pattern.counts, 8 * COUNTS)
    np.testing.assert_allclose(pattern.sigma, 8 * np.sqrt(COUNTS))


def test_scans_of_other_axes_are_refused(read):
    with pytest.raises(InputError, match="a scan of 'Chi', not of 2θ"):
        read(files.ras(axis="Chi"))
    with pytest.raises(InputError, match="none of them a scan of 2θ"):
        read(files.raw3(code=3))
    with pytest.raises(InputError, match="only 'Rocking Curve'"):
        read(files.raw4(kind=b"Rocking Curve"))
    with pytest.raises(InputError, match="detector frames of 1280 channels"):
        read(files.brml(frame=1280))


def test_raw_with_supplementary_headers_and_long_records(read):
    for data in (files.raw3(2, extra=40, record=12), files.raw4(2, extra=40, record=8)):
        np.testing.assert_array_equal(read(data, scan=1).counts, COUNTS)


def test_gsas_counters(read):
    # GSAS stores the mean over the counters: sigma² = y/counters.
    np.testing.assert_allclose(read(files.gsas(counters=4)).sigma, np.sqrt(COUNTS / 4))


def test_gsas_refuses_times_of_flight(read):
    with pytest.raises(InputError, match="binning 'SLOG' in bank 1; CONST is what is read"):
        read(files.gsas().replace(b"CONST", b"SLOG "))


def test_cif_weights_of_zero_are_left_out(read):
    lines = files.cif(weights=True).decode().splitlines()
    lines[-5] = lines[-5].rsplit(" ", 1)[0] + " 0"
    pattern = read("\n".join(lines).encode())
    np.testing.assert_array_equal(pattern.counts, np.delete(COUNTS, N - 5))
    assert "1 points without a value, or of a weight of 0" in pattern.attrs["notes"]


def test_cif_calculated_block_is_no_scan(read):
    data = files.cif(weights=True)
    both = data.replace(b"data_scan0", b"data_x_meas") + data.replace(b"data_scan0", b"data_x_calc")
    assert read(both).attrs["n_scans"] == 1


def test_cif_errors_in_brackets(read):
    rows = "".join(f"{a:.3f} {c:.1f}({int(10 * np.sqrt(c))})\n" for a, c in zip(ANGLES, COUNTS, strict=True))
    pattern = read(f"data_a\nloop_\n_pd_meas_2theta_scan\n_pd_meas_intensity_total\n{rows}".encode())
    np.testing.assert_allclose(pattern.sigma, np.floor(10 * np.sqrt(COUNTS)) / 10)


def test_cif_range_instead_of_angles(read):
    values = "\n".join(f"{c:g}" for c in COUNTS)
    stem = "_pd_meas_2theta_range_"
    head = f"data_a\n{stem}min 20\n{stem}max 21.95\n{stem}inc 0.05\nloop_\n_pd_meas_counts_total\n"
    np.testing.assert_allclose(read(f"{head}{values}\n".encode()).two_theta, ANGLES)
    with pytest.raises(InputError, match="40 intensities for"):
        read(f"{head}{values}\n".replace("inc 0.05", "inc 0.04").encode())


def test_cif_of_a_structure(read):
    with pytest.raises(InputError, match="a structure is no scan"):
        read(b"data_cu2se\n_cell_length_a 5.85\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((1.5406, 1.5444, 0.5, "Cu"), {"wavelengths", "wavelength_weights", "radiation", "anode"}),
        ((1.5406, 1.5444, None, "Cu"), {"wavelengths", "anode"}),
        ((1.5406, None, None, None), {"wavelengths"}),
        ((0.0, 0.0, 0.0, ""), set()),
        ((5e97, float("nan"), 0.5, "Cu"), {"anode"}),
    ],
)
def test_only_stated_facts_of_the_radiation(arguments, expected):
    assert set(radiation_attributes(*arguments)) == expected


def test_ratio_of_zero_is_a_single_line():
    found = radiation_attributes(1.5406, 1.5444, 0.0, "CU")
    assert found == {"anode": "Cu", "wavelengths": [1.5406], "wavelength_weights": [1.0], "radiation": "cu-ka1"}


def test_entity_bomb_is_refused(read):
    entities = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    bomb = b'<?xml version="1.0"?>' + entities + b"<xrdMeasurements>&b;</xrdMeasurements>"
    with pytest.raises(InputError, match="declares XML entities"):
        read(bomb)


def zipped(name: str, content: bytes, **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content, **options)
    return buffer.getvalue()


def test_zip_bombs_are_refused(read, monkeypatch):
    with pytest.raises(InputError, match="compressed more than 100 times"):
        read(zipped("Data0/Profile0.txt", bytes(30_000_000)))
    monkeypatch.setattr("xrdfit.scan.binary.MAX_MEMBER_BYTES", 100)
    with pytest.raises(InputError, match="at most 100 are allowed"):
        read(files.rasx())
    monkeypatch.setattr("xrdfit.scan.binary.MAX_MEMBERS", 1)
    with pytest.raises(InputError, match="zip file of 2 members; at most 1"):
        read(files.rasx())


def test_other_compressions_and_lies_about_the_size_are_refused(read):
    with pytest.raises(InputError, match="compression that is not read"):
        read(zipped("Data0/Profile0.txt", b"1 2\n" * 50, compress_type=zipfile.ZIP_LZMA))
    data = zipped("Data0/Profile0.txt", b"1 2\n" * 50)
    with pytest.raises(InputError, match="unpacked"):
        read(data.replace((200).to_bytes(4, "little"), (10).to_bytes(4, "little")))


def test_a_rasx_that_is_no_zip(read):
    with pytest.raises(InputError, match="cut or damaged"):
        read(files.rasx()[:-60])


def test_paths_that_are_no_files(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is a folder; a file is needed"):
        read_pattern(tmp_path)
    with pytest.raises(InputError, match=r"nothing\.xy: does not exist"):
        read_pattern(tmp_path / "nothing.xy")
    with pytest.raises(InputError, match=r"a file is needed|cannot be read"):
        read_pattern("a\0b")
    with pytest.raises(InputError) as caught:
        read_pattern(tmp_path / "two\nlines")
    assert str(caught.value).isprintable()
    path = tmp_path / "scan.xy"
    path.write_bytes(files.columns())
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="is larger than"):
        read_pattern(path)
