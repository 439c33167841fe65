"""What the page has to know of X-rays: lines of tubes, form factors, and f′ and f″ at every wavelength it offers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from xrdfit.crystal.radiation import HC, Radiation, radiation
from xrdfit.crystal.scattering import anomalous, f0_coefficients, split_species

TUBES = (
    ("cu-ka", "Cu Kα"),
    ("cu-ka1", "Cu Kα1"),
    ("co-ka", "Co Kα"),
    ("fe-ka", "Fe Kα"),
    ("cr-ka", "Cr Kα"),
    ("mo-ka", "Mo Kα"),
    ("mo-ka1", "Mo Kα1"),
    ("ag-ka", "Ag Kα"),
)
"""Names of radiations and what the page calls them."""

WAVELENGTHS = (0.4, 2.5, 0.005)
"""First, last and step of the wavelengths that the page offers, Å.

The slider stands on these only: f′ and f″ vary too quickly near an edge to be interpolated.
"""


def packed(values: ArrayLike, kind: str) -> str:
    """Return numbers as base64 of little-endian bytes; `kind` is "f4", "f8", "i2" or "u2"."""
    return b64encode(np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()).decode("ascii")


def wavelengths() -> np.ndarray:
    """Return the wavelengths that the page offers, Å."""
    first, last, step = WAVELENGTHS
    return np.round(first + step * np.arange(round((last - first) / step) + 1), 6)


def radiation_table(rays: Radiation, title: str, elements: Iterable[str]) -> dict[str, Any]:
    """Return the lines of a radiation with f′ and f″ of the elements at each."""
    wanted = list(elements)
    return {
        "name": rays.name,
        "title": title,
        "lines": [
            {
                "wavelength": line.wavelength,
                "weight": line.weight,
                "anomalous": {element: _pair(anomalous(element, line.energy_ev)) for element in wanted},
            }
            for line in rays.lines
        ],
    }


def tubes(elements: Iterable[str]) -> list[dict[str, Any]]:
    """Return the radiations that the page offers by name."""
    wanted = list(elements)
    return [radiation_table(radiation(name), title, wanted) for name, title in TUBES]


def wavelength_table(elements: Iterable[str]) -> dict[str, Any]:
    """Return f′ and f″ of the elements at all wavelengths that the page offers."""
    first, _, step = WAVELENGTHS
    return {
        "first": first,
        "step": step,
        "count": len(wavelengths()),
        "anomalous": {element: packed(_curve(element), "f4") for element in elements},
    }


def species_table(species: Iterable[str]) -> dict[str, Any]:
    """Return the coefficients of f0 by species."""
    table = {}
    for name in species:
        a, b, c = f0_coefficients(name)
        table[name] = {"element": split_species(name)[0], "a": a.tolist(), "b": b.tolist(), "c": c}
    return table


def _pair(value: complex) -> list[float]:
    return [value.real, value.imag]


@lru_cache(maxsize=128)
def _curve(element: str) -> np.ndarray:
    # one by one: XrayDB's spline through an array of energies differs from the one through a single energy
    return np.array([_pair(anomalous(element, HC / wavelength)) for wavelength in wavelengths()])
