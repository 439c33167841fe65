"""The documentation site: `sphinx-build -W docs site` builds it from these pages, the docstrings and the help texts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx

import xrdfit

project = "xrdfit"
version = release = xrdfit.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["scripts"]
default_role = "code"
smartquotes = False  # --option stays what is typed
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
html_theme = "pydata_sphinx_theme"
html_title = f"xrdfit {version}"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": True,
    "show_toc_level": 2,
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": [],
}
copyright = "BSD-3-Clause"

GROUPS = {
    "Scans and models": (
        "read_pattern", "make_pattern", "load_model", "example", "PowderModel", "Phase", "Instrument", "Structure",
        "Site", "radiation", "calibrate",
    ),
    "Patterns": ("simulate", "reflections", "carve", "carve_atoms", "read_xyz", "cluster_pattern", "explore_page"),
    "Fits": (
        "fit", "FitOptions", "FitResult", "Chebyshev", "Blank", "Hump", "Air", "save", "load_result", "save_table",
    ),
    "Questions": (
        "compare", "identify", "design", "Plan", "assess", "sample", "systematics", "feldman_cousins",
        "calibrate_intervals",
    ),
    "Series": ("fit_series", "SeriesResult", "save_series", "load_series", "plot_series"),
    "Errors": ("InputError", "ComputationError"),
}  # fmt: skip
"""Where each public name stands; one that stands nowhere stops the build."""


def reference() -> str:
    """Return the page of all public names."""
    lost = set(xrdfit.__all__) - {"__version__"} - {name for names in GROUPS.values() for name in names}
    if lost:
        raise ValueError(f"docs/conf.py: public names without a group: {', '.join(sorted(lost))}")
    lines = ["Python", "======", ""]
    for title, names in GROUPS.items():
        lines += [title, "-" * len(title), ""]
        for name in names:
            kind = "class" if isinstance(getattr(xrdfit, name), type) else "function"
            lines += [f".. auto{kind}:: xrdfit.{name}", *(["   :members:", ""] if kind == "class" else [""])]
    return "\n".join(lines)


def help_of(*command: str) -> str:
    """Return a command's help as it is printed."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    run = [sys.executable, "-m", "xrdfit.cli", *command, "--help"]
    return subprocess.run(  # noqa: S603 this interpreter, words of our own
        run, env=environment, check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout


def command_line() -> str:
    """Return the page of all commands."""
    top = help_of()
    names = [line.split()[1] for line in top.splitlines() if line.startswith("│ ") and line[2].islower()]
    pages = ["# Command line", "", "```text", top.rstrip(), "```", ""]
    for name in names:
        pages += [f"## `xrdfit {name}`", "", "```text", help_of(name).rstrip(), "```", ""]
    return "\n".join(pages)


def generate(app: Sphinx) -> None:
    """Write the pages that are made of the package itself."""
    folder = Path(app.srcdir) / "generated"
    folder.mkdir(exist_ok=True)
    for name, text in {"python.rst": reference(), "command-line.md": command_line()}.items():
        (folder / name).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Make the pages before any is read."""
    app.connect("builder-inited", generate)
