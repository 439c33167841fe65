"""The posterior distribution of a fit, sampled: what the profile intervals are checked against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError, need
from xrdfit.fitting.problem import Problem
from xrdfit.inference.uncertainty.estimate import Estimate
from xrdfit.progress import Progress, silent

if TYPE_CHECKING:
    import xarray as xr


Array = NDArray[np.float64]

CHAIN_LENGTHS = 50.0
"""A chain is long enough at this many autocorrelation times (Foreman-Mackey et al., PASP 125, 306, 2013)."""

_BATCH = 250
_AS_SHORT = 1.02  # times the shortest interval's length
_BURN_IN = 5.0  # autocorrelation times
_FEWEST_WALKERS = 8  # a snooker move draws three walkers from either half


@dataclass(frozen=True)
class Posterior:
    """Samples of the posterior distribution.

    Attributes
    ----------
    samples : xarray.Dataset
        One variable a parameter, share (``share_Cu_8c``) and total (``total_Cu``), dimension `draw`; the attribute
        `derived` is 1 for the last two.
    autocorrelation_time : float
        The longest of any component, in steps.
    steps, walkers : int
    converged : bool
        Whether the chain is at least 50 autocorrelation times long.
    message : str
        The same in words.
    complete : bool
        False where it was interrupted.
    """

    samples: xr.Dataset
    autocorrelation_time: float
    steps: int
    walkers: int
    converged: bool
    message: str
    complete: bool = True

    def interval(self, name: str, level: float = 0.6827) -> tuple[float, float]:
        """Shortest interval that holds the given part of the samples: one-sided where they pile up at a bound.

        Of all that are as short as the samples can tell it is the middle one, or the one at the end of the samples.
        With the 50 autocorrelation times of a converged chain its ends are right to about a tenth of an error.

        Raises
        ------
        InputError
            For an unknown name or a level outside 0–1.
        """
        if name not in self.samples:
            raise InputError(f"no samples of {name!r}; there are {', '.join(map(str, self.samples))}")
        if not 0.0 < level < 1.0:
            raise InputError(f"level {level:g} is out of range; between 0 and 1 is allowed, such as 0.95")
        x = np.sort(self.samples[name].values)
        n = int(np.ceil(level * len(x)))
        width = x[n - 1 :] - x[: len(x) - n + 1]
        near = np.flatnonzero(width <= _AS_SHORT * width.min())
        start = int(near[0] if near[0] == 0 else near[-1] if near[-1] == len(width) - 1 else np.mean(near))
        return float(x[start]), float(x[start + n - 1])

    def to_dict(self) -> dict[str, Any]:
        """Return intervals and convergence as plain data."""
        return {
            "converged": self.converged,
            "complete": self.complete,
            "message": self.message,
            "autocorrelation_time": self.autocorrelation_time,
            "steps": self.steps,
            "walkers": self.walkers,
            "parameters": {
                str(name): {
                    "mean": float(self.samples[name].mean()),
                    "std": float(self.samples[name].std()),
                    "lower": self.interval(str(name))[0],
                    "upper": self.interval(str(name))[1],
                }
                for name in self.samples
            },
        }


def sample(
    result: Estimate, *, steps: int = 5000, seed: int = 0, walkers: int | None = None, progress: Progress | None = None
) -> Posterior:
    """Sample the posterior of a fit with `emcee`.

    Parameters
    ----------
    result : Estimate
    steps : int
        At most so many steps of every walker; sampling ends when 50 autocorrelation times are reached.
    seed : int
    walkers : int, optional
        Three for every component by default, at least 24; no fewer than two for every component, nor than 8.
    progress : callable, optional

    Returns
    -------
    Posterior
        Interrupted (Ctrl-C), of the samples until then.

    Raises
    ------
    InputError
        For fewer than one step, too few walkers, a fit of which nothing but scale and background varied, or where
        emcee is not installed.
    ComputationError
        The fit has no answer.
    KeyboardInterrupt
        Interrupted before there were samples.

    Notes
    -----
    The likelihood is exp(−χ²/2 max(1, χ²_red)). Scale and background are profiled: solved for at every point, not
    integrated over, so that the marginal's factor det(AᵀA)^(−1/2), A their weighted columns, is left out. The prior is
    flat in the occupancies within everything that rules and totals allow, and in the other parameters (in their
    logarithm for sizes) within their limits.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> posterior = xf.sample(result, steps=60, seed=1)
    >>> posterior.steps, float(posterior.samples["occ_Cu_8c"].min()) < result["occ_Cu_8c"].value
    (60, True)
    """
    need("posterior", "the posterior", "emcee")
    import emcee

    problem = result.problem
    if not result.success:
        raise ComputationError(f"no posterior without an answer: {result.message}")
    n = len(result.theta)
    count = max(24, 3 * n) if walkers is None else walkers
    _check(n, steps, count, seed)
    start = _cloud(result, problem, count, np.random.default_rng(seed))
    log_density = _log_density(problem, result.inflation)
    stop = Event()
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)]
    sampler = emcee.EnsembleSampler(count, n, _until(stop, log_density), moves=moves)
    # emcee draws from NumPy's old generator, of which it keeps its own copy
    sampler.random_state = np.random.RandomState(seed).get_state()
    complete = _run(sampler, start, steps, stop, progress or silent)
    time, done = _autocorrelation_time(sampler), sampler.iteration
    converged = bool(done > CHAIN_LENGTHS * time)
    burn = int(min(_BURN_IN * time, done // 2))
    thin = int(time / 2) if np.isfinite(time) else 1
    chain: Any = sampler.get_chain(discard=burn, thin=max(1, thin), flat=True)
    words = "converged" if converged else "NOT converged: more steps are needed"
    message = f"{words}; {done} steps of {count} walkers are {done / time:.0f} autocorrelation times"
    return Posterior(_dataset(result, problem, chain), time, done, count, converged, message, complete)


def _run(sampler: Any, state: Any, steps: int, stop: Event, tell: Progress) -> bool:
    """Sample until 50 autocorrelation times, the last step or Ctrl-C; return whether it was not the last."""
    done = 0
    tell("sampling the posterior")
    try:
        while done < steps:
            batch = min(_BATCH, steps - done)
            for later in sampler.sample(state, iterations=batch, skip_initial_state_check=True):
                state, done = later, sampler.iteration
                if stop.is_set():
                    raise KeyboardInterrupt
            lengths = done / _autocorrelation_time(sampler)
            part = min(max(done / steps, lengths / CHAIN_LENGTHS), 1.0)
            tell(f"sampling: {done} steps, {lengths:.0f} autocorrelation times of {CHAIN_LENGTHS:.0f}", part)
            if lengths > CHAIN_LENGTHS:
                break
    except KeyboardInterrupt:
        if done == 0:
            raise
        return False
    return True


def _check(n: int, steps: int, walkers: int, seed: int) -> None:
    if n == 0:
        raise InputError("nothing but scale and background varies: there is no posterior to sample; free some (--vary)")
    if seed < 0:
        raise InputError(f"seed {seed} is out of range; 0 or more is allowed")
    if steps < 1:
        raise InputError(f"steps {steps} is out of range; at least 1 is needed, some thousands are usual")
    least = max(_FEWEST_WALKERS, 2 * n)
    if walkers < least:
        raise InputError(f"walkers {walkers} is out of range; {n} components need at least {least}")


def _autocorrelation_time(sampler: Any) -> float:
    """Longest autocorrelation time of any component, in steps; infinite where the chain is too short to have one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        time = float(np.max(sampler.get_autocorr_time(tol=0)))
    return time if np.isfinite(time) and time > 0.0 else np.inf


