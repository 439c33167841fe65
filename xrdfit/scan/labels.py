"""What a column's name means. A name is known only where every word of it is: prose names nothing."""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass

from xrdfit.scan.axis import Axis

_LONGEST = 60
"""Longer than this is a sentence, no name of a column."""


class Kind(enum.Enum):
    """What a column holds."""

    AXIS = "axis"
    OTHER_AXIS = "another axis"
    COUNTS = "intensity"
    SIGMA = "standard deviation"
    VARIANCE = "variance"
    WEIGHT = "weight"
    CALCULATED = "calculated intensity"
    BACKGROUND = "background"
    DIFFERENCE = "difference"
    TRANSFORMED = "transformed intensity"
    INDEX = "row number"
    FLAG = "use flag"
    OTHER = "something else"


@dataclass(frozen=True)
class Label:
    """The meaning of a name.

    Attributes
    ----------
    kind : Kind
    axis : Axis or None
        For `Kind.AXIS`.
    stated : bool
        Whether an axis is named, not only a neutral word such as "x" or "angle"; whether Q states its unit.
    rank : int
        Which of several intensities is the measured one: the highest.
    per_second : float
        Counts a second in one unit of the intensity: 1 for cps, 1000 for kcps, 0 where the name states no rate.
    """

    kind: Kind
    axis: Axis | None = None
    stated: bool = True
    rank: int = 0
    per_second: float = 0.0


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILL = _words(
    "pos position scan axis x meas measured proc pd scattering diffraction corrected data chi column col value values "
    "of in the unit units achse asse axe eje die le la de di d l angolo angulo angle angles winkel beugungswinkel "
    "streuwinkel grad degrees bragg calibrated display drive goniometer gonio"
)
_NEUTRAL = _words("x angle angles pos position winkel angulo angolo xobs abscissa gonio 角度 угол")
_TWO_THETA_WORDS = _words("beugungswinkel streuwinkel 回折角 回折角度 衍射角 散乱角 散射角")
_DEGREES = _words("deg degree degrees degres degre grad gradi grados degr 度 град")
_RADIANS = _words("rad radian radians radiant radianti radianes")
_Q_FILL = _words(
    "chi x axis value values magnitude abs mod modulus vector transfer momentum scattering wave data scan in of the "
    "unit units inverse inv reciprocal per 1 minus streuvektor streu vektor betrag"
)
_Q = _words("q qvector momentumtransfer scatteringvector streuvektor wavevector")
_ANGSTROM = _words("a angstrom angstroms ang angstroem a1 aa")
_NM = _words("nm nanometer nanometers nanometre nanometres nm1")
_OTHER_UNITS = _words("pm m cm mm um")
_OTHER_AXIS = _words(
    "d dspacing dspac dvalue spacing energy kev ev tof time microsec channel channels pixel pixels radius radial "
    "distance r omega phi chi psi theta th eta kappa wavelength lambda temperature t s sintheta ln2q"
)
_OTHER_FILL = _words(
    "a angstrom angstroms ang nm mm cm um deg degree degrees rad radian radians us ms s sec k c value values axis scan "
    "in of the unit units x chi number no spacing spac d inverse drive grad lambda kev ev"
)
_COUNTS = _words(
    "counts count cts int intens intensity intensities inten i y yobs obs observed iobs ymeas imeas yexp iexp imp "
    "impulse impulses intensitat intensitaet intensite intensites intensidad intensita coups comptage zahlrate "
    "zaehlrate zahlungen signal detector det meas measured exp experimental raw gemessen yo io icount cuentas conteggi "
    "強度 强度 計数 计数 カウント интенсивность имп"
)
_OBSERVED = _words("yobs obs observed iobs ymeas imeas yexp iexp meas measured exp experimental gemessen yo io")
_COUNT_WORDS = _words("counts count cts imp impulse impulses coups comptage raw icount cuentas conteggi 計数 计数 имп")
_COUNTS_FILL = _words(
    "a u au arb arbitrary unit units lin linear abs absolute per second seconds sec s the of in chi total sum data "
    "value values column pd proc x scan c k kcps cps kcounts 1 normalized normalised norm psd point step total net "
    "background subtracted corrected raw rel"
)
_RATE = _words("cps kcps")
_SIGMA = _words(
    "sigma sig error errors err e esd esds std stdev stddev stderr dy di uncertainty uncertainties su unc "
    "fehler erreur incertitude standardabweichung ecart incertezza yerr ierr eobs sigmai sigi deviation 標準偏差 "
    "误差 誤差 ошибка"
)
_SIGMA_FILL = _words("i y int intensity counts count obs of standard dev deviation type std s u the in 1 cps column x")
_WEIGHT = _words("weight weights w wt wgt wts gewicht poids")
_CALCULATED = _words(
    "calc calculated cal ycalc icalc ycal fit fitted model sim simulated berechnet calcule theory theoretical ymod yc "
    "ic simulation"
)
_BACKGROUND = _words("background bkg bg backgr bck back bgr ybkg ibkg untergrund fond bkgd fondo 背景 фон")
_DIFFERENCE = _words("difference diff residual residuals delta differenz yobsycalc ydiff resid")
_TRANSFORMED = _words("sqrt log log10 ln lg wurzel logarithm root square")
_INDEX = _words("index no n nr point pt id row number num unnamed 0 points step nummer zeile ligne 番号 序号")
_FLAG = _words("used use excluded exclude mask masked flag include")
_OTHER = _words(
    "tickpos tick hkl phase monitor mon time temperature temp comment ratio attenuator attenuation absorber"
)


