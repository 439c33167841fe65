"""What measurement would bring an occupancy to a wanted error: longer, wider, or at another wavelength."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.crystal.radiation import Radiation, radiation
from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.inference.questions.identify import Plan, planned_result
from xrdfit.progress import Progress

if TYPE_CHECKING:
    from xrdfit.inference.result import FitResult

ENDS_DEG = (60.0, 80.0, 100.0, 120.0, 140.0)
_WORST_FIT = 2.0
RADIATIONS = ("cu-ka", "co-ka", "mo-ka", "ag-ka")


@dataclass(frozen=True)
class DesignRow:
    """One way to measure.

    Attributes
    ----------
    change : str
        In words.
    two_theta : (float, float)
        Range, degrees.
    radiation : str
    stderr : float
        Error of the parameter for the same counting time a step, misfit included; infinite where it is not determined.
    misfit : float
        The part of it that no counting removes, because the model does not fit; 0 for a planned scan.
    time_a_step, time_in_all : float
        Factors on the counting time a step, and of the whole scan, that bring the error to the target; infinite
        where no time does.
    """

    change: str
    two_theta: tuple[float, float]
    radiation: str
    stderr: float
    misfit: float
    time_a_step: float
    time_in_all: float

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


def design(
    result: FitResult, name: str, target: float, *, systematic: float = 0.0, progress: Progress | None = None
) -> tuple[DesignRow, ...]:
    """Find measurements that bring a parameter to an error.

    Parameters
    ----------
    result : FitResult
        A fit to the scan as it is, or as it is planned (`identify(...).result`).
    name : str
        A parameter that varied.
    target : float
        The wanted standard error.
    systematic : float
        Error that no counting removes, in quadrature.
    progress : callable, optional

    Returns
    -------
    tuple of DesignRow
        The present scan first, then by rising time in all.

    Raises
    ------
    InputError
        For a parameter that did not vary, a target that is not positive, or a fit that is worse than twice what
        counting explains: what it misses, and not the time, then sets the error.

    Notes
    -----
    With c² the variance of counting and g the goodness of fit of the result, where it exceeds 1, the variance is
    c² g² = c² + c² (g² − 1). Only its first part falls with time, because a misfit grows with the counts: the factor
    is c²/(target² − systematic² − c² (g² − 1)). Elsewhere the model is taken to fit as badly as here. Other ranges
    and wavelengths are computed with the fitted model at the same counts at the maximum and the same background
    level: what a tube or a detector yields at another wavelength is not known here. What was excluded stays excluded,
    at another wavelength at the angles of the same spacings.
    """
    if name not in result.parameters or result.parameters[name].status == "fixed":
        varied = ", ".join(n for n, p in result.parameters.items() if p.status != "fixed")
        raise InputError(f"{name!r} did not vary; there are {varied}")
    if not (np.isfinite(target) and target > 0.0):
        raise InputError(f"target error {target:g} of {name} must be a positive number")
    fit_quality = result.statistics.goodness_of_fit
    if fit_quality > _WORST_FIT:
        raise InputError(
            f"goodness of fit {fit_quality:.3g} is above {_WORST_FIT:g}: the model misses more than counting does, "
            "and no measurement of another length mends that; improve the model first"
        )
    rows = []
    for change, plan in _plans(result):
        if progress:
            progress(f"computing {change}")
        rows.append(_row(result, change, plan, name, target, systematic))
    return (rows[0], *sorted(rows[1:], key=lambda r: r.time_in_all))


def _plans(result: FitResult) -> Iterator[tuple[str, Plan]]:
    angles = result.scan["two_theta"].values
    pattern = result.pattern
    background = float(pattern["background"].mean())
    counts = float((pattern["calculated"] - pattern["background"]).max())
    start, stop, step = float(angles[0]), float(angles[-1]), float(np.median(np.diff(angles)))
    rays = result.model.instrument.radiation
    present = Plan(
        counts,
        max(background, 0.0),
        (start, stop, step),
        _known(rays) if isinstance(rays, Radiation) else rays,
        gain=float(np.median(result.scan["sigma"] ** 2 / np.maximum(pattern["calculated"], 1e-300))),
    )
    yield "as measured", present
    for end in ENDS_DEG:
        if end > stop + 1.0:
            yield f"range to {end:g}°", replace(present, two_theta=(start, end, step))
    for name in RADIATIONS:
        if name != present.radiation:
            yield f"radiation {name}", replace(present, radiation=name)


def _known(rays: Radiation) -> str | float:
    """The name or wavelength that makes these lines again, nearly."""
    if rays.neutron:
        return rays.name
    name = rays.name.partition(" ")[0]
    return name if name in RADIATIONS or name.endswith("-ka1") else rays.wavelength


def _row(result: FitResult, change: str, plan: Plan, name: str, target: float, systematic: float) -> DesignRow:
    options: FitOptions = replace(
        result.options,
        engine=result.engine,
        radiation=plan.radiation,
        range=None,
        exclude=_excluded(result, plan),
        start={},
    )
    rows = result.problem.rows
    values = {n: p.value for n, p in result.parameters.items() if rows[n].kind.belongs != "background"}
    fitted = planned_result(result.model, plan, options, values)
    found = fitted.parameters[name].stderr if fitted.success else None
    counting = float("inf") if found is None else found
    inflation = result.inflation
    misfit = counting * float(np.sqrt(inflation - 1.0)) if inflation > 1.0 else 0.0
    room = target**2 - systematic**2 - misfit**2
    factor = counting**2 / room if room > 0.0 else float("inf")
    length = len(fitted.scan["two_theta"]) / len(result.scan["two_theta"])
    rays = plan.radiation if plan.radiation is not None else result.model.radiation().name
    stderr = counting * float(np.sqrt(inflation))
    return DesignRow(change, plan.two_theta[:2], str(rays), stderr, misfit, factor, factor * length)


def _excluded(result: FitResult, plan: Plan) -> tuple[tuple[float, float], ...]:
    """The excluded ranges of the fit, at the angles where the plan's wavelength has the same spacings."""
    if plan.radiation is None:
        return result.options.exclude
    ratio = radiation(plan.radiation).wavelength / result.model.radiation().wavelength
    sines = ratio * np.sin(np.radians(np.array(result.options.exclude, dtype=float).reshape(-1, 2) / 2.0))
    ends = 2.0 * np.degrees(np.arcsin(np.minimum(sines, 1.0)))
    return tuple((float(low), float(high)) for low, high in ends if low < high)
