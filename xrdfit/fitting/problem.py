"""The least-squares problem: a list of blocks over one vector θ.

The optimizer moves θ, which holds the parameters that are not solved for and, for occupancies, coordinates within 0
and 1 of what totals and rules allow. What a scan is linear in is solved for inside each evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.blocks import Look, Part, Restraint, ScanBlock
from xrdfit.fitting.floors import Floor
from xrdfit.model.composition import OccupancyMap
from xrdfit.model.ties import Tie
from xrdfit.parameters import Kind, ParameterRow

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """The problem at one θ.

    Attributes
    ----------
    values : dict of str to float
        Every parameter, linear ones included.
    residual : ndarray, shape (n,)
        Of all scans, then of the restraints.
    jacobian : ndarray, shape (n, n_theta)
        Its derivatives by θ along the solution of the linear parts; empty where none was asked for.
    chi2 : float
        Sum of the squared residuals.
    parts : tuple of Part
        One a scan: its residual, calculated pattern and background.
    """

    values: dict[str, float]
    residual: Array
    jacobian: Array
    chi2: float
    parts: tuple[Part, ...]


@dataclass
class _Held:
    """What was computed at the last θ: a minimum is looked at several times.

    Attributes
    ----------
    looks : tuple or None
        θ, then what each scan's model gives there with derivatives; it does not depend on weights.
    evaluation : tuple or None
        θ, then the evaluation there.
    """

    looks: tuple[Array, tuple[Look, ...]] | None = None
    evaluation: tuple[Array, Evaluation] | None = None


@dataclass(frozen=True)
class Problem:
    """Scans and restraints, and the choice of what varies.

    Attributes
    ----------
    scans : tuple of ScanBlock
    restraints : tuple of Restraint
    rows : Mapping[str, ParameterRow]
        Every parameter by name.
    base : Mapping[str, float]
        Values of all parameters; those that move are replaced.
    direct : tuple of str
        Parameters that components of θ move by themselves, beside occupancies.
    logs : ndarray of bool
        Which of `direct` move on a logarithmic scale.
    occupancies : OccupancyMap
        The occupancies that vary or follow.
    ties : tuple of Tie
        Parameters that follow, in an order in which each only needs those before it.
    floors : tuple of Floor
        Lowest values that move with other parameters; such a parameter's component of θ is its height above it.
    lower, upper, step : ndarray, shape (n_theta,)
        Limits of θ and the optimizer's yardstick.
    """

    scans: tuple[ScanBlock, ...]
    restraints: tuple[Restraint, ...]
    rows: Mapping[str, ParameterRow]
    base: Mapping[str, float]
    direct: tuple[str, ...]
    logs: NDArray[np.bool_]
    occupancies: OccupancyMap
    ties: tuple[Tie, ...]
    lower: Array
    upper: Array
    step: Array
    floors: tuple[Floor, ...] = ()
    _held: _Held = field(default_factory=_Held, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict:
        """Leave out what is only remembered."""
        return {**self.__dict__, "_held": _Held()}

    @property
    def moving(self) -> tuple[str, ...]:
        """Names of all parameters that θ moves."""
        return (*self.direct, *self.occupancies.names, *(t.target for t in self.ties))

    @property
    def solved(self) -> tuple[str, ...]:
        """Names of the scales and heights that are solved for."""
        return tuple(n for s in self.scans for n, v in zip(s.linear, s.varies, strict=True) if v)

    @property
    def floored(self) -> tuple[str, ...]:
        """Names of those of them that may not be negative."""
        return tuple(n for s in self.scans for n, v, f in zip(s.linear, s.varies, s.floored, strict=True) if v and f)

    @property
    def nonlinear_restraints(self) -> tuple[Restraint, ...]:
        """Restraints on what is not solved for."""
        known = {id(restraint) for scan in self.scans for restraint in scan.known}
        return tuple(restraint for restraint in self.restraints if id(restraint) not in known)

    @property
    def n_varied(self) -> int:
        """Number of independent parameters, the linear ones included."""
        return len(self.direct) + len(self.occupancies.free) + len(self.solved)

    @property
    def n_points(self) -> int:
        """Number of measured points."""
        return sum(len(s.observed) for s in self.scans)

    @property
    def sigmas(self) -> tuple[Array, ...]:
        """Standard errors of each scan."""
        return tuple(s.sigma for s in self.scans)

    def with_sigmas(self, sigmas: Sequence[Array]) -> Problem:
        """Return the problem with other weights, one array a scan."""
        scans = tuple(s.with_sigma(sigma) for s, sigma in zip(self.scans, sigmas, strict=True))
        other = replace(self, scans=scans)
        other._held.looks = self._held.looks
        return other

    def holding(self, name: str, value: float) -> Problem:
        """Return the problem with a scale or height held at a value."""
        scans = tuple(s.holding(name, value) if name in s.linear else s for s in self.scans)
        return replace(self, scans=scans, base={**self.base, name: value})

    @cached_property
    def _log_limits(self) -> tuple[Array, Array]:
        """Limits of `direct` where they move on a logarithmic scale."""
        rows = [self.rows[name] for name in self.direct]
        low = np.array([r.minimum for r in rows], dtype=float)
        high = np.array([r.maximum for r in rows], dtype=float)
        return np.where(self.logs, low, -np.inf), np.where(self.logs, high, np.inf)

    def components(self, *kinds: Kind) -> list[int]:
        """Indices of the components of θ that move parameters of these kinds by themselves."""
        return [i for i, name in enumerate(self.direct) if self.rows[name].kind in kinds]

    def theta(self, values: Mapping[str, float]) -> Array:
        """θ of parameter values (n_theta,), moved within the limits."""
        plain = np.array([values[n] for n in self.direct])
        plain[self.logs] = np.log(np.maximum(plain[self.logs], 1e-12))
        for floor in self.floors:
            plain[self.direct.index(floor.name)] -= floor.lowest(values)[0]
        shares = self.occupancies.shares(np.array([values[n] for n in self.occupancies.names]))
        return np.clip(np.concatenate([plain, shares]), self.lower, self.upper)

    def expand(self, theta: Array) -> tuple[dict[str, float], Array]:
        """Values of all parameters, and d(moving)/dθ with shape (n_moving, n_theta)."""
        k = len(self.direct)
        # the exponential of a limit's logarithm may pass the limit by rounding, and an engine refuses it there
        powers = np.clip(np.exp(np.where(self.logs, theta[:k], 0.0)), *self._log_limits)
        plain = np.where(self.logs, powers, theta[:k])
        occupancy, slope = self.occupancies.derivative(theta[k:])
        values = dict(self.base)
        values.update(zip(self.direct, plain.tolist(), strict=True))
        values.update(zip(self.occupancies.names, occupancy.tolist(), strict=True))
        chain = np.diag(np.where(self.logs, plain, 1.0))
        for floor in self.floors:
            self._raise(floor, values, chain)
        return values, self._slopes(values, chain, slope)

    def _raise(self, floor: Floor, values: dict[str, float], chain: Array) -> None:
        """Add the floor to the component that stands above it."""
        own = self.direct.index(floor.name)
        lowest, slopes = floor.lowest(values)
        values[floor.name] += lowest
        for name, slope in slopes.items():
            if name in self.direct:
                chain[own] += slope * chain[self.direct.index(name)]
        if values[floor.name] > floor.high:
            values[floor.name] = floor.high
            chain[own] = 0.0

    def released(self, theta: Array, name: str) -> tuple[Problem, Array]:
        """Return the problem in which a component moves `name` itself, and its θ.

        The floor that it stood on is passed on to another of U, V and W that varies, where there is one.
        """
        own = next((floor for floor in self.floors if floor.name == name), None)
        if own is None:
            return self, theta
        values = self.expand(theta)[0]
        lower, upper, theta = self.lower.copy(), self.upper.copy(), theta.copy()
        i = self.direct.index(name)
        lower[i], upper[i], theta[i] = own.low, own.high, values[name]
        floors = [floor for floor in self.floors if floor is not own]
        heir = own.passed_on(self.rows, self.direct)
        if heir is not None:
            j = self.direct.index(heir.name)
            lower[j], upper[j] = 0.0, heir.high - heir.low
            theta[j] = max(values[heir.name] - heir.lowest(values)[0], 0.0)
            floors.append(heir)
        return replace(self, floors=tuple(floors), lower=lower, upper=upper), theta

    def tangent(self, values: Mapping[str, float]) -> Array:
        """d(moving)/d(independent parameters): unit steps of `direct`, then the directions that totals leave open."""
        return self._slopes(dict(values), np.eye(len(self.direct)), self.occupancies.tangent)

    def _slopes(self, values: dict[str, float], direct: Array, occupancy: Array) -> Array:
        k, m = len(self.direct), len(self.occupancies.names)
        slopes = np.zeros((k + m + len(self.ties), k + occupancy.shape[1]))
        slopes[:k, :k] = direct
        slopes[k : k + m, k:] = occupancy
        row = {name: i for i, name in enumerate(self.moving)}
        for i, tie in enumerate(self.ties, start=k + m):
            values[tie.target], gradient = tie.evaluate(values)
            for name, slope in gradient.items():
                if name in row:
                    slopes[i] += slope * slopes[row[name]]
        return slopes

    def evaluate(self, theta: Array, derivatives: bool = True) -> Evaluation:
        """Solve the linear parts at θ and return residual and, on request, Jacobian."""
        known = self._held.evaluation
        if known is not None and np.array_equal(known[0], theta):
            return known[1]
        evaluation = self._evaluate(theta, derivatives)
        if derivatives:
            self._held.evaluation = theta.copy(), evaluation
        return evaluation

    def _evaluate(self, theta: Array, derivatives: bool) -> Evaluation:
        values, chain = self.expand(theta)
        moving = self.moving
        looks = self.looks(theta, values, derivatives)
        parts = tuple(
            scan.solve(look, values, moving, chain if derivatives else None)
            for scan, look in zip(self.scans, looks, strict=True)
        )
        for scan, part in zip(self.scans, parts, strict=True):
            values.update(zip(scan.linear, part.linear.tolist(), strict=True))
        residuals = [part.residual for part in parts]
        jacobians = [part.jacobian for part in parts if part.jacobian is not None]
        for restraint in self.restraints:
            residuals.append(np.array([restraint.residual(values)]))
            if derivatives:
                jacobians.append(-self._restraint_slope(restraint, values, parts, chain))
        residual = residuals[0] if len(residuals) == 1 else np.concatenate(residuals)
        jacobian = np.empty((len(residual), 0))
        if derivatives:
            jacobian = jacobians[0] if len(jacobians) == 1 else np.concatenate(jacobians)
        return Evaluation(values, residual, jacobian, float(residual @ residual), parts)

    def _restraint_slope(
        self, restraint: Restraint, values: Mapping[str, float], parts: Sequence[Part], chain: Array
    ) -> Array:
        """d(value/σ)/dθ of a restraint, shape (1, n_theta), also where it is one on a scale or height."""
        slope = restraint.slope(values, self.moving) @ chain
        for scan, part in zip(self.scans, parts, strict=True):
            if part.linear_slope is not None:
                slope = slope + restraint.slope(values, scan.linear) @ part.linear_slope
        return slope

    def looks(self, theta: Array, values: Mapping[str, float], derivatives: bool = True) -> tuple[Look, ...]:
        """What each scan's model gives at θ, `values` being those of θ; derivatives that are known come along."""
        known = self._held.looks
        if known is not None and np.array_equal(known[0], theta):
            return known[1]
        moving = self.moving
        looks = tuple(scan.look(values, moving, derivatives) for scan in self.scans)
        if derivatives:
            self._held.looks = theta.copy(), looks
        return looks

    def full_jacobian(self, theta: Array) -> Array:
        """d(calculated/σ) by every independent parameter: those of `tangent`, then those that are solved for."""
        evaluation = self.evaluate(theta)
        values, moving = evaluation.values, self.moving
        tangent = self.tangent(values)
        blocks = []
        first = tangent.shape[1]
        width = first + len(self.solved)
        for scan, look, part in zip(self.scans, self.looks(theta, values), evaluation.parts, strict=True):
            design = scan.design(look)
            block = np.zeros((len(scan.observed), width))
            block[:, : tangent.shape[1]] = scan.slope(look, values, moving, part.linear) @ tangent
            block[:, first : first + design.shape[1]] = design
            first += design.shape[1]
            blocks.append(block)
        for restraint in self.restraints:
            slopes = restraint.slope(values, moving) @ tangent, restraint.slope(values, self.solved)
            blocks.append(np.concatenate(slopes, axis=1))
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
