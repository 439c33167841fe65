"""One scan's line of a series' table: numbers, status and words, small enough to keep a million of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.plaintext import one_line

if TYPE_CHECKING:
    from xrdfit.inference.result import FitResult

Array = NDArray[np.float64]

NUMBERS = ("value", "stderr", "stderr_model", "lower", "upper")
"""What there is of every parameter."""
SITE_NUMBERS = (
    "occupancy",
    "occupancy_stderr",
    "occupancy_stderr_model",
    "share",
    "share_stderr",
    "share_stderr_model",
)
"""What there is of every site."""
STATUS = ("absent", "varied", "fixed", "derived", "at bound", "shared")
"""What became of a parameter; the table holds the index."""
FIGURES = (
    "r_p",
    "r_wp",
    "r_wp_background_subtracted",
    "r_exp",
    "chi2",
    "chi2_reduced",
    "n_points",
    "n_varied",
    "durbin_watson",
    "berar_lelann",
)
"""Figures of merit; see `xrdfit.fitting.statistics.Statistics`."""


@dataclass(frozen=True, eq=False)
class Row:
    """What became of one scan.

    Attributes
    ----------
    label, key : str
        Name within the series; fingerprint of scan, model and options.
    success : bool
    message : str
        "converged", or why there is no answer.
    engine, radiation : str
    warnings, advice : tuple of str
        Sentences, and the codes of what the scan asks for.
    names : tuple of str
        Parameters.
    numbers : ndarray, shape (5, n_names)
        `NUMBERS`; nan for what there is not.
    status : ndarray of int8, shape (n_names,)
        Indices of `STATUS`.
    sites : tuple of str
        Labels, with the phase before it where there are several.
    site_numbers : ndarray, shape (6, n_sites)
        `SITE_NUMBERS`.
    figures : ndarray, shape (10,)
        `FIGURES`.
    """

    label: str
    key: str
    success: bool
    message: str
    engine: str = ""
    radiation: str = ""
    warnings: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    numbers: Array = field(default_factory=lambda: np.empty((len(NUMBERS), 0)))
    status: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, dtype=np.int8))
    sites: tuple[str, ...] = ()
    site_numbers: Array = field(default_factory=lambda: np.empty((len(SITE_NUMBERS), 0)))
    figures: Array = field(default_factory=lambda: np.full(len(FIGURES), np.nan))

    @property
    def values(self) -> dict[str, float]:
        """Parameters by name."""
        return dict(zip(self.names, self.numbers[0].tolist(), strict=True))

    @property
    def usable(self) -> bool:
        """Whether a joint fit can start from it: what a scan alone leaves open, the series may decide."""
        return self.success or self.message.startswith("singular")

    def figure(self, name: str) -> float:
        """One of `FIGURES`."""
        return float(self.figures[FIGURES.index(name)])

    def same_numbers(self, other: Row) -> bool:
        """Whether all numbers agree bit for bit."""
        pairs = ((self.numbers, other.numbers), (self.site_numbers, other.site_numbers), (self.figures, other.figures))
        return self.names == other.names and all(a.tobytes() == b.tobytes() for a, b in pairs)

    def to_json(self) -> str:
        """One line of JSON; numbers keep every bit."""
        plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in vars(self).items()}
        return json.dumps(plain, separators=(",", ":"))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Row:
        """Return what `to_json` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            It was written by something else.
        """
        names, sites = _shared(plain["names"]), _shared(plain["sites"])
        return cls(
            label=str(plain["label"]),
            key=str(plain["key"]),
            success=bool(plain["success"]),
            message=str(plain["message"]),
            engine=str(plain["engine"]),
            radiation=str(plain["radiation"]),
            warnings=_shared(plain["warnings"]),
            advice=_shared(plain["advice"]),
            names=names,
            numbers=np.array(plain["numbers"], dtype=float).reshape(len(NUMBERS), len(names)),
            status=np.array(plain["status"], dtype=np.int8).reshape(len(names)),
            sites=sites,
            site_numbers=np.array(plain["site_numbers"], dtype=float).reshape(len(SITE_NUMBERS), len(sites)),
            figures=np.array(plain["figures"], dtype=float).reshape(len(FIGURES)),
        )

    def shared(self) -> Row:
        """Return the row with its words stored once for all rows that have the same."""
        words = {name: _shared(getattr(self, name)) for name in ("names", "sites", "warnings", "advice")}
        return replace(self, **words)


@lru_cache(maxsize=4096)
def _same(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same tuple for the same words: a million rows have the same names of parameters."""
    return words


