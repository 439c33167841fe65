"""What is known beforehand: numbers with errors, as they are written in papers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

from xrdfit.errors import InputError

_FORM = re.compile(
    r"\s*(?P<value>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*"
    r"(?:\((?P<digits>\d+\.?\d*|\.\d+)\)|(?:±|\+/?-)\s*(?P<error>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?))?\s*"
)


@dataclass(frozen=True)
class Known:
    """A number with its standard error; an error of 0 is an exact number."""

    value: float
    error: float

    def __str__(self) -> str:
        """Write the number so that it is read back exactly."""
        return f"{self.value!r}+-{self.error!r}" if self.error else repr(self.value)


def as_known(given: Any, what: str, *, exact: bool = False) -> Known:
    """Read "1.9(1)", "1.9 ± 0.1", "1.9+-0.1" or a pair (value, error).

    Parameters
    ----------
    given : str, tuple of two numbers, or Known
    what : str
        What error messages call it.
    exact : bool
        Whether a number without an error is allowed.

    Raises
    ------
    InputError
        It is none of these, or the error is not above zero.

    Examples
    --------
    >>> as_known("12.18(13)", "a")
    Known(value=12.18, error=0.13)
    """
    form = "VALUE(ERROR), such as 1.9(1)" + (", or a number" if exact else "")
    if isinstance(given, Known):
        return given
    try:
        value, error = _parsed(given) if isinstance(given, str) else (float(given[0]), float(given[1]))
    except (TypeError, ValueError, IndexError):
        raise InputError(f"{what}={given}: must read {form}") from None
    if not (isfinite(value) and isfinite(error) and error >= 0.0) or (error == 0.0 and not exact):
        raise InputError(f"{what}={given}: needs a finite value and an error above zero; must read {form}")
    return Known(value, error)


def _parsed(text: str) -> tuple[float, float]:
    match = _FORM.fullmatch(text[:200])
    if match is None:
        raise ValueError(text)
    value = float(match["value"])
    if match["error"] is not None:
        return value, float(match["error"])
    if match["digits"] is None:
        return value, 0.0
    if "." in match["digits"]:
        return value, float(match["digits"])
    mantissa, _, power = match["value"].lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return value, float(match["digits"]) * 10.0 ** (int(power or 0) - decimals)
