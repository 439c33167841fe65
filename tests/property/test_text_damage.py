"""Text scans as disks, editors and spreadsheets change them: the right scan, a note or a refusal, never silence."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from xrdfit.errors import InputError
from xrdfit.scan import read_pattern

N = 120
X = np.round(20 + 0.05 * np.arange(N), 2)
Y = np.random.default_rng(1).poisson(
    900 + 8000 * np.exp(-(((X - 22.5) / 0.2) ** 2)) + 3000 * np.exp(-(((X - 24.6) / 0.15) ** 2))
)
SIGMA = np.sqrt(Y)
WAVELENGTH = 0.5
Q = 4 * np.pi * np.sin(np.radians(X) / 2) / WAVELENGTH


def _rows(*columns, form, separator=" ", comma=False):
    lines = [separator.join(f.format(v) for f, v in zip(form, row, strict=True)) for row in zip(*columns, strict=True)]
    return [line.replace(".", ",") for line in lines] if comma else lines


FILES: dict[str, tuple[list[str], list[str]]] = {
    "xy": ([], _rows(X, Y, form=["{:.2f}", "{}"])),
    "xye": (["# Cu2Se, 2 nm"], _rows(X, Y, SIGMA, form=["{:.2f}", "{}", "{:.4f}"])),
    "csv": (["2theta (deg),Intensity (counts)"], _rows(X, Y, form=["{:.2f}", "{}"], separator=",")),
    "decimal comma": (
        ["2Theta;Intensität;Fehler"],
        _rows(X, Y, SIGMA, form=["{:.2f}", "{:.1f}", "{:.3f}"], separator=";", comma=True),
    ),
    "tabs": (["Angle\tCounts"], _rows(X, Y, form=["{:.4f}", "{}"], separator="\t")),
    "radians": (["2th_rad I"], _rows(np.radians(X), Y, form=["{:.9f}", "{}"])),
    "q": (
        [f"# wavelength: {WAVELENGTH} A", "# q_nm^-1  I  sigma"],
        _rows(10 * Q, Y, SIGMA, form=["{:.7f}", "{:.2f}", "{:.4f}"], separator="  "),
    ),
    "eva": (['\'Id: "" Anode: "Cu" Scantype: "Coupled TwoTheta/Theta"'], _rows(X, Y, form=["{:.4f}", "{}"])),
}  # fmt: skip


def text_of(name: str) -> str:
    header, rows = FILES[name]
    return "\n".join([*header, *rows]) + "\n"


def _line(rng, header, rows, change):
    at = int(rng.integers(len(rows)))
    return [*header, *rows[:at], *change(rows[at]), *rows[at + 1 :]]


def _join(lines):
    return ("\n".join(lines) + "\n").encode()


def cut(rng, header, rows):
    data = _join([*header, *rows])
    return data[: int(rng.integers(len(data) // 2, len(data) - 1))]


def doubled_line(rng, header, rows):
    return _join(_line(rng, header, rows, lambda row: [row, row]))


def lost_line(rng, header, rows):
    return _join(_line(rng, header, rows, lambda row: []))


def joined_lines(rng, header, rows):
    at = int(rng.integers(len(rows) - 1))
    return _join([*header, *rows[:at], rows[at] + rows[at + 1], *rows[at + 2 :]])


def _split(row):
    sign = next((s for s in ";\t" if s in row), "," if "," in row else None)
    return (row.split(sign), sign) if sign else (row.split(), " ")


def swapped_columns(rng, header, rows):
    changed = []
    for row in rows:
        fields, sign = _split(row)
        fields[:2] = fields[1::-1]
        changed.append(sign.join(fields))
    return _join([*header, *changed])


def swapped_in_one_row(rng, header, rows):
    def change(row):
        fields, sign = _split(row)
        fields[:2] = fields[1::-1]
        return [sign.join(fields)]

    return _join(_line(rng, header, rows, change))


def unit_lost(rng, header, rows):
    text = (
        "\n".join(header).replace("2th_rad", "2th").replace("_nm^-1", "").replace("(deg)", "").replace("(counts)", "")
    )
    return _join([*([text] if header else []), *rows])


def decimal_sign_changed(rng, header, rows):
    def change(row):
        signs = [m.start() for m in re.finditer(r"(?<=\d)[.,](?=\d)", row)]
        at = int(rng.choice(signs))
        return [row[:at] + {".": ",", ",": "."}[row[at]] + row[at + 1 :]]

    return _join(_line(rng, header, rows, change))


def decimal_signs_changed_everywhere(rng, header, rows):
    return _join([*header, *(row.translate(str.maketrans(".,", ",.")) for row in rows)])


def decimal_sign_lost(rng, header, rows):
    def change(row):
        fields, sign = _split(row)
        with_sign = [i for i, f in enumerate(fields) if "." in f or (sign != "," and "," in f)]
        at = int(rng.choice(with_sign))
        fields[at] = fields[at].replace(".", "").replace(",", "")
        return [sign.join(fields)]

    return _join(_line(rng, header, rows, change))


def tail_zeroed(rng, header, rows):
    data = _join([*header, *rows])
    at = int(rng.integers(len(data) // 2, len(data) - 8))
    return data[:at] + bytes(len(data) - at)


def block_zeroed(rng, header, rows):
    data = _join([*header, *rows])
    at = int(rng.integers(0, len(data) - 64))
    return data[:at] + bytes(64) + data[at + 64 :]


def tail_of_zero_counts(rng, header, rows):
    n = int(rng.integers(3, 40))
    changed = []
    for row in rows[-n:]:
        fields, sign = _split(row)
        changed.append(sign.join([fields[0], *("0" for _ in fields[1:])]))
    return _join([*header, *rows[:-n], *changed])


def bit_flipped(rng, header, rows):
    data = bytearray(_join([*header, *rows]))
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    return bytes(data)


def piece_lost(rng, header, rows):
    data = _join([*header, *rows])
    first, last = sorted(int(i) for i in rng.integers(len(data) // 10, len(data) - 1, 2))
    return data[:first] + data[last:]


def byte_lost(rng, header, rows):
    data = _join([*header, *rows])
    at = int(rng.integers(len(data)))
    return data[:at] + data[at + 1 :]


DAMAGE = (
    cut, doubled_line, lost_line, joined_lines, swapped_columns, swapped_in_one_row, unit_lost, decimal_sign_changed,
    decimal_signs_changed_everywhere, decimal_sign_lost, tail_zeroed, block_zeroed, tail_of_zero_counts, bit_flipped,
    piece_lost, byte_lost,
)  # fmt: skip


ONCE = (swapped_columns, unit_lost, decimal_signs_changed_everywhere)
"""Damage without chance in it."""


def untold(before: bytes, after: bytes, name: str) -> bool:
    """Return whether no reader can tell a damaged file from a sound one.

    Either the file ends or begins with another row of the same form, or digits of one intensity, error or wavelength
    (or, in the last digits, of a place on an axis whose steps are not whole) are others, under the same decimals.
    """
    old, new = before.decode().splitlines(), after.decode("utf-8", "replace").splitlines()
    header = len(FILES[name][0])
    if new[:header] == old[:header] and after.endswith(b"\n"):
        rows, left = old[header:], new[header:]
        if any(rows[shift : shift + len(left)] == left for shift in range(len(rows) - len(left) + 1)):
            return True
    if old[: len(new) - 1] == new[:-1] and after.endswith(b"\n"):
        # a piece is lost from the last row on, and what is left looks like a row
        (one, _), (other, _) = _split(old[len(new) - 1]), _split(new[-1])
        return len(one) == len(other) and (one[0] == other[0] or name in ("q", "radians"))
    changed = [(a, b) for a, b in zip(old, new, strict=False) if a != b]
    if len(old) != len(new) or len(changed) != 1:
        return False
    one, other = (
        re.findall(r"[\d.,]+" if FILES[name][1][0].count(",") != 1 else r"[\d.]+", line) for line in changed[0]
    )
    fields = [(a, b) for a, b in zip(one, other, strict=False) if a != b]
    if len(one) != len(other) or len(fields) != 1:
        return False
    a, b = fields[0]
    in_header = changed[0][0] in old[:header]
    decimals = [len(re.split(r"[.,]", number)[-1]) if re.search(r"[.,]", number) else 0 for number in (a, b)]
    return (in_header and b != "") or ((a != one[0] or name in ("q", "radians")) and decimals[0] == decimals[1])


@pytest.fixture
def outcome(tmp_path):
    path = tmp_path / "scan.txt"

    def _outcome(data: bytes, truth):
        path.write_bytes(data)
        try:
            scan = read_pattern(path)
        except InputError as error:
            return ("refused" if str(error).isprintable() else "silent"), None
        if (
            scan.sizes == truth.sizes
            and scan.drop_attrs().equals(truth.drop_attrs())
            and scan.attrs.get("wavelengths") == truth.attrs.get("wavelengths")
        ):
            return "right", scan
        return ("noted" if scan.attrs.get("notes") != truth.attrs.get("notes") else "silent"), scan

    return _outcome


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda d: d.__name__)
def test_damage_is_told(damage, outcome, tmp_path, record_property):
    rng = np.random.default_rng(7)
    counts: Counter[str] = Counter()
    silent = []
    for name, (header, rows) in FILES.items():
        sound = text_of(name).encode()
        path = tmp_path / "sound.txt"
        path.write_bytes(sound)
        truth = read_pattern(path)
        for _ in range(1 if damage in ONCE else 25):
            data = damage(rng, header, rows)
            kind, scan = outcome(data, truth)
            if kind == "silent":
                kind = "cannot be told" if untold(sound, data, name) else "silent"
                if kind == "silent":
                    silent.append((name, data[-200:], scan and scan.attrs.get("evidence")))
            counts[kind] += 1
    print(f"{damage.__name__}: {dict(counts)}")
    record_property("outcomes", dict(counts))
    assert not silent, silent[:5]
