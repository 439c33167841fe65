"""The least-squares problem of one scan: what moves, what follows, and what is solved exactly.

Scales and background coefficients enter linearly and are solved for inside each evaluation (variable
projection: Golub & Pereyra, SIAM J. Numer. Anal. 10, 413, 1973; Jacobian after Kaufman, BIT 15, 49, 1975).
The optimizer moves a vector θ of the other parameters and of occupancy shares within 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.model.composition import OccupancyMap
from xrdfit.model.powder import BoundModel
from xrdfit.model.ties import Tie

Array = NDArray[np.float64]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Evaluation:
    """The problem at one θ.

    Attributes
    ----------
    values : dict of str to float
        Every parameter, linear ones included.
    residual : ndarray, shape (n,)
        (observed − calculated) / σ.
    jacobian : ndarray, shape (n, n_theta)
        Its derivatives by θ along the solution of the linear part; empty where none was asked for.
    chi2 : float
        Sum of the squared residuals.
    calculated, background : ndarray, shape (n,)
        In counts.
    """

    values: dict[str, float]
    residual: Array
    jacobian: Array
    chi2: float
    calculated: Array
    background: Array


@dataclass
class _Memory:
    """The last point with derivatives: a minimum is looked at several times.

    Attributes
    ----------
    patterns : tuple or None
        Values of all parameters but the linear ones, then what `BoundModel.jacobians` returns there.
    evaluation : tuple or None
        θ, then the evaluation there.
    """

    patterns: tuple[tuple[float, ...], Array, Array] | None = None
    evaluation: tuple[Array, Evaluation] | None = None


@dataclass(frozen=True)
class Problem:
    """One scan, one bound model, and the choice of what varies.

    Attributes
    ----------
    bound : BoundModel
    observed, sigma : ndarray, shape (n,)
        Counts and their standard errors.
    base : Mapping[str, float]
        Values of all parameters; those that move are replaced.
    others : tuple of str
        Non-linear parameters that vary, beside occupancies.
    logs : ndarray of bool
        Which of `others` move on a logarithmic scale.
    occupancies : OccupancyMap
        The occupancies that vary or follow.
    ties : tuple of Tie
        Parameters that follow, in an order in which each only needs those before it.
    lower, upper, step : ndarray, shape (n_theta,)
        Limits of θ and the optimizer's yardstick.
    linear : tuple of str
        Names of scales and background coefficients, phases first.
    linear_varies : ndarray of bool
        Which of them are solved for; the others keep their base value.
    """

    bound: BoundModel
    observed: Array
    sigma: Array
    base: Mapping[str, float]
    others: tuple[str, ...]
    logs: NDArray[np.bool_]
    occupancies: OccupancyMap
    ties: tuple[Tie, ...]
    lower: Array
    upper: Array
    step: Array
    linear: tuple[str, ...]
    linear_varies: NDArray[np.bool_]
    _memory: _Memory = field(default_factory=_Memory, init=False, repr=False, compare=False)

    @property
    def moving(self) -> tuple[str, ...]:
        """Names of all non-linear parameters that θ moves."""
        return (*self.others, *self.occupancies.names, *(t.target for t in self.ties))

    @property
    def n_varied(self) -> int:
        """Number of independent parameters, the linear ones included."""
        return len(self.others) + len(self.occupancies.free) + int(self.linear_varies.sum())

    def with_sigma(self, sigma: Array) -> Problem:
        """Return the problem with other weights."""
        other = replace(self, sigma=sigma)
        other._memory.patterns = self._memory.patterns
        return other

    def theta(self, values: Mapping[str, float]) -> Array:
        """θ of parameter values (n_theta,), moved within the limits."""
        plain = np.array([values[n] for n in self.others])
        plain[self.logs] = np.log(np.maximum(plain[self.logs], 1e-12))
        shares = self.occupancies.shares(np.array([values[n] for n in self.occupancies.names]))
        return np.clip(np.concatenate([plain, shares]), self.lower, self.upper)

    def expand(self, theta: Array) -> tuple[dict[str, float], Array]:
        """Values of all parameters, and d(moving)/dθ with shape (n_moving, n_theta)."""
        k = len(self.others)
        plain = np.where(self.logs, np.exp(np.where(self.logs, theta[:k], 0.0)), theta[:k])
        occupancy, slope = self.occupancies.derivative(theta[k:])
        values = dict(self.base)
        values.update(zip(self.others, plain.tolist(), strict=True))
        values.update(zip(self.occupancies.names, occupancy.tolist(), strict=True))
        return values, self._slopes(values, np.where(self.logs, plain, 1.0), slope)

    def tangent(self, values: Mapping[str, float]) -> Array:
        """d(moving)/d(independent parameters): unit steps of `others`, then the directions that totals leave open."""
        return self._slopes(dict(values), np.ones(len(self.others)), self.occupancies.tangent)

    def _slopes(self, values: dict[str, float], plain: Array, occupancy: Array) -> Array:
        k, m = len(self.others), len(self.occupancies.names)
        slopes = np.zeros((k + m + len(self.ties), k + occupancy.shape[1]))
        slopes[range(k), range(k)] = plain
        slopes[k : k + m, k:] = occupancy
        row = {name: i for i, name in enumerate(self.moving)}
        for i, tie in enumerate(self.ties, start=k + m):
            values[tie.target], gradient = tie.evaluate(values)
            for name, slope in gradient.items():
                if name in row:
                    slopes[i] += slope * slopes[row[name]]
        return slopes

    def evaluate(self, theta: Array, derivatives: bool = True) -> Evaluation:
        """Solve the linear part at θ and return residual and, on request, Jacobian."""
        known = self._memory.evaluation
        if known is not None and np.array_equal(known[0], theta):
            return known[1]
        evaluation = self._evaluate(theta, derivatives)
        if derivatives:
            self._memory.evaluation = theta.copy(), evaluation
        return evaluation

    def _evaluate(self, theta: Array, derivatives: bool) -> Evaluation:
        values, chain = self.expand(theta)
        patterns, slopes = self.patterns(values, derivatives)
        coefficients, basis = self._solve_linear(patterns)
        values.update(zip(self.linear, coefficients.tolist(), strict=True))
        n_phases = patterns.shape[1]
        background = self.bound.background @ coefficients[n_phases:]
        calculated = patterns @ coefficients[:n_phases] + background
        residual = (self.observed - calculated) / self.sigma
        jacobian = np.empty((len(residual), 0))
        if derivatives:
            jacobian = -np.einsum("npk,p->nk", slopes, coefficients[:n_phases]) @ chain / self.sigma[:, None]
            before = np.linalg.norm(jacobian, axis=0)
            jacobian -= basis @ (basis.T @ jacobian)
            # a parameter that acts as a scale does is not moved by what rounding leaves of its effect
            jacobian[:, np.linalg.norm(jacobian, axis=0) < _ROUNDING * before] = 0.0
        return Evaluation(values, residual, jacobian, float(residual @ residual), calculated, background)

    def full_jacobian(self, values: Mapping[str, float]) -> Array:
        """d(calculated/σ) by every independent parameter: those of `tangent`, then the linear ones that vary."""
        patterns, slopes = self.patterns(values)
        scales = np.array([values[n] for n in self.linear[: patterns.shape[1]]])
        nonlinear = np.einsum("npk,p->nk", slopes, scales) @ self.tangent(values)
        design = np.column_stack([patterns, self.bound.background])[:, self.linear_varies]
        return np.column_stack([nonlinear, design]) / self.sigma[:, None]

    def patterns(self, values: Mapping[str, float], derivatives: bool = True) -> tuple[Array, Array]:
        """`BoundModel.jacobians` by `moving`; the derivatives are empty where none are asked for or known.

        Asked for again at the same values, they are not computed again.
        """
        linear = set(self.linear)
        at = tuple(value for name, value in values.items() if name not in linear)
        known = self._memory.patterns
        if known is None or known[0] != at:
            if not derivatives:
                return self.bound.patterns(values), np.empty((0, 0, 0))
            known = self._memory.patterns = at, *self.bound.jacobians(values, self.moving)
        return known[1:]

    def _solve_linear(self, patterns: Array) -> tuple[Array, Array]:
        """Coefficients of all linear parameters, and an orthonormal basis of those that were solved for.

        A scale that would come out negative is zero instead: a phase cannot be there less than not at all.
        """
        design = np.column_stack([patterns, self.bound.background])
        fixed = np.array([self.base[n] for n in self.linear])
        use = self.linear_varies.copy()
        coefficients = np.where(use, 0.0, fixed)
        target = (self.observed - design @ coefficients) / self.sigma
        weighted = design / self.sigma[:, None]
        n_phases = patterns.shape[1]
        while True:
            basis, triangle = np.linalg.qr(weighted[:, use])
            diagonal = np.abs(np.diag(triangle))
            if diagonal.size and diagonal.min() < 1e-13 * diagonal.max():
                solution = np.linalg.lstsq(weighted[:, use], target)[0]
            else:
                solution = np.linalg.solve(triangle, basis.T @ target)
            coefficients[use] = solution
            worst = int(np.argmin(np.where(use, coefficients, np.inf)[:n_phases]))
            if not use[worst] or coefficients[worst] >= 0.0:
                return coefficients, basis
            use[worst] = False
            coefficients[worst] = 0.0
