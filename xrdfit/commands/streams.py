"""Standard output and standard error as they may be: closed, full, cut off by a reader, or of few characters."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

from xrdfit.plaintext import one_line


def prepare() -> None:
    """Give closed streams an end, so that no file takes their place, and show what they cannot as an escape."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            with suppress(OSError):
                _occupy(number)
            setattr(sys, name, open(os.devnull, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _occupy(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)


def silence(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: Python would fail on it once more at exit."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def say(message: str) -> None:
    """Write a line to standard error; where that cannot be written, the answer is not lost for it."""
    try:
        print(one_line(message), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        silence(sys.stderr)
