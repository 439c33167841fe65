"""Where the fits of a series are done: here, in processes, or wherever something with a ``map`` does them.

A runner takes batches and gives back, in any order, each batch with its result, or with why it was lost. What was lost
is tried again scan by scan, so that a scan that kills its worker ends as a row that says so.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, TypeVar

from xrdfit.errors import ComputationError, InputError
from xrdfit.series.entries import Entry

Item = TypeVar("Item")
Batch = Sequence[Any]
Work = Callable[[bytes, Any], Any]
MOST_WORKERS = 1024
_AHEAD = 2  # batches that wait for each worker
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Mapper(Protocol):
    """Anything that applies a function to many things: an executor, a pool, a view of a cluster."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], /) -> Iterable[Any]:
        """Return the results in the order of the items."""
        ...


class Runner(Protocol):
    """What executes batches."""

    workers: int
    """How many run at once."""

    def run(self, work: Work, payload: bytes, batches: Sequence[Batch], ahead: int) -> Iterator[tuple[Batch, Any, str]]:
        """Yield each batch with its result, or with None and why it was lost; `ahead` for each worker are handed out.

        Raises
        ------
        ComputationError
            Nothing can be executed any more.
        """
        ...

    def close(self) -> None:
        """Let go of processes and connections."""
        ...


class Here:
    """In this process, with one thread of linear algebra as everywhere, so that sums keep their order."""

    workers = 1

    def run(self, work: Work, payload: bytes, batches: Sequence[Batch], ahead: int) -> Iterator[tuple[Batch, Any, str]]:
        """See `Runner`."""
        from threadpoolctl import threadpool_limits

        for batch in batches:
            with threadpool_limits(1):
                done = work(payload, batch)
            yield batch, done, ""

    def close(self) -> None:
        """Nothing is held."""


class OfMapper:
    """By the ``map`` of somebody else's."""

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper
        self.workers = int(getattr(mapper, "_max_workers", 0) or 4)

    def run(self, work: Work, payload: bytes, batches: Sequence[Batch], ahead: int) -> Iterator[tuple[Batch, Any, str]]:
        """See `Runner`."""
        results = iter(self._mapper.map(partial(_single_threaded, work, payload), batches))
        for batch in batches:
            try:
                done = next(results)
            except StopIteration:
                raise ComputationError("the executor's map gave back fewer results than batches") from None
            except Exception as error:  # whatever it raises when it is lost
                raise ComputationError(f"the executor failed ({type(error).__name__}: {error})") from error
            yield batch, done, ""

    def close(self) -> None:
        """It is not ours to close."""


class Processes:
    """Processes of this machine, started afresh ("spawn"), each with one thread of linear algebra."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def run(self, work: Work, payload: bytes, batches: Sequence[Batch], ahead: int) -> Iterator[tuple[Batch, Any, str]]:
        """See `Runner`."""
        waiting = deque(batches)
        flying: dict[Future[Any], Batch] = {}
        while waiting or flying:
            while waiting and len(flying) < max(ahead * self.workers, 1):
                try:
                    future = self._submit(work, payload, waiting[0])
                except BrokenProcessPool:
                    break
                flying[future] = waiting.popleft()
            done = wait(flying, return_when=FIRST_COMPLETED).done if flying else set()
            broken = not flying
            for future in done:
                batch = flying.pop(future)
                try:
                    yield batch, future.result(), ""
                except BrokenProcessPool:
                    broken = True
                    yield batch, None, "its worker process was ended by the system (out of memory?)"
                except Exception as error:
                    yield batch, None, f"{type(error).__name__}: {error}"
            if broken:
                lost, flying = list(flying.values()), {}
                self.close()
                for batch in lost:
                    yield batch, None, "its worker process was ended by the system (out of memory?)"

    def _submit(self, work: Work, payload: bytes, batch: Batch) -> Future[Any]:
        if self._pool is None:
            from multiprocessing import get_context

            self._pool = ProcessPoolExecutor(self.workers, get_context("spawn"), _begin)
        with _threads_of_children():
            return self._pool.submit(work, payload, batch)

    def close(self) -> None:
        """End the processes, whatever they are at."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(5)


@contextmanager
def _threads_of_children() -> Iterator[None]:
    """Processes inherit how many threads libraries may start; they read it when they are loaded."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin() -> None:
    """Prepare a worker process: Ctrl-C is its parent's to heed, and it ends when its parent does."""
    import signal
    import threading
    from multiprocessing import connection, parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            connection.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    limit_threads()


def limit_threads() -> None:
    """Let linear algebra use one thread in this process from now on."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _single_threaded(work: Work, payload: bytes, batch: Batch) -> Any:
    limit_threads()
    return work(payload, batch)


def execute(
    runner: Runner, work: Work, payload: bytes, entries: Sequence[Entry], size: int
) -> Iterator[tuple[Batch, Any, str]]:
    """Yield batches with their results; single scans that kill every worker come with None and why.

    Parameters
    ----------
    runner : Runner
    work : callable
        From payload and batch to a result.
    payload : bytes
    entries : sequence of Entry
    size : int
        Of the batches.
    """
    batches: list[Batch] = [entries[i : i + size] for i in range(0, len(entries), size)]
    for ahead in (_AHEAD, _AHEAD, 0):  # together, one by one, and one at a time to find who is to blame
        lost: list[tuple[Batch, str]] = []
        for batch, done, why in runner.run(work, payload, batches, ahead):
            if done is None:
                lost.append((batch, why))
            else:
                yield batch, done, ""
        if not lost:
            return
        batches = [[entry] for batch, _ in lost for entry in batch]
    for batch, why in lost:
        yield batch, None, why


def batch_size(n_scans: int, workers: int, asked: int | None) -> int:
    """How many scans travel together: few enough that all workers end at the same time."""
    if asked is not None:
        if not 1 <= asked <= 100_000:
            raise InputError(f"batch {asked} is out of range; 1 to 100000 scans are allowed")
        return asked
    return max(1, min(16, n_scans // (4 * max(workers, 1))))
