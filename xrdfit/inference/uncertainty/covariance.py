"""Covariance of everything that moves, in the space of the occupancies, and what the scans leave open."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.problem import Problem

Array = NDArray[np.float64]

# Smallest eigenvalue of the information matrix with unit diagonal that still counts as determined: beyond
# it a combination of parameters is known 10⁴ times worse than each would be alone.
_SINGULAR = 1e-8


@dataclass(frozen=True)
class Covariance:
    """Covariance of everything that moves, and what the scan leaves open.

    Attributes
    ----------
    names : tuple of str
    matrix : ndarray (k, k)
        For the weights as they are; not scaled by the goodness of fit.
    undetermined : tuple of str
        Parameters that only a singular combination holds.
    without_effect : tuple of str
        Parameters that the pattern does not respond to.
    """

    names: tuple[str, ...]
    matrix: Array
    undetermined: tuple[str, ...]
    without_effect: tuple[str, ...]

    def error_of(self, slopes: Mapping[str, float]) -> float:
        """Standard error of a quantity with these derivatives by the parameters."""
        gradient = np.array([slopes.get(n, 0.0) for n in self.names])
        return float(np.sqrt(max(gradient @ self.matrix @ gradient, 0.0)))


def covariance(problem: Problem, theta: Array, held: Collection[str] = ()) -> Covariance:
    """Invert the information matrix in the space of the occupancies, with scale and background in it.

    Limits are ignored: a parameter at its bound has the error that the curvature there gives. One of `held`
    counts as fixed where the others would not be determined beside it, as a size's Gaussian share that is zero.
    """
    spread = _covariance(problem, theta, ())
    resting = [name for name in spread.undetermined if name in held]
    return _covariance(problem, theta, resting) if resting else spread


def _covariance(problem: Problem, theta: Array, fixed: Collection[str]) -> Covariance:
    jacobian = problem.full_jacobian(theta)
    jacobian[:, [i for i, name in enumerate(problem.direct) if name in fixed]] = 0.0
    names = (*problem.moving, *problem.solved)
    tangent = problem.tangent(problem.evaluate(theta).values)
    k = tangent.shape[1]
    outward = np.zeros((len(names), jacobian.shape[1]))
    outward[: len(tangent), :k] = tangent
    outward[len(tangent) :, k:] = np.eye(jacobian.shape[1] - k)
    norms = np.linalg.norm(jacobian, axis=0)
    alive = norms > 0.0  # parameters have their own units: a small column may be that of a large parameter
    norms[~alive] = 1.0
    scaled = jacobian / norms
    eigenvalues, vectors = np.linalg.eigh(scaled[:, alive].T @ scaled[:, alive])
    open_ = eigenvalues < _SINGULAR
    to_names = (outward / norms)[:, alive]
    inverse = (vectors[:, ~open_] / eigenvalues[~open_]) @ vectors[:, ~open_].T
    moved = np.abs(to_names @ vectors[:, open_]) * np.linalg.norm(jacobian @ np.linalg.pinv(outward), axis=0)[:, None]
    undetermined = [n for n, m in zip(names, moved.max(axis=1, initial=0.0), strict=True) if m > 0.1]
    # what was held still is known, not without effect
    dead = np.abs(outward[:, ~alive]).max(axis=1, initial=0.0) > 0
    return Covariance(
        names,
        to_names @ inverse @ to_names.T,
        tuple(undetermined),
        tuple(n for n, d in zip(names, dead, strict=True) if d and n not in fixed),
    )
