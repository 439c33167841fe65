"""One small file of every format, written here byte by byte from the format's description, all of the same scan."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np

START, STEP, N = 20.0, 0.05, 40
ANGLES = np.round(START + STEP * np.arange(N), 6)
COUNTS = np.round(100 + 900 * np.exp(-(((ANGLES - 21.0) / 0.2) ** 2)))
TIME = 2.0
ALPHA1, ALPHA2, RATIO = 1.5406, 1.5444, 0.5


def columns(separator: str = " ", comma: bool = False, sigma: bool = False, head: str = "") -> bytes:
    rows = []
    for angle, count in zip(ANGLES, COUNTS, strict=True):
        fields = [f"{angle:.4f}", f"{count:.1f}", *([f"{np.sqrt(count):.6f}"] if sigma else [])]
        line = separator.join(fields)
        rows.append(line.replace(".", ",") if comma else line)
    return (head + "\n".join(rows) + "\n").encode()


def xrdml(
    element: str = "intensities", factors: str = "", version: str = "1.5", scans: int = 1, unit: str = "counts"
) -> bytes:
    values = " ".join(f"{c:g}" for c in COUNTS)
    scan = f"""<scan scanAxis="Gonio"><dataPoints>
<positions axis="2Theta" unit="deg"><startPosition>{ANGLES[0]}</startPosition>
<endPosition>{ANGLES[-1]}</endPosition></positions>
<positions axis="Omega" unit="deg"><startPosition>10</startPosition><endPosition>11</endPosition></positions>
{factors}<commonCountingTime unit="seconds">{TIME}</commonCountingTime>
<{element} unit="{unit}">{values}</{element}></dataPoints></scan>"""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/{version}">
<sample type="To be analyzed"><id>Cu2Se</id><name></name></sample>
<xrdMeasurement measurementType="Scan">
<usedWavelength intended="K-Alpha 1"><kAlpha1 unit="Angstrom">{ALPHA1}</kAlpha1>
<kAlpha2 unit="Angstrom">{ALPHA2}</kAlpha2>
<ratioKAlpha2KAlpha1>{RATIO}</ratioKAlpha2KAlpha1></usedWavelength>
<incidentBeamPath><radius unit="mm">240.00</radius>
<xRayTube><anodeMaterial>Cu</anodeMaterial></xRayTube></incidentBeamPath>
<diffractedBeamPath><radius unit="mm">240.00</radius>
<monochromator><crystal type="Curved">Graphite</crystal></monochromator></diffractedBeamPath>
{scan * scans}</xrdMeasurement></xrdMeasurements>""".encode()


def _floats() -> bytes:
    return COUNTS.astype("<f4").tobytes()


def raw1(ranges: int = 1, repeat_magic: bool = True) -> bytes:
    out = b""
    for index in range(ranges):
        magic = b"RAW " if index == 0 or repeat_magic else b""
        head = struct.pack("<IffIf f fff", N, TIME, STEP, 0, 0.0, START, -1e6, -1e6, -1e6)
        head += b"Cu2Se".ljust(32) + struct.pack("<ff", ALPHA1, ALPHA2) + bytes(72)
        out += magic + head + struct.pack("<I", int(index < ranges - 1)) + _floats()
    return out


def raw2(ranges: int = 1) -> bytes:
    head = bytearray(256)
    head[0:4] = b"RAW2"
    struct.pack_into("<H", head, 4, ranges)
    head[8:13] = b"Cu2Se"
    head[188:190] = b"Cu"
    struct.pack_into("<fff", head, 190, ALPHA1, ALPHA2, RATIO)
    block = bytearray(52)
    struct.pack_into("<HHxxxxfff", block, 0, 52, N, TIME, STEP, START)
    return bytes(head) + (bytes(block) + _floats()) * ranges


