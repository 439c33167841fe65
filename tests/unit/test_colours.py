"""Colours that stand side by side are told apart with every kind of colour vision, and from the page.

Dichromats see what the matrices of Machado, Oliveira & Fernandes (IEEE Trans. Vis. Comput. Graph. 15, 1291, 2009, full
severity) make of linear sRGB; differences are distances in CIELAB, of which 2.3 is just noticeable in areas that touch.
Contrast is that of the Web Content Accessibility Guidelines, which ask for 3 of what is drawn.
"""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

from xrdfit.report import figures
from xrdfit.series import figures as series_figures

SIGHTS = {
    "all cones": np.eye(3),
    "protanope": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranope": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanope": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
APART = 12.0  # five times that
CONTRAST = 3.0


def linear(colour: str) -> np.ndarray:
    """Linear sRGB, (3,)."""
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(colour: str, sight: str) -> np.ndarray:
    """CIELAB of a colour as somebody sees it, white of D65."""
    seen = np.clip(np.asarray(SIGHTS[sight]) @ linear(colour), 0.0, 1.0)
    t = TO_XYZ @ seen / TO_XYZ.sum(axis=1)
    f = np.where(t > 216.0 / 24389.0, np.cbrt(t), 841.0 / 108.0 * t + 4.0 / 29.0)
    return np.array([116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    dark, bright = sorted(float(TO_XYZ[1] @ linear(c)) for c in (one, other))
    return (bright + 0.05) / (dark + 0.05)


def themes(package: str, name: str) -> list[dict[str, str]]:
    """Colours of a style sheet by name, for each of its themes."""
    text = files(package).joinpath("static", name).read_text(encoding="utf-8")
    blocks = re.findall(r"\{([^{}]*--page[^{}]*)\}", text)
    return [dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})\b", block)) for block in blocks]


def palettes() -> dict[str, tuple[list[str], str | None]]:
    """Colours that stand side by side, and the page where they have to stand out from it."""
    curves = [figures.OBSERVED, figures.CALCULATED, figures.BACKGROUND, figures.DIFFERENCE]
    found: dict[str, tuple[list[str], str | None]] = {
        "curves of the picture": (curves, "#ffffff"),
        "phases of the picture": (list(figures.PHASES), None),
        "a series": (list(series_figures.COLOURS), None),
    }
    for k, theme in enumerate(themes("xrdfit.report", "fitplot.css")):
        curves = [theme[name] for name in ("observed", "calculated", "background", "difference")]
        found[f"curves of the report {k}"] = (curves, theme["panel"])
        found[f"phases of the report {k}"] = ([theme[f"phase-{i}"] for i in range(6)], theme["panel"])
    for k, theme in enumerate(t for t in themes("xrdfit.explore", "style.css") if "site-0" in t):
        found[f"curves of the page {k}"] = ([theme[name] for name in ("bragg", "debye", "scan")], theme["panel"])
        found[f"sites of the page {k}"] = ([theme[f"site-{i}"] for i in range(8)], theme["panel"])
    return found


def test_every_theme_is_looked_at():
    assert len(palettes()) == 3 + 2 * 2 + 3 * 2


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("name", palettes())
def test_colours_side_by_side_are_told_apart(name, sight):
    colours, _ = palettes()[name]
    for one, other in combinations(colours, 2):
        assert np.linalg.norm(lab(one, sight) - lab(other, sight)) > APART, (one, other)


@pytest.mark.parametrize("name", [name for name, (_, page) in palettes().items() if page])
def test_colours_stand_out_from_the_page(name):
    colours, page = palettes()[name]
    assert page is not None
    for colour in colours:
        assert contrast(colour, page) >= CONTRAST, colour
