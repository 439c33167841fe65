"""What a checked statement is, and the words of its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from xrdfit.errors import InputError

Finding = Literal[
    "holds", "holds with a limit", "does not follow from the published numbers", "cannot be computed here"
]


@dataclass(frozen=True)
class Statement:
    """One statement of the article, computed.

    Attributes
    ----------
    number : int
        As in the list of statements, 1 to 14.
    claim : str
        What the article says, in our words.
    computed : str
        What was computed, how, and the numbers.
    finding : str
        The verdict in one of four phrases.
    why : str
        What limits it or speaks against it; "" where it simply holds.
    values : Mapping[str, float]
        The numbers behind it, by name; the name ends in the unit where there is one.
    """

    number: int
    claim: str
    computed: str
    finding: Finding
    why: str
    values: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.finding not in get_args(Finding):
            raise InputError(f"verdict {self.finding!r} is unknown; allowed are {', '.join(get_args(Finding))}")
        if not self.why and self.finding != "holds":
            raise InputError(f"verdict {self.finding!r} of statement {self.number} needs a reason")

    @property
    def verdict(self) -> str:
        """The finding and, where there is more to say, why."""
        return f"{self.finding}: {self.why}" if self.why else self.finding

    def to_dict(self) -> dict[str, Any]:
        """Return the statement as it stands in statements.json."""
        return {
            "number": self.number,
            "claim": self.claim,
            "computed": self.computed,
            "verdict": self.verdict,
            "values": {name: float(value) for name, value in self.values.items()},
        }
