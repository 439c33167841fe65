"""What casts doubt on a result, in codes and numbers; `xrdfit.wording` has the sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xrdfit.wording import caution_text


@dataclass(frozen=True)
class Caution:
    """One reason for doubt.

    Attributes
    ----------
    code : str
        What kind; "note" for what a reader or a model says in its own words.
    names : tuple of str
        Whom it concerns: parameters, phases, sites, elements, scans.
    numbers : dict of str to float
        What it is judged by.
    scan : str
        Label of the scan that it belongs to, "" where it concerns all.
    """

    code: str
    names: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    scan: str = ""

    def __str__(self) -> str:
        return caution_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the caution as it stands in result.json."""
        return {"code": self.code, "names": list(self.names), "numbers": dict(self.numbers), "scan": self.scan}
