"""What intervals need to know of a result, whoever holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.problem import Problem
from xrdfit.fitting.statistics import Statistics
from xrdfit.model.powder import PowderModel


class Number(Protocol):
    """A parameter's value, error and status."""

    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def stderr(self) -> float | None: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102


class Estimate(Protocol):
    """A minimum with its covariance; `xrdfit.FitResult` is one."""

    @property
    def model(self) -> PowderModel: ...  # noqa: D102
    @property
    def options(self) -> FitOptions: ...  # noqa: D102
    @property
    def problem(self) -> Problem: ...  # noqa: D102
    @property
    def theta(self) -> NDArray[np.float64]: ...  # noqa: D102
    @property
    def minima(self) -> Sequence[NDArray[np.float64]]: ...  # noqa: D102
    @property
    def parameters(self) -> Mapping[str, Number]: ...  # noqa: D102
    @property
    def sites(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def scans(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def statistics(self) -> Statistics: ...  # noqa: D102
    @property
    def covariance_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def covariance(self) -> NDArray[np.float64]: ...  # noqa: D102
    @property
    def inflation(self) -> float: ...  # noqa: D102
    @property
    def success(self) -> bool: ...  # noqa: D102
    @property
    def message(self) -> str: ...  # noqa: D102
