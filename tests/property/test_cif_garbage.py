"""CIFs damaged by chance: a structure comes of them or one printable line, never another exception."""

from __future__ import annotations

import random

import cif_files as cf
import pytest

from xrdfit.crystal.cif import read_cifs
from xrdfit.errors import InputError

TOKENS = (
    "1e308", "-1e308", "1e-300", "0", "-1", "nan", "inf", "?", ".", "x,y,z", "x+0.01,y,z", "-x,-y,-z", "2x,y,z",
    "y,x,z", "179.999", "1e-9", "''", "loop_", "data_", "P -1", "Wat", "T1", "0.75Si + 0.25Al", "\x00", "\x1b[31m",
    "é", "0.5(", "(3)", "1(99999999999999999)", "_cell_length_a", "_atom_site_fract_x", "Og", "Fm99+", "1" * 300,
    "A" * 300,
)  # fmt: skip


def samples():
    shifted = cf.make("R -3 c:H", 3).shifted([0.1, 0.2, 0.3])
    monoclinic = cf.make("P 1 21/c 1", 3)
    spinel = cf.make("F d -3 m:1", 8)
    for crystal, body in (
        (shifted, cf.operation_lines(shifted.triplets()) + cf.atom_lines(shifted)),
        (monoclinic, cf.symbol_line("P 1 21/c 1") + cf.cartesian_lines(monoclinic)),
        (spinel, cf.symbol_line("F d -3 m") + cf.atom_lines(spinel, typed=False)),
    ):
        yield f"data_made\n{cf.cell_lines(crystal.cell)}{cf.formula_lines(crystal)}{body}"


def damaged(text, rng):
    for _ in range(rng.choice((1, 1, 2, 4))):
        words, lines = text.split(" "), text.split("\n")
        match rng.randrange(5):
            case 0:
                at = rng.randrange(len(text))
                text = text[:at] + chr(rng.randrange(256)) + text[at + 1 :]
            case 1:
                text = text[: rng.randrange(len(text) // 2, len(text))]
            case 2:
                words[rng.randrange(len(words))] = rng.choice(TOKENS)
                text = " ".join(words)
            case 3:
                lines.insert(rng.randrange(len(lines)), rng.choice(lines))
                text = "\n".join(lines)
            case _:
                del lines[rng.randrange(len(lines))]
                text = "\n".join(lines)
    return text + "\n"


@pytest.mark.parametrize("seed", range(3))
def test_damage_ends_in_a_structure_or_one_line(seed):
    rng, refused = random.Random(seed), 0
    originals = list(samples())
    for _ in range(150):
        text = damaged(rng.choice(originals), rng)
        try:
            structures = read_cifs(text)
        except InputError as error:
            refused += 1
            problem = str(error)
        else:
            problem = "".join(note for structure in structures for note in structure.notes)
        assert problem.isprintable()
    assert 10 < refused < 140  # both outcomes were met
