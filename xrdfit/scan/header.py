"""What a text file's header states of axis, scan, radiation and time, each with the line that says it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from xrdfit.errors import InputError
from xrdfit.scan.axis import Axis
from xrdfit.scan.labels import Kind, classify, is_template, words
from xrdfit.scan.meta import positive, radiation_attributes
from xrdfit.scan.schema import Attribute
from xrdfit.scan.wavelength import find_wavelengths

_LONGEST_LINE = 2000
_MARKS = "#!;%'\"/*&:<>{}$_-> \t"


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split("; "))


_X_KEYS = _keys(
    "x units; x unit; xunits; xunit; x axis; xaxis; x label; xlabel; x title; abscissa; axis label; x scale; "
    "abszisse; x achse; x axis unit; x axis units; radial unit; radial units; dim1 unit; x axis label; x name; "
    "axe x; xtitle; x values; x column"
)
_UNIT_KEYS = _keys("x; unit; units; axis; einheit; unite; axis unit; integration unit; binning; bin units")
_COLUMN_KEYS = _keys(
    "columns; column names; cols; fields; labels; column labels; column 1; column1; first column; col 1; spalten; "
    "spalte 1; colonnes; colonne 1"
)
_SCAN_KEYS = _keys(
    "scan axis; scantype; scan type; drive axis; scan drive; axis name; drive; scanned axis; meas scan axis x; "
    "scan; scanachse; scan achse; scan name; scanaxis; driveaxis; antriebsachse; type of scan; type de balayage; "
    "axis drive"
)
_POINTS_KEYS = _keys(
    "no of points; number of points; total no; npts; no points; anzahl punkte; number of data points; data "
    "points; nombre de points; anzahl der punkte; n points; num points; points; npoints; no of data points; "
    "number of bins; nbpt"
)
_TIME_KEYS = _keys(
    "time per step; timeperstep; preset time; counting time; count time; step time; steptime; scan step time; "
    "zeit pro schritt; messzeit pro schritt; temps par pas; time step; exposure time per step; counting time per "
    "step"
)
_PROBE_KEYS = _keys("radiation; probe; radiation type; radiation probe; source; beam; diffrn radiation probe")
_ANODE_KEYS = re.compile(
    r"\b(anode|anodenmaterial|target|tube|rohre|rontgenrohre|radiation|strahlung|rayonnement|source|wavelength|"
    r"wellenlange|quelle|anticathode|anodo)\b"
)
_ELEMENT = re.compile(
    r"[\"'(\[]?(?P<el>Cu|Co|Mo|Ag|Fe|Cr|Mn|Ni|W|copper|cobalt|molybdenum|silver|iron|chromium|kupfer|kobalt|"
    r"molybdän|silber|eisen|cuivre)\s?[-_]?\s?(?:K[\s_\-]{0,2}(?:alpha|α|a|\\a)[\s_\-]?(?P<line>1(?:[+,/]2)?|2)?)?"
    r"(?![A-Za-z])",
    re.IGNORECASE,
)
_NAMES = {
    "copper": "Cu", "kupfer": "Cu", "cuivre": "Cu", "cobalt": "Co", "kobalt": "Co", "molybdenum": "Mo",
    "molybdän": "Mo", "silver": "Ag", "silber": "Ag", "iron": "Fe", "eisen": "Fe", "chromium": "Cr",
}  # fmt: skip
_TUBES = _keys("Cu; Co; Mo; Ag; Fe; Cr; Mn; Ni")
_NO_TWO_THETA = _keys("omega; phi; chi; psi; theta; rocking; x; y; z; eta; kappa; incidence; tth0; kipp")
_OTHER_NAMES = frozenset(["spacing", "dspacing", "energy", "tof", "channel", "pixel", "radius", "radial"])
_TUBE_LINE = re.compile(
    r"(?<![A-Za-z])(?P<el>Cu|Co|Mo|Ag|Fe|Cr)[\s_\-]?K[\s_\-]?(?:alpha|α|a)[\s_\-]?(?P<line>1(?:[+,/]2)?|2)?(?![A-Za-z0-9])"
)
_NEUTRON = re.compile(r"\bneutron(?:s|en)?[\s\-]+(?:powder|diffract|data|scan|pattern|pulver|beugung)", re.IGNORECASE)
_Q_SIGN = re.compile(
    r"\bq[\s_(\[]{0,3}(?:1\s?/\s?)?(?:a|å|angstrom|nm)[\s_)]{0,2}(?:\^?\s?[-−⁻]\s?[1¹]|\b)|(?:å|a|nm)\s?\^\s?-\s?1"
    r"|å⁻¹|scattering vector|momentum transfer|streuvektor|inverse (?:å|angstrom|nm|nanomet)"
    r"|(?<![\w.])1\s?/\s?(?:å|a|nm)(?!\w)",
    re.IGNORECASE,
)
_THETA = re.compile(r"th|2\s?t|θ|ϑ|тета|シータ|angle|winkel|angol|角", re.IGNORECASE)
_EXPORT = re.compile(r"-->\s{0,4}(\S{1,300})")


@dataclass
class Facts:
    """What a header states.

    Attributes
    ----------
    meta : dict
        Attributes of the scan.
    evidence, notes : list of str
        Which line says what; what had to be decided.
    axis : Axis or None
        The axis that the header states outside the columns' names, and `axis_from` where.
    points : tuple of int or None
        Announced number of points and the line that says so.
    q_mentioned : int
        The line that mentions a unit of Q, 0 where none does.
    foreign : str
        What was written where the axis should be, and is not known.
    """

    meta: dict[str, Attribute] = field(default_factory=dict)
    evidence: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    axis: Axis | None = None
    axis_from: str = ""
    points: tuple[int, int] | None = None
    q_mentioned: int = 0
    foreign: str = ""


def fold(key: str) -> str:
    """Return a key in lower case, plain letters, with single blanks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", key) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", plain.replace("θ", "theta")).strip().lower()


