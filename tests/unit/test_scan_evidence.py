"""Text files read as what they say: axis, columns, wavelength, anode and units, each from stated evidence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern
from xrdfit.scan.axis import Axis
from xrdfit.scan.labels import Kind, classify
from xrdfit.scan.wavelength import find_wavelengths

N = 150
ANGLES = np.round(20 + 0.02 * np.arange(N), 2)
COUNTS = np.random.default_rng(3).poisson(900 + 6000 * np.exp(-(((ANGLES - 21.5) / 0.06) ** 2))).astype(float)
SIGMA = np.round(np.sqrt(COUNTS) * 0.8, 4)
WAVELENGTH = 0.5
Q = 4 * np.pi * np.sin(np.radians(ANGLES / 2)) / WAVELENGTH


@pytest.fixture
def read(tmp_path):
    def _read(data: bytes | str, **options):
        path = tmp_path / "scan.txt"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_pattern(path, **options)

    return _read


def rows(*columns, separator=" ", form="{:.10g}"):
    return "\n".join(separator.join(form.format(v) for v in row) for row in zip(*columns, strict=True)) + "\n"


def same(pattern, sigma=None):
    np.testing.assert_allclose(pattern.two_theta, ANGLES, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(pattern.counts, COUNTS)
    if sigma is not None:
        np.testing.assert_allclose(pattern.sigma, sigma)
    else:
        assert pattern.attrs["sigma_from"] == "poisson"
    return pattern


XY, XYE, QI = rows(ANGLES, COUNTS), rows(ANGLES, COUNTS, SIGMA), rows(Q, COUNTS)

# ---------------------------------------------------------------- what a name means

TWO_THETA_NAMES = [
    "2theta",
    "2Theta",
    "2-Theta",
    "two_theta",
    "tth",
    "TTH",
    "2th_deg",
    "2th.",
    "°2Th.",
    "Pos. [°2Th.]",
    "2θ (°)",
    "2θ / deg",
    "2 Theta (deg)",
    "TwoTheta",
    "2ϑ",
    "x, 2theta (deg)",
    "Winkel 2θ [°]",
    "Beugungswinkel",
    "Streuwinkel (°)",
    "Angle de diffraction",
    "Scattering Angle (degrees)",
    "回折角 2θ",
    "衍射角",
    "2Theta/Theta",
    "_pd_meas_2theta_scan",
    "2theta_corrected",
    "Ángulo 2θ",
    "2θ(degree)",
    "2t",
]
OTHERS = [
    ("Q (1/A)", Axis.Q_ANGSTROM),
    ("q_A^-1", Axis.Q_ANGSTROM),
    ("Q [Å⁻¹]", Axis.Q_ANGSTROM),
    ("chi_Q", Axis.Q_ANGSTROM),
    ("Q(nm-1)", Axis.Q_NM),
    ("Scattering vector (1/nm)", Axis.Q_NM),
    ("momentum transfer (Å-1)", Axis.Q_ANGSTROM),
    ("nm^-1", Axis.Q_NM),
    ("2th_rad", Axis.RADIANS),
    ("2-Theta (radians)", Axis.RADIANS),
    ("2θ [rad]", Axis.RADIANS),
]


@pytest.mark.parametrize(("name", "axis"), [*((n, Axis.TWO_THETA) for n in TWO_THETA_NAMES), *OTHERS])
def test_names_of_axes(name, axis):
    label = classify(name)
    assert label is not None
    assert (label.kind, label.axis) == (Kind.AXIS, axis)


@pytest.mark.parametrize(
    "name",
    [
        "theta",
        "Theta (deg)",
        "d",
        "d (Å)",
        "d-spacing",
        "Energy (keV)",
        "TOF",
        "Radial Distance (mm)",
        "r_mm",
        "Omega",
        "q [pm-1]",
        "Omega/2Theta",
        "Pixel",
        "channel",
    ],
)
def test_other_axes(name):
    label = classify(name)
    assert label is not None
    assert label.kind is Kind.OTHER_AXIS


@pytest.mark.parametrize(
    "name",
    [
        "correction",
        "Powder",
        "X-ray",
        "diffraction",
        "offset",
        "foo",
        "Q factor",
        "2Theta correction",
        "Q^2",
        "q (a.u.)",
        "{str(dim1_unit):14s}",
        "6 nm",
        "",
        "Sample: Cu2Se",
        "the angle that was measured on a Monday",
    ],
)
def test_prose_names_nothing(name):
    assert classify(name) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("I", Kind.COUNTS),
        ("Int. [cts]", Kind.COUNTS),
        ("Intensität", Kind.COUNTS),
        ("強度", Kind.COUNTS),
        ("coups", Kind.COUNTS),
        ("yobs", Kind.COUNTS),
        ("Lin (Counts)", Kind.COUNTS),
        ("su", Kind.SIGMA),
        ("σ", Kind.SIGMA),
        ("Sigma(I)", Kind.SIGMA),
        ("I_err", Kind.SIGMA),
        ("Fehler", Kind.SIGMA),
        ("écart-type", Kind.SIGMA),
        ("sigma^2", Kind.VARIANCE),
        ("1/sigma^2", Kind.WEIGHT),
        ("intensity calc", Kind.CALCULATED),
        ("bkg", Kind.BACKGROUND),
        ("yobs-ycalc", Kind.DIFFERENCE),
        ("log(I)", Kind.TRANSFORMED),
        ("Unnamed: 0", Kind.INDEX),
        ("used", Kind.FLAG),
    ],
)
def test_names_of_columns(name, kind):
    label = classify(name)
    assert label is not None
    assert label.kind is kind


# ---------------------------------------------------------------- axis

Q_HEADERS = [
    "# chi_Q chi_I\n",
    "# q_A^-1 I\n",
    "#L Q(A^-1)  I(a.u.)\n",
    "# x_units: q_A^-1\n",
    "# xunits = Q (1/A)\n",
    "Q [1/Å] Intensity\n",
    "# Unit: q_A^-1\n",
    "Streuvektor (1/Å) Intensität\n",
    "q I\n1/A counts\n",
]


@pytest.mark.parametrize("header", Q_HEADERS)
def test_a_q_axis_needs_a_wavelength_and_takes_it(read, header):
    with pytest.raises(InputError, match=r"Q in 1/Å and states no wavelength; give it: --radiation"):
        read(header + QI)
    pattern = same(read(header + QI, wavelength=WAVELENGTH))
    assert pattern.attrs["wavelengths"] == [WAVELENGTH]
    assert "axis: Q in 1/Å, from " in pattern.attrs["evidence"]
    same(read(f"# lambda1: {WAVELENGTH}\n" + header + QI))


@pytest.mark.parametrize("header", ["# q_nm^-1 I\n", "Q (1/nm),Intensity\n", "# x_units: q_nm^-1\n"])
def test_q_in_nanometres(read, header):
    same(read(header + rows(10 * Q, COUNTS, separator="," if "," in header else " "), wavelength=WAVELENGTH))


def test_radians(read):
    same(read("2th_rad I\n" + rows(np.radians(ANGLES), COUNTS, form="{:.12g}")))


@pytest.mark.parametrize(
    "header",
    ["# q sample3\n", "# columns: q, I\n", "#X: Q (A^-1)\n", "# x-axis: Q (A^-1)\n", "# Q (1/A)\n# intensity\n"],
)
def test_a_q_axis_in_other_words(read, header):
    with pytest.raises(InputError, match="--radiation"):
        read(header + QI)
    same(read(header + QI, wavelength=WAVELENGTH))


@pytest.mark.parametrize(
    "header",
    [
        "# Scattering vector Q in inverse nm\n",
        "# d-spacing\n# intensity\n",
        "# first column: d (Angstrom)\n",
        "# theta scan\n",
    ],
)
def test_other_axes_in_other_words_are_never_degrees(read, header):
    with pytest.raises(InputError, match=r"axis|Q"):
        read(header + XY)
    same(read(header + XY, axis="two_theta"))


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("2theta intensity\nrad counts\n", (np.radians(ANGLES), COUNTS)),
        ("q I\n1/nm a.u.\n", (10 * Q, COUNTS)),
        ("2theta intensity\n---------------\n", (ANGLES, COUNTS)),
        ('"2theta" "intensity"\n', (np.arange(N) + 1, ANGLES, COUNTS)),
        ("Point Angle Counts\n", (np.arange(N) + 1, ANGLES, COUNTS)),
        ("#L two_theta  I0  detector\n", (ANGLES, COUNTS * 0 + 1e5, COUNTS)),
        ("'x','y_obs','y_calc','y_bkg','Q'\n", (ANGLES, COUNTS, COUNTS + 3, COUNTS * 0 + 900, Q)),
        ("2theta,d,Q,I\n", (ANGLES, 2 * np.pi / Q, Q, COUNTS)),
        ("! Cu Ka1 radiation, 40 kV\n", (ANGLES, COUNTS)),
    ],
)
def test_headers_of_several_kinds(read, header, columns):
    separator = "," if header.count(",") > 1 else " "
    same(read(header + rows(*columns, separator=separator, form="{:.12g}"), wavelength=WAVELENGTH))


def test_an_unsaid_unit_of_q_is_noted(read):
    assert "states no unit: 1/Å is taken" in read("# Q I\n" + QI, wavelength=0.5).attrs["notes"]


UNKNOWN = [
    "foo,bar\n",
    "abscissa2,intensity\n",
    "#{str(dim1_unit):14s}  {'I':14s}\n",
    "# x_units: furlongs\n",
    "# Q range (1/A): 0.5 4.48\n",
    "voltage;Intensity\n",
    "foo\tCounts\n",
]


@pytest.mark.parametrize("header", UNKNOWN)
def test_an_unknown_label_is_never_degrees(read, header):
    separator = next((s for s in ",;\t" if s in header), " ")
    text = header + rows(ANGLES, COUNTS, separator=separator)
    with pytest.raises(InputError, match=r"--axis two_theta, two_theta_rad, q or q_nm"):
        read(text)
    same(read(text, axis="two_theta"))


@pytest.mark.parametrize("header", ["theta,I\n", "d (A),I\n", "Energy (keV),counts\n", "omega,counts\n", "TOF,I\n"])
def test_another_axis_is_refused_by_name_and_can_be_overruled(read, header):
    text = header + rows(ANGLES, COUNTS, separator=",")
    with pytest.raises(InputError, match=r"has the axis .* \(line 1\); 2θ .*pass --axis"):
        read(text)
    same(read(text, axis="two_theta"))


@pytest.mark.parametrize(
    "header",
    [
        "# Powder X-ray diffraction\n",
        "# TwoTheta offset 0.01\n",
        "! 2Theta correction subtracted\n",
        "# run 12 by A. Smith\n",
        "Cu2Se film, 2 nm\n",
        "# a comment\n",
        "# Q factor ok\n",
        "XYDATA\nINTER 1.0 1.0 2 0.001\n! Temp (K) = 298.0\n",
    ],
)
def test_prose_is_no_header_of_columns(read, header):
    same(read(header + XYE), SIGMA)


def test_evidence_says_which_line(read):
    attrs = read("! Title\n! Start 2theta (deg) = 20\n! degrees intensity sigma\n" + XYE).attrs
    assert attrs["evidence"].startswith(
        "axis: 2θ in degrees, from '2theta' in line 2; columns: axis 1, intensity 2, error 3"
    )
    assert read(XY).attrs["evidence"].startswith("no axis stated: 2θ in degrees assumed")
    assert "assumed for 'x' in line 1" in read("# x y\n" + XY).attrs["evidence"]


def test_angles_below_pi_are_suspect_unless_said_to_be_degrees(read):
    low = np.round(0.5 + 0.01 * np.arange(N), 3)
    assert "if they are radians or Q" in read(rows(low, COUNTS)).attrs["notes"]
    assert "notes" not in read("2theta (deg),I\n" + rows(low, COUNTS, separator=",")).attrs


@pytest.mark.parametrize(
    ("said", "fine"),
    [
        ('Scantype: "Rocking Curve"', False),
        ("Scan axis,Omega", False),
        ("drive axis = Theta", False),
        ("Scan Axis: Phi", False),
        ('Scantype: "Coupled TwoTheta/Theta"', True),
        ("Scan axis,Gonio", True),
        ("drive axis = Theta-2Theta", True),
        ("scan mode = Continuous Scan", True),
        ("Scanachse: 2Theta", True),
    ],
)
def test_scan_types(read, said, fine):
    text = f"# {said}\n" + XY
    if fine:
        same(read(text))
        return
    with pytest.raises(InputError, match="not of 2θ; pass --axis two_theta if it is one"):
        read(text)
    same(read(text, axis="two_theta"))


# ---------------------------------------------------------------- radiation

STATED = [
    ("# lambda1: 1.540598", [1.540598]),
    ("# Wavelength1: 1.54056\n# Wavelength2: 1.54439", [1.54056, 1.54439]),
    ('# {"dist": 0.1, "wavelength": 5e-11}', [0.5]),
    ("Wavelength: 7.093e-11 m", [0.7093]),
    ("lambda = 0.07093 nm", [0.7093]),
    ("! Calibrated wavelength = 0.413909", [0.413909]),
    ("# Wellenlänge Kα1: 1,540598", [1.540598]),
    ("# longueur d'onde = 0.5 Å", [0.5]),
    ("# 波長 1.5406 Å", [1.5406]),
    ("# Wavelength (A): 1.54056, 1.54439", [1.54056, 1.54439]),
    ("# K-Alpha1 wavelength,1.5405980", [1.540598]),
    ("# wavelength 1 1.5406", [1.5406]),
    ("# λ=0.7Å", [0.7]),
    ("# photon energy (keV) = 12.398419843", [1.0]),
    ("# Kβ wavelength 1.39222", None),
    ("# wavelength calibrated with LaB6", None),
    ("# lambda: 154", None),
    ("# lambda" + " " * 1500, None),
    ("# threshold_energy: 4024 eV", None),
]


@pytest.mark.parametrize(("header", "expected"), STATED)
def test_wavelengths(read, header, expected):
    found = same(read(header + "\n" + XY)).attrs.get("wavelengths")
    assert found == (None if expected is None else pytest.approx(expected))


def test_several_wavelengths_are_none(read):
    attrs = read("# wavelength: 0.5\n# wavelength of the other run: 0.7\n# Wavelength (nominal) = 0.6\n" + XY).attrs
    assert "wavelengths" not in attrs
    assert "several wavelengths" in attrs["notes"]


@pytest.mark.parametrize(
    ("header", "anode", "radiation", "noted"),
    [
        ('\'Id: "" Anode: "Mo" Scantype: "Coupled TwoTheta/Theta"', "Mo", "mo-ka", True),
        ("# Anode material,Cu", "Cu", "cu-ka", False),
        ("# target              = Co", "Co", "co-ka", True),
        ("# Radiation: Cu Kα1", "Cu", "cu-ka1", False),
        ("# Anodenmaterial: Kupfer", "Cu", "cu-ka", False),
        ("# tube: W", "W", None, False),
        ("# source: synchrotron", None, None, False),
    ],
)
def test_anodes(read, header, anode, radiation, noted):
    attrs = read(header + "\n" + XY).attrs
    assert (attrs.get("anode"), attrs.get("radiation")) == (anode, radiation)
    assert ("notes" in attrs) == noted


def test_highscore_csv(read):
    head = (
        "[Measurement conditions]\nSample identification,\nAnode material,Cu\nK-Alpha1 wavelength,1.5405980\n"
        "K-Alpha2 wavelength,1.5444260\nRatio K-Alpha2/K-Alpha1,{ratio}\nScan axis,Gonio\nNo. of points,150\n"
        "[Scan points]\nAngle,Intensity\n"
    )
    attrs = same(read(head.format(ratio="0.000") + rows(ANGLES, COUNTS, separator=","))).attrs
    assert (attrs["radiation"], attrs["wavelengths"]) == ("cu-ka1", [1.540598])
    attrs = read(head.format(ratio="0.5") + rows(ANGLES, COUNTS, separator=",")).attrs
    assert attrs["wavelength_weights"] == pytest.approx([2 / 3, 1 / 3])
    cut = read(head.format(ratio="0.5") + rows(ANGLES[:100], COUNTS[:100], separator=","))
    assert "announces 150 points, the file has 100" in cut.attrs["notes"]


def test_pyfai_header(read):
    poni = json.dumps({"poni_version": 2.1, "dist": 0.12, "wavelength": 5e-11}, indent=4)
    head = "".join(f"# {line}\n" for line in poni.splitlines())
    same(read(head + "# --> a/b.dat\n#q_A^-1         I             \n" + QI))
    broken = head + "# --> a/int_q.dat\n#{str(dim1_unit):14s}  {'I':14s}  {'sigma':14s}\n"
    with pytest.raises(InputError, match=r"line 7, which is not known; pass --axis"):
        read(broken + rows(Q, COUNTS, SIGMA))
    same(read(broken + rows(Q, COUNTS, SIGMA), axis="q"), SIGMA)
    attrs = same(read(broken.replace("int_q", "save_tth") + XYE), SIGMA).attrs
    assert "from the name 'save_tth.dat' in line 6" in attrs["evidence"]


@pytest.mark.parametrize(
    ("header", "probe"),
    [
        ("# radiation: neutron", "neutron"),
        ("# Neutron powder diffraction, HRPT", "neutron"),
        ("# probe = x-ray", "xray"),
        ("# Spallation Neutron Source", None),
    ],
)
def test_probe(read, header, probe):
    assert read(header + "\n" + XY).attrs.get("probe") == probe


def test_a_wavelength_that_is_asked_for_turns_q_before_the_headers(read):
    pattern = read("# wavelength: 0.7\n# q_A^-1 I\n" + QI, wavelength=WAVELENGTH)
    same(pattern)
    assert "the header states 0.7 Å; 0.5 Å was asked for" in pattern.attrs["notes"]


def test_find_wavelengths_takes_time_that_grows_with_the_text():
    # patterns that try again at every blank took minutes for this
    assert find_wavelengths(["lambda " * 20_000, "wavelength" + " " * 100_000 + "x", "energy" * 20_000]) == []


# ---------------------------------------------------------------- columns and numbers


def thousands(values, sign):
    return [f"{int(v):,}".replace(",", sign) for v in values]


def pairs(first, second, separator):
    return "".join(f"{a}{separator}{b}\n" for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("scale", [1, 4])  # some numbers below a thousand, or none
@pytest.mark.parametrize("sign", [",", " ", "\u00a0", "\u202f", "'", "’"])
@pytest.mark.parametrize("separator", ["\t", ";", "; "])
def test_thousands_separators(read, sign, separator, scale):
    if separator != "\t" and sign == " ":
        pytest.skip("a blank beside a semicolon is no separator")
    pattern = read(pairs([f"{a:.2f}" for a in ANGLES], thousands(scale * COUNTS, sign), separator))
    np.testing.assert_array_equal(pattern.counts, scale * COUNTS)
    assert "thousands separators" in pattern.attrs["notes"]


def test_thousands_in_german(read):
    text = pairs([f"{a:.2f}".replace(".", ",") for a in ANGLES], thousands(COUNTS, "."), ";")
    np.testing.assert_array_equal(read(text).counts, COUNTS)


@pytest.mark.parametrize("separator", [" ", ","])
def test_thousands_that_look_like_columns_are_refused(read, separator):
    big = 1000 + 10 * COUNTS % 8999
    text = pairs([f"{a:.2f}" for a in ANGLES], thousands(big, separator), separator)
    with pytest.raises(InputError, match="look like one number with a thousands separator"):
        read(text)
    mixed = pairs([f"{a:.2f}" for a in ANGLES], thousands(COUNTS, separator), separator)
    with pytest.raises(InputError, match=r"columns where|not a row|thousands"):
        read(mixed)


@pytest.mark.parametrize("sign", [",", " "])
def test_quoted_thousands(read, sign):
    text = '"2Theta","Intensity"\n' + pairs(
        [f'"{a:.2f}"' for a in ANGLES], [f'"{t}"' for t in thousands(COUNTS, sign)], ","
    )
    np.testing.assert_array_equal(read(text.replace(" ", "\u00a0")).counts, COUNTS)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", ['"2Theta"{}"Intensity"\n', ""])
def test_quoted_fields(read, separator, header):
    text = header.format(separator) + pairs([f'"{a:.2f}"' for a in ANGLES], [f'"{c:g}"' for c in COUNTS], separator)
    same(read(text))


def test_quoted_decimal_commas(read):
    same(read(pairs([f'"{a:.2f}"'.replace(".", ",") for a in ANGLES], [f'"{c:g}"' for c in COUNTS], ",")))


@pytest.mark.parametrize(
    ("header", "shift"),
    [
        (",2theta,intensity\n", 0),
        (",2theta,intensity\n", 1),
        ("Unnamed: 0,2theta,intensity\n", 0),
        ("no,2theta,counts\n", 1),
        ("", 0),
        ("", 1),
        ("2theta,intensity\n", 1),
    ],
)
def test_index_columns(read, header, shift):
    pattern = same(read(header + rows(np.arange(N) + shift, ANGLES, COUNTS, separator=",")))
    assert ("numbers the rows" in pattern.attrs.get("notes", "")) == (header == "")


def test_rows_that_are_only_numbered_have_no_angles(read):
    with pytest.raises(InputError, match="first column that numbers the rows"):
        read(rows(np.arange(N) + 1, COUNTS))
    assert read(rows(np.arange(N) + 1, COUNTS), axis="two_theta").sizes["two_theta"] == N


def test_gsas2_export(read):
    lines = ['used,"x, 2theta (deg)",obs,calc,bkg,diff,Phase A,tick-pos\r']
    for i, (a, c) in enumerate(zip(ANGLES, COUNTS, strict=True)):
        lines.append(f"{int(i != 7)},{a:.2f},{c:g},{c + 3.1:.1f},900,-3.1,{'5.2' if i < 5 else ' '}, \r")
    pattern = read("\n".join(lines) + "\n")
    np.testing.assert_array_equal(pattern.counts, np.delete(COUNTS, 7))
    assert "1 points that GSAS-II did not use are left out" in pattern.attrs["notes"]


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("2theta,intensity calc,intensity obs", (0, 2, 1)),
        ("2theta,ycalc,yobs", (0, 2, 1)),
        ("I obs,2Theta,I calc", (1, 0, 2)),
        ("2theta,I,Background", (0, 1, 2)),
        ("2theta,d,I", (0, 2, 1)),
        ("2theta,counts,cps", (0, 1, 2)),
    ],
)
def test_the_measured_intensity_is_preferred(read, header, order):
    columns = [None] * 3
    columns[order[0]], columns[order[1]], columns[order[2]] = ANGLES, COUNTS, COUNTS + 1
    pattern = same(read(header + "\n" + rows(*columns, separator=",")))
    assert "was not read" in pattern.attrs["notes"]


@pytest.mark.parametrize("header", ["2theta,sample A,sample B", "2theta,I,I"])
def test_two_intensities_are_asked_for(read, header):
    text = header + "\n" + rows(ANGLES, COUNTS, COUNTS + 1, separator=",")
    with pytest.raises(InputError, match=r"several columns that may be the intensity \(2 .*, 3 .*pass --columns"):
        read(text)
    same(read(text, columns="1,2"))
    np.testing.assert_array_equal(read(text, columns=(1, 3)).counts, COUNTS + 1)


def test_four_columns_without_names(read):
    text = rows(COUNTS + 5, COUNTS, ANGLES, SIGMA)
    with pytest.raises(InputError, match="4 columns without a header"):
        read(text)
    same(read(text, columns="3,2,4"), SIGMA)


@pytest.mark.parametrize("columns", ["1", "1,1", "0,1", "a,b", "1,2,3,4", (1, 2.5, "x"), "1,9"])
def test_columns_option(read, columns):
    with pytest.raises(InputError, match="columns"):
        read(XYE, columns=columns)


def test_transformed_intensities_are_refused(read):
    with pytest.raises(InputError, match=r"holds 'sqrt.I.', not an intensity"):
        read("2theta,sqrt(I)\n" + rows(ANGLES, np.sqrt(COUNTS), separator=","))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp932", "gb18030", "cp1253"])
def test_encodings(read, encoding):
    text = "2θ\tI\n" + rows(ANGLES, COUNTS, separator="\t")
    assert "2θ" in same(read(text.encode(encoding))).attrs["evidence"]


@pytest.mark.parametrize("tail", ["\x1a", "\x1a\r\n", "\r\n\x1a\x1a\x1a", "END\n", "\n\n# done\n"])
def test_ends(read, tail):
    same(read(XY.replace("\n", "\r\n") + tail))


def test_an_end_mark_amid_the_rows_is_damage(read):
    lines = XY.splitlines()
    lines[99] = "\x1a" + lines[99][1:]
    with pytest.raises(InputError, match="line 100 is not a row"):
        read("\n".join(lines) + "\n")


@pytest.mark.parametrize("line", ["1.54056 1.54439", "150 0.02", "20.00 22.98", "298.0 0.5\n1.0 2.0"])
def test_a_stray_line_of_numbers_is_no_point(read, line):
    pattern = same(read(f"sample A\n{line}\n" + XY))
    assert "not read as data" in pattern.attrs["notes"]


@pytest.mark.parametrize("first", [0, 1, 20])
def test_unreadable_first_rows_are_an_error(read, first):
    lines = [line.replace(" ", " O") if i <= first else line for i, line in enumerate(XY.splitlines())]
    with pytest.raises(InputError, match="line 1 is not a row of numbers: '20 O"):
        read("\n".join(lines) + "\n")


def test_the_last_line_without_an_end(read):
    assert "has no end: the file may be cut" in read(XY[:-1]).attrs["notes"]
    pattern = read(XY[:-5].rsplit(" ", 1)[0])
    assert pattern.sizes["two_theta"] == N - 2
    assert "is cut and left out" in pattern.attrs["notes"]


def test_commented_rows_and_gaps_are_noted(read):
    lines = XY.splitlines()
    lines[50] = "#" + lines[50]
    notes = read("\n".join(lines) + "\n").attrs["notes"]
    assert "1 rows of numbers begin as comments" in notes
    assert "no points from 20.98 to 21.02°" in notes


# ---------------------------------------------------------------- points that cannot be used, errors


def test_points_that_cannot_be_used_are_left_out(read):
    angles = np.round(ANGLES - 20, 2)
    pattern = read(rows(angles, COUNTS))
    assert pattern.sizes["two_theta"] == N - 1
    assert "1 point at 0° at 2θ ≤ 0 left out" in pattern.attrs["notes"]


@pytest.mark.parametrize("token", ["nan", "NaN", "-", ".", "?", "NA", "inf", "#N/A", "1.#QNAN", "****", "null"])
def test_masked_points(read, token):
    lines = XYE.splitlines()
    for i in (0, 60, 149):
        lines[i] = f"{ANGLES[i]:g} {token} {token}"
    pattern = read("\n".join(lines) + "\n")
    np.testing.assert_array_equal(pattern.counts, np.delete(COUNTS, [0, 60, 149]))
    assert "3 points from 20 to 22.98° without a number left out" in pattern.attrs["notes"]


def test_weight_zero(read):
    weights = 1 / COUNTS
    weights[5] = 0
    pattern = read("2theta,I,weight\n" + rows(ANGLES, COUNTS, weights, separator=","))
    assert pattern.sizes["two_theta"] == N - 1
    assert "of weight 0 left out" in pattern.attrs["notes"]


@pytest.mark.parametrize("value", [0, -1, -10, -9999, 4294967295])
@pytest.mark.parametrize("where", [slice(30, 40), slice(68, 72), slice(140, 150), slice(0, 3)])
@pytest.mark.parametrize("shift", [0.0, 0.25])
def test_masked_bins(read, value, where, shift):
    counts = COUNTS + shift
    counts[where] = value
    pattern = read(rows(ANGLES, counts))
    np.testing.assert_array_equal(pattern.counts, np.delete(COUNTS + shift, where))
    assert "left out" in pattern.attrs["notes"]


def test_zeros_of_a_weak_scan_are_counts(read):
    weak = np.random.default_rng(1).poisson(3.0, N)
    assert np.sum(weak == 0) > 3
    pattern = read(rows(ANGLES, weak))
    assert pattern.sizes["two_theta"] == N
    smooth = np.exp(-(((ANGLES - 21.5) / 0.2) ** 2)).round(3)  # a computed line on nothing
    assert read(rows(ANGLES, smooth)).sizes["two_theta"] == N


@pytest.mark.parametrize("third", [np.full(N, 900.0), 900 + 0.1 * np.arange(N), COUNTS + 1, np.ones(N)])
def test_a_third_column_that_cannot_be_errors(read, third):
    pattern = same(read(rows(ANGLES, COUNTS, third)))
    assert "not taken" in pattern.attrs["notes"]


@pytest.mark.parametrize("factor", [0.05, 20])
def test_doubtful_errors_are_said_so(read, factor):
    sigma = factor * np.sqrt(COUNTS) * np.random.default_rng(0).uniform(0.5, 2, N)
    pattern = read("2theta,I,sigma\n" + rows(ANGLES, COUNTS, sigma, separator=","))
    assert pattern.attrs["sigma_from"] == "file"
    assert "can hardly be the errors" in pattern.attrs["notes"]


@pytest.mark.parametrize(
    ("value", "rows_"), [(1e201, slice(None)), (1e-199, slice(None)), (1e200, 7), (1e-200, 7), (1e-30, 0)]
)
def test_errors_out_of_range(read, value, rows_):
    sigma = np.sqrt(COUNTS)
    sigma[rows_] *= value
    with pytest.raises(InputError, match=r"sigma is .* at point \d+ .*; allowed is .* to "):
        read(rows(ANGLES, COUNTS, sigma))


def test_an_error_that_does_not_go_with_its_intensity(read):
    counts = COUNTS.copy()
    counts[40] += 400
    assert "the first at 20.8°: one of the two may be damaged" in read(rows(ANGLES, counts, SIGMA)).attrs["notes"]


def test_counts_per_second(read):
    text = "2Theta (deg),Intensity (cps)\n" + rows(ANGLES, COUNTS, separator=",")
    assert "counts per second without a counting time" in same(read(text)).attrs["notes"]
    pattern = read(text, counts_per=4)
    np.testing.assert_allclose(pattern.sigma, np.sqrt(COUNTS / 4))
    assert "notes" not in pattern.attrs
    stated = read("Time per step (s),4\n" + text)
    np.testing.assert_allclose(stated.sigma, np.sqrt(COUNTS / 4))
    kilo = read(text.replace("cps", "kcps"), counts_per=4)
    np.testing.assert_allclose(kilo.sigma, np.sqrt(COUNTS / 4000))


def test_sigma_option(read):
    net = rows(ANGLES, COUNTS - 900)
    with pytest.raises(InputError, match=r"negative only with a column of errors, or with --sigma"):
        read(net)
    np.testing.assert_allclose(read(net, sigma="poisson+900").sigma, np.sqrt(COUNTS))
    np.testing.assert_array_equal(read(net, sigma=12.5).sigma, 12.5)
    pattern = read(net, sigma="scatter")
    assert float(pattern.sigma.median()) == pytest.approx(30, rel=0.3)  # sqrt(900), from 51 neighbours
    assert pattern.attrs["sigma_from"] == "file"
    assert "sigma = scatter, as asked for" in pattern.attrs["evidence"]
    assert read(XYE, sigma="poisson").attrs["sigma_from"] == "poisson"
    for wrong in ("gauss", 0, -1, "poisson+x", "poisson-3", True, float("nan")):
        with pytest.raises(InputError, match="sigma is"):
            read(net, sigma=wrong)


@pytest.mark.parametrize("options", [{"axis": "d"}, {"counts_per": 0}, {"counts_per": "x"}, {"axis": "2theta"}])
def test_wrong_options(read, options):
    with pytest.raises(InputError, match=next(iter(options))):
        read(XY, **options)


def test_options_of_columns_are_for_columns(read):
    import scan_files

    with pytest.raises(InputError, match="axis= and columns= are for columns of text"):
        read(scan_files.xrdml(), axis="q")
    with pytest.raises(InputError, match="counts_per= is for counts per second without"):
        read(scan_files.uxd("_CPS"), counts_per=2.0)


def test_chi_of_another_axis(read):
    text = f"image.tif\n Radial Distance (mm)\n Intensity\n {N}\n" + rows(ANGLES, COUNTS)
    with pytest.raises(InputError, match=r"'Radial Distance .mm.' .line 2."):
        read(text)
    same(read(text, axis="two_theta"))


def test_blank_lines_take_no_time(read):
    same(read("\n" * 100_000 + XY))
