"""A series on the user's own dask.distributed cluster (the extra ``series``): one computer, Slurm or Kubernetes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xrdfit.errors import ComputationError, InputError
from xrdfit.series.execute import Batch, Work, limit_threads

_CONNECT_SECONDS = 10
_WORKER_SECONDS = 60
_PATIENCE_SECONDS = 30.0
"""How long a scheduler may be silent before the series stops, with what is done kept."""


class Cluster:
    """The workers of a scheduler; see `xrdfit.series.execute.Runner`.

    Raises
    ------
    InputError
        dask.distributed is not installed, the scheduler does not answer, or its workers have another xrdfit.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ImportError:
            raise InputError(
                "--scheduler needs dask.distributed: pip install 'xrdfit-occupancy[series]', here and on the workers"
            ) from None
        self.address = address
        try:
            self._client: Any = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"scheduler {address!r} does not answer ({reason}); start it or mend the address"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout=_WORKER_SECONDS)
        except TimeoutError:
            self.close()
            raise InputError(f"scheduler {address} has no worker after {_WORKER_SECONDS} s; start some") from None
        self._check_versions()
        self.workers = max(1, sum(self._client.nthreads().values()))

    def _check_versions(self) -> None:
        import xrdfit

        try:
            found = self._client.run(_version)
        except Exception as error:
            self.close()
            raise InputError(f"the workers of {self.address} cannot load xrdfit ({error}); install it there") from None
        for worker, version in found.items():
            if version != xrdfit.__version__:
                self.close()
                raise InputError(f"worker {worker} has xrdfit {version}, this is {xrdfit.__version__}: they must agree")

    def run(self, work: Work, payload: bytes, batches: Sequence[Batch], ahead: int) -> Iterator[tuple[Batch, Any, str]]:
        """See `Runner`; the payload is sent to each worker once."""
        waiting = deque(batches)
        flying: dict[Any, Batch] = {}
        with self._watched():
            shared = self._client.scatter(payload, broadcast=True, hash=False)
        while waiting or flying:
            with self._watched():
                room = max(ahead * max(1, sum(self._client.nthreads().values())), 1)
                while waiting and len(flying) < room:
                    batch = waiting.popleft()
                    flying[self._client.submit(_single_threaded, work, shared, batch, pure=False)] = batch
                done = self._done(flying)
            for future in done:
                batch = flying.pop(future)
                with self._watched():
                    error = future.exception()
                    result = None if error is not None else future.result()
                yield batch, result, _why(error)

    def _done(self, flying: dict[Any, Batch]) -> list[Any]:
        """Wait for what is done; a scheduler that is silent for long is lost."""
        from distributed import wait

        silent_since: float | None = None
        while True:
            try:
                waited: Any = wait(list(flying), timeout=1, return_when="FIRST_COMPLETED")
                done = waited.done
            except TimeoutError:
                done = set()
            if self._client.status == "running":
                silent_since = None
                if any(future.status in ("lost", "cancelled") for future in flying):
                    raise OSError("it forgot the tasks")
                if done:
                    return list(done)
            else:
                silent_since = silent_since or time.monotonic()
                if self._client.status == "closed" or time.monotonic() - silent_since > _PATIENCE_SECONDS:
                    raise OSError("connection lost")

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Turn what a lost scheduler makes of any call into one clear error."""
        from asyncio import CancelledError
        from concurrent.futures import CancelledError as OtherCancelledError

        from distributed.client import FutureCancelledError

        try:
            with self._client.as_current():
                yield
        except (OSError, TimeoutError, CancelledError, OtherCancelledError, FutureCancelledError) as error:
            raise self._gone(error) from None
        except (RuntimeError, ValueError) as error:
            if self._client.status == "running":
                raise
            raise self._gone(error) from None

    def _gone(self, error: BaseException) -> ComputationError:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return ComputationError(
            f"the scheduler at {self.address} went away ({reason}); the scans before are kept, and --resume goes on "
            "from there"
        )

    def close(self) -> None:
        """Leave the scheduler; its workers stay."""
        import logging

        logger = logging.getLogger("distributed")
        before = logger.level
        logger.setLevel(logging.CRITICAL)  # a scheduler that is gone cannot be told good-bye
        try:
            self._client.close(timeout=5)
        except Exception:  # noqa: S110  # nothing is left to close
            pass
        finally:
            logger.setLevel(before)


def _why(error: BaseException | None) -> str:
    if error is None:
        return ""
    if type(error).__name__ == "KilledWorker":
        return "it ended every worker that tried it (out of memory?)"
    return f"{type(error).__name__}: {error}"


def _version() -> str:
    import xrdfit

    return xrdfit.__version__


def _single_threaded(work: Work, payload: bytes, batch: Batch) -> Any:
    limit_threads()
    return work(payload, batch)
