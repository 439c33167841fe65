"""One small file of every format, written here byte by byte from the format's description, all of the same scan."""

from __future__ import annotations

import io
import struct
import zipfile
from itertools import pairwise

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


def _lines(per_line: int, width: int = 9, separator: str = "") -> str:
    fields = [f"{c:{width}g}" for c in COUNTS]
    return "\n".join(separator.join(fields[i : i + per_line]) for i in range(0, N, per_line))


def udf() -> bytes:
    head = f"""SampleIdent,Cu2Se ,/
Title1,a title ,/
DiffrType,PW1710 ,/
Anode,Cu ,/
LabdaAlpha1, {ALPHA1:.5f} ,/
LabdaAlpha2, {ALPHA2:.5f} ,/
RatioAlpha21, {RATIO:.5f} ,/
DataAngleRange, {ANGLES[0]:.4f}, {ANGLES[-1]:.4f} ,/
ScanStepSize, {STEP:.3f} ,/
ScanType,CONTINUOUS ,/
ScanStepTime, {TIME:.2f} ,/
RawScan
"""
    return (head + _lines(8, separator=",") + "/\n").encode()


def rd(version: bytes = b"V3RD") -> bytes:
    head = bytearray(250 if version == b"V3RD" else 810)
    head[0:4] = version
    head[84:87] = bytes((1, 0, 3))
    struct.pack_into("<ddd", head, 94, ALPHA1, ALPHA2, RATIO)
    head[138:146] = b"FILE0001"
    head[146:151] = b"Cu2Se"
    struct.pack_into("<ddd", head, 214, STEP, ANGLES[0], ANGLES[-1])
    return bytes(head) + np.round(10 * np.sqrt(COUNTS)).astype("<u2").tobytes()


def cpi() -> bytes:
    head = f"SIETRONICS XRD SCAN\n{ANGLES[0]:.2f}\n{ANGLES[-1]:.2f}\n{STEP:.3f}\nCu\n{ALPHA1}\n1-1-1990\n0.6\nCu2Se\n"
    return (head + "SCANDATA\n" + "\n".join(f"{c:g}" for c in COUNTS) + "\n").encode()


def mdi() -> bytes:
    head = f"01/02/90 DIF Cu2Se\n {ANGLES[0]:.3f} {STEP:.3f} {TIME:.2f} CU {ALPHA1:.5f} {ANGLES[-1]:.3f} {N:6d}\n"
    return (head + _lines(8) + "\n").encode()


def start_step_stop(title: str = "", per_line: int = 7, padded: bool = False) -> bytes:
    text = _lines(per_line) + ("".join(f"{0:9d}" for _ in range(-N % per_line)) if padded else "")
    return f"{title}{ANGLES[0]:9.3f}{STEP:9.4f}{ANGLES[-1]:9.3f}\n{text}\n".encode()


_SQUEEZED = {"+": "@ABCDEFGHI", "-": "@abcdefghi"}
_DIFFERENCE = {"+": "%JKLMNOPQR", "-": "%jklmnopqr"}

_REPEATED = {"+": " STUVWXYZs"}


def _packed(letters: dict[str, str], value: int) -> str:
    digits = str(abs(value))
    return letters["-" if value < 0 else "+"][int(digits[0])] + digits[1:]


def _asdf(form: str) -> str:
    """The ordinates in one of the compressed forms, ten a line."""
    values = [int(c) for c in COUNTS]
    lines = []
    for i in range(0, N, 10):
        row = values[i : i + 10]
        if form == "SQZ":
            lines.append(f"{ANGLES[i]:.2f}" + "".join(_packed(_SQUEEZED, v) for v in row))
            continue
        # A line of differences is closed by the next line's first value, which repeats its last.
        start = max(i - 1, 0)
        row = values[start : i + 10]
        steps = [b - a for a, b in pairwise(row)]
        text, at = "", 0
        while at < len(steps):
            run = 1
            while form == "DIFDUP" and at + run < len(steps) and steps[at + run] == steps[at]:
                run += 1
            text += _packed(_DIFFERENCE, steps[at]) + (_packed(_REPEATED, run) if run > 1 else "")
            at += run
        lines.append(f"{ANGLES[start]:.2f}{_packed(_SQUEEZED, row[0])}{text}")
    return "\n".join(lines)


