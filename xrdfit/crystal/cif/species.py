"""Which atom a row of a CIF means: type symbols, and labels where there is no symbol."""

from __future__ import annotations

import re
from collections.abc import Container

import gemmi

from xrdfit.crystal.scattering import normal_species, split_species
from xrdfit.errors import InputError

_WATER = re.compile(r"(?:wat(?:er)?|h2o|oh2|hoh|d2o|ow|oh|od)(?![a-z])", re.IGNORECASE)
# words that begin like an element and are none
_WORDS = re.compile(
    r"(?:tet|oct|cat|cation|ani|anion|ree|met|vac|void|hal|alk|lig|site|cen|dum|atom|ion|any|sol|mol|hole)",
    re.IGNORECASE,
)
_MIXED_CHARGE = re.compile(r"([A-Za-z]{1,2})(?:[+-]\d*\.\d+|\d*\.\d+[+-]|[+-]\d+/\d+|\d+/\d+[+-])")
_ION = r"[A-Z][a-z]?(?:\d{0,2}[+-]|[+-]\d{1,2})?"
_PART = re.compile(
    rf"(?:(?P<before>\d{{0,3}}\.?\d{{1,9}})\*?(?P<ion>{_ION})|(?P<ion2>{_ION})(?P<after>\d{{0,3}}\.\d{{1,9}}))"
)
_MAX_TEXT = 80


def _element(symbol: str) -> bool:
    return gemmi.Element(symbol).atomic_number > 0


def from_symbol(symbol: str) -> tuple[list[tuple[str, float]], str | None]:
    """Species of a type symbol, each with its share, and what had to be assumed.

    Parameters
    ----------
    symbol : str
        ``"Cu"``, ``"Cu1+"``, ``"Bi0"``; ``"Fe+2.67"`` is a mean charge, ``"0.75Si + 0.25Al"`` a mixed site.

    Returns
    -------
    parts : list of (species, share)
    note : str or None

    Raises
    ------
    InputError
        It names no element.
    """
    text = symbol.strip()
    if len(text) > _MAX_TEXT:
        raise InputError(f"type symbol {text[:40]!r}…: not an element with a charge")
    if text.upper() == "T":
        raise InputError(f"type symbol {text!r}: a site or tritium; write the element (H for tritium)")
    try:
        return [(normal_species(text), 1.0)], None
    except InputError:
        pass
    if match := _MIXED_CHARGE.fullmatch(text):
        element = split_species(match[1])[0]
        return [(element, 1.0)], f"{text} has a mean charge; the neutral atom is used"
    if parts := _mixture(text):
        listed = " and ".join(f"{share:g} {name}" for name, share in parts)
        return parts, f"type symbol {text} read as {listed} on one site"
    decorated = re.fullmatch(r"([A-Za-z]{1,2})(?:val|iso|_.{0,20}|\.|\d{1,4}[A-Za-z']{0,3})", text)
    if decorated and _element(decorated[1].capitalize()) and decorated[1].upper() != "T":
        element = split_species(decorated[1])[0]
        return [(element, 1.0)], f"type symbol {text}: {element} taken"
    if _WATER.fullmatch(text):
        return [("O", 1.0)], f"type symbol {text}: its oxygen taken; its hydrogen is left out"
    split_species(text)  # raises, in its own words
    raise AssertionError(text)


def _mixture(text: str) -> list[tuple[str, float]]:
    """Parts of "0.75Si + 0.25Al" or "Fe0.5Co0.5"; empty where it is no such thing."""
    words = re.split(r"\s+\+\s+|\s*[,;/&]\s*|\s+", text.strip("() "))
    matches = [_PART.fullmatch(word) for word in words]
    if None in matches or len(matches) < 2:
        squeezed = re.sub(r"\s+", "", text.strip("() "))
        matches = list(_PART.finditer(re.sub(r"(?<=[A-Za-z])\+(?=[\d.]*\.\d)", " ", squeezed)))
        if "".join(m[0] for m in matches if m) != squeezed.replace("+", "") or len(matches) < 2:
            return []
    parts: list[tuple[str, float]] = []
    for match in matches:
        if match is None:
            return []
        ion, share = match["ion"] or match["ion2"], float(match["before"] or match["after"])
        try:
            parts.append((normal_species(ion), share))
        except InputError:
            return []
    total = sum(share for _, share in parts)
    return parts if 0.0 < total <= 1.02 else []


