"""Read a netCDF file in a process of its own: a damaged one may keep its reader for ever, or end it.

Run as a programme, `python -P try_netcdf.py FILE MOST_BYTES`, it prints one line: nothing where all can be read, else
what is wrong.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_MOST_MEMORY = 4_000_000_000
_PROCESSOR_SECONDS = 3  # and one more for each 50 MB of the file, which take a tenth of that
_SECONDS = 100  # on a machine that is busy


def what_is_wrong(path: Path, most_bytes: int) -> str:
    """Return "" where a file can be read, else why not, in a few words.

    Parameters
    ----------
    path : Path
    most_bytes : int
        The most that its variables may hold together, from their shapes, before any of it is read.
    """
    if not sys.executable:  # an embedded Python has no other to ask
        return _try(path, most_bytes)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1"}
    command = [sys.executable, "-P", __file__, str(path), str(most_bytes)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return f"not read after {_SECONDS} s: it is damaged"
    if done.returncode:
        return "its reader does not come to an end with it: it is damaged"
    return done.stdout.decode("utf-8", "replace").strip()


def _try(path: Path, most_bytes: int) -> str:
    import h5py

    with h5py.File(path, "r") as file:
        # one group a scan, and no deeper
        items = [deep for item in file.values() for deep in (item, *_within(item))]
        # from the shapes, before any of it is read
        size = sum((item.size or 0) * max(item.dtype.itemsize, 1) for item in items if isinstance(item, h5py.Dataset))
        if size > most_bytes:
            return f"its variables announce {size:.3g} bytes; at most {most_bytes} are read"
        for item in (file, *items):
            for name in item.attrs:
                item.attrs.get(name)
            if isinstance(item, h5py.Dataset):
                item[()]
    return ""


def _within(item: Any) -> list[Any]:
    import h5py

    return list(item.values()) if isinstance(item, h5py.Group) else []


def _main(path: str, most_bytes: str) -> str:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        seconds = _PROCESSOR_SECONDS + os.stat(path).st_size // 50_000_000
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    except (ImportError, ValueError, OSError):
        pass
    try:
        return " ".join(_try(Path(path), int(most_bytes)).split())
    except Exception as error:
        return " ".join(f"{error}".split())[:200] or type(error).__name__


if __name__ == "__main__":
    print(_main(*sys.argv[1:3]))
