"""What each of several scans adds: errors by one scan alone and without it, from the blocks' Jacobians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.problem import Problem
from xrdfit.inference.result import FitResult

Array = NDArray[np.float64]

# Smallest eigenvalue of an information matrix with unit diagonal that counts as determined, as in the covariance.
_SINGULAR = 1e-8
_PART = 1e-3  # of a quantity's gradient in what is not determined


@dataclass(frozen=True)
class ScanShare:
    """What one of several scans adds.

    Attributes
    ----------
    label : str
    alone, without : dict of str to float
        Standard errors of the occupancies by this scan alone, and by all the others; infinite where not determined.
        Restraints and totals count in both.
    """

    label: str
    alone: dict[str, float]
    without: dict[str, float]


@dataclass(frozen=True)
class Information:
    """Information matrices of the independent parameters, a scan at a time; they add up.

    Attributes
    ----------
    scans : tuple of ndarray, shape (k, k)
        JᵀJ of each scan's rows of the Jacobian.
    known : ndarray, shape (k, k)
        That of the restraints.
    gradients : Mapping[str, ndarray]
        Derivatives (k,) of the parameters by the independent ones.
    """

    scans: tuple[Array, ...]
    known: Array
    gradients: Mapping[str, Array]

    def error(self, name: str, weights: Sequence[float]) -> float:
        """Standard error of a parameter when scan s is counted `weights[s]` times as long; infinite if undetermined."""
        total = self.known + sum(w * part for w, part in zip(weights, self.scans, strict=True))
        return error_of(total, self.gradients[name])


def error_of(information: Array, gradient: Array) -> float:
    """√(gᵀ F⁻¹ g), infinite where the gradient reaches into what F leaves open."""
    sizes = np.sqrt(np.diag(information))
    alive = sizes > 0.0
    if (gradient[~alive] != 0.0).any():
        return float("inf")
    scaled = information[np.ix_(alive, alive)] / np.outer(sizes[alive], sizes[alive])
    eigenvalues, vectors = np.linalg.eigh(scaled)
    along = vectors.T @ (gradient[alive] / sizes[alive])
    open_ = eigenvalues < _SINGULAR
    if np.linalg.norm(along[open_]) > _PART * np.linalg.norm(along):
        return float("inf")
    return float(np.sqrt(np.sum(along[~open_] ** 2 / eigenvalues[~open_])))


def information_of(problem: Problem, theta: Array) -> Information:
    """Return the information of each scan at the minimum, for the weights as they are."""
    jacobian = problem.full_jacobian(theta)
    tangent = problem.tangent(problem.evaluate(theta).values)
    ends = np.cumsum([len(scan.observed) for scan in problem.scans])
    parts = np.split(jacobian, ends)
    width, first = jacobian.shape[1], tangent.shape[1]
    gradients = {name: np.concatenate([row, np.zeros(width - first)]) for name, row in
                 zip(problem.moving, tangent, strict=True)}  # fmt: skip
    gradients |= {name: np.eye(width)[first + i] for i, name in enumerate(problem.solved)}
    return Information(tuple(part.T @ part for part in parts[:-1]), parts[-1].T @ parts[-1], gradients)


def shares_of_scans(result: FitResult) -> tuple[ScanShare, ...]:
    """Return what each scan of a result adds to its occupancies; nothing for a single scan."""
    if len(result.scans) == 1:
        return ()
    information = information_of(result.problem, result.theta)
    names = [n for n in result.problem.occupancies.names if information.gradients[n].any()]
    factor = float(np.sqrt(result.inflation))
    count = len(result.scans)
    found = []
    for i, scan in enumerate(result.scans):
        only = [float(j == i) for j in range(count)]
        rest = [float(j != i) for j in range(count)]
        alone, without = ({n: factor * information.error(n, weights) for n in names} for weights in (only, rest))
        found.append(ScanShare(scan.label, alone, without))
    return tuple(found)
