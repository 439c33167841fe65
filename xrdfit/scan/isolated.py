"""A function of bytes in a process of its own, for C libraries that hang or crash on damaged files.

HDF5 does both: a single changed byte can make it loop without end, where no exception helps.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

from xrdfit.errors import InputError

_CPU_SECONDS, _BYTES_A_SECOND = 3, 20_000_000
_WALL_FACTOR = 20
"""The limit is on the processor's time: a busy machine makes nothing fail."""
_MEMORY, _MEMORY_FACTOR = 1_000_000_000, 6
_CODE = "from xrdfit.scan.isolated import _serve; _serve()"
_DONE, _REFUSED = b"\x01", b"\x00"


def call(module: str, function: str, payload: bytes) -> bytes:
    """Return ``function(payload)`` of a module, computed under limits of time and memory in another process.

    Raises
    ------
    InputError
        As the function does, and where it crashes or meets a limit.
    """
    seconds = _CPU_SECONDS + len(payload) // _BYTES_A_SECOND
    memory = _MEMORY + _MEMORY_FACTOR * len(payload)
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", _CODE, module, function, str(seconds), str(memory)]
    try:
        # The command is this Python and this module; only the payload comes from outside, as standard input.
        done = subprocess.run(  # noqa: S603
            command, input=payload, capture_output=True, env=environment, timeout=_WALL_FACTOR * seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError("cannot be read: the reading of it does not end; the file is damaged") from None
    except OSError as error:
        raise InputError(f"cannot be read: no process could be started for it ({error.strerror})") from None
    answer = done.stdout
    if answer.startswith(_REFUSED):
        raise InputError(answer[1:].decode("utf-8", "replace"))
    if done.returncode != 0 or not answer.startswith(_DONE):
        raise InputError("cannot be read: the reading of it crashes or does not end; the file is damaged")
    return answer[1:]


def _serve() -> None:
    """Answer one call; module, function and limits are the arguments, the payload is the standard input."""
    module, function, seconds, memory = sys.argv[1:]
    _limit(int(seconds), int(memory))
    payload = sys.stdin.buffer.read()
    try:
        answer = _DONE + getattr(importlib.import_module(module), function)(payload)
    except InputError as error:
        answer = _REFUSED + str(error).encode()
    except MemoryError:
        answer = _REFUSED + b"needs more memory than a file of its size may: it is damaged"
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


def _limit(seconds: int, memory: int) -> None:
    """Limit processor time and data of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the limit on the time of the call remains
        return
    for kind, value in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_DATA, memory), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        if hard == resource.RLIM_INFINITY or value <= hard:
            resource.setrlimit(kind, (value, hard))
