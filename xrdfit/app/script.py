"""The Python script and the command line that do what the page did."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any

from xrdfit.app.call import Call
from xrdfit.diffraction.background import COMPONENTS, Blank, Chebyshev
from xrdfit.fitting.known import Known
from xrdfit.fitting.options import FitOptions
from xrdfit.model.instrument import Instrument

_WIDTH = 110


def command_line(words: Sequence[str], command: str = "fit") -> str:
    """Return a command as it is typed, folded at options."""
    lines = [f"xrdfit {command}"]
    for part in _with_values(words):
        if len(lines[-1]) + len(part) > _WIDTH:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += f" {part}"
    return "\n".join(lines)


def _with_values(words: Sequence[str]) -> list[str]:
    """Words, an option and its values in one."""
    parts: list[str] = []
    for word in words:
        if parts and parts[-1].startswith("--") and not word.startswith("--"):
            parts[-1] += f" {shlex.quote(word)}"
        else:
            parts.append(shlex.quote(word))
    return parts


def python_script(call: Call) -> str:
    """Return a script that runs where the files are and finds the same result."""
    from xrdfit import __version__

    scans = {label: f"xf.read_pattern({file!r}{_reading(call, label)})" for label, file in call.files.items()}
    if len(scans) == 1:
        scan = next(iter(scans.values()))
    else:
        scan = "{\n" + "".join(f"    {label!r}: {text},\n" for label, text in scans.items()) + "}"
    block = "" if call.block is None else f", block={call.block!r}"
    models = repr(call.models[0] if len(call.models) == 1 else list(call.models))
    choices = "".join(f"    {name}={text},\n" for name, text in _choices(call.options))
    return (
        f'"""A fit by xrdfit {__version__}; run it in the folder of its files."""\n\n'
        "import xrdfit as xf\n\n"
        f"scan = {scan}\n"
        f"model = xf.load_model({models}{block})\n"
        f"result = xf.fit(\n    model,\n    scan,\n{choices})\n"
        'print(result)\nxf.save(result, "results", force=True)\n'
    )


def _reading(call: Call, label: str) -> str:
    given = call.reading.get(label, {})
    return "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)


def _choices(options: FitOptions) -> list[tuple[str, str]]:
    """Options that differ from the defaults, as Python writes them."""
    found = []
    for option in fields(FitOptions):
        value = getattr(options, option.name)
        if value != _default(option):
            found.append((option.name, _literal(value)))
    return found


def _default(option: Field[Any]) -> Any:
    return option.default if option.default is not MISSING else option.default_factory()  # pyright: ignore


def _literal(value: Any) -> str:
    """Return a value as Python writes it.

    Raises
    ------
    TypeError
        For what Python has no words for: an option of a new kind.
    """
    if isinstance(value, Blank):
        file, index = value.scan.attrs.get("file"), int(value.scan.attrs.get("scan_index", 0))
        return f"xf.Blank(xf.read_pattern({str(file)!r}{f', scan={index}' if index else ''}))"
    if isinstance(value, Chebyshev):
        return f"xf.Chebyshev({'' if value.order is None else value.order})"
    if isinstance(value, Known):
        return repr(str(value))
    if isinstance(value, Instrument) or _is_component(value):
        given = ((f.name, getattr(value, f.name), _default_of(f)) for f in fields(value))
        inside = ", ".join(f"{name}={_literal(v)}" for name, v, default in given if v != default)
        return f"xf.{type(value).__name__}({inside})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_literal(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(_literal, value))
        return f"[{inside}]" if not _is_pair(value) else f"({inside})"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    raise TypeError(f"{type(value).__name__} cannot be written in a script")


def _is_component(value: Any) -> bool:
    return type(value) in COMPONENTS.values()


def _default_of(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else MISSING


def _is_pair(value: Sequence[Any]) -> bool:
    return len(value) == 2 and all(isinstance(v, int | float) for v in value)
