"""Write the tables of films of docs/measured-scans.md.

    python docs/scripts/films.py FOLDER

FOLDER holds NAME.xy and NAME-blank.xy of the films below. The table goes to standard output, in Markdown.
"""

from __future__ import annotations

import sys
import warnings
from math import hypot
from pathlib import Path

import xrdfit as xf

TRUTH = {
    "A0-clean": ("cu2se-4nm", 0.6), "A1-halo": ("cu2se-4nm", 0.6), "A2-air": ("cu2se-4nm", 0.6),
    "A3-shift": ("cu2se-4nm", 0.6), "A4-film": ("cu2se-4nm", 0.6), "A5-spike": ("cu2se-4nm", 0.6),
    "A6-cu2o": ("cu2se-4nm", 0.6), "A7-cdse": ("cu2se-4nm", 0.6), "A8-300counts": ("cu2se-4nm", 0.6),
    "A9-B": ("cu2se-4nm", 0.6), "R1-2nm": ("cu2se-2nm", 0.3), "R2-4nm-cu2o": ("cu2se-4nm", 0.6),
    "R5-5nm-CuSe1.9": ("cu2se-4nm", 0.55),
}  # fmt: skip
"""Preset and true occupancy of copper on 8c."""


def fit(folder: Path, name: str, *, guided: bool) -> xf.FitResult:
    """`xrdfit fit NAME.xy --model PRESET --engine debye --blank NAME-blank.xy [--guided]`."""
    scan, blank = (xf.read_pattern(str(folder / f"{name}{end}.xy")) for end in ("", "-blank"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xf.fit(
            xf.load_model(TRUTH[name][0]),
            scan,
            engine="debye",
            background=[xf.Chebyshev(0), xf.Blank(blank)],
            seek=("all",) if guided else (),
        )


def answer(result: xf.FitResult, true: float) -> str:
    """8c with both errors, and how many of them it is off."""
    p = result[f"{result.model.prefix(result.model.phases[0])}occ_Cu_8c"]
    pull = (p.value - true) / hypot(p.stderr, p.stderr_model)
    return f"{p.value:.3f} ± {p.stderr:.3f} ± {p.stderr_model:.3f} ({pull:+.1f})".replace("-", "−")


def main(folder: str) -> None:
    """Print a row a film."""
    print("| film | 8c, truth | first shot | what it added | advice | `--guided` | its steps |")
    print("|---|---|---|---|---|---|---|")
    for name, (_, true) in TRUTH.items():
        first, last = (fit(Path(folder), name, guided=guided) for guided in (False, True))
        advice = ", ".join(f"`{a.remedy}`" for a in first.advice[:3]) or "none"
        added, steps = (", ".join(f"`{' '.join(s.options)}`" for s in r.steps) or "nothing" for r in (first, last))
        answers = answer(first, true), answer(last, true)
        print(f"| {name} | {true:g} | {answers[0]} | {added} | {advice} | {answers[1]} | {steps} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
