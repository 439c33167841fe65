"""The options of a fit as the table of a file, and the texts that stand for them on the command line.

Every field of `FitOptions` is written, defaults too, so that a version with other defaults repeats the same fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from xrdfit.errors import InputError
from xrdfit.fitting.known import Known
from xrdfit.fitting.options import OF_A_SCAN, FitOptions, with_choices
from xrdfit.model.files.background import background_table, read_background
from xrdfit.model.files.read import instrument_from_table
from xrdfit.model.files.write import instrument_table

_PAIRS = ("range", "exclude")


def options_table(options: FitOptions) -> dict[str, Any]:
    """Return the table; what is None is left out, and what concerns one of several scans stands under ``scans``."""
    table: dict[str, Any] = {}
    scans: dict[str, dict[str, Any]] = {}
    for field in fields(FitOptions):
        value = getattr(options, field.name)
        if field.name in OF_A_SCAN and isinstance(value, Mapping):
            for label, own in value.items():
                if own is not None:
                    scans.setdefault(label, {})[field.name] = _written(field.name, own)
        elif value is not None:
            table[field.name] = _written(field.name, value)
    return table | ({"scans": scans} if scans else {})


def _written(name: str, value: Any) -> Any:
    if name == "background":
        return background_table(value) if isinstance(value, tuple) else value
    if name == "instrument":
        return instrument_table(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _plain(value: Any) -> Any:
    if value is None:  # `fix` without a value: where it stands
        return ""
    if isinstance(value, Known):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def read_options(table: Mapping[str, Any], where: str, folder: Path) -> FitOptions:
    """Read the table that `options_table` made.

    Parameters
    ----------
    table : Mapping[str, Any]
    where : str
        What error messages call it.
    folder : Path
        Where files named in it are looked for.

    Raises
    ------
    InputError
        For an unknown key or a value of another kind.
    """
    known = {f.name: f for f in fields(FitOptions)}
    choices: dict[str, Any] = {"usual": False}  # files of 0.1 do not have it, and nothing was added then
    for name, value in table.items():
        if name != "scans":
            choices[name] = _read(known, name, value, where, folder)
    scans = table.get("scans", {})
    if not isinstance(scans, Mapping) or not all(isinstance(own, Mapping) for own in scans.values()):
        raise InputError(f"{where}: scans: a table of tables is needed")
    for label, own in scans.items():
        for name, value in own.items():
            if name not in OF_A_SCAN:
                raise InputError(f"{where}: scans.{label}.{name}: unknown key; there are {', '.join(OF_A_SCAN)}")
            choices.setdefault(name, {})[label] = _read(known, name, value, f"{where}: scans.{label}", folder)
    return with_choices(FitOptions(), choices)


def _read(known: Mapping[str, Field[Any]], name: str, value: Any, where: str, folder: Path) -> Any:
    if name not in known:
        raise InputError(f"{where}: {name}: unknown key; there are {', '.join(known)}")
    if name == "background":
        return (
            read_background(value, where, folder) if isinstance(value, Mapping) else _of_type(value, int, where, name)
        )
    if name == "instrument":
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: instrument: a table is needed")
        return instrument_from_table({"schema": 1, "instrument": value}, where)
    if name in ("texture", "anisotropic"):
        if not isinstance(value, list) or not all(type(index) is int for index in value):
            raise InputError(f"{where}: {name}: {value!r:.60}: three whole numbers are needed")
        return tuple(value)
    if name in _PAIRS:
        return _pairs(value, where, name)
    field = known[name]
    default = field.default if field.default is not MISSING else field.default_factory()  # pyright: ignore
    if isinstance(default, Mapping):
        if isinstance(value, list):  # as files of 0.1 hold it
            return _assignments((_of_type(text, str, where, name) for text in value), name, bare=name == "fix")
        table = _of_type(value, Mapping, where, name)
        return {
            key: None if each == "" else tuple(each) if isinstance(each, list) else each for key, each in table.items()
        }
    if isinstance(default, tuple):
        texts = _of_type(value, list, where, name)
        return tuple(_of_type(text, str, where, name) for text in texts)
    if isinstance(default, bool):
        return _of_type(value, bool, where, name)
    return _of_type(value, (str, int, float), where, name)


def _item(value: Any) -> Any:
    """A value of a mapping: nothing stands for None, a list for a pair."""
    if value == "":
        return None
    return tuple(value) if isinstance(value, list) else value


def _of_type(value: Any, kind: Any, where: str, name: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{where}: {name}: {value!r:.60} is of another kind than needed")
    return value


def _pairs(value: Any, where: str, name: str) -> Any:
    def pair(item: Any) -> tuple[float, float]:
        if not isinstance(item, list) or len(item) != 2 or not all(isinstance(x, int | float) for x in item):
            raise InputError(f"{where}: {name}: {item!r:.60}: two angles are needed")
        return float(item[0]), float(item[1])

    if name == "range":
        return pair(value)
    return tuple(pair(item) for item in _of_type(value, list, where, name))


def read_assignments(texts: Iterable[str], what: str) -> dict[str, float]:
    """Read ``NAME=VALUE`` texts.

    Raises
    ------
    InputError
        One of them is not of this form, or its value is no finite number.
    """
    return {name: value for name, value in _assignments(texts, what, bare=False).items() if value is not None}


def read_fixes(texts: Iterable[str]) -> dict[str, float | None]:
    """Read ``NAME`` or ``NAME=VALUE`` texts; see `read_assignments`."""
    return _assignments(texts, "fix", bare=True)


def read_texts(texts: Iterable[str], what: str, form: str) -> dict[str, str]:
    """Read ``NAME=TEXT`` texts, where the text is looked at later; `form` says what it should be.

    Raises
    ------
    InputError
        One of them is not of this form, or a name is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, rest = (part.strip() for part in text.partition("="))
        if not name or not equals or not rest:
            raise InputError(f"{what} {text!r}: must read {form}")
        if name in found:
            raise InputError(f"{what} {text!r}: {name} is given twice")
        found[name] = rest
    return found


def read_hump(text: str) -> list[float]:
    """Read "DEG" or "DEG,FWHM" of a hump; see `read_assignments`."""
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise InputError(f"hump {text!r}: must read DEG, DEG FWHM (degrees 2θ) or auto")
    return numbers


def read_limits(texts: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Read ``NAME=LOW:HIGH`` texts; see `read_assignments`."""
    form = "NAME=LOW:HIGH"
    found = {}
    for name, text in read_texts(texts, "limits", form).items():
        try:
            low, high = (float(part) for part in text.split(":"))
        except ValueError:
            raise InputError(f"limits {name}={text}: must read {form}") from None
        found[name] = (low, high)
    return found


def _assignments(texts: Iterable[str], what: str, bare: bool) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    form = "NAME or NAME=VALUE" if bare else "NAME=VALUE"
    for text in texts:
        name, equals, number = (part.strip() for part in text.partition("="))
        if not name or (not equals and not bare):
            raise InputError(f"{what} {text!r}: must read {form}")
        if name in found:
            raise InputError(f"{what} {text!r}: {name} is given twice")
        try:
            found[name] = float(number) if equals else None
        except ValueError:
            raise InputError(f"{what} {text!r}: {number!r} is no number; must read {form}") from None
        if found[name] is not None and not abs(float(number)) < float("inf"):
            raise InputError(f"{what} {text!r}: {number} is not a finite number")
    return found
