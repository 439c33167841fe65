"""What `identify` returns: combinations, degenerate pairs and rival answers, in words and as data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.rivals import Rival
from xrdfit.inference.questions.by_scan import ScanShare
from xrdfit.inference.questions.combinations import Combination, DegeneratePair, short_names
from xrdfit.plaintext import printable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from xrdfit.inference.result import FitResult

SCHEMA = 1


@dataclass(frozen=True)
class Identifiability:
    """What a scan can and cannot tell.

    Attributes
    ----------
    model, scan, engine : str
    combinations : tuple of Combination
        Independent of each other, best determined first.
    degenerate : tuple of DegeneratePair
    rivals : tuple of Rival
        Other answers within Δχ² = 9.
    scans : tuple of ScanShare
        What each of several scans adds; empty for one.
    occupancies, stderr : dict of str to float
        Of the sites that vary.
    information : ndarray, shape (k, k)
        In `basis`.
    basis : ndarray, shape (n, k)
        Atoms per cell on each site.
    result : FitResult
        The fit that it rests on.
    """

    model: str
    scan: str
    engine: str
    combinations: tuple[Combination, ...]
    degenerate: tuple[DegeneratePair, ...]
    rivals: tuple[Rival, ...]
    scans: tuple[ScanShare, ...]
    occupancies: dict[str, float]
    stderr: dict[str, float | None]
    information: NDArray[np.float64] = field(repr=False, compare=False)
    basis: NDArray[np.float64] = field(repr=False, compare=False)
    result: FitResult = field(repr=False, compare=False)

    @property
    def summary(self) -> tuple[str, ...]:
        """The findings in words."""
        lines = []
        for c in self.combinations:
            if c.determined:
                other = self._contradiction(c)
                lines.append(f"{c.text} = {_number(c.value, c.stderr)} is fixed to {_percent(c.relative)}{other}")
            else:
                lines.append(f"{c.text} is not determined: known only to {_percent(c.relative)}")
        called = short_names(list(self.occupancies))
        for p in self.degenerate:
            lines.append(
                f"{called[p.first]} and {called[p.second]} are a degenerate pair (correlation {p.correlation:+.4f}): "
                f"the atoms on both together are known to {_percent(p.sum_relative)}, "
                f"how they divide only to {_percent(p.split_relative)}"
            )
        for r in self.rivals:
            lines.append(
                f"rival answer at Δχ² = {r.delta_chi2:.1f}: {describe(r.occupancies, r.others, self._displacements)}"
            )
        if not self.rivals:
            lines.append("no other answer within Δχ² = 9 was found")
        return (*lines, *self._added())

    def _added(self) -> list[str]:
        """What each scan adds, a line an occupancy."""
        lines = []
        for name in self.scans[0].alone if self.scans else ():
            parts = [f"{_error(share.alone[name])} by {share.label} alone" for share in self.scans]
            if len(self.scans) > 2:
                parts += [f"{_error(share.without[name])} without {share.label}" for share in self.scans]
            lines.append(f"{name}: {_error(self.stderr.get(name) or 0.0)} by all scans; {', '.join(parts)}")
        return lines

    @property
    def _displacements(self) -> set[str]:
        return {n for n, r in self.result.problem.rows.items() if r.is_displacement}

    def _contradiction(self, c: Combination) -> str:
        """What the rivals say of a combination, where it is something else."""
        values = [sum(k * r.occupancies[n] for n, k in c.coefficients.items()) for r in self.rivals]
        others = [v for v in values if abs(v - c.value) > 5.0 * c.stderr]
        return f", around this answer; a rival has {_number(others[0], c.stderr)}" if others else ""

    def __str__(self) -> str:
        """Return the summary as lines of text."""
        lines = [f"{self.model}, {self.scan} ({self.engine})", *(f"  {line}" for line in self.summary)]
        return printable("\n".join(lines))

    def __repr__(self) -> str:
        """Return one line; `print` shows the findings."""
        return printable(
            f"<Identifiability: {self.model}, {len(self.combinations)} combinations, {len(self.rivals)} rival answers>"
        )

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        from xrdfit.report.notebook import identifiability_html

        return identifiability_html(self)

    def plot(self) -> Figure:
        """Draw the findings; the figure is one that no window holds."""
        from xrdfit.report.notebook import identifiability_figure

        return identifiability_figure(self)

    def to_dataframe(self) -> pd.DataFrame:
        """Return the combinations of occupancies as a table, a row each, best determined first."""
        from xrdfit.report.notebook import identifiability_frame

        return identifiability_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain data (schema 1)."""
        from xrdfit import __version__

        return {
            "schema": SCHEMA,
            "xrdfit": __version__,
            "model": self.model,
            "scan": self.scan,
            "engine": self.engine,
            "summary": list(self.summary),
            "occupancies": {n: {"value": v, "stderr": self.stderr[n]} for n, v in self.occupancies.items()},
            "combinations": [
                {
                    "text": c.text,
                    "coefficients": c.coefficients,
                    "value": c.value,
                    "stderr": c.stderr,
                    "relative": c.relative,
                    "determined": c.determined,
                }
                for c in self.combinations
            ],
            "degenerate": [
                {
                    "pair": [p.first, p.second],
                    "correlation": p.correlation,
                    "sum_relative": p.sum_relative,
                    "split_relative": p.split_relative,
                }
                for p in self.degenerate
            ],
            "rivals": [
                {"delta_chi2": r.delta_chi2, "occupancies": r.occupancies, "others": r.others} for r in self.rivals
            ],
            "scans": [{"label": s.label, "alone": s.alone, "without": s.without} for s in self.scans],
            "eigenvalues": np.linalg.eigvalsh(self.information)[::-1].tolist(),
        }


def describe(occupancies: dict[str, float], others: dict[str, float], displacements: Collection[str]) -> str:
    """Return occupancies, and displacement parameters that vary, as text."""
    called = short_names(list(occupancies))
    parts = [f"{called[n]} {v:.3f}" for n, v in occupancies.items()]
    parts += [f"{n} {v:.2f}" for n, v in others.items() if n in displacements]
    return ", ".join(parts)


def _error(stderr: float) -> str:
    return f"± {stderr:.2g}" if np.isfinite(stderr) else "not determined"


def _number(value: float, stderr: float) -> str:
    decimals = max(0, min(8, 1 - int(np.floor(np.log10(stderr))))) if stderr > 0 else 6
    return f"{value:.{decimals}f} ± {stderr:.{decimals}f}"


def _percent(relative: float) -> str:
    if not np.isfinite(relative) or relative > 10.0:
        return "more than ten times its size"
    return f"{100 * relative:.2g} %"
