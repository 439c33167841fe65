"""A number that stands for content: of a scan, a model, options; names do not matter, every digit does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

_LENGTH = 32  # hexadecimal digits: 128 bits, so that 10⁶ scans never meet by chance


def fingerprint(*things: Any) -> str:
    """Return the SHA-256 of plain data, dataclasses, arrays and datasets, in 32 hexadecimal digits.

    Raises
    ------
    TypeError
        For anything else.
    """
    digest = hashlib.sha256()
    for thing in things:
        _feed(digest, thing)
    return digest.hexdigest()[:_LENGTH]


def _feed(digest: Any, thing: Any) -> None:
    """Write a thing as its kind, its length and its content, so that no two differ only in where one ends."""
    if thing is None or isinstance(thing, bool | int | float | str | np.generic | PurePath):
        plain = thing.item() if isinstance(thing, np.generic) else thing
        text = plain.hex() if isinstance(plain, float) else str(plain)
        _write(digest, type(plain).__name__, text.encode("utf-8", "surrogateescape"))
    elif isinstance(thing, bytes):
        _write(digest, "bytes", thing)
    elif isinstance(thing, np.ndarray):
        content = np.ascontiguousarray(thing)
        plain = content.astype(str) if content.dtype.kind in "OU" else content
        _write(digest, f"array{plain.shape}{plain.dtype.str}", plain.tobytes())
    elif hasattr(thing, "data_vars"):
        _feed(digest, {str(name): thing[name].values for name in thing.variables})
        about = ("file", "scan_index", "n_scans")  # where it was found
        _feed(digest, {str(k): v for k, v in thing.attrs.items() if k not in about})
    elif isinstance(thing, Mapping):
        _write(digest, "mapping", str(len(thing)).encode())
        for key in sorted(thing, key=str):
            _feed(digest, key)
            _feed(digest, thing[key])
    elif isinstance(thing, list | tuple | set | frozenset):
        items = sorted(thing, key=str) if isinstance(thing, set | frozenset) else thing
        _write(digest, "sequence", str(len(items)).encode())
        for item in items:
            _feed(digest, item)
    elif is_dataclass(thing) and not isinstance(thing, type):
        _write(digest, "dataclass", type(thing).__name__.encode())
        for field in fields(thing):
            if field.init and field.compare:
                _feed(digest, field.name)
                _feed(digest, getattr(thing, field.name))
    else:
        raise TypeError(f"no fingerprint of a {type(thing).__name__}")


def _write(digest: Any, kind: str, content: bytes) -> None:
    digest.update(f"{kind}:{len(content)}:".encode())
    digest.update(content)