def _log_density(problem: Problem, inflation: float) -> Callable[[Array], float]:
    k = len(problem.direct)

    def log_density(theta: Array) -> float:
        if np.any(theta < problem.lower) or np.any(theta > problem.upper):
            return -np.inf
        # flat in the occupancies: the shares' map stretches volume by the product of its widths
        slope = problem.occupancies.derivative(theta[k:])[1][list(problem.occupancies.free)]
        widths = np.abs(np.diag(slope))
        if widths.size and widths.min() <= 0.0:
            return -np.inf
        return -0.5 * problem.evaluate(theta, derivatives=False).chi2 / inflation + float(np.log(widths).sum())

    return log_density


def _until(stop: Event, log_density: Callable[[Array], float]) -> Callable[[Array], float]:
    """The density, with Ctrl-C noted rather than raised: emcee would print a traceback."""

    def guarded(theta: Array) -> float:
        try:
            return log_density(theta)
        except KeyboardInterrupt:
            stop.set()
            return -np.inf

    return guarded


def _cloud(result: Estimate, problem: Problem, count: int, random: np.random.Generator) -> Array:
    """Walkers around the minimum, as wide as the errors in θ and inside the limits."""
    jacobian = problem.evaluate(result.theta).jacobian
    norms = np.linalg.norm(jacobian, axis=0)
    norms[norms == 0.0] = 1.0
    values, vectors = np.linalg.eigh((jacobian / norms).T @ (jacobian / norms))
    spread = vectors / np.sqrt(np.maximum(values, 1e-6)) / norms[:, None]
    points = result.theta + random.standard_normal((count, len(norms))) @ spread.T
    span = problem.upper - problem.lower
    # reflected at the limits: a clipped cloud would lie in a plane, which the sampler never leaves
    inside = np.abs(points - problem.lower) + problem.lower
    inside = problem.upper - np.abs(problem.upper - inside)
    return np.clip(inside, problem.lower + 1e-9 * span, problem.upper - 1e-9 * span)


def _dataset(result: Estimate, problem: Problem, chain: Array) -> xr.Dataset:
    import xarray as xr

    draws = [problem.expand(theta)[0] for theta in chain]
    columns = {name: np.array([d[name] for d in draws]) for name in problem.moving}
    for phase in result.model.phases:
        prefix = result.model.prefix(phase)
        for element in dict.fromkeys(s.element for s in phase.structure.sites):
            kin = {f"{prefix}occ_{s.label}": s for s in phase.structure.sites if s.element == element}
            if not any(n in columns for n in kin):
                continue
            atoms = {n: s.multiplicity * columns.get(n, np.full(len(chain), s.occupancy)) for n, s in kin.items()}
            total = sum(atoms.values())
            columns[f"{prefix}total_{element}"] = np.asarray(total)
            columns |= {f"{prefix}share_{s.label}": atoms[n] / total for n, s in kin.items() if n in columns}
    sampled = {*problem.moving}
    return xr.Dataset(
        {name: ("draw", x, {"derived": int(name not in sampled)}) for name, x in columns.items()},
        attrs={"model": result.model.name},
    )