def pairs(header: Sequence[str]) -> list[tuple[int, str, str]]:
    """Return line number, folded key and value of every statement in a header ("key: value", "key = value", csv)."""
    found: list[tuple[int, str, str]] = []
    for number, line in enumerate(header, start=1):
        text = line[:_LONGEST_LINE].strip().lstrip(_MARKS)
        quoted = re.findall(r"([A-Za-z][\w .\-]{0,40})\"?\s?:\s?\"([^\"]{0,300})\"", text)
        if quoted:
            found += [(number, fold(key), value.strip()) for key, value in quoted]
            continue
        match = re.match(r"([^:=]{1,80})[:=]([^:=].{0,300}|$)", text) or re.match(
            r"([^,;\t]{2,60})[,;\t](.{1,300})", text
        )
        if match is not None:
            found.append((number, fold(match[1]), match[2].strip(" \t\"',;")))
        elif re.match(r"[A-Z_]{3,30}\s+\S", text):
            key, _, value = text.partition(" ")
            found.append((number, fold(key), value.strip(" \"'")))
    return found


def read_header(header: Sequence[str]) -> Facts:
    """Return what the lines above the table state.

    Raises
    ------
    InputError
        The header says that this is no scan of 2θ or Q.
    """
    facts = Facts()
    stated = pairs(header)
    for number, key, value in stated:
        _axis_key(facts, number, key, value)
        _scan_key(facts, number, key, value)
        _plain_key(facts, number, key, value)
    lines = [line[:_LONGEST_LINE] for line in header]
    _radiation(facts, stated, lines)
    _mentions(facts, lines)
    return facts


def _axis_key(facts: Facts, number: int, key: str, value: str) -> None:
    if key in _COLUMN_KEYS:  # the first of several names
        key, value = "unit", re.split(r"[,;|]|\s{2,}|\s(?![(\[])", value, maxsplit=1)[0]
    if (key not in _X_KEYS and key not in _UNIT_KEYS) or not value:
        return
    label = classify(value)
    if label is None or label.kind not in (Kind.AXIS, Kind.OTHER_AXIS):
        if key in _X_KEYS:
            facts.foreign = f"{value[:40]!r} in line {number}"
        return
    if label.kind is Kind.OTHER_AXIS:
        raise InputError(f"has the axis {value[:40]!r} (line {number}); 2θ (degrees or radians) and Q are read")
    if facts.axis is None:
        facts.axis = label.axis
        facts.axis_from = f"from {value[:40]!r} in line {number}"
        if label.axis in (Axis.Q_ANGSTROM, Axis.Q_NM) and not label.stated:
            facts.notes.append(f"Q in line {number} states no unit: 1/Å is taken (--axis q_nm for 1/nm)")


