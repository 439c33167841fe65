"""`identify`: what a scan, measured or planned, can and cannot tell about the occupancies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Radiation
from xrdfit.errors import InputError
from xrdfit.fitting.blocks import ScanBlock
from xrdfit.fitting.options import FitOptions, with_choices
from xrdfit.fitting.prepare import check_model, prepare
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.rivals import Rival, search_rivals
from xrdfit.fitting.search import Solution
from xrdfit.inference.assemble import assemble
from xrdfit.inference.engines import planned_engine
from xrdfit.inference.fit import fit_with
from xrdfit.inference.questions.by_scan import shares_of_scans
from xrdfit.inference.questions.combinations import Combination, DegeneratePair, combinations_of, degenerate_pairs
from xrdfit.inference.questions.findings import Identifiability
from xrdfit.inference.result import FitResult
from xrdfit.model.phase import Engine
from xrdfit.model.powder import PowderModel
from xrdfit.model.simulate import simulate
from xrdfit.progress import Progress

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
_MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Plan:
    """A measurement that has not been made.

    Attributes
    ----------
    counts : float
        Counts above background at the highest point.
    background : float
        Counts.
    two_theta : (float, float, float)
        Start, stop, step in degrees.
    radiation : str, float or None
        Name or wavelength (Å); the model's by default.
    gain : float
        Variance of an intensity over its mean: 1 for counts, 1/t for rates of counts over t seconds.

    Examples
    --------
    >>> import xrdfit as xf
    >>> xf.Plan(counts=2000.0, radiation="mo-ka").two_theta
    (15.0, 65.0, 0.04)
    """

    counts: float = 5000.0
    background: float = 300.0
    two_theta: tuple[float, float, float] = (15.0, 65.0, 0.04)
    radiation: str | float | None = None
    gain: float = 1.0

    def __post_init__(self) -> None:
        if len(self.two_theta) != 3:
            raise InputError(f"plan: two_theta {self.two_theta} must hold START, STOP and STEP")
        start, stop, step = self.two_theta
        if not (0.0 < start < stop < 180.0 and (stop - start) / _MOST_POINTS <= step <= (stop - start) / 10.0):
            raise InputError(
                f"plan {start:g} {stop:g} {step:g}: needs 0 < START < STOP < 180 degrees and a step of at most a tenth "
                f"of the range, for at most {_MOST_POINTS} points"
            )
        if not (self.counts > 0.0 and self.background >= 0.0 and np.isfinite(self.counts + self.background)):
            raise InputError(f"plan: counts {self.counts:g} and background {self.background:g} must be positive")

    def expected(self, model: PowderModel, options: FitOptions | None = None) -> xr.Dataset:
        """Return the scan without noise: expected counts with their standard errors.

        Parameters
        ----------
        model : PowderModel
        options : FitOptions, optional
            Engine and anomalous terms.
        """
        from xrdfit.scan import make_pattern

        options = options or FitOptions()
        start, stop, step = self.two_theta
        angles = start + step * np.arange(int((stop - start) / step + 1e-6) + 1)
        pattern = simulate(
            model,
            angles,
            engine=planned_engine(model, options),
            radiation=self.radiation,
            anomalous=options.anomalous,
            anomalous_table=options.anomalous_table,
        )
        mean = pattern * (self.counts / pattern.max()) + self.background
        named: Any = {"radiation": self.radiation} if isinstance(self.radiation, str) else {}
        return make_pattern(angles, mean, self.sigma(mean), file="planned", **named)

    def sigma(self, mean: Array) -> Array:
        """Standard errors of intensities with this mean, at least that of one count."""
        return self.gain * np.sqrt(np.maximum(mean / self.gain, 1.0))


def identify(
    model: PowderModel,
    scan: xr.Dataset | Plan | Mapping[str, xr.Dataset | Plan] | None = None,
    *,
    options: FitOptions | None = None,
    progress: Progress | None = None,
    **choices,
) -> Identifiability:
    """Say which combinations of occupancies a scan determines, and which other answers it allows.

    Parameters
    ----------
    model : PowderModel
    scan : xarray.Dataset or Plan, or a mapping of labels to these
        A measured scan, or one that is planned (by default one of 5000 counts), computed from the model as it is; or
        several of one sample, all measured or some planned. Where one is planned, nothing is fitted: the measured ones
        count with their errors only.
    options : FitOptions, optional
        Or any of its fields by name, such as ``total={"Cu": 8}``.
    progress : callable, optional

    Returns
    -------
    Identifiability
        With several scans also what each adds to every occupancy.

    Raises
    ------
    InputError
        No occupancy varies, or options that cannot be.

    Notes
    -----
    The information matrix of the occupancies in atoms per cell, with everything else (scale, background, cell, size,
    displacement) projected out, is Schur's complement S = Jᵀ(1 − P)J in units of the scan's own errors. An
    eigenvector is a combination of atoms with the standard error λ^(−1/2), independent of the others.

    Examples
    --------
    >>> import xrdfit as xf
    >>> found = xf.identify(xf.load_model("cu2se-6nm"), xf.Plan(counts=2000.0), total={"Cu": 8}, engine="bragg")
    >>> sorted(found.stderr), found.degenerate
    (['occ_Cu_32f', 'occ_Cu_8c'], ())
    """
    check_model(model)
    options = with_choices(options or FitOptions(), choices)
    if progress:
        progress("fitting")
    plans: Any = {"": scan or Plan()} if scan is None or isinstance(scan, Plan) else scan
    if not hasattr(plans, "data_vars") and any(isinstance(each, Plan) for each in plans.values()):
        return identify_result(planned_result(model, plans, options), planned=True, progress=progress)
    return identify_result(fit_with(model, plans, options, progress), progress=progress)


def planned_result(
    model: PowderModel,
    plan: Plan | Mapping[str, Plan | xr.Dataset],
    options: FitOptions,
    values: Mapping[str, float] | None = None,
    sigmas: Mapping[str, Array] | None = None,
) -> FitResult:
    """Return what a fit to planned scans finds on average: its own values, with the errors that counting leaves.

    Parameters
    ----------
    model : PowderModel
    plan : Plan, or a mapping of labels to plans and measured scans
        A measured scan counts with its errors, as if it had given exactly what the model has.
    options : FitOptions
        How the scans will be fitted; a plan's radiation, where it has one, comes first.
    values : Mapping[str, float], optional
        Parameters that differ from the model's.
    sigmas : Mapping[str, ndarray], optional
        By label, the errors (n,) of measured scans at the points that are fitted; their own by default.

    Notes
    -----
    The scans are computed from the problem that the options pose, after what they fix, start and hold: the model is
    their exact minimum, and no misfit inflates the errors. Nothing is searched.
    """
    plans: dict[str, Plan | xr.Dataset] = {"": plan} if isinstance(plan, Plan) else dict(plan)
    if len(plans) == 1:
        plans = {"": next(iter(plans.values()))}
    rays = {x: p.radiation for x, p in plans.items() if isinstance(p, Plan) and p.radiation is not None}
    rays = {x: rays.get(x, options.of(x).radiation) for x in plans}
    options = replace(options, radiation=rays[""] if list(plans) == [""] else rays)
    drafts: dict[str, xr.Dataset] = {}
    for label, each in plans.items():
        own = options.of(label)
        is_plan = isinstance(each, Plan)
        drafts[label] = each.expected(_lit(model, own), own) if is_plan else each  # pyright: ignore
    chosen: dict[str, Engine] = {x: planned_engine(_lit(model, options.of(x)), options.of(x)) for x in drafts}
    setup = prepare(model, drafts, options, chosen)
    problem = setup.problem
    theta = problem.theta({**problem.base, **(values or {})})
    at = {**problem.expand(theta)[0], **{n: v for n, v in (values or {}).items() if n in problem.solved}}
    blocks = [_expected(block, plans[block.label], at, (sigmas or {}).get(block.label)) for block in problem.scans]
    # what the fit makes of it, so that a background held by the options is in the scan too
    parts = replace(problem, scans=tuple(blocks)).evaluate(theta, derivatives=False).parts
    views = []
    for i, (view, block, part) in enumerate(zip(setup.scans, blocks, parts, strict=True)):
        each, mean = plans[view.label], part.calculated
        sigma = each.sigma(mean) if isinstance(each, Plan) else block.sigma
        blocks[i] = replace(block, observed=mean, sigma=sigma)
        data = view.data.assign(counts=("two_theta", mean), sigma=("two_theta", sigma))
        views.append(replace(view, data=data))
    problem = replace(problem, scans=tuple(blocks))
    solution = Solution(theta, problem.evaluate(theta).chi2, True, "planned")
    return assemble(replace(setup, scans=tuple(views), problem=problem), problem, solution, model, "")


def _lit(model: PowderModel, options: FitOptions) -> PowderModel:
    """The model under the radiation of the options, for a draft of the scan."""
    ray = options.radiation
    return model if ray is None or isinstance(ray, Radiation) else model.with_radiation(ray)


def _expected(block: ScanBlock, plan: Plan | xr.Dataset, at: Mapping[str, float], sigma: Array | None) -> ScanBlock:
    """The block of a scan as it is expected: of a plan, its counts above its background; else what the model gives."""
    scales = np.array([at[n] for n in block.bound.scales])
    signal = block.bound.patterns(at) @ scales
    held = block.held.copy()
    if not isinstance(plan, Plan):
        heights = np.array([at[n] for n in block.bound.background.heights])
        held[: len(scales)] = scales
        observed = signal + block.bound.background.basis(at) @ heights
        return replace(block, held=held, observed=observed, sigma=block.sigma if sigma is None else sigma)
    factor = plan.counts / signal.max()
    held[: len(scales)] = scales * factor
    return replace(block, held=held, observed=signal * factor + plan.background)


def identify_result(result: FitResult, *, planned: bool = False, progress: Progress | None = None) -> Identifiability:
    """Say what the scan of a finished fit can tell; see `identify`."""
    problem = result.problem
    if not problem.occupancies.free:
        raise InputError(f"no occupancy of {result.model.name} varies: free some (--vary 'occ_*')")
    inflation = result.inflation
    values = {name: p.value for name, p in result.parameters.items()}
    atoms = multiplicities(result)
    information, basis = occupancy_information(problem, result.theta, atoms)
    information /= inflation
    occupancies = {n: values[n] for n in problem.occupancies.names}
    found: tuple[Combination, ...] = combinations_of(information, basis, atoms, occupancies)
    pairs: tuple[DegeneratePair, ...] = degenerate_pairs(information, basis, atoms, occupancies)
    if progress:
        progress("looking for other answers")
    others = _rivals(result, problem, inflation)
    return Identifiability(
        model=result.model.name,
        scan=" + ".join(
            "planned" if planned and len(result.scans) == 1 else str(data.attrs.get("file", "from memory"))
            for data in result.data.values()
        ),
        engine=result.engine,
        combinations=found,
        degenerate=pairs,
        rivals=tuple(others),
        scans=shares_of_scans(result),
        occupancies=occupancies,
        stderr={n: result.parameters[n].stderr for n in occupancies},
        information=information,
        basis=basis,
        result=result,
    )


def _rivals(result: FitResult, problem: Problem, inflation: float) -> Sequence[Rival]:
    """Other answers: those that the fit met, else those found now; a planned scan was not fitted."""
    if result.rivals:
        return result.rivals
    return search_rivals(problem, Solution(result.theta, result.statistics.chi2, True, ""), inflation)


def multiplicities(result: FitResult) -> dict[str, int]:
    """Multiplicity of the site of every occupancy that moves."""
    return {
        name: site.multiplicity
        for phase in result.model.phases
        for site in phase.structure.sites
        if (name := f"{result.model.prefix(phase)}occ_{site.label}") in result.problem.occupancies.names
    }


def occupancy_information(problem: Problem, theta: Array, atoms: Mapping[str, int]) -> tuple[Array, Array]:
    """Information matrix of the atoms on the sites, everything else projected out.

    Parameters
    ----------
    problem : Problem
    theta : ndarray, shape (n_theta,)
        The minimum.
    atoms : Mapping[str, int]
        Multiplicity of the site of each occupancy that moves.

    Returns
    -------
    information : ndarray, shape (n_free, n_free)
        In an orthonormal basis of the changes that totals leave open.
    basis : ndarray, shape (n_names, n_free)
        That basis, in atoms per cell on each site.
    """
    jacobian = problem.full_jacobian(theta)
    k, free = len(problem.direct), len(problem.occupancies.free)
    own = np.zeros(jacobian.shape[1], dtype=bool)
    own[k : k + free] = True
    weights = np.array([float(atoms[n]) for n in problem.occupancies.names])
    basis, triangle = np.linalg.qr(weights[:, None] * problem.occupancies.tangent)
    sites = np.linalg.solve(triangle.T, jacobian[:, own].T).T
    nuisance = jacobian[:, ~own]
    norms = np.linalg.norm(nuisance, axis=0)
    left, size, _ = np.linalg.svd(nuisance[:, norms > 0] / norms[norms > 0], full_matrices=False)
    left = left[:, size > 1e-8 * size.max(initial=1.0)]
    sites = sites - left @ (left.T @ sites)
    return sites.T @ sites, basis
