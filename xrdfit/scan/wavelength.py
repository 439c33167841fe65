"""Wavelengths in a header's text, by their words in several languages and spellings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_HC_KEV = 12.398419843
"""hc in keV·Å (CODATA 2018)."""

_WORD = re.compile(
    r"wave[\s_\-]?length|wavelen\b|wellenl(?:ä|ae|a|Ä)nge|longueurs?[\s_]d['’]?\s?onde|lambda|λ|(?<![a-z])wl(?=[\s_:=12])|波長|波长|"
    r"lunghezza[\s_]d['’]?\s?onda|longitud[\s_]de[\s_]onda|длина[\s_]волны",
    re.IGNORECASE,
)
_NUMBER = r"\d{1,6}(?:[.,]\d{1,20})?(?:[eE][+-]?\d{1,3})?|[.,]\d{1,20}(?:[eE][+-]?\d{1,3})?"
# What may stand between the word and its value: which line it is, the unit in brackets, the sign that assigns.
_AFTER = re.compile(
    r"s?[\s_\-]{0,3}(?P<role>[(\[]?(?:k[\s_\-]?)?(?:alpha|α|a|beta|β|b)?[\s_\-]?[0123]?[)\]]?(?![\d.,]*\d))?[\s_]{0,3}"
    r"(?:[(\[{/]?\s?(?:in\s)?(?P<before>nm|pm|å|Å|a|angstroms?|ang|m|meters?|metres?)\s?[)\]}]?(?![a-z0-9]))?"
    r"[\"']?\s{0,60}(?:[^\W\d][^\d:=\n]{0,24}[:=]|\([^\d()]{0,20}\)\s?[:=]|[:=,;]|is|of)?\s{0,60}[\"'\[(]?\s{0,5}"
    rf"(?P<value>{_NUMBER})[\"']?"
    rf"(?:\s{{0,3}}(?P<after>nm|pm|Å|å|A|angstroms?|ang|m|meters?|metres?)(?![a-z]))?"
    rf"(?:\s{{0,3}}[,;/&+ ]\s{{0,3}}(?P<second>\d[.,]\d{{2,20}}))?",
    re.IGNORECASE,
)
_ENERGY = re.compile(
    r"(?<![A-Za-z_])(?:(?:photon|beam|x[\s-]?ray|incident)[\s_])?energ(?:y|ie)\s{0,3}[(\[]?(?P<before>k?ev)?[)\]]?\"?\s{0,5}[:=]\s{0,5}"
    rf"\"?(?P<value>{_NUMBER})\s{{0,3}}(?P<after>k?ev)?",
    re.IGNORECASE,
)
_SCALE = {"nm": 10.0, "pm": 0.01, "m": 1e10, "meter": 1e10, "metre": 1e10, "meters": 1e10, "metres": 1e10}


@dataclass(frozen=True)
class Wavelength:
    """One statement: Å, which line ("1", "2", "mean", "beta", "" for unsaid), number of the text's line, its words."""

    value: float
    role: str
    line: int
    text: str


def find_wavelengths(lines: Sequence[str]) -> list[Wavelength]:
    """Return every wavelength that a header states and that can be one (0.01 to 10 Å)."""
    found: list[Wavelength] = []
    for number, line in enumerate(lines, start=1):
        for match in _WORD.finditer(line):
            found += _statement(line, match, number)
    if found:
        return found
    for number, line in enumerate(lines, start=1):
        match = _ENERGY.search(line)
        unit = ((match["after"] or match["before"]) if match else None) or ""
        if match is not None and unit:
            energy = _float(match["value"]) * (1.0 if unit.lower() == "kev" else 1e-3)
            if energy > 0 and 0.01 < _HC_KEV / energy < 10:
                found.append(Wavelength(_HC_KEV / energy, "", number, match.group().strip()[:40]))
    return found


def _statement(line: str, word: re.Match[str], number: int) -> list[Wavelength]:
    after = _AFTER.match(line, word.end())
    if after is None:
        return []
    before = line[max(0, word.start() - 14) : word.start()]
    role = _role(after["role"] or "") or _role(before)
    unit = (after["after"] or after["before"] or "").lower()
    value = _angstrom(_float(after["value"]), unit)
    text = line[max(0, word.start() - (len(before) if _role(before) else 0)) : after.end()].strip(" \t#!;\"',")[:40]
    out = [Wavelength(value, role, number, text)] if 0.01 < value < 10 else []
    if out and after["second"] and role in ("", "1"):
        second = _angstrom(_float(after["second"]), unit)
        if 0 < second - value < 0.02:
            out.append(Wavelength(second, "2", number, text))
    return out


def _role(text: str) -> str:
    """Return which line of a tube a few letters beside the word name."""
    folded = re.sub(r"[\s_\-()\[\]]", "", text.lower())
    if re.search(r"(beta|β|kb)\d?$", folded):
        return "beta"
    match = re.search(r"(alpha|α|ka|^a)?([012])$", folded)
    if match is not None:
        return {"0": "", "1": "1", "2": "2"}[match[2]]
    return "mean" if re.search(r"(alpha|α|ka|mean|average|mittel)$", folded) else ""


def _float(text: str) -> float:
    return float(text.replace(",", "."))


def _angstrom(value: float, unit: str) -> float:
    if unit in _SCALE:
        return value * _SCALE[unit]
    return value * 1e10 if not unit and 0 < value < 1e-7 else value
