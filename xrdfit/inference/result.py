"""What a fit returns: numbers with errors, the reasons to believe them, and the patterns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.rivals import Rival
from xrdfit.fitting.statistics import Statistics
from xrdfit.fitting.threads import one_thread
from xrdfit.inference.adequacy.advice import Advice, advice_for
from xrdfit.inference.adequacy.model_errors import ModelErrors, model_errors
from xrdfit.inference.cautions import Caution
from xrdfit.inference.fitted import Estimated, FittedParameter, FittedScan, FittedSite
from xrdfit.inference.patterns import pattern_of
from xrdfit.inference.record import SCHEMA, about_model, about_scan, about_scans, composition_errors, site_errors
from xrdfit.inference.uncertainty.intervals import interval, interval_of
from xrdfit.model.powder import PowderModel
from xrdfit.plaintext import printable

if TYPE_CHECKING:
    import lmfit
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class FitResult:
    """A finished fit.

    Attributes
    ----------
    model : PowderModel
        The model with the fitted values in it.
    start_model : PowderModel
        The model as it was given.
    scans : tuple of FittedScan
        What was fitted, one or several scans of one sample.
    options : FitOptions
    engine_reason : str
        Why this engine, where it was chosen automatically.
    success : bool
    message : str
    statistics : Statistics
        Of all scans together.
    estimates : tuple of Estimated
        Every parameter.
    sites : tuple of FittedSite
    composition : dict
        Atoms per cell; keyed by phase first where there are several.
    weight_fractions, weight_fraction_errors : dict of str to float
        By phase; of several scans the mean of what each gives, see `xrdfit.inference.weights`.
    amorphous, amorphous_error : float or None
        Share of the sample that no phase accounts for, where a standard was added; of the sample without the standard.
    cautions : tuple of Caution
        What casts doubt on the result, in codes and numbers; `warnings` has the sentences.
    covariance_names, covariance : tuple of str, ndarray (k, k)
        Of all parameters that vary or follow, scaled like `stderr`.
    problem : Problem
        The problem at its final weights, for intervals and samplers.
    theta : ndarray
        The optimizer's vector at the minimum.
    rivals : tuple of Rival
        Other answers within Δχ² = 9.
    steps : tuple of Step
        Pieces that were added because the scan asked for them.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> result = xf.fit(model, scan, engine="bragg", total={"Cu": 8})
    >>> result.engine, result.sites[1].label, result.statistics.n_points
    ('bragg', 'Cu_8c', 1251)
    >>> low, high = result.interval("occ_Cu_8c")
    >>> low < result["occ_Cu_8c"].value < high
    True
    """

    model: PowderModel
    start_model: PowderModel
    scans: tuple[FittedScan, ...]
    options: FitOptions
    engine_reason: str
    success: bool
    message: str
    statistics: Statistics
    estimates: tuple[Estimated, ...]
    sites: tuple[FittedSite, ...]
    composition: dict[str, Any]
    weight_fractions: dict[str, float]
    weight_fraction_errors: dict[str, float | None]
    cautions: tuple[Caution, ...]
    covariance_names: tuple[str, ...]
    covariance: NDArray[np.float64]
    problem: Problem
    theta: NDArray[np.float64]
    rivals: tuple[Rival, ...] = ()
    steps: tuple[Any, ...] = ()
    amorphous: float | None = None
    amorphous_error: float | None = None

    def __eq__(self, other: object) -> bool:
        """Whether the same model was fitted to the same points with the same outcome."""
        if not isinstance(other, FitResult):
            return NotImplemented
        plain = (
            "model",
            "start_model",
            "options",
            "success",
            "message",
            "statistics",
            "estimates",
            "sites",
            "steps",
            "cautions",
        )
        return (
            all(getattr(self, name) == getattr(other, name) for name in plain)
            and np.array_equal(self.theta, other.theta)
            and np.array_equal(self.covariance, other.covariance)
            and len(self.scans) == len(other.scans)
            and all(a.data.identical(b.data) for a, b in zip(self.scans, other.scans, strict=True))
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # results compare by value

    @property
    def warnings(self) -> tuple[str, ...]:
        """What casts doubt on the result, a sentence each."""
        return tuple(map(str, self.cautions))

    @property
    def scan(self) -> xr.Dataset:
        """The points of the (first) scan that were fitted."""
        return self.scans[0].data

    @property
    def engine(self) -> str:
        """The engine; where scans differ in it, both names."""
        return "+".join(dict.fromkeys(scan.engine for scan in self.scans))

    @property
    def settled_engine(self) -> str | dict[str, Literal["bragg", "debye"]]:
        """The engine as an option that chooses nothing anew: its name, of several scans a mapping by label."""
        return self.scans[0].engine if len(self.scans) == 1 else self.engines

    @property
    def inflation(self) -> float:
        """How much less Δχ² counts than for a model that fits: max(1, χ²_red), of the worst scan where they differ."""
        return max(1.0, self.statistics.chi2_reduced, *(scan.statistics.chi2_reduced for scan in self.scans))

    @property
    def parameters(self) -> dict[str, FittedParameter]:
        """Every parameter by name."""
        return self._parameters

    @cached_property
    def _parameters(self) -> dict[str, FittedParameter]:
        return {e.name: FittedParameter(**vars(e), result=self) for e in self.estimates}

    @property
    def pattern(self) -> xr.Dataset:
        """Observed, sigma, calculated, background and residual on `two_theta`; tick marks on `reflection`.

        Of several scans the first one's; `pattern_of` gives the others.
        """
        return self.pattern_of(self.scans[0].label)

    def pattern_of(self, label: str) -> xr.Dataset:
        """Pattern of one of several scans; see `pattern`.

        Raises
        ------
        InputError
            There is no such scan.
        """
        labels = [scan.label for scan in self.scans]
        if label not in labels:
            raise InputError(f"no scan {label!r}; there are {', '.join(labels)}")
        if label not in self._patterns:
            i = labels.index(label)
            self._patterns[label] = pattern_of(self.problem, self.theta, i, self.scans[i].model)
        return self._patterns[label]

    @cached_property
    def _patterns(self) -> dict[str, xr.Dataset]:
        return {}

    @property
    def data(self) -> dict[str, xr.Dataset]:
        """The points that were fitted, by the scans' labels, as `fit` takes them."""
        return {scan.label: scan.data for scan in self.scans}

    @property
    def engines(self) -> dict[str, Literal["bragg", "debye"]]:
        """The engine of each scan."""
        return {scan.label: scan.engine for scan in self.scans}

    def __getitem__(self, name: str) -> FittedParameter:
        """Return a parameter by name."""
        try:
            return self.parameters[name]
        except KeyError:
            raise InputError(f"no parameter {name!r}; there are {', '.join(self.parameters)}") from None

    @cached_property
    def model_errors(self) -> ModelErrors:
        """What the scan cannot rule out: errors of the occupancies by what the model lacks."""
        with one_thread():  # the last digits must not depend on how a library shares out its sums
            return model_errors(self)

    @cached_property
    def advice(self) -> tuple[Advice, ...]:
        """What the scan asks for beyond the model, most important first."""
        with one_thread():
            return advice_for(self)

    def stderr_model(self, gradient: Mapping[str, float]) -> float | None:
        """Error by what the model lacks of a quantity with these derivatives by the occupancies; None if none moves."""
        moving = set(self.problem.occupancies.names)
        own = {name: slope for name, slope in gradient.items() if name in moving}
        return self.model_errors.of(own).total if own else None

    @property
    def minima(self) -> tuple[NDArray[np.float64], ...]:
        """θ of the answer, then of its rivals."""
        return (self.theta, *(rival.theta for rival in self.rivals))

    def limits(self, name: str) -> tuple[float | None, float | None]:
        """The 68 % interval of a parameter; (None, None) for what did not vary.

        Occupancies and whatever stands at a bound get it from the profile likelihood, the others from the curvature.
        """
        p = self.parameters[name]
        if p.stderr is None and p.status != "at bound":
            return None, None
        if p.stderr is not None and p.status != "at bound" and name not in self.problem.occupancies.names:
            return p.value - p.stderr, p.value + p.stderr
        try:
            guess = p.stderr or self.problem.rows[name].step
            return interval(self.problem, self.minima, name, guess, inflation=self.inflation)
        except ComputationError:
            return None, None

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
        return interval_of(self, name, level)

    @property
    def params(self) -> lmfit.Parameters:
        """The parameters as `lmfit.Parameters`, with standard errors and correlations."""
        import lmfit

        params = lmfit.Parameters()
        names = [n for n in self.covariance_names if self.parameters[n].status != "fixed"]
        for e in self.estimates:
            r = self.problem.rows[e.name]
            params.add(e.name, value=e.value, min=r.minimum, max=r.maximum, vary=e.status in ("varied", "at bound"))
            params[e.name].stderr = e.stderr
            if e.name in names:
                others = [n for n in names if n != e.name and self.parameters[n].stderr and e.stderr]
                params[e.name].correl = {n: self.correlation(e.name, n) for n in others}
        return params

    def __str__(self) -> str:
        """Return sites, cell and size as lines of text."""
        lines = [f"{self.model.name}: {self.message} (R_wp {100 * self.statistics.r_wp:.2f} %)"]
        for s in self.sites:
            model = site_errors(self, s)["stderr_model"] if s.stderr is not None else None
            error = f" ± {s.stderr:.4f}" if s.stderr is not None else ""
            error += f" ± {model:.4f} (model)" if model is not None else ""
            lines.append(f"  {s.label:12s} {s.occupancy:8.4f}{error:27s}  {100 * s.share:5.1f} % of the {s.element}")
        for name, row in self.problem.rows.items():
            if row.kind.belongs == "cell" or row.kind.stem == "size_nm":
                p = self.parameters[name]
                lines.append(f"  {name:12s} {p.with_error()} {p.unit}")
        lines += [f"  warning: {w}" for w in self.warnings] + [f"  advice: {a}" for a in self.advice]
        return printable("\n".join(lines))

    def __repr__(self) -> str:
        """Return one line; `print` shows the sites."""
        return printable(f"<FitResult {self.model.name}: {self.message}, R_wp {100 * self.statistics.r_wp:.2f} %>")

    def _repr_html_(self) -> str:
        """Return the tables that a notebook shows."""
        from xrdfit.report.notebook import result_html

        return result_html(self)

    def plot(self, intensity: Literal["linear", "sqrt", "log"] = "linear", scan: str | None = None) -> Figure:
        """Draw the fit: pattern, tick marks and difference.

        Parameters
        ----------
        intensity : {"linear", "sqrt", "log"}
            How the axis of intensity runs. A linear one has the weakest fitted region magnified within it.
        scan : str, optional
            Label of one of several scans; the first by default.

        Returns
        -------
        matplotlib.figure.Figure
            One that no window holds: a notebook shows it, ``savefig`` writes it.
        """
        from xrdfit.report.notebook import result_figure

        return result_figure(self, intensity, scan)

    def to_dataframe(self, intervals: bool = False) -> pd.DataFrame:
        """Return the parameters as a table, a row each, with value, errors, unit and status.

        Parameters
        ----------
        intervals : bool
            Also ``lower`` and ``upper`` of the 68 % intervals, which are computed when asked for.
        """
        from xrdfit.report.notebook import result_frame

        return result_frame(self, intervals)

    def correlation(self, first: str, second: str) -> float:
        """Correlation coefficient of two parameters."""
        i, j = (self.covariance_names.index(n) for n in (first, second))
        return float(self.covariance[i, j] / np.sqrt(self.covariance[i, i] * self.covariance[j, j]))

    def table(self) -> xr.Dataset:
        """Sites with occupancy, share and atoms per cell, on the dimension `site`."""
        import xarray as xr

        columns = ("phase", "element", "wyckoff", "multiplicity", "occupancy", "stderr", "share", "share_stderr")
        data = {c: ("site", [np.nan if (v := getattr(s, c)) is None else v for s in self.sites]) for c in columns}
        data["atoms"] = ("site", [s.multiplicity * s.occupancy for s in self.sites])
        return xr.Dataset(data, coords={"site": [s.label for s in self.sites]})

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data, as written to result.json (schema 1)."""
        from xrdfit import __version__

        values = {e.name: e.value for e in self.estimates}
        return {
            "schema": SCHEMA,
            "xrdfit": __version__,
            "scan": about_scan(self.scans[0]),
            "model": about_model(self.model),
            "engine": self.engine,
            "engine_reason": self.engine_reason,
            "success": self.success,
            "message": self.message,
            "statistics": asdict(self.statistics),
            "parameters": {name: p.to_dict() for name, p in self.parameters.items()},
            "sites": [asdict(s) | site_errors(self, s) for s in self.sites],
            "composition": self.composition,
            "weight_fractions": self.weight_fractions,
            "weight_fraction_errors": self.weight_fraction_errors,
            "amorphous": self.amorphous,
            "amorphous_error": self.amorphous_error,
            "restraints": [restraint.to_dict(values) for restraint in self.problem.restraints],
            "rivals": [rival.to_dict() for rival in self.rivals],
            "scans": about_scans(self.scans),
            "model_errors": {
                name: {"total": error.total, "shift": error.shift, "by": error.by}
                for name in self.problem.occupancies.names
                if (error := self.model_errors.of({name: 1.0})).total > 0.0
            },
            "composition_errors": composition_errors(self),
            "steps": [step.to_dict() for step in self.steps],
            "advice": [advice.to_dict() for advice in self.advice],
            "warnings": list(self.warnings),
            "cautions": [caution.to_dict() for caution in self.cautions],
        }
