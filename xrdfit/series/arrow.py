"""One scan's share of a joint fit: its own parameters are eliminated, what is left speaks of the shared ones alone.

The normal equations of a series have the shape of an arrow: a block for each scan, and a border that joins each to the
shared parameters. Eliminating the blocks one by one (Schur complement) leaves equations as small as the shared
parameters are few; so the cost grows linearly with the scans, and scans can be anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.blocks import Look, Part
from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.known import Known
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.prepare import Setup, pose
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.search import pressing, settle
from xrdfit.inference.assemble import assemble
from xrdfit.inference.fit import model_sigmas
from xrdfit.inference.result import FitResult
from xrdfit.series.entries import Entry
from xrdfit.series.rows import STATUS, Row, row_of
from xrdfit.series.work import worker_of

Array = NDArray[np.float64]
Values = Mapping[str, float]

TOTAL = "total_"
"""Before an element: its atoms per cell as a shared quantity."""
_SMALL = 1e-10  # singular values below this part of the largest hold nothing


@dataclass(frozen=True)
class Task:
    """What a worker is asked of one scan.

    Attributes
    ----------
    entry : Entry
    alone : Row
        Its answer by itself; the weights are those of its pattern.
    local : Mapping[str, float]
        Where its own parameters start.
    shared : Mapping[str, float]
        The shared quantities, held.
    covariance : ndarray or None
        Of the shared quantities at this scan: with it the scan's row is asked for, without it its `Share`.
    """

    entry: Entry
    alone: Row
    local: Values
    shared: Values
    covariance: Array | None = None


@dataclass(frozen=True)
class Share:
    """What a scan says of the shared quantities, its own parameters being at their best.

    Attributes
    ----------
    label : str
    chi2 : float
    gradient : ndarray, shape (k,)
        Half the gradient of χ² by the shared quantities.
    curvature : ndarray, shape (k, k)
        Half its second derivatives.
    local : dict of str to float
        All parameters of the scan.
    error : str
        Why there is nothing of this.
    """

    label: str
    chi2: float = 0.0
    gradient: Array = field(default_factory=lambda: np.empty(0))
    curvature: Array = field(default_factory=lambda: np.empty((0, 0)))
    local: dict[str, float] = field(default_factory=dict)
    error: str = ""


def run_tasks(payload: bytes, batch: Sequence[Task]) -> list[Share | Row]:
    """Do what is asked of a batch of scans."""
    return [_done(payload, task) for task in batch]


def _done(payload: bytes, task: Task) -> Share | Row:
    worker = worker_of(payload)
    try:
        setup = worker.setup(task.entry)
        held = _Held.of(setup, task)
        if task.covariance is None:
            return held.share(task)
        return held.row(task, worker.model(task.entry), worker.job.model_errors)
    except (InputError, ComputationError, np.linalg.LinAlgError) as error:
        return Share(task.entry.label, error=str(error))


@dataclass(frozen=True)
class _Held:
    """A scan's problem with the shared quantities held.

    Attributes
    ----------
    setup : Setup
    free : Problem
        With the shared quantities among what varies.
    problem : Problem
        With these held.
    """

    setup: Setup
    free: Problem
    problem: Problem

    @classmethod
    def of(cls, setup: Setup, task: Task) -> _Held:
        free = setup.problem
        near = free.theta({**free.base, **task.alone.values})
        sigmas = model_sigmas(setup, free, near)
        rows = dict(setup.rows)
        for name, value in task.shared.items():
            if not name.startswith(TOTAL):
                rows[name] = replace(rows[name], vary=False, value=value)
        options = _without(setup.options, task.shared)
        problem = pose(setup.scans, [s.bound for s in free.scans], rows, setup.model, options)
        return cls(replace(setup, rows=rows), free.with_sigmas(sigmas), problem.with_sigmas(sigmas))

    def share(self, task: Task) -> Share:
        """What the scan says of the shared quantities."""
        problem = self.problem
        theta = descend(problem, problem.theta({**problem.base, **task.local, **_own(task.shared)})).theta
        here = problem.evaluate(theta)
        look = self.free.scans[0].look(here.values, self.free.moving, True)
        columns = self.columns(list(task.shared), here.values, look, here.parts[0])
        inward = here.jacobian[:, ~pressing(problem, theta)]
        design = problem.scans[0].design(look)
        known = [r.slope(here.values, problem.solved) for r in problem.restraints]
        basis = _span(np.column_stack([inward, np.concatenate([design, *known])]))
        residual = here.residual - basis @ (basis.T @ here.residual)
        columns = columns - basis @ (basis.T @ columns)
        return Share(task.entry.label, here.chi2, columns.T @ residual, columns.T @ columns, dict(here.values))

    def columns(self, names: Sequence[str], values: Values, look: Look, part: Part) -> Array:
        """Derivatives of the residuals, restraints included, by the shared quantities: (n, k)."""
        scan = self.free.scans[0]
        moving = self.free.moving
        slope = scan.slope(look, values, moving, part.linear)
        design = np.column_stack([look.patterns, look.basis]) / scan.sigma[:, None]
        found = []
        for name in names:
            if name in scan.linear:
                column = design[:, scan.linear.index(name)]
                rest = np.array([r.slope(values, [name])[0, 0] for r in self.problem.restraints])
            else:
                move = self.move(name, names, values)
                column = slope @ move
                rest = np.array([(r.slope(values, moving) @ move)[0] for r in self.problem.restraints])
            found.append(-np.concatenate([column, rest]))
        return np.column_stack(found)

    def move(self, name: str, names: Sequence[str], values: Values) -> Array:
        """How everything that moves goes with a shared quantity, the other shared ones held: (n_moving,)."""
        tangent = self.free.tangent(values)
        k = len(self.free.direct)
        if name in self.free.direct:
            return tangent[:, self.free.direct.index(name)]
        table = self.free.occupancies
        forms = {n: self._form(n) for n in names if n not in self.free.direct and n not in self.free.scans[0].linear}
        open_ = np.array(list(forms.values())) @ table.tangent
        wanted = np.array([float(n == name) for n in forms])
        step = np.linalg.lstsq(open_, wanted, rcond=_SMALL)[0]
        if not np.allclose(open_ @ step, wanted, atol=1e-6):
            raise InputError(f"share {name!r}: totals and rules leave it no room to move by itself")
        return tangent[:, k:] @ step

    def _form(self, name: str) -> Array:
        """A shared occupancy or total as a linear form in the occupancies that move."""
        names = self.free.occupancies.names
        if name in names:
            return np.array([float(n == name) for n in names])
        atoms = _atoms(self.setup, name.removeprefix(TOTAL))
        return np.array([atoms.get(n, 0.0) for n in names])

    def row(self, task: Task, model: Any, model_errors: bool) -> Row:
        """The scan's row, with the errors that those of the shared quantities bring."""
        problem = self.problem
        solution: Solution = settle(problem, problem.theta({**problem.base, **task.local, **_own(task.shared)}))
        result = assemble(self.setup, problem, solution, model, "")
        row = row_of(result, task.entry.label, task.alone.key, model_errors=model_errors)
        assert task.covariance is not None
        return self._spread(row, result, task)

    def _spread(self, row: Row, result: FitResult, task: Task) -> Row:
        """Add the variance that comes from the shared quantities."""
        names = list(task.shared)
        problem, values = self.problem, problem_values(self.problem, result)
        here = problem.evaluate(result.theta)
        look = self.free.scans[0].look(values, self.free.moving, True)
        columns = self.columns(names, values, look, here.parts[0])
        full = problem.full_jacobian(result.theta)
        norms = np.linalg.norm(full, axis=0)
        norms[norms == 0.0] = 1.0
        follow = np.linalg.lstsq(full / norms, columns, rcond=1e-8)[0] / norms[:, None]  # residuals fall as calc rises
        tangent = problem.tangent(values)
        own = (*problem.moving, *problem.solved)
        outward = np.zeros((len(own), full.shape[1]))
        outward[: len(tangent), : tangent.shape[1]] = tangent
        outward[len(tangent) :, tangent.shape[1] :] = np.eye(full.shape[1] - tangent.shape[1])
        moves = dict(zip(own, outward @ follow, strict=True))
        for j, name in enumerate(names):
            self._carry(moves, name, j, names, values)
        covariance = np.asarray(task.covariance)

        def variance(gradient: Array) -> float:
            return max(float(gradient @ covariance @ gradient), 0.0)

        numbers, status, sites = row.numbers.copy(), row.status.copy(), row.site_numbers.copy()
        for i, name in enumerate(row.names):
            if name in moves and row.success:
                own_part = numbers[1, i] if np.isfinite(numbers[1, i]) else 0.0
                error = float(np.hypot(own_part, variance(moves[name]) ** 0.5))
                numbers[1, i] = error
                if np.isfinite(numbers[3, i]) or name in task.shared:
                    numbers[3:, i] = numbers[0, i] - error, numbers[0, i] + error
            if name in task.shared:
                status[i] = STATUS.index("shared")
        place = {n: i for i, n in enumerate(row.names)}
        for i, (label, site) in enumerate(zip(row.sites, result.sites, strict=True)):
            name = f"{label.removesuffix(site.label)}occ_{site.label}"
            if name in moves:
                sites[1, i] = numbers[1, place[name]]
                gradient = self._share_moves(result, label, site, moves)
                sites[4, i] = np.hypot(np.nan_to_num(sites[4, i]), variance(gradient) ** 0.5)
        return replace(row, numbers=numbers, status=status, site_numbers=sites)

    def _carry(self, moves: dict[str, Array], name: str, j: int, names: Sequence[str], values: Values) -> None:
        """Add what moves directly with a shared quantity: itself, what is tied to it, what a total makes follow."""
        k = len(names)
        if name in self.free.scans[0].linear:
            moves[name] = moves.get(name, np.zeros(k)) + np.eye(k)[j]
            return
        for other, step in zip(self.free.moving, self.move(name, names, values), strict=True):
            if step != 0.0:
                moves[other] = moves.get(other, np.zeros(k)) + step * np.eye(k)[j]

    @staticmethod
    def _share_moves(result: FitResult, label: str, site: Any, moves: Mapping[str, Array]) -> Array:
        from xrdfit.inference.uncertainty.site_shares import share_gradient

        prefix = label.removesuffix(site.label)
        kin = [s for s in result.sites if s.element == site.element and s.phase == site.phase]
        atoms = {f"{prefix}occ_{s.label}": float(s.multiplicity) for s in kin}
        filled = {f"{prefix}occ_{s.label}": s.occupancy for s in kin}
        slopes = share_gradient(atoms, filled, f"{prefix}occ_{site.label}")[1]
        size = len(next(iter(moves.values())))
        return sum((slope * moves[n] for n, slope in slopes.items() if n in moves), np.zeros(size))


