"""What a user should know before believing a result."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from gemmi import Element

from xrdfit.crystal.contacts import too_close
from xrdfit.crystal.scattering import NO_FORM_FACTOR, anomalous, near_edge, resolve_species
from xrdfit.inference.adequacy.orders import moved_by_order
from xrdfit.inference.cautions import Caution
from xrdfit.model.instrument import DEFAULT_RADIUS_MM
from xrdfit.model.phase import Phase

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xrdfit.fitting.prepare import Setup
    from xrdfit.fitting.problem import Evaluation
    from xrdfit.inference.result import FitResult
    from xrdfit.inference.uncertainty.covariance import Covariance
    from xrdfit.model.powder import PowderModel

SMALL_NM = 3.0
_PRESSES = 9.0  # Δχ² from which an occupancy is said to press on 1
MOST_PAIRS = 5
HIGH_CORRELATION = 0.95
POOR_CHI2 = 4.0
TOO_GOOD_CHI2 = 0.6  # where it is also many standard deviations below 1
UNEQUAL = 1.5  # between scans of one sample
SUSPECTS = ("displacement_mm", "zero_deg", "b_overall", "microstrain", "S_L")
NOTABLE_WEIGHT = 0.01  # of a line of the radiation
FEWEST_POINTS = 3  # of a line
BROAD_DEG = 1.0  # width of clusters' lines, beside which a crystal's are narrow
NOTABLE_DISPERSION = 0.02  # of the atom's electrons


def warnings_of(result: FitResult, setup: Setup, spread: Covariance) -> Iterator[Caution]:
    """Yield everything that casts doubt on a result."""
    yield from (Caution("note", (note,)) for note in setup.notes)
    dark = all(scan.model.radiation().neutron for scan in result.scans)
    yield from (Caution("note", (n,)) for n in setup.model.notes if not (dark and n.startswith(NO_FORM_FACTOR)))
    if not result.success:
        yield Caution("note", (result.message,))
    yield from _of_tables(result)
    yield from _of_engine(result)
    yield from _of_parameters(result, spread)
    yield from _of_rivals(result)
    for phase in result.model.phases:
        yield from _of_structure(phase, result)
    yield from _of_values(result)
    yield from _of_residual(result)


def _of_tables(result: FitResult) -> Iterator[Caution]:
    """What tables of form factors cannot say; neutrons need none."""
    lit = [scan.model for scan in result.scans if not scan.model.radiation().neutron]
    species = {s.species: s.element for p in result.model.phases for s in p.structure.sites}
    for name in species if lit else ():
        note = resolve_species(name)[1]
        if note:
            yield Caution("note", (note,))
    elements = list(dict.fromkeys(species.values()))
    found = [caution for model in lit for caution in _of_edges(model, elements)]
    yield from (caution for i, caution in enumerate(found) if caution not in found[:i])
    if not result.options.anomalous and lit:
        energy = lit[0].radiation().lines[0].energy_ev
        for element in elements:
            part = anomalous(element, energy).real / Element(element).atomic_number
            if abs(part) > NOTABLE_DISPERSION:
                yield Caution("no_dispersion", (element,), {"percent": 100.0 * part})


def _of_edges(model: PowderModel, elements: list[str]) -> Iterator[Caution]:
    for line in model.lines():
        if line.weight < NOTABLE_WEIGHT:
            continue
        for element in elements:
            if near_edge(element, line.energy_ev):
                yield Caution("edge", (element,), {"wavelength": line.wavelength})


def _of_engine(result: FitResult) -> Iterator[Caution]:
    for scan in result.scans:
        for phase in scan.model.phases:
            if (phase.engine or scan.engine) == "bragg" and phase.size_nm < SMALL_NM:
                yield Caution("small_for_bragg", (phase.name,), {"size_nm": phase.size_nm})
    for scan in result.scans:
        name = f"{scan.label}__displacement_mm" if scan.label else "displacement_mm"
        if result.parameters[name].status != "fixed" and scan.model.instrument.radius_mm is None:
            yield Caution("radius_assumed", (name,), {"radius_mm": DEFAULT_RADIUS_MM})


def _beyond_full(result: FitResult, name: str) -> float:
    """How far beyond 1 the scan would have an occupancy, to first order; 0 where that gains less than `_PRESSES`."""
    problem = result.problem
    table = problem.occupancies
    own = [j for j, free in enumerate(table.free) if table.names[free] == name]
    if not own:
        return 0.0
    slopes = problem.full_jacobian(result.theta)
    column = len(problem.direct) + own[0]
    others = np.delete(slopes, column, axis=1)
    rest = slopes[:, column] - others @ np.linalg.lstsq(others, slopes[:, column], rcond=None)[0]
    residual = problem.evaluate(result.theta).residual
    size = float(rest @ residual / max(rest @ rest, 1e-300))
    return size if size * float(rest @ residual) > _PRESSES * result.inflation else 0.0


def _of_parameters(result: FitResult, spread: Covariance) -> Iterator[Caution]:
    for name, p in result.parameters.items():
        if p.status == "at bound":
            yield Caution("at_bound", (name,), {"value": p.value})
            if result.problem.rows[name].is_occupancy and p.value == 1.0:
                beyond = _beyond_full(result, name)
                if beyond > 0.0:
                    enough = float(max(1.3, np.ceil(10.0 * (1.0 + 2.0 * beyond)) / 10.0))
                    yield Caution("beyond_full", (name,), {"value": 1.0 + beyond, "limit": enough})
    if result.success and spread.undetermined:
        yield Caution("undetermined", tuple(spread.undetermined))
    without_effect = [n for n in spread.without_effect if result.parameters[n].status != "at bound"]
    if without_effect:
        yield Caution("no_effect", tuple(without_effect))
    rows = result.problem.rows
    # what follows others by a tie or a total is no second parameter, at a bound or not
    names = [n for n in _independent(result) if rows[n].kind.belongs != "background" and result.parameters[n].stderr]
    for first, second in combinations(names, 2):
        r = result.correlation(first, second)
        if abs(r) > HIGH_CORRELATION:
            yield Caution("correlated", (first, second), {"correlation": r})


def _independent(result: FitResult) -> list[str]:
    """Names of the parameters that the fit moved by themselves, in the order of the covariance."""
    sites, rows = result.problem.occupancies, result.problem.rows
    own = {*result.problem.direct, *(sites.names[j] for j in sites.free)}
    return [n for n in result.covariance_names if n in own or rows[n].kind.linear]


def _of_rivals(result: FitResult) -> Iterator[Caution]:
    for rival in result.rivals:
        shown = {
            n: v
            for n, v in (rival.occupancies | rival.others).items()
            if result.problem.rows[n].is_occupancy or result.problem.rows[n].is_displacement
        }
        yield Caution("rival", tuple(shown), shown | {"delta_chi2": rival.delta_chi2})


def _of_structure(phase: Phase, result: FitResult) -> Iterator[Caution]:
    structure = phase.structure
    filled, error = _void_filling(phase, result)
    if filled > 1.0 + 3.0 * error + 1e-6:
        rule = " + ".join(f"{c:g}·{label}" for label, c in phase.packing)
        yield Caution("overfilled", (phase.name, rule), {"filled": filled})
    close = too_close(structure)
    for first, second, distance in close[:MOST_PAIRS]:
        yield Caution("too_close", (phase.name, first.label, second.label), {"distance": distance})
    if len(close) > MOST_PAIRS:
        yield Caution("more_too_close", (phase.name,), {"pairs": len(close) - MOST_PAIRS})


def _void_filling(phase: Phase, result: FitResult) -> tuple[float, float]:
    """Cations a void by the phase's packing rule, and the standard error of that."""
    counts = dict(phase.packing)
    filled = sum(counts.get(s.label, 0.0) * s.occupancy for s in phase.structure.sites)
    prefix = result.model.prefix(phase)
    names = {f"{prefix}occ_{label}": count for label, count in counts.items()}
    gradient = np.array([names.get(n, 0.0) for n in result.covariance_names])
    return filled, float(np.sqrt(max(gradient @ result.covariance @ gradient, 0.0)))