def words(text: str) -> list[str]:
    """Return a name's words, in lower case and plain letters: "2θ (°)" gives 2theta, deg."""
    folded = unicodedata.normalize("NFKC", text).replace("Å", "A").replace("Ω", "ω").lower()
    for sign, word in (("θ", "theta"), ("ϑ", "theta"), ("°", " deg "), ("σ", "sigma"), ("ω", "omega"), ("λ", "lambda")):
        folded = folded.replace(sign, word)
    folded = folded.replace("√", " sqrt ").replace("2シータ", "2theta").replace("2тета", "2theta")
    folded = re.sub(r"\bsigma\s?\^?2\b|\b(?:var|varianz)\b", " variance ", folded)
    folded = re.sub(r"\b1\s?/\s?(?:variance)\b", " weight ", folded)
    plain = "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c) or ord(c) > 0x3000)
    plain = unicodedata.normalize("NFC", plain)
    plain = re.sub(
        r"(?<![^\W_])(?:2|two|zwei|deux)[\s_\-*·]{0,2}(?:theta|th|t)(?=$|[\W_]|deg|cor|rad)|(?<![^\W_])t-?th(?:eta)?(?![^\W_])"
        r"|(?<![^\W_])d(?:iffraction|iffusion) angle(?![^\W_])|scattering angle|angle de diffraction"
        r"|angulo de difraccion|angolo di diffrazione",
        " 2theta ",
        plain,
    )
    plain = re.sub(
        r"(?<![^\W_])(?:counts|cts|c|imp|impulse|coups|cuentas)\s?(?:/\s?(?:s|sec|second)\b|\*?\s?s\^?-1)"
        r"|counts per sec(?:ond)?",
        " cps ",
        plain,
    )
    return re.findall(r"2theta|[^\W\d_]+|\d+", plain)


def classify(name: str) -> Label | None:
    """Return the meaning of a column's name, None where any word of it is not known."""
    stripped = name.strip().strip("\"'<>#").strip()
    if not stripped or len(stripped) > _LONGEST:
        return None
    if stripped in ("s", "S"):
        return Label(Kind.SIGMA)
    if stripped in ("I0", "I_0", "i0"):
        return Label(Kind.OTHER)
    found = words(stripped)
    if not found or len(found) > 8:
        return None
    return _axis(found, stripped) or _column(found)


