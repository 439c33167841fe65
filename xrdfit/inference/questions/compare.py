"""`compare`: which sets of sites, or which models, a scan supports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.fitting.descent import descend
from xrdfit.fitting.minima import occupancy_minima
from xrdfit.fitting.options import FitOptions, with_choices
from xrdfit.fitting.prepare import Setup, check_model, pose, prepare
from xrdfit.fitting.scans import Scans, one_sample
from xrdfit.fitting.starts import rough_minima
from xrdfit.inference.fit import fit_with
from xrdfit.inference.questions.candidates import Fitted, candidate_of, occupancy_names, with_limits
from xrdfit.inference.questions.ranking import (
    NEGLIGIBLE_SHARE,
    Comparison,
    judge,
    nested_pairs,
)
from xrdfit.inference.result import FitResult
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
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
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
    jobs: list[tuple[tuple[str, ...], Callable[[Sequence[Fitted]], Fitted]]] = [
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
    jobs: Sequence[tuple[tuple[str, ...], Callable[[Sequence[Fitted]], Fitted]]], tell: Progress
) -> tuple[list[Fitted], LeftOut, bool]:
    """Fit the candidates one after the other, each knowing those before it; return them until Ctrl-C, if it comes.

    Raises
    ------
    KeyboardInterrupt
        Interrupted before there was any.
    """
    fitted: list[Fitted] = []
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
    before: Sequence[Fitted],
) -> Fitted:
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
    return Fitted(setup.model.name, setup.model, sites, problem, descend(problem, best.theta))


def _fit_rival(name: str, model: PowderModel, scan: Scans, options: FitOptions, full: FitResult) -> Fitted:
    result = fit_with(model, scan, options, engines={s.label: s.engine for s in full.scans})
    problem = result.problem.with_sigmas(full.problem.sigmas)
    moving = set(problem.occupancies.names)
    sites = tuple(key for key, name in occupancy_names(result.model).items() if name in moving)
    return Fitted(name, result.model, sites, problem, descend(problem, result.theta))


def _rank(
    full: FitResult, fitted: Sequence[Fitted], left_out: LeftOut, complete: bool, negligible: float
) -> Comparison:
    if not fitted:
        raise InputError(f"no set of sites can be fitted: {left_out[0][1]}")
    n = full.problem.n_points
    scale = max(1.0, min(f.solution.chi2 / max(n - f.problem.n_varied, 1) for f in fitted))
    lowest = min(f.solution.chi2 / scale + f.problem.n_varied * float(np.log(n)) for f in fitted)
    made = [(candidate_of(f, scale, lowest), f) for f in fitted]
    made.sort(key=lambda pair: pair[0].bic)
    candidates = tuple(with_limits(c, f, made[0][0], scale) for c, f in made)
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