def _of_values(result: FitResult) -> Iterator[Caution]:
    for names in _displacements(result):
        total = sum(result.parameters[n].value for n in names)
        error = _error_of_sum(result, names)
        if error > 0.0 and total < -3.0 * error:
            yield Caution("negative_displacement", names, {"b_iso": total})
    if any(part.background.min() < 0.0 for part in _minimum(result).parts):
        yield Caution("negative_background")


def _displacements(result: FitResult) -> list[tuple[str, ...]]:
    """Parameters whose sum is the B of a site, those left out that are fixed at zero; each sum once."""
    rows = result.problem.rows
    sums: dict[tuple[str, ...], None] = {}
    for name, site in rows.items():
        if not site.is_displacement or site.kind.stem != "b":
            continue
        overall = [
            n for n, r in rows.items()
            if r.kind.stem == "b_overall" and r.phase == site.phase and r.scan in ("", site.scan)
        ]  # fmt: skip
        parts = [result.parameters[n] for n in (*overall, name)]
        sums[tuple(p.name for p in parts if p.status != "fixed" or p.value != 0.0)] = None
    return [names for names in sums if names]


def _error_of_sum(result: FitResult, names: tuple[str, ...]) -> float:
    """Standard error of the sum of parameters, 0 where none of them was fitted or one's error is not known."""
    if any(p.status != "fixed" and p.stderr is None for p in (result.parameters[n] for n in names)):
        return 0.0
    chosen = np.array([float(n in names) for n in result.covariance_names])
    return float(np.sqrt(max(chosen @ result.covariance @ chosen, 0.0)))


