"""Scans and models as plain data, as result.json holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xrdfit.inference.fitted import FittedScan
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
