"""Symmetry against programmes and sums that are not ours: spglib, gemmi's hkl lists, pymatgen, counting."""

import itertools

import gemmi
import numpy as np
import pytest
import spglib

from xrdfit.crystal.scattering import f0
from xrdfit.crystal.sites import _parse
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import (
    cell_from_free,
    free_coordinates,
    orbit,
    reflections,
    space_group,
    wyckoff,
    wyckoff_positions,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*OLD_ERROR_HANDLING:DeprecationWarning")
GENERAL_CELL = {"a": 7.1, "b": 8.3, "c": 9.7, "alpha": 81.0, "beta": 97.0, "gamma": 105.0}
ALL_SETTINGS = sorted({entry.xhm() for entry in gemmi.spacegroup_table()})


def position_on(row, rng):
    """A random position with the form of a Wyckoff position's triplet, away from all others."""
    coefficients, constants = _parse(row.triplet)
    return coefficients @ rng.uniform(0.06, 0.19, 3) + constants


def cell_with_every_position(group, rng):
    positions, numbers = [], []
    for kind, row in enumerate([*wyckoff_positions(group), wyckoff_positions(group)[-1]], start=1):
        points = orbit(group, position_on(row, rng))
        positions.extend(points)
        numbers.extend([kind] * len(points))
    vectors = cell_from_free(group, GENERAL_CELL).vectors
    return vectors.tolist(), np.array(positions).tolist(), numbers


def reference_hall(group):
    for hall in range(1, 531):
        kind = spglib.get_spacegroup_type(hall)
        if kind.number == group.number and kind.hall_symbol.lower() == group.hall.lower():
            return hall
    raise AssertionError(group)


@pytest.mark.parametrize("numbers", [range(start, min(start + 23, 231)) for start in range(1, 231, 23)], ids=str)
def test_wyckoff_letters_of_all_groups_agree_with_spglib(numbers):
    """One atom on each position; spglib may shift the origin, so its letters belong to its own coordinates."""
    rng = np.random.default_rng(numbers[0])
    compared = 0
    for number in numbers:
        group = space_group(number)
        cell = cell_with_every_position(group, rng)
        found = spglib.get_symmetry_dataset(cell, symprec=1e-5, hall_number=reference_hall(group))
        assert found.number == number
        carried = np.array(cell[1]) @ found.transformation_matrix.T + found.origin_shift
        _, first = np.unique(cell[2], return_index=True)
        for index in first:
            assert wyckoff(group, carried[index])[-1] == found.wyckoffs[index], (group.hm, carried[index])
            compared += 1
    assert compared == sum(len(wyckoff_positions(space_group(n))) + 1 for n in numbers)


def test_every_position_of_every_setting_has_its_letter_multiplicity_and_freedom():
    rng = np.random.default_rng(7)
    count = 0
    for hm in ALL_SETTINGS:
        group = space_group(hm)
        assert group.hm == hm
        to_setting = group.gemmi.basisop
        volume_ratio = len(group.rotations) / len(space_group(group.number).rotations)
        for row in wyckoff_positions(group):
            xyz = to_setting.apply_to_xyz(list(position_on(row, rng)))
            assert wyckoff(group, xyz) == f"{round(row.multiplicity * volume_ratio)}{row.letter}", (hm, row)
            free = free_coordinates(group, xyz)
            assert len(free.names) == np.linalg.matrix_rank(_parse(row.triplet)[0]), (hm, row)
            values = [xyz["xyz".index(name)] for name in free.names]
            np.testing.assert_allclose(free.position(values), xyz, atol=1e-9)
            count += 1
    assert count > 3600


@pytest.mark.parametrize("hm", ["P -1", "C 1 2/c 1", "P n m a", "I 41/a m d:2", "R -3 c:H", "R -3 c:R", "P 63/m m c",
                                "P 21 3", "P a -3", "F d -3 m:1", "I a -3 d", "P 61 2 2", "A m m a"])  # fmt: skip
def test_reflections_agree_with_gemmi(hm):
    group = space_group(hm)
    cell = cell_from_free(group, GENERAL_CELL)
    ours = reflections(group, cell, 1.1)
    unit_cell = gemmi.UnitCell(cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma)
    theirs = np.array(gemmi.make_miller_array(unit_cell, group.gemmi, 1.1))  # one of each class, absences left out
    everything = {tuple(row) for row in ours.equivalents.tolist()}
    assert len(everything) == len(ours.equivalents) == ours.multiplicity.sum()
    assert {tuple(row) for row in theirs.tolist()} <= everything
    assert len(theirs) == len(ours)
    asu_owner = [ours.owner[np.flatnonzero((ours.equivalents == row).all(axis=1))[0]] for row in theirs]
    assert sorted(asu_owner) == list(range(len(ours)))
    np.testing.assert_allclose(ours.multiplicity[asu_owner], [multiplicity(group, row) for row in theirs])


def multiplicity(group, hkl):
    images = {tuple(np.array(op.apply_to_hkl(hkl.tolist()))) for op in group.gemmi.operations()}
    return len(images | {tuple(-np.array(image)) for image in images})


def same_parity(hkl):
    return len({index % 2 for index in hkl}) == 1


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("Pm-3m", lambda hkl: True),
        ("Im-3m", lambda hkl: sum(hkl) % 2 == 0),
        ("Fm-3m", same_parity),
        # the d glide: 0kl only with k + l = 4n, and so for the other two
        ("F d -3 m:1", lambda hkl: same_parity(hkl) and (0 not in hkl or sum(hkl) % 4 == 0)),
    ],
)
def test_multiplicities_count_all_indices_in_the_sphere(name, allowed):
    """Textbook reflection conditions, every index of the sphere counted one by one."""
    group = space_group(name)
    a, d_min = 8.0, 1.23
    bound = int(a / d_min)
    sphere = [
        hkl
        for hkl in itertools.product(range(-bound, bound + 1), repeat=3)
        if 0 < sum(index**2 for index in hkl) <= (a / d_min) ** 2
    ]
    expected = sum(allowed(hkl) for hkl in sphere)
    assert reflections(group, cell_from_free(group, {"a": a}), d_min).multiplicity.sum() == expected


