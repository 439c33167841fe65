"""A table as data, and as csv, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xrdfit.plaintext import csv_text


@dataclass(frozen=True)
class Sheet:
    """Rows under columns, with what must be said about them.

    Attributes
    ----------
    name : str
        Stem of file names.
    title : str
    columns : tuple of str
        Names of the csv file's columns.
    headings : tuple of str
        Headings for readers, over `shown`.
    rows : tuple of tuple
        Records of the csv file.
    notes : tuple of str
        Remarks that stand under the table.
    shown : tuple of tuple of str
        Lines for readers; empty where the records themselves are shown.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    notes: tuple[str, ...] = ()
    shown: tuple[tuple[str, ...], ...] = ()

    def lines(self) -> tuple[tuple[str, ...], ...]:
        """Lines for readers, as text."""
        return self.shown or tuple(tuple(str(cell) for cell in row) for row in self.rows)


def to_csv(sheet: Sheet) -> str:
    """Return the records as csv with a header and nothing else, so that any programme reads it."""
    return csv_text(sheet.columns, sheet.rows)


def to_markdown(sheets: Sequence[Sheet]) -> str:
    """Return sheets as Markdown, one after the other."""
    return "\n".join(_markdown(sheet) for sheet in sheets)


def _markdown(sheet: Sheet) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    parts = [f"## {sheet.title}", "", line(sheet.headings), "|" + " --- |" * len(sheet.headings)]
    parts += [line(row) for row in sheet.lines()]
    parts += [text for note in sheet.notes for text in ("", note.replace("|", "\\|"))]
    return "\n".join(parts) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "−": "$-$", "±": r"$\pm$", "·": r"$\cdot$",
    "²": r"\textsuperscript{2}", "³": r"\textsuperscript{3}", "°": r"$^{\circ}$", "Å": r"\AA{}", "σ": r"$\sigma$",
    "χ": r"$\chi$", "α": r"$\alpha$", "γ": r"$\gamma$", "λ": r"$\lambda$", "Δ": r"$\Delta$", "ω": r"$\omega$",
    "√": r"$\surd$", "“": "``", "”": "''", "’": "'", "|": r"$|$", "≥": r"$\geq$", "≤": r"$\leq$", "<": r"$<$",
    ">": r"$>$", "×": r"$\times$", "θ": r"$\theta$", "…": r"\ldots{}",
}  # fmt: skip


def escape(text: str) -> str:
    """Return text as LaTeX shows it, also without a Unicode font."""
    return "".join(_LATEX.get(character, character) for character in text)


def to_latex(sheets: Sequence[Sheet]) -> str:
    """Return sheets as LaTeX tables for a document that uses the package booktabs."""
    return "% needs \\usepackage{booktabs}\n" + "\n".join(_latex(sheet) for sheet in sheets)


def _latex(sheet: Sheet) -> str:
    def line(cells: Sequence[str]) -> str:
        return " & ".join(escape(cell) for cell in cells) + r" \\"

    body = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(sheet.title)}}}",
        rf"\begin{{tabular}}{{{'l' * len(sheet.headings)}}}",
        r"\toprule",
        line(sheet.headings),
        r"\midrule",
        *(line(row) for row in sheet.lines()),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {escape(note)}\par}}" for note in sheet.notes),
        r"\end{table}",
    ]
    return "\n".join(body) + "\n"
