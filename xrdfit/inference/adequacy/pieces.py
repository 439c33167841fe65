"""What a model may lack: pieces with the change of the pattern that each would make, and the option that adds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.radiation import Radiation
from xrdfit.diffraction.background import Air, Blank, Chebyshev, Hump
from xrdfit.diffraction.capillary import transmission
from xrdfit.fitting.problem import Problem
from xrdfit.inference.adequacy.neighbourhood import column_of, columns_by
from xrdfit.inference.adequacy.orders import further_orders
from xrdfit.inference.uncertainty.estimate import Estimate
from xrdfit.parameters import BACKGROUND, INSTRUMENT, PHASE

Array = NDArray[np.float64]

HUMP_STEP_DEG = 2.0
HUMP_WIDTHS_DEG = (4.0, 7.0, 12.0)
_BLANK_SMOOTH_DEG = 1.0
_RATIO_TRIAL = 0.02
STOPGAP = 0.5
"""Trust in pieces that imitate others."""
_HALO_Q = (0.9, 2.6)  # 1/Å: where ligands, polymers and glass scatter (Cu Kα: 13° to 37°)
_TRIALS = {"size_sigma": (0.05, 0.15), "microstrain": (0.004,)}
"""Where the pattern depends on a square: the values at which the piece is tried, the last one that of its prior.