@pytest.mark.parametrize(
    ("parity", "expected"),
    [("odd", (4, -4, 0)), ("4n", (4, 4, 8)), ("4n+2", (4, 4, -8))],
)
def test_amplitudes_of_fm3m_have_their_closed_forms(parity, expected):
    group = space_group("Fm-3m")
    lines = reflections(group, cell_from_free(group, {"a": 5.85}), 0.77).hkl
    total = lines.sum(axis=1)
    chosen = {"odd": lines[:, 0] % 2 == 1, "4n": (lines[:, 0] % 2 == 0) & (total % 4 == 0),
              "4n+2": (lines[:, 0] % 2 == 0) & (total % 4 == 2)}[parity]  # fmt: skip
    assert chosen.sum() >= 3
    for xyz, value in zip([(0, 0, 0), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)], expected, strict=True):
        amplitude = np.exp(2j * np.pi * lines[chosen] @ orbit(group, xyz).T).sum(axis=1)
        np.testing.assert_allclose(amplitude, value, atol=1e-12)


def test_amplitudes_of_24e_and_32f_have_their_closed_forms():
    group = space_group("Fm-3m")
    lines = reflections(group, cell_from_free(group, {"a": 5.85}), 0.77).hkl
    x = 0.337
    cosines, sines = np.cos(2 * np.pi * lines * x), np.sin(2 * np.pi * lines * x)
    along = np.exp(2j * np.pi * lines @ orbit(group, (x, 0, 0)).T).sum(axis=1)
    np.testing.assert_allclose(along, 8 * cosines.sum(axis=1), atol=1e-10)
    diagonal = np.exp(2j * np.pi * lines @ orbit(group, (x, x, x)).T).sum(axis=1)
    np.testing.assert_allclose(diagonal, 32 * cosines.prod(axis=1), atol=1e-10)
    assert np.abs(sines).max() > 0.5  # the positions are general enough for the test to mean something