def jcamp(form: str = "AFFN", blocks: int = 1, unit: str = "2THETA") -> bytes:
    head = f"""##TITLE=Cu2Se
##JCAMP-DX=4.24 $$ a comment
##DATA TYPE=X-RAY DIFFRACTION
##XUNITS={unit}
##YUNITS=COUNTS
##FIRSTX={ANGLES[0]}
##LASTX={ANGLES[-1]}
##XFACTOR=1
##YFACTOR=1
##NPOINTS={N}
"""
    if form == "XYPOINTS":
        rows = "\n".join(f"{a:.2f}, {c:g}" for a, c in zip(ANGLES, COUNTS, strict=True))
        body = f"##XYPOINTS=(XY..XY)\n{rows}\n"
    else:
        affn = "\n".join(f"{ANGLES[i]:.2f} " + " ".join(f"{c:g}" for c in COUNTS[i : i + 3]) for i in range(0, N, 3))
        pac = "\n".join(f"{ANGLES[i]:.2f}" + "".join(f"+{c:g}" for c in COUNTS[i : i + 6]) for i in range(0, N, 6))
        table = {"AFFN": affn, "PAC": pac}.get(form) or _asdf(form)
        body = f"##DELTAX={STEP}\n##XYDATA=(X++(Y..Y))\n{table}\n"
    return ((head + body + "##END=\n") * blocks).encode()


def bruker_text(ranges: int = 1) -> bytes:
    head = f";RAW4.00\n\n[RawHeader]\nSample=Cu2Se\nAnode=Cu\nAlpha1={ALPHA1}\nAlpha2={ALPHA2}\nAlphaRatio={RATIO}\n"
    rows = "".join(f"{a:10g},{c:10g},\n" for a, c in zip(ANGLES, COUNTS, strict=True))
    block = (
        f"[RangeHeader]\nScanType=Locked Coupled\nStart={START:g}\nStepSize={STEP}\n[Data]\n     Angle,       PSD,\n"
    )
    return (head + (block + rows) * ranges).encode()


def gsas2_plot(separator: str = ",", used: bool = True, quoted: bool = True) -> bytes:
    x = '"x, 2theta (deg)"' if quoted else "x, 2theta (deg)"
    head = separator.join(["used", x, "obs", "calc", "bkg", "diff", "Phase A", "tick-pos"])
    rows = [
        separator.join([*(["1"] if used else []), f"{a:.4f}", f"{c:g}", f"{c + 3:g}", "90", "-3", " ", " "])
        for a, c in zip(ANGLES, COUNTS, strict=True)
    ]
    return ("\n".join([head, *rows]) + "\n").encode()


def gsas2_histogram(kind: str = "PXC") -> bytes:
    facts = (
        f'"Histogram","PWDR Cu2Se"\n"Instparm: Type","{kind}"\n"Instparm: Lam1",{ALPHA1}\n"Instparm: Lam2",{ALPHA2}\n'
    )
    facts += f'"Instparm: I(L2)/I(L1)",{RATIO}\n"Samparm: Gonio. radius",    217.50\n'
    rows = [f"{a:.3f}, {c:.3f}, {1 / c:.9f}, 90.0, 90.0, 1.4" for a, c in zip(ANGLES, COUNTS, strict=True)]
    return (facts + '"x","y_obs","weight","y_calc","y_bkg","Q"\n' + "\n".join(rows) + "\n").encode()


def dotted_cif() -> bytes:
    rows = "\n".join(f"{i} {a:.4f} {c:g} {np.sqrt(c):.5f}" for i, (a, c) in enumerate(zip(ANGLES, COUNTS, strict=True)))
    return f"""data_scan
_diffrn_radiation.probe neutron
_diffrn_radiation_wavelength.value {ALPHA1}
_pd_phase.name Cu2Se
loop_
_pd_data.point_id
_pd_meas.2theta_scan
_pd_meas.intensity_total
_pd_meas.intensity_total_su
{rows}
""".encode()