def raw3(ranges: int = 1, extra: int = 0, record: int = 4, code: int = 0) -> bytes:
    head = bytearray(712)
    head[0:7] = b"RAW1.01"
    struct.pack_into("<I", head, 12, ranges)
    head[326:331] = b"Cu2Se"
    struct.pack_into("<f", head, 564, 217.5)
    head[608:610] = b"Cu"
    struct.pack_into("<ddddd", head, 616, 1.5418, ALPHA1, ALPHA2, 1.3922, RATIO)
    block = bytearray(304)
    struct.pack_into("<II", block, 0, 304, N)
    struct.pack_into("<dd", block, 8, START / 2, START)
    struct.pack_into("<d", block, 176, STEP)
    struct.pack_into("<fI", block, 192, TIME, code)
    struct.pack_into("<II", block, 252, record, extra)
    data = b"".join(struct.pack("<f", c) + bytes(record - 4) for c in COUNTS)
    return bytes(head) + (bytes(block) + b"\xff" * extra + data) * ranges


def raw4(ranges: int = 1, extra: int = 0, record: int = 4, kind: bytes = b"Locked Coupled") -> bytes:
    tube = struct.pack("<II64xdddddI4s", 30, 136, 1.5418, ALPHA1, ALPHA2, 1.3922, RATIO, 0, b"Cu") + bytes(16)
    name = struct.pack("<III24s", 10, 36 + 6, 0, b"SAMPLEID") + b"Cu2Se\0"
    block = bytearray(160)
    block[32 : 32 + len(kind)] = kind
    struct.pack_into("<ddI", block, 72, START, STEP, N)
    struct.pack_into("<II", block, 136, record, extra)
    data = b"".join(struct.pack("<f", c) + bytes(record - 4) for c in COUNTS)
    return b"RAW4.00".ljust(61, b"\0") + name + tube + (bytes(block) + bytes(extra) + data) * ranges


def uxd(marker: str = "_COUNTS", ranges: int = 1) -> bytes:
    head = f"; a comment\n_FILEVERSION=2\n_SAMPLE='Cu2Se'\n_GONIOMETER_RADIUS=217.5\n_WL_UNIT='A'\n_WL1={ALPHA1}\n"
    head += f"_WL2={ALPHA2}\n_WLRATIO={RATIO}\n_ANODE='Cu'\n"
    block = (
        f"; (Data for Range number 1)\n_DRIVE='COUPLED'\n_STEPTIME={TIME}\n_STEPSIZE={STEP}\n_START={START}\n{marker}\n"
    )
    if marker.startswith("_2THETA"):
        body = "\n".join(f"{a:.3f}\t{c:g}" for a, c in zip(ANGLES, COUNTS, strict=True))
    else:
        body = "\n".join(" ".join(f"{c:9g}" for c in COUNTS[i : i + 8]) for i in range(0, N, 8))
    return (head + (block + body + "\n") * ranges).encode()