@pytest.mark.parametrize(("x", "other"), [(0.75, 0.25), (0.3, 0.7)])
def test_24e_at_x_and_minus_x_is_one_orbit(x, other):
    group = space_group("Fm-3m")
    first, second = ({tuple(row) for row in np.round(orbit(group, (v, 0, 0)), 9).tolist()} for v in (x, other))
    assert first == second


def pattern(structure, d_min=1.0):
    """d and m·|F|² of all lines, by brute force over the atoms."""
    lines = reflections(structure.group, structure.cell, d_min)
    amplitude = np.zeros(len(lines.hkl), dtype=complex)
    d = structure.cell.d_spacing(lines.hkl)
    for site in structure.sites:
        phases = np.exp(2j * np.pi * lines.hkl @ orbit(structure.group, site.xyz).T).sum(axis=1)
        amplitude += site.occupancy * f0(site.species, 0.5 / d) * np.exp(-site.b_iso * (0.5 / d) ** 2) * phases
    return d, lines.multiplicity * np.abs(amplitude) ** 2


STRUCTURES = {
    "mixed spinel": ("F d -3 m:2", {"a": 8.1}, [("Mg", (1 / 8,) * 3, 0.7), ("Al", (1 / 8,) * 3, 0.3),
                     ("Al", (0.5, 0.5, 0.5), 1.0), ("O", (0.2624,) * 3, 1.0)]),
    "calcite": ("R -3 c:H", {"a": 4.99, "c": 17.06}, [("Ca", (0, 0, 0), 1.0), ("C", (0, 0, 0.25), 1.0),
                ("O", (0.2568, 0, 0.25), 1.0)]),
    "monazite axes": ("P 1 21/n 1", {"a": 6.8, "b": 7.0, "c": 6.5, "beta": 103.3},
                      [("La", (0.281, 0.159, 0.1), 1.0), ("P", (0.305, 0.163, 0.612), 0.9)]),
    "wurtzite": ("P 63 m c", {"a": 3.25, "c": 5.2},
                 [("Zn", (1 / 3, 2 / 3, 0), 1.0), ("O", (1 / 3, 2 / 3, 0.382), 1.0)]),
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_pattern_survives_a_journey_through_pymatgen(name):
    pytest.importorskip("pymatgen.core")
    hm, free, atoms = STRUCTURES[name]
    group = space_group(hm)
    rows = [{"species": s, "xyz": xyz, "occupancy": o, "b_iso": 0.5} for s, xyz, o in atoms]
    ours = Structure.from_sites(name, group, cell_from_free(group, free), rows)
    crystal = ours.to_pymatgen()
    back = Structure.from_pymatgen(crystal)
    assert back.group.number == group.number
    assert back.composition() == pytest.approx(ours.composition())
    for one, other in zip(pattern(ours), pattern(back), strict=True):
        order_one, order_other = np.sort(one), np.sort(other)
        np.testing.assert_allclose(order_one, order_other, rtol=1e-6, atol=1e-4)


def test_pymatgen_finds_the_group_that_we_expanded():
    analyzer = pytest.importorskip("pymatgen.symmetry.analyzer")
    group = space_group("Fm-3m")
    rows = [{"species": "Se", "wyckoff": "4a"}, {"species": "Cu", "wyckoff": "8c", "occupancy": 0.3},
            {"species": "Cu", "xyz": (0.34, 0.34, 0.34), "occupancy": 0.1}]  # fmt: skip
    crystal = Structure.from_sites("cu2se", group, cell_from_free(group, {"a": 5.85}), rows).to_pymatgen()
    assert analyzer.SpacegroupAnalyzer(crystal).get_space_group_number() == 225
    assert crystal.composition["Cu"] == pytest.approx(8 * 0.3 + 32 * 0.1)
