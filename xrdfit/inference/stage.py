"""One fit among several: its cost, and whether another pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.problem import Problem
from xrdfit.inference.adequacy.advice import Advice
from xrdfit.inference.result import FitResult
from xrdfit.model.powder import PowderModel

PAYS = 2.0
"""A piece is kept where BIC falls by more (positive evidence: Kass & Raftery, J. Am. Stat. Assoc. 90, 773, 1995)."""


@dataclass(frozen=True)
class Step:
    """A piece that was added.

    Attributes
    ----------
    options : tuple of str
        What adds it on the command line.
    text : str
        The advice in words.
    delta_chi2, delta_bic : float
        By how much χ² and BIC fell.
    alternatives : tuple of tuple of str
        Options of pieces that would have done as well.
    """

    options: tuple[str, ...]
    text: str
    delta_chi2: float
    delta_bic: float
    alternatives: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        """Return the step as a line of text."""
        told = (
            f" or {', '.join(' '.join(o) for o in self.alternatives)} (the scan cannot tell)"
            if self.alternatives
            else ""
        )
        return f"{' '.join(self.options)}{told}: χ² falls by {self.delta_chi2:.0f}, BIC by {self.delta_bic:.0f}"

    def to_dict(self) -> dict[str, Any]:
        """Return the step as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Step:
        """Return the step of `to_dict`."""
        alternatives = tuple(tuple(map(str, other)) for other in data["alternatives"])
        numbers = float(data["delta_chi2"]), float(data["delta_bic"])
        return cls(tuple(map(str, data["options"])), str(data["text"]), *numbers, alternatives)


Cost = tuple[float, int, int]
"""χ², points and parameters."""


@dataclass(frozen=True)
class Trial:
    """Where a descent ended that stands in for a whole fit."""

    problem: Problem
    theta: NDArray[np.float64]
    chi2: float

    @property
    def cost(self) -> Cost:
        """χ², points and parameters."""
        return self.chi2, self.problem.n_points, self.problem.n_varied

    @property
    def values(self) -> dict[str, float]:
        """All parameters."""
        return self.problem.evaluate(self.theta, derivatives=False).values


class Fitter(Protocol):
    """How models are fitted to the scans in question."""

    def fit(self, model: PowderModel, options: FitOptions, start: Mapping[str, float]) -> FitResult:
        """Fit, the search starting from these values."""
        ...

    def trial(self, model: PowderModel, options: FitOptions, start: Mapping[str, float], weights: Problem) -> Trial:
        """Go down from these values under the weights of another problem."""
        ...


@dataclass(frozen=True)
class Stage:
    """A fit, with the model and the options that repeat it.

    Attributes
    ----------
    pieces : tuple of Advice
        What was added to the model and the options at the beginning.
    steps : tuple of Step
        The same in words.
    """

    result: FitResult
    model: PowderModel
    options: FitOptions
    pieces: tuple[Advice, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def values(self) -> dict[str, float]:
        """Fitted parameters."""
        return {name: p.value for name, p in self.result.parameters.items()}

    def cost(self, weights: Problem) -> Cost:
        """χ² under the weights of another problem, points and parameters."""
        problem = weighted_like(self.result.problem, weights)
        chi2 = problem.evaluate(self.result.theta, derivatives=False).chi2
        return chi2, problem.n_points, problem.n_varied


def weighted_like(problem: Problem, other: Problem) -> Problem:
    """Return the problem with the weights of another of the same scans: only with equal ones is χ² compared."""
    pairs = zip(problem.scans, other.scans, strict=True)
    return problem.with_sigmas([np.interp(s.bound.two_theta, o.bound.two_theta, o.sigma) for s, o in pairs])


def gain(before: Cost, after: Cost) -> float:
    """Return by how much BIC falls for the χ² of known errors, or of the better model where that does not fit.

    Where points were left out, what they had contributed counts as explained.
    """
    (chi2, points, varied), (new_chi2, new_points, new_varied) = before, after
    scale = max(1.0, min(chi2 / max(points - varied, 1), new_chi2 / max(new_points - new_varied, 1)))
    lost = points - new_points
    added = new_varied - varied + (1 if lost > 0 else 0)
    return (chi2 - new_chi2 - lost) / scale - added * float(np.log(points))
