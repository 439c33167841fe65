"""The texts of a saved result: its numbers as JSON and CSV, its structure as CIF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xrdfit.inference.result import FitResult
from xrdfit.plaintext import csv_text
from xrdfit.report.numbers import plain

_COLUMNS = ("name", "value", "stderr", "stderr_model", "stderr_serial", "lower", "upper", "unit", "status", "text")


def to_json(result: FitResult) -> str:
    """Return result.json (schema 1); numbers that are not finite are null."""
    return json.dumps(plain(result.to_dict()), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def parameters_csv(result: FitResult) -> str:
    """Return parameters.csv, one parameter a row; cells of what did not vary are empty."""
    rows = ([getattr(p, column) for column in _COLUMNS] for p in result.parameters.values())
    return csv_text(_COLUMNS, (map(plain, row) for row in rows))


def refined_cif(result: FitResult) -> str:
    """Return the refined structures as CIF, a block a phase, with standard uncertainties.

    B of a site is `b_overall` + `b_<label>`, as in the calculated pattern.
    """
    from xrdfit.crystal.cif import write_cif

    blocks = []
    for phase in result.model.phases:
        structure = phase.structure.with_values(
            b_iso={s.label: s.b_iso + phase.b_overall for s in phase.structure.sites if s.shares is None}
        )
        # of what several scans have for themselves, the first one's
        own = {
            row.own_name: name
            for name, row in result.problem.rows.items()
            if row.phase == result.model.label(phase) and row.scan in ("", result.scans[0].label)
        }
        esds = {bare: error for bare, name in own.items() if (error := result.parameters[name].stderr) is not None}
        for site in structure.sites:
            names = [own[bare] for bare in ("b_overall", f"b_{site.label}") if bare in own]
            spread = _error_of_sum(result, names)
            if spread > 0.0:
                esds[f"b_{site.label}"] = spread
        blocks.append(write_cif(replace(structure, name=phase.name), None, esds))
    return "\n".join(blocks)


def _error_of_sum(result: FitResult, names: Sequence[str]) -> float:
    """Standard error of a sum of parameters, from their covariance."""
    rows = [result.covariance_names.index(n) for n in names if n in result.covariance_names]
    return float(np.sqrt(max(result.covariance[np.ix_(rows, rows)].sum(), 0.0)))
