"""What a scan cannot rule out: errors of the occupancies by pieces that the model lacks.

The neglected pieces together are nuisances with prior sizes S = diag(s). With D their columns, P what the model cannot
imitate and r the residual, A = (S⁻² + DᵀPD)⁻¹ is the covariance of their sizes and δ = A DᵀPr their values; M is how
the occupancies move with them. The error of the model is then diag(M A Mᵀ) + (M δ)²: what the pieces may be within
their priors, and what the scan says that they are.

Physical pieces (an own B of each element, shifts, a film, another polarization, a size distribution, an error of a
total) keep priors of their own size. Empirical ones (humps, further orders of the background, narrow lines, impurities)
have one variance a kind, found where the evidence of the residual is largest (type-II likelihood; MacKay, Neural
Comput. 4, 415, 1992), so that what the scan does not ask for vanishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.inference.adequacy.neighbourhood import Neighbourhood, columns_by
from xrdfit.inference.adequacy.phase_pieces import impurity_pieces
from xrdfit.inference.adequacy.pieces import (
    Piece,
    assumption_pieces,
    background_pieces,
    intensity_pieces,
    parameter_pieces,
    spike_pieces,
)
from xrdfit.inference.uncertainty.estimate import Estimate

Array = NDArray[np.float64]

PRIORS: Mapping[str, float] = {
    "b_element": 0.5,
    "b_overall": 1.0,
    "displacement_mm": 0.1,
    "zero_deg": 0.03,
    "film": 0.5,
    "polarization": 0.02,
    "blank": 0.1,
    "anomalous_table": 1.0,
    "kalpha_ratio": 0.02,
    "size_sigma": 1.0,
    "microstrain": 0.25,
}
"""Standard deviation of each physical piece in its own unit: Å², mm, degree; of a film the part of the way to a thin
one; of what acts by its square the part of the trial's effect."""
TOTAL_PART = 0.02
"""Relative error of a total that is kept exactly."""
EMPIRICAL = ("hump", "background_order", "spike", "impurity")
_GRID = (0.0, 0.002, 0.005, 0.012, 0.03, 0.07, 0.15, 0.3, 0.6)  # of the strongest line
_SWEEPS = 3
_NOTABLE = 9.0  # Δχ² from which one narrow line or impurity is a nuisance
_MOST_NOTABLE = 12


@dataclass(frozen=True)
class ModelError:
    """Error of one quantity by the model.

    Attributes
    ----------
    total : float
        Standard error.
    by : dict of str to float
        What each kind of piece contributes.
    shift : float
        How far the quantity would move if the pieces were in the model.
    """

    total: float
    by: dict[str, float]
    shift: float


