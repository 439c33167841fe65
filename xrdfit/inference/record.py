"""Scans, models and errors of sites as plain data, as result.json holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from xrdfit.inference.fitted import FittedScan, FittedSite
from xrdfit.inference.uncertainty.estimate import Estimate
from xrdfit.inference.uncertainty.site_shares import share_gradient
from xrdfit.model.instrument import DEFAULT_RADIUS_MM
from xrdfit.model.powder import PowderModel

SCHEMA = 1


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def about_scan(scan: FittedScan) -> dict[str, Any]:
    """What the scan's header states, and how far the fitted points reach."""
    angles = scan.data["two_theta"].values
    extent = {"two_theta_min": float(angles[0]), "two_theta_max": float(angles[-1]), "n_points": len(angles)}
    attributes: Mapping[Any, Any] = scan.data.attrs
    return {str(k): _plain(v) for k, v in attributes.items()} | extent


def about_scans(scans: Sequence[FittedScan]) -> list[dict[str, Any]]:
    """Each scan with its engine, radiation, weight fractions and statistics."""
    return [
        {"label": s.label, "engine": s.engine, "radiation": s.model.radiation().name}
        | {"weight_fractions": s.weight_fractions}
        | about_scan(s)
        | asdict(s.statistics)
        for s in scans
    ]


def about_model(model: PowderModel) -> dict[str, Any]:
    """Phases, radiation and geometry of a model."""
    rays = model.radiation()
    instrument = model.instrument
    return {
        "name": model.name,
        "phases": [
            {
                "name": p.name,
                "structure": p.structure.name,
                "space_group": p.structure.group.hm,
                "shape": p.shape,
                "scherrer_k": p.scherrer_k,
            }
            for p in model.phases
        ],
        "radiation": rays.name,
        "wavelengths": [line.wavelength for line in rays.lines],
        "wavelength_weights": [line.weight for line in rays.lines],
        "radius_mm": instrument.radius_mm or DEFAULT_RADIUS_MM,
        "monochromator_deg": instrument.monochromator_deg,
    }


class Answer(Estimate, Protocol):
    """A minimum that knows what its model lacks."""

    def stderr_model(self, gradient: Mapping[str, float]) -> float | None:
        """Return the error by what the model lacks of a quantity with these derivatives by the occupancies."""
        ...


def site_errors(result: Answer, site: FittedSite) -> dict[str, float | None]:
    """Return the errors of a site's occupancy and share by what the model lacks."""
    prefix, kin = _kin(result.model, site.phase, site.element)
    own = f"{prefix}occ_{site.label}"
    values = {f"{prefix}occ_{s.label}": s.occupancy for s in result.sites if s.phase == site.phase}
    slopes = share_gradient(kin, values, own)[1]
    return {
        "stderr_model": result.stderr_model({own: 1.0}),
        "share_stderr_model": result.stderr_model({n: s for n, s in slopes.items() if s}),
    }


def composition_errors(result: Answer) -> dict[str, dict[str, float | None]]:
    """Return the errors of the atoms per cell, by counting and by what the model lacks, of the elements that move."""
    found = {}
    for phase in result.model.phases:
        for element in dict.fromkeys(s.element for s in phase.structure.sites):
            prefix, atoms = _kin(result.model, phase.name, element)
            if not any(n in result.problem.occupancies.names for n in atoms):
                continue
            row = np.array([atoms.get(n, 0.0) for n in result.covariance_names])
            stderr = float(np.sqrt(max(row @ result.covariance @ row, 0.0)))
            found[f"{prefix}{element}"] = {"stderr": stderr, "stderr_model": result.stderr_model(atoms)}
    return found


def _kin(model: PowderModel, phase: str, element: str) -> tuple[str, dict[str, float]]:
    """Prefix of a phase's parameters, and the multiplicities of an element's sites by their occupancies."""
    chosen = next(p for p in model.phases if p.name == phase)
    prefix = model.prefix(chosen)
    return prefix, chosen.atoms(element, prefix)
