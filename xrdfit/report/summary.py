"""What a reader must know about a fit beside its numbers: engine, radiation, K, background, range."""

from __future__ import annotations

from math import floor, log10

from xrdfit.fitting.known import Known
from xrdfit.inference.fitted import FittedParameter, FittedScan, FittedSite
from xrdfit.inference.result import FitResult
from xrdfit.report.numbers import concise, percent
from xrdfit.wording import PIECE_WORDS

SPHERE_NOTE = (
    "Size is the Scherrer length L of Γ = Kλ/(L cosθ). The lines of a sphere of diameter D have "
    "Γ = 1.107 λ/(D cosθ): a fit with K = 0.9 returns about 0.87 D."
)
DIAMETER_NOTE = "Size is the diameter D of a sphere."

FORMULAS = (
    ("Rwp", "√[Σ w (y_obs − y_calc)² / Σ w y_obs²], w = 1/σ²"),
    ("Rwp, background subtracted", "the same with y_obs − background in the denominator"),
    ("Rexp", "√[(N − P) / Σ w y_obs²], N points, P parameters (scale and background counted)"),
    ("χ² (reduced)", "Σ w (y_obs − y_calc)² / (N − P) = (Rwp/Rexp)²"),
    ("Durbin–Watson d", "Σ (r_i − r_{i−1})² / Σ r_i²; 2 without serial correlation (Hill & Flack 1987)"),
    ("standard error", "from the covariance of all parameters, times max(1, √χ²)"),
    ("serial standard error", "times the factor of Bérar & Lelann (1991), 1 for white noise"),
    ("share", "m·o / Σ m·o over the sites of one element; m multiplicity, o occupancy"),
)


def facts(result: FitResult) -> list[tuple[str, str]]:
    """Return what was fitted to what, as pairs of a label and a text; of several scans each stands by itself."""
    engine = " and ".join(e.capitalize() for e in result.engine.split("+"))
    shared = [
        ("Model", _model(result)),
        ("Engine", engine + (f": {reason}" if (reason := result.engine_reason) else "")),
    ]
    last = [("Size", size_note(result)), ("Kept exactly", _kept(result))]
    if len(result.scans) == 1:
        of_scan = _facts_of_scan(result, result.scans[0])
        n = 1 + ("evidence" in result.scan.attrs)
        return [
            *of_scan[:n],
            *shared,
            of_scan[n],
            _amplitudes(result),
            of_scan[n + 1],
            last[0],
            of_scan[n + 2],
            last[1],
        ]
    each = [
        (f"{scan.label}: {name[0].lower()}{name[1:]}", text)
        for scan in result.scans
        for name, text in (*_facts_of_scan(result, scan), ("Engine", scan.engine.capitalize()))
    ]
    return [*shared, _amplitudes(result), *last, *each]


def _facts_of_scan(result: FitResult, scan: FittedScan) -> list[tuple[str, str]]:
    return [
        ("Scan", _scan(result, scan)),
        *(("Read as", str(text)) for name, text in scan.data.attrs.items() if name == "evidence"),
        ("Radiation", f"{radiation_text(scan)}, {radiation_origin(result, scan)}"),
        ("Monochromator", _monochromator(scan)),
        ("Background", background_text(scan)),
    ]


def _amplitudes(result: FitResult) -> tuple[str, str]:
    if all(scan.model.radiation().neutron for scan in result.scans):
        return "Scattering lengths", "bound coherent, of periodictable"
    return "Anomalous terms", f"f′ and f″ ({result.options.anomalous_table})" if result.options.anomalous else "off"


def _kept(result: FitResult) -> str:
    exact = {k: v for k, v in result.options.total.items() if not isinstance(v, Known)}
    return ", ".join(f"{k} = {v:g}" for k, v in exact.items()) or "no total"


def _scan(result: FitResult, scan: FittedScan) -> str:
    angles = scan.data["two_theta"].values
    name = str(scan.data.attrs.get("file", "from memory"))
    gaps = "".join(f", without {low:g}–{high:g}°" for low, high in result.options.of(scan.label).exclude)
    return f"{name}, {len(angles)} points, {angles[0]:g}–{angles[-1]:g}° 2θ{gaps}"


def _model(result: FitResult) -> str:
    phases = "; ".join(f"{p.name}, {p.structure.group.hm}" for p in result.model.phases)
    return f"{result.model.name} ({phases})"


def _monochromator(scan: FittedScan) -> str:
    angle = scan.model.instrument.monochromator_deg
    return f"2θ_M = {angle:g}°" if angle else "none"


def radiation_text(scan: FittedScan) -> str:
    """Name and wavelengths of the radiation."""
    rays = scan.model.radiation()
    lines = ", ".join(f"{line.wavelength:.6g} Å" for line in rays.lines)
    return lines if rays.name in lines else f"{rays.name.removesuffix(' (scan header)')} ({lines})"


def radiation_origin(result: FitResult, scan: FittedScan) -> str:
    """Say which of options, instrument file, scan header, model and default decided the radiation."""
    options, header = result.options.of(scan.label), scan.data.attrs
    if options.radiation is not None:
        return "as asked for"
    if options.instrument is not None and options.instrument.radiation is not None:
        return "from the instrument file"
    if "wavelengths" in header or "radiation" in header:
        return "from the scan's header"
    if result.start_model.instrument.radiation is not None:
        return "from the model"
    return "by default"


def background_text(scan: FittedScan) -> str:
    """What the background is made of."""
    grid = scan.data["two_theta"].values
    return ", ".join(piece.on(grid) for piece in scan.model.background) or "none"


