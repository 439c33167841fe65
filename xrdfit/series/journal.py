"""What a series has done so far, on disk: one line of JSON a scan, appended as it comes.

A line that was cut by a full disk or a kill is the last one, and is ignored; so the file is readable at every moment.
One programme at a time writes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from xrdfit.errors import ComputationError, InputError
from xrdfit.series.rows import Row

NAME = "series.jsonl"
SCHEMA = 1
_SYNC_SECONDS = 5.0
_MAX_LINE = 10_000_000


class Journal:
    """The file of a series under way; see `open_journal`."""

    def __init__(self, path: Path, handle: int, rows: dict[str, Row], head: Mapping[str, Any], end: int) -> None:
        self.path = path
        self.rows = rows
        self.head = head
        self._handle = handle
        self._end = end
        self._synced = time.monotonic()

    def begin(self, head: Mapping[str, Any]) -> None:
        """Write what all rows after it have in common."""
        self.head = head
        self._append(json.dumps({"series": SCHEMA, **head}, separators=(",", ":")) + "\n")

    def add(self, rows: Sequence[Row]) -> None:
        """Append rows.

        Raises
        ------
        ComputationError
            The disk is full, or gone; what was written before is kept.
        """
        self._append("".join(row.to_json() + "\n" for row in rows))
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            os.fsync(self._handle)
            self._synced = time.monotonic()

    def _append(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        try:
            os.lseek(self._handle, self._end, os.SEEK_SET)
            written = 0
            while written < len(data):
                written += os.write(self._handle, data[written:])
        except OSError as error:
            with suppress(OSError):  # a cut last line is ignored by whoever reads
                os.ftruncate(self._handle, self._end)
            raise ComputationError(
                f"{self.path} cannot be written: {error.strerror}; the scans before are kept, and --resume goes on "
                "from there"
            ) from None
        self._end += len(data)

    def close(self) -> None:
        """Let another programme write."""
        with suppress(OSError):
            os.fsync(self._handle)
        os.close(self._handle)


def open_journal(folder: Path, *, resume: bool, force: bool) -> Journal:
    """Open the journal of a folder that exists, for this programme alone.

    Raises
    ------
    InputError
        It is there already and neither `resume` nor `force` is given, another programme writes it, or it is of another
        version.
    """
    path = folder / NAME
    if path.exists() and not resume and not force:
        raise InputError(f"{path} exists: --resume goes on with that series, --force begins anew")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        _lock(handle, path)
        if force and not resume:
            os.ftruncate(handle, 0)
        rows: dict[str, Row] = {}
        head: dict[str, Any] = {}
        end = _read(path, head.update, lambda row: rows.setdefault(row.key, row))
        os.ftruncate(handle, end)
    except BaseException:
        os.close(handle)
        raise
    rows.pop("", None)
    return Journal(path, handle, rows, head, end)


def read_journal(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """Return the head and the rows of a journal, whoever writes it.

    Raises
    ------
    InputError
        It is no journal.
    """
    head: dict[str, Any] = {}
    rows: list[Row] = []
    _read(path, head.update, rows.append)
    return head, rows


def _lock(handle: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # a system without such locks
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{path}: another programme is at work on this series; wait for it or end it") from None
    except OSError:  # a file system without locks
        return


def _read(path: Path, on_head: Callable[[dict[str, Any]], Any], on_row: Callable[[Row], Any]) -> int:
    """Hand out what the complete lines hold; return where the last of them ends."""
    end = 0
    for number, line in enumerate(_lines(path), start=1):
        try:
            plain = json.loads(line)
            if "series" in plain:
                if plain.pop("series") != SCHEMA:
                    raise InputError(f"{path}: written by another version of xrdfit; --force begins anew")
                on_head(plain)
            else:
                on_row(Row.from_json(plain))
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(f"{path}: line {number} is damaged; --force begins anew") from None
        end += len(line)
    return end


def _lines(path: Path) -> Iterator[bytes]:
    """Complete lines; a last one without its end was cut."""
    with path.open("rb") as stream:
        while line := stream.readline(_MAX_LINE):
            if not line.endswith(b"\n"):
                return
            yield line
