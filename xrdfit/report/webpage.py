"""What the pages share: scripts, styles, uPlot with its licence, and the policy that keeps a page to itself."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any


def static(name: str, package: str = "xrdfit.report") -> str:
    """Return a text file of a package's folder `static`."""
    return files(package).joinpath("static", name).read_text(encoding="utf-8")


def script(modules: Sequence[str]) -> str:
    """Return uPlot, its licence, and modules within one scope of their own."""
    own = "\n".join(modules)
    licence = static("uplot-LICENSE.txt").strip()
    return f'/*\nuPlot\n{licence}\n*/\n{static("uplot.min.js")}\n(() => {{\n"use strict";\n{own}\n}})();\n'


def style(*sheets: str) -> str:
    """Return uPlot's style sheet and others."""
    return "\n".join([static("uplot.min.css"), *sheets])


def json_within(data: Any) -> str:
    """Return JSON that can stand in a page: no text of the user's ends its element."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def hash_of(text: str) -> str:
    """Return what a content security policy calls a script by."""
    return "sha256-" + b64encode(sha256(text.encode("utf-8")).digest()).decode("ascii")
