"""Statements 7, 8 and 11: what fits to computed 2 nm patterns tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrdfit.article.claims import Statement
from xrdfit.article.measure import BACKGROUND, MAXIMUM, Engine, angles, counted, expected_counts, without_noise
from xrdfit.article.published import LATTICE_PARAMETER, Block, by_size, model
from xrdfit.article.verdicts import TEXT_SHARES, judged
from xrdfit.crystal.radiation import radiation

if TYPE_CHECKING:
    from xrdfit.inference.questions.ranking import Comparison

Array = NDArray[np.float64]

CANDIDATES = ("8c", "32f", "4b", "24e")
CLUSTER_NM = 2.0
SIZES = (6.0, 4.0, 3.0, 2.0)
_COUNTING = f"{MAXIMUM:.0f} counts at the highest point, {BACKGROUND:.0f} of them background, 1251 points"


def site_sets(engine: Engine) -> Comparison:
    """Fit every set of the four Cu sites to the counted 2 nm pattern of an engine, with that engine.

    B = 0 as published; scale, background, cell, size, mixing and the occupancies of the set vary, the total of Cu is
    left free.
    """
    from xrdfit.inference.questions.compare import compare
    from xrdfit.model.files.read import load_model

    scan = counted(by_size()[CLUSTER_NM], engine)
    start = {"size_nm": CLUSTER_NM}
    return compare(load_model("cu2se"), scan, sites=CANDIDATES, engine=engine, fix={"b_overall": 0.0}, start=start)


def needs_octahedra() -> Statement:
    """Statement 7: no fit of the 2 nm pattern with 8c and 32f alone."""
    compared: dict[Engine, Comparison] = {"bragg": site_sets("bragg"), "debye": site_sets("debye")}
    lists, values = [], {}
    for engine, comparison in compared.items():
        for candidate in comparison.candidates:
            key = "+".join(label.removeprefix("Cu_") for label in candidate.sites)
            values[f"r_wp_{engine}_{key}"] = candidate.r_wp
        ranked = sorted(comparison.candidates, key=lambda c: c.r_wp)
        sets = (f"{'+'.join(s.removeprefix('Cu_') for s in c.sites)} {100 * c.r_wp:.1f} %" for c in ranked)
        lists.append(f"{engine.capitalize()} engine: {', '.join(sets)}")
    return judged(
        7,
        "The 2 nm pattern cannot be reproduced with 8c and 32f alone; it needs Cu on 4b.",
        "R_wp of all sets of the sites 8c, 32f, 4b, 24e, fitted with the total of Cu free and B = 0 to the counted "
        f"pattern of Table 2's 2 nm model ({_COUNTING}) of the same engine. {'. '.join(lists)}.",
        values,
    )


@dataclass(frozen=True)
class Distance:
    """How far a rival model stays from the mean counts of the 2 nm model.

    Attributes
    ----------
    chi2 : float
        Σ (difference / √counts)², scale, background, cell, size and line shape fitted; 0 for the same pattern.
    r_wp : float
        The same as a fraction of the counts.
    """

    chi2: float
    r_wp: float

    @property
    def counts_needed(self) -> float:
        """Counts at the highest point at which χ² would be 9: below them, no measurement tells the two apart."""
        return MAXIMUM * 9.0 / self.chi2


def distance(occupancies: Mapping[str, float], engine: Engine) -> Distance:
    """Fit a rival's occupancies (by Wyckoff position, fixed) to the mean counts of Table 2's 2 nm model."""
    from xrdfit.inference.fit import fit

    block = by_size()[CLUSTER_NM]
    scan = without_noise(expected_counts(model(block), engine))
    result = fit(model(block), scan, engine=engine, fix={f"occ_Cu_{w}": o for w, o in occupancies.items()})
    return Distance(result.statistics.chi2, result.statistics.r_wp)


def _share_errors() -> dict[str, float]:
    """Standard errors of the sites' shares that the Bragg fit of the mean counts gives."""
    from xrdfit.inference.fit import fit

    block = by_size()[CLUSTER_NM]
    result = fit(model(block), without_noise(expected_counts(model(block), "bragg")), engine="bragg")
    return {s.wyckoff: s.share_stderr for s in result.sites if s.element == "Cu" and s.share_stderr is not None}


