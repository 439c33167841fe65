"""Weight fractions of phases from their scales, with errors, and what several scans of one sample say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.microabsorption import VALID, brindley_factors, linear_absorption
from xrdfit.fitting.known import Known
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
    amorphous : float or None
        Share of the sample, as it was before the standard was added, that no phase accounts for.
    amorphous_error : float or None
    coarse : tuple of str
        Phases whose grains are too coarse for the correction of microabsorption.
    """

    values: dict[str, float]
    errors: dict[str, float | None]
    by_scan: tuple[dict[str, float], ...]
    disagree: tuple[str, ...]
    amorphous: float | None = None
    amorphous_error: float | None = None
    coarse: tuple[str, ...] = ()


def weight_fractions(
    models: Sequence[PowderModel],
    scales: Sequence[Sequence[str]],
    values: Mapping[str, float],
    spread: Covariance,
    inflation: float,
    standard: Mapping[str, float | Known] | None = None,
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
    standard : mapping, optional
        The phase that was added, with its weight in the mixture, per cent.

    Notes
    -----
    In scan s the fraction of phase i is w_si = S_si M_i / Σ_j S_sj M_j, M the mass of a cell (the scale is per cell
    under either engine), divided by Brindley's τ where a phase says how large its grains are. Scans are averaged with
    the same weights for all phases, 1/Σ_i var(w_si), so that the mean sums to 1; its error is propagated with the full
    covariance of the scales. Errors of the masses and of τ are far smaller and left out.
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
    amorphous: tuple[float | None, float | None] = (None, None)
    for name, added in (standard or {}).items():
        i = names.index(name)
        amorphous = _amorphous(float(mean[i]), float(error[i]), added)
    return WeightFractions(
        values=dict(zip(names, mean.tolist(), strict=True)),
        errors={n: float(e) if k else None for n, e, k in zip(names, error, known, strict=True)},
        by_scan=tuple(dict(zip(names, row.tolist(), strict=True)) for row in parts),
        disagree=tuple(n for i, n in enumerate(names) if _differ(parts[:, i], slopes[:, i], spread.matrix * inflation)),
        amorphous=amorphous[0],
        amorphous_error=amorphous[1],
        coarse=tuple(
            dict.fromkeys(name for m, s in zip(models, scales, strict=True) for name in _coarse(m, s, values))
        ),
    )


def _amorphous(share: float, error: float, added: float | Known) -> tuple[float | None, float | None]:
    """What is missing to the whole sample, (1 − c/w)/(1 − c), where c of a standard was added and w is its share."""
    c, c_error = (0.01 * added.value, 0.01 * added.error) if isinstance(added, Known) else (0.01 * added, 0.0)
    if share <= 0.0:
        return None, None
    by_share, by_added = c / share**2 / (1.0 - c), (1.0 - 1.0 / share) / (1.0 - c) ** 2
    return (1.0 - c / share) / (1.0 - c), float(np.hypot(by_share * error, by_added * c_error))


def _absorption(model: PowderModel, scales: Sequence[str], values: Mapping[str, float]) -> tuple[Array, Array]:
    """Brindley's τ of each phase, and (µ − µ̄) × diameter."""
    diameter = np.array([phase.particle_um for phase in model.phases])
    rays = model.radiation()
    if rays.neutron or not diameter.any():
        return np.ones(len(diameter)), np.zeros(len(diameter))
    volume = np.array([phase.structure.cell.volume for phase in model.phases])
    mu = np.array(
        [linear_absorption(p.structure.composition(), v, rays.lines) for p, v in zip(model.phases, volume, strict=True)]
    )
    masses = np.array([values[name] for name in scales]) * _cells(model)
    tau = brindley_factors(masses, _cells(model) / volume, mu, diameter)
    filled = masses / tau / (_cells(model) / volume)
    return tau, (mu - float(filled @ mu / max(filled.sum(), 1e-300))) * diameter


def _coarse(model: PowderModel, scales: Sequence[str], values: Mapping[str, float]) -> list[str]:
    excess = _absorption(model, scales, values)[1]
    return [p.name for p, k in zip(model.phases, excess, strict=True) if abs(k) > VALID]


def _cells(model: PowderModel) -> Array:
    """Mass of a cell of each phase, g/mol."""
    from gemmi import Element

    return np.array([sum(n * Element(e).weight for e, n in p.structure.composition().items()) for p in model.phases])


def _of_scan(
    model: PowderModel, scales: Sequence[str], values: Mapping[str, float], spread: Covariance
) -> tuple[Array, Array]:
    """Fractions (n_phases,) and their derivatives by the parameters of the covariance (n_phases, n_names)."""
    cells = _cells(model) / _absorption(model, scales, values)[0]
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
