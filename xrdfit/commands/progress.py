"""Telling on standard error that something is under way, once it has taken two seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xrdfit.commands.streams import say
from xrdfit.plaintext import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_QUIET_SECONDS = 2.0
_LINE_SECONDS = 10.0


@contextmanager
def progress(what: str = "") -> Iterator[Teller]:
    """Tell what is being done, and how much of it is, from the third second on.

    Nothing is told before it has a name: input that is refused first leaves a single line.
    """
    teller = Teller(what)
    teller.start()
    try:
        yield teller
    finally:
        teller.stop()


class Teller:
    """On a terminal a bar, removed at the end; elsewhere a line every ten seconds."""

    def __init__(self, what: str) -> None:
        self._text = what
        self._fraction: float | None = None
        self._began = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __call__(self, stage: str, fraction: float | None = None, /) -> None:
        """Say what is being done now, and which part of it is done (0–1) where that is known."""
        self._text, self._fraction = stage, fraction

    def start(self) -> None:
        """Begin to count."""
        self._thread.start()

    def stop(self) -> None:
        """Remove the bar from a terminal."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        pause = _QUIET_SECONDS
        while not self._done.wait(pause):
            pause = 0.5
            if self._text and sys.stderr.isatty():
                self._draw()
            elif self._text:
                part = "" if self._fraction is None else f", {100.0 * self._fraction:.0f} %"
                seconds = time.monotonic() - self._began
                say(f"{self._text}{part} … {seconds:.0f} s")
                pause = _LINE_SECONDS

    def _draw(self) -> None:
        with _bar() as bar:
            task = bar.add_task(printable(self._text), total=None)
            bar.tasks[0].start_time = self._began
            while not self._done.wait(0.1):
                known = self._fraction is not None
                bar.update(
                    task,
                    description=printable(self._text),
                    total=1.0 if known else None,
                    completed=self._fraction or 0.0,
                )


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