def text_against_table() -> Statement:
    """Statement 8: 28 % and 18 % of the text against Table 2."""
    block = by_size()[CLUSTER_NM]
    shares = {w: block.share(w) for w in TEXT_SHARES}
    as_shares = {w: s * block.copper / int(w[:-1]) for w, s in TEXT_SHARES.items()}
    as_occupancies = {"8c": 0.28, "4b": 0.18, "24e": (block.copper - 8 * 0.28 - 4 * 0.18) / 24}
    far = {e: distance(as_shares, e) for e in ("bragg", "debye")}
    other = distance(as_occupancies, "bragg")
    errors = _share_errors()
    pulls = {w: (TEXT_SHARES[w] - shares[w]) / errors[w] for w in errors}
    return judged(
        8,
        "A fit of the 2 nm pattern has 28 % tetrahedral, 18 % octahedral Cu and the rest on 24e; elsewhere the text "
        "says 15 % octahedral.",
        f"Table 2 amounts to {100 * shares['8c']:.1f}, {100 * shares['4b']:.1f} and {100 * shares['24e']:.1f} % of the "
        f"Cu. Distance of the two patterns ({_COUNTING}; scale, background, a, size and line shape fitted): χ² = "
        f"{far['bragg'].chi2:.0f}, R_wp {100 * far['bragg'].r_wp:.1f} % (Bragg); χ² = {far['debye'].chi2:.0f}, "
        f"{100 * far['debye'].r_wp:.1f} % (Debye); χ² = 9 already at {far['bragg'].counts_needed:.0f} counts. The "
        f"shares' standard errors at this counting are {100 * errors['8c']:.2f}, {100 * errors['4b']:.2f} and "
        f"{100 * errors['24e']:.2f} %, so the two lie {abs(pulls['8c']):.0f}, {abs(pulls['4b']):.0f} and "
        f"{abs(pulls['24e']):.0f} errors apart. Read as occupancies of the sites, 0.28 and 0.18 are further off: χ² = "
        f"{other.chi2:.0f}.",
        {
            **{f"share_{w}_table_2_percent": 100 * s for w, s in shares.items()},
            **{f"share_error_{w}_percent": 100 * s for w, s in errors.items()},
            "chi2_bragg": far["bragg"].chi2,
            "chi2_debye": far["debye"].chi2,
            "r_wp_bragg": far["bragg"].r_wp,
            "r_wp_debye": far["debye"].r_wp,
            "chi2_bragg_read_as_occupancies": other.chi2,
            "counts_for_chi2_of_9": far["bragg"].counts_needed,
        },
    )


@dataclass(frozen=True)
class ApparentCell:
    """What an unstrained cluster of the 2 nm structure seems to measure; strains are Δa/a against 5.85 Å.

    Attributes
    ----------
    size_nm : float
    peak_bragg, peak_debye : float
        From the highest point near {111}, in the pattern of each engine.
    fit : float
        From a Bragg fit of the whole Debye pattern.
    """

    size_nm: float
    peak_bragg: float
    peak_debye: float
    fit: float


def apparent_cell(block: Block, size_nm: float) -> ApparentCell:
    """Measure the cell of a cluster with a = 5.85 Å exactly, by the {111} position and by a Bragg fit.

    Parameters
    ----------
    block : Block
        Whose structure the cluster has.
    size_nm : float
        Scherrer length (Bragg pattern) and diameter (Debye pattern).
    """
    from xrdfit.inference.fit import fit

    source = model(block)
    source = replace(source, phases=(replace(source.phases[0], size_nm=size_nm),))
    exact = expected_counts(source, "debye")
    result = fit(source, without_noise(exact), engine="bragg")
    return ApparentCell(
        size_nm,
        peak_strain(expected_counts(source, "bragg")),
        peak_strain(exact),
        result["a"].value / LATTICE_PARAMETER - 1.0,
    )


def peak_strain(pattern: Array, low: float = 24.0, high: float = 29.5) -> float:
    """Return Δa/a by the highest point of a pattern within a range (degree), taken for {111} by Bragg's law.

    A parabola through 0.4° refines the angle; the wavelength is the doublet's mean.
    """
    x = angles()
    inside = np.flatnonzero((x >= low) & (x <= high))
    top = inside[int(pattern[inside].argmax())]
    window = slice(top - 5, top + 6)
    curvature, slope, _ = np.polyfit(x[window] - x[top], pattern[window], 2)
    angle = x[top] - slope / (2.0 * curvature)
    rays = radiation("cu-ka").lines
    wavelength = sum(line.wavelength * line.weight for line in rays)
    return float(wavelength * np.sqrt(3.0) / (2.0 * np.sin(np.radians(angle / 2.0))) / LATTICE_PARAMETER - 1.0)


def apparent_strain() -> Statement:
    """Statement 11: strain from the {111} position."""
    cluster, large = by_size()[CLUSTER_NM], by_size()[6.0]
    cells = [apparent_cell(cluster, size) for size in SIZES]
    small, reference = cells[-1], apparent_cell(large, 6.0)
    shift = {
        "bragg": 100 * (small.peak_bragg - reference.peak_bragg),
        "debye": 100 * (small.peak_debye - reference.peak_debye),
    }
    rows = "; ".join(
        f"{c.size_nm:g} nm {100 * c.peak_bragg:+.2f} % (Bragg), {100 * c.peak_debye:+.2f} % (Debye), fit "
        f"{100 * c.fit:+.2f} %"
        for c in cells
    )
    return judged(
        11,
        "By the position of {111} the 2 nm clusters are compressed by 4.5 % relative to the 6 nm particles.",
        "Cell of unstrained clusters of Table 2's 2 nm structure, a = 5.85 Å exactly, from the highest point near "
        f"{{111}} in each engine's pattern, and from a Bragg fit of the whole exact Debye pattern: {rows}. Between the "
        f"unstrained models of Table 2 for 6 and 2 nm the highest point alone moves as a strain of "
        f"{shift['bragg']:+.1f} % (Bragg) and {shift['debye']:+.1f} % (Debye) would move it.",
        {
            **{f"peak_strain_bragg_{c.size_nm:g}nm_percent": 100 * c.peak_bragg for c in cells},
            **{f"peak_strain_debye_{c.size_nm:g}nm_percent": 100 * c.peak_debye for c in cells},
            **{f"fit_strain_{c.size_nm:g}nm_percent": 100 * c.fit for c in cells},
            "peak_strain_2nm_against_6nm_bragg_percent": shift["bragg"],
            "peak_strain_2nm_against_6nm_debye_percent": shift["debye"],
        },
    )
