"""The figure and table of docs/intervals.md from what ``xrdfit calibrate-intervals --json`` printed.

xrdfit calibrate-intervals --engine bragg --scans 4000 --seed 31 --json > bragg.json
xrdfit calibrate-intervals --engine debye --scans 4000 --seed 31 --json > debye.json
python docs/scripts/coverage_figure.py bragg.json debye.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

DOCS = Path(__file__).parents[1]
LEVELS = (0.6827, 0.95)
ALLOWED = {0.6827: 3.0, 0.95: 1.5}  # percentage points, grey in the figure
COLOURS = {"profile": "#0072B2", "Feldman-Cousins": "#D55E00"}
PLACES = {"far": "2 errors or more from a bound", "near": "nearer to a bound"}


def label(row: dict[str, Any]) -> str:
    """One line of the figure."""
    return f"{row['engine'].capitalize()}, {PLACES[row['place']]}"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw covered fractions with their binomial errors, a panel a level."""
    labels = list(dict.fromkeys(label(r) for r in rows))
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    panels = figure.subplots(1, len(LEVELS), sharey=True)
    for axes, level in zip(panels, LEVELS, strict=True):
        axes.axvline(100 * level, color="gray", lw=1)
        axes.axvspan(100 * level - ALLOWED[level], 100 * level + ALLOWED[level], color="gray", alpha=0.15, lw=0)
        for kind, offset in (("profile", -0.12), ("Feldman-Cousins", 0.12)):
            own = [r for r in rows if r["kind"] == kind and abs(r["level"] - level) < 1e-6]
            axes.errorbar(
                [100 * r["covered"] for r in own], [labels.index(label(r)) + offset for r in own],
                xerr=[100 * (r["level"] * (1 - r["level"]) / max(r["trials"], 1)) ** 0.5 for r in own],
                fmt="o", color=COLOURS[kind], label=kind, capsize=3,
            )  # fmt: skip
        axes.set(xlabel="truths inside the interval (%)", title=f"{100 * level:.0f} % intervals")
    panels[0].set_yticks(range(len(labels)), labels)
    panels[0].invert_yaxis()
    panels[0].legend(loc="upper right", fontsize=8)
    figure.savefig(path, dpi=150)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as Markdown."""
    head = "| engine | truth | interval | level | occupancies | inside |\n|---|---|---|---|---|---|"
    lines = [
        f"| {r['engine']} | {PLACES[r['place']]} | {r['kind']} | {100 * r['level']:.0f} % | {r['trials']} | "
        f"{100 * r['covered']:.1f} ± {100 * (r['level'] * (1 - r['level']) / max(r['trials'], 1)) ** 0.5:.1f} % |"
        for r in rows
    ]
    return "\n".join([head, *lines])


if __name__ == "__main__":
    found = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    all_rows = [row for each in found for row in each["coverage"]]
    draw(all_rows, DOCS / "coverage.png")
    print(table(all_rows))
