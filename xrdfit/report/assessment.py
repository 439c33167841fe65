"""The tables and files of what was asked beyond the fit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path

from xrdfit.inference.further import Assessment
from xrdfit.inference.systematics import Systematics
from xrdfit.report.numbers import plain

OUTPUTS = ("assessment.json", "corner.png", "samples.nc")
"""What `write` may write."""


TableText = tuple[str, Sequence[str], Sequence[Sequence[str]], Sequence[int]]
"""Title, columns, rows, and which columns hold numbers."""


def tables(assessment: Assessment) -> Iterator[TableText]:
    """Yield the tables of what there is."""
    if assessment.systematics is not None:
        yield _systematics(assessment.systematics)
    if assessment.feldman_cousins is not None:
        yield _intervals("Feldman–Cousins intervals", assessment.feldman_cousins)
    if assessment.posterior is not None:
        chain = assessment.posterior
        names = [str(n) for n in chain.samples]
        found = {n: {"68 %": chain.interval(n), "95 %": chain.interval(n, 0.95)} for n in names}
        yield _intervals(f"Posterior ({chain.message})", found)


def write(assessment: Assessment, directory: Path) -> None:
    """Write assessment.json and, of a posterior, corner.png and samples.nc; nothing where nothing was asked."""
    if not assessment.asked:
        return
    text = json.dumps(plain(assessment.to_dict()), indent=2, ensure_ascii=False, allow_nan=False)
    (directory / "assessment.json").write_text(text + "\n", encoding="utf-8", newline="")
    if assessment.posterior is not None:
        from xrdfit.report.posterior_figure import png

        (directory / "corner.png").write_bytes(png(assessment.posterior))
        assessment.posterior.samples.to_netcdf(directory / "samples.nc", engine="h5netcdf")


def _intervals(title: str, intervals: Mapping[str, Mapping[str, tuple[float, float] | None]]) -> TableText:
    rows = [
        [n, *("–" if ends is None else f"{ends[0]:.5g} to {ends[1]:.5g}" for ends in found.values())]
        for n, found in intervals.items()
    ]
    return title, ("Quantity", "68 %", "95 %"), rows, (1, 2)


def _systematics(found: Systematics) -> TableText:
    rows = []
    for v in found.variations:
        shifts = found.in_errors(v)
        cells = [f"{shifts[n]:+.1f}" if n in shifts else "–" for n in found.names]
        quality = f"{v.chi2_reduced:.3g}" + ("" if v.combined else " (not combined)")
        rows.append([v.name, *cells, quality if v.shifts else v.note])
    rows.append(["esd", *(f"{found.stderr[n]:.2g}" for n in found.names), ""])
    combined = [found.combined[n] for n in found.names]
    rows.append(["combined error", *(f"{c:.2g}" if isfinite(c) else "–" for c in combined), ""])
    numeric = range(1, 1 + len(found.names))
    title = "Systematic shifts" if found.complete else f"Systematic shifts, interrupted after {len(rows) - 2} refits"
    return title, ("Shift in esd", *found.names, "χ² (reduced)"), rows, numeric
