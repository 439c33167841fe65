"""`fit_series`: many scans and a model go in, one labelled data set comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrdfit.diffraction.background import Blank
from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.options import FitOptions, with_choices
from xrdfit.fitting.prepare import check_model
from xrdfit.inference.engines import choose_engine
from xrdfit.inference.fit import fit_with
from xrdfit.model.files.read import load_model
from xrdfit.model.powder import PowderModel
from xrdfit.progress import Progress, silent
from xrdfit.series.coordinates import with_coordinates
from xrdfit.series.entries import Entry, Reading, entries_of, natural
from xrdfit.series.execute import MOST_WORKERS, Here, Mapper, OfMapper, Processes, Runner, batch_size, execute
from xrdfit.series.journal import Journal, open_journal
from xrdfit.series.outcome import Tally, result_of
from xrdfit.series.result import SeriesResult
from xrdfit.series.rows import Row, failed
from xrdfit.series.work import Job, Start, Worker, packed, run, scan_key

if TYPE_CHECKING:
    from os import PathLike

MODES = ("independent", "sequential", "joint")
_TRIED = 10  # scans that may be the first to be fitted


def fit_series(
    model: PowderModel,
    scans: Any,
    *,
    coord: Mapping[str, Any] | None = None,
    mode: str = "independent",
    share: Sequence[str] = (),
    law: Mapping[str, str] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    executor: Mapper | None = None,
    batch: int | None = None,
    output: str | PathLike[str] | None = None,
    resume: bool = False,
    force: bool = False,
    model_errors: bool = True,
    reading: Reading | None = None,
    options: FitOptions | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> SeriesResult:
    """Fit a model to every scan of a series.

    Parameters
    ----------
    model : PowderModel
        From `load_model`.
    scans : path, sequence of paths or datasets, mapping of labels to either, or xarray.Dataset
        Paths may hold wild cards, name a CSV manifest or a stack (``FILE::PATH``); a dataset has a dimension ``scan``.
    coord : Mapping[str, Any], optional
        Coordinates by name: one value a scan, ``"header:WORD"``, ``"FROM_NAME"``, or a pattern of the files' names
        such as ``"t{minutes}min.xy"``.
    mode : {"independent", "sequential", "joint"}
        Each scan by itself; each from its neighbour's answer, along the first coordinate; or all together, with shared
        parameters.
    share : sequence of str
        Of a joint fit: names or patterns of what all scans have in common, scales and blanks too.
    law : Mapping[str, str]
        Of a joint fit: parameters that follow a law along the first coordinate: "constant", "linear", "exponential" or
        "spline" (``"spline:5"`` with five knots).
    workers : int, optional
        Processes of this machine.
    scheduler : str, optional
        Address of a dask.distributed scheduler (the extra ``series``).
    executor : object with ``map``, optional
        Whatever else runs functions elsewhere.
    batch : int, optional
        Scans that travel together.
    output : path, optional
        Folder in which rows are kept as they come (``series.jsonl``).
    resume, force : bool
        Go on with what is there; or begin anew.
    model_errors : bool
        Compute errors by the model and advice for every scan too.
    reading : Reading, optional
        How files are read.
    options : FitOptions, optional
    progress : callable, optional
    **choices
        Fields of `FitOptions`, as `fit` takes them.

    Returns
    -------
    SeriesResult
        Interrupted (Ctrl-C), of what was done until then.

    Raises
    ------
    InputError
        Options contradict each other, or no scan can be read.
    ComputationError
        The scheduler or the disk is lost; rows until then are kept in `output`.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model, scan = xf.example("cu2se-6nm")
    >>> series = xf.fit_series(model, {"first": scan, "second": scan}, engine="bragg", total={"Cu": 8})
    >>> series["occ_Cu_8c"]["value"].sizes["scan"], series.data["success"].values.tolist()
    (2, [True, True])
    """
    from threadpoolctl import threadpool_limits

    check_model(model)
    _check_mode(mode, share, law, workers, scheduler, executor)
    reading = reading or Reading()
    chosen = with_choices(options or FitOptions(), choices)
    entries = with_coordinates(entries_of(scans, reading), coord or {})
    models = {"": model} | {name: load_model(name) for name in dict.fromkeys(e.model for e in entries) if name}
    job = Job(models, chosen, reading, model_errors)
    tell = progress or silent
    journal = None if output is None else open_journal(_folder(output), resume=resume, force=force)
    runner: Runner | None = None
    try:
        with threadpool_limits(1):
            job = _with_start(job, entries, journal, tell)
        runner = runner_of(workers, scheduler, executor)
        first = replace(job, model_errors=model_errors and mode != "joint")  # of answers that are only starts, not
        known, rest = _known(first, entries, journal, resume, tell)
        tally = Tally(len(entries), journal, tell, done=len(known))
        if mode == "sequential":
            return _sequential(job, entries, tally, journal)
        complete = _independent(first, rest, runner, batch, tally, known)
        if mode == "joint" and complete:
            from xrdfit.series.joint import fit_joint

            return fit_joint(job, entries, known, runner, share, law or {}, tell)
        return result_of(job, entries, known, mode, complete)
    finally:
        if runner is not None:
            runner.close()
        if journal is not None:
            journal.close()


def _check_mode(
    mode: str,
    share: Sequence[str],
    law: Mapping[str, str] | None,
    workers: int | None,
    scheduler: str | None,
    executor: Mapper | None,
) -> None:
    if mode not in MODES:
        raise InputError(f"mode {mode!r} is unknown; allowed are {', '.join(MODES)}")
    if mode != "joint" and (share or law):
        raise InputError(f"share and law belong to the joint mode, not to {mode} (--mode joint)")
    if mode == "sequential" and any(choice is not None for choice in (workers, scheduler, executor)):
        raise InputError("a sequential series goes from scan to scan: workers cannot share it; leave them out")


def runner_of(workers: int | None, scheduler: str | None, executor: Mapper | None) -> Runner:
    """Return the runner that the options name; this process where they name none.

    Raises
    ------
    InputError
        They name several, or one that is not there.
    """
    if sum(choice is not None for choice in (workers, scheduler, executor)) > 1:
        raise InputError("workers, scheduler and executor are three ways to run a series; give one of them")
    if scheduler is not None:
        from xrdfit.series.cluster import Cluster

        return Cluster(scheduler)
    if executor is not None:
        return OfMapper(executor)
    if workers is not None:
        if not 1 <= workers <= MOST_WORKERS:
            raise InputError(f"workers {workers} is out of range; 1 to {MOST_WORKERS} are allowed")
        return Processes(workers)
    return Here()


def _folder(output: str | PathLike[str]) -> Path:
    path = Path(output)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"output {str(path)!r} cannot be made: {error.strerror}") from None
    return path


def _with_start(job: Job, entries: Sequence[Entry], journal: Journal | None, tell: Progress) -> Job:
    """Choose the engine and fit the first scan by name, whose answer is where all others start.

    A series that is gone on with keeps the start that it had, so that scans that came in the meantime change nothing.
    """
    mark = job.fingerprint()
    if journal is not None and journal.head.get("job") == mark:
        again = job.options.seek or journal.head.get("again")
        if not again:
            return _gone_on(job, journal.head)
    tell("fitting the first scan")
    found: Job | None = None
    reason = ""
    for entry in sorted(entries, key=lambda e: natural(e.label))[:_TRIED]:
        try:
            own = _chosen(job, entry, tell)
            result = Worker(own).fit(entry)
        except (InputError, ComputationError) as error:
            reason = reason or str(error)
            continue
        found = own
        if result.success:
            start = Start(entry.label, {e.name: e.value for e in result.estimates}, result.statistics.chi2_reduced)
            found = replace(own, start=start)
            break
    if found is None:
        raise InputError(f"none of the first {min(len(entries), _TRIED)} scans can be fitted: {reason}")
    if journal is not None:
        journal.begin({"job": mark, **_head(job, found)})
    return found


def _head(job: Job, found: Job) -> dict[str, Any]:
    """What the first scan decided for all."""
    phases = {name: [[p.engine, p.size_nm] for p in model.phases] for name, model in found.models.items()}
    start = None if found.start is None else vars(found.start)
    added = _added(job, found)
    again = bool(job.options.seek) or isinstance(added.get("background"), tuple)  # pieces that no line of JSON holds
    usual = {} if again else added
    return {"engine": found.engine, "phases": phases, "usual": usual, "again": again, "start": start}


def _gone_on(job: Job, head: Mapping[str, Any]) -> Job:
    """The job with what an earlier run's first scan decided."""
    models = {
        name: replace(
            model,
            phases=tuple(
                replace(phase, engine=engine, size_nm=size)
                for phase, (engine, size) in zip(model.phases, head["phases"][name], strict=True)
            ),
        )
        for name, model in job.models.items()
    }
    options = replace(job.options, usual=False, **_lists_as_tuples(head["usual"]))
    start = None if head["start"] is None else Start(**head["start"])
    return replace(job, models=models, options=options, engine=head["engine"], start=start)


