"""Blocks of a least-squares problem: what gives residuals and their derivatives by the same parameters.

A scan is one kind of block, with scales and heights of its own that are solved for exactly; a restraint is another. A
problem is a list of blocks and knows nothing else about physics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdfit.model.powder import BoundModel

Array = NDArray[np.float64]
Values = Mapping[str, float]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Look:
    """What a scan's model gives at one set of the parameters that are not solved for.

    Attributes
    ----------
    patterns : ndarray, shape (n, n_phases)
        At unit scale.
    slopes : ndarray, shape (n, n_phases, n_moving), or None
        Their derivatives by everything that moves.
    basis : ndarray, shape (n, n_heights)
        Of the background at unit heights.
    """

    patterns: Array
    slopes: Array | None
    basis: Array


@dataclass(frozen=True)
class Part:
    """A block's share of an evaluation.

    Attributes
    ----------
    residual : ndarray, shape (n,)
        (observed − calculated) / σ.
    jacobian : ndarray, shape (n, n_theta), or None
        Along the solution of the linear part.
    linear : ndarray, shape (n_linear,)
        Scales and heights.
    calculated, background : ndarray, shape (n,)
        In counts.
    linear_slope : ndarray, shape (n_linear, n_theta), or None
        How scales and heights follow θ, where one of them is restrained.
    """

    residual: Array
    jacobian: Array | None
    linear: Array
    calculated: Array
    background: Array
    linear_slope: Array | None = None

    @property
    def chi2(self) -> float:
        """Sum of the squared residuals."""
        return float(self.residual @ self.residual)


@dataclass(frozen=True)
class ScanBlock:
    """One scan and one bound model.

    Scales and heights enter linearly and are solved for inside each evaluation (variable projection: Golub & Pereyra,
    SIAM J. Numer. Anal. 10, 413, 1973; Jacobian after Kaufman, BIT 15, 49, 1975).

    Attributes
    ----------
    label : str
        "" where there is one scan only.
    bound : BoundModel
    observed, sigma : ndarray, shape (n,)
        Counts and their standard errors.
    linear : tuple of str
        Names of scales, then of the background's heights.
    held : ndarray, shape (n_linear,)
        Their values where they do not vary.
    varies, floored : ndarray of bool, shape (n_linear,)
        Which are solved for, and which of them may not be negative.
    known : tuple of Restraint
        What is known of single linear parameters. Their residuals belong to the problem's restraints.
    """

    label: str
    bound: BoundModel
    observed: Array
    sigma: Array
    linear: tuple[str, ...]
    held: Array
    varies: NDArray[np.bool_]
    floored: NDArray[np.bool_]
    known: tuple[Restraint, ...] = ()

    @property
    def n_phases(self) -> int:
        """Number of phases, whose scales stand first among the linear parameters."""
        return len(self.bound.engines)

    def with_sigma(self, sigma: Array) -> ScanBlock:
        """Return the block with other weights."""
        return replace(self, sigma=sigma)

    def holding(self, name: str, value: float) -> ScanBlock:
        """Return the block with one linear parameter held at a value."""
        own = np.array(self.linear) == name
        return replace(self, held=np.where(own, value, self.held), varies=self.varies & ~own)

    def look(self, values: Values, moving: Sequence[str], derivatives: bool) -> Look:
        """Compute the patterns and, where asked for, their derivatives by `moving`."""
        basis = self.bound.background.basis(values)
        if derivatives:
            return Look(*self.bound.jacobians(values, moving), basis)
        return Look(self.bound.patterns(values), None, basis)

    def solve(self, look: Look, values: Values, moving: Sequence[str], chain: Array | None) -> Part:
        """Solve the linear part; with `chain`, d(moving)/dθ of shape (n_moving, n_theta), the Jacobian too."""
        linear, span, inverse = self._solve_linear(look)
        p = self.n_phases
        background = look.basis @ linear[p:]
        calculated = look.patterns @ linear[:p] + background
        residual = (self.observed - calculated) / self.sigma
        jacobian = following = None
        if chain is not None:
            jacobian = -self._slope(look, values, moving, linear) @ chain / self.sigma[:, None]
            before = np.linalg.norm(jacobian, axis=0)
            along = span.T @ jacobian
            following = inverse @ along if self.known else None
            jacobian -= span @ along
            # a parameter that acts as a scale does is not moved by what rounding leaves of its effect
            jacobian[:, np.linalg.norm(jacobian, axis=0) < _ROUNDING * before] = 0.0
        return Part(residual, jacobian, linear, calculated, background, following)

    def design(self, look: Look) -> Array:
        """Patterns at unit scale and unit heights of what is solved for, in units of σ, shape (n, n_varying)."""
        return np.column_stack([look.patterns, look.basis])[:, self.varies] / self.sigma[:, None]

    def slope(self, look: Look, values: Values, moving: Sequence[str], linear: Array) -> Array:
        """d(calculated/σ) by everything that moves, scales and heights held, shape (n, n_moving)."""
        return self._slope(look, values, moving, linear) / self.sigma[:, None]

    def _slope(self, look: Look, values: Values, moving: Sequence[str], linear: Array) -> Array:
        assert look.slopes is not None
        p = self.n_phases
        slope = np.einsum("npk,p->nk", look.slopes, linear[:p])
        for name in self.bound.background.shapes:
            if name in moving:
                slope[:, moving.index(name)] += self.bound.background.slope(values, linear[p:], name)
        return slope

    def _solve_linear(self, look: Look) -> tuple[Array, Array, Array]:
        """Coefficients of all linear parameters, an orthonormal basis of those solved for, and what leads back.

        One that would come out negative and may not is zero instead: a phase cannot be there less than not at all.
        What is known of a coefficient is one more row; the basis has only the rows of the points.
        """
        design = np.column_stack([look.patterns, look.basis])
        use = self.varies.copy()
        coefficients = np.where(use, 0.0, self.held)
        target = (self.observed - design @ coefficients) / self.sigma
        weighted = design / self.sigma[:, None]
        n = len(target)
        for restraint in self.known:
            row, value = self.known_row(restraint)
            weighted, target = np.vstack([weighted, row]), np.append(target, value)
        while True:
            basis, triangle = np.linalg.qr(weighted[:, use])
            diagonal = np.abs(np.diag(triangle))
            if diagonal.size and diagonal.min() < 1e-13 * diagonal.max():
                solution = np.linalg.lstsq(weighted[:, use], target, rcond=None)[0]
            else:
                solution = np.linalg.solve(triangle, basis.T @ target)
            coefficients[use] = solution
            negative = np.where(use & self.floored, coefficients * np.linalg.norm(weighted, axis=0), 0.0)
            worst = int(np.argmin(negative))
            if negative[worst] >= 0.0:
                break
            use[worst] = False
            coefficients[worst] = 0.0
        inverse = np.zeros((len(use), basis.shape[1]))
        if self.known:
            inverse[use] = np.linalg.pinv(triangle)
        return coefficients, basis[:n], inverse

    def known_row(self, restraint: Restraint) -> tuple[Array, float]:
        """Return the row of a restraint beside those of the points, and its aim; zeros for what is held."""
        (name,) = restraint.top
        row = np.where(np.array(self.linear) == name, 1.0 / restraint.sigma, 0.0) * self.varies
        return row, restraint.target / restraint.sigma if row.any() else 0.0


@dataclass(frozen=True)
class Restraint:
    """Something that is known of the parameters besides the scans: (value − target)/σ is one more residual.

    The value is Σ top·parameter / Σ bottom·parameter, or the sum above alone; so a parameter, a total of atoms and a
    ratio of two totals are all of this kind.

    Attributes
    ----------
    text : str
        As it was asked for.
    top, bottom : Mapping[str, float]
        Coefficients by parameter; an empty `bottom` divides by nothing.
    top_constant, bottom_constant : float
        What parameters that stand still add to the sums.
    target, sigma : float
        What is known, and its standard error.
    """

    text: str
    top: Mapping[str, float]
    bottom: Mapping[str, float]
    top_constant: float
    bottom_constant: float
    target: float
    sigma: float

    def value(self, values: Values) -> tuple[float, dict[str, float]]:
        """Return the value and its derivatives by the parameters."""
        above = self.top_constant + sum(c * values[n] for n, c in self.top.items())
        if not self.bottom and not self.bottom_constant:
            return above, dict(self.top)
        below = self.bottom_constant + sum(c * values[n] for n, c in self.bottom.items())
        below = max(below, 1e-9)  # an element that vanishes on the way makes the ratio large, not infinite
        slopes = {n: c / below for n, c in self.top.items()}
        for n, c in self.bottom.items():
            slopes[n] = slopes.get(n, 0.0) - above * c / below**2
        return above / below, slopes

    def residual(self, values: Values) -> float:
        """(target − value)/σ."""
        return (self.target - self.value(values)[0]) / self.sigma

    def slope(self, values: Values, moving: Sequence[str]) -> Array:
        """d(value/σ) by everything that moves, shape (1, n_moving)."""
        slopes = self.value(values)[1]
        return np.array([[slopes.get(name, 0.0) / self.sigma for name in moving]])

    def to_dict(self, values: Values) -> dict[str, float | str]:
        """Return it as plain data, with the value that a fit gave and its distance in standard errors."""
        value = self.value(values)[0]
        pull = (value - self.target) / self.sigma
        return {"text": self.text, "value": value, "target": self.target, "stderr": self.sigma, "pull": pull}
