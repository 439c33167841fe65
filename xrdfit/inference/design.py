"""What measurement would bring an occupancy to a wanted error: longer, wider, or at another wavelength."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.crystal.radiation import Radiation
from xrdfit.errors import InputError
from xrdfit.inference.fit import restore
from xrdfit.inference.identify import Plan
from xrdfit.inference.options import FitOptions
from xrdfit.inference.solve import Progress

if TYPE_CHECKING:
    from xrdfit.inference.result import FitResult

ENDS_DEG = (60.0, 80.0, 100.0, 120.0, 140.0)
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
        Error of the occupancy for the same counting time a step; infinite where it is not determined.
    time_a_step, time_in_all : float
        Factors on the counting time a step, and of the whole scan, that bring the error to the target; infinite
        where no time does.
    """

    change: str
    two_theta: tuple[float, float]
    radiation: str
    stderr: float
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
        For a parameter that did not vary, or a target that is not positive.

    Notes
    -----
    Variance is proportional to 1/time, so that the factor is stderr²/(target² − systematic²). Other ranges and
    wavelengths are computed with the fitted model at the same counts at the maximum and the same background level:
    what a tube or a detector yields at another wavelength is not known here.
    """
    if name not in result.parameters or result.parameters[name].status == "fixed":
        varied = ", ".join(n for n, p in result.parameters.items() if p.status != "fixed")
        raise InputError(f"{name!r} did not vary; there are {varied}")
    if not (np.isfinite(target) and target > 0.0):
        raise InputError(f"target error {target:g} of {name} must be a positive number")
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
        counts, max(background, 0.0), (start, stop, step), rays.name if isinstance(rays, Radiation) else rays
    )
    if isinstance(rays, Radiation):
        present = replace(present, radiation=_known(rays))
    yield "as measured", present
    for end in ENDS_DEG:
        if end > stop + 1.0:
            yield f"range to {end:g}°", replace(present, two_theta=(start, end, step))
    for name in RADIATIONS:
        if name != present.radiation:
            yield f"radiation {name}", replace(present, radiation=name)


def _known(rays: Radiation) -> str | float:
    """The name or wavelength that makes these lines again, nearly."""
    name = rays.name.partition(" ")[0]
    return name if name in RADIATIONS or name.endswith("-ka1") else rays.wavelength


def _row(result: FitResult, change: str, plan: Plan, name: str, target: float, systematic: float) -> DesignRow:
    options: FitOptions = replace(
        result.options, engine=result.engine, radiation=plan.radiation, range=None, exclude=(), start={}
    )
    # the model at its own values is the minimum of what it computes: nothing is to be searched
    model = result.model
    expected = plan.expected(model, result.engine, options.anomalous)
    values = {n: p.value for n, p in result.parameters.items() if not n.startswith("bkg_")}
    fitted = restore(model, expected, options, values)
    found = fitted.parameters[name].stderr if fitted.success else None
    stderr = float("inf") if found is None else found
    room = target**2 - systematic**2
    factor = stderr**2 / room if room > 0.0 else float("inf")
    start, stop, step = plan.two_theta
    length = ((stop - start) / step + 1.0) / len(result.scan["two_theta"])
    rays = plan.radiation if plan.radiation is not None else result.model.radiation().name
    return DesignRow(change, (start, stop), str(rays), stderr, factor, factor * length)