def _scan_key(facts: Facts, number: int, key: str, value: str) -> None:
    if key not in _SCAN_KEYS or not value:
        return
    found = set(words(value)) - {"scan", "axis", "curve", "coupled", "continuous", "step", "mode", "drive"}
    if "2theta" in found or "gonio" in found:
        if facts.axis is None:
            facts.axis, facts.axis_from = Axis.TWO_THETA, f"from the scan {value[:40]!r} in line {number}"
    elif found & _NO_TWO_THETA and found <= _NO_TWO_THETA:
        raise InputError(f"is a scan of {value[:40]!r} (line {number}), not of 2θ; pass --axis two_theta if it is one")


def _plain_key(facts: Facts, number: int, key: str, value: str) -> None:
    numeric = re.match(r"[\"'\s]{0,3}(\d{1,9}(?:[.,]\d{1,9})?)", value)
    time = re.sub(r" (s|sec|seconds|sek)$", "", key)
    if numeric and time in _TIME_KEYS and "min" not in value:
        facts.meta |= positive("count_time_s", float(numeric[1].replace(",", ".")))
    elif numeric and (key in _POINTS_KEYS or key.endswith("total no")) and numeric[1].isdigit():
        facts.points = (int(numeric[1]), number)
    elif key in _PROBE_KEYS and re.search(r"\bneutrons?\b", value, re.IGNORECASE):
        facts.meta["probe"] = "neutron"
        facts.evidence.append(f"probe: neutron, from {value[:40]!r} in line {number}")
    elif key in _PROBE_KEYS and re.search(r"\bx[\s-]?rays?\b", value, re.IGNORECASE):
        facts.meta["probe"] = "xray"


def _ratio(stated: Sequence[tuple[int, str, str]]) -> float | None:
    """Return the intensity ratio Kα2/Kα1."""
    for _, key, value in stated:
        if re.search(r"ratio|verhaltnis|rapport|relation", key) and re.search(r"2|ratio$", key) and "mono" not in key:
            match = re.match(r"[\"'\s]{0,3}(\d{0,3}[.,]?\d{1,9})", value)
            if (
                match is not None
                and 0 <= float(match[1].replace(",", ".")) <= 1
                and re.search(r"alpha|k ?a|wl|lambda", key)
            ):
                return float(match[1].replace(",", "."))
    return None


def _tube_in_prose(lines: Sequence[str]) -> tuple[int, str, re.Match[str]] | None:
    """Return the one line of a tube that a header speaks of ("Cu Kα1 radiation, 40 kV"), None for none or several."""
    found = [(i, match) for i, line in enumerate(lines, start=1) for match in _TUBE_LINE.finditer(line)]
    if len({(match["el"], match["line"]) for _, match in found}) != 1:
        return None
    return found[0][0], found[0][1].group(), found[0][1]


