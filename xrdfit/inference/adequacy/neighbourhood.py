"""The surroundings of a minimum, to first order: what a piece that the model lacks would change.

With J the Jacobian of everything that varies (weighted, scales and heights included), r the residual and d the change
of the pattern by a piece, P = 1 − J(JᵀJ)⁻¹Jᵀ leaves of d what nothing in the model can imitate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.problem import Problem

Array = NDArray[np.float64]

_OPEN = 1e-8  # of the largest eigenvalue of the information with unit diagonal: beyond it nothing is determined
_UNSEEN = 1e-6  # of a column's square: what the model imitates to this part is no piece of its own


@dataclass(frozen=True)
class Neighbourhood:
    """A minimum with its Jacobian in orthonormal form.

    Attributes
    ----------
    names : tuple of str
        Everything that moves or is solved for.
    residual : ndarray, shape (n,)
        (observed − calculated)/σ, restraints at the end.
    span : ndarray, shape (n, k)
        Orthonormal basis of what the model can imitate.
    response : ndarray, shape (n_names, k)
        How `names` move with the coordinates in that basis.
    """

    names: tuple[str, ...]
    residual: Array
    span: Array
    response: Array

    @classmethod
    def of(cls, problem: Problem, theta: Array) -> Neighbourhood:
        """Take the surroundings of θ."""
        jacobian = problem.full_jacobian(theta)
        tangent = problem.tangent(problem.evaluate(theta).values)
        names = (*problem.moving, *problem.solved)
        k = tangent.shape[1]
        outward = np.zeros((len(names), jacobian.shape[1]))
        outward[: len(tangent), :k] = tangent
        outward[len(tangent) :, k:] = np.eye(jacobian.shape[1] - k)
        norms = np.linalg.norm(jacobian, axis=0)
        alive = norms > 0.0
        scaled = jacobian[:, alive] / norms[alive]
        left, size, right = np.linalg.svd(scaled, full_matrices=False)
        known = size**2 > _OPEN * max(float(size[0]) ** 2, 1e-300) if size.size else np.zeros(0, dtype=bool)
        response = (outward[:, alive] / norms[alive]) @ (right[known].T / size[known])
        return cls(names, problem.evaluate(theta).residual, left[:, known], response)

    def seen(self, columns: Array) -> Array:
        """What of the columns (n, m) the model cannot imitate."""
        return columns - self.span @ (self.span.T @ columns)

    def score(self, columns: Array) -> tuple[Array, Array]:
        """Score test of each column by itself (Rao, Proc. Camb. Phil. Soc. 44, 50, 1948).

        Parameters
        ----------
        columns : ndarray, shape (n, m)

        Returns
        -------
        delta_chi2, size : ndarray, shape (m,)
            By how much χ² falls where the piece is added, (dᵀPr)²/(dᵀPd), and how much of it, dᵀPr/(dᵀPd); zeros for
            what the model can imitate already.
        """
        rest = self.seen(columns)
        squared = np.einsum("nm,nm->m", rest, rest)
        own = np.einsum("nm,nm->m", columns, columns)
        real = squared > _UNSEEN * np.maximum(own, 1e-300)
        pull = rest.T @ self.residual
        size = np.where(real, pull / np.where(real, squared, 1.0), 0.0)
        return size * pull * real, size

    def with_columns(self, columns: Array) -> Neighbourhood:
        """The surroundings with further columns (n, m) in the model; `response` answers only for the old ones."""
        rest = self.seen(columns)
        norms = np.linalg.norm(rest, axis=0)
        rest = rest[:, norms > 0.0]
        basis = np.linalg.qr(rest / norms[norms > 0.0])[0]
        response = np.hstack([self.response, np.zeros((len(self.names), basis.shape[1]))])
        return Neighbourhood(self.names, self.residual, np.hstack([self.span, basis]), response)

    def joint_score(self, columns: Array) -> float:
        """By how much χ² falls where all columns (n, m) are added together."""
        rest = self.seen(columns)
        norms = np.linalg.norm(rest, axis=0)
        rest = rest[:, norms**2 > _UNSEEN * np.maximum(np.einsum("nm,nm->m", columns, columns), 1e-300)]
        if not rest.size:
            return 0.0
        basis = np.linalg.qr(rest)[0]
        return float(np.sum((basis.T @ self.residual) ** 2))

    def moves(self, columns: Array, names: Sequence[str]) -> Array:
        """How parameters move with the size of each column, −(JᵀJ)⁻¹Jᵀd, shape (len(names), m)."""
        rows = [self.names.index(name) for name in names]
        return -self.response[rows] @ (self.span.T @ columns)


def columns_by(problem: Problem, theta: Array, names: Sequence[str]) -> dict[str, Array]:
    """Weighted derivatives of all scans by parameters of the model, whether they vary or not, shape (n,) each.

    Restraints have none: the parameters are others than those that they restrain.
    """
    evaluation = problem.evaluate(theta, derivatives=False)
    values: Mapping[str, float] = evaluation.values
    blocks = []
    for scan, part in zip(problem.scans, evaluation.parts, strict=True):
        slopes = scan.bound.jacobians(values, names)[1]
        blocks.append(np.einsum("npk,p->nk", slopes, part.linear[: scan.n_phases]) / scan.sigma[:, None])
    blocks.append(np.zeros((len(problem.restraints), len(names))))
    table = np.concatenate(blocks)
    return {name: table[:, i] for i, name in enumerate(names)}


def column_of(problem: Problem, index: int, curve: Array) -> Array:
    """A curve in counts on the grid of one scan (n_i,) or several (n_i, m) as weighted columns of the whole problem."""
    parts = []
    for i, scan in enumerate(problem.scans):
        shape = (len(scan.observed), *curve.shape[1:])
        weights = 1.0 / scan.sigma if curve.ndim == 1 else 1.0 / scan.sigma[:, None]
        parts.append(curve * weights if i == index else np.zeros(shape))
    parts.append(np.zeros((len(problem.restraints), *curve.shape[1:])))
    return np.concatenate(parts)
