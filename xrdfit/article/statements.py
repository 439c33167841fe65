"""The article's statements, each computed and judged; as JSON and for readers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from xrdfit.article import claims_fits, claims_lines, claims_numbers
from xrdfit.article.claims import Statement
from xrdfit.article.published import CITATION
from xrdfit.progress import Progress

CHECKS: dict[int, Callable[[], Statement]] = {
    1: claims_lines.positions,
    2: claims_lines.trends,
    3: claims_lines.appearances,
    4: claims_lines.cancellation,
    5: claims_lines.strongest_when_full,
    6: claims_lines.series,
    7: claims_fits.needs_octahedra,
    8: claims_fits.text_against_table,
    9: claims_numbers.fringes,
    10: claims_numbers.strain_and_pressure,
    11: claims_fits.apparent_strain,
    12: claims_numbers.distances,
    13: claims_numbers.octahedral_share,
    14: claims_numbers.one_cation_a_void,
}
"""What computes each statement."""


def statements(progress: Progress | None = None) -> tuple[Statement, ...]:
    """Compute all statements, in order.

    Parameters
    ----------
    progress : callable, optional
        Called with a few words before each.
    """
    checked = []
    for number, check in CHECKS.items():
        if progress:
            progress(f"statement {number} of {len(CHECKS)}", (number - 1) / len(CHECKS))
        checked.append(check())
    return tuple(checked)


def to_json(checked: Sequence[Statement]) -> str:
    """Return statements.json."""
    data = {"statements": [s.to_dict() for s in checked]}
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_markdown(checked: Sequence[Statement]) -> str:
    """Return the statements for readers."""
    parts = ["# The article's statements, computed", "", f"{CITATION}. No measured pattern of it is public.", ""]
    for s in checked:
        parts += [f"## {s.number}. {s.claim}", "", f"**{s.finding.capitalize()}**{': ' + s.why if s.why else ''}.", ""]
        parts += [f"Computed: {s.computed}", ""]
    return "\n".join(parts)
