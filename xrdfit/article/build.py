"""`make`: the article's tables, figures and statements as files."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from xrdfit.errors import InputError
from xrdfit.progress import Progress, silent

TABLES = ("table 1", "table 2", "table 3", "table 4")
FIGURES = ("figure 4a", "figure 4b", "figure 4c", "figure 4d", "figure 4e")
PARTS = (*TABLES, *FIGURES, "statements")
"""What can be made."""

_SUFFIXES = {"table": ("csv", "md", "tex"), "figure": ("png", "pdf"), "statements": ("json", "md")}
_DPI = 300


def parts(what: str | Sequence[str] = "all") -> tuple[str, ...]:
    """Return the parts that a request names, in the order of `PARTS`.

    Parameters
    ----------
    what : str or sequence of str
        "all", "tables", "figures", "statements", "table 2", "figure 4b"; blanks or hyphens between the words.

    Raises
    ------
    InputError
        There is no such part.
    """
    chosen: set[str] = set()
    for given in (what,) if isinstance(what, str) else what:
        words = re.sub(r"[\s-]+", " ", given.strip().lower())
        groups = {"all": PARTS, "tables": TABLES, "figures": FIGURES}
        found = groups.get(words, (words,))
        if not set(found) <= set(PARTS):
            raise InputError(f"article {given!r}: there is no such part; allowed are all, {', '.join(PARTS)}")
        chosen.update(found)
    if not chosen:
        raise InputError(f"article: no part is named; allowed are all, {', '.join(PARTS)}")
    return tuple(part for part in PARTS if part in chosen)


def file_names(part: str) -> tuple[str, ...]:
    """Return the names of a part's files, such as "figure-4b.png"."""
    stem = part.replace(" ", "-")
    return tuple(f"{stem}.{suffix}" for suffix in _SUFFIXES[part.split()[0]])


def make(
    what: str | Sequence[str] = "all",
    directory: str | PathLike[str] = "xrdfit-article",
    force: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Compute the article's tables, figures and statements and write them.

    Parameters
    ----------
    what : str or sequence of str
        "all", "tables", "figures", "statements", or single parts: "table 1" to "table 4", "figure 4a" to "figure 4e".
    directory : path
        Made where it does not exist.
    force : bool
        Overwrite files of an earlier run.
    progress : callable, optional
        Called with a few words whenever a stage begins.

    Returns
    -------
    tuple of Path
        The files written. They appear together when all are done; none is ever half-written.

    Raises
    ------
    InputError
        For an unknown part, a directory that cannot be written, or files that exist while `force` is not given.
    ComputationError
        A fit ended without an answer.
    """
    wanted = parts(what)
    names = [name for part in wanted for name in file_names(part)]
    path = _checked(directory, names, force)
    tell = progress or silent
    path.mkdir(parents=True, exist_ok=True)
    scratch = path / f".article.{os.getpid()}.part"
    scratch.mkdir()
    try:
        for i, part in enumerate(wanted):
            tell(part, i / len(wanted))
            _write(part, scratch, _stages(tell, i / len(wanted)) if len(wanted) > 1 else tell)
        for name in names:
            (scratch / name).replace(path / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return tuple(path / name for name in names)


def _checked(directory: str | PathLike[str], names: Sequence[str], force: bool) -> Path:
    from xrdfit.report.files import check_directory

    # the files of a fit are none of ours: only the folder itself is checked there
    path = check_directory(directory, force=True)
    present = next((name for name in names if (path / name).exists()), None)
    if present and not force:
        raise InputError(f"output {str(path)!r} already holds {present}; give another folder, or --force to overwrite")
    return path


def _stages(tell: Progress, done: float) -> Progress:
    """Progress of one part of several: its stages by name, the part done of the whole."""
    return lambda stage, _=0.0: tell(stage, done)


def _write(part: str, folder: Path, tell: Progress) -> None:
    kind, _, number = part.partition(" ")
    if kind == "table":
        _write_table(int(number), folder, tell)
    elif kind == "figure":
        _write_figure(number, folder)
    else:
        _write_statements(folder, tell)


def _write_table(table: int, folder: Path, tell: Progress) -> None:
    from xrdfit.article.sheets import to_csv, to_latex, to_markdown
    from xrdfit.article.tables import table_sheets

    sheets = table_sheets(table, tell)
    for suffix, text in (("csv", to_csv(sheets[0])), ("md", to_markdown(sheets)), ("tex", to_latex(sheets))):
        (folder / f"table-{table}.{suffix}").write_text(text, encoding="utf-8", newline="")


def _write_figure(name: str, folder: Path) -> None:
    from matplotlib import rc_context

    from xrdfit.article.figures import figure

    drawn = figure(name)
    drawn.savefig(folder / f"figure-{name}.png", dpi=_DPI)
    # text stays text that can be searched, and no date makes two runs differ
    with rc_context({"pdf.fonttype": 42}):
        drawn.savefig(folder / f"figure-{name}.pdf", metadata={"CreationDate": None})


def _write_statements(folder: Path, tell: Progress) -> None:
    from xrdfit.article.statements import statements, to_json, to_markdown

    checked = statements(tell)
    (folder / "statements.json").write_text(to_json(checked), encoding="utf-8", newline="")
    (folder / "statements.md").write_text(to_markdown(checked), encoding="utf-8", newline="")
