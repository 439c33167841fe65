"""A model as plain data: what the page's script needs to compute its patterns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, pi, radians, sin
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from xrdfit.crystal.lattice import PARAMETERS
from xrdfit.crystal.symmetry import cell_from_free, cell_names, free_coordinates, orbit_operations, reflections
from xrdfit.diffraction.debye.geometry import Geometry
from xrdfit.errors import InputError
from xrdfit.explore.radiations import WAVELENGTHS, packed, radiation_table
from xrdfit.model.instrument import DEFAULT_RADIUS_MM
from xrdfit.model.phase import Phase
from xrdfit.model.powder import PowderModel

Values = Mapping[str, float]

MAX_SITES = 60
_MANY_INDICES = 100_000
_MARGIN = 1.04  # the engine's own margins for a cell that grows
_LAST_ANGLE = 160.0
_SIZE_NODES = 9  # as in `xrdfit.diffraction.sizes`


def model_data(model: PowderModel, two_theta: NDArray[np.float64], elements: Sequence[str]) -> dict[str, Any]:
    """Return a model as plain data.

    Parameters
    ----------
    model : PowderModel
    two_theta : ndarray, shape (n,)
        Grid of the page, degree.
    elements : sequence of str
        Elements of the page, for f′ and f″ at the model's own radiation.

    Raises
    ------
    InputError
        When the model has more sites than sliders can serve, or a tie that is not linear.
    """
    shortest = min(line.wavelength for line in model.radiation().lines)
    instrument = model.instrument
    z, weights = hermegauss(_SIZE_NODES)
    return {
        "name": model.name,
        "notes": list(model.notes),
        "radiation": radiation_table(model.radiation(), model.radiation().name, elements),
        "phases": [_phase(model, phase, shortest, float(two_theta[-1])) for phase in model.phases],
        "rows": _rows(model),
        "ties": [_tie(tie) for tie in model.ties],
        "monochromator_deg": instrument.monochromator_deg or 0.0,
        "radius_mm": instrument.radius_mm or DEFAULT_RADIUS_MM,
        "slits": instrument.slits,
        "film": instrument.film,
        "hermite": {"z": z.tolist(), "weights": (weights / weights.sum()).tolist()},
    }


def _rows(model: PowderModel) -> list[dict[str, Any]]:
    rows = {row.name: row for engine in ("debye", "bragg") for row in model.rows(engine)}
    return [{"name": row.name, "value": row.value, "unit": row.unit, "text": row.text} for row in rows.values()]


def _tie(tie: Any) -> dict[str, Any]:
    straight = tie.affine()
    if straight is None:
        raise InputError(f"tie {tie.text!r} is not linear; the page follows linear ties only")
    constant, slopes = straight
    return {"target": tie.target, "constant": constant, "slopes": dict(slopes), "text": tie.text}


def _phase(model: PowderModel, phase: Phase, shortest: float, last: float) -> dict[str, Any]:
    structure = phase.structure
    if len(structure.sites) > MAX_SITES:
        raise InputError(
            f"{phase.name}: {len(structure.sites)} sites are too many for a page with a slider each; "
            f"up to {MAX_SITES} are allowed"
        )
    if phase.broadening_axis is not None:
        raise InputError(f"{phase.name}: the page draws spheres; leave broadening_axis out of its model")
    least = _least_wavelength(structure.cell.volume)
    table = reflections(structure.group, structure.cell, _d_min(min(least, shortest), shortest, least, last))
    geometry = Geometry.of(structure)
    cations = geometry.cations()
    data = {
        "name": phase.name,
        "prefix": model.prefix(phase),
        "engine": phase.engine,
        "spaceGroup": structure.group.hm,
        "shape": phase.shape,
        "scherrer_k": phase.scherrer_k,
        "min_distance": phase.min_distance,
        "cell": _cell_rule(phase),
        "cell_names": list(cell_names(structure.group)),
        "reference": [float(getattr(structure.cell, name)) for name in PARAMETERS],
        "hkl": packed(table.hkl, "i2"),
        "multiplicity": packed(table.multiplicity, "u2"),
        "least_wavelength": least,
        "sites": [_site(phase, row, bool(cations[row])) for row in range(len(structure.sites))],
        "march_axis": None if phase.march_axis is None else list(phase.march_axis),
    }
    if phase.march_axis is not None:
        data["equivalents"] = packed(table.equivalents, "i2")
    return data


def _least_wavelength(volume: float) -> float:
    """Return the shortest wavelength on the slider, Å: below it a large cell has too many lines to carry along."""
    first, last, step = WAVELENGTHS
    enough = 2.0 * _MARGIN * (4.0 * pi * volume / (3.0 * _MANY_INDICES)) ** (1.0 / 3.0)
    return min(max(first, step * ceil(enough / step)), last - step)


def _d_min(smallest: float, shortest: float, least: float, last: float) -> float:
    """Return the d-spacing down to which the page knows the lines, Å."""
    everywhere = 0.5 * least / _MARGIN
    # the model's own radiation may be shorter than the slider goes
    own = shortest / (2.0 * sin(radians(0.5 * min(max(last + 10.0, _LAST_ANGLE), 178.0)))) / _MARGIN
    return everywhere if smallest == least else min(everywhere, own)


def _cell_rule(phase: Phase) -> list[str | float]:
    """Return for each of a, b, c, α, β, γ the name of the free parameter that it equals, or its fixed value."""
    group, cell = phase.structure.group, phase.structure.cell
    names = cell_names(group)
    start = {name: float(getattr(cell, name)) for name in names}
    rule: list[str | float] = [float(getattr(cell, name)) for name in PARAMETERS]
    for name in names:
        moved = cell_from_free(group, {**start, name: start[name] * 1.001})
        for place, parameter in enumerate(PARAMETERS):
            if abs(float(getattr(moved, parameter)) - float(getattr(cell, parameter))) > 1e-9:
                rule[place] = name
    return rule


def _site(phase: Phase, row: int, cation: bool) -> dict[str, Any]:
    structure = phase.structure
    site = structure.sites[row]
    labels = [other.label for other in structure.sites]
    rotations, translations = orbit_operations(structure.group, site.xyz)
    free = free_coordinates(structure.group, site.xyz)
    host = site.shares or site.label
    return {
        "label": site.label,
        "species": site.species,
        "element": site.element,
        "wyckoff": site.wyckoff,
        "multiplicity": site.multiplicity,
        "host": labels.index(host),
        "cation": cation,
        "xyz": list(site.xyz),
        "rotations": rotations.reshape(-1, 9).tolist(),
        "translations": translations.tolist(),
        "free": [f"{axis}_{host}" for axis in free.names],
        "offset": free.offset.tolist(),
        "basis": free.basis.tolist(),
    }
