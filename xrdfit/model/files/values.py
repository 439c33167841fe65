"""Values as TOML text."""

from __future__ import annotations

import json
import re
from typing import Any

from xrdfit.crystal.radiation import Radiation


def toml_value(value: Any) -> str:
    """Text of a value: text, numbers, truth values, and lists and inline tables of these; or a radiation."""
    if isinstance(value, Radiation):
        rows = [{"wavelength": line.wavelength, "weight": line.weight} for line in value.lines]
        value = {"name": value.name, "lines": rows} | ({"probe": value.probe} if value.neutron else {})
    if isinstance(value, str):
        # JSON's escapes are TOML's; only DEL, which TOML forbids, passes JSON as it is
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return repr(value if isinstance(value, int) else float(value))


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)
