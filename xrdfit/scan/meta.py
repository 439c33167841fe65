"""Facts that a file's header states, in the names of the schema; what it leaves open stays absent."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xrdfit.scan.schema import Attribute

# Kα1 of the common anodes in Å, only to recognise a header's wavelength; Hölzer et al., Phys. Rev. A 56, 4554 (1997),
# and for Mo and Ag Deslattes et al., Rev. Mod. Phys. 75, 35 (2003).
KALPHA1 = {"Cu": 1.54059, "Co": 1.78901, "Mo": 0.70932, "Ag": 0.55942, "Fe": 1.93604, "Cr": 2.28976}
_SAME_LINE = 5e-4
_WIDEST_DOUBLET = 0.02
_GRAPHITE_002 = 3.354  # Å


def text_attribute(name: str, value: str | None) -> dict[str, Attribute]:
    """Return ``{name: value}`` without control characters, or nothing when the text is empty."""
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in value).split()) if value else ""
    return {name: cleaned} if cleaned else {}


def positive(name: str, value: float | None) -> dict[str, Attribute]:
    """Return ``{name: value}`` for a positive finite number; headers write 0 or −1 for "not known"."""
    return {name: float(value)} if value is not None and math.isfinite(value) and value > 0 else {}


def number(text: str | None) -> float | None:
    """Return the number in a header's field, None where there is none."""
    try:
        value = float(text) if text is not None and "_" not in text else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None


def _wavelength(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and 0.01 < value < 10.0 else None


def radiation_attributes(
    first: float | None, second: float | None = None, ratio: float | None = None, anode: str | None = None
) -> dict[str, Attribute]:
    """Return wavelengths, their weights, anode and the radiation's name as far as the header gives them.

    Parameters
    ----------
    first, second : float, optional
        Kα1 and Kα2 in Å; values no diffractometer uses (0 for "not set") count as absent.
    ratio : float, optional
        Intensity Kα2/Kα1. Without it the lines have no weights, and the radiation has no name: many headers list the
        tube's lines whether or not a monochromator removed one. With ratio 0 the second line is left out.
    anode : str, optional
        Element of the tube.
    """
    found: dict[str, Attribute] = {}
    element = (anode or "").strip().capitalize()
    if element.isalpha() and len(element) <= 2:
        found["anode"] = element
    alpha1, alpha2 = _wavelength(first), _wavelength(second)
    if alpha1 is None:
        return found
    if alpha2 is not None and not 0 < alpha2 - alpha1 < _WIDEST_DOUBLET:
        alpha2 = None
    found["wavelengths"] = [alpha1] if alpha2 is None or ratio == 0 else [alpha1, alpha2]
    known = abs(KALPHA1.get(element, 0.0) - alpha1) < _SAME_LINE
    if alpha2 is not None and ratio is not None and 0 <= ratio <= 1:
        found["wavelength_weights"] = [1.0] if ratio == 0 else [1 / (1 + ratio), ratio / (1 + ratio)]
        if known:
            found["radiation"] = f"{element.lower()}-ka{'1' if ratio == 0 else ''}"
    return found


def graphite_angle(wavelengths: Attribute | None) -> dict[str, Attribute]:
    """Return 2θ of a graphite (002) monochromator, 2·asin(λ/2d) with d = 3.354 Å, where the wavelength is known."""
    if not isinstance(wavelengths, list) or not wavelengths or wavelengths[0] >= 2 * _GRAPHITE_002:
        return {}
    return {"monochromator_deg": round(2 * math.degrees(math.asin(wavelengths[0] / (2 * _GRAPHITE_002))), 2)}


def join_notes(notes: Sequence[str]) -> dict[str, Attribute]:
    """Return the notes as one text, or nothing."""
    return {"notes": "; ".join(notes)} if notes else {}