def from_label(label: str, formula: Container[str] | None = None) -> tuple[str, str]:
    """Element of a label, and the sentence that says so.

    Parameters
    ----------
    label : str
        ``"Cu1"``, ``"O2a"``, ``"Wat1"`` (water: its oxygen), ``"SiT"``.
    formula : container of str, optional
        Elements of the file's formula, which decide between Ho and H, Ca and C.

    Raises
    ------
    InputError
        No element can be told: T1, M2 and X are sites.
    """
    stem = label.lstrip("(*'\" ")
    letters = (re.match(r"[A-Za-z]*", stem) or [""])[0]
    known = formula is not None
    if _is_water(stem, formula):
        return "O", "no type symbol; taken for water or hydroxyl, its oxygen is used"
    if letters.upper() == "T" or (letters.upper() == "D" and known and "H" not in (formula or ())):
        if letters.upper() == "D":
            raise InputError(
                f"atom {label}: D is deuterium, and the file's formula has no hydrogen; give a type symbol"
            )
        raise InputError(f"atom {label}: T is a site (tetrahedral) and no element; a type symbol is needed")
    word = letters in (letters.title(), letters.upper(), letters.lower()) and _WORDS.fullmatch(letters)
    if word and not (known and _candidates(letters, formula)):
        raise InputError(f"atom {label}: neither a type symbol nor an element in its label; one is needed")
    if _two_elements(letters):
        raise InputError(f"atom {label}: its label names two elements; a type symbol is needed")
    found = _candidates(letters, formula)
    if not found and letters[:1].upper() == "W" and known and "O" in (formula or ()):
        return "O", "no type symbol; taken for water or hydroxyl, its oxygen is used"
    found = found or _candidates(letters, None)
    if not found:
        raise InputError(f"atom {label}: neither a type symbol nor an element in its label; one is needed")
    element = found[0]
    if known and element not in (formula or ()):
        return element, f"no type symbol; {element} taken from the label, which the file's formula lacks"
    species = "D" if element == "H" and letters[:1].upper() == "D" else element  # which neutrons tell from H
    plain = letters.startswith(species)
    return species, f"no type symbol; {'the element' if plain else species} taken from the label"


def _is_water(label: str, formula: Container[str] | None) -> bool:
    if not _WATER.match(label):
        return False
    return formula is None or "O" in formula or "W" not in formula


def _candidates(letters: str, formula: Container[str] | None) -> list[str]:
    """Elements that a label may begin with, the likeliest first; only those of the formula where it is given."""
    symbols = []
    two, one = letters[:2], letters[:1].upper()
    capitals = two.isupper()
    if len(two) == 2 and _element(two.capitalize()):
        symbols.append(two.capitalize())
    if one == "D" or (one and one != "T" and _element(one)):
        symbols.append("H" if one == "D" else one)
    if capitals and two == "HO" and formula is None:
        symbols.reverse()  # a hydrogen of a hydroxyl group: holmium is written Ho, and rare
    if formula is not None:
        symbols = [symbol for symbol in symbols if symbol in formula]
    return symbols


def _two_elements(letters: str) -> bool:
    """Whether a label such as SiAl or MgFe names two elements."""
    match = re.fullmatch(r"([A-Z][a-z]?)([A-Z][a-z])", letters)
    return bool(match and match[1] not in "OHNC" and _element(match[1]) and _element(match[2]))
