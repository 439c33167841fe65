"""Weight fractions of phases from their scales, with errors, and what several scans of one sample say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.inference.uncertainty.covariance import Covariance
from xrdfit.model.powder import PowderModel

Array = NDArray[np.float64]

DISAGREE = 3.0
"""Standard errors by which weight fractions of two scans differ before it is said."""


@dataclass(frozen=True)
class WeightFractions:
    """Weight fractions of one sample.

    Attributes
    ----------
    values : dict of str to float
        By phase; they sum to 1, or are all 0 where no phase was seen.
    errors : dict of str to float or None
        None for a single phase, and where the scales do not vary.
    by_scan : tuple of dict of str to float
        What each scan says alone.
    disagree : tuple of str
        Phases of which two scans say different things.
    """

    values: dict[str, float]
    errors: dict[str, float | None]
    by_scan: tuple[dict[str, float], ...]
    disagree: tuple[str, ...]


def weight_fractions(
    models: Sequence[PowderModel],
    scales: Sequence[Sequence[str]],
    values: Mapping[str, float],
    spread: Covariance,
    inflation: float,
) -> WeightFractions:
    """Combine what the scales of every scan say of the weight fractions.

    Parameters
    ----------
    models : sequence of PowderModel
        With the fitted values, one a scan.
    scales : sequence of sequence of str
        Names of the phases' scales in each scan.
    values : Mapping[str, float]
        Of all parameters.
    spread : Covariance
    inflation : float
        Of variances.

    Notes
    -----
    In scan s the fraction of phase i is w_si = S_si M_i / Σ_j S_sj M_j, M the mass of a cell (the scale is per cell
    under either engine). Scans are averaged with the same weights for all phases, 1/Σ_i var(w_si), so that the mean
    sums to 1; its error is propagated with the full covariance of the scales. Errors of the masses are far smaller and
    left out.
    """
    names = [phase.name for phase in models[0].phases]
    found = [_of_scan(m, s, values, spread) for m, s in zip(models, scales, strict=True)]
    parts = np.array([fractions for fractions, _ in found])  # (n_scans, n_phases)
    slopes = np.array([gradient for _, gradient in found])  # (n_scans, n_phases, n_names)
    variances = np.einsum("spk,kl,spl->sp", slopes, spread.matrix, slopes)
    seen = parts.sum(axis=1) > 0.0
    shares = np.where(seen, 1.0 / np.maximum(variances.sum(axis=1), 1e-30), 0.0)
    shares = shares / shares.sum() if shares.sum() > 0.0 else np.full(len(parts), 1.0 / len(parts))
    mean, slope = shares @ parts, np.einsum("s,spk->pk", shares, slopes)
    error = np.sqrt(np.maximum(np.einsum("pk,kl,pl->p", slope, spread.matrix, slope) * inflation, 0.0))
    known = slope.any(axis=1) & (len(names) > 1)
    return WeightFractions(
        values=dict(zip(names, mean.tolist(), strict=True)),
        errors={n: float(e) if k else None for n, e, k in zip(names, error, known, strict=True)},
        by_scan=tuple(dict(zip(names, row.tolist(), strict=True)) for row in parts),
        disagree=tuple(n for i, n in enumerate(names) if _differ(parts[:, i], slopes[:, i], spread.matrix * inflation)),
    )


def _of_scan(
    model: PowderModel, scales: Sequence[str], values: Mapping[str, float], spread: Covariance
) -> tuple[Array, Array]:
    """Fractions (n_phases,) and their derivatives by the parameters of the covariance (n_phases, n_names)."""
    from gemmi import Element

    cells = np.array([sum(n * Element(e).weight for e, n in p.structure.composition().items()) for p in model.phases])
    masses = np.array([values[name] for name in scales]) * cells
    total = float(masses.sum())
    slopes = np.zeros((len(cells), len(spread.names)))
    if total <= 0.0:
        return np.zeros(len(cells)), slopes
    fractions = masses / total
    for j, name in enumerate(scales):
        if name in spread.names:
            slopes[:, spread.names.index(name)] = cells[j] * ((np.arange(len(cells)) == j) - fractions) / total
    return fractions, slopes


def _differ(fractions: Array, slopes: Array, matrix: Array) -> bool:
    """Whether two scans differ in a phase by more than their errors explain."""
    for i in range(len(fractions)):
        for j in range(i):
            apart = slopes[i] - slopes[j]
            error = float(np.sqrt(max(apart @ matrix @ apart, 0.0)))
            if error > 0.0 and abs(fractions[i] - fractions[j]) > DISAGREE * error:
                return True
    return False
