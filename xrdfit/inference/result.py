"""What a fit returns: numbers with errors, the reasons to believe them, and the pattern."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.statistics import Statistics
from xrdfit.model.powder import DEFAULT_RADIUS_MM, PowderModel

if TYPE_CHECKING:
    import xarray as xr

    from xrdfit.fitting.rivals import Rival

Limits = Callable[[], tuple[float | None, float | None]]
Status = Literal["varied", "fixed", "derived", "at bound"]
SCHEMA = 1


@dataclass(frozen=True)
class FittedParameter:
    """One parameter of a result.

    Attributes
    ----------
    value : float
    stderr : float or None
        Standard error times max(1, goodness of fit); None for what did not vary.
    stderr_serial : float or None
        The same with the Bérar–Lelann factor for serial correlation.
    unit, status, text : str
        Unit; "varied", "fixed", "derived" or "at bound"; what it is.
    limits : callable
        Computes the 68 % interval when first asked.
    """

    name: str
    value: float
    stderr: float | None
    stderr_serial: float | None
    unit: str
    status: Status
    text: str
    limits: Limits = field(repr=False, compare=False)

    @property
    def lower(self) -> float | None:
        """Lower end of the 68 % interval; None for what did not vary."""
        return self.limits()[0]

    @property
    def upper(self) -> float | None:
        """Upper end of the 68 % interval; None for what did not vary."""
        return self.limits()[1]

    def to_dict(self) -> dict[str, Any]:
        """Return the parameter as it stands in result.json."""
        keys = ("value", "stderr", "stderr_serial", "lower", "upper", "unit", "status")
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
class FitResult:
    """A finished fit.

    Attributes
    ----------
    model : PowderModel
        The model with the fitted values in it.
    start_model : PowderModel
        The model as it was given.
    scan : xarray.Dataset
        The points that were fitted.
    options : FitOptions
    engine : {"bragg", "debye"}
    engine_reason : str
        Why this engine, where it was chosen automatically.
    success : bool
    message : str
    statistics : Statistics
    parameters : dict of str to FittedParameter
    sites : tuple of FittedSite
    composition : dict
        Atoms per cell; keyed by phase first where there are several.
    weight_fractions : dict of str to float
        By phase.
    warnings : tuple of str
    compute_pattern : callable
        Makes `pattern` when it is first asked for.
    covariance_names, covariance : tuple of str, ndarray (k, k)
        Of all parameters that vary or follow, scaled like `stderr`.
    problem : Problem
        The problem at its final weights, for intervals and samplers.
    theta : ndarray
        The optimizer's vector at the minimum.
    rivals : tuple of Rival
        Other answers within Δχ² = 9.
    """

    model: PowderModel
    start_model: PowderModel
    scan: xr.Dataset
    options: FitOptions
    engine: Literal["bragg", "debye"]
    engine_reason: str
    success: bool
    message: str
    statistics: Statistics
    parameters: dict[str, FittedParameter]
    sites: tuple[FittedSite, ...]
    composition: dict[str, Any]
    weight_fractions: dict[str, float]
    warnings: tuple[str, ...]
    compute_pattern: Callable[[], xr.Dataset] = field(repr=False, compare=False)
    covariance_names: tuple[str, ...] = ()
    covariance: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    problem: Problem | None = None
    theta: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    rivals: tuple[Rival, ...] = ()

    @cached_property
    def pattern(self) -> xr.Dataset:
        """Observed, sigma, calculated, background and residual on `two_theta`; tick marks on `reflection`."""
        return self.compute_pattern()

    def __getitem__(self, name: str) -> FittedParameter:
        """Return a parameter by name."""
        try:
            return self.parameters[name]
        except KeyError:
            raise InputError(f"no parameter {name!r}; there are {', '.join(self.parameters)}") from None

    def interval(self, name: str, level: float = 0.6827) -> tuple[float, float]:
        """Interval of a parameter, a share or a total by profile likelihood.

        Parameters
        ----------
        name : str
            A parameter that varied or follows others; ``share_Cu_8c``, a site's part of its element's atoms; or
            ``total_Cu``, the element's atoms per cell (``Cu`` alone too, where no parameter has that name).
        level : float
            Probability, between 0 and 1.

        Raises
        ------
        InputError
            For an unknown or fixed quantity, or a level outside 0–1.
        ComputationError
            For a quantity that the scan does not determine.
        """
        from xrdfit.inference.uncertainty.intervals import interval_of

        return interval_of(self, name, level)

    def __str__(self) -> str:
        """Return the sites as lines of text."""
        lines = [f"{self.model.name}: {self.message} (R_wp {100 * self.statistics.r_wp:.2f} %)"]
        for s in self.sites:
            error = f" ± {s.stderr:.4f}" if s.stderr is not None else ""
            lines.append(f"  {s.label:12s} {s.occupancy:8.4f}{error:10s}  {100 * s.share:5.1f} % of the {s.element}")
        return "\n".join([*lines, *(f"  warning: {w}" for w in self.warnings)])

    def correlation(self, first: str, second: str) -> float:
        """Correlation coefficient of two parameters."""
        i, j = (self.covariance_names.index(n) for n in (first, second))
        return float(self.covariance[i, j] / np.sqrt(self.covariance[i, i] * self.covariance[j, j]))

    def table(self) -> xr.Dataset:
        """Sites with occupancy, share and atoms per cell, on the dimension `site`."""
        import xarray as xr

        columns = ("phase", "element", "wyckoff", "multiplicity", "occupancy", "stderr", "share", "share_stderr")
        data = {c: ("site", [_nan(getattr(s, c)) for s in self.sites]) for c in columns}
        data["atoms"] = ("site", [s.multiplicity * s.occupancy for s in self.sites])
        return xr.Dataset(data, coords={"site": [s.label for s in self.sites]})

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data, as written to result.json (schema 1)."""
        from xrdfit import __version__

        statistics = asdict(self.statistics)
        return {
            "schema": SCHEMA,
            "xrdfit": __version__,
            "scan": {k: _plain(v) for k, v in self.scan.attrs.items()} | _extent(self.scan),
            "model": _describe(self.model),
            "engine": self.engine,
            "engine_reason": self.engine_reason,
            "success": self.success,
            "message": self.message,
            "statistics": statistics,
            "parameters": {name: p.to_dict() for name, p in self.parameters.items()},
            "sites": [asdict(s) for s in self.sites],
            "composition": self.composition,
            "weight_fractions": self.weight_fractions,
            "rivals": [
                {"delta_chi2": r.delta_chi2, "occupancies": r.occupancies, "others": r.others} for r in self.rivals
            ],
            "warnings": list(self.warnings),
        }


def _nan(value: Any) -> Any:
    return np.nan if value is None else value


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _extent(scan: xr.Dataset) -> dict[str, Any]:
    angles = scan["two_theta"].values
    return {"two_theta_min": float(angles[0]), "two_theta_max": float(angles[-1]), "n_points": len(angles)}


def _describe(model: PowderModel) -> dict[str, Any]:
    rays = model.radiation()
    instrument = model.instrument
    return {
        "name": model.name,
        "phases": [
            {
                "name": p.name,
                "structure": p.structure.name,
                "space_group": p.structure.group.hm,
                "shape": p.shape,
                "scherrer_k": p.scherrer_k,
            }
            for p in model.phases
        ],
        "radiation": rays.name,
        "wavelengths": [line.wavelength for line in rays.lines],
        "wavelength_weights": [line.weight for line in rays.lines],
        "radius_mm": instrument.radius_mm or DEFAULT_RADIUS_MM,
        "monochromator_deg": instrument.monochromator_deg,
    }