def _radiation(facts: Facts, stated: Sequence[tuple[int, str, str]], lines: Sequence[str]) -> None:
    """Settle wavelengths, anode and the radiation's name."""
    waves = find_wavelengths(lines)
    anode = next(
        (
            (number, value, match)
            for number, key, value in stated
            if _ANODE_KEYS.search(key)
            for match in [_ELEMENT.match(value)]
            if match is not None
        ),
        None,
    )
    if anode is None:
        anode = _tube_in_prose(lines)
    element = "" if anode is None else _NAMES.get(anode[2]["el"].lower(), anode[2]["el"].capitalize())
    first = [wave for wave in waves if wave.role in ("1", "")] or [wave for wave in waves if wave.role == "mean"]
    second = [wave for wave in waves if wave.role == "2"]
    if first and any(abs(wave.value / first[0].value - 1) > 2e-3 for wave in first):
        both = ", ".join(f"{wave.value:g} Å in line {wave.line}" for wave in first[:3])
        facts.notes.append(f"the header states several wavelengths ({both}): none is taken, --radiation says which")
        first = []
    elif first:
        first = sorted(first, key=lambda wave: wave.role != "1")
        told = f"{first[0].value:.7g}" + (f", {second[0].value:.7g}" if second else "")
        facts.evidence.append(f"wavelength: {told} Å, from {first[0].text!r} in line {first[0].line}")
    facts.meta |= radiation_attributes(
        first[0].value if first else None, second[0].value if first and second else None, _ratio(stated), element
    )
    if anode is None:
        return
    number, value, match = anode
    facts.evidence.append(f"anode: {element}, from {value[:40]!r} in line {number}")
    known = facts.meta.get("wavelengths")
    if known is None and element in _TUBES:
        name = f"{element.lower()}-ka{match['line'] if match['line'] in ('1', '2') else ''}"
        facts.meta["radiation"] = name
        if element != "Cu" and match["line"] is None:
            facts.notes.append(f"the header names the anode {element} and no wavelength: {name} is taken")
    elif known is not None and element in _TUBES and not _near(element, known):
        facts.notes.append(
            f"the header's wavelength is none of its anode's, {element} (line {number}): the wavelength is taken"
        )


def _near(element: str, known: Attribute) -> bool:
    from xrdfit.scan.meta import KALPHA1

    return isinstance(known, list) and element in KALPHA1 and abs(known[0] / KALPHA1[element] - 1) < 0.004


def _mentions(facts: Facts, lines: Sequence[str]) -> None:
    """Look for 2θ, Q and neutrons in the text itself, for want of a statement."""
    if lines and is_template(lines[-1]):
        facts.foreign = f"{lines[-1].strip()[:40]!r} in line {len(lines)}"
    for number, line in enumerate(lines, start=1):
        if "probe" not in facts.meta and _NEUTRON.search(line):
            facts.meta["probe"] = "neutron"
            facts.evidence.append(f"probe: neutron, from line {number}")
        _lone_name(facts, number, line)
        if (
            facts.axis is None
            and (match := _EXPORT.search(line))
            and re.search(r"(?<![a-z])(tth|2th)", match[1].lower())
        ):
            name = match[1].rsplit("/", 1)[-1][:40]
            facts.axis, facts.axis_from = Axis.TWO_THETA, f"from the name {name!r} in line {number}"
        if not facts.q_mentioned and _Q_SIGN.search(line) and not _EXPORT.search(line):
            facts.q_mentioned = number


def _lone_name(facts: Facts, number: int, line: str) -> None:
    """Take a line that is nothing but an axis's name ("# d-spacing (Å)"), as headers with one name a line have."""
    text = line.strip(_MARKS)
    label = classify(text) if 2 < len(text) <= 40 else None
    if label is None or facts.axis is not None:
        return
    if label.kind is Kind.AXIS and label.stated:
        facts.axis, facts.axis_from = label.axis, f"from {text!r} in line {number}"
    elif label.kind is Kind.OTHER_AXIS and set(words(text)) & _OTHER_NAMES and not facts.foreign:
        facts.foreign = f"{text!r} in line {number}"


def mention_of_two_theta(lines: Sequence[str]) -> str:
    """Return where a header mentions 2θ ("'2theta' in line 7"), empty where it does not."""
    for number, line in enumerate(lines, start=1):
        if _THETA.search(line) and "2theta" in words(line[:_LONGEST_LINE]):
            match = re.search(r"(2|two)[\s_\-]{0,2}(theta|θ|th\b)|tth", line, re.IGNORECASE)
            return f"{match.group() if match else '2θ'!r} in line {number}"
    return ""


def degrees_mentioned(lines: Sequence[str]) -> bool:
    """Return whether a header mentions 2θ in degrees."""
    told = [set(words(line[:_LONGEST_LINE])) for line in lines if _THETA.search(line)]
    return any("2theta" in found and found & {"deg", "degree", "degrees"} for found in told)
