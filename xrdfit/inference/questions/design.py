"""What measurement would bring an occupancy to a wanted error: longer, wider, at another wavelength, or one more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.crystal.radiation import Radiation, radiation
from xrdfit.errors import InputError
from xrdfit.fitting.options import OF_A_SCAN, FitOptions
from xrdfit.inference.questions.by_scan import Information, information_of
from xrdfit.inference.questions.identify import Plan, planned_result
from xrdfit.progress import Progress, silent

if TYPE_CHECKING:
    from xrdfit.inference.result import FitResult

ENDS_DEG = (60.0, 80.0, 100.0, 120.0, 140.0)
_WORST_FIT = 2.0
RADIATIONS = ("cu-ka", "co-ka", "mo-ka", "ag-ka")
NEUTRONS = "neutron:1.5"
BELOW_EDGE_EV = 30.0
"""How far below an absorption edge a synchrotron's wavelength is proposed."""
_EDGE_RANGE = (0.4, 2.5)  # Å: what powder beamlines reach
_HC = 12398.42  # eV Å
PRESENT, ADDED = "present", "added"
_LONGEST = 1e6  # times the present counting time
_CLOSE = 1e-4


@dataclass(frozen=True)
class DesignRow:
    """One way to measure.

    Attributes
    ----------
    change : str
        In words.
    added : bool
        Whether it is one more scan beside those that there are.
    two_theta : (float, float)
        Range, degrees.
    radiation : str
    stderr : float
        Error of the parameter for the same counting time a step, misfit included; infinite where it is not determined.
        Of one more scan: with it, where it has as many counts as the present one.
    misfit : float
        The part of it that no counting removes, because the model does not fit; 0 for a planned scan.
    time_a_step, time_in_all : float
        Factors on the counting time a step, and of all scans together, that bring the error to the target; infinite
        where no time does. Of one more scan, and of several of which one is counted longer: the time of that one
        relative to the (first) present one, and of all.
    """

    change: str
    added: bool
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
        A fit to the scan or scans as they are, or as they are planned (`identify(...).result`).
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
        What there is first, then by rising time in all: wider ranges, other radiations instead, other radiations in
        addition (tubes, a wavelength 30 eV below the absorption edge of each element, neutrons).

    Raises
    ------
    InputError
        For a parameter that did not vary, a target that is not positive, or a fit that is worse than twice what
        counting explains: what it misses, and not the time, then sets the error.

    Notes
    -----
    With c² the variance of counting and g² the χ²_red of the result, where it exceeds 1, the variance is
    c² g² = c² + c² (g² − 1). Only its first part falls with time, because a misfit grows with the counts: the factor
    is c²/(target² − systematic² − c² (g² − 1)). Elsewhere the model is taken to fit as badly as here. Other ranges
    and wavelengths are computed with the fitted model at the same counts at the maximum and the same background
    level: what a tube, a beamline or a detector yields at another wavelength is not known here. What was excluded
    stays excluded, at another wavelength at the angles of the same spacings. One more scan adds its information
    matrix, t times: F = F_present + t F_added, with what the scans share (cell, sites, B, size) shared and its own
    scale, background and shifts; t is the counting time a step relative to the present scan's.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> rows = xf.design(result, "occ_Cu_8c", target=0.002)
    >>> rows[0].change, rows[0].radiation
    ('as measured', 'cu-ka')
    """
    if name not in result.parameters or result.parameters[name].status == "fixed":
        varied = ", ".join(n for n, p in result.parameters.items() if p.status != "fixed")
        raise InputError(f"{name!r} did not vary; there are {varied}")
    if not (np.isfinite(target) and target > 0.0):
        raise InputError(f"target error {target:g} of {name} must be a positive number")
    fit_quality = float(np.sqrt(result.inflation)) if len(result.scans) > 1 else result.statistics.goodness_of_fit
    if fit_quality > _WORST_FIT:
        raise InputError(
            f"goodness of fit {fit_quality:.3g} is above {_WORST_FIT:g}: the model misses more than counting does, "
            "and no measurement of another length mends that; improve the model first"
        )
    tell = progress or silent
    rows = []
    if len(result.scans) == 1:
        for change, plan in _plans(result):
            tell(f"computing {change}")
            rows.append(_row(result, change, plan, name, target, systematic))
    else:
        rows += _longer(result, name, target, systematic)
    for change, ray in _radiations(result):
        tell(f"computing {change} in addition")
        rows.append(_addition(result, change, ray, name, target, systematic))
    return (rows[0], *sorted(rows[1:], key=lambda r: r.time_in_all))


def _plans(result: FitResult) -> Iterator[tuple[str, Plan]]:
    present = _as_planned(result, result.scans[0].label)
    start, stop, step = present.two_theta
    yield "as measured", present
    for end in ENDS_DEG:
        if end > stop + 1.0:
            yield f"range to {end:g}°", replace(present, two_theta=(start, end, step))
    for change, ray in _radiations(result):
        yield change, replace(present, radiation=ray)


def _as_planned(result: FitResult, label: str) -> Plan:
    """One of the scans as a plan: its grid, and its counts above its background."""
    scan = next(s for s in result.scans if s.label == label)
    angles = scan.data["two_theta"].values
    pattern = result.pattern_of(label)
    background = float(pattern["background"].mean())
    rays = scan.model.instrument.radiation
    return Plan(
        float((pattern["calculated"] - pattern["background"]).max()),
        max(background, 0.0),
        (float(angles[0]), float(angles[-1]), float(np.median(np.diff(angles)))),
        _known(rays) if isinstance(rays, Radiation) else rays,
        gain=float(np.median(scan.data["sigma"] ** 2 / np.maximum(pattern["calculated"], 1e-300))),
    )


def _radiations(result: FitResult) -> Iterator[tuple[str, str | float]]:
    """Radiations that no present scan has: tubes, wavelengths near the edges of the elements, neutrons."""
    present = {_name_of(scan.model.instrument.radiation) for scan in result.scans}
    for name in RADIATIONS:
        if name not in present:
            yield f"radiation {name}", name
    for element, wavelength in edges(result):
        yield f"synchrotron {wavelength:.5g} Å, {BELOW_EDGE_EV:g} eV below the {element} edge", wavelength
    if not any(scan.model.radiation().neutron for scan in result.scans):
        yield f"neutrons {NEUTRONS.partition(':')[2]} Å", NEUTRONS


def _name_of(rays: Any) -> str | float | None:
    return _known(rays) if isinstance(rays, Radiation) else rays


def edges(result: FitResult) -> list[tuple[str, float]]:
    """Return a wavelength (Å) just below an absorption edge of each element, K or else L3, where beamlines reach it."""
    import xraydb

    found = []
    for element in dict.fromkeys(s.element for p in result.model.phases for s in p.structure.sites):
        table = xraydb.xray_edges(element)
        for edge in ("K", "L3"):
            if (
                edge in table
                and _EDGE_RANGE[0] <= (near := _HC / (table[edge].energy - BELOW_EDGE_EV)) <= _EDGE_RANGE[1]
            ):
                found.append((f"{element} {edge}", round(near, 5)))
                break
    return found


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
    if plan.radiation is not None and radiation(plan.radiation).neutron:
        options = replace(options, polarization=None, kbeta=None, monochromator_deg=None)
    rows = result.problem.rows
    values = {n: p.value for n, p in result.parameters.items() if rows[n].kind.belongs != "background"}
    fitted = planned_result(result.model, plan, options, values)
    found = fitted.parameters[name].stderr if fitted.success else None
    counting = float("inf") if found is None else found
    misfit, room = _room(result, counting, target, systematic)
    factor = counting**2 / room if room > 0.0 else float("inf")
    length = len(fitted.scan["two_theta"]) / len(result.scan["two_theta"])
    rays = plan.radiation if plan.radiation is not None else result.model.radiation().name
    stderr = counting * float(np.sqrt(result.inflation))
    return DesignRow(change, False, plan.two_theta[:2], str(rays), stderr, misfit, factor, factor * length)


def _room(result: FitResult, counting: float, target: float, systematic: float) -> tuple[float, float]:
    """The error that misfit makes, and the variance that it leaves to counting."""
    misfit = counting * float(np.sqrt(result.inflation - 1.0)) if result.inflation > 1.0 else 0.0
    return misfit, target**2 - systematic**2 - misfit**2


def _longer(result: FitResult, name: str, target: float, systematic: float) -> Iterator[DesignRow]:
    """All scans counted longer by one factor, then each of them by itself."""
    information = information_of(result.problem, result.theta)
    count = len(result.scans)
    points = np.array([float(len(scan.data["two_theta"])) for scan in result.scans])
    counting = information.error(name, [1.0] * count)
    misfit, room = _room(result, counting, target, systematic)
    factor = counting**2 / room if room > 0.0 else float("inf")
    stderr = counting * float(np.sqrt(result.inflation))
    yield DesignRow("as measured", False, *_span(result, 0), stderr, misfit, factor, factor)
    for i, scan in enumerate(result.scans):
        times = _time(information, name, room, [float(j != i) for j in range(count)], i)
        longer = float(points @ [times if j == i else 1.0 for j in range(count)] / points.sum())
        yield DesignRow(f"{scan.label} counted longer", False, *_span(result, i), stderr, misfit, times, longer)


def _span(result: FitResult, index: int) -> tuple[tuple[float, float], str]:
    angles = result.scans[index].data["two_theta"].values
    return (float(angles[0]), float(angles[-1])), result.scans[index].model.radiation().name


def _time(information: Information, name: str, room: float, weights: list[float], index: int) -> float:
    """Counting time of one scan, in units of its present one, at which the variance of counting is `room`.

    The variance falls with the time, so that halving finds it.
    """

    def error(time: float) -> float:
        return information.error(name, [time if j == index else w for j, w in enumerate(weights)])

    if room <= 0.0 or error(_LONGEST) > room**0.5:
        return float("inf")
    low, high = np.log(1.0 / _LONGEST), np.log(_LONGEST)
    if error(float(np.exp(low))) <= room**0.5:
        return 0.0
    while high - low > _CLOSE:
        middle = (low + high) / 2.0
        low, high = (middle, high) if error(float(np.exp(middle))) > room**0.5 else (low, middle)
    return float(np.exp(high))


def _addition(
    result: FitResult, change: str, ray: str | float, name: str, target: float, systematic: float
) -> DesignRow:
    """One more scan at another radiation, on the grid and with the counts of the (first) present one."""
    first = result.scans[0]
    plan = replace(_as_planned(result, first.label), radiation=ray)
    labels = {scan.label: scan.label or PRESENT for scan in result.scans}
    plans: dict[str, Any] = {labels[scan.label]: scan.data for scan in result.scans}
    sigmas = {labels[scan.label]: block.sigma for scan, block in zip(result.scans, result.problem.scans, strict=True)}
    joint = planned_result(
        result.start_model,
        {**plans, ADDED: plan},
        _with_added(result, labels, plan),
        _relabelled(result, labels),
        sigmas,
    )
    information = information_of(joint.problem, joint.theta)
    count = len(result.scans)
    known = name if name in information.gradients else f"{labels[first.label]}__{name}"
    counting = information.error(known, [1.0] * (count + 1))
    misfit, room = _room(result, counting, target, systematic)
    times = _time(information, known, room, [1.0] * count + [0.0], count)
    points = [float(len(scan.observed)) for scan in joint.problem.scans]
    in_all = 1.0 + times * points[-1] / sum(points[:-1]) if np.isfinite(times) else float("inf")
    stderr = counting * float(np.sqrt(result.inflation))
    return DesignRow(f"{change}, in addition", True, plan.two_theta[:2], str(ray), stderr, misfit, times, in_all)


def _with_added(result: FitResult, labels: Mapping[str, str], plan: Plan) -> FitOptions:
    """The options of the result with those of one more scan, which has what is not of the present instrument."""
    first = result.scans[0].label
    changes: dict[str, Any] = {}
    for name in OF_A_SCAN:
        each = {labels[x]: getattr(result.options.of(x), name) for x in labels}
        each[ADDED] = getattr(result.options.of(first), name)
        changes[name] = each
    changes["engine"] = {labels[x]: engine for x, engine in result.engines.items()}
    changes["engine"][ADDED] = result.scans[0].engine
    changes["range"][ADDED] = None
    changes["exclude"][ADDED] = _excluded(result, plan)
    changes["radiation"] = {labels[s.label]: s.model.instrument.radiation for s in result.scans} | {
        ADDED: plan.radiation
    }
    for name in ("monochromator_deg", "polarization", "kbeta"):
        changes[name][ADDED] = None
    return replace(result.options, **changes, start={})


def _relabelled(result: FitResult, labels: Mapping[str, str]) -> dict[str, float]:
    """Fitted values under the names that they have beside one more scan, which starts with those of the first."""
    values = {}
    for name, parameter in result.parameters.items():
        row = result.problem.rows[name]
        of_scan = row.kind.belongs in ("scale", "background", "shift", "width", "optics")
        if not row.scan and not of_scan:
            values[name] = parameter.value
            continue
        values[replace(row, scan=labels[row.scan]).name] = parameter.value
        if row.scan == result.scans[0].label and row.kind.belongs != "background":
            values[replace(row, scan=ADDED).name] = parameter.value
    return values


def _excluded(result: FitResult, plan: Plan) -> tuple[tuple[float, float], ...]:
    """The excluded ranges of the fit, at the angles where the plan's wavelength has the same spacings."""
    if plan.radiation is None:
        return result.options.of(result.scans[0].label).exclude
    ratio = radiation(plan.radiation).wavelength / result.model.radiation().wavelength
    exclude = result.options.of(result.scans[0].label).exclude
    sines = ratio * np.sin(np.radians(np.array(exclude, dtype=float).reshape(-1, 2) / 2.0))
    ends = 2.0 * np.degrees(np.arcsin(np.minimum(sines, 1.0)))
    return tuple((float(low), float(high)) for low, high in ends if low < high)
