"""The parts of a result: parameters, sites and scans as they came out of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any, Literal, Protocol

from xrdfit.fitting.prepare import ScanSetup
from xrdfit.fitting.statistics import Statistics
from xrdfit.model.powder import PowderModel

if TYPE_CHECKING:
    import xarray as xr

Status = Literal["varied", "fixed", "derived", "at bound"]


class Answer(Protocol):
    """What a parameter asks its result for."""

    def limits(self, name: str) -> tuple[float | None, float | None]:
        """Return the 68 % interval of a parameter."""
        ...

    def stderr_model(self, gradient: Mapping[str, float]) -> float | None:
        """Return the error by what the model lacks of a quantity with these derivatives by the occupancies."""
        ...


@dataclass(frozen=True)
class Estimated:
    """One parameter's numbers: value, standard errors and what became of it.

    Attributes
    ----------
    value : float
    stderr : float or None
        Standard error times max(1, goodness of fit); None for what did not vary.
    stderr_serial : float or None
        The same with the Bérar–Lelann factor for serial correlation.
    unit, status, text : str
        Unit; "varied", "fixed", "derived" or "at bound"; what it is.
    """

    name: str
    value: float
    stderr: float | None
    stderr_serial: float | None
    unit: str
    status: Status
    text: str

    def with_error(self) -> str:
        """Write the value and its error with decimals that show the error to two digits."""
        if not self.stderr or not isfinite(self.stderr):
            return f"{self.value:.6g}" + (" (fixed)" if self.status == "fixed" else "")
        decimals = max(0, 1 - floor(log10(self.stderr)))
        return f"{self.value:.{decimals}f} ± {self.stderr:.{decimals}f}"


@dataclass(frozen=True)
class FittedParameter(Estimated):
    """One parameter of a result, with its 68 % interval.

    Attributes
    ----------
    result : Answer
        Where it belongs.
    """

    result: Answer = field(repr=False, compare=False)

    @cached_property
    def _limits(self) -> tuple[float | None, float | None]:
        return self.result.limits(self.name)

    @property
    def lower(self) -> float | None:
        """Lower end of the 68 % interval; None for what did not vary."""
        return self._limits[0]

    @property
    def upper(self) -> float | None:
        """Upper end of the 68 % interval; None for what did not vary."""
        return self._limits[1]

    @property
    def stderr_model(self) -> float | None:
        """Standard error by what the model lacks; of occupancies that move, None for other parameters."""
        return self.result.stderr_model({self.name: 1.0})

    def to_dict(self) -> dict[str, Any]:
        """Return the parameter as it stands in result.json."""
        keys = ("value", "stderr", "stderr_model", "stderr_serial", "lower", "upper", "unit", "status")
        return {k: getattr(self, k) for k in keys}


@dataclass(frozen=True)
class FittedSite:
    """One site of a result; `share` is its part of the element's atoms, m·o / Σ m·o."""

    phase: str
    label: str
    element: str
    wyckoff: str
    multiplicity: int
    occupancy: float
    stderr: float | None
    share: float
    share_stderr: float | None


@dataclass(frozen=True)
class FittedScan:
    """One scan of a result.

    Attributes
    ----------
    label : str
        "" where there is one scan only.
    model : PowderModel
        The model with the fitted values in it and the instrument of this scan.
    data : xarray.Dataset
        The points that were fitted.
    engine : {"bragg", "debye"}
    statistics : Statistics
        Of this scan alone; of several, each pays for a share of the parameters by its number of points.
    weight_fractions : dict of str to float
        By phase, from this scan's scales.
    """

    label: str
    model: PowderModel
    data: xr.Dataset
    engine: Literal["bragg", "debye"]
    statistics: Statistics
    weight_fractions: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, view: ScanSetup, model: PowderModel, statistics: Statistics, fractions: dict[str, float]) -> FittedScan:
        """Return what a scan became, from what it was before the fit."""
        return cls(view.label, model, view.data, view.engine, statistics, fractions)
