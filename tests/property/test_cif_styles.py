"""Crystals of all space groups, written in the styles of many programmes, read back as the same crystal.

Composition and Σ|F|² by shells of equal d are compared, which know nothing of origin and axes.
"""

from __future__ import annotations

import os
from collections import Counter

import cif_files as cf
import gemmi
import numpy as np
import pytest

from xrdfit.crystal.cif import read_cif
from xrdfit.crystal.groups import space_group
from xrdfit.crystal.sites import orbit

MANY = 2000
FEW = 60
OTHERS = ("P m -3 m", "P -1", "C 1 2/c 1", "I 41/a m d:2", "P 63/m m c", "F m -3 m", "P n m a")


def symbol_only(c, rng):
    return cf.symbol_line(c.group.hm) + cf.atom_lines(c), c, 10


def hall_only(c, rng):
    return f"_space_group_name_Hall '{c.group.hall}'\n" + cf.atom_lines(c), c, 10


def bare_symbol(c, rng):
    """Neither origin nor axes are said: formula, Z and the cell say it."""
    return cf.symbol_line(c.group.hm.partition(":")[0]) + cf.atom_lines(c), c, 10


def operations_only(c, rng):
    return cf.operation_lines(c.triplets()) + cf.atom_lines(c), c, 10


def another_symbol(c, rng):
    other = next(s for s in rng.permutation(OTHERS) if space_group(str(s)).number != c.group.number)
    return cf.symbol_line(str(other)) + cf.operation_lines(c.triplets()) + cf.atom_lines(c), c, 10


def shifted_origin(c, rng):
    shift = rng.integers(0, 24, 3) / 24 if rng.random() < 0.7 else np.round(rng.random(3), 4)
    moved = c.shifted(shift)
    return cf.symbol_line(c.group.hm) + cf.operation_lines(moved.triplets()) + cf.atom_lines(moved), moved, 10


def other_axes(c, rng):
    bases = ([[1, 1, 0], [0, 1, 0], [0, 0, 1]], [[0, 0, 1], [1, 0, 0], [0, 1, 0]], [[1, 0, 0], [1, 1, 1], [0, 0, 1]])
    turned = c.with_axes(np.array(bases[rng.integers(len(bases))], dtype=float)).shifted(rng.integers(0, 8, 3) / 8)
    tag = "_space_group_symop_operation_xyz"
    return cf.operation_lines(turned.triplets(), tag) + cf.atom_lines(turned), turned, 10


def dotted(c, rng):
    text = cf.operation_lines(c.triplets(), "_space_group_symop.operation_xyz")
    return text + f"_space_group.IT_number {c.group.number}\n" + cf.atom_lines(c, stem="_atom_site."), c, 10


def macromolecular(c, rng):
    return cf.symbol_line(c.group.hm, "_symmetry.space_group_name_H-M") + cf.cartesian_lines(c), c, 8


def full_list(c, rng):
    identity = cf.operation_lines(["x, y, z"]) if rng.random() < 0.5 else ""
    return cf.symbol_line(c.group.hm) + identity + cf.atom_lines(c, full=True), c, 10


def rounded(c, rng):
    digits = int(rng.integers(3, 5))
    symmetry = cf.operation_lines(c.triplets()) if rng.random() < 0.5 else cf.symbol_line(c.group.hm)
    return symmetry + cf.atom_lines(c, digits), c, digits


def labels_only(c, rng):
    return cf.operation_lines(c.triplets()) + cf.atom_lines(c, typed=False), c, 10


def magnetic(c, rng):
    signs = rng.choice(["+1", "-1"], len(c.rotations))
    texts = [f"{t},{sign}" for t, sign in zip(c.triplets(), signs, strict=True)]
    return cf.operation_lines(texts, "_space_group_symop_magn_operation.xyz") + cf.atom_lines(c), c, 10


STYLES = (symbol_only, hall_only, bare_symbol, operations_only, another_symbol, shifted_origin, other_axes, dotted,
          macromolecular, full_list, rounded, labels_only, magnetic)  # fmt: skip


