"""Sentences for what inference finds: codes and numbers go in, words come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class AdviceLike(Protocol):
    """What an advice says, in codes and numbers."""

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def options(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def delta_chi2(self) -> float: ...  # noqa: D102
    @property
    def size(self) -> float: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def moves(self) -> dict[str, float]: ...  # noqa: D102
    @property
    def alternatives(self) -> Sequence[AdviceLike]: ...  # noqa: D102
    @property
    def numbers(self) -> dict[str, float]: ...  # noqa: D102
    @property
    def scan(self) -> str: ...  # noqa: D102


_ADVICE: Mapping[str, str] = {
    "b_element": "an own displacement parameter of {subject} (its B differs by {size:+.2f} Å²)",
    "b_overall": "displacement ({subject} {size:+.2f} Å²)",
    "parameter": "{subject} ({size:+.3g} {unit})",
    "site": "atoms on an empty site ({subject} {size:.3f})",
    "coordinate": "another coordinate ({subject} {size:+.4f})",
    "film": "a film that the beam passes through (weak lines at high angles)",
    "polarization": "another polarization of the beam",
    "capillary": "absorption by a capillary (µR {size:.2g})",
    "texture": "preferred orientation about {subject} (March–Dollase r near {size_r:.2f})",
    "anisotropic": "crystallites that are {shape} along {subject} than across",
    "kbeta": "the tube's Kβ line ({size:.3f} of Kα)",
    "w_la": "tungsten lines from the tube's filament ({size:.3f} of Kα)",
    "background_order": "a background of order {subject}",
    "blank": "another height of the blank ({size:+.2f})",
    "air": "scattering by air towards low angles",
    "hump": "a broad hump near {subject} of {percent:.0f} % of the strongest line",
    "impurity": "lines of {subject} ({percent:.0f} % of the strongest line)",
    "spike": "a narrow line at {subject} of {percent:.0f} % of the strongest line that no phase explains",
}


class CautionLike(Protocol):
    """A reason for doubt, in codes and numbers."""

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def numbers(self) -> Mapping[str, float]: ...  # noqa: D102
    @property
    def scan(self) -> str: ...  # noqa: D102


_CAUTIONS: Mapping[str, str] = {
    "note": "{0}",
    "no_dispersion": "f' and f'' are switched off, yet f' changes the scattering of {0} by {percent:+.1f} %: its "
    "occupancies come out wrong by about as much, at the same chi²",
    "edge": "{0} has an absorption edge within 100 eV of the line at {wavelength:.5g} Å: tables of f' cannot be "
    "trusted there (--vary fp_{0} lets the scan say)",
    "small_for_bragg": "{0}: at {size_nm:.1f} nm Bragg's law with broadened lines misplaces intensity; --engine debye "
    "computes such clusters exactly",
    "radius_assumed": "{0} is for a goniometer radius of {radius_mm:g} mm, assumed; --radius sets it",
    "at_bound": "{0} ended at its bound {value:.6g}: its error is one-sided",
    "beyond_full": "{0} would be {value:.3g} if it might exceed 1, as where a heavier atom is on the site: "
    "--limits {0}=0:{limit:.2g} lets it",
    "undetermined": "the scan fixes only combinations of {names}: these have no errors of their own; nothing else "
    "depends on it",
    "no_effect": "the pattern does not respond to {names}: consider fixing",
    "correlated": "{0} and {1} are correlated ({correlation:+.3f}): the scan hardly tells them apart",
    "rival": "this is one of several answers: {values} fits as well (Δχ² = {delta_chi2:.1f}); `xrdfit identify` says "
    "what decides between them",
    "overfilled": "{0}: impossible composition, {1} = {filled:.3f}: more than one cation a void (--packing forbids it)",
    "too_close": "{0}: {1} and {2} are both filled and stand {distance:.2f} Å apart, nearer than any bond",
    "more_too_close": "{0}: {pairs:.0f} more pairs of filled sites stand nearer than any bond",
    "negative_displacement": "{sum} is negative ({b_iso:.2f} Å²), as no displacement is: something else bends the "
    "intensities",
    "negative_background": "the background is negative in places: it stands in for something that the model lacks",
    "misfit": "χ² is {chi2_reduced:.0f} times what counting explains: the model does not describe the scan",
    "too_good": "χ² is {chi2_reduced:.2g}: the points scatter less than their errors allow, as where counts were "
    "divided, smoothed or are rates; all errors are then too large, or worth nothing (--counts-per and --sigma say "
    "what the columns are)",
    "serial": "residuals are serially correlated (Durbin–Watson {durbin_watson:.2f}): the model misses something, and "
    "errors may be {factor:.1f} times larger (stderr_serial)",
    "background_order": "{0} would move by {move:+.3f}, {errors:.1f} of its errors, with a background of order "
    "{higher:.0f} instead of {order:.0f}: the background decides it, and its error by counting does not say so "
    "(--blank measures what lies beneath, --hump and --air describe it)",
    "unexplained_line": "a line at {deg:.2f}° of {percent:.1f} % of the strongest is explained by no phase",
    "unequal_scans": "the scans do not fit equally well: χ² is {worst:.3g} for {0} and {best:.3g} for {1}; all "
    "standard errors are multiplied by √{worst:.3g}, as {0} asks for",
    "scans_disagree": "the scans disagree on the weight fraction of {0} by more than {errors:g} standard errors: their "
    "mean is given",
    "coarse_grains": "{0}: its grains absorb too much for Brindley's correction (|µ − µ̄| × diameter above {limit:g}); "
    "weight fractions of so coarse a powder cannot be trusted: grind it",
    "no_standard": "the scan shows no {0}, the standard: what is amorphous cannot be told",
    "negative_amorphous": "amorphous share {share:.3f}: there is more of the phases than the standard allows; its "
    "weight, its own amorphous share or microabsorption (--particle) may be the reason",
}
_HELD = "; held fixed are {names} (--vary frees them)"


def caution_text(caution: CautionLike) -> str:
    """Return a reason for doubt as a sentence."""
    template, names, numbers = _CAUTIONS[caution.code], caution.names, caution.numbers
    if caution.code == "misfit" and names:
        template += _HELD
    values = ", ".join(f"{name} {numbers[name]:.3f}" for name in names if name in numbers)
    text = template.format(*names, names=", ".join(names), sum=" + ".join(names), values=values, **numbers)
    return f"{caution.scan}: {text}" if caution.scan else text


PIECE_WORDS: Mapping[str, str] = {
    "b_element": "an own B of each element",
    "b_overall": "displacement B",
    "displacement_mm": "specimen displacement",
    "zero_deg": "zero shift",
    "film": "a thin film",
    "polarization": "polarization",
    "blank": "the blank's height",
    "anomalous_table": "the table of f′ and f″",
    "kalpha_ratio": "the ratio of Kα2 to Kα1",
    "size_sigma": "a size distribution",
    "microstrain": "microstrain",
    "total": "the total's own error (2 %)",
    "weights": "weights by the observed counts",
    "hump": "humps",
    "background_order": "the background's order",
    "spike": "narrow lines",
    "impurity": "impurities",
}
"""What pieces that a model lacks are called."""


def advice_text(advice: AdviceLike) -> str:
    """Return an advice as a sentence."""
    what = _ADVICE[advice.code].format(
        subject=advice.subject,
        size=advice.size,
        unit=advice.unit,
        percent=100.0 * advice.size,
        size_r=1.0 + advice.size,
        shape="longer" if advice.size > 0.0 else "shorter",
    )
    where = f"{advice.scan}: " if advice.scan else ""
    text = f"{where}the scan asks for {what}: {' '.join(advice.options)} lowers χ² by about {advice.delta_chi2:.0f}"
    moved = {n: s for n, s in advice.moves.items() if abs(s) >= 0.0005}
    if moved:
        text += ", moving " + ", ".join(f"{n} by {s:+.3f}" for n, s in moved.items())
    if advice.alternatives:
        text += f" (or {', '.join(' '.join(a.options) for a in advice.alternatives)}, which explain the same)"
    return text.replace(" )", ")")
