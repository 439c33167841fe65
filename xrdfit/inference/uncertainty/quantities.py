"""Names of what an interval can be asked for: parameters, shares of sites, totals of elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.problem import Problem
from xrdfit.inference.uncertainty.estimate import Estimate
from xrdfit.inference.uncertainty.profiles import Profile, profile_of, share_profile, total_profile
from xrdfit.inference.uncertainty.site_shares import share_gradient


@dataclass(frozen=True)
class Quantity:
    """A number of a result with its standard error and, where it has one, its profile.

    Attributes
    ----------
    name : str
    value, stderr : float
    gradient : dict of str to float
        Its derivatives by the parameters.
    profiles : tuple of Profile
        From the minimum, then from the result's other answers; none for a parameter that follows others by a tie.
    """

    name: str
    value: float
    stderr: float
    gradient: dict[str, float]
    profiles: tuple[Profile, ...]


def quantity(result: Estimate, name: str) -> Quantity:
    """Look up a parameter, a share (``share_Cu_8c``) or a total (``total_Cu``) of a result.

    ``Cu`` alone means the total too where no parameter has that name: U, V, W and Y are also coefficients of the line
    width.

    Raises
    ------
    InputError
        There is none of that name, or it did not vary.
    ComputationError
        The scan does not determine it.
    """
    if name in result.parameters:
        return _parameter(result, result.problem, name)
    phases = {result.model.prefix(p): p for p in result.model.phases}
    for prefix, phase in phases.items():
        bare = name.removeprefix(prefix)
        if not name.startswith(prefix) or "__" in bare:
            continue
        label = bare.removeprefix("share_")
        sites = phase.structure.sites
        if bare != label and any(s.label == label for s in sites):
            element = next(s.element for s in sites if s.label == label)
            return _of_element(result, result.problem, name, phase.name, prefix, element, label)
        element = bare.removeprefix("total_")
        if any(s.element == element for s in sites):
            return _of_element(result, result.problem, name, phase.name, prefix, element, None)
    raise InputError(f"no quantity {name!r}; there are {', '.join([*result.parameters, *derived_names(result)])}")


def derived_names(result: Estimate) -> list[str]:
    """Return the names of all shares and totals of a result."""
    names = []
    for phase in result.model.phases:
        prefix, sites = result.model.prefix(phase), phase.structure.sites
        names += [f"{prefix}share_{s.label}" for s in sites]
        names += [f"{prefix}total_{element}" for element in dict.fromkeys(s.element for s in sites)]
    return names


def _parameter(result: Estimate, problem: Problem, name: str) -> Quantity:
    parameter = result.parameters[name]
    if parameter.status == "fixed":
        raise InputError(f"{name} did not vary and has no interval; --vary {name} frees it")
    if parameter.stderr is None:
        raise ComputationError(f"{name} is not determined by this scan and has no interval")
    found = [profile_of(problem, theta, name) for theta in result.minima]
    return Quantity(name, parameter.value, parameter.stderr, {name: 1.0}, tuple(p for p in found if p is not None))


def _of_element(
    result: Estimate, problem: Problem, name: str, phase: str, prefix: str, element: str, label: str | None
) -> Quantity:
    """A share (of the site `label`) or, without a label, the total of an element."""
    sites = [s for s in result.sites if s.phase == phase and s.element == element]
    moving = {f"{prefix}occ_{s.label}": float(s.multiplicity) for s in sites}
    moving = {n: m for n, m in moving.items() if n in problem.occupancies.names}
    fixed = sum(s.multiplicity * s.occupancy for s in sites if f"{prefix}occ_{s.label}" not in moving)
    total = sum(s.multiplicity * s.occupancy for s in sites)
    if not moving or (_constant(problem, moving) and label is None):
        raise InputError(f"{name} did not vary and has no interval")
    if any(result.parameters[n].stderr is None for n in moving):
        raise ComputationError(f"{name} is not determined by this scan and has no interval")
    if label is None:
        gradient = moving
        value = total
        profiles = [total_profile(problem, theta, moving, fixed) for theta in result.minima]
    else:
        own = f"{prefix}occ_{label}"
        if own not in moving:
            raise InputError(f"{name}: the site's occupancy is fixed; ask for that of {', '.join(moving)}")
        every = {f"{prefix}occ_{s.label}": float(s.multiplicity) for s in sites}
        value, gradient = share_gradient(every, {f"{prefix}occ_{s.label}": s.occupancy for s in sites}, own)
        profiles = [share_profile(problem, theta, own, moving, fixed) for theta in result.minima]
    return Quantity(name, value, _error(result, gradient), gradient, tuple(profiles))


def _constant(problem: Problem, atoms: dict[str, float]) -> bool:
    """Whether a rule keeps the sum of these atoms."""
    row = np.array([atoms.get(n, 0.0) for n in problem.occupancies.names])
    return bool(np.abs(row @ problem.occupancies.tangent).max(initial=0.0) < 1e-9)


def _error(result: Estimate, gradient: dict[str, float]) -> float:
    g = np.array([gradient.get(n, 0.0) for n in result.covariance_names])
    return float(np.sqrt(max(g @ result.covariance @ g, 0.0)))
