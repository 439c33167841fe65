"""What `xrdfit fit` adds on request: posterior, systematic shifts, Feldman–Cousins intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrdfit.commands.common import console

if TYPE_CHECKING:
    from xrdfit.inference.posterior import Posterior
    from xrdfit.inference.result import FitResult
    from xrdfit.inference.systematics import Systematics

LEVELS = (0.6827, 0.95)


@dataclass(frozen=True)
class Worth:
    """The additions that were asked for; None for the others."""

    posterior: Posterior | None = None
    systematics: Systematics | None = None
    feldman_cousins: dict[str, dict[str, tuple[float, float]]] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what there is as plain data, to stand beside a result's."""
        found: dict[str, Any] = {}
        if self.systematics is not None:
            found["systematics"] = self.systematics.to_dict()
        if self.posterior is not None:
            found["posterior"] = self.posterior.to_dict()
        if self.feldman_cousins is not None:
            found["feldman_cousins"] = self.feldman_cousins
        return found

    def write(self, directory: Path) -> None:
        """Write worth.json and, of a posterior, corner.png and samples.nc."""
        import json

        from xrdfit.report.files import write_bytes, write_text
        from xrdfit.report.numbers import plain

        found = self.to_dict()
        if not found:
            return
        write_text(directory / "worth.json", json.dumps(plain(found), indent=2, ensure_ascii=False) + "\n")
        if self.posterior is not None:
            from xrdfit.report.posterior_figure import png

            write_bytes(directory / "corner.png", png(self.posterior))
            self.posterior.samples.to_netcdf(directory / "samples.nc", engine="h5netcdf")

    def show(self) -> None:
        """Print tables."""
        if self.systematics is not None:
            _show_systematics(self.systematics)
        if self.posterior is not None:
            _show_intervals(
                f"Posterior ({self.posterior.message})",
                {str(n): {"68 %": self.posterior.interval(str(n)), "95 %": self.posterior.interval(str(n), 0.95)}
                 for n in self.posterior.samples},
            )  # fmt: skip
        if self.feldman_cousins is not None:
            _show_intervals("Feldman–Cousins intervals", self.feldman_cousins)


def examine(
    result: FitResult, *, posterior: bool, systematics: bool, feldman_cousins: bool, tell: Callable[[str], None]
) -> Worth:
    """Compute what was asked for; nothing for a fit without an answer."""
    if not result.success:
        return Worth()
    shifts = chain = unified = None
    if systematics:
        from xrdfit.inference.systematics import systematics as run

        shifts = run(result, tell)
    if feldman_cousins:
        tell("Feldman–Cousins intervals")
        unified = _unified(result)
    if posterior:
        from xrdfit.inference.posterior import sample

        chain = sample(result, progress=tell)
    return Worth(chain, shifts, unified)


def _unified(result: FitResult) -> dict[str, dict[str, tuple[float, float]]]:
    from xrdfit.inference.intervals import feldman_cousins

    assert result.problem is not None
    names = [n for n in result.problem.occupancies.names if result.parameters[n].stderr is not None]
    return {n: {f"{100 * level:.0f} %": feldman_cousins(result, n, level) for level in LEVELS} for n in names}


def _show_intervals(title: str, intervals: dict[str, dict[str, tuple[float, float]]]) -> None:
    from xrdfit.report.tables import table

    columns = ("Quantity", "68 %", "95 %")
    rows = [[n, *(f"{low:.5g} to {high:.5g}" for low, high in found.values())] for n, found in intervals.items()]
    console().print(table(title, columns, rows, columns[1:]))


def _show_systematics(found: Systematics) -> None:
    from xrdfit.report.tables import table

    columns = ("Shift in esd", *found.names, "χ² (reduced)")
    rows = []
    for v in found.variations:
        shifts = found.in_errors(v)
        cells = [f"{shifts[n]:+.1f}" if n in shifts else "–" for n in found.names]
        quality = f"{v.chi2_reduced:.3g}" + ("" if v.combined else " (not combined)")
        rows.append([v.name, *cells, quality if v.shifts else v.note])
    rows.append(["esd", *(f"{found.stderr[n]:.2g}" for n in found.names), ""])
    rows.append(["combined error", *(f"{found.combined[n]:.2g}" for n in found.names), ""])
    console().print(table("Systematic shifts", columns, rows, columns[1:-1]))