def _shared(words: Iterable[str]) -> tuple[str, ...]:
    return _same(tuple(words))


def failed(label: str, key: str, message: str) -> Row:
    """The row of a scan without an answer."""
    return Row(label, key, False, one_line(message)[:1000])


def row_of(result: FitResult, label: str, key: str, *, model_errors: bool) -> Row:
    """The row of a fit.

    Parameters
    ----------
    result : FitResult
    label, key : str
    model_errors : bool
        Whether the errors by the model, and the advice, are computed too.
    """
    estimates = result.estimates
    by_model = _by_model(result) if model_errors and result.success else {}
    numbers = np.full((len(NUMBERS), len(estimates)), np.nan)
    occupancies = set(result.problem.occupancies.names)
    for i, e in enumerate(estimates):
        numbers[0, i] = e.value
        if e.stderr is not None:
            numbers[1, i] = e.stderr
            numbers[2, i] = by_model.get(e.name, np.nan)
            if e.status != "at bound" and e.name not in occupancies:  # theirs take a profile each
                numbers[3:, i] = e.value - e.stderr, e.value + e.stderr
    several = len(result.model.phases) > 1
    sites = np.full((len(SITE_NUMBERS), len(result.sites)), np.nan)
    labels = []
    for i, s in enumerate(result.sites):
        prefix = f"{s.phase}__" if several else ""
        labels.append(f"{prefix}{s.label}")
        errors = [s.stderr, by_model.get(f"{prefix}occ_{s.label}"), s.share, s.share_stderr]
        sites[0, i] = s.occupancy
        sites[1:5, i] = [np.nan if e is None else e for e in errors]
        sites[5, i] = by_model.get(f"share {prefix}{s.label}", np.nan)
    return Row(
        label=label,
        key=key,
        success=result.success,
        message=result.message,
        engine=result.engine,
        radiation=result.scans[0].model.radiation().name,
        warnings=tuple(result.warnings),
        advice=_advice(result) if model_errors and result.success else (),
        names=tuple(e.name for e in estimates),
        numbers=numbers,
        status=np.array([STATUS.index(e.status) for e in estimates], dtype=np.int8),
        sites=tuple(labels),
        site_numbers=sites,
        figures=np.array([float(getattr(result.statistics, name)) for name in FIGURES]),
    )


def _by_model(result: FitResult) -> dict[str, float]:
    """Errors by the model of occupancies ("occ_Cu_8c") and shares ("share Cu_8c"), where they can be computed."""
    from xrdfit.inference.adequacy.model_errors import model_errors
    from xrdfit.inference.uncertainty.site_shares import share_gradient

    if not result.problem.occupancies.names:
        return {}
    found = model_errors(result)
    errors = {name: found.of({name: 1.0}).total for name in found.names}
    for phase in result.model.phases:
        prefix = result.model.prefix(phase)
        for site in phase.structure.sites:
            kin = [s for s in phase.structure.sites if s.element == site.element]
            name = f"{prefix}occ_{site.label}"
            if name in found.names:
                atoms = {f"{prefix}occ_{s.label}": float(s.multiplicity) for s in kin}
                slopes = share_gradient(atoms, {f"{prefix}occ_{s.label}": s.occupancy for s in kin}, name)[1]
                errors[f"share {prefix}{site.label}"] = found.of(slopes).total
    return errors


def _advice(result: FitResult) -> tuple[str, ...]:
    from xrdfit.inference.adequacy.advice import advice_for

    return tuple(dict.fromkeys(advice.code for advice in advice_for(result)))
