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
