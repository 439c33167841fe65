"""Bias of the Bragg engine against size: exact Debye patterns fitted with Bragg lines.

Run from the root as ``python docs/scripts/bragg_or_debye.py``; it rewrites docs/bragg-or-debye.csv and the figure.

The patterns are expectations without noise, so that a fit's deviation is the engine's bias and nothing else; the
standard errors are those of counting with 10⁴ counts at the maximum.
"""

from __future__ import annotations

import csv
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import xrdfit as xf

DOCS = Path(__file__).parents[1]
SIZES_NM = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 14.0, 20.0, 30.0)
PRESETS = ("cu2se-2nm", "cu2se-6nm")
TWO_THETA = np.arange(1251) * 0.04 + 15.0
MAXIMUM, BACKGROUND = 1e4, 300.0


def biases(preset: str, size_nm: float, shape: str) -> list[dict[str, object]]:
    """Fit the exact pattern of a sphere with Bragg lines of one shape; one row a parameter."""
    model = xf.load_model(preset)
    truth = xf.simulate(model, TWO_THETA, engine="debye", values={"size_nm": size_nm})
    scan = xf.make_pattern(TWO_THETA, truth / truth.max() * MAXIMUM + BACKGROUND)
    phase = replace(model.phases[0], shape=shape, size_nm=size_nm * (0.87 if shape == "scherrer" else 1.0))
    result = xf.fit(replace(model, phases=(phase,)), scan, engine="bragg")
    counting = max(1.0, result.statistics.chi2_reduced) ** 0.5
    true = {r.name: r.value for r in model.rows("bragg")} | {"size_nm": size_nm}
    rows: list[dict[str, object]] = []
    for name, p in result.parameters.items():
        if p.stderr is not None and name.startswith(("occ_", "a", "size_nm")):
            error = p.stderr / counting
            rows.append(
                {"preset": preset, "size_nm": size_nm, "shape": shape, "parameter": name, "true": true[name],
                 "fitted": p.value, "stderr": error, "bias_in_stderr": (p.value - true[name]) / error,
                 "r_wp": result.statistics.r_wp}
            )  # fmt: skip
    return rows


def main() -> None:
    """Compute the table and draw the figure."""
    rows = []
    for preset in PRESETS:
        for size in SIZES_NM:
            started = time.perf_counter()
            for shape in ("scherrer", "sphere"):
                rows += biases(preset, size, shape)
            print(f"{preset} {size:g} nm: {time.perf_counter() - started:.1f} s", file=sys.stderr)
    with (DOCS / "bragg-or-debye.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    draw(rows, DOCS / "bragg-or-debye.png")


def draw(rows: list[dict[str, object]], path: Path) -> None:
    """Draw bias in standard errors and the cell's bias in per cent, against size."""
    from matplotlib.figure import Figure

    colours = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
    figure = Figure(figsize=(10, 7.5), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    for column, preset in enumerate(PRESETS):
        top, bottom = axes[0, column], axes[1, column]
        own = [r for r in rows if r["preset"] == preset]
        names = list(dict.fromkeys(r["parameter"] for r in own if str(r["parameter"]).startswith("occ_")))
        for shape, style in (("scherrer", "-o"), ("sphere", "--s")):
            for colour, name in zip(colours, names, strict=False):
                line = [r for r in own if r["parameter"] == name and r["shape"] == shape]
                top.plot([r["size_nm"] for r in line], [abs(float(str(r["bias_in_stderr"]))) for r in line], style,
                         color=colour, ms=4, label=f"{str(name).removeprefix('occ_')}, {shape}")  # fmt: skip
            cell = [r for r in own if r["parameter"] == "a" and r["shape"] == shape]
            shift = [100 * (float(str(r["fitted"])) / float(str(r["true"])) - 1) for r in cell]
            bottom.plot([r["size_nm"] for r in cell], shift, style, color="black" if shape == "scherrer" else "gray",
                        ms=4, label=shape)  # fmt: skip
        top.axhline(0.5, color="gray", lw=1, ls=":", label="half a standard error")
        top.set(xscale="log", yscale="log", title=f"occupancies of {preset}", ylabel="|bias| / standard error")
        bottom.axhline(0.0, color="gray", lw=1, ls=":")
        bottom.set(xlabel="sphere diameter (nm)", ylabel="bias of the cell a (%)")
        marks = (1.5, 2, 3, 4, 6, 8, 10, 14, 20, 30)
        bottom.set_xticks(marks, labels=[f"{m:g}" for m in marks])
        bottom.minorticks_off()
        top.legend(fontsize=8)
        bottom.legend(fontsize=8)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
