"""Files and folders that appear whole or not at all, whatever ends the programme, and one writer at a time.

What is being written has a hidden name that begins with `.xrdfit-` and is locked by its writer; the system releases the
lock when the writer dies, so that the next writer tells leftovers from work under way and sweeps them. A complete
folder becomes the result by one rename. Where the result goes into a folder that is there already, the rename makes it
the folder's pending content: from then on it is the result, and whoever writes or reads there next finishes the moves.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex

PENDING = ".xrdfit-new"
"""Complete content of a folder that has not yet been moved to its place."""

_REMOVED = ".removed"  # in the pending content: names of the older files that go with it
_PART_NAME = re.compile(r"\.xrdfit-(\d+)-[0-9a-f]+\.part")


@contextmanager
def staged_folder(parent: Path) -> Iterator[Path]:
    """Make a hidden folder to write to, in a folder that exists; it is removed at the end unless it was renamed."""
    sweep(parent)
    with _part(parent, Path.mkdir) as part:
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _part(parent: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """Make a hidden file or folder and hold it; another writer's sweep may take it before it is held."""
    while True:
        part = parent / f".xrdfit-{os.getpid()}-{token_hex(6)}.part"
        make(part)
        with ExitStack() as held:
            with suppress(FileNotFoundError):
                held.enter_context(_lock(part))
            if part.exists():
                yield part
                return


def write_whole(path: Path, content: bytes, exclusive: bool = False) -> None:
    """Write a file whole or not at all; through a link, its target.

    Parameters
    ----------
    path : Path
    content : bytes
    exclusive : bool
        Fail where the file exists, also where another programme made it a moment ago.

    Raises
    ------
    FileExistsError
        It exists and `exclusive` is given.
    OSError
        It cannot be written; the error names it.
    """
    target = Path(os.path.realpath(path))
    try:
        sweep(target.parent)
        with _part(target.parent, Path.touch) as part:
            try:
                part.write_bytes(content)
                _take_place(part, target, exclusive)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise named(error, path) from error


def _take_place(part: Path, target: Path, exclusive: bool) -> None:
    if not exclusive:
        part.replace(target)
        return
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(17, "File exists") from None
        part.replace(target)


def named(error: OSError, path: Path) -> OSError:
    """Return an error of the system again with the name that the user gave."""
    return OSError(error.errno or 5, error.strerror or " ".join(str(error).split()), str(path))


def publish(part: Path, target: Path, refuse: Callable[[], None], removed: Sequence[str] = ()) -> None:
    """Make a complete staged folder the content of a folder; files of other names stay.

    Parameters
    ----------
    part : Path
        What `staged_folder` gave: within the target where that exists, else beside it.
    target : Path
    refuse : callable
        Raises where the target's content must not be replaced. Called while no other writer is at work there.
    removed : sequence of str
        Names of files that go if they are there.
    """
    with put_off(signal.SIGINT, signal.SIGTERM):
        if not target.exists():
            try:
                part.rename(target)
                return
            except OSError:
                if not target.is_dir():
                    raise
                # another writer was faster
        with _lock(target):
            _finish(target)
            refuse()
            (part / _REMOVED).write_text("\n".join(removed), encoding="utf-8")
            part.rename(target / PENDING)
            _finish(target)


def finish(folder: Path) -> None:
    """Finish a save into a folder that was cut short after its content was complete.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    if (folder / PENDING).is_dir():
        with put_off(signal.SIGINT, signal.SIGTERM), _lock(folder):
            _finish(folder)


def _finish(folder: Path) -> None:
    pending = folder / PENDING
    if not pending.is_dir():
        return
    note = pending / _REMOVED
    old = note.read_text(encoding="utf-8").split("\n") if note.is_file() else []
    for file in sorted(pending.iterdir()):
        if file.name != _REMOVED:
            file.replace(folder / file.name)
    for name in old:
        if name:
            (folder / name).unlink(missing_ok=True)
    note.unlink(missing_ok=True)
    pending.rmdir()


def sweep(folder: Path) -> None:
    """Remove what writers left that were killed; what is being written stays."""
    with suppress(OSError):
        for entry in list(folder.iterdir()):
            if _PART_NAME.fullmatch(entry.name):
                with suppress(OSError), _lock(entry, wait=False) as held:
                    if held and entry.is_dir():
                        shutil.rmtree(entry, ignore_errors=True)
                    elif held:
                        entry.unlink(missing_ok=True)


@contextmanager
def _lock(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a file or folder against other processes; yields False where another holds it and `wait` is off.

    Where the system has no such locks, everything is taken to be in use: leftovers stay rather than work be lost.
    """
    try:
        import fcntl
    except ImportError:
        yield wait
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        held = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            held = wait
        yield held
    finally:
        os.close(handle)


@contextmanager
def put_off(*signals: signal.Signals) -> Iterator[None]:
    """Put signals off while something short is done, then heed them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    for number in dict.fromkeys(came):
        signal.raise_signal(number)
