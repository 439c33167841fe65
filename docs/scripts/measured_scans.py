"""Write the tables of docs/measured-scans.md from the measured scans themselves.

    python docs/scripts/measured_scans.py FOLDER

FOLDER holds RbTa2O5F.xrdml and .cif, caf2_fluorite_cpd.prn, lab6_nist_srm660c_100a.cif and cu3au_ordered.raw. The
tables go to standard output, in Markdown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import xrdfit as xf
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.model.ties import parse_tie

RUBIDIUM = ("occ_Rb_32e", "x_Rb_32e", "x_O_48f", "b_Ta_16c", "b_Rb_32e", "b_O_48f")
COLUMNS = ("occ_Rb_32e", "a", "x_Rb_32e", "x_O_48f", "b_Ta_16c", "b_Rb_32e", "b_O_48f")
DIGITS = {"a": 5, "occ_Rb_32e": 4, "x_Rb_32e": 4, "x_O_48f": 4}
ORDERS = 8


def with_species(model: xf.PowderModel, ions: dict[str, str]) -> xf.PowderModel:
    """Return the model with the form factors of ions in place of neutral atoms."""
    phase = model.phases[0]
    sites = tuple(replace(s, species=ions.get(s.element, s.species)) for s in phase.structure.sites)
    return replace(model, phases=(replace(phase, structure=replace(phase.structure, sites=sites)),))


def pyrochlore_cases(model: xf.PowderModel) -> Iterator[tuple[str, xf.PowderModel, dict[str, Any]]]:
    """Yield what is changed, the model, and the options of the fit."""
    shift = ("displacement_mm",)
    axial = {"S_L": 0.03}
    ions = {"Rb": "Rb1+", "Ta": "Ta5+", "F": "F1-"}
    tied = replace(model, ties=(parse_tie("H_L = S_L"),))
    free_u = (*shift, "W", "X")
    yield "reference: 5–120°, neutral, displacement", model, {"vary": shift}
    yield "from 10°", model, {"vary": shift, "range": (10.0, 120.0)}
    yield "from 20°", model, {"vary": shift, "range": (20.0, 120.0)}
    from_20 = {"range": (20.0, 120.0), "vary": (*shift, "S_L"), "start": axial}
    yield "from 20°, axial term", tied, from_20
    yield "from 20°, axial term, Rb and Ta share one B", shared_b(tied), from_20
    yield "to 90°", model, {"vary": shift, "range": (5.0, 90.0)}
    yield "10–70°", model, {"vary": shift, "range": (10.0, 70.0)}
    yield "Rb⁺, Ta⁵⁺, F⁻, O neutral", with_species(model, ions), {"vary": shift}
    yield "Rb⁺, Ta⁵⁺, F⁻, O⁻", with_species(model, {**ions, "O": "O1-"}), {"vary": shift}
    yield "Rb⁺, Ta⁵⁺, F⁻, O²⁻", with_species(model, {**ions, "O": "O2-"}), {"vary": shift}
    yield "zero instead of displacement", model, {"vary": ("zero_deg",)}
    yield "zero and displacement", model, {"vary": ("zero_deg", *shift)}
    yield "neither", model, {"vary": ()}
    yield "axial term, S/L alone", model, {"vary": (*shift, "S_L"), "start": axial}
    yield "axial term, S/L = H/L", tied, {"vary": (*shift, "S_L"), "start": axial}
    yield "axial term and instrument W, X", tied, {"vary": (*free_u, "S_L"), "start": axial, "fix": {"mixing": 1.0}}
    yield "axial term, microstrain", tied, {"vary": (*shift, "S_L", "microstrain"), "start": axial}
    yield "all B of the authors, fixed", model, {"vary": shift, "fix": dict.fromkeys(RUBIDIUM[3:])}
    yield "Rb occupancy of the authors (¼), fixed", model, {"vary": shift, "fix": {"occ_Rb_32e": 0.25}}
    yield "Rb and Ta share one B", shared_b(model), {"vary": shift}
    yield "f′ of Cromer & Liberman", model, {"vary": shift, "anomalous_table": "cromer-liberman"}
    yield "no f′, f″", model, {"vary": shift, "anomalous": False}


def shared_b(model: xf.PowderModel) -> xf.PowderModel:
    """Return the model with one B for Ta and Rb, as the authors had it."""
    return replace(model, ties=(*model.ties, parse_tie("b_Rb_32e = b_Ta_16c")))


def cell(result: xf.FitResult, name: str) -> str:
    """Return value, error and, of an occupancy, error by the model as one table cell."""
    parameter, digits = result[name], DIGITS.get(name, 2)
    error = f"({parameter.stderr:.{digits}f})" if parameter.stderr is not None else " fixed"
    by_model = f" ± {parameter.stderr_model:.3f}" if parameter.stderr and parameter.stderr_model is not None else ""
    return f"{parameter.value:.{digits}f}{error}{by_model}"


def pyrochlore(folder: Path) -> None:
    """Print how the answer for RbTa2O5F shifts with what is assumed."""
    scan = xf.read_pattern(str(folder / "RbTa2O5F.xrdml"))
    model = xf.load_model(str(folder / "RbTa2O5F.cif"))
    print("| changed | Rb occupancy | a (Å) | x(Rb) | x(O/F) | B(Ta) | B(Rb) | B(O/F) | R_wp (%) | χ²_red |")
    print("|---|" + "---|" * 9)
    for label, changed, given in pyrochlore_cases(model):
        options = {"background": ORDERS, **given}
        tied = {tie.target for tie in changed.ties}
        options["vary"] = (*(name for name in RUBIDIUM if name not in tied), *given["vary"])
        options["start"] = {"occ_Rb_32e": 0.4, "size_nm": 60.0, **given.get("start", {})}
        if "occ_Rb_32e" in given.get("fix", {}):
            options["start"].pop("occ_Rb_32e")
        result = xf.fit(changed, scan, engine="bragg", usual=False, **options)
        numbers = " | ".join(cell(result, name) for name in COLUMNS)
        s = result.statistics
        word = label if result.success else f"{label} — {result.message}"
        print(f"| {word} | {numbers} | {100 * s.r_wp:.2f} | {s.chi2_reduced:.1f} |", flush=True)


def fluorite(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield quantity, result and known answer for CaF2."""
    scan = xf.read_pattern(str(folder / "caf2_fluorite_cpd.prn"))
    options: dict[str, Any] = {"monochromator_deg": 26.6, "radius_mm": 173.0, "radiation": "cu-ka", "usual": False}
    vary = ("occ_F_8c", "displacement_mm")
    held = xf.fit(xf.load_model("caf2"), scan, engine="bragg", vary=vary, **options)
    low, high = held.interval("occ_F_8c", 0.95)
    yield "CaF2: a (Å)", f"{held['a'].value:.5f} ± {held['a'].stderr:.5f}", "5.4631 ± 0.0007"
    yield (
        "CaF2: F occupancy, Ca held at 1",
        f"{held['occ_F_8c'].value:.4f}, 95 %: {low:.3f}–{high:.3f}; model ± {held['occ_F_8c'].stderr_model:.3f}",
        "1.00 ± 0.03",
    )
    free_b = {"vary": (*vary, "b_Ca_4a", "b_F_8c"), "fix": {"occ_Ca_4a": 0.9}}
    below = xf.fit(xf.load_model("caf2"), scan, engine="bragg", **free_b, **options)
    ratio, error = below["occ_F_8c"].value / 0.9, (below["occ_F_8c"].stderr or 0.0) / 0.9
    yield (
        "CaF2: F per Ca, Ca held at 0.9, both B free",
        f"{ratio:.3f} ± {error:.3f} ± {below['occ_F_8c'].stderr_model / 0.9:.3f} (model)",
        "1.00 ± 0.03",
    )
    both = xf.fit(xf.load_model("caf2"), scan, engine="bragg", vary=("occ_*", "displacement_mm"), **options)
    yield "CaF2: both occupancies free", both.message, "must be refused"


