"""The page on formats lists what the readers say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

from xrdfit.scan import formats

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scan-formats.md"


def test_the_page_lists_every_format_with_its_endings():
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([^|]*) \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE)
    listed = {name: tuple(endings.split(", ")) for name, endings in ((n, e.strip()) for n, e in rows) if name != "name"}
    assert listed == {info.name: info.endings for info in formats()}
