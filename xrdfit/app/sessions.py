"""Sessions: what one open page has uploaded and found, in a folder that goes when the page does."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from xrdfit.app.call import ReadCall, check_name
from xrdfit.app.jobs import Job, context
from xrdfit.errors import InputError

MOST_BYTES = 20_000_000
"""The largest file that is taken."""
MOST_FILES = 60
MOST_ALL_BYTES = 200_000_000
MOST_SESSIONS = 20
MOST_JOBS = 100
MOST_FITS = 200
IDLE_SECONDS = 200.0
"""How long a page may be silent: a browser lets a page in the background speak once a minute."""
_PREFIX = "xrdfit-app-"


class Session:
    """One open page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files.mkdir(parents=True)
        (folder / "fits").mkdir()
        self.jobs: dict[str, Job] = {}
        self.fits = 0
        self.seen = time.monotonic()

    @property
    def files(self) -> Path:
        """Where uploads are, and where jobs run."""
        return self.folder / "files"

    def names(self) -> list[str]:
        """Return the names of what was uploaded."""
        return sorted(file.name for file in self.files.iterdir() if file.is_file())

    def place(self, name: str) -> Path:
        """Return where a file of this name is to be put.

        Raises
        ------
        InputError
            The name is not allowed, or there are too many files.
        """
        check_name(name)
        held = [file for file in self.files.iterdir() if file.is_file() and file.name != name]
        if len(held) >= MOST_FILES or sum(file.stat().st_size for file in held) > MOST_ALL_BYTES:
            raise InputError(
                f"{len(held)} files are held: at most {MOST_FILES} of {MOST_ALL_BYTES // 1_000_000} MB are"
            )
        return self.files / name

    def running(self) -> list[Job]:
        """Return the jobs under way."""
        return [job for job in self.jobs.values() if job.state == "running"]

    def close(self) -> None:
        """End what runs and remove what there is."""
        for job in self.jobs.values():
            job.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """All open pages."""

    def __init__(self, read_call: ReadCall) -> None:
        self._read_call = read_call
        self._context = context()
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()
        _sweep_leftovers()
        self.root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._held = _hold(self.root)

    def begin(self) -> str:
        """Open a session and return its secret name.

        Raises
        ------
        InputError
            There are too many.
        """
        self.sweep()
        with self._lock:
            if len(self._open) >= MOST_SESSIONS:
                raise InputError(f"{MOST_SESSIONS} pages are open, the most that are served: close one")
            name = token_urlsafe(24)
            self._open[name] = Session(self.root / token_urlsafe(9))
            return name

    def get(self, name: str) -> Session | None:
        """Return an open session, and note that its page is there."""
        session = self._open.get(name)
        if session:
            session.seen = time.monotonic()
        return session

    def end(self, name: str) -> None:
        """Close a session."""
        with self._lock:
            session = self._open.pop(name, None)
        if session:
            session.close()

    def sweep(self) -> None:
        """Close the sessions whose pages have been silent for too long."""
        now = time.monotonic()
        for name, session in list(self._open.items()):
            if now - session.seen > IDLE_SECONDS:
                self.end(name)

    def start(self, session: Session, task: Mapping[str, Any]) -> str:
        """Start a job and return its name; a new fit ends what runs.

        Raises
        ------
        InputError
            Too many run, or too many fits are held.
        """
        if task["kind"] in ("fit", "compare", "identify", "series"):
            for job in session.running():
                if job.kind == task["kind"]:
                    job.cancel()
        if len(session.running()) >= 4:
            raise InputError("four computations run already: wait for one, or cancel it")
        if task["kind"] in ("fit", "series"):
            if session.fits >= MOST_FITS:
                raise InputError(f"{MOST_FITS} fits are held, the most of one page: open another")
            session.fits += 1
            task = {**task, "number": session.fits}
        for name in list(session.jobs)[: max(0, len(session.jobs) - MOST_JOBS)]:
            if session.jobs[name].state != "running":
                del session.jobs[name]
        name = token_urlsafe(9)
        session.jobs[name] = Job(self._context, str(session.folder), task, self._read_call)
        return name

    def close(self) -> None:
        """Close everything."""
        for name in list(self._open):
            self.end(name)
        if self._held is not None:
            os.close(self._held)
        shutil.rmtree(self.root, ignore_errors=True)


def _hold(folder: Path) -> int | None:
    """Lock a folder for as long as this process lives; None where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _sweep_leftovers() -> None:
    """Remove what servers left that were killed: their folders are not locked."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != getattr(os, "getuid", lambda: -1)():
                continue
            handle = _hold(folder)
            if handle is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(handle)
