"""How slow the machine is: processor time that a fixed start takes, against what the limits were made for."""

from __future__ import annotations

import os
import subprocess
import sys

REFERENCE = 0.40  # s of processor time that `import numpy, xarray` takes on the machine of the limits


def environment() -> dict[str, str]:
    """Surroundings of a measured process: one thread, none of this process's Python settings."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def processor_time(arguments) -> float:
    """User and system time of a process and what it started, s."""
    import resource

    def spent():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = spent()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment())
    return spent() - before


def slower(imports: float | None = None) -> float:
    """Times that this machine takes what the limits were made for, 1 at least; from the least of five starts."""
    least = min(processor_time(("-c", "import numpy, xarray")) for _ in range(5)) if imports is None else imports
    return max(least / REFERENCE, 1.0)
