"""`compare`: which sets of sites, or which models, a scan supports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.descent import Solution, descend
from xrdfit.fitting.minima import occupancy_minima
from xrdfit.fitting.options import FitOptions, with_choices
from xrdfit.fitting.prepare import Setup, check_model, pose, prepare
from xrdfit.fitting.problem import Evaluation, Problem
from xrdfit.fitting.scans import Scans, one_sample
from xrdfit.fitting.starts import rough_minima
from xrdfit.inference.fit import fit_with
from xrdfit.inference.questions.ranking import (
    NEGLIGIBLE_SHARE,
    Candidate,
    Comparison,
    added_sites,
    judge,
    nested_pairs,
)
from xrdfit.inference.result import FitResult
from xrdfit.inference.uncertainty.covariance import covariance
from xrdfit.inference.uncertainty.intervals import upper_end
from xrdfit.inference.uncertainty.profiles import profile_of, share_profile
from xrdfit.inference.uncertainty.site_shares import share_gradient
from xrdfit.inference.warnings import POOR_CHI2
from xrdfit.model.phase import Engine
from xrdfit.model.powder import PowderModel
from xrdfit.progress import Progress, silent

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
LeftOut = list[tuple[tuple[str, ...], str]]
"""Candidates that could not be fitted, and why."""

MAX_SITES = 8
_STARTS = 4
_ONE_SIDED = 1.6449  # 95 % of a normal distribution lie below
_EMPTY = 1e-6  # an occupancy that is none


@dataclass(frozen=True)
class _Fitted:
    """One candidate before it is ranked.

    Attributes
    ----------
    name : str
        Of the model; no two models of a comparison share one.
    sites : tuple of str
        Labels, behind the phase's prefix where there are several phases.
    """

    name: str
    model: PowderModel
    sites: tuple[str, ...]
    problem: Problem
    solution: Solution


def compare(
    model: PowderModel,
    scan: xr.Dataset | Scans,
    *,
    sites: str | Sequence[str] = (),
    rivals: Sequence[PowderModel] = (),
    negligible: float = NEGLIGIBLE_SHARE,
    options: FitOptions | None = None,
    progress: Progress | None = None,
    **choices,
) -> Comparison:
    """Fit every subset of the given sites, and rival models, to one scan and rank them.

    Parameters
    ----------
    model : PowderModel
        It holds all candidate sites.
    scan : xarray.Dataset, or a mapping of labels to these
        A scan, or several of one sample.
    sites : str or sequence of str
        Candidates, by label ("Cu_8c", "phase__Cu_8c") or Wyckoff position ("8c"); those whose occupancies vary by
        default. Other sites that the model lets vary are empty; those that it does not are as they are.
    rivals : sequence of PowderModel
        Further models, each a candidate with what it lets vary; one that the options do not fit is left out, and the
        reason kept.
    negligible : float
        Share of its element's atoms, 0 to 1, below which a site is as good as empty: a set is named only where each
        site that it leaves out holds less, at 95 %.
    options : FitOptions, optional
        Or any of its fields by name, such as ``total={"Cu": 8}``.
    progress : callable, optional
        Called with a few words for every candidate.

    Returns
    -------
    Comparison
        Best (lowest BIC) first. Interrupted (Ctrl-C), it holds what was fitted until then.

    Raises
    ------
    InputError
        For a site that the model does not have, more than 8 sites, one site and no rival, or options that cannot be.

    Notes
    -----
    The largest model is fitted first; all candidates share its weights (known σ), and χ² is divided by the lowest
    χ²_red of any candidate where that exceeds 1. AIC = χ² + 2k, BIC = χ² + k ln N, k with scale and background.

    Examples
    --------
    >>> import numpy as np
    >>> import xrdfit as xf
    >>> model = xf.load_model("cu2se-6nm")
    >>> grid = np.arange(15.0, 65.0, 0.04)
    >>> scan = xf.make_pattern(grid, 100.0 + xf.simulate(model, grid), radiation="cu-ka")
    >>> found = xf.compare(model, scan, engine="bragg", total={"Cu": 8}, sites=["8c", "32f"])
    >>> found.verdict, sorted(found.candidates[0].sites)
    ('decided', ['Cu_32f', 'Cu_8c'])
    """
    check_model(model)
    if not 0.0 < negligible < 1.0:
        raise InputError(f"negligible {negligible:g} is out of range; a share between 0 and 1 is allowed, such as 0.02")
    options = with_choices(options or FitOptions(), choices)
    tell = progress or silent
    scans, options = one_sample(scan, options)
    labels = candidate_sites(model, options, scans, sites.split(",") if isinstance(sites, str) and sites else sites)
    if len(labels) == 1 and not rivals:
        raise InputError(
            f"one candidate site, {labels[0][0]}{labels[0][1]}, makes one set: there is nothing to compare it with; "
            "name two sites or more (--sites), or a rival model (--rival)"
        )
    tell("fitting the model with all sites")
    whole = _all_sites(model, options, labels)
    full = fit_with(model, scans, whole, progress)
    engines: dict[str, Engine] = {s.label: s.engine for s in full.scans}
    setup = prepare(full.start_model, scans, replace(full.options, seek=()), engines)
    jobs: list[tuple[tuple[str, ...], Callable[[Sequence[_Fitted]], _Fitted]]] = [
        (tuple(prefix + label for prefix, label in subset), partial(_fit_subset, setup, full, labels, subset))
        for n in range(1, len(labels) + 1)
        for subset in combinations(labels, n)
    ]
    for name, rival in zip(_rival_names(model, rivals), rivals, strict=True):
        jobs.append(((name,), lambda _, name=name, rival=rival: _fit_rival(name, rival, scans, options, full)))
    ranked = _rank(full, *_fit_all(jobs, tell), negligible)
    empty = [name for name in whole.fix if name not in options.fix]
    note = (f"held at 0, no candidates: {', '.join(empty)}",) if empty else ()
    return replace(ranked, summary=(*ranked.summary, *note))


def _fit_all(
    jobs: Sequence[tuple[tuple[str, ...], Callable[[Sequence[_Fitted]], _Fitted]]], tell: Progress
) -> tuple[list[_Fitted], LeftOut, bool]:
    """Fit the candidates one after the other, each knowing those before it; return them until Ctrl-C, if it comes.

    Raises
    ------
    KeyboardInterrupt
        Interrupted before there was any.
    """
    fitted: list[_Fitted] = []
    left_out: LeftOut = []
    try:
        for i, (names, fit) in enumerate(jobs):
            tell(f"fitting {' + '.join(names)}", i / len(jobs))
            try:
                fitted.append(fit(fitted))
            except InputError as error:
                left_out.append((names, str(error)))
    except KeyboardInterrupt:
        if not fitted:
            raise
        return fitted, left_out, False
    return fitted, left_out, True


def _rival_names(model: PowderModel, rivals: Sequence[PowderModel]) -> list[str]:
    """Names of the rivals, with a number behind those that are taken already."""
    names = [model.name]
    for rival in rivals:
        tries = (rival.name, *(f"{rival.name} ({i})" for i in range(2, len(rivals) + 2)))
        names.append(next(name for name in tries if name not in names))
    return names[1:]


def _all_sites(model: PowderModel, options: FitOptions, labels: Sequence[tuple[str, str]]) -> FitOptions:
    """Return options under which all candidates vary and other sites that would vary are empty.

    A site that is no candidate, and that the options do not name, has no part in the comparison.
    """
    named = [f"{prefix}occ_{label}" for prefix, label in labels]
    for name in named:
        if name in options.fix:
            raise InputError(f"{name} is a candidate and fixed at once: leave it out of the sites, or do not fix it")
    tied = {t.target for t in model.ties}
    empty = {
        r.name: 0.0
        for r in model.rows("bragg")
        if r.vary and r.is_occupancy and r.name not in {*named, *options.vary, *tied}
    }
    return replace(options, vary=(*options.vary, *named), fix={**empty, **options.fix})


def candidate_sites(
    model: PowderModel, options: FitOptions, scans: Scans, sites: Sequence[str]
) -> list[tuple[str, str]]:
    """Return prefix and label of the candidate sites, in the model's order.

    Raises
    ------
    InputError
        For a site that the model lacks, for none and for too many.
    """
    every = [(model.prefix(p), s) for p in model.phases for s in p.structure.sites]
    if sites:
        chosen = []
        varied = {r.name for r in model.rows("bragg") if r.vary}
        for wanted in dict.fromkeys(sites):
            hits = [(x, s) for x, s in every if wanted in (s.label, x + s.label)]
            hits = hits or [(x, s) for x, s in every if s.wyckoff == wanted and f"{x}occ_{s.label}" in varied]
            hits = hits or [(x, s) for x, s in every if s.wyckoff == wanted]
            if not hits:
                raise InputError(
                    f"site {wanted!r} is not in {model.name}; it has {', '.join(x + s.label for x, s in every)}"
                )
            chosen += hits
    else:
        engines: dict[str, Engine] = {x: "debye" if options.of(x).engine == "debye" else "bragg" for x in scans}
        bound = prepare(model, scans, options, engines).problem
        chosen = [(x, s) for x, s in every if f"{x}occ_{s.label}" in bound.occupancies.names]
    labels = [(x, s.label) for x, s in every if (x, s) in chosen]
    if not labels:
        raise InputError(f"{model.name} has no occupancy that varies: name the candidate sites (--sites 8c,4b)")
    if len(labels) > MAX_SITES:
        raise InputError(
            f"{len(labels)} candidate sites make {2 ** len(labels) - 1} sets; at most {MAX_SITES} are allowed"
        )
    return labels


def _fit_subset(
    setup: Setup,
    full: FitResult,
    labels: Sequence[tuple[str, str]],
    subset: Sequence[tuple[str, str]],
    before: Sequence[_Fitted],
) -> _Fitted:
    """Fit with the sites of the subset free and the other candidates empty, from several starts.

    One of them is the best smaller set fitted before, so that no set is worse than a part of it.
    """
    rows = dict(setup.rows)
    for prefix, label in labels:
        name = f"{prefix}occ_{label}"
        used = (prefix, label) in subset
        rows[name] = replace(rows[name], vary=used, value=rows[name].value if used else 0.0)
        # where and how an empty site's atoms would stand is no parameter of the fit
        for own in (f"{prefix}{kind}_{label}" for kind in ("x", "y", "z", "b") if not used):
            if own in rows:
                rows[own] = replace(rows[own], vary=False)
    bounds = [s.bound for s in setup.problem.scans]
    problem = pose(setup.scans, bounds, rows, setup.model, setup.options).with_sigmas(full.problem.sigmas)
    values = {**problem.base, **{n: p.value for n, p in full.parameters.items()}}
    values |= {n: r.value for n, r in rows.items() if not r.vary and n in {f"{x}occ_{y}" for x, y in labels}}
    start = problem.theta(values)
    starts = [start, problem.theta(problem.base), *occupancy_minima(problem, start)[:_STARTS]]
    found = rough_minima(problem, starts, kept=3)[:1]
    sites = tuple(prefix + label for prefix, label in subset)
    parts = [f for f in before if set(f.sites) < set(sites)]
    if parts:
        part = min(parts, key=lambda f: f.solution.chi2)
        values = {**problem.base, **part.problem.expand(part.solution.theta)[0]}
        found.append(descend(problem, problem.theta(values)))
    best = min(found, key=lambda s: s.chi2)
    return _Fitted(setup.model.name, setup.model, sites, problem, descend(problem, best.theta))


def _fit_rival(name: str, model: PowderModel, scan: Scans, options: FitOptions, full: FitResult) -> _Fitted:
    result = fit_with(model, scan, options, engines={s.label: s.engine for s in full.scans})
    problem = result.problem.with_sigmas(full.problem.sigmas)
    moving = set(problem.occupancies.names)
    sites = tuple(key for key, name in _occupancy_names(result.model).items() if name in moving)
    return _Fitted(name, result.model, sites, problem, descend(problem, result.theta))


def _rank(
    full: FitResult, fitted: Sequence[_Fitted], left_out: LeftOut, complete: bool, negligible: float
) -> Comparison:
    if not fitted:
        raise InputError(f"no set of sites can be fitted: {left_out[0][1]}")
    n = full.problem.n_points
    scale = max(1.0, min(f.solution.chi2 / max(n - f.problem.n_varied, 1) for f in fitted))
    lowest = min(f.solution.chi2 / scale + f.problem.n_varied * float(np.log(n)) for f in fitted)
    made = [(_candidate(f, scale, lowest), f) for f in fitted]
    made.sort(key=lambda pair: pair[0].bic)
    candidates = tuple(_with_limits(c, f, made[0][0], scale) for c, f in made)
    pairs = nested_pairs(candidates, n)
    verdict, summary = judge(candidates, pairs, negligible)
    if scale > POOR_CHI2:
        summary = (*summary, f"no candidate describes the scan: χ² is {scale:.3g} times what counting explains")
    if not full.success:
        summary = (*summary, f"the fit with all sites has no answer: {full.message}")
    if not complete:
        verdict, summary = (
            "cannot tell",
            (
                f"cannot tell: interrupted when {len(candidates)} candidates were fitted",
                *(f"so far: {line}" for line in summary),
            ),
        )
    return Comparison(candidates, pairs, tuple(left_out), verdict, summary, n, scale, complete, full.scan)


def _with_limits(candidate: Candidate, fitted: _Fitted, best: Candidate, scale: float) -> Candidate:
    """The candidate with limits by profile likelihood, where it says what the best one may have left out."""
    extra = sorted(added_sites(best, candidate))
    if not extra:
        return candidate
    limits = {site: _profile_limit(fitted, site, scale, candidate.upper_shares[site]) for site in extra}
    return replace(candidate, upper_shares={**candidate.upper_shares, **limits})


def _profile_limit(fitted: _Fitted, site: str, scale: float, guess: float) -> float:
    """One-sided 95 % limit of a site's share of its element by profile likelihood; 1 where it has none.

    Of the only site of its element it is that of the occupancy.
    """
    name = _occupancy_names(fitted.model)[site]
    problem, theta = fitted.problem, fitted.solution.theta
    values = problem.evaluate(theta, derivatives=False).values
    kin = _kin(fitted.model, name)
    moving = {n: m for n, m in kin.items() if n in problem.occupancies.names}
    fixed = sum(m * values[n] for n, m in kin.items() if n not in moving)
    if name not in moving or (len(moving) > 1 and not sum(m * values[n] for n, m in kin.items()) > 0.0):
        return 1.0
    try:
        if lone := len(moving) == 1 and fixed == 0.0:  # its share is all there is: how full it may be says more
            profile = profile_of(problem, theta, name)
        else:
            profile = share_profile(problem, theta, name, moving, fixed)
        if profile is None:  # it follows others
            return 1.0
        step = max((guess - profile.best) / _ONE_SIDED, 1e-4) if guess < 1.0 and not lone else 0.02
        return min(upper_end(f"share of {site}", profile, step, _ONE_SIDED, scale), 1.0)
    except (ComputationError, InputError):  # a better answer on the way, or no end: nothing is ruled out
        return 1.0


def _is_lone(fitted: _Fitted, values: Mapping[str, float], name: str) -> bool:
    """Whether no other site holds the element, nor may."""
    moving = fitted.problem.occupancies.names
    return all(n == name or (n not in moving and values[n] == 0.0) for n in _kin(fitted.model, name))


def _share(model: PowderModel, values: Mapping[str, float], name: str) -> float:
    kin = _kin(model, name)
    total = sum(m * values[n] for n, m in kin.items())
    return kin[name] * values[name] / total if total > 0.0 else 0.0


def _kin(model: PowderModel, name: str) -> dict[str, float]:
    """Multiplicities of the sites of the same element and phase, by the names of their occupancies."""
    for phase in model.phases:
        prefix, sites = model.prefix(phase), phase.structure.sites
        own = {f"{prefix}occ_{s.label}": s for s in sites}
        if name in own:
            return {n: float(s.multiplicity) for n, s in own.items() if s.element == own[name].element}
    raise KeyError(name)


def _candidate(fitted: _Fitted, scale: float, lowest: float) -> Candidate:
    problem, n = fitted.problem, fitted.problem.n_points
    evaluation = problem.evaluate(fitted.solution.theta, derivatives=False)
    chi2, k = fitted.solution.chi2, problem.n_varied
    bic = chi2 / scale + k * float(np.log(n))
    names = _occupancy_names(fitted.model)
    occupancies = {s: evaluation.values[names[s]] for s in fitted.sites}
    return Candidate(
        model=fitted.name,
        sites=fitted.sites,
        occupancies=occupancies,
        lone=tuple(s for s in fitted.sites if _is_lone(fitted, evaluation.values, names[s])),
        shares={s: _share(fitted.model, evaluation.values, names[s]) for s in fitted.sites},
        upper_shares=_upper_shares(fitted, evaluation.values, scale),
        at_bound=tuple(s for s, o in occupancies.items() if min(o, 1.0 - o) < _EMPTY),
        r_wp=_r_wp(problem, evaluation),
        chi2=chi2,
        n_varied=k,
        aic=chi2 / scale + 2.0 * k,
        bic=bic,
        delta_bic=bic - lowest,
        calculated=evaluation.parts[0].calculated,
        chi2_by_scan={s.label: part.chi2 for s, part in zip(problem.scans, evaluation.parts, strict=True)},
    )


def _r_wp(problem: Problem, evaluation: Evaluation) -> float:
    """R_wp over all scans."""
    observed = sum(float(np.sum((s.observed / s.sigma) ** 2)) for s in problem.scans)
    return float(np.sqrt(sum(part.chi2 for part in evaluation.parts) / observed))


def _occupancy_names(model: PowderModel) -> dict[str, str]:
    """Names of the occupancies by site: its label, behind the phase's prefix where there are several phases."""
    sites = [(model.prefix(p), s.label) for p in model.phases for s in p.structure.sites]
    return {prefix + label: f"{prefix}occ_{label}" for prefix, label in sites}


def _upper_shares(fitted: _Fitted, values: Mapping[str, float], scale: float) -> dict[str, float]:
    """One-sided 95 % limit of each site's part of its element's atoms, from the curvature at the minimum.

    It is 1 where the scan does not determine the occupancy, and where the phase holds no atoms to have a part of.
    """
    spread = covariance(fitted.problem, fitted.solution.theta)
    limits = {}
    for phase in fitted.model.phases:
        prefix, sites = fitted.model.prefix(phase), phase.structure.sites
        for site in sites:
            if prefix + site.label not in fitted.sites:
                continue
            name = f"{prefix}occ_{site.label}"
            kin = _kin(fitted.model, name)
            share, slopes = share_gradient(kin, values, name)
            error = spread.error_of(slopes) * scale**0.5
            known = name not in spread.undetermined and any(values[n] > _EMPTY for n in kin)
            limits[prefix + site.label] = min(share + _ONE_SIDED * error, 1.0) if known else 1.0
    return limits
