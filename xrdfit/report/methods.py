"""The paragraph on methods: everything that a referee asks for, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from xrdfit.fitting.known import Known
from xrdfit.inference.fitted import FittedScan
from xrdfit.inference.result import FitResult
from xrdfit.plaintext import one_line
from xrdfit.report.numbers import concise, percent

_SOFTWARE = ("numpy", "scipy", "lmfit", "gemmi", "xraydb")
_PROFILE = ("U", "V", "W", "X", "Y", "S_L", "H_L")


def methods_text(result: FitResult) -> str:
    """Return a paragraph on radiation, range, profile, background, constraints, errors, R values and software."""
    sentences = [
        *(_scan(result, scan) for scan in result.scans),
        _phases(result),
        *_profile(result),
        *_constraints(result),
        _weights(result),
        _quality(result),
        _software(),
    ]
    return one_line(" ".join(sentences))


def _scan(result: FitResult, scan: FittedScan) -> str:
    data, rays = scan.data, scan.model.radiation()
    angles = data["two_theta"].values
    lines = ", ".join(f"{line.wavelength:.6g} Å (weight {line.weight:.3g})" for line in rays.lines)
    if len(rays.lines) == 1:
        lines = f"{rays.lines[0].wavelength:.6g} Å"
    gaps = _listed([f"{low:g}–{high:g}°" for low, high in result.options.of(scan.label).exclude])
    without = f", without {gaps}" if gaps else ""
    monochromator = scan.model.instrument.monochromator_deg
    optics = f", monochromator at 2θ = {monochromator:g}°" if monochromator else ""
    who = f"Scan {scan.label}" if scan.label else "The pattern"
    step = float(np.median(np.diff(angles)))
    order = ", ".join(piece.on(angles) for piece in scan.model.background) or "none"
    return (
        f"{who} was fitted from {angles[0]:g} to {angles[-1]:g}° 2θ in steps of {step:.4g}° ({len(angles)} points, "
        f"up to {data['counts'].values.max():.4g} counts{without}); radiation {lines}{optics}; "
        f"{scan.engine.capitalize()} engine; background: {order}."
    )


def _phases(result: FitResult) -> str:
    named = []
    for phase in result.model.phases:
        prefix = result.model.prefix(phase)
        cell = [
            f"{row.own_name} = {concise(p.value, p.stderr, 6)} {p.unit}"
            for name, row in result.problem.rows.items()
            if row.kind.belongs == "cell" and row.phase == result.model.label(phase) and (p := result.parameters[name])
        ]
        size = result.parameters.get(f"{prefix}size_nm")
        share = result.weight_fractions.get(phase.name)
        error = result.weight_fraction_errors.get(phase.name)
        weight = f", {percent(share, error)} by weight" if len(result.model.phases) > 1 and share is not None else ""
        diameter = f", {size.text} {concise(size.value, size.stderr)} nm" if size else ""
        named.append(f"{phase.name} ({phase.structure.group.hm}; {', '.join(cell)}{diameter}{weight})")
    many = "Phases" if len(named) > 1 else "The phase"
    anomalous = (
        f"Anomalous terms f′ and f″ ({result.options.anomalous_table}) were included."
        if result.options.anomalous
        else "Anomalous terms f′ and f″ were left out."
    )
    return f"{many}: {'; '.join(named)}. {anomalous}"


def _profile(result: FitResult) -> list[str]:
    found = []
    for scan in result.scans:
        where = f" of scan {scan.label}" if scan.label else ""
        if scan.engine == "debye":
            found.append(f"Intensities{where} are Debye sums over the atoms of spheres, without a profile of lines.")
            continue
        scherrer = [p.scherrer_k for p in scan.model.phases if p.shape == "scherrer"]
        shapes = (
            f"pseudo-Voigt functions of width Kλ/(L cosθ), K = {', '.join(dict.fromkeys(f'{k:g}' for k in scherrer))}"
            if scherrer
            else "transforms of spheres"
        )
        names = {row.own_name: name for name, row in result.problem.rows.items() if row.scan in ("", scan.label)}
        widths = [
            f"{n} = {concise(p.value, p.stderr)}"
            for n in _PROFILE
            if n in names and ((p := result.parameters[names[n]]).value or p.stderr)
        ]
        instrument = f"instrument: {', '.join(widths)}" if widths else "no width of the instrument"
        found.append(f"Lines{where} are {shapes}; {instrument}.")
    return found


def _constraints(result: FitResult) -> list[str]:
    options = result.options
    exact = [f"{k} = {v:g}" for k, v in options.total.items() if not isinstance(v, Known)]
    held = [f"{r.text}" for r in result.problem.restraints if hasattr(r, "text")]
    ties = [*options.tie]
    found = []
    if exact:
        found.append(f"Kept exactly, in atoms per cell or as ratios: {_listed(exact)}.")
    if result.problem.restraints:
        values = {e.name: e.value for e in result.estimates}
        rows = [r.to_dict(values) for r in result.problem.restraints]
        held = [f"{r['text']} ({r['value']:.4g} found)" for r in rows]
        found.append(f"Restrained by what was known: {_listed(held)}.")
    if ties:
        found.append(f"Tied: {_listed(ties)}.")
    bound = [p.name for p in result.parameters.values() if p.status == "at bound"]
    if bound:
        found.append(f"At a bound of its range: {_listed(bound)}.")
    varied = [p.name for p in result.parameters.values() if p.status in ("varied", "at bound")]
    found.append(f"{result.statistics.n_varied} parameters varied: {_listed(varied)}.")
    return found


def _weights(result: FitResult) -> str:
    sources = list(dict.fromkeys(str(scan.data.attrs.get("sigma_from", "the scan")) for scan in result.scans))
    kept = "counting statistics" if sources == ["poisson"] else f"σ from {_listed(sources)}"
    how = {
        "y_calc": f"1/σ² by {kept}, at the end of the calculated pattern where σ² comes from counts",
        "y_obs": f"1/σ² by {kept} of the observed pattern",
        "none": "the same for all points (the mean σ²)",
    }[result.options.weights]
    return (
        f"Weights are {how}. Errors in "
        "brackets are standard errors by counting from the covariance of all parameters, times max(1, √χ²); intervals "
        "of occupancies are 68 % intervals by profile likelihood. Errors by what the model lacks (to first order, from "
        "what the scan says of each piece that it might lack) are given beside them."
    )


def _quality(result: FitResult) -> str:
    s = result.statistics
    return (
        f"R_wp = {percent(s.r_wp)} (background subtracted {percent(s.r_wp_background_subtracted)}), "
        f"R_exp = {percent(s.r_exp)}, reduced χ² = {s.chi2_reduced:.3g}, Durbin–Watson d = {s.durbin_watson:.2f}, "
        f"{s.n_points} points, {s.n_varied} parameters."
    )


def _software() -> str:
    from xrdfit import __version__

    found = []
    for name in _SOFTWARE:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # a copy that no installer knows
            found.append(name)
    return f"Software: xrdfit {__version__} with {_listed(found)}."


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items)
