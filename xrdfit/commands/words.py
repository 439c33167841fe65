"""Words of a command line made such that each option has a fixed number of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

_OF_NAMES = ("--vary", "--fix", "--own")
_NAME = re.compile(r"[A-Za-z_*?\[][\w*?\[\]!-]*(=[-+.\deE]+)?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def spread(argv: Sequence[str]) -> list[str]:
    """Rewrite options that take a varying number of words as options of one word.

    ``--vary a b`` becomes ``--vary a --vary b`` where b can only be a parameter's name, and ``--hump 19.8 6`` becomes
    ``--hump 19.8,6``.
    """
    words = list(argv)
    out: list[str] = []
    i = 0
    while i < len(words):
        word = words[i]
        out.append(word)
        i += 1
        if word == "--hump" and i < len(words):
            value, i = words[i], i + 1
            if i < len(words) and _NUMBER.fullmatch(value) and _NUMBER.fullmatch(words[i]):
                value, i = f"{value},{words[i]}", i + 1
            out.append(value)
        elif word in _OF_NAMES and i < len(words):
            out.append(words[i])
            i += 1
            while i < len(words) and _NAME.fullmatch(words[i]) and not os.path.exists(words[i]):
                out += [word, words[i]]
                i += 1
    return out
