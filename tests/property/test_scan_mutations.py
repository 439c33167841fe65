"""Valid files of every format, changed as disks, editors and spreadsheets change them.

The outcome must be the right scan, a note that the unchanged file does not have, or a refusal. Where a format lists its
angles and not their number, a file cut between lines is a shorter scan of right points. What is left is silent, and its
number is printed. It is 0 for what can be told at all; `CANNOT_BE_TOLD` and docs/scan-formats.md list the rest.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from scan_files import SAMPLES, N

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern

# HDF5 takes a process of its own; its file has its length in it and sums over its parts: tests/unit/test_scan_nexus.py.
FORMATS = [name for name, (kind, _) in SAMPLES.items() if kind != "nexus"]
BINARY = ("bruker-raw", "philips-rd", "brml", "rasx")
EACH = 40


def cut(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """The end is missing, from amid a line on."""
    for _ in range(EACH):
        part = data[: rng.randrange(1, len(data) - 1)]
        yield part[:-1] if part.endswith(b"\n") else part


def cut_at_a_line(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """Whole lines are missing at the end."""
    lines = data.splitlines(keepends=True)
    for _ in range(EACH):
        yield b"".join(lines[: rng.randrange(1, len(lines))])


def doubled_line(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """A line stands twice."""
    lines = data.splitlines(keepends=True)
    for _ in range(EACH):
        at = rng.randrange(len(lines))
        yield b"".join([*lines[: at + 1], *lines[at:]])


def lost_line(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """A line is missing."""
    lines = data.splitlines(keepends=True)
    for _ in range(EACH):
        at = rng.randrange(len(lines))
        yield b"".join([*lines[:at], *lines[at + 1 :]])


def swapped_lines(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """Two neighbouring lines have changed places."""
    lines = data.splitlines(keepends=True)
    for _ in range(EACH if len(lines) > 1 else 0):
        at = rng.randrange(len(lines) - 1)
        yield b"".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]])


def zeroed_tail(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """The last blocks were never written to the disk."""
    for _ in range(EACH):
        n = rng.randrange(4, len(data) // 2)
        yield data[:-n] + bytes(n)


def zeroed_block(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """A block amid the points was lost. (Zeros in a binary header mean that a fact is not stated: it is then lost.)"""
    for _ in range(EACH):
        n = rng.randrange(16, 64)
        at = rng.randrange(len(data) - 2 * N, len(data) - n)
        yield data[:at] + bytes(n) + data[at + n :]


def decimal_comma(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """A spreadsheet of another country saved it."""
    yield data.replace(b".", b",")


def byte_flipped(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """One bit has turned over."""
    for _ in range(EACH):
        at = rng.randrange(len(data))
        yield data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def digit_changed(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """Somebody typed into the file."""
    digits = [m.start() for m in re.finditer(rb"\d", data)]
    for _ in range(EACH if digits else 0):
        at = rng.choice(digits)
        yield data[:at] + str(rng.randrange(10)).encode() + data[at + 1 :]


MUTATIONS = (
    *(cut, cut_at_a_line, doubled_line, lost_line, swapped_lines, zeroed_tail, zeroed_block, decimal_comma),
    *(byte_flipped, digit_changed),
)
OF_LINES = (cut_at_a_line, doubled_line, lost_line, swapped_lines, decimal_comma)
# One value among many is any value: no reader can tell.
ONE_VALUE = (byte_flipped, digit_changed)
# Angles that follow from start and step belong to whatever value comes next. A CIF's names and wavelengths are lines of
# their own: one that is lost or moved leaves a valid loop.
STEPPED = ("asc", "gsas std", "gsas esd", "udf", "cpi", "mdi", "start step stop", "start step stop padded", "uxd")
CANNOT_BE_TOLD: dict[str, tuple] = {
    **dict.fromkeys(STEPPED, (swapped_lines,)),
    "uxd": (swapped_lines, lost_line),
    **dict.fromkeys(("cif", "cif weights", "cif dotted"), (swapped_lines, lost_line)),
}


def reading(path, data: bytes):
    """What a file is read as: columns, facts that a fit uses, and notes; None where it is refused."""
    path.write_bytes(data)
    try:
        pattern = read_pattern(path)
    except InputError as error:
        assert str(error).isprintable()  # noqa: PT017
        return None
    facts = {key: pattern.attrs.get(key) for key in ("wavelengths", "wavelength_weights", "radiation", "probe")}
    columns = [pattern[name].values for name in ("two_theta", "counts", "sigma")]
    return columns, facts, str(pattern.attrs.get("notes", ""))


def stated(right, found) -> bool:
    """Whether a fact is the right one, or part of it: one that is no longer stated is no wrong one."""
    return found is None or found == right or (isinstance(found, list) and found == (right or [])[: len(found)])


def outcome(right, found) -> str:
    if found is None:
        return "refused"
    same = all(len(a) == len(b) and np.allclose(a, b, rtol=1e-9) for a, b in zip(right[0], found[0], strict=True))
    facts = all(stated(right[1][key], value) for key, value in found[1].items())
    if same and facts:
        return "right"
    if found[2] != right[2]:
        return "noted"
    return "shorter" if facts and shorter(right[0], found[0]) else "silent"


def shorter(right, found) -> bool:
    """Whether each point that was read is right, and only points at the start or the end are missing."""
    start = int(np.argmin(np.abs(right[0] - found[0][0])))
    part = [column[start : start + len(found[0])] for column in right]
    return all(len(a) == len(b) and np.allclose(a, b, rtol=1e-9) for a, b in zip(part, found, strict=True))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("name", FORMATS)
def test_no_change_is_silent(name, mutation, tmp_path, record_property):
    kind, data = SAMPLES[name]
    if kind in BINARY and mutation in OF_LINES:
        pytest.skip("the file has no lines")
    path = tmp_path / "scan"
    right = reading(path, data)
    counted: Counter[str] = Counter()
    silent = []
    for changed in mutation(data, random.Random(f"{name} {mutation.__name__}")):
        result = outcome(right, reading(path, changed))
        counted[result] += 1
        if result == "silent":
            silent.append(changed)
    print(f"{name}, {mutation.__name__}: {dict(counted)}")
    record_property("outcomes", dict(counted))
    if mutation not in ONE_VALUE and mutation not in CANNOT_BE_TOLD.get(name, ()):
        assert counted["silent"] == 0, silent[0][:3000]
