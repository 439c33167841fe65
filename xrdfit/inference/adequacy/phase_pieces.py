"""What a model may lack of phases: others, and preferred orientation and shape of those that it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Radiation
from xrdfit.inference.adequacy.neighbourhood import column_of
from xrdfit.inference.adequacy.pieces import STOPGAP, Piece, strongest
from xrdfit.inference.uncertainty.estimate import Estimate
from xrdfit.model.files.presets import preset_names
from xrdfit.model.files.read import load_model
from xrdfit.model.phase import Phase
from xrdfit.model.powder import PowderModel

Array = NDArray[np.float64]

IMPURITY_SIZES_NM = (4.0, 10.0, 40.0)
_LYING_NM = 15.0  # crystallites below it seldom lie on a face
_MARCH_TRIAL = 0.05
_RATIO_TRIAL = 0.05
_UNIAXIAL = ((0, 0, 1),)
_SHAPES = {"cubic": ()} | dict.fromkeys(("orthorhombic", "monoclinic", "triclinic"), ((0, 0, 1), (1, 0, 0), (0, 1, 0)))
_CUBIC_AXES = ((1, 0, 0), (1, 1, 0), (1, 1, 1))
_UNIAXIAL_AXES = ((0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 0, 1))
_OTHER_AXES = ((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1))


def impurity_pieces(result: Estimate) -> Iterator[Piece]:
    """Each preset of another material, at a few sizes, as broadened lines; sizes in units of the strongest line."""
    own = {_kind_of(phase) for phase in result.model.phases}
    elements = {of for _, of in own}  # another form of the same compound has nearly the same lines
    for name in preset_names():
        phase = _preset(name).phases[0]
        if _kind_of(phase) in own:
            continue
        for i, (scan, fitted) in enumerate(zip(result.problem.scans, result.scans, strict=True)):
            top = strongest(result, i)
            curves = _impurity(name, scan.bound.two_theta.tobytes(), fitted.model.radiation())
            for size, curve in zip(IMPURITY_SIZES_NM, curves, strict=True):
                yield Piece(
                    "impurity", name, ("--phase", name), column_of(result.problem, i, top * curve[:, None]),
                    least=0.0, numbers={"size_nm": size}, scan=scan.label,
                    trust=STOPGAP if _kind_of(phase)[1] in elements else 1.0,
                )  # fmt: skip


def _kind_of(phase: Phase) -> tuple[int, frozenset[str]]:
    return phase.structure.group.number, frozenset(s.element for s in phase.structure.sites)


@lru_cache(maxsize=64)
def _preset(name: str) -> PowderModel:
    return load_model(name)


@lru_cache(maxsize=256)
def _impurity(name: str, grid: bytes, rays: Radiation) -> Array:
    """Patterns of a preset at the tried sizes, strongest point 1, shape (n_sizes, n)."""
    model = _preset(name)
    model = replace(model, phases=model.phases[:1], instrument=replace(model.instrument, radiation=rays))
    phase = replace(model.phases[0], engine="bragg", shape="scherrer")
    bound = replace(model, phases=(phase,)).bind(np.frombuffer(grid), "bragg")
    values = {r.name: r.value for r in replace(model, phases=(phase,)).rows("bragg")}
    curves = [bound.patterns(values | {"size_nm": size, "mixing": 0.5})[:, 0] for size in IMPURITY_SIZES_NM]
    return np.array([curve / max(float(curve.max()), 1e-300) for curve in curves])


def texture_pieces(result: Estimate) -> Iterator[Piece]:
    """Preferred orientation about axes of low indices, of every phase that lines describe; size is March's r − 1."""
    problem = result.problem
    values = problem.evaluate(result.theta, derivatives=False).values
    for i, (scan, fitted) in enumerate(zip(problem.scans, result.scans, strict=True)):
        bound = scan.bound
        for phase, engine, key in zip(fitted.model.phases, bound.engines, bound.keys, strict=True):
            own = {bare: values[name] for bare, name in key.items() if name in values}
            if phase.march_axis is not None or own["size_nm"] < _LYING_NM:
                continue
            for axis in _axes(phase.structure.group.crystal_system):
                lying = engine.assuming(march_axis=axis)
                if "march_r" not in lying.names:  # finite clusters
                    break
                more, less = (lying.pattern(own | {"march_r": 1.0 + r}) for r in (_MARCH_TRIAL, -_MARCH_TRIAL))
                curve = own["scale"] * (more - less) / (2.0 * _MARCH_TRIAL)
                subject = f"{fitted.model.prefix(phase)}{axis[0]} {axis[1]} {axis[2]}"
                yield Piece(
                    "texture", subject, ("--texture", *map(str, axis)), column_of(problem, i, curve[:, None]),
                    least=-0.9, numbers=dict(zip("hkl", map(float, axis), strict=True)), scan=scan.label,
                )  # fmt: skip


def shape_pieces(result: Estimate) -> Iterator[Piece]:
    """Platelets or needles along an axis of low indices, of phases that lines describe; size is the ratio's logarithm.

    Of a cubic crystal no axis differs from a sphere to first order.
    """
    problem = result.problem
    values = problem.evaluate(result.theta, derivatives=False).values
    for i, (scan, fitted) in enumerate(zip(problem.scans, result.scans, strict=True)):
        bound = scan.bound
        for phase, engine, key in zip(fitted.model.phases, bound.engines, bound.keys, strict=True):
            if phase.broadening_axis is not None or "mixing" not in engine.names:
                continue
            own = {bare: values[name] for bare, name in key.items() if name in values} | {"strain_ratio": 1.0}
            for axis in _SHAPES.get(phase.structure.group.crystal_system, _UNIAXIAL):
                shaped = engine.assuming(broadening_axis=axis)
                more, less = (shaped.pattern(own | {"size_ratio": 1.0 + r}) for r in (_RATIO_TRIAL, -_RATIO_TRIAL))
                curve = own["scale"] * (more - less) / (2.0 * _RATIO_TRIAL)
                subject = f"{fitted.model.prefix(phase)}{axis[0]} {axis[1]} {axis[2]}"
                yield Piece(
                    "anisotropic", subject, ("--anisotropic", *map(str, axis)), column_of(problem, i, curve[:, None]),
                    numbers=dict(zip("hkl", map(float, axis), strict=True)), scan=scan.label,
                )  # fmt: skip


def _axes(system: str) -> tuple[tuple[int, int, int], ...]:
    if system == "cubic":
        return _CUBIC_AXES
    return _UNIAXIAL_AXES if system in ("tetragonal", "trigonal", "hexagonal") else _OTHER_AXES
