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

# what a drop-cast film gives: the holder's glass and air, and the clusters with displacement and thermal motion
FILM = "cu2se-2nm-film"
BLANK = f"{FILM}-blank"
FILM_PRESET = "cu2se-2nm"
FILM_VALUES = {"b_overall": 1.2, "displacement_mm": 0.08, "size_nm": 2.1}
FILM_MAXIMUM = 3000.0  # counts expected at the highest point of the film's own pattern
FILM_SEED = 4017

HEADER = """\
# COMPUTED, not measured: no pattern of the article is public.
# model: preset {preset} (White, Banerjee & Jain, Nat. Commun. 2017, table 2), every parameter as in the preset
# engine: {engine} of xrdfit {version}, anomalous terms on; radiation cu-ka (doublet); no instrumental width
# scale: {maximum:g} counts expected at the maximum, {background:g} of them flat background; Poisson noise
# seed: {seed}
# made by: python data/scans/make_scans.py
# two_theta counts
"""


FILM_HEADER = """\
# COMPUTED, not measured: no pattern of the article is public.
# {what}
# glass: 250 counts at 24 degrees, 9 degrees wide; air: 4000/two_theta; 60 counts everywhere
# radiation: cu-ka
# radius_mm: 150
# seed: {seed} (numpy PCG64); Poisson noise
# made by: python data/scans/make_scans.py
# two_theta counts
"""


def angles() -> np.ndarray:
    """Return the grid of all scans, degree, shape (1251,)."""
    return np.round(np.arange(round((STOP - START) / STEP) + 1) * STEP + START, 2)


def film_counts(blank: bool) -> np.ndarray:
    """Return the counts expected of the film, or of the empty holder, shape (1251,)."""
    two_theta = angles()
    glass = 250.0 * np.exp(-4.0 * np.log(2.0) * ((two_theta - 24.0) / 9.0) ** 2)
    holder = glass + 4000.0 / two_theta + 60.0
    if blank:
        return holder
    pattern = simulate(load_model(FILM_PRESET), two_theta, engine="debye", values=FILM_VALUES)
    return pattern * FILM_MAXIMUM / pattern.max() + holder


def film_text(blank: bool) -> str:
    """Return the text of the film's scan or of its blank."""
    values = ", ".join(f"{name} {value:g}" for name, value in FILM_VALUES.items())
    clusters = f"film of preset {FILM_PRESET} by the Debye engine of xrdfit {xrdfit.__version__} with {values}"
    head = FILM_HEADER.format(what="the empty holder" if blank else f"{clusters}, on a holder", seed=FILM_SEED + blank)
    counts = np.random.default_rng(FILM_SEED + blank).poisson(film_counts(blank))
    return head + "".join(f"{angle:.2f} {count}\n" for angle, count in zip(angles(), counts, strict=True))


def expected_counts(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return angles (degree) and the counts expected there, both of shape (1251,)."""
    two_theta = angles()
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
    for scan, blank in ((FILM, False), (BLANK, True)):
        path = folder / f"{scan}.xy"
        path.write_text(film_text(blank), encoding="utf-8")
        print(path)