def nexus(
    unit: str = "degrees", frames: int = 1, nested: bool = False, definition: str = "NXazint1d", errors: bool = True
) -> bytes:
    """An HDF5 file as azimuthal integration writes it; on a Q axis in 1/Å or 1/nm the angles are the same."""
    import h5py

    q = 4 * np.pi * np.sin(np.radians(ANGLES / 2)) / ALPHA1
    x = {"degrees": ANGLES, "2th_deg": ANGLES, "rad": np.radians(ANGLES), "1/angstrom": q, "q_nm^-1": 10 * q}[unit]
    monopd = definition == "NXmonopd"
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        entry = _group(file, "entry", "NXentry", default="data")
        instrument = _group(entry, "instrument", "NXinstrument")
        mono = _group(instrument, "monochromator", "NXmonochromator")
        mono.create_dataset("wavelength", data=ALPHA1).attrs["units"] = "angstrom"
        _group(instrument, "source", "NXsource")["probe"] = "x-ray"
        _group(entry, "sample", "NXsample")["name"] = "Cu2Se"
        parent = _group(entry, "azint1d", "NXsubentry") if nested else entry
        parent["definition"] = definition
        radial, signal, error = ("polar_angle", "data", "errors") if monopd else ("radial_axis", "I", "I_errors")
        data = _group(parent, "data", "NXdata", signal=signal, axes=[radial] if monopd else [".", radial])
        data.create_dataset(radial, data=x).attrs["units"] = unit
        data[signal] = COUNTS if monopd and frames == 1 else np.tile(COUNTS, (frames, 1))
        if errors:
            data[error] = np.sqrt(data[signal][()])
        if nested:
            entry["data"] = h5py.SoftLink("/entry/azint1d/data")
            cake = _group(_group(entry, "azint2d", "NXsubentry"), "data", "NXdata", signal="I")
            cake.attrs["axes"] = [".", "azimuthal_axis", "radial_axis"]
            cake["I"], cake["radial_axis"], cake["azimuthal_axis"] = np.ones((1, 4, N)), x, np.arange(4.0)
    return buffer.getvalue()


def _group(parent, name: str, kind: str, **attrs):
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    for key, value in attrs.items():
        group.attrs[key] = value
    return group


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
    "cif dotted": ("cif", dotted_cif()),
    "udf": ("udf", udf()),
    "rd": ("philips-rd", rd()),
    "sd": ("philips-rd", rd(b"V5RD")),
    "cpi": ("cpi", cpi()),
    "mdi": ("mdi", mdi()),
    "start step stop": ("start-step-stop", start_step_stop()),
    "start step stop padded": ("start-step-stop", start_step_stop("A title\n! a comment\n", padded=True)),
    "jcamp": ("jcamp", jcamp()),
    "jcamp pac": ("jcamp", jcamp("PAC")),
    "jcamp sqz": ("jcamp", jcamp("SQZ")),
    "jcamp dif": ("jcamp", jcamp("DIF")),
    "jcamp difdup": ("jcamp", jcamp("DIFDUP")),
    "jcamp points": ("jcamp", jcamp("XYPOINTS")),
    "bruker text": ("bruker-text", bruker_text()),
    "gsas2 plot": ("gsas2-csv", gsas2_plot()),
    "gsas2 plot semicolon": ("gsas2-csv", gsas2_plot(";", quoted=False)),
    "gsas2 plot unquoted": ("gsas2-csv", gsas2_plot(quoted=False)),
    "gsas2 plot shifted": ("gsas2-csv", gsas2_plot(";", used=False)),
    "gsas2 histogram": ("gsas2-csv", gsas2_histogram()),
    "nexus": ("nexus", nexus()),
    "nexus nested": ("nexus", nexus(nested=True)),
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
    "jcamp": jcamp(blocks=2),
    "bruker text": bruker_text(2),
    "nexus": nexus(frames=2),
}
"""Files that hold the scan twice."""
