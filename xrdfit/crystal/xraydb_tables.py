"""XrayDB's tables, read from the file that the package ships.

`import xraydb` brings SQLAlchemy and scipy.interpolate, 0.6 s of processor time for three short look-ups; the tables
are an SQLite file with a written layout. Interpolation is XrayDB's own (`tests/oracle/test_xraydb_tables.py` compares).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BESIDE = 3  # tabulated energies on either side of the one asked for that XrayDB's spline goes through


def _rows(query: str, *values: str) -> Iterator[tuple]:
    spec = find_spec("xraydb")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("xraydb holds the tables of scattering factors. Install it", name="xraydb")
    path = Path(spec.origin).with_name("xraydb.sqlite")
    # immutable: the file may lie where nobody can write, and no lock is needed
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        yield from database.execute(query, values)


@lru_cache(maxsize=1)
def waasmaier() -> dict[str, tuple[Array, Array, float]]:
    """Coefficients of f0(s) = c + Σ a_i exp(−b_i s²) by ion: a (5,) in electrons, b (5,) in Å², c in electrons."""
    table = {}
    for ion, offset, scale, exponents in _rows("SELECT ion, offset, scale, exponents FROM Waasmaier"):
        a, b = np.array(json.loads(scale), dtype=float), np.array(json.loads(exponents), dtype=float)
        for array in (a, b):
            array.setflags(write=False)
        table[str(ion)] = (a, b, float(offset))
    return table


def chantler(element: str, energy_ev: float) -> tuple[float, float]:
    """Anomalous terms f' and f'' in electrons (Chantler, 1995), interpolated as XrayDB does.

    f' by the cubic spline through the energies next to the one asked for (its ends "not a knot"), f'' linearly in
    the logarithms.

    Parameters
    ----------
    element : str
        Symbol.
    energy_ev : float
        Photon energy in eV, within the table.
    """
    energies, f1, f2 = (
        np.array(json.loads(text))
        for text in next(_rows("SELECT energy, f1, f2 FROM Chantler WHERE element = ?", element))
    )
    at = int(np.flatnonzero(energies <= energy_ev).max())
    near = slice(max(at - _BESIDE, 0), at + _BESIDE + 1)
    x, second = energies[near], np.where(np.abs(f2[near]) < 1e-99, 1e-99, f2[near])
    return _spline(x, f1[near], energy_ev), float(np.exp(np.interp(np.log(energy_ev), np.log(x), np.log(second))))


def edges(element: str) -> tuple[float, ...]:
    """Energies of an element's absorption edges in eV (Elam, Ravel & Sieber, 2002)."""
    return tuple(float(e) for (e,) in _rows("SELECT absorption_edge FROM xray_levels WHERE element = ?", element))


def _spline(x: Array, y: Array, at: float) -> float:
    """Cubic spline through at least four points whose third derivative is continuous at the second and last but one.

    Solved for the second derivatives M: h₋M₋ + 2(h₋ + h₊)M + h₊M₊ = 6(Δ₊ − Δ₋) inside (de Boor, A Practical Guide to
    Splines, 1978, chapter IV).
    """
    h, slope, n = np.diff(x), np.diff(y) / np.diff(x), len(x)
    equations, right = np.zeros((n, n)), np.zeros(n)
    for i in range(1, n - 1):
        equations[i, i - 1 : i + 2] = h[i - 1], 2.0 * (h[i - 1] + h[i]), h[i]
        right[i] = 6.0 * (slope[i] - slope[i - 1])
    equations[0, :3] = h[1], -h[0] - h[1], h[0]
    equations[-1, -3:] = h[-1], -h[-2] - h[-1], h[-2]
    bend = np.linalg.solve(equations, right)
    i = min(max(int(np.searchsorted(x, at, side="right")) - 1, 0), n - 2)
    left, over = at - x[i], x[i + 1] - at
    cubic = (bend[i] * over**3 + bend[i + 1] * left**3) / (6.0 * h[i])
    linear = (y[i] / h[i] - bend[i] * h[i] / 6.0) * over + (y[i + 1] / h[i] - bend[i + 1] * h[i] / 6.0) * left
    return float(cubic + linear)