@dataclass(frozen=True)
class ModelErrors:
    """Errors of all occupancies by the model, together.

    Attributes
    ----------
    names : tuple of str
        The occupancies that move.
    kinds : tuple of str
        Kind of each piece.
    moves : ndarray, shape (n_names, n_pieces)
        How the occupancies move with the size of each piece.
    sizes : ndarray, shape (n_pieces,)
        What the scan says of the pieces.
    covariance : ndarray, shape (n_pieces, n_pieces)
        What it leaves open.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    moves: Array
    sizes: Array
    covariance: Array

    def of(self, gradient: Mapping[str, float]) -> ModelError:
        """Error of a quantity with these derivatives by the occupancies."""
        row = np.array([gradient.get(name, 0.0) for name in self.names]) @ self.moves
        shift = row * self.sizes
        variance = float(row @ self.covariance @ row + shift.sum() ** 2)
        by = {}
        for kind in dict.fromkeys(self.kinds):
            own = np.array([k == kind for k in self.kinds])
            part = float(row[own] @ self.covariance[np.ix_(own, own)] @ row[own] + shift[own].sum() ** 2)
            if part > 1e-4 * max(variance, 1e-300):
                by[kind] = part**0.5
        ranked = dict(sorted(by.items(), key=lambda item: -item[1]))
        return ModelError(max(variance, 0.0) ** 0.5, ranked, float(shift.sum()))


def model_errors(result: Estimate) -> ModelErrors:
    """Return the errors by what the model lacks, to first order.

    Parameters
    ----------
    result : FitResult
    """
    names = result.problem.occupancies.names
    hood = Neighbourhood.of(result.problem, result.theta)
    pieces = [*parameter_pieces(result), *intensity_pieces(result), *background_pieces(result)]
    pieces += assumption_pieces(result)
    kinds, priors, columns = _physical(pieces)
    empirical_kinds, empirical = _empirical(hood, pieces, result)
    direct = np.zeros((len(names), len(kinds)))
    for column, move in _totals(result):
        kinds.append("total")
        priors.append(1.0)
        columns.append(column)
        direct = np.column_stack([direct, move])
    for move in _by_weights(result, names):
        kinds.append("weights")
        priors.append(1.0)
        columns.append(np.zeros_like(hood.residual))
        direct = np.column_stack([direct, move])
    kinds += empirical_kinds
    table = np.column_stack([*columns, *empirical]) if columns or empirical else np.zeros((len(hood.residual), 0))
    rest = hood.seen(table)
    information, pull = rest.T @ rest, rest.T @ hood.residual
    scales = _evidence(np.array(kinds), np.array([*priors, *([0.0] * len(empirical))]), information, pull)
    sizes, covariance = _posterior(scales, information, pull)
    moves = hood.moves(table, names)
    moves[:, : direct.shape[1]] += direct
    return ModelErrors(tuple(names), tuple(kinds), moves, sizes, covariance)


def _physical(pieces: Sequence[Piece]) -> tuple[list[str], list[float], list[Array]]:
    kinds, priors, columns = [], [], []
    for piece in pieces:
        kind = piece.stem if piece.code == "parameter" else piece.code
        if kind in PRIORS:
            kinds.append(kind)
            priors.append(PRIORS[kind])
            columns.append(piece.columns[:, 0])
    return kinds, priors, columns


def _empirical(hood: Neighbourhood, pieces: Sequence[Piece], result: Estimate) -> tuple[list[str], list[Array]]:
    """Humps and orders everywhere; of narrow lines and impurities those that the scan shows."""
    kinds, columns = [], []
    for piece in pieces:
        if piece.code in ("hump", "background_order"):  # of the orders each is one more column than the last
            kinds.append(piece.code)
            columns.append(piece.columns[:, -1])
    for candidates in (list(spike_pieces(result)), list(impurity_pieces(result))):
        if not candidates:
            continue
        table = np.concatenate([p.columns for p in candidates], axis=1)
        gains, sizes = hood.score(table)
        for i in np.argsort(-gains)[:_MOST_NOTABLE]:
            if gains[i] > _NOTABLE and sizes[i] > 0.0:
                kinds.append(candidates[i].code)
                columns.append(table[:, i])
    return kinds, columns


def _totals(result: Estimate) -> list[tuple[Array, Array]]:
    """For each total that is kept exactly, the column and the direct move of the occupancies by its error."""
    table = result.problem.occupancies
    rules = [r for r in table.rules if r.equality]
    totals = [i for i, r in enumerate(rules) if r.counted]
    if not totals:
        return []
    rows = np.array([[r.coefficients.get(n, 0.0) for n in table.names] for r in rules])
    inverse = np.linalg.pinv(rows)
    slopes = columns_by(result.problem, result.theta, table.names)
    values = result.problem.evaluate(result.theta, derivatives=False).values
    slope = np.column_stack([slopes[n] for n in table.names])
    found = []
    for i in totals:
        atoms = sum(abs(c) * float(values[n]) for n, c in rules[i].coefficients.items())
        move = inverse[:, i] * TOTAL_PART * atoms
        found.append((slope @ move, move))
    return found


def _by_weights(result: Estimate, names: Sequence[str]) -> list[Array]:
    """How far the occupancies move under weights by the observed pattern, (n_names,), where one does by an error.

    Right weights of either kind give the same answer to a right model.
    """
    scans, problem = result.scans, result.problem
    if result.options.weights != "y_calc":
        return []
    parts = problem.evaluate(result.theta).parts
    sigmas = []
    for fitted, scan, part in zip(scans, problem.scans, parts, strict=True):
        if fitted.data.attrs.get("sigma_from", "poisson") == "file":
            sigmas.append(scan.sigma)
            continue
        more = scan.bound.background.variance(part.linear[scan.n_phases :])
        sigmas.append(np.sqrt(fitted.data["sigma"].values ** 2 + more))
    hood = Neighbourhood.of(problem.with_sigmas(sigmas), result.theta)
    rows = [hood.names.index(name) for name in names]
    move = hood.response[rows] @ (hood.span.T @ hood.residual)
    errors = [result.parameters[name].stderr for name in names]
    return [move] if any(e and abs(m) > e for e, m in zip(errors, move, strict=True)) else []


def _evidence(kinds: NDArray[np.str_], scales: Array, information: Array, pull: Array) -> Array:
    """Prior sizes, those of the empirical kinds where the evidence of the residual is largest."""
    scales = scales.copy()
    if not len(scales):
        return scales
    present = [kind for kind in EMPIRICAL if (kinds == kind).any()]
    for _ in range(_SWEEPS):
        before = scales.copy()
        for kind in present:
            own = kinds == kind
            tried = []
            for size in _GRID:
                scales[own] = size
                tried.append(_log_evidence(scales, information, pull))
            scales[own] = _GRID[int(np.argmax(tried))]
        if np.array_equal(before, scales):
            break
    return scales


def _log_evidence(scales: Array, information: Array, pull: Array) -> float:
    """Logarithm of the residual's probability, up to a constant: −½ ln|1 + S G S| + ½ bᵀS(1 + S G S)⁻¹S b."""
    use = scales > 0.0
    s = scales[use]
    matrix = np.eye(len(s)) + s[:, None] * information[np.ix_(use, use)] * s
    lower = np.linalg.cholesky(matrix)
    half = np.linalg.solve(lower, s * pull[use])
    return float(0.5 * half @ half - np.log(np.diag(lower)).sum())


def _posterior(scales: Array, information: Array, pull: Array) -> tuple[Array, Array]:
    """Sizes of the pieces and their covariance."""
    n = len(scales)
    sizes, covariance = np.zeros(n), np.zeros((n, n))
    use = scales > 0.0
    s = scales[use]
    if s.size:
        matrix = np.eye(len(s)) + s[:, None] * information[np.ix_(use, use)] * s
        inside = s[:, None] * np.linalg.inv(matrix) * s
        covariance[np.ix_(use, use)] = inside
        sizes[use] = inside @ pull[use]
    return sizes, covariance
