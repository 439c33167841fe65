"""What a worker does: fit scans one after another, and never stop for one that cannot be fitted.

The model travels to a worker once, as a `Job`; scans come in batches. Scans that share grid, instrument and model share
every table of the engine: only counts and errors are exchanged.
"""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from xrdfit.diffraction.background import Blank, Chebyshev
from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.prepare import Setup, prepare, refilled
from xrdfit.inference.fit import fit_setup
from xrdfit.inference.result import FitResult
from xrdfit.model.phase import Engine
from xrdfit.model.powder import PowderModel
from xrdfit.scan import read_pattern
from xrdfit.series.entries import Entry, Reading
from xrdfit.series.fingerprint import fingerprint
from xrdfit.series.rows import Row, failed, row_of

if TYPE_CHECKING:
    import xarray as xr

ASTRAY = 1.5
"""A scan whose χ²_red is so many times that of the scan it started from is fitted from the model's own start too."""

_TABLES = 4  # sets of tables that a worker keeps: of grids, instruments and models that differ
_HEADER = ("radius_mm", "monochromator_deg", "wavelengths", "wavelength_weights", "radiation", "probe", "anode")

Values = Mapping[str, float]


@dataclass(frozen=True)
class Start:
    """Where fits start from.

    Attributes
    ----------
    label : str
        The scan whose answer it is.
    values : Mapping[str, float]
    chi2_reduced : float
        Of that scan.
    """

    label: str
    values: Values
    chi2_reduced: float

    def fitting(self, names: Sequence[str]) -> dict[str, float]:
        """Those of its values that a model has."""
        return {n: v for n, v in self.values.items() if n in names}


@dataclass(frozen=True)
class Job:
    """All that the fits of a series have in common; it travels to every worker once.

    Attributes
    ----------
    models : Mapping[str, PowderModel]
        By the name that entries give; "" is the series' own.
    options : FitOptions
    reading : Reading
    model_errors : bool
        Whether errors by the model and advice are computed for every scan.
    start : Start or None
        Where every scan starts; the model's own values where there is none.
    engine : {"bragg", "debye"}
        Of all scans, whatever the options leave open.
    """

    models: Mapping[str, PowderModel]
    options: FitOptions
    reading: Reading = field(default_factory=Reading)
    model_errors: bool = True
    start: Start | None = None
    engine: Engine = "bragg"

    def fingerprint(self) -> str:
        """What stands for everything in it."""
        from xrdfit import __version__

        parts = (self.models, self.options, self.reading, self.model_errors, self.start, self.engine)
        return fingerprint(__version__, *parts)


