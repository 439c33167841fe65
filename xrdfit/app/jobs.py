"""Jobs: one process each, watched by a thread, ended at once when that is asked for."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Mapping
from typing import Any

from xrdfit.app.call import ReadCall
from xrdfit.app.worker import work

_PRELOAD = ["xrdfit.app.worker", "xrdfit.app.answers", "xrdfit.inference.fit", "xrdfit.scan", "lmfit", "xarray"]


def context() -> Any:
    """Return how processes are made: forked off one that has loaded the libraries and nothing else, where possible."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(_PRELOAD)
    made.Process(target=_nothing).start()  # the libraries are loaded while the user looks for a file
    return made


def _nothing() -> None:
    """Do nothing."""


class Job:
    """One computation under way, or done.

    Attributes
    ----------
    state : {"running", "done", "failed", "cancelled"}
    stage, part : str, float or None
        What is being done, and how much of it is.
    answer : str
        JSON of the answer, or the text of what went wrong.
    """

    def __init__(self, made_by: Any, folder: str, task: Mapping[str, Any], read_call: ReadCall) -> None:
        self.kind = task["kind"]
        self.state, self.stage, self.part, self.answer = "running", "starting", None, ""
        self._lock = threading.Lock()
        ours, theirs = made_by.Pipe(duplex=False)
        self._process = made_by.Process(target=work, args=(theirs, folder, task, read_call), daemon=True)
        self._process.start()
        theirs.close()
        self._watcher = threading.Thread(target=self._watch, args=(ours,), daemon=True)
        self._watcher.start()

    def _watch(self, pipe: Any) -> None:
        outcome, answer = "failed", "the computation was ended by the system, perhaps for lack of memory"
        try:
            while True:
                kind, *rest = pipe.recv()
                if kind == "stage":
                    self.stage, self.part = rest
                else:
                    outcome, answer = kind, rest[0]
        except (EOFError, OSError):
            pass
        pipe.close()
        self._process.join()
        with self._lock:
            if self.state == "running":
                self.state, self.answer = outcome, answer

    def cancel(self) -> None:
        """End it now; nothing of what it was doing is kept."""
        with self._lock:
            if self.state == "running":
                self.state = "cancelled"
        self._process.kill()
        self._watcher.join(5.0)

    def to_dict(self) -> dict[str, Any]:
        """Return how it stands."""
        failed = {"message": self.answer} if self.state == "failed" else {}
        return {"kind": self.kind, "state": self.state, "stage": self.stage, "part": self.part} | failed