def _added(job: Job, found: Job) -> dict[str, Any]:
    """Options of the job that the first scan changed: what usually varies on a diffractometer or of a film."""
    names = ("vary", "tie", "background", "film")
    pairs = ((name, getattr(job.options, name), getattr(found.options, name)) for name in names)
    return {name: now for name, before, now in pairs if now != before}


def _lists_as_tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def _chosen(job: Job, entry: Entry, tell: Progress) -> Job:
    """The job with the engine, and the pieces that one scan asks for where options ask for what it asks for."""
    scan = entry.read(job.reading)
    model, options = job.models[entry.model or ""], Worker(job).options(entry)
    if not (options.seek or options.usual):
        return replace(job, engine=choose_engine(model, scan, options)[0])
    found = fit_with(model, scan, options, tell)
    models = {**job.models, entry.model or "": found.start_model}
    background = found.options.background
    if entry.blank is not None:  # each scan has its own
        before, after = (tuple(p for p in b if not isinstance(p, Blank)) for b in (options.background, background))
        background = job.options.background if after == before else after
    settled = replace(found.options, seek=(), usual=False, radiation=job.options.radiation, background=background)
    return replace(job, models=models, options=settled, engine=found.scans[0].engine)


def _known(
    job: Job, entries: Sequence[Entry], journal: Journal | None, resume: bool, tell: Progress
) -> tuple[dict[str, Row], list[Entry]]:
    """Rows that an earlier run left, by label, and the entries that remain."""
    known: dict[str, Row] = {}
    if journal is None or not resume or not journal.rows:
        return known, list(entries)
    mark = job.fingerprint()
    rest = []
    for i, entry in enumerate(entries):
        if i % 1000 == 0:
            tell(f"looking for what is done: {i} of {len(entries)} scans", i / len(entries))
        try:
            row = journal.rows.get(scan_key(mark, entry))
        except InputError:
            row = None
        if row is None:
            rest.append(entry)
        else:
            known[entry.label] = replace(row, label=entry.label)
    return known, rest


def _independent(
    job: Job, rest: Sequence[Entry], runner: Runner, batch: int | None, tally: Tally, known: dict[str, Row]
) -> bool:
    """Fit the remaining scans, each by itself; returns whether all of them were."""
    size = batch_size(len(rest), runner.workers, batch)
    try:
        for entries, rows, why in execute(runner, run, packed(job), rest, size):
            found = rows if rows is not None else [failed(e.label, "", why) for e in entries]
            for row in tally.add(found):
                known[row.label] = row
    except KeyboardInterrupt:
        return False
    return True


def _sequential(job: Job, entries: Sequence[Entry], tally: Tally, journal: Journal | None) -> SeriesResult:
    from threadpoolctl import threadpool_limits

    from xrdfit.series.sequential import fit_sequence

    done = journal.rows if journal is not None else {}
    with threadpool_limits(1):
        known, complete = fit_sequence(job, entries, tally.add, done)
    return result_of(job, entries, known, "sequential", complete)
