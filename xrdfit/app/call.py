"""What is asked for: scans, model and options, read from the words of a command line.

The page keeps what it asks for as such words, so that it, the command line and the script cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.model.powder import PowderModel

if TYPE_CHECKING:
    import xarray as xr

MOST_WORDS = 300
LONGEST_WORD = 300
LONGEST_NAME = 120
_BAD = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Call:
    """A fit as it was asked for.

    Attributes
    ----------
    files : dict of str to str
        File of each scan by label; the label is "" where there is one scan.
    models : tuple of str
        Presets and files, the first one first.
    block : str or None
        Data block of a CIF.
    model : PowderModel
    scan : xarray.Dataset, or dict of str to Dataset
    options : FitOptions
    reading : dict of str to dict
        Arguments of `xrdfit.read_pattern` beside the file, by label.
    """

    files: dict[str, str]
    models: tuple[str, ...]
    block: str | None
    model: PowderModel
    scan: xr.Dataset | dict[str, xr.Dataset]
    options: FitOptions
    reading: dict[str, dict[str, Any]] = field(default_factory=dict)


ReadCall = Callable[[Sequence[str]], Call]
"""What reads a command line: the floor of the commands gives it, which is above this one."""


def check_words(words: Any) -> list[str]:
    """Return words of a command line that came from the page.

    Raises
    ------
    InputError
        They are no list of texts, too many or too long.
    """
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InputError("words: a list of texts is needed")
    if len(words) > MOST_WORDS or any(len(word) > LONGEST_WORD for word in words):
        raise InputError(f"words: at most {MOST_WORDS} words of {LONGEST_WORD} characters are taken")
    return words


def check_name(name: str) -> str:
    """Return the name of an uploaded file: one that names a file here and nothing else.

    Raises
    ------
    InputError
        It could name another place or an option, or is too long.
    """
    if not name or len(name.encode("utf-8", "replace")) > LONGEST_NAME:
        raise InputError(f"file name of {len(name)} characters: 1 to {LONGEST_NAME} bytes are allowed; rename the file")
    if _BAD.search(name) or name[0] in ".-~ " or name[-1] in ". " or not name.isprintable() or "=" in name:
        raise InputError(f"file name {name!r}: letters, digits, blanks, _ - . + ( ) are allowed; rename the file")
    return name