def size_note(result: FitResult) -> str:
    """Say what the size means: K, and how a Scherrer length relates to a sphere's diameter."""
    scherrer = [p for p in result.model.phases if "bragg" in result.engine and p.shape == "scherrer"]
    if not scherrer:
        return DIAMETER_NOTE
    constants = ", ".join(dict.fromkeys(f"{p.scherrer_k:g}" for p in scherrer))
    return f"K = {constants}. {SPHERE_NOTE}"


def statistics_items(result: FitResult) -> list[tuple[str, str]]:
    """Figures of merit as pairs of a label and a text."""
    s = result.statistics
    missing = []
    if result.amorphous is not None:
        missing.append(("Amorphous share of the sample", percent(result.amorphous, result.amorphous_error)))
    return [
        *missing,
        ("Rwp", percent(s.r_wp)),
        ("Rwp, background subtracted", percent(s.r_wp_background_subtracted)),
        ("Rexp", percent(s.r_exp)),
        ("χ² (reduced)", f"{s.chi2_reduced:.4g}"),
        ("Points", str(s.n_points)),
        ("Parameters varied", str(s.n_varied)),
        ("Durbin–Watson d", f"{s.durbin_watson:.2f} (correlated below {s.durbin_watson_critical:.2f})"),
        ("Bérar–Lelann factor", f"{s.berar_lelann:.2f}"),
    ]


def composition_text(result: FitResult) -> str:
    """Atoms per cell, a phase after another where there are several."""
    if len(result.model.phases) == 1:
        return _atoms(result.composition)
    return "; ".join(f"{phase}: {_atoms(atoms)}" for phase, atoms in result.composition.items())


def _atoms(composition: dict[str, float]) -> str:
    return ", ".join(f"{element} {count:.4g}" for element, count in composition.items())


def site_parameter(result: FitResult, site: FittedSite) -> FittedParameter:
    """Return the occupancy parameter of a site."""
    phase = next(p for p in result.model.phases if p.name == site.phase)
    return result.parameters[f"{result.model.prefix(phase)}occ_{site.label}"]


SITE_COLUMNS = ("Site", "Wyckoff", "Occupancy ± counting ± model", "Share of the element", "Atoms per cell", "")
PARAMETER_COLUMNS = ("Parameter", "Value", "Unit", "68 % interval", "Serial error", "Status")


SCAN_COLUMNS = ("Scan", "Radiation", "Engine", "Points", "Rwp", "Rexp", "χ² (reduced)")


def scan_rows(result: FitResult) -> list[tuple[str, ...]]:
    """Rows of the table of scans, under `SCAN_COLUMNS`."""
    return [
        (
            scan.label,
            scan.model.radiation().name,
            scan.engine,
            str(scan.statistics.n_points),
            percent(scan.statistics.r_wp),
            percent(scan.statistics.r_exp),
            f"{scan.statistics.chi2_reduced:.4g}",
        )
        for scan in result.scans
    ]


def site_rows(result: FitResult, phase: str) -> list[tuple[str, ...]]:
    """Rows of the table of sites of one phase, under `SITE_COLUMNS`."""
    rows = []
    for s in (s for s in result.sites if s.phase == phase):
        m = s.multiplicity
        atoms = concise(m * s.occupancy, None if s.stderr is None else m * s.stderr)
        share = f"{s.element} {percent(s.share, s.share_stderr)}"
        status = site_parameter(result, s).status
        rows.append((s.label, s.wyckoff, _with_both(result, s), share, atoms, "" if status == "varied" else status))
    return rows


def _with_both(result: FitResult, site: FittedSite) -> str:
    """An occupancy with its error by counting and that by what the model lacks."""
    model = site_parameter(result, site).stderr_model
    if site.stderr is None or model is None:
        return concise(site.occupancy, site.stderr)
    decimals = max(2, -floor(log10(max(min(site.stderr, 0.5), 1e-6))))
    return f"{site.occupancy:.{decimals}f} ± {site.stderr:.{decimals}f} ± {model:.{decimals}f}"


def model_error_lines(result: FitResult) -> list[str]:
    """For each occupancy that moves, what makes its error by the model."""
    lines = []
    for name in result.problem.occupancies.names:
        error = result.model_errors.of({name: 1.0})
        parts = [
            f"{PIECE_WORDS.get(kind, kind)} {part:.3f}" for kind, part in error.by.items() if part > 0.1 * error.total
        ]
        if parts:
            lines.append(f"{name}: ± {error.total:.3f} by {', '.join(parts[:4])}")
    return lines


def parameter_rows(result: FitResult, everything: bool = False, intervals: bool = True) -> list[tuple[str, ...]]:
    """Rows of the table of parameters, under `PARAMETER_COLUMNS`.

    Parameters
    ----------
    result : FitResult
    everything : bool
        Also what did not vary; the occupancies are left out otherwise, because they have a table of their own.
    intervals : bool
        Without them that column is left out: they are computed when asked for.
    """
    rows = []
    for p in result.parameters.values():
        if not everything and (p.status == "fixed" or "occ_" in p.name):
            continue
        interval = (_interval(p.lower, p.upper),) if intervals else ()
        serial = "" if p.stderr_serial is None else f"{p.stderr_serial:.2g}"
        rows.append((p.name, concise(p.value, p.stderr, digits=6), p.unit, *interval, serial, p.status))
    return rows


def _interval(lower: float | None, upper: float | None) -> str:
    """Write an interval with decimals that show its width to two digits."""
    if lower is None or upper is None:
        return ""
    half = (upper - lower) / 2.0
    return " to ".join(concise(end, half).partition("(")[0] for end in (lower, upper))
