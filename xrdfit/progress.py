"""How a long computation tells what it does."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What is called whenever a stage begins, with a few words and, where it is known, the part done (0–1)."""

    def __call__(self, stage: str, part: float = ..., /) -> None:
        """Take notice."""


def silent(stage: str, part: float = 0.0, /) -> None:
    """Take no notice."""