def decidable(c):
    """Whether a bare symbol, formula, Z and the cell leave one origin only."""
    stem, _, ext = c.group.hm.partition(":")
    if ext == "2":
        return True  # what is assumed where nothing decides
    if ext != "1":
        return True
    other = cf.replace(
        c, rotations=space_group(f"{stem}:2").rotations, translations=space_group(f"{stem}:2").translations
    )
    mine, theirs = c.composition(), other.composition()
    return any(abs(mine[e] - theirs[e]) > 0.05 * mine[e] + 0.1 for e in mine)


def check(hm, style, seed):
    rng = np.random.default_rng(seed)
    crystal = cf.make(hm, seed)
    body, truth, digits = style(crystal, rng)
    text = f"data_made\n{cf.cell_lines(truth.cell)}{cf.formula_lines(truth)}{body}"
    found = read_cif(text)
    ratio = found.cell.volume / truth.cell.volume
    expected = truth.composition()
    got = found.composition()
    assert got.keys() == expected.keys(), found.notes
    assert all(abs(got[e] - ratio * n) < 1e-6 * n for e, n in expected.items()), (got, expected, found.notes)
    assert not [note for note in found.notes if note.startswith("composition")], found.notes
    s_max = min(0.35, 3.2 / truth.cell.volume ** (1 / 3))
    orbits = [orbit(found.group, site.xyz) for site in found.sites]
    counts = [len(o) for o in orbits]
    pattern = cf.powder(
        found.cell,
        np.repeat([site.species for site in found.sites], counts),
        np.concatenate(orbits),
        np.repeat([site.occupancy for site in found.sites], counts),
        np.repeat([site.b_iso for site in found.sites], counts),
        s_max,
    )
    compare(cf.crystal_powder(truth, s_max), pattern, truth, digits, s_max)


def compare(mine, theirs, truth, digits, s_max):
    """Shells agree: exactly, or as far as rounded coordinates let them."""
    blur = 0.0
    if digits < 10:  # |ΔF| ≤ Σ f 2π |h·δ|: each of three coordinates may be half a unit off
        counts = [len(positions) for positions in truth.orbits()]
        electrons = sum(
            gemmi.Element(e).atomic_number * o * n
            for e, o, n in zip(truth.species, truth.occupancy, counts, strict=True)
        )
        longest = 2 * s_max * max(truth.cell.a, truth.cell.b, truth.cell.c)
        blur = electrons / truth.cell.volume * 2 * np.pi * 3 * longest * 0.5 * 10.0**-digits
    largest = max(value for value, _ in mine.values())
    keys = np.array(sorted(mine.keys() | theirs.keys()))
    keys = keys[keys < (2 * s_max) ** 2 * 1e5 - 20]  # a shell at the edge may be half in
    for shell in np.split(keys, np.flatnonzero(np.diff(keys) > 2) + 1):
        one, number = sum((mine[key] for key in shell if key in mine), start=np.zeros(2))
        other, _ = sum((theirs[key] for key in shell if key in theirs), start=np.zeros(2))
        slack = 1e-4 * largest + 2 * np.sqrt(number * one) * blur + number * blur**2
        assert abs(one - other) <= slack, (shell, one, other, slack)


def cases(number):
    settings = list(np.random.default_rng(11).permutation(cf.settings()))
    numbers = {space_group(str(hm)).number for hm in settings}
    assert numbers == set(range(1, 231))
    for i in range(number):
        hm, style = str(settings[i % len(settings)]), STYLES[(i + i // len(settings)) % len(STYLES)]
        if style is bare_symbol and not decidable(cf.make(hm, i)):
            style = symbol_only
        yield hm, style, i


@pytest.mark.parametrize(("hm", "style", "seed"), list(cases(FEW)), ids=lambda x: getattr(x, "__name__", str(x)))
def test_a_crystal_written_in_some_style_reads_back(hm, style, seed):
    check(hm, style, seed)


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("XRDFIT_SLOW"), reason="2,000 crystals take minutes; XRDFIT_SLOW=1 runs them")
def test_two_thousand_crystals_read_back():
    failed, counted = [], Counter()
    for hm, style, seed in cases(MANY):
        counted[style.__name__] += 1
        try:
            check(hm, style, seed)
        except Exception as error:
            failed.append(f"{hm} {style.__name__} seed {seed}: {error}"[:400])
    print(f"{MANY} crystals, {len(failed)} read wrongly; {dict(counted)}")
    assert not failed, "\n".join(failed[:20])
