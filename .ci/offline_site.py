"""Exit with an error where a page of a built site loads anything from outside."""

import re
import sys
from pathlib import Path

LOADED = re.compile(
    r"""<(?:script|img|source|iframe)[^>]*\ssrc=["']?(?:https?:)?//|<link[^>]*\shref=["']?(?:https?:)?//"""
    r"""|(?:@import|url\()\s*["']?(?:https?:)?//""",
    re.I,
)

pages = [path for kind in ("*.html", "*.css") for path in Path(sys.argv[1]).rglob(kind)]
outside = [path for path in pages if LOADED.search(path.read_text(encoding="utf-8"))]
print(f"{len(pages)} pages and style sheets, {len(outside)} load something from outside")
sys.exit("\n".join(map(str, outside)) if outside or not pages else 0)
