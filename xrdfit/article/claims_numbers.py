"""Statements 9, 10, 12, 13 and 14: lengths, strains, pressures and shares, from closed forms and from the cell."""

from __future__ import annotations

from math import sqrt

import numpy as np

from xrdfit.article.cell import atoms_in_cell, shortest
from xrdfit.article.claims import Statement
from xrdfit.article.physics import phonon_shift, pressure_from_volume_strain, volume_strain
from xrdfit.article.published import LATTICE_PARAMETER, by_size, published
from xrdfit.article.verdicts import judged

STRAIN = -0.024
"""Δa/a of the 2 nm clusters against 6 nm, as the article takes it from the LO phonon."""
GRUENEISEN = 1.1
BULK_MODULUS_GPA = 85.0


def fringes() -> Statement:
    """Statement 9: spacings along ⟨111⟩."""
    plain, ordered = LATTICE_PARAMETER / sqrt(3.0), 4.0 * LATTICE_PARAMETER / (2.0 * sqrt(3.0))
    return judged(
        9,
        "Planes of Se along ⟨111⟩ are a/√3 = 3.3 Å apart, and vacancies order at (a/2√3)·4 = 6.7 Å, twice that.",
        f"a/√3 = {plain:.3f} Å and 4a/(2√3) = {ordered:.3f} Å for a = 5.85 Å; their ratio is {ordered / plain:.3f}.",
        {"fringe_a": plain, "superstructure_a": ordered},
    )


def strain_and_pressure() -> Statement:
    """Statement 10: the LO phonon, the smaller cell, and 2 GPa."""
    shift = float(phonon_shift(STRAIN, GRUENEISEN))
    volume = float(volume_strain(STRAIN))
    by_volume = float(pressure_from_volume_strain(volume, BULK_MODULUS_GPA))
    by_length = float(pressure_from_volume_strain(STRAIN, BULK_MODULUS_GPA))
    return judged(
        10,
        "The LO phonon of 2 nm clusters means a compression of 2.4 % (γ = 1.1), a cell 7 % smaller; with a bulk "
        "modulus of 85 GPa this equals 2 GPa.",
        f"Δω/ω = (1 + 3Δa/a)^(−γ) − 1 with Δa/a = −2.4 % is {100 * shift:+.2f} %, and (1 + Δa/a)³ − 1 = "
        f"{100 * volume:+.2f} %. Bulk modulus × linear strain: {by_length:.2f} GPa; bulk modulus × volume strain: "
        f"{by_volume:.2f} GPa.",
        {
            "phonon_shift_percent": 100 * shift,
            "volume_strain_percent": 100 * volume,
            "pressure_by_linear_strain_gpa": by_length,
            "pressure_by_volume_strain_gpa": by_volume,
        },
    )


def distances() -> Statement:
    """Statement 12: distances about the octahedral site."""
    a = LATTICE_PARAMETER
    selenium, octahedral, tetrahedral, interstitial = (
        atoms_in_cell(xyz) for xyz in ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), (0.25, 0.0, 0.0))
    )
    to_selenium, to_copper = a * shortest(octahedral, selenium), a * shortest(octahedral, tetrahedral)
    close = a * shortest(interstitial, selenium)
    centre = np.full(3, 0.5)
    neighbours = int((np.linalg.norm(tetrahedral - centre, axis=1) < 1.01 * to_copper / a).sum())
    bond = a * sqrt(3.0) / 4.0
    return judged(
        12,
        "A Cu on 4b is a/2 from six Se and √3a/4 from Cu on 8c.",
        f"From the positions in the cell: Cu(4b)–Se {to_selenium:.3f} Å (a/2 = {a / 2:.3f}), Cu(4b)–Cu(8c) "
        f"{to_copper:.3f} Å (√3a/4 = {bond:.3f}), {neighbours} tetrahedral sites about each octahedral one. Cu on 24e "
        f"with x = 0.25 stands {close:.3f} Å from Se.",
        {
            "cu_4b_se_a": to_selenium,
            "cu_4b_cu_8c_a": to_copper,
            "cu_24e_se_a": close,
            "tetrahedral_neighbours_of_4b": neighbours,
        },
    )


def octahedral_share() -> Statement:
    """Statement 13: 15 % against 5 %."""
    block = by_size()[2.0]
    share, occupancy = block.share("4b"), block.occupancy("4b")
    return judged(
        13,
        "4b holds 15 % of the Cu in the clusters, against 5 % in the high-temperature phase of the bulk.",
        f"Table 2, 2 nm: 4 · {occupancy:g} of {block.copper:.3f} Cu is {100 * share:.2f} %; the occupancy of the site "
        f"is {100 * occupancy:.0f} %. 5 % of the Cu on 4b would be an occupancy of {100 * 0.05 * 8 / 4:.0f} %; an "
        f"occupancy of 5 % would be {100 * 0.05 * 4 / 8:.1f} % of the Cu.",
        {"share_4b_percent": 100 * share, "occupancy_4b_percent": 100 * occupancy},
    )


def one_cation_a_void() -> Statement:
    """Statement 14: 8c + 4·32f = 1."""
    block = by_size()[6.0]
    fill = block.occupancy("8c") + 4.0 * block.occupancy("32f")
    others = [b.occupancy("8c") + 4.0 * b.occupancy("32f") for b in published(3)]
    return judged(
        14,
        "In the 6 nm model each tetrahedral void holds one cation, at its centre or in one of its faces.",
        f"8c + 4·32f = {block.occupancy('8c'):g} + {4 * block.occupancy('32f'):g} = {fill:.4f}; in the blocks of "
        f"Table 3 {', '.join(f'{x:.4f}' for x in others)}.",
        {"cations_a_void": fill, **{f"cations_a_void_table_3_block_{i}": x for i, x in enumerate(others, 1)}},
    )
