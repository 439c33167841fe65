"""Candidates of a comparison: their figures, shares and what they may have left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.descent import Solution
from xrdfit.fitting.problem import Evaluation, Problem
from xrdfit.inference.questions.ranking import Candidate, added_sites
from xrdfit.inference.uncertainty.covariance import covariance
from xrdfit.inference.uncertainty.intervals import upper_end
from xrdfit.inference.uncertainty.profiles import profile_of, share_profile
from xrdfit.inference.uncertainty.site_shares import share_gradient
from xrdfit.model.powder import PowderModel

_ONE_SIDED = 1.6449  # 95 % of a normal distribution lie below
_EMPTY = 1e-6  # an occupancy that is none


@dataclass(frozen=True)
class Fitted:
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


def with_limits(candidate: Candidate, fitted: Fitted, best: Candidate, scale: float) -> Candidate:
    """The candidate with limits by profile likelihood, where it says what the best one may have left out."""
    extra = sorted(added_sites(best, candidate))
    if not extra:
        return candidate
    limits = {site: _profile_limit(fitted, site, scale, candidate.upper_shares[site]) for site in extra}
    return replace(candidate, upper_shares={**candidate.upper_shares, **limits})


def _profile_limit(fitted: Fitted, site: str, scale: float, guess: float) -> float:
    """One-sided 95 % limit of a site's share of its element by profile likelihood; 1 where it has none.

    Of the only site of its element it is that of the occupancy.
    """
    name = occupancy_names(fitted.model)[site]
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


def _is_lone(fitted: Fitted, values: Mapping[str, float], name: str) -> bool:
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


def candidate_of(fitted: Fitted, scale: float, lowest: float) -> Candidate:
    """Return a candidate as it is ranked."""
    problem, n = fitted.problem, fitted.problem.n_points
    evaluation = problem.evaluate(fitted.solution.theta, derivatives=False)
    chi2, k = fitted.solution.chi2, problem.n_varied
    bic = chi2 / scale + k * float(np.log(n))
    names = occupancy_names(fitted.model)
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


def occupancy_names(model: PowderModel) -> dict[str, str]:
    """Names of the occupancies by site: its label, behind the phase's prefix where there are several phases."""
    sites = [(model.prefix(p), s.label) for p in model.phases for s in p.structure.sites]
    return {prefix + label: f"{prefix}occ_{label}" for prefix, label in sites}


def _upper_shares(fitted: Fitted, values: Mapping[str, float], scale: float) -> dict[str, float]:
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
