"""What the page is told: a scan, a model, a result, a comparison, as plain data."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.inference.questions.findings import Identifiability
from xrdfit.inference.questions.ranking import Comparison
from xrdfit.inference.result import FitResult
from xrdfit.model.powder import PowderModel
from xrdfit.plaintext import printable
from xrdfit.report.curves import curves, packed
from xrdfit.report.notebook import COMBINATION_COLUMNS, COMPARISON_COLUMNS, combination_rows, comparison_rows
from xrdfit.report.numbers import concise, percent
from xrdfit.report.regions import phase_regions
from xrdfit.report.series_files import figures, png, table_rows
from xrdfit.report.summary import composition_text, facts, site_parameter, statistics_items

if TYPE_CHECKING:
    import xarray as xr

    from xrdfit.series.result import SeriesResult

MOST_POINTS = 20_000  # of one scan in the page

MOST_ROWS = 500  # of a series in the page; its files hold all

_TOLD = {"evidence": "read as", "notes": "note", "sigma_from": "errors by"}

Table = dict[str, Any]


def scan_answer(scan: xr.Dataset) -> dict[str, Any]:
    """Return a scan's points and what its header says."""
    step = -(-len(scan["two_theta"]) // MOST_POINTS)
    attrs: Mapping[Any, Any] = scan.attrs
    notes = [f"{text}: {attrs[key]}" for key, text in _TOLD.items() if attrs.get(key)]
    angles = scan["two_theta"].values
    return {
        "x": packed(angles[::step]),
        "observed": packed(scan["counts"].values[::step]),
        "points": len(angles),
        "range": [float(angles[0]), float(angles[-1])],
        "notes": [printable(note) for note in notes],
    }


def series_answer(series: SeriesResult, most: int = MOST_ROWS) -> dict[str, Any]:
    """Return the table of a series, why scans have no answer, and its pictures as PNG by what they show."""
    columns, rows = table_rows(series, most)
    failed = [i for i in range(len(series)) if not bool(series.data["success"][i])]
    why = [f"{series.data['scan'].values[i]}: {series.data['message'].values[i]}" for i in failed[:most]]
    pictures = {name: b64encode(png(figure)).decode("ascii") for name, figure in figures(series)}
    return {
        "table": {"columns": columns, "rows": [[printable(cell) for cell in row] for row in rows]},
        "scans": len(series),
        "failed": [printable(text) for text in why],
        "pictures": pictures,
    }


def model_answer(model: PowderModel) -> dict[str, Any]:
    """Return phases, sites and the parameters that a fit may move."""
    phases = []
    for phase in model.phases:
        sites = [(s.label, s.wyckoff, f"{s.occupancy:.4g}") for s in phase.structure.sites]
        phases.append({"name": printable(phase.name), "group": phase.structure.group.hm, "sites": sites})
    rows = [{"name": r.name, "vary": r.vary, "text": r.text} for r in model.rows("bragg")]
    return {
        "name": printable(model.name),
        "phases": phases,
        "parameters": rows,
        "notes": list(map(printable, model.notes)),
    }


def fit_answer(result: FitResult) -> dict[str, Any]:
    """Return everything of a result that the page shows."""
    return {
        "name": printable(result.model.name),
        "success": result.success,
        "message": printable(result.message),
        "r_wp": result.statistics.r_wp,
        "chi2": result.statistics.chi2_reduced,
        "sites": _sites(result),
        "composition": printable(composition_text(result)),
        "parameters": _parameters(result),
        "statistics": {"columns": ["Quantity", "Value"], "rows": _texts(statistics_items(result))},
        "regions": {
            "columns": ["Scan", "Points of", "Points", "Rwp", "Mean (Δ/σ)²"],
            "rows": [
                [printable(r.scan), printable(r.phase), str(r.n_points), percent(r.r_wp), f"{r.chi2:.3g}"]
                for r in phase_regions(result)
            ],
        },
        "facts": _texts(facts(result)),
        "warnings": [printable(w) for w in result.warnings],
        "steps": [printable(str(step)) for step in result.steps],
        "advice": [
            {
                "text": printable(str(a)),
                "options": list(a.options),
                "alternatives": [list(o.options) for o in a.alternatives],
            }
            for a in result.advice
        ],
        "scans": [curves(result, scan.label, MOST_POINTS) for scan in result.scans],
        "values": {name: _number(p.value) for name, p in result.parameters.items()},
    }


def _sites(result: FitResult) -> Table:
    several = len(result.model.phases) > 1
    columns = ["Site", "Occupancy", "Error by counting", "Error by the model", "Share", "Atoms per cell", "Status"]
    rows = []
    for s in result.sites:
        p = site_parameter(result, s)
        rows.append(
            [
                printable(f"{s.phase}: {s.label}" if several else s.label),
                concise(s.occupancy, s.stderr),
                _error(s.stderr),
                _error(p.stderr_model),
                f"{s.element} {percent(s.share, s.share_stderr)}",
                concise(s.multiplicity * s.occupancy, None if s.stderr is None else s.multiplicity * s.stderr),
                p.status,
            ]
        )
    return {"columns": columns, "rows": rows}


def _parameters(result: FitResult) -> Table:
    rows = [
        [printable(p.name), concise(p.value, p.stderr, 6), p.unit, p.status, printable(p.text)]
        for p in result.parameters.values()
        if p.status != "fixed" and not result.problem.rows[p.name].is_occupancy
    ]
    return {"columns": ["Parameter", "Value", "Unit", "Status", "What it is"], "rows": rows}


def comparison_answer(found: Comparison) -> dict[str, Any]:
    """Return verdict, evidence and candidates."""
    left = [f"left out: {' + '.join(sites)}: {reason}" for sites, reason in found.left_out]
    return {
        "summary": [printable(line) for line in (*found.summary, *left)],
        "table": {"columns": list(COMPARISON_COLUMNS), "rows": _texts(comparison_rows(found))},
    }


def identifiability_answer(found: Identifiability) -> dict[str, Any]:
    """Return findings and combinations."""
    return {
        "summary": [printable(line) for line in found.summary],
        "table": {"columns": list(COMBINATION_COLUMNS), "rows": _texts(combination_rows(found))},
    }


def _texts(rows: Any) -> list[list[str]]:
    return [[printable(cell) for cell in row] for row in rows]


def _error(error: float | None) -> str:
    return "" if error is None or not np.isfinite(error) else f"{error:.2g}"


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