def _axis(found: list[str], text: str) -> Label | None:
    rest = set(found)
    if "2theta" in rest or rest & _TWO_THETA_WORDS:
        others = rest - {"2theta"} - _TWO_THETA_WORDS - _FILL - _DEGREES - _RADIANS
        if others <= {"theta", "th", "omega"} and found[0] != "omega":
            return Label(Kind.AXIS, Axis.RADIANS if rest & _RADIANS else Axis.TWO_THETA)
        return Label(Kind.OTHER_AXIS) if others <= {"theta", "th", "omega"} else None
    if rest & _Q or {"scattering", "vector"} <= rest or {"momentum", "transfer"} <= rest:
        units = rest - _Q - _Q_FILL
        return _q(units)
    if rest <= _NEUTRAL | _DEGREES | _RADIANS | _words("of in the scan axis") and rest & (
        _NEUTRAL | _DEGREES | _RADIANS
    ):
        if rest & _RADIANS:
            return Label(Kind.AXIS, Axis.RADIANS, stated=False)
        return Label(Kind.AXIS, Axis.TWO_THETA, stated=False)
    if re.fullmatch(r"[(\[]?\s?(1\s?/\s?(a|nm)|(a|nm)\s?\^?\s?[-\u2212]?\s?1)\s?[)\]]?", _folded(text)):
        return _q(rest - {"1"})
    if rest & _OTHER_AXIS and rest <= _OTHER_AXIS | _OTHER_FILL:
        return Label(Kind.OTHER_AXIS)
    return None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower().replace("å", "a").replace("angstrom", "a")


def _q(units: set[str]) -> Label | None:
    if units and units <= _NM:
        return Label(Kind.AXIS, Axis.Q_NM)
    if units <= _ANGSTROM:
        return Label(Kind.AXIS, Axis.Q_ANGSTROM, stated=bool(units))
    return Label(Kind.OTHER_AXIS) if units <= _OTHER_UNITS else None


def _column(found: list[str]) -> Label | None:
    rest = set(found)
    if "variance" in rest:
        return Label(Kind.VARIANCE) if rest <= _SIGMA_FILL | {"variance"} else None
    if rest & _WEIGHT and rest <= _WEIGHT | _SIGMA_FILL | {"ls", "least", "squares"}:
        return Label(Kind.WEIGHT)
    if rest & _DIFFERENCE or (rest & _OBSERVED and rest & _CALCULATED):
        return Label(Kind.DIFFERENCE) if rest <= _DIFFERENCE | _CALCULATED | _COUNTS | _COUNTS_FILL | _SIGMA else None
    if rest & _SIGMA and rest <= _SIGMA | _SIGMA_FILL:
        return Label(Kind.SIGMA)
    if rest & _CALCULATED and rest <= _CALCULATED | _COUNTS | _COUNTS_FILL:
        return Label(Kind.CALCULATED)
    if rest & _TRANSFORMED and rest <= _TRANSFORMED | _COUNTS | _COUNTS_FILL:
        return Label(Kind.TRANSFORMED)
    counts = rest & (_COUNTS | _RATE)
    if not counts and rest & _BACKGROUND and rest <= _BACKGROUND | _COUNTS_FILL | {"intensity", "counts"}:
        return Label(Kind.BACKGROUND)
    if rest & _BACKGROUND and rest <= _BACKGROUND | _COUNTS | _RATE and "subtracted" not in rest:
        return Label(Kind.BACKGROUND)
    if rest & {"au", "arb", "arbitrary", "u"} and rest <= {"a", "u", "au", "arb", "arbitrary", "unit", "units"}:
        return Label(Kind.COUNTS, stated=False)
    if counts and rest <= _COUNTS | _COUNTS_FILL | _RATE | _BACKGROUND:
        return _intensity(rest)
    for kind, known in ((Kind.INDEX, _INDEX), (Kind.FLAG, _FLAG), (Kind.OTHER, _OTHER)):
        if rest <= known:
            return Label(kind)
    return None


def _intensity(rest: set[str]) -> Label:
    rate = 1000.0 if "kcps" in rest else 1.0 if "cps" in rest else 0.0
    if rate:
        return Label(Kind.COUNTS, rank=0, per_second=rate)
    if rest & _OBSERVED:
        return Label(Kind.COUNTS, rank=3)
    return Label(Kind.COUNTS, rank=2 if rest & _COUNT_WORDS else 1)


def is_template(text: str) -> bool:
    """Return whether a line is a template that was never filled in ("{str(unit):14s}  {'I':14s}")."""
    return re.search(r"\{[^{}]{1,60}\}\s{1,20}\{[^{}]{1,60}\}", text) is not None
