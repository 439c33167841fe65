"""Feed mutated files to every reader of scans: on demand, for as long as is asked.

    python tests/fuzz_readers.py SECONDS [SEED]          random mutations, all readers in turn
    python tests/fuzz_readers.py --guided FORMAT [ATHERIS OPTIONS]     coverage-guided, where atheris is installed

The first input of each kind that ends in anything but an `InputError`, or that takes over 5 s, is written to a file.
HDF5 is left out: it is read in a process of its own.
"""

from __future__ import annotations

import inspect
import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from scan_files import SAMPLES, SEVERAL

from xrdfit.errors import InputError
from xrdfit.scan.detect import READERS, find_reader, scans_of
from xrdfit.scan.schema import to_dataset

SLOWEST_S = 5.0
_TOKENS = (
    *(b"0", b"-1", b"1e999", b"nan", b"9" * 400, b"1e-320", b"1_0", b"\xc3\xa9", b"\xff\xff\xff\xff", b"\0" * 8),
    *(b"\n", b"\r\n", b",", b";", b" ", b"\t", b'"', b"##", b"BANK 1 9 1 CONST 1 1 0 0 STD\n", b"data_", b"loop_\n"),
    *(b"<a>", b"</a>", b"Z99999999", b"%", b"[Data]\n", b"PK\x03\x04", b"RAW1.01", b"/", b"(", b")", b"."),
)


def corpus() -> list[bytes]:
    return [data for kind, data in SAMPLES.values() if kind != "nexus"] + [
        data for name, data in SEVERAL.items() if name != "nexus"
    ]


def mutated(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at, n = rng.randrange(len(out) + 1), rng.choice((1, 2, 4, 8, 16, 64, 256))
        kind = rng.randrange(8)
        if kind == 0 and at < len(out):
            out[at] = rng.randrange(256)
        elif kind == 1:
            del out[at : at + n]
        elif kind == 2:
            out[at:at] = out[at : at + n] * rng.choice((1, 2, 20))
        elif kind == 3:
            out[at : at + rng.randrange(4)] = rng.choice(_TOKENS)
        elif kind == 4:
            other = rng.choice(CORPUS)
            start = rng.randrange(len(other))
            out[at:at] = other[start : start + n]
        elif kind == 5:
            del out[at:]
        elif kind == 6:
            out[at : at + n] = bytes(n)
        else:
            lines = bytes(out).split(b"\n")
            rng.shuffle(lines) if len(lines) < 20 else lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            out = bytearray(b"\n".join(lines))
    return bytes(out[:100_000])


CORPUS = corpus()


def one_input(data: bytes, name: str | None = None) -> str:
    """Read one file as `read_pattern` does; return what became of it."""
    try:
        reader = find_reader(data, name)
        if reader.info.name == "nexus":
            return "left out"
        with np.errstate(all="ignore"):
            scans = scans_of(reader, data, None)
            if not scans:
                return "no scan"
            to_dataset(scans[0], 1.5)
    except InputError as error:
        return "refused" if str(error).strip() else "refused without a word"
    return "read"


def run(seconds: float, seed: int) -> Counter[str]:
    """Return how many inputs were read and refused, and the slowest in milliseconds."""
    rng = random.Random(seed)
    names = [None, None, *(r.info.name for r in READERS if r.info.name != "nexus")]
    counted: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data, name = mutated(rng.choice(CORPUS), rng), rng.choice(names) if rng.random() < 0.2 else None
        started = time.process_time()
        try:
            counted[one_input(data, name)] += 1
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            keep(data, counted, f"{type(error).__name__} in {frame.name}, line {frame.lineno} of {frame.filename}")
        took = time.process_time() - started
        counted["slowest ms"] = max(counted["slowest ms"], int(1000 * took))
        if took > SLOWEST_S:
            keep(data, counted, f"slow as {name}")
    return counted


def keep(data: bytes, counted: Counter[str], what: str) -> None:
    """Count a finding, and write the first input of its kind to a file."""
    counted[what] += 1
    if counted[what] == 1:
        with tempfile.NamedTemporaryFile(prefix="scan-", suffix=".bin", delete=False) as file:
            file.write(data)
        print(what, "written to", file.name, file=sys.stderr, flush=True)


def guided(name: str, options: list[str]) -> None:
    import atheris

    for module in [m for key, m in sys.modules.items() if key.startswith("xrdfit.scan.")]:
        for function in [f for f in vars(module).values() if inspect.isfunction(f) and f.__module__ == module.__name__]:
            atheris.instrument_func(function)
    atheris.Setup(["fuzz", *options], lambda data: one_input(data, name))
    atheris.Fuzz()


if __name__ == "__main__":
    warnings.simplefilter("error")
    if sys.argv[1] == "--guided":
        guided(sys.argv[2], sys.argv[3:])
    else:
        found = run(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
        print(sum(found.values()) - found["slowest ms"], "inputs:", dict(found), f"{peak} MB")
