"""The table for a paper: LaTeX, Markdown, and a document of a word processor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path

from xrdfit.errors import InputError
from xrdfit.inference.fitted import FittedParameter
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import one_line
from xrdfit.report.files import check_file, write_bytes
from xrdfit.report.methods import methods_text
from xrdfit.report.numbers import concise, percent
from xrdfit.report.summary import site_parameter

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "–": "--",
    "²": r"$^2$", "°": r"$^\circ$", "′": r"$'$", "″": r"$''$", "√": r"$\sqrt{\ }$", "Å": r"\AA{}", "σ": r"$\sigma$",
    "θ": r"$\theta$", "ε": r"$\varepsilon$", "μ": r"$\mu$", "λ": r"$\lambda$", "α": r"$\alpha$", "Γ": r"$\Gamma$",
    "χ": r"$\chi$", "ω": r"$\omega$",
}  # fmt: skip


@dataclass(frozen=True)
class PaperTable:
    """One table: title, columns, rows of text; the first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def paper_tables(result: FitResult) -> list[PaperTable]:
    """Return the tables of a paper: sites, then parameters and figures of merit."""
    several = len(result.model.phases) > 1
    models = any(_model_error(p) for p in result.parameters.values())
    extra = ("Error by the model",) if models else ()
    found = []
    for phase in result.model.phases:
        rows = []
        for s in (s for s in result.sites if s.phase == phase.name):
            p = site_parameter(result, s)
            more = (_model_error(p),) if models else ()
            rows.append((s.label, s.wyckoff, concise(s.occupancy, s.stderr), *more, percent(s.share, s.share_stderr)))
        title = f"Sites of {phase.name}, space group {phase.structure.group.hm}"
        if several:
            share = percent(result.weight_fractions[phase.name], result.weight_fraction_errors.get(phase.name))
            title += f", {share} by weight"
        columns = ("Site", "Wyckoff position", "Occupancy", *extra, "Share of the element")
        found.append(PaperTable(one_line(title), columns, tuple(rows)))
    rows = [
        (p.name, f"{concise(p.value, p.stderr, 6)} {p.unit}".strip(), *((_model_error(p),) if models else ()), p.text)
        for p in result.parameters.values()
        if p.status != "fixed" and not result.problem.rows[p.name].is_occupancy
    ]
    found.append(PaperTable("Parameters", ("Parameter", "Value", *extra, "What it is"), tuple(rows)))
    s = result.statistics
    merits = (
        ("R_wp", percent(s.r_wp)),
        ("R_wp, background subtracted", percent(s.r_wp_background_subtracted)),
        ("R_exp", percent(s.r_exp)),
        ("χ² (reduced)", f"{s.chi2_reduced:.3g}"),
        ("Points", str(s.n_points)),
        ("Parameters varied", str(s.n_varied)),
    )
    found.append(PaperTable("Figures of merit", ("Quantity", "Value"), merits))
    return found


def _model_error(p: FittedParameter) -> str:
    error = p.stderr_model
    return "" if error is None else f"{error:.2g}"


def markdown(result: FitResult) -> str:
    """Return tables and methods as Markdown."""
    parts = [f"# {_md(result.model.name)}"]
    for t in paper_tables(result):
        parts.append(f"**{_md(t.title)}**")
        lines = [t.columns, tuple("---" for _ in t.columns), *t.rows]
        parts.append(
            "\n".join(
                "| " + " | ".join(cell if i == 1 else _md(cell) for cell in row) + " |" for i, row in enumerate(lines)
            )
        )
    return "\n\n".join([*parts, "**Methods**", _md(methods_text(result))]) + "\n"


def _md(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return "".join("\\" + c if c in r"\`*_{}[]<>#|$" else c for c in one_line(text))


def latex(result: FitResult) -> str:
    """Return tables and methods as LaTeX that the article class sets without a package."""
    parts = [f"% {one_line(result.model.name)}: by xrdfit; \\input{{}} this file in a document of UTF-8"]
    for t in paper_tables(result):
        body = [" & ".join(map(_tex, row)) + r" \\" for row in (t.columns, *t.rows)]
        parts.append(
            "\n".join(
                [
                    r"\begin{table}",
                    rf"\caption{{{_tex(t.title)}}}",
                    rf"\begin{{tabular}}{{{'l' * len(t.columns)}}}",
                    r"\hline",
                    body[0],
                    r"\hline",
                    *body[1:],
                    r"\hline",
                    r"\end{tabular}",
                    r"\end{table}",
                ]
            )
        )
    return "\n\n".join([*parts, _tex(methods_text(result))]) + "\n"


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in one_line(text))


def document(result: FitResult) -> bytes:
    """Return tables and methods as a .docx.

    Raises
    ------
    InputError
        python-docx is not installed.
    """
    try:
        from docx import Document
    except ImportError:
        raise InputError(
            "a .docx needs python-docx, which is not installed: pip install 'xrdfit-occupancy[docx]'; "
            ".md and .tex need nothing"
        ) from None
    made = Document()
    made.add_heading(one_line(result.model.name), 1)
    for t in paper_tables(result):
        made.add_paragraph(t.title, style="Caption")
        grid = made.add_table(1 + len(t.rows), len(t.columns), style="Light List")
        for row, texts in zip(grid.rows, (t.columns, *t.rows), strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = one_line(text)
    made.add_heading("Methods", 2)
    made.add_paragraph(methods_text(result))
    stream = BytesIO()
    made.save(stream)
    return stream.getvalue()


def save_table(result: FitResult, path: str | PathLike[str], *, force: bool = False) -> None:
    """Write the table for a paper, and the paragraph on methods, to a .tex, .md or .docx.

    Parameters
    ----------
    result : FitResult
    path : path
        Its ending says the format.
    force : bool
        Overwrite an existing file.

    Raises
    ------
    InputError
        For another ending, a file that cannot be written, or a .docx without python-docx.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     xf.save_table(result, folder + "/table.md")
    ...     print(Path(folder, "table.md").read_text().splitlines()[0])
    # cu2se-6nm
    """
    target = check_file(path, force)
    content = check_format(target)(result)
    write_bytes(target, content.encode("utf-8") if isinstance(content, str) else content, exclusive=not force)


def check_format(path: Path) -> Callable[[FitResult], str | bytes]:
    """Return what makes the table that a file's ending asks for.

    Raises
    ------
    InputError
        There is none.
    """
    makers: dict[str, Callable[[FitResult], str | bytes]] = {".tex": latex, ".md": markdown, ".docx": document}
    if path.suffix.lower() not in makers:
        raise InputError(f"output {str(path)!r}: the table of a paper is a .tex, .md or .docx; give such a name")
    return makers[path.suffix.lower()]
