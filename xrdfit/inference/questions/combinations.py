"""Combinations of occupancies that a scan determines, put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DEGENERATE_CORRELATION = 0.95
"""Two sites are a degenerate pair where their atoms are anticorrelated by more than this …"""
OPEN_SPLIT = 0.1
"""… and the difference between them is less certain than this part of their sum."""
UNDETERMINED = 0.5
"""A combination is not determined where its error exceeds this part of it."""

KNOWN_SUM = 0.3
"""… and the sum is known better than the difference by this factor."""

_FLOOR = 1e-14  # of the largest eigenvalue: below is rounding
_LARGEST_INTEGER = 12
_SAME_ERROR = 1.25
_SAME_DIRECTION = 0.99


@dataclass(frozen=True)
class Combination:
    """A combination of occupancies with its error.

    Attributes
    ----------
    coefficients : dict of str to float
        By occupancy, written in `text` to three digits; sites left out there have next to no part in it.
    value, stderr : float
        Of the combination.
    relative : float
        Standard error over Σ |coefficient|·occupancy.
    text : str
        The combination in symbols, "8c + 3·24e".
    """

    coefficients: dict[str, float]
    value: float
    stderr: float
    relative: float
    text: str

    @property
    def determined(self) -> bool:
        """Whether the scan says anything about it."""
        return self.relative < UNDETERMINED


@dataclass(frozen=True)
class DegeneratePair:
    """Two sites that the scan does not tell apart.

    Attributes
    ----------
    first, second : str
        Their occupancies.
    correlation : float
        Of the atoms on them.
    sum_relative, split_relative : float
        Errors of the sum and of the difference of their atoms, over the sum.
    """

    first: str
    second: str
    correlation: float
    sum_relative: float
    split_relative: float


def combinations_of(
    information: Array, basis: Array, atoms: Mapping[str, int], occupancies: Mapping[str, float]
) -> tuple[Combination, ...]:
    """Return the eigenvectors of the information matrix as combinations, best determined first.

    Parameters
    ----------
    information : ndarray, shape (k, k)
    basis : ndarray, shape (n, k)
        Orthonormal, in atoms per cell.
    atoms : Mapping[str, int]
        Multiplicities, in the order of the basis.
    occupancies : Mapping[str, float]
    """
    eigenvalues, vectors = np.linalg.eigh(information)
    covariance = _covariance(eigenvalues, vectors, basis)
    names = list(atoms)
    out = []
    for i in reversed(range(len(eigenvalues))):
        direction = basis @ vectors[:, i]
        error = 1.0 / np.sqrt(max(eigenvalues[i], _least(eigenvalues)))
        per_occupancy = _readable(direction, float(error), covariance, np.array([atoms[n] for n in names]))
        out.append(_combination(dict(zip(names, per_occupancy.tolist(), strict=True)), atoms, occupancies, covariance))
    return tuple(out)


def degenerate_pairs(
    information: Array, basis: Array, atoms: Mapping[str, int], occupancies: Mapping[str, float]
) -> tuple[DegeneratePair, ...]:
    """Return the pairs of sites of which only the sum is known; parameters as for `combinations_of`."""
    covariance = _covariance(*np.linalg.eigh(information), basis)
    names = list(atoms)
    pairs = []
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            v_i, v_j, c = covariance[i, i], covariance[j, j], covariance[i, j]
            correlation = c / np.sqrt(v_i * v_j) if v_i * v_j > 0 else 0.0
            total = atoms[names[i]] * occupancies[names[i]] + atoms[names[j]] * occupancies[names[j]]
            scale = max(total, 1e-3)
            split = float(np.sqrt(max(v_i + v_j - 2 * c, 0.0))) / scale
            together = float(np.sqrt(max(v_i + v_j + 2 * c, 0.0))) / scale
            # two sites that share out a total are anticorrelated by construction, yet well known; and a site that is
            # uncertain by itself takes others along without their sum being known
            if correlation < -DEGENERATE_CORRELATION and split > OPEN_SPLIT and together < KNOWN_SUM * split:
                pairs.append(DegeneratePair(names[i], names[j], float(correlation), together, split))
    return tuple(sorted(pairs, key=lambda p: -p.split_relative))


def short_names(names: list[str]) -> dict[str, str]:
    """Return what a site is called in a sentence: "8c", or its label where several sites are 8c."""
    bare = {n: n.replace("occ_", "") for n in names}
    wyckoff = {n: b.rpartition("__")[2].split("_")[1] for n, b in bare.items()}
    unique = [w for w in wyckoff.values() if list(wyckoff.values()).count(w) == 1]
    return {n: wyckoff[n] if wyckoff[n] in unique and "__" not in n else bare[n] for n in names}


def _least(eigenvalues: Array) -> float:
    """Least eigenvalue that is told from zero."""
    return max(_FLOOR * float(eigenvalues.max()), 1e-200)


def _covariance(eigenvalues: Array, vectors: Array, basis: Array) -> Array:
    """Covariance of the atoms on the sites, shape (n, n)."""
    directions = basis @ vectors
    return directions / np.maximum(eigenvalues, _least(eigenvalues)) @ directions.T


def _readable(direction: Array, error: float, covariance: Array, multiplicity: Array) -> Array:
    """Coefficients of the occupancies: small integers where these say the same, shape (n,).

    They say the same where they point the same way and are known as well as the direction itself: a combination
    that is fixed to a per mille must not be rounded into one that is not.
    """
    exact = direction * multiplicity
    exact = exact * (np.sign(exact[np.abs(exact) > 0.02 * np.abs(exact).max()][0]) / np.abs(exact).max())
    for largest in range(1, _LARGEST_INTEGER + 1):
        rounded = np.round(exact * largest)
        plain = rounded / multiplicity
        length = np.linalg.norm(plain)
        aligned = float(np.abs(plain @ direction) / length)
        spread = float(np.sqrt(plain @ covariance @ plain)) / length
        if aligned > _SAME_DIRECTION and error / _SAME_ERROR < spread < error * _SAME_ERROR:
            return rounded / gcd(*rounded.astype(int).tolist())
    return exact / np.abs(exact[np.abs(exact) > 0.02]).min()


def _combination(
    coefficients: dict[str, float], atoms: Mapping[str, int], occupancies: Mapping[str, float], covariance: Array
) -> Combination:
    names = list(atoms)
    row = np.array([coefficients[n] / atoms[n] for n in names])
    stderr = float(np.sqrt(max(row @ covariance @ row, 0.0)))
    value = sum(c * occupancies[n] for n, c in coefficients.items())
    size = sum(abs(c) * occupancies[n] for n, c in coefficients.items())
    kept = {n: c for n, c in coefficients.items() if c}
    return Combination(kept, value, stderr, stderr / size if size > 1e-9 else np.inf, _symbols(kept, names))


def _symbols(coefficients: Mapping[str, float], names: list[str]) -> str:
    called = short_names(names)
    text = ""
    shown = {n: c for n, c in coefficients.items() if abs(c) > 0.01 * max(abs(d) for d in coefficients.values())}
    for name, c in shown.items():
        sign = " − " if c < 0 else " + "
        number = f"{abs(c):.3g}"
        factor = "" if number == "1" else f"{number}·"
        text += (sign if text else sign.strip() if c < 0 else "") + factor + called[name]
    return text
