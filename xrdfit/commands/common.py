"""What commands share: reading options, printing results."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrdfit.commands.progress import progress
from xrdfit.commands.streams import say
from xrdfit.errors import InputError
from xrdfit.plaintext import printable

if TYPE_CHECKING:
    from cyclopts import Token
    from rich.console import Console

    from xrdfit.inference.further import Assessment
    from xrdfit.inference.result import FitResult
    from xrdfit.model.powder import PowderModel
    from xrdfit.report.figures import Intensity

_WIDTH = 110
INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """Read a whole number as it is written: 1.5 is an error, not 2."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].value!r} is not a whole number") from None


def whole(text: str, option: str) -> int:
    """Read a whole number from the text of an option.

    Raises
    ------
    InputError
        It is none.
    """
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option} {text!r}: a whole number or auto is needed") from None


def finite_number(_: Any, tokens: Sequence[Token]) -> float:
    """Read a finite number."""
    try:
        value = float(tokens[0].value)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ValueError(f"{tokens[0].value!r} is not a finite number")
    return value


def number_or_text(text: str | None) -> float | str | None:
    """Return the number that the text of an option holds, else the text."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def read_radiation(text: str | None) -> str | float | None:
    """Return the name or the wavelength that the text of an option holds, after checking it.

    Raises
    ------
    InputError
        It is neither.
    """
    if text is None:
        return None
    from xrdfit.crystal.radiation import radiation

    try:
        given: str | float = float(text)
    except ValueError:
        given = text
    radiation(given)
    return given


def check_finite(what: str, values: Sequence[float]) -> None:
    """Refuse NaN and infinity.

    Raises
    ------
    InputError
        Naming the option and the value.
    """
    for value in values:
        if not isfinite(value):
            raise InputError(f"{what} {value} is not a finite number")


def load(model: str | None, phases: Sequence[str] = (), block: str | None = None) -> PowderModel:
    """Load the model (a data block of it, where it is a CIF) and further phases that the options name.

    Raises
    ------
    InputError
        One of them cannot be used, or there is none.
    """
    from xrdfit.model.files.read import load_models

    if model is None:
        raise InputError("--model is missing: give a preset's name (xrdfit presets lists them), a CIF or a model TOML")
    return load_models([model, *phases], block)


def say_notes(model: PowderModel) -> None:
    """Say on standard error what had to be assumed while reading a model; of form factors to X-rays only."""
    from xrdfit.crystal.scattering import NO_FORM_FACTOR

    for note in model.notes:
        if not (note.startswith(NO_FORM_FACTOR) and model.radiation().neutron):
            say(f"warning: {note}")


def console() -> Console:
    """Return where tables are printed: the terminal, or text of a fixed width."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)


def show(text: str, end: str = "\n") -> None:
    """Print text in which names from files may stand: a terminal shows it and never obeys it."""
    print(printable(text), end=end)


def print_json(data: Mapping[str, Any]) -> None:
    """Print one JSON object; numbers that are not finite are null."""
    from xrdfit.report.numbers import plain

    # escapes of JSON's own for what the output cannot show, or a terminal might obey
    limited = (sys.stdout.encoding or "ascii").lower().replace("-", "") not in ("utf8", "utf8sig")
    text = json.dumps(plain(data), ensure_ascii=limited, allow_nan=False)
    print(text if text.isprintable() else json.dumps(plain(data), allow_nan=False))


def deliver(
    result: FitResult,
    directory: str | None,
    *,
    force: bool,
    as_json: bool,
    assessment: Assessment,
    intensity: Intensity = "linear",
) -> int:
    """Save and print a result and what was asked beyond it; return the exit status."""
    saved: Path | None = None
    unsaved: Exception | None = None
    if directory is not None:
        if not assessment.complete:
            say("interrupted: saving what was done until then")
        try:
            saved = _save(result, directory, force, assessment, intensity)
        except Exception as error:  # what was computed for minutes is told all the same
            unsaved = error
    if as_json:
        print_json(result.to_dict() | assessment.to_dict())
    else:
        from xrdfit.report.tables import assessment_tables, render

        with progress("intervals"):
            shown = render(result)
        console().print(shown)
        for table in assessment_tables(assessment):
            console().print(table)
        if saved is not None:
            show(f"\nPicture: {saved / 'fit.png'}\nReport: {saved / 'report.html'}\nNumbers: {saved / 'result.json'}")
    for note in assessment.notes:
        say(f"warning: {note}")
    status = conclude(result)
    if unsaved is not None:
        raise _unsaved(unsaved, directory)
    if not assessment.complete:
        say("interrupted: what was done until then is kept")
        return INTERRUPTED
    return status


def _save(result: FitResult, directory: str, force: bool, assessment: Assessment, intensity: Intensity) -> Path:
    """Save a result; Ctrl-C is put off, so that what was computed for minutes is not lost."""
    from xrdfit.report import save
    from xrdfit.report.staging import put_off

    with put_off(signal.SIGINT), progress("intervals") as tell:
        for parameter in result.parameters.values():
            _ = parameter.lower  # computed here, so that the bar says what takes the time
        tell("writing the report")
        return save(result, directory, force, assessment, intensity)


def _unsaved(error: Exception, directory: str | None) -> Exception:
    if not isinstance(error, OSError):
        return error
    reason = error.strerror or str(error)
    return InputError(f"output {directory!r} cannot be written: {reason}; the result stands on standard output alone")


def conclude(result: FitResult) -> int:
    """Say the warnings and, where there is no answer, why; return the exit status."""
    for number, step in enumerate(result.steps, 1):
        say(f"step {number}: {step}")
    for warning in result.warnings:
        say(f"warning: {warning}")
    for advice in result.advice:
        say(f"advice: {advice}")
    if result.success:
        return 0
    say(f"xrdfit: no answer: {result.message}")
    return 1
