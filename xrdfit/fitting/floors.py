"""Limits that move with other parameters: Caglioti's polynomial stays positive over a scan.

The Gaussian variance U tan²θ + V tanθ + W has no meaning below zero, and a fit that enters that zone ends there, since
nothing pulls it back. One of the three that vary, V before W before U, therefore moves as its distance from the lowest
value that the other two allow, which has a closed form; its own name and value stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf, radians, sqrt, tan

import numpy as np
from numpy.typing import NDArray

from xrdfit.parameters import ParameterRow

_ORDER = ("V", "W", "U")


@dataclass(frozen=True)
class Floor:
    """The lowest value that one of U, V and W may have.

    Attributes
    ----------
    stem : {"V", "W", "U"}
        Which it is.
    names : Mapping[str, str]
        From U, V, W to the parameters' names.
    first, last : float
        tanθ at the ends of the scan.
    low, high : float
        Own limits of the parameter.
    """

    stem: str
    names: Mapping[str, str]
    first: float
    last: float
    low: float
    high: float

    @property
    def name(self) -> str:
        """Name of the parameter that is kept above the floor."""
        return self.names[self.stem]

    def passed_on(self, rows: Mapping[str, ParameterRow], direct: Collection[str]) -> Floor | None:
        """Return the floor under another of the three that moves by itself, None where there is none."""
        stem = next((s for s in _ORDER if s != self.stem and self.names.get(s) in direct), None)
        if stem is None:
            return None
        row = rows[self.names[stem]]
        return Floor(stem, self.names, self.first, self.last, row.minimum, row.maximum)

    def lowest(self, values: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        """Return the lowest value that leaves the variance positive, and its derivatives by the other parameters.

        For V it is −min(U t + W/t) over t = tanθ within the scan, at t² = W/U or at an end; for W −min(U t² + V t),
        at t = −V/(2U) or an end; for U −min(V/t + W/t²).

        Examples
        --------
        >>> floor = Floor("V", {"U": "U", "V": "V", "W": "W"}, 0.1, 2.0, -5.0, 5.0)
        >>> floor.lowest({"U": 0.01, "W": 0.01})[0]
        -0.02
        """
        own = {stem: values[name] for stem, name in self.names.items() if stem != self.stem}
        if self.stem == "V":
            u, w = max(own["U"], 0.0), max(own["W"], 0.0)
            t = self._within(sqrt(w / u) if u > 0.0 else inf)
            value, slopes = -(u * t + w / t), {"U": -t, "W": -1.0 / t}
        elif self.stem == "W":
            u, v = max(own["U"], 0.0), own["V"]
            t = self._within(-v / (2.0 * u) if u > 0.0 else (inf if v < 0.0 else 0.0))
            value, slopes = -(u * t + v) * t, {"U": -t * t, "V": -t}
        else:
            v, w = own["V"], max(own["W"], 0.0)
            t = self._within(-2.0 * w / v if v < 0.0 else inf)
            value, slopes = -(v + w / t) / t, {"V": -1.0 / t, "W": -1.0 / (t * t)}
        if value < self.low:
            return self.low, {}
        return value, {self.names[stem]: slope for stem, slope in slopes.items()}

    def _within(self, t: float) -> float:
        return min(max(t, self.first), self.last)


def width_floors(
    rows: Sequence[ParameterRow], two_theta: NDArray[np.float64], moving: Collection[str], tied: Collection[str]
) -> list[Floor]:
    """Return the floor of a scan's widths; none where none of them varies, or where they follow ties.

    Parameters
    ----------
    rows : sequence of ParameterRow
        Of the scan, as they are to be fitted.
    two_theta : ndarray, shape (n,)
        Degree.
    moving, tied : collection of str
        Names that components of θ move by themselves, and that follow ties.
    """
    table = {r.kind.stem: r for r in rows if r.kind.belongs == "width" and r.kind.stem in _ORDER}
    names = {stem: r.name for stem, r in table.items()}
    free = [stem for stem in _ORDER if names.get(stem) in moving]
    if not free or any(name in tied for name in names.values()):
        return []
    first, last = (tan(radians(0.5 * float(angle))) for angle in (two_theta[0], two_theta[-1]))
    own = table[free[0]]
    return [Floor(free[0], names, first, last, own.minimum, own.maximum)]
