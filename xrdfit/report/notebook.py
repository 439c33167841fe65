"""What a result shows of itself in Python: a table in a notebook, a data frame, a figure.

The methods of results that need this floor call it; nothing here is imported before they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from xrdfit.inference.questions.findings import Identifiability
from xrdfit.inference.questions.ranking import Comparison
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import one_line, printable
from xrdfit.report.numbers import concise, percent
from xrdfit.report.summary import PARAMETER_COLUMNS, SITE_COLUMNS, composition_text, parameter_rows, site_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_COLUMNS = ("value", "stderr", "stderr_serial", "stderr_model", "unit", "status", "text")


def result_html(result: FitResult) -> str:
    """Return sites and parameters as HTML, without intervals, which take time."""
    s = result.statistics
    lines = [
        f"<p><b>{_text(one_line(result.model.name))}</b>: {_text(result.message)}; R<sub>wp</sub> {percent(s.r_wp)}, "
        f"χ² {s.chi2_reduced:.3g}, {s.n_points} points, {s.n_varied} parameters</p>"
    ]
    for phase in result.model.phases:
        if len(result.model.phases) > 1:
            share = percent(result.weight_fractions[phase.name], result.weight_fraction_errors.get(phase.name))
            lines.append(f"<p>{_text(phase.name)}: {share} by weight</p>")
        lines.append(table(SITE_COLUMNS, site_rows(result, phase.name)))
    lines.append(f"<p>Atoms per cell: {_text(composition_text(result))}</p>")
    # the columns of the intervals would be computed for seconds
    columns = tuple(c for c in PARAMETER_COLUMNS if c != "68 % interval")
    rows = parameter_rows(result, intervals=False)
    lines.append(table(columns, rows))
    lines += [f"<p>⚠ {_text(warning)}</p>" for warning in result.warnings]
    lines += [f"<p>→ {_text(str(advice))}</p>" for advice in result.advice]
    return "\n".join(lines)


def result_frame(result: FitResult, intervals: bool = False) -> pd.DataFrame:
    """Return the parameters as a table, a row each; see `FitResult.to_dataframe`."""
    import pandas as pd

    columns = (*_COLUMNS[:4], *(("lower", "upper") if intervals else ()), *_COLUMNS[4:])
    rows = [[getattr(p, c, None) for c in columns] for p in result.parameters.values()]
    frame = pd.DataFrame(rows, columns=list(columns), index=pd.Index(list(result.parameters), name="parameter"))
    numbers = [c for c in columns if c not in ("unit", "status", "text")]
    return frame.astype(dict.fromkeys(numbers, float))


def result_figure(result: FitResult, intensity: str, scan: str | None) -> Figure:
    """Return the picture of a fit."""
    from xrdfit.report.figures import figure

    return figure(result, intensity, scan)  # pyright: ignore[reportArgumentType]  # it checks


COMPARISON_COLUMNS = ("Sites", "ΔBIC", "BIC", "AIC", "Rwp", "χ²", "Parameters")


def comparison_rows(found: Comparison) -> list[tuple[str, ...]]:
    """Rows of the candidates, under `COMPARISON_COLUMNS`."""
    several = len({c.model for c in found.candidates}) > 1
    return [
        (
            c.name if several else " + ".join(c.sites) or "none",
            f"{c.delta_bic:.1f}",
            f"{c.bic:.1f}",
            f"{c.aic:.1f}",
            percent(c.r_wp),
            f"{c.chi2:.1f}",
            str(c.n_varied),
        )
        for c in found.candidates
    ]


def comparison_html(found: Comparison) -> str:
    """Return verdict and candidates as HTML."""
    return "\n".join([*_paragraphs(found.summary), table(COMPARISON_COLUMNS, comparison_rows(found))])


def comparison_frame(found: Comparison) -> pd.DataFrame:
    """Return the candidates as a table, a row each, best first."""
    import pandas as pd

    keys = ("model", "delta_bic", "bic", "aic", "r_wp", "chi2", "n_varied")
    rows: list[dict[str, Any]] = [
        {"sites": " + ".join(c.sites)} | {k: getattr(c, k) for k in keys} | c.occupancies for c in found.candidates
    ]
    return pd.DataFrame(rows).set_index("sites")


def comparison_figure(found: Comparison) -> Figure:
    """Return the picture of a comparison."""
    from xrdfit.report.compare_figure import figure

    return figure(found)


COMBINATION_COLUMNS = ("Combination, atoms per cell", "Value", "Relative error", "Determined")


def combination_rows(found: Identifiability) -> list[tuple[str, ...]]:
    """Rows of the combinations, under `COMBINATION_COLUMNS`."""
    return [
        (c.text, concise(c.value, c.stderr), percent(c.relative), "yes" if c.determined else "no")
        for c in found.combinations
    ]


def identifiability_html(found: Identifiability) -> str:
    """Return findings and combinations as HTML."""
    return "\n".join([*_paragraphs(found.summary), table(COMBINATION_COLUMNS, combination_rows(found))])


def identifiability_frame(found: Identifiability) -> pd.DataFrame:
    """Return the combinations of occupancies as a table, a row each, best determined first."""
    import pandas as pd

    keys = ("text", "value", "stderr", "relative", "determined")
    rows: list[dict[str, Any]] = [{k: getattr(c, k) for k in keys} | c.coefficients for c in found.combinations]
    return pd.DataFrame(rows).set_index("text")


def identifiability_figure(found: Identifiability) -> Figure:
    """Return the picture of what a scan tells."""
    from xrdfit.report.identify_figure import figure

    return figure(found)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return an HTML table of escaped text."""
    head = "".join(f"<th>{_text(c)}</th>" for c in columns)
    body = "".join("<tr>" + "".join(f"<td>{_text(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _paragraphs(lines: Iterable[str]) -> list[str]:
    return [f"<p>{_text(line)}</p>" for line in lines]


def _text(content: str) -> str:
    return escape(printable(content))
