"""What commands share: reading options, telling progress, printing results."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrdfit.errors import InputError

if TYPE_CHECKING:
    from cyclopts import Token
    from rich.console import Console

    from xrdfit.commands.worth import Worth
    from xrdfit.inference.result import FitResult
    from xrdfit.model import PowderModel

_QUIET_SECONDS = 2.0
_WIDTH = 110


def whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """Read a whole number as it is written: 1.5 is an error, not 2."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].value!r} is not a whole number") from None


def finite_number(_: Any, tokens: Sequence[Token]) -> float:
    """Read a finite number."""
    try:
        value = float(tokens[0].value)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ValueError(f"{tokens[0].value!r} is not a finite number")
    return value


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


def load(model: str | None, phases: Sequence[str] = ()) -> PowderModel:
    """Load the model and further phases that the options name.

    Raises
    ------
    InputError
        One of them cannot be used, or there is none.
    """
    from xrdfit.modelfile import load_models

    if model is None:
        raise InputError("--model is missing: give a preset's name (xrdfit presets lists them), a CIF or a model TOML")
    return load_models([model, *phases])


def say_notes(model: PowderModel) -> None:
    """Say on standard error what had to be assumed while reading a model."""
    for note in model.notes:
        say(f"warning: {note}")


def console() -> Console:
    """Return where tables are printed: the terminal, or text of a fixed width."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)


def say(message: str) -> None:
    """Write a line to standard error."""
    print(" ".join(message.split()), file=sys.stderr)


def print_json(data: Mapping[str, Any]) -> None:
    """Print one JSON object; numbers that are not finite are null."""
    from xrdfit.report.numbers import plain

    print(json.dumps(plain(data), ensure_ascii=False, allow_nan=False))


@contextmanager
def progress(what: str = "") -> Iterator[Progress]:
    """Tell on standard error that something is under way, once it has taken two seconds.

    Nothing is told before it has a name: input that is refused first leaves a single line.
    """
    teller = Progress(what)
    teller.start()
    try:
        yield teller
    finally:
        teller.stop()


class Progress:
    """A line on standard error: rewritten each second on a terminal, else written at most every half minute."""

    def __init__(self, what: str) -> None:
        self._text = what
        self._began = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __call__(self, stage: str) -> None:
        """Say what is being done now."""
        self._text = stage

    def start(self) -> None:
        """Begin to count."""
        self._thread.start()

    def stop(self) -> None:
        """Remove the line from a terminal."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        terminal = sys.stderr.isatty()
        pause, shown = _QUIET_SECONDS, False
        while not self._done.wait(pause):
            if not self._text:
                pause = 0.5
                continue
            line = f"{self._text} … {time.monotonic() - self._began:.0f} s"
            print(f"\r\x1b[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
            pause, shown = (1.0 if terminal else 30.0), True
        if shown and terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def deliver(result: FitResult, directory: str | None, *, force: bool, as_json: bool, worth: Worth | None = None) -> int:
    """Save and print a result; return the exit status."""
    saved: Path | None = None
    if directory is not None:
        from xrdfit.report import save

        with progress("intervals"):
            for parameter in result.parameters.values():
                parameter.limits()
        with progress("writing the report"):
            saved = save(result, directory, force)
            if worth is not None:
                worth.write(saved)
    if as_json:
        print_json(result.to_dict() | ({} if worth is None else worth.to_dict()))
    else:
        from xrdfit.report.tables import render

        with progress("intervals"):
            shown = render(result)
        console().print(shown)
        if worth is not None:
            worth.show()
        if saved is not None:
            print(f"\nPicture: {saved / 'fit.png'}\nReport: {saved / 'report.html'}\nNumbers: {saved / 'result.json'}")
    return conclude(result)


def conclude(result: FitResult) -> int:
    """Say the warnings and, where there is no answer, why; return the exit status."""
    for warning in result.warnings:
        say(f"warning: {warning}")
    if result.success:
        return 0
    say(f"xrdfit: no answer: {result.message}")
    return 1