def _of_residual(result: FitResult) -> Iterator[Caution]:
    s = result.statistics
    if s.chi2_reduced > POOR_CHI2:
        rows = result.problem.rows
        held = [n for n in result.parameters if rows[n].kind.stem in SUSPECTS and not rows[n].vary]
        held = [n for n in held if n not in result.covariance_names]
        held.sort(key=lambda n: SUSPECTS.index(rows[n].kind.stem))
        yield Caution("misfit", tuple(held), {"chi2_reduced": s.chi2_reduced})
    if s.chi2_reduced < TOO_GOOD_CHI2 and 1.0 - s.chi2_reduced > 6.0 * np.sqrt(2.0 / s.n_points):
        yield Caution("too_good", (), {"chi2_reduced": s.chi2_reduced})
    if s.durbin_watson < s.durbin_watson_critical:
        yield Caution("serial", (), {"durbin_watson": s.durbin_watson, "factor": s.berar_lelann})
    yield from _of_unequal_scans(result)
    for m in moved_by_order(result):
        numbers = {"move": m.move, "errors": m.errors, "order": m.order, "higher": m.higher}
        yield Caution("background_order", (m.name,), numbers, m.scan)
    for i, scan in enumerate(result.scans):
        found = unexplained_line(result, i)
        if found is not None:
            yield Caution("unexplained_line", (), {"deg": found[0], "percent": 100.0 * found[1]}, scan.label)


def _of_unequal_scans(result: FitResult) -> Iterator[Caution]:
    """Scans of which one fits much worse than all together: the errors are then the worst one's."""
    if len(result.scans) == 1:
        return
    worst = max(result.scans, key=lambda scan: scan.statistics.chi2_reduced)
    best = min(result.scans, key=lambda scan: scan.statistics.chi2_reduced)
    high, low = worst.statistics.chi2_reduced, best.statistics.chi2_reduced
    if high > UNEQUAL * max(low, 1.0):
        yield Caution("unequal_scans", (worst.label, best.label), {"worst": high, "best": low})


def unexplained_line(result: FitResult, index: int = 0) -> tuple[float, float] | None:
    """Return angle and relative height of the largest positive excess that is no calculated line, if it is significant.

    The residual is averaged over the width of the calculated lines, and over narrower pieces as well: a crystal's line
    beside those of clusters. It counts when it exceeds 8 standard errors and 2 % of the highest net count where the
    calculation itself has less than half the excess. A narrow piece is judged by how it stands out from its
    neighbourhood, the calculation too: broad lines that are not quite right leave broad residuals.
    """
    scan, there = result.problem.scans[index], _minimum(result).parts[index]
    residual, sigma = scan.observed - there.calculated, scan.sigma
    net = there.calculated - there.background
    if net.max() <= 0.0:
        return None
    width = max(FEWEST_POINTS, _points_across_a_line(net))
    kernels = [np.ones(width) / width]
    narrow = width // 4
    broad = width * float(np.median(np.diff(scan.bound.two_theta))) > BROAD_DEG
    while broad and narrow >= FEWEST_POINTS:
        kernels.append(_outstanding(narrow))
        narrow //= 2
    found = [_largest_excess(k, residual, sigma, net, result.statistics.goodness_of_fit) for k in kernels]
    strength, i, mean = max(found)
    return (float(scan.bound.two_theta[i]), float(mean / net.max())) if strength > 0.0 else None


def _outstanding(width: int) -> NDArray[np.float64]:
    """Kernel of the mean of `width` points above that of as many on either side."""
    return np.concatenate([np.full(width, -0.5), np.ones(width), np.full(width, -0.5)]) / width


def _largest_excess(
    kernel: NDArray[np.float64],
    residual: NDArray[np.float64],
    sigma: NDArray[np.float64],
    net: NDArray[np.float64],
    goodness: float,
) -> tuple[float, int, float]:
    """Strength in standard errors, 0 if there is none, place and height of the most significant excess."""
    mean, calculated = (np.convolve(y, kernel, mode="same") for y in (residual, net))
    noise = np.sqrt(np.convolve(sigma**2, kernel**2, mode="same"))
    significant = (mean > 8.0 * noise * max(1.0, goodness)) & (mean > 0.02 * net.max())
    if kernel.min() < 0.0:
        significant &= calculated < 0.5 * mean
        edge = len(kernel) // 2  # where the kernel reaches beyond the scan it compares with nothing
        significant[:edge] = significant[-edge:] = False
    else:
        significant &= net < 0.5 * mean
    i = int(np.argmax(np.where(significant, mean / noise, 0.0)))
    return (float(mean[i] / noise[i]), i, float(mean[i])) if significant.any() else (0.0, 0, 0.0)


def _minimum(result: FitResult) -> Evaluation:
    return result.problem.evaluate(result.theta, derivatives=False)


def _points_across_a_line(net: NDArray[np.float64]) -> int:
    """Points across half the height of the strongest line of a net pattern (n,)."""
    top = int(np.argmax(net))
    below = np.flatnonzero(net < net[top] / 2)
    left, right = below[below < top], below[below > top]
    return int((right[0] if right.size else len(net)) - (left[-1] if left.size else -1)) - 1