def _zip(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def brml(absorber: float = 1.0, frame: int = 1, scans: int = 1) -> bytes:
    rows = "".join(
        f"<Datum>{TIME:g},{absorber},{a},{a / 2},{c * absorber}</Datum>" for a, c in zip(ANGLES, COUNTS, strict=True)
    )
    text = f"""<?xml version="1.0"?>
<RawData xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<DataRoutes><DataRoute RouteFlag="Measured">{rows}<DataViews>
<RawDataView xsi:type="FixedRawDataView" Start="0" Length="1" LogicName="MeasuredTime" Unit="s" />
<RawDataView xsi:type="FixedRawDataView" Start="1" Length="1" LogicName="AbsorptionFactor" Unit="" />
<RawDataView xsi:type="VaryingRawDataView" Start="2" Length="2"><Varying><FieldDefinitions FieldName="TwoTheta" />
<FieldDefinitions FieldName="Theta" /></Varying></RawDataView>
<RawDataView xsi:type="RecordedRawDataView" Start="4" Length="{frame}">
<Recording LogicName="ScanCounter1" /></RawDataView>
</DataViews></DataRoute></DataRoutes><FixedInformation><Radius Unit="mm" Value="217.5" />
<WaveLengthAlpha1 Unit="Å" Value="{ALPHA1}" /><WaveLengthAlpha2 Unit="Å" Value="{ALPHA2}" />
<WaveLengthRatio Unit="" Value="{RATIO}" /><TubeMaterial>Cu</TubeMaterial>
<InfoItem Name="SampleName" Value="Cu2Se" Unit="" /></FixedInformation></RawData>"""
    return _zip({f"Experiment0/RawData{i}.xml": text for i in range(scans)})


def ras(attenuation: float = 1.0, unit: str = "counts", scans: int = 1, axis: str = "TwoThetaTheta") -> bytes:
    head = f"""*RAS_HEADER_START
*FILE_SAMPLE "Cu2Se"
*HW_XG_TARGET_NAME "Cu"
*HW_XG_WAVE_LENGTH_ALPHA1 "{ALPHA1}"
*HW_XG_WAVE_LENGTH_ALPHA2 "{ALPHA2}"
*MEAS_SCAN_AXIS_X "{axis}"
*MEAS_SCAN_MODE "CONTINUOUS"
*MEAS_SCAN_SPEED "1.5"
*MEAS_SCAN_SPEED_UNIT "deg/min"
*MEAS_SCAN_STEP "{STEP}"
*MEAS_SCAN_UNIT_Y "{unit}"
*RAS_HEADER_END
*RAS_INT_START
"""
    rows = "\n".join(f"{a:.4f} {c:.4f} {attenuation:.4f}" for a, c in zip(ANGLES, COUNTS, strict=True))
    return ("*RAS_DATA_START\n" + (head + rows + "\n*RAS_INT_END\n") * scans + "*RAS_DATA_END\n").encode()


def rasx(attenuation: float = 1.0, scans: int = 1) -> bytes:
    rows = "\r\n".join(f"{a:.4f}\t{c:.4f}\t{attenuation:g}" for a, c in zip(ANGLES, COUNTS, strict=True))
    conditions = f"""<?xml version="1.0" encoding="utf-8"?><MeasurementConditions>
<GeneralInformation><SampleName>Cu2Se</SampleName></GeneralInformation>
<HWConfigurations><Distances><Distance To="AttachmentStage" From="XrayGenerator" Unit="mm" Value="300" /></Distances>
<XrayGenerator><TargetName>Cu</TargetName><WavelengthKalpha1>{ALPHA1}</WavelengthKalpha1>
<WavelengthKalpha2>{ALPHA2}</WavelengthKalpha2></XrayGenerator></HWConfigurations>
<ScanInformation><AxisName>TwoTheta</AxisName><Mode>CONTINUOUS</Mode><Step>{STEP}</Step><Speed>1.5</Speed>
<SpeedUnit>deg/min</SpeedUnit><IntensityUnit>counts</IntensityUnit></ScanInformation></MeasurementConditions>"""
    members = {}
    for i in range(scans):
        members[f"Data{i}/Profile{i}.txt"] = "\ufeff" + rows
        members[f"Data{i}/MesurementConditions{i}.xml"] = conditions
    return _zip(members)


def asc(unit: str = "counts", groups: int = 1) -> bytes:
    head = f"""*TYPE\t\t=  Raw
*SAMPLE\t\t=  Cu2Se
*SCAN_AXIS\t=  2theta/theta
*TARGET\t\t=  29
*WAVE_LENGTH1\t=  {ALPHA1}
*WAVE_LENGTH2\t=  {ALPHA2}
*SPEED_DIM\t=  sec./step
*YUNIT\t\t=  {unit}
"""
    body = "\n".join(", ".join(f"{c:g}" for c in COUNTS[i : i + 4]) for i in range(0, N, 4))
    group = f"*BEGIN\n*GROUP\t\t=  0\n*START\t\t=  {START}\n*STOP\t\t=  {ANGLES[-1]}\n"
    group += f"*STEP\t\t=  {STEP}\n*SPEED\t\t=  {TIME}\n"
    return (head + (group + f"*COUNT\t\t=  {N}\n{body}\n*END\n") * groups + "*EOF\n").encode()


def gsas(kind: str = "STD", banks: int = 1, counters: int = 0) -> bytes:
    bank = f"BANK 1 {N} {N // 10} CONST {START * 100:.1f} {STEP * 100:.2f} 0.0 0.0 {kind}\n"
    if kind == "STD":
        cells = [f"{counters or '':>2}{c:6.0f}" for c in COUNTS]
        body = "\n".join("".join(cells[i : i + 10]) for i in range(0, N, 10))
    elif kind == "ESD":
        cells = [f"{v:8.3f}" for c in COUNTS for v in (c, np.sqrt(c))]
        body = "\n".join("".join(cells[i : i + 10]) for i in range(0, 2 * N, 10))
    else:
        body = "\n".join(f"{a * 100:.3f} {c:.1f} {np.sqrt(c):.6f}" for a, c in zip(ANGLES, COUNTS, strict=True))
    return ("Cu2Se".ljust(80) + "\n" + (bank + body + "\n") * banks).encode()


def cif(weights: bool = False, blocks: int = 1) -> bytes:
    text = ""
    for i in range(blocks):
        text += (
            f"data_scan{i}\n_pd_phase_name Cu2Se\n_diffrn_radiation_type 'Cu K\\a'\n_pd_instr_dist_spec/detc 217.5\n"
        )
        text += "loop_\n_diffrn_radiation_wavelength\n_diffrn_radiation_wavelength_wt\n"
        text += f"{ALPHA1} 1.0\n{ALPHA2} {RATIO}\nloop_\n_pd_meas_2theta_scan\n"
        text += "_pd_proc_intensity_total\n_pd_proc_ls_weight\n" if weights else "_pd_meas_counts_total\n"
        for a, c in zip(ANGLES, COUNTS, strict=True):
            text += f"{a:.4f} {c:.1f} {1 / c:.12f}\n" if weights else f"{a:.4f} {c:g}\n"
    return text.encode()


def chi(label: str = "2-Theta Angle (Degrees)", title: str = "image.tif", x: np.ndarray = ANGLES) -> bytes:
    rows = "\n".join(f" {a:.7E} {c:.7E}" for a, c in zip(x, COUNTS, strict=True))
    return f"{title}\n {label}\n Intensity\n {len(x)}\n{rows}\n".encode()


SAMPLES: dict[str, tuple[str, bytes]] = {
    "xy": ("text", columns()),
    "xye": ("text", columns(sigma=True)),
    "csv": ("text", columns(",", head="two_theta,intensity\n")),
    "decimal comma": ("text", columns(";", comma=True)),
    "xrdml": ("xrdml", xrdml()),
    "xrdml counts": ("xrdml", xrdml("counts", version="2.1")),
    "raw1": ("bruker-raw", raw1()),
    "raw2": ("bruker-raw", raw2()),
    "raw3": ("bruker-raw", raw3()),
    "raw4": ("bruker-raw", raw4()),
    "uxd": ("uxd", uxd()),
    "uxd 2theta": ("uxd", uxd("_2THETACOUNTS")),
    "brml": ("brml", brml()),
    "ras": ("ras", ras()),
    "rasx": ("rasx", rasx()),
    "asc": ("asc", asc()),
    "gsas std": ("gsas", gsas()),
    "gsas esd": ("gsas", gsas("ESD")),
    "gsas fxye": ("gsas", gsas("FXYE")),
    "cif": ("cif", cif()),
    "cif weights": ("cif", cif(weights=True)),
    "chi": ("chi", chi()),
}
"""Name of the sample: the format that it is, its bytes."""

SEVERAL: dict[str, bytes] = {
    "xrdml": xrdml(scans=2),
    "raw1": raw1(2),
    "raw1 without magic": raw1(2, repeat_magic=False),
    "raw2": raw2(2),
    "raw3": raw3(2),
    "raw4": raw4(2),
    "uxd": uxd(ranges=2),
    "brml": brml(scans=2),
    "ras": ras(scans=2),
    "rasx": rasx(scans=2),
    "asc": asc(groups=2),
    "gsas": gsas(banks=2),
    "cif": cif(blocks=2),
}
"""Files that hold the scan twice."""
