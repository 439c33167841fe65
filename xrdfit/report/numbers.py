"""Numbers as text: values with their errors, and plain data that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isfinite, log10
from typing import Any

import numpy as np

from xrdfit.plaintext import storable


def concise(value: float, stderr: float | None, digits: int = 4) -> str:
    """Write a value with its standard error in brackets, in units of the last digit.

    The error keeps two digits where they read 10 to 19, else one (the rule of 19 of the IUCr's journals).

    Parameters
    ----------
    value : float
    stderr : float or None
        None, zero or not finite: the value alone is written.
    digits : int
        Significant digits of a value without an error.

    Examples
    --------
    >>> concise(0.30214, 0.0071), concise(5.850031, 0.00123), concise(15320.0, 210.0), concise(0.5, None)
    ('0.302(7)', '5.8500(12)', '15300(200)', '0.5')
    """
    if not isfinite(value):
        return "–"
    if stderr is None or not isfinite(stderr) or stderr <= 0.0:
        return f"{value:.{digits}g}"
    exponent = floor(log10(stderr))
    if round(stderr / 10.0 ** (exponent - 1)) < 20:
        exponent -= 1
    units = round(stderr / 10.0**exponent)
    if exponent > 0:
        return f"{round(value, -exponent):.0f}({units * 10**exponent:.0f})"
    return f"{value:.{-exponent}f}({units})"


def percent(fraction: float, stderr: float | None = None) -> str:
    """Write a fraction as a percentage, with its error where it has one.

    Examples
    --------
    >>> percent(0.3012, 0.0072), percent(0.0345)
    ('30.1(7) %', '3.45 %')
    """
    if not isfinite(fraction):
        return "–"
    return f"{concise(100.0 * fraction, None if stderr is None else 100.0 * stderr, digits=3)} %"


def plain(data: Any) -> Any:
    """Return data as JSON can hold it: NumPy numbers become Python's, numbers that are not finite become None.

    Text that UTF-8 cannot hold, such as the name of a file, is escaped.
    """
    if isinstance(data, str):
        return storable(data)
    if isinstance(data, Mapping):
        return {storable(str(key)): plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(value) for value in data]
    if isinstance(data, np.ndarray):
        return plain(data.tolist())
    if isinstance(data, np.generic):
        return plain(data.item())
    if isinstance(data, float) and not isfinite(data):
        return None
    return data
