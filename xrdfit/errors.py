"""The two exceptions that a user may meet; everything else is a bug."""

from __future__ import annotations

from xrdfit.plaintext import one_line


class InputError(ValueError):
    """A file, a value or an option that cannot be used.

    The message is one printable line: which thing, its value, what is wrong with it and what is allowed.
    The command line prints it and exits with status 2.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(str(message)))


class ComputationError(RuntimeError):
    """The input was fine and the computation still ended without an answer (exit status 1)."""
