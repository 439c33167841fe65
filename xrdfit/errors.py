"""The two exceptions that a user may meet (everything else is a bug), and what an optional library lacks."""

from __future__ import annotations

from importlib.util import find_spec

from xrdfit.plaintext import one_line


class InputError(ValueError):
    """A file, a value or an option that cannot be used.

    The message is one printable line: which thing, its value, what is wrong with it and what is allowed.
    The command line prints it and exits with status 2.

    Examples
    --------
    >>> import xrdfit as xf
    >>> xf.load_model("cu2se-7nm")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    xrdfit.errors.InputError: preset 'cu2se-7nm': unknown; did you mean ...
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(str(message)))


class ComputationError(RuntimeError):
    """The input was fine and the computation still ended without an answer (exit status 1)."""


def need(extra: str, what: str, *libraries: str) -> None:
    """Make sure that optional libraries are installed.

    Parameters
    ----------
    extra : str
        The extra of the distribution that holds them.
    what : str
        What they are needed for.
    *libraries : str
        Their import names.

    Raises
    ------
    InputError
        One is not; the message says how to get it.
    """
    for library in libraries:
        if find_spec(library) is None:
            raise InputError(f"{what} needs {library}, which is not installed: pip install 'xrdfit-occupancy[{extra}]'")