def problem_values(problem: Problem, result: FitResult) -> dict[str, float]:
    """All parameters at the minimum."""
    return problem.evaluate(result.theta).values


def _own(shared: Values) -> dict[str, float]:
    return {n: v for n, v in shared.items() if not n.startswith(TOTAL)}


def _without(options: FitOptions, shared: Values) -> FitOptions:
    """The options with shared totals held, and without restraints on what is held; the series keeps those."""
    totals: dict[str, float | Known] = dict(options.total)
    totals |= {n.removeprefix(TOTAL): v for n, v in shared.items() if n.startswith(TOTAL)}
    return replace(options, total=totals, restrain={n: k for n, k in options.restrain.items() if n not in shared})


def _atoms(setup: Setup, element: str) -> dict[str, float]:
    """Multiplicities of an element's sites by the names of their occupancies."""
    model = setup.model
    phase_name, mark, bare = element.rpartition("__")
    found = {}
    for phase in model.phases:
        if mark and phase.name != phase_name:
            continue
        for site in phase.structure.sites:
            if site.element == bare:
                found[f"{model.prefix(phase)}occ_{site.label}"] = float(site.multiplicity)
    if not found:
        raise InputError(f"share {TOTAL}{element}: the model has no {element}")
    return found


def atoms_of(setup: Setup, name: str, values: Values) -> float:
    """Value of a shared quantity at the parameters of a scan."""
    if not name.startswith(TOTAL):
        return float(values[name])
    return sum(m * values[n] for n, m in _atoms(setup, name.removeprefix(TOTAL)).items())


def _span(columns: Array) -> Array:
    """Orthonormal basis of what columns (n, k) span."""
    norms = np.linalg.norm(columns, axis=0)
    use = norms > 0.0
    left, sizes, _ = np.linalg.svd(columns[:, use] / norms[use], full_matrices=False)
    return left[:, sizes > _SMALL * sizes.max(initial=0.0)]
