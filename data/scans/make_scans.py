"""Compute the scans of this folder: the article's three models under the article's conditions, with counting noise.

    python data/scans/make_scans.py [FOLDER]

No measured pattern of the article is public; these files are computed and say so in their headers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import xrdfit
from xrdfit.model.files.read import load_model
from xrdfit.model.simulate import simulate

# file: preset and engine; the last stands for what a diffractometer sees of clusters
SCANS = {
    "cu2se-2nm": ("cu2se-2nm", "bragg"),
    "cu2se-4nm": ("cu2se-4nm", "bragg"),
    "cu2se-6nm": ("cu2se-6nm", "bragg"),
    "cu2se-2nm-debye": ("cu2se-2nm", "debye"),
}
START, STOP, STEP = 15.0, 65.0, 0.04  # degree
MAXIMUM = 5000.0  # counts expected at the highest point, background included
BACKGROUND = 300.0  # counts, flat
SEED = 2017

HEADER = """\
# COMPUTED, not measured: no pattern of the article is public.
# model: preset {preset} (White, Banerjee & Jain, Nat. Commun. 2017, table 2), every parameter as in the preset
# engine: {engine} of xrdfit {version}, anomalous terms on; radiation cu-ka (doublet); no instrumental width
# scale: {maximum:g} counts expected at the maximum, {background:g} of them flat background; Poisson noise
# seed: {seed}
# made by: python data/scans/make_scans.py
# two_theta counts
"""


def expected_counts(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return angles (degree) and the counts expected there, both of shape (1251,)."""
    two_theta = np.round(np.arange(round((STOP - START) / STEP) + 1) * STEP + START, 2)
    preset, engine = SCANS[name]
    pattern = simulate(load_model(preset), two_theta, engine=engine)
    return two_theta, pattern * (MAXIMUM - BACKGROUND) / pattern.max() + BACKGROUND


def scan_text(name: str) -> str:
    """Return the text of a scan; the same at every call."""
    preset, engine = SCANS[name]
    two_theta, expected = expected_counts(name)
    seed = SEED + list(SCANS).index(name)
    counts = np.random.default_rng(seed).poisson(expected)
    head = HEADER.format(
        preset=preset,
        engine=engine,
        version=xrdfit.__version__,
        maximum=MAXIMUM,
        background=BACKGROUND,
        seed=f"{seed} (numpy PCG64)",
    )
    return head + "".join(f"{angle:.2f} {count}\n" for angle, count in zip(two_theta, counts, strict=True))


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    for scan in SCANS:
        path = folder / f"{scan}.xy"
        path.write_text(scan_text(scan), encoding="utf-8")
        print(path)
