"""Feed mutated files to everything that reads some: on demand, for as long as is asked.

    python tests/fuzz_files.py SECONDS [SEED]            random mutations, all formats in turn
    python tests/fuzz_files.py --guided FORMAT [ATHERIS OPTIONS]       coverage-guided, where atheris is installed
    python tests/fuzz_files.py --corpus FORMAT FOLDER    what it begins with, for its option

FORMAT is a scan's (`xrdfit formats`), or crystal, model, atoms, fit. The first input of each kind that ends in anything
but an `InputError`, or that takes over 5 s, is written to a file. HDF5 is left out: it is read in a process of its own.
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
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from cif_files import atom_lines, cell_lines, formula_lines, make, operation_lines, symbol_line
from scan_files import SAMPLES, SEVERAL

import xrdfit as xf
from xrdfit.clusters.atoms import read_xyz, xyz_text
from xrdfit.crystal.cif.reader import read_cifs
from xrdfit.errors import InputError
from xrdfit.model.files.presets import preset_names, preset_text
from xrdfit.model.files.read import model_from_toml
from xrdfit.report.fitfile import read_fit_file
from xrdfit.scan.detect import READERS, find_reader, scans_of
from xrdfit.scan.schema import to_dataset

SLOWEST_S = 5.0
_TOKENS = (
    *(b"0", b"-1", b"1e999", b"nan", b"9" * 400, b"1e-320", b"1_0", b"\xc3\xa9", b"\xff\xff\xff\xff", b"\0" * 8),
    *(b"\n", b"\r\n", b",", b";", b" ", b"\t", b'"', b"##", b"BANK 1 9 1 CONST 1 1 0 0 STD\n", b"data_", b"loop_\n"),
    *(b"<a>", b"</a>", b"Z99999999", b"%", b"[Data]\n", b"PK\x03\x04", b"RAW1.01", b"/", b"(", b")", b"."),
)


def scans() -> list[bytes]:
    return [data for kind, data in SAMPLES.values() if kind != "nexus"] + [
        data for name, data in SEVERAL.items() if name != "nexus"
    ]


def crystals() -> list[bytes]:
    made = [make(name, seed) for seed, name in enumerate(("P 1 21/n 1", "F d -3 m:2", "R -3 c:H"))]
    return [
        f"data_{i}\n{cell_lines(c.cell, dot)}{symmetry}{formula_lines(c)}{atom_lines(c, full=i == 2)}".encode()
        for i, c in enumerate(made)
        for dot in "_."
        for symmetry in (symbol_line(c.name), operation_lines(c.triplets()))
    ]


def models() -> list[bytes]:
    return [preset_text(name).encode() for name in preset_names()]


def clusters() -> list[bytes]:
    structure = xf.load_model("cu2se").phases[0].structure
    frames = [xf.carve(structure, size, seed=i) for i, size in enumerate((0.5, 0.6, 0.8))]
    return [xyz_text(frames[:1]).encode(), xyz_text(frames).encode()]


def fits() -> list[bytes]:
    model, scan = xf.example("cu2se-6nm")
    more = {"total": {"Cu": "8.0(1)"}, "vary": ["b_*"], "background": 2, "exclude": [(20.0, 21.0)]}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for i, options in enumerate(({}, more)):
            path = xf.save(xf.fit(model, scan, engine="bragg", **options), Path(folder) / str(i))
            found.append((path / "fit.toml").read_bytes())
    return found


OTHERS: dict[str, tuple[Callable[[], list[bytes]], Callable[[bytes, Path], object]]] = {
    "crystal": (crystals, lambda data, _: read_cifs(data.decode("utf-8", "surrogateescape"))),
    "model": (models, lambda data, _: model_from_toml(data.decode("utf-8", "replace"))),
    "atoms": (clusters, lambda data, path: read_xyz(written(path / "atoms.xyz", data))),
    "fit": (fits, lambda data, path: read_fit_file(written(path / "fit.toml", data))),
}
"""Corpus and reader of what is no scan."""


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def mutated(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
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
            other = rng.choice(others)
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


def one_input(data: bytes, name: str | None, folder: Path) -> str:
    """Read one file as `read_pattern`, `load_model` and so on do; return what became of it."""
    try:
        if name in OTHERS:
            OTHERS[name][1](data, folder)
            return "read"
        reader = find_reader(data, name)
        if reader.info.name == "nexus":
            return "left out"
        with np.errstate(all="ignore"):
            found = scans_of(reader, data, None)
            if not found:
                return "no scan"
            to_dataset(found[0], 1.5)
    except InputError as error:
        return "refused" if str(error).strip() else "refused without a word"
    return "read"


def run(seconds: float, seed: int, folder: Path) -> Counter[str]:
    """Return how many inputs were read and refused, and the slowest in milliseconds."""
    rng = random.Random(seed)
    names = [None, None, *(r.info.name for r in READERS if r.info.name != "nexus")]
    corpora: dict[str | None, list[bytes]] = {name: made() for name, (made, _) in OTHERS.items()}
    corpora[None] = scans()
    counted: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        kind = rng.choice((None, None, *OTHERS))
        corpus = corpora[kind]
        name = kind or (rng.choice(names) if rng.random() < 0.2 else None)
        data = mutated(rng.choice(corpus), rng, corpus)
        started = time.process_time()
        try:
            counted[one_input(data, name, folder)] += 1
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


def guided(name: str, options: list[str], folder: Path) -> None:
    import atheris

    parts = ("xrdfit.scan.", "xrdfit.crystal.", "xrdfit.model.files.", "xrdfit.clusters.", "xrdfit.report.fitfile")
    for module in [m for key, m in sys.modules.items() if key.startswith(parts)]:
        for function in [f for f in vars(module).values() if inspect.isfunction(f) and f.__module__ == module.__name__]:
            atheris.instrument_func(function)
    atheris.Setup(["fuzz", *options], lambda data: one_input(data, name, folder))
    atheris.Fuzz()


def main(words: list[str], folder: Path) -> None:
    if words[0] == "--guided":
        guided(words[1], words[2:], folder)
    elif words[0] == "--corpus":
        made = OTHERS[words[1]][0] if words[1] in OTHERS else scans
        for i, data in enumerate(made()):
            written(Path(words[2]) / str(i), data)
    else:
        found = run(float(words[0]), int(words[1]) if len(words) > 1 else 0, folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
        print(sum(found.values()) - found["slowest ms"], "inputs:", dict(found), f"{peak} MB")


if __name__ == "__main__":
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as temporary:
        main(sys.argv[1:], Path(temporary))