class Worker:
    """Fits scans of one job, keeping the engine's tables between them."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._mark = job.fingerprint()
        self._tables: OrderedDict[str, Setup] = OrderedDict()
        self._blanks: OrderedDict[str, Any] = OrderedDict()

    def key(self, entry: Entry) -> str:
        """Fingerprint of a scan's content with everything that its answer depends on.

        Raises
        ------
        InputError
            The file cannot be read.
        """
        return scan_key(self._mark, entry)

    def safe_key(self, entry: Entry, start: Start | None) -> str:
        """The key of a scan that starts elsewhere than the job says; "" where it cannot be read."""
        try:
            key = self.key(entry)
        except InputError:
            return ""
        return key if start is None else fingerprint(key, start)

    def row(self, entry: Entry, start: Start | None = None) -> Row:
        """Fit one scan; whatever goes wrong is said in its row."""
        key = self.safe_key(entry, start)
        try:
            return row_of(self.fit(entry, start), entry.label, key, model_errors=self.job.model_errors)
        except (InputError, ComputationError) as error:
            return failed(entry.label, key, str(error))
        except Exception as error:  # one bad scan never stops a series, whatever is bad about it
            return failed(entry.label, key, f"unexpected error, please report it ({type(error).__name__}: {error})")

    def fit(self, entry: Entry, start: Start | None = None) -> FitResult:
        """Fit one scan from a start; from the model's own too, where that leads astray.

        Raises
        ------
        InputError
            It cannot be read, or does not go with model and options.
        """
        setup = self.setup(entry)
        model = self.model(entry)
        start = start or self.job.start
        if start is None:
            return fit_setup(setup, model)
        warm = fit_setup(setup, model, start=start.fitting(tuple(setup.rows)))
        if warm.success and warm.statistics.chi2_reduced < ASTRAY * max(1.0, start.chi2_reduced):
            return warm
        cold = fit_setup(setup, model)
        better = cold.success and (not warm.success or cold.statistics.chi2 < warm.statistics.chi2 - 1e-3)
        return cold if better else warm

    def setup(self, entry: Entry) -> Setup:
        """Return the problem of one scan, with tables that were made for an earlier one where they are the same."""
        scan = entry.read(self.job.reading)
        mark = fingerprint(
            entry.model or "",
            entry.radiation,
            entry.blank,
            scan["two_theta"].values,
            {name: scan.attrs.get(name) for name in _HEADER},
            scan.attrs.get("sigma_from"),
        )
        template = self._tables.get(mark)
        if template is None:
            bare = scan.copy(deep=False)
            bare.attrs = {k: v for k, v in scan.attrs.items() if k != "notes"}
            template = prepare(self.model(entry), bare, self.options(entry), self.job.engine)
            self._tables[mark] = template
            if len(self._tables) > _TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(mark)
        return refilled(template, scan)

    def model(self, entry: Entry) -> PowderModel:
        """Return the model of a scan."""
        return self.job.models[entry.model or ""]

    def options(self, entry: Entry) -> FitOptions:
        """Return the options of a scan, with the radiation and the blank that its entry names."""
        options = self.job.options
        if entry.radiation is not None:
            options = replace(options, radiation=entry.radiation)
        if entry.blank is not None:
            pieces = _pieces(options.background, self.model(entry))
            own = Blank(self._blank(entry.blank))
            options = replace(options, background=(*(p for p in pieces if not isinstance(p, Blank)), own))
        return options

    def _blank(self, path: str) -> xr.Dataset:
        if path not in self._blanks:
            self._blanks[path] = read_pattern(path, **vars(self.job.reading))
            if len(self._blanks) > _TABLES:
                self._blanks.popitem(last=False)
        return self._blanks[path]


def _pieces(background: Any, model: PowderModel) -> tuple[Any, ...]:
    if isinstance(background, tuple):
        return background
    if isinstance(background, int):
        return (Chebyshev(background), *(p for p in model.background if not isinstance(p, Chebyshev)))
    return tuple(model.background)


def scan_key(job: str, entry: Entry) -> str:
    """Fingerprint of a scan's content, of what its entry says and of the job; names do not matter.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    source = entry.source
    if isinstance(source, str):
        content: Any = (_bytes(source), entry.scan)
    elif hasattr(source, "raw"):
        raw = source.raw
        content = (raw.x, raw.counts, raw.sigma, raw.gain, raw.meta, raw.axis.name, source.options.sigma)
    else:
        content = source
    blank = None if entry.blank is None else _bytes(entry.blank)
    return fingerprint(job, content, blank, entry.radiation, entry.model)


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(200_000_001)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def run(payload: bytes, batch: Sequence[Entry]) -> list[Row]:
    """Fit a batch of scans; what is called in other processes and on other machines.

    Parameters
    ----------
    payload : bytes
        A pickled `Job`; a process unpacks it once.
    batch : sequence of Entry
    """
    worker = worker_of(payload)
    return [worker.row(entry) for entry in batch]


def packed(job: Job) -> bytes:
    """Return a job as it travels."""
    return pickle.dumps(job, protocol=pickle.HIGHEST_PROTOCOL)


def worker_of(payload: bytes) -> Worker:
    """Return this thread's worker for a job, its engine's tables included: these are no two threads' business."""
    known = getattr(_own, "worker", None)
    if known is None or known[0] != payload:
        known = _own.worker = (payload, Worker(pickle.loads(payload)))  # noqa: S301  # our own process made it
    return known[1]


_own = threading.local()