def hexaboride(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield quantity, result and known answer for LaB6."""
    scan = xf.read_pattern(str(folder / "lab6_nist_srm660c_100a.cif"))
    model = xf.load_model("lab6")
    tied = replace(model, ties=(parse_tie("H_L = S_L"),))
    options: dict[str, Any] = {"usual": False, "fix": {"mixing": 1.0}, "background": 6}
    shift = ("displacement_mm", "W", "X")
    without = xf.fit(model, scan, engine="bragg", vary=shift, **options)
    axial = xf.fit(tied, scan, engine="bragg", vary=(*shift, "S_L"), start={"S_L": 0.02}, **options)
    for word, r, a, t in (
        ("S/L = H/L free", axial, "4.15678 ± 0.0002", "−0.079 ± 0.005"),
        ("no axial term", without, "4.15641 (another programme)", "−0.037 (another programme)"),
    ):
        yield f"LaB6, {word}: a (Å)", f"{r['a'].value:.5f} ± {r['a'].stderr:.5f}", a
        displacement = r["displacement_mm"]
        yield f"LaB6, {word}: displacement (mm)", f"{displacement.value:.4f} ± {displacement.stderr:.4f}", t
        yield f"LaB6, {word}: R_wp (%)", f"{100 * r.statistics.r_wp:.2f}", ""


def copper_gold(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield quantity, result and known answer for Cu3Au."""
    scan = xf.read_pattern(str(folder / "cu3au_ordered.raw"))
    gold = 0.5
    rows = [
        {"species": "Au", "wyckoff": "1a", "xyz": (0, 0, 0), "occupancy": gold},
        {"species": "Cu", "wyckoff": "1a", "xyz": (0, 0, 0), "occupancy": 1 - gold},
        {"species": "Cu", "wyckoff": "3c", "xyz": (0, 0.5, 0.5), "occupancy": 1 - (1 - gold) / 3},
        {"species": "Au", "wyckoff": "3c", "xyz": (0, 0.5, 0.5), "occupancy": (1 - gold) / 3},
    ]
    structure = Structure.from_sites("Cu3Au", space_group("Pm-3m"), Cell(3.75, 3.75, 3.75, 90, 90, 90), rows)
    ties = ("occ_Cu_1a = 1 - occ_Au_1a", "occ_Au_3c = (1 - occ_Au_1a)/3", "occ_Cu_3c = 1 - occ_Au_3c")
    phase = xf.Phase("cu3au", structure, size_nm=30.0, vary=("occ_Au_1a",))
    model = xf.PowderModel("cu3au", (phase,), ties=tuple(parse_tie(t) for t in ties))
    result = xf.fit(model, scan, engine="bragg", usual=False, vary=("displacement_mm", "b_overall"))
    site = result["occ_Au_1a"]
    order = (site.value - 0.25) / 0.75
    errors = [(e or 0.0) / 0.75 for e in (site.stderr, site.stderr_serial)]
    yield "Cu3Au: a (Å)", f"{result['a'].value:.4f} ± {result['a'].stderr:.4f}", "≈ 3.75"
    text = f"{order:.3f} ± {errors[0]:.3f} (± {errors[1]:.3f} with serial correlation)"
    yield "Cu3Au: long-range order S", text, "> 0 by more than 3 errors"
    yield "Cu3Au: R_wp, R_exp (%)", f"{100 * result.statistics.r_wp:.1f}, {100 * result.statistics.r_exp:.1f}", ""


def main(folder: Path) -> None:
    """Print all tables."""
    print("| quantity | computed | known |\n|---|---|---|")
    for part in (fluorite, hexaboride, copper_gold):
        for row in part(folder):
            print("| " + " | ".join(row) + " |", flush=True)
    print()
    pyrochlore(folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/scripts/measured_scans.py FOLDER")
    main(Path(sys.argv[1]))
