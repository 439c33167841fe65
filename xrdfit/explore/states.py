"""Models on the sites of another: so that a click, or a slider, leads from one to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from xrdfit.crystal.symmetry import orbit
from xrdfit.model.phase import Phase
from xrdfit.model.powder import PowderModel

_SAME = 1e-4  # of a coordinate


def state_values(host: PowderModel, model: PowderModel) -> dict[str, float] | None:
    """Return the values with which the host's sites show another model, or None where they cannot.

    Both have one phase in one space group and the same settings, and every filled site of the other model has its
    species and its positions among the host's sites; sites that it lacks are empty.
    """
    if len(host.phases) != 1 or len(model.phases) != 1 or host.ties or model.ties:
        return None
    phase, other = host.phases[0], model.phases[0]
    if _settings(host) != _settings(model) or phase.structure.group != other.structure.group:
        return None
    names = _counterparts(phase, other)
    if names is None:
        return None
    given = {row.name: row.value for engine in ("bragg", "debye") for row in model.rows(engine)}
    values = {row.name: row.value for engine in ("bragg", "debye") for row in host.rows(engine)}
    for name in values:
        kind, _, label = name.partition("_")
        if kind == "occ":
            values[name] = given.get(f"occ_{names[label]}", 0.0) if label in names else 0.0
        elif kind == "b" and label != "overall":
            values[name] = given[f"b_{names[label]}"] if label in names else 0.0
        elif kind not in ("x", "y", "z"):
            values[name] = given[name]
    return values


def _settings(model: PowderModel) -> tuple[Any, ...]:
    phase = model.phases[0]
    instrument = replace(model.instrument, radiation=None)
    return instrument, phase.shape, phase.scherrer_k, phase.march_axis, phase.min_distance, phase.engine


def _counterparts(host: Phase, other: Phase) -> dict[str, str] | None:
    """Return for the host's labels those of the other phase that stand for the same positions."""
    names: dict[str, str] = {}
    for site in other.structure.sites:
        if site.occupancy == 0.0:
            continue
        same = [
            own.label
            for own in host.structure.sites
            if own.species == site.species
            and own.wyckoff == site.wyckoff
            and own.label not in names
            and own.shares is None
            and site.shares is None
            and _coincide(host, own.xyz, site.xyz)
        ]
        if not same:
            return None
        names[same[0]] = site.label
    return names


def _coincide(phase: Phase, one: tuple[float, float, float], two: tuple[float, float, float]) -> bool:
    apart = orbit(phase.structure.group, one) - np.asarray(two)
    return bool((np.abs(apart - np.round(apart)).max(axis=1) < _SAME).any())