What sizes wash out between the lines is gone soon, with 5 % for clusters of 2 nm: no one trial stands for all.
"""


@dataclass(frozen=True)
class Piece:
    """Something that the model lacks.

    Attributes
    ----------
    code : str
        What kind of thing it is; `xrdfit.wording` has the sentence.
    subject : str
        Which one: an element, an angle, a preset, a parameter.
    options : tuple of str
        What adds it on the command line; empty where nothing does.
    columns : ndarray, shape (n, m)
        Weighted change of the pattern by one unit of each of its parameters.
    unit : str
        Unit of its size.
    least : float
        What its size must exceed to make sense.
    numbers : Mapping[str, float]
        What describes it beside its size.
    scan : str
        Label of the scan that it belongs to, "" where it concerns all.
    stem : str
        Kind of the parameter, of one of the model's.
    trust : float
        Part of its Δχ² by which it is ranked: less than 1 for what imitates what samples and instruments usually have.
    """

    code: str
    subject: str
    options: tuple[str, ...]
    columns: Array
    unit: str = ""
    least: float = -np.inf
    numbers: Mapping[str, float] = field(default_factory=dict)
    scan: str = ""
    stem: str = ""
    trust: float = 1.0


def parameter_pieces(result: Estimate) -> Iterator[Piece]:
    """Parameters of the model that stand still: shifts, B, empty sites, coordinates, strain, film."""
    problem, theta = result.problem, result.theta
    still = [n for n, p in result.parameters.items() if p.status == "fixed" and not problem.rows[n].kind.linear]
    known = {key for scan in problem.scans for own, key in _engine_names(scan)}
    still = [n for n in still if n in known]
    flat = [n for n in still if problem.rows[n].kind.stem in _TRIALS]
    named = [n for n in still if n not in flat and _is_candidate(result, n)]
    columns = columns_by(problem, theta, named)
    yield from _displacements(result, columns)
    for name in named:
        row = problem.rows[name]
        if row.is_displacement:
            continue
        code = {"occ": "site", "x": "coordinate", "y": "coordinate", "z": "coordinate"}.get(row.kind.stem, "parameter")
        options = ("--vary", name)
        yield Piece(
            code, name, options, columns[name][:, None], row.unit,
            least=0.0 if code == "site" else -np.inf, scan=row.scan, stem=row.kind.stem,
            trust=STOPGAP if code == "coordinate" else 1.0,
        )  # fmt: skip
    for name in flat:
        if result.parameters[name].value == 0.0:
            stem = problem.rows[name].kind.stem
            for trial in _TRIALS[stem]:
                change = _change(problem, theta, name, trial)
                yield Piece(
                    "parameter", name, ("--vary", name), change[:, None], least=0.0, numbers={"trial": trial},
                    stem=stem if trial == _TRIALS[stem][-1] else "",
                )  # fmt: skip


def _engine_names(scan) -> list[tuple[str, str]]:
    return [
        (own, key[own]) for engine, key in zip(scan.bound.engines, scan.bound.keys, strict=True) for own in engine.names
    ]


def _is_candidate(result: Estimate, name: str) -> bool:
    """Whether a parameter that stands still is worth asking for."""
    row = result.problem.rows[name]
    if row.kind.stem == "occ":
        return result.parameters[name].value == 0.0
    if row.kind.belongs == "width":  # the sample's own width imitates them
        return False
    return row.kind in (
        INSTRUMENT["zero_deg"],
        INSTRUMENT["displacement_mm"],
        INSTRUMENT["mu_t"],
        PHASE["march_r"],
        PHASE["size_ratio"],
    ) or (row.kind.belongs == "site")


def _displacements(result: Estimate, columns: Mapping[str, Array]) -> Iterator[Piece]:
    """B of each element, and of all atoms together."""
    for phase in result.model.phases:
        prefix = result.model.prefix(phase)
        own = {s.label: s for s in phase.structure.sites if s.shares is None}
        of_element: dict[str, list[str]] = {}
        for label, site in own.items():
            if f"{prefix}b_{label}" in columns and site.occupancy > 0.0:
                of_element.setdefault(site.element, []).append(f"{prefix}b_{label}")
        if not of_element:
            continue
        every = sum(columns[n] for names in of_element.values() for n in names)
        if result.parameters[f"{prefix}b_overall"].status == "fixed":
            name = f"{prefix}b_overall"
            yield Piece("b_overall", name, ("--vary", name), np.asarray(every)[:, None], "Å²")
        if len(of_element) > 1:
            for element, names in of_element.items():
                column = np.asarray(sum(columns[n] for n in names))
                yield Piece("b_element", f"{prefix}{element}", ("--b-per-element",), column[:, None], "Å²")


def _change(problem: Problem, theta: Array, name: str, value: float) -> Array:
    """Weighted change of the pattern where one parameter takes another value."""
    evaluation = problem.evaluate(theta, derivatives=False)
    moved = {**evaluation.values, name: value}
    parts = []
    for scan, part in zip(problem.scans, evaluation.parts, strict=True):
        there = scan.bound.patterns(moved) @ part.linear[: scan.n_phases]
        parts.append((there - (part.calculated - part.background)) / scan.sigma)
    return np.concatenate([*parts, np.zeros(len(problem.restraints))])


def background_pieces(result: Estimate) -> Iterator[Piece]:
    """Further orders of the polynomial, air and humps; sizes in units of the strongest line."""
    problem = result.problem
    for i, (scan, fitted) in enumerate(zip(problem.scans, result.scans, strict=True)):
        grid, top = scan.bound.two_theta, strongest(result, i)
        pieces = fitted.model.background
        polynomial = next((c for c in pieces if isinstance(c, Chebyshev)), None)
        if polynomial is not None:
            order = polynomial.order_on(grid)
            basis = top * further_orders(grid, order)
            for more in range(1, basis.shape[1] + 1):
                yield Piece(
                    "background_order", str(order + more), ("--background", str(order + more)),
                    column_of(problem, i, basis[:, :more]), scan=scan.label, trust=STOPGAP,
                )  # fmt: skip
        blank = next((c for c in pieces if isinstance(c, Blank)), None)
        if blank is not None:
            yield from _blank_height(result, i, blank)
        if blank is None and not any(isinstance(c, Air) for c in pieces):
            curve = top * grid[0] / grid
            yield Piece("air", "", ("--air",), column_of(problem, i, curve[:, None]), least=0.0, scan=scan.label)
        humps = [c.deg for c in pieces if isinstance(c, Hump)]
        yield from _humps(problem, i, grid, top, scan.label, humps)


def _blank_height(result: Estimate, index: int, blank: Blank) -> Iterator[Piece]:
    """Another height of the blank, where it stands still.

    The blank's own noise is in the residual too and would ask for less of it: the curve at a point is what the points
    around it say.
    """
    from scipy.signal import savgol_coeffs, savgol_filter  # an import that few fits need

    scan = result.problem.scans[index]
    name = next(n for n in scan.linear if result.problem.rows[n].kind is BACKGROUND["blank"])
    if result.problem.rows[name].vary:
        return
    grid = scan.bound.two_theta
    curve = blank.bind(grid, 1).basis({})[:, 0]
    window = max(5, int(_BLANK_SMOOTH_DEG / np.median(np.diff(grid))) | 1)
    if len(curve) > window:
        own = savgol_coeffs(window, 2)[window // 2]
        curve = np.asarray((savgol_filter(curve, window, 2) - own * curve) / (1.0 - own), dtype=np.float64)
    yield Piece("blank", name, ("--vary", name), column_of(result.problem, index, curve[:, None]), scan=scan.label)


def _humps(
    problem: Problem, index: int, grid: Array, top: float, label: str, present: Sequence[float]
) -> Iterator[Piece]:
    """Humps everywhere; where ligands and glass scatter they are likely, once."""
    wavelength = problem.scans[index].bound.radiation.lines[0].wavelength
    for width in HUMP_WIDTHS_DEG:
        for centre in hump_centres(grid):
            curve = top * hump(grid, centre, width)
            likely = _HALO_Q[0] < _q(centre, wavelength) < _HALO_Q[1]
            likely = likely and all(abs(centre - there) > width for there in present)
            yield Piece(
                "hump", f"{centre:.0f}°", ("--hump", f"{centre:g}", f"{width:g}"),
                column_of(problem, index, curve[:, None]), least=0.0,
                numbers={"deg": float(centre), "fwhm_deg": width}, scan=label,
                trust=1.0 if likely else STOPGAP,
            )  # fmt: skip


def _q(two_theta: float, wavelength: float) -> float:
    return float(4.0 * np.pi * np.sin(np.radians(0.5 * two_theta)) / wavelength)


def hump_centres(grid: Array) -> Array:
    """Angles at which humps are tried."""
    return np.arange(np.ceil(grid[0]), grid[-1] + 0.5 * HUMP_STEP_DEG, HUMP_STEP_DEG)


def hump(grid: Array, centre: float, width: float) -> Array:
    """A pseudo-Voigt line of unit height, a quarter of it Lorentzian."""
    x2 = ((grid - centre) / width) ** 2
    return 0.25 / (1.0 + 4.0 * x2) + 0.75 * np.exp(-4.0 * np.log(2.0) * x2)


def strongest(result: Estimate, index: int) -> float:
    """Height of the strongest calculated line above the background, counts."""
    part = result.problem.evaluate(result.theta, derivatives=False).parts[index]
    return max(float((part.calculated - part.background).max()), 1.0)


def intensity_pieces(result: Estimate) -> Iterator[Piece]:
    """What bends all intensities smoothly with the angle: a thin film, a capillary, polarization.

    Of a capillary one unit is µR = 1, ln A linear in it; a lower B does nearly the same.
    """
    problem = result.problem
    evaluation = problem.evaluate(result.theta, derivatives=False)
    for i, (scan, part, fitted) in enumerate(zip(problem.scans, evaluation.parts, result.scans, strict=True)):
        net = part.calculated - part.background
        sine = np.sin(np.radians(scan.bound.two_theta / 2.0))
        instrument = fitted.model.instrument
        if not (instrument.film or instrument.capillary):
            thin = np.median(sine) / sine - 1.0
            yield Piece(
                "film", "", ("--film",), column_of(problem, i, (net * thin)[:, None]), least=0.0, scan=scan.label
            )
            through = np.log(transmission(np.arcsin(sine), 1.0)[0])
            bent = net * (through - np.median(through))
            yield Piece(
                "capillary", "", ("--capillary",), column_of(problem, i, bent[:, None]),
                least=0.0, scan=scan.label, trust=STOPGAP,
            )  # fmt: skip
        rays = fitted.model.radiation()
        if rays.neutron or _is_tube(rays):
            continue  # not polarized
        cosine2 = np.cos(np.radians(scan.bound.two_theta)) ** 2
        share = 0.5 if instrument.polarization is None else instrument.polarization
        by_share = (1.0 - cosine2) / (share + (1.0 - share) * cosine2)
        by_share = by_share - np.average(by_share, weights=(net / scan.sigma) ** 2)  # the scale stays where it is
        yield Piece(
            "polarization", "", ("--polarization",), column_of(problem, i, (net * by_share)[:, None]),
            numbers={"share": share}, scan=scan.label,
        )  # fmt: skip


def assumption_pieces(result: Estimate) -> Iterator[Piece]:
    """What every model of a scan takes from a table: f′ and f″ (one unit is another table's), and Kα2/Kα1."""
    problem = result.problem
    values = problem.evaluate(result.theta, derivatives=False).values
    for i, scan in enumerate(problem.scans):
        rays = scan.bound.radiation
        tried: list[tuple[str, dict[str, Any], float]] = []
        if result.options.anomalous and not rays.neutron:
            other = "cromer-liberman" if result.options.anomalous_table == "chantler" else "chantler"
            tried.append(("anomalous_table", {"anomalous_table": other}, 1.0))
        if len(rays.lines) == 2 and _is_tube(rays):
            ratio = rays.lines[1].weight / rays.lines[0].weight
            tried.append(("kalpha_ratio", {"kalpha_ratio": ratio + _RATIO_TRIAL}, _RATIO_TRIAL))
        here = scan.bound.patterns(values)
        scales = np.array([values[name] for name in scan.bound.scales])
        for code, change, unit in tried:
            engines = tuple(engine.assuming(**change) for engine in scan.bound.engines)
            there = replace(scan.bound, engines=engines).patterns(values)
            change_of_counts = np.asarray((there - here) @ scales, dtype=np.float64) / unit
            yield Piece(code, "", (), column_of(problem, i, change_of_counts[:, None]), scan=scan.label)


def _is_tube(rays: Radiation) -> bool:
    """Whether the radiation is a tube's, rather than a single wavelength from elsewhere."""
    return not rays.neutron and not rays.name.replace(".", "", 1).isdigit()


def spike_pieces(result: Estimate) -> Iterator[Piece]:
    """A narrow line at each place, such as the holder's; as wide as the narrowest feature that the scan resolves."""
    problem = result.problem
    for i, scan in enumerate(problem.scans):
        grid, top = scan.bound.two_theta, strongest(result, i)
        step = float(np.median(np.diff(grid)))
        width = max(0.25, 3.0 * step)
        for centre in np.arange(grid[0] + width, grid[-1] - width, width / 2.0):
            near = np.abs(grid - centre) < 4.0 * width
            curve = np.zeros(len(grid))
            curve[near] = top * np.exp(-4.0 * np.log(2.0) * ((grid[near] - centre) / width) ** 2)
            yield Piece(
                "spike", f"{centre:.1f}°", ("--exclude", f"{centre - 1.5 * width:.1f}", f"{centre + 1.5 * width:.1f}"),
                column_of(problem, i, curve[:, None]), least=0.0,
                numbers={"deg": float(centre), "fwhm_deg": width}, scan=scan.label, trust=STOPGAP,
            )  # fmt: skip


def named_for(result: Estimate, piece: Piece) -> Piece:
    """The piece with its options for one of several scans."""
    if not piece.scan or len(result.scans) == 1 or not piece.options:
        return piece
    option, *rest = piece.options
    return replace(piece, options=(option, *(f"{piece.scan}:{rest[0]}", *rest[1:]))) if rest else piece
