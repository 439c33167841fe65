"""The page: one file of markup, styles and scripts, which asks only the server that gave it."""

from __future__ import annotations

import re

from xrdfit.app.sessions import MOST_BYTES
from xrdfit.model.files.presets import preset_names
from xrdfit.report.webpage import hash_of, json_within, script, static, style

_SCRIPTS = ("dom", "server", "choices", "tables", "main")


def page_text() -> str:
    """Return the page."""
    from xrdfit import __version__

    data = {"version": __version__, "presets": list(preset_names()), "most": MOST_BYTES}
    own = script([static("fitplot.js"), *(static(f"{name}.js", "xrdfit.app") for name in _SCRIPTS)])
    parts = {
        "STYLE": style(static("fitplot.css"), static("app.css", "xrdfit.app")),
        "DATA": json_within(data),
        "SCRIPT": own,
    }
    text = static("app.html", "xrdfit.app")
    return re.sub("@(STYLE|DATA|SCRIPT)@", lambda found: parts[found[1]], text)


def policy(text: str) -> str:
    """Return the page's content security policy: its own script, and requests to its own server."""
    own = text[text.rindex("<script>") + len("<script>") : text.rindex("</script>")]
    return (
        f"default-src 'none'; script-src '{hash_of(own)}'; style-src 'unsafe-inline'; img-src data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
