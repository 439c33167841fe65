import numpy as np
import pytest

from xrdfit.crystal.sites import _parse
from xrdfit.crystal.symmetry import (
    Cell,
    cell_from_free,
    cell_names,
    free_coordinates,
    metric_slope,
    orbit,
    orbit_operations,
    reflections,
    snap,
    space_group,
    space_group_from_operations,
    wyckoff,
    wyckoff_positions,
)
from xrdfit.errors import InputError


@pytest.mark.parametrize(
    "name", ["Fm-3m", "F m -3 m", "fm-3m", "Fm3m", "FM-3M", 225, "225", "-F 4 2 3", "F m 3\u0304 m", "'F m -3 m'"]
)
def test_one_group_by_all_its_names(name):
    group = space_group(name)
    assert (group.number, group.hm, group.hall) == (225, "F m -3 m", "-F 4 2 3")
    assert group == space_group("Fm-3m")
    assert hash(group) == hash(space_group(225))


@pytest.mark.parametrize(
    ("name", "hm"),
    [
        ("Fd-3m", "F d -3 m:2"),
        ("F d -3 m:1", "F d -3 m:1"),
        ("F d -3 m S", "F d -3 m:1"),
        ("F d -3 m Z", "F d -3 m:2"),
        ("R-3m", "R -3 m:H"),
        ("R -3 m:R", "R -3 m:R"),
        ("R -3 m R", "R -3 m:R"),
        ("P2_1/c", "P 1 21/c 1"),
        ("P 1 1 21/b", "P 1 1 21/b"),
        ("I2/a", "I 1 2/a 1"),
        ("Pbnm", "P b n m"),
        ("F 4d 2 3 -1d", "F d -3 m:1"),
    ],
)
def test_the_setting_follows_the_symbol(name, hm):
    assert space_group(name).hm == hm


@pytest.mark.parametrize(
    ("name", "word"),
    [("Fm-3x", "F m -3 m"), ("hello", "225"), (0, "230"), (231, "230"), ("", "225"), ("x" * 10_000, "225")],
)
def test_an_unknown_group_is_named_with_what_is_near(name, word):
    with pytest.raises(InputError, match=word) as caught:
        space_group(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("name", ["F d -3 m:1", "F d -3 m:2", "R -3 c:R", "P 1 1 21/b", "C 1 2/c 1", "P 61"])
def test_operations_lead_back_to_the_setting(name):
    group = space_group(name)
    triplets = [operation.triplet() for operation in group.gemmi.operations()]
    assert space_group_from_operations(triplets[::-1]) == group
    assert len(group.rotations) == len(group.translations) == len(triplets)


@pytest.mark.parametrize("triplets", [[], ["x,y"], ["x,y,z", "y,x,z+1/7"], ["x,y,z"] * 300, ["hello"]])
def test_operations_that_are_no_group_are_refused(triplets):
    with pytest.raises(InputError, match="symmetry operations"):
        space_group_from_operations(triplets)


@pytest.mark.parametrize(
    ("name", "centre", "system"),
    [
        ("Fm-3m", True, "cubic"),
        ("F-43m", False, "cubic"),
        ("R3c", False, "trigonal"),
        ("Pnma", True, "orthorhombic"),
    ],
)
def test_facts_of_a_group(name, centre, system):
    group = space_group(name)
    assert group.crystal_system == system
    assert any(np.array_equal(r, -np.eye(3)) for r in group.rotations) is centre
    assert not group.rotations.flags.writeable


@pytest.mark.parametrize(
    ("name", "xyz", "label"),
    [
        ("Fm-3m", (0, 0, 0), "4a"),
        ("Fm-3m", (0.5, 0.5, 0.5), "4b"),
        ("Fm-3m", (0.5, 0, 0), "4b"),
        ("Fm-3m", (0.75, 0.25, 0.25), "8c"),
        ("Fm-3m", (0, 0.25, 0.25), "24d"),
        ("Fm-3m", (0, 0.75, 0), "24e"),
        ("Fm-3m", (0.34, 0.34, 0.66), "32f"),
        ("Fm-3m", (0.1, 0.25, 0.25), "48g"),
        ("Fm-3m", (0.11, 0.17, 0.23), "192l"),
        ("F d -3 m:2", (0, 0, 0), "16c"),
        ("F d -3 m:2", (0.5, 0.5, 0.5), "16d"),
        ("F d -3 m:2", (1 / 8, 1 / 8, 1 / 8), "8a"),
        ("F d -3 m:2", (3 / 8, 3 / 8, 3 / 8), "8b"),
        ("F d -3 m:2", (0.26, 0.26, 0.26), "32e"),
        ("F d -3 m:2", (0.3362, 1 / 8, 1 / 8), "48f"),
        ("F d -3 m:1", (0, 0, 0), "8a"),
        ("F d -3 m:1", (0.5, 0.5, 0.5), "8b"),
        ("F d -3 m:1", (5 / 8, 5 / 8, 5 / 8), "16d"),
        ("F d -3 m:1", (1 / 8, 1 / 8, 1 / 8), "16c"),
        ("Pm-3m", (0, 0, 0), "1a"),
        ("Pm-3m", (0.5, 0.5, 0.5), "1b"),
        ("Pm-3m", (0.199, 0.5, 0.5), "6f"),
        ("P 63/m m c", (1 / 3, 2 / 3, 1 / 4), "2c"),
        ("P 63/m m c", (1 / 3, 2 / 3, 3 / 4), "2d"),
        ("R -3 c:H", (0, 0, 0), "6b"),
        ("R -3 c:H", (0, 0, 0.25), "6a"),
        ("R -3 c:R", (0, 0, 0), "2b"),
        ("R -3 c:H", (0.2568, 0, 0.25), "18e"),
        ("P m m m", (0.1, 0.2, 0.3), "8A"),
    ],
)
def test_wyckoff_labels_of_the_literature(name, xyz, label):
    """CaF2, spinel, diamond, calcite, corundum-type and hcp positions as International Tables list them."""
    group = space_group(name)
    assert wyckoff(group, xyz) == label
    assert len(orbit(group, xyz)) == int(label[:-1])


def test_multiplicities_of_the_table_are_those_of_the_orbits():
    for number in range(1, 231):
        rows = wyckoff_positions(space_group(number))
        order = len(space_group(number).rotations)
        assert rows[-1].multiplicity == order
        assert all(order % row.multiplicity == 0 for row in rows)
        assert [row.multiplicity for row in rows] == sorted(row.multiplicity for row in rows)


@pytest.mark.parametrize(
    ("name", "xyz", "names", "basis"),
    [
        ("Fm-3m", (0.25, 0.25, 0.25), (), np.zeros((3, 0))),
        ("Fm-3m", (0.34, 0.34, 0.34), ("x",), [[1], [1], [1]]),
        ("Fm-3m", (0.34, 0.66, 0.34), ("x",), [[1], [-1], [1]]),
        ("Fm-3m", (0, 0.3, 0), ("y",), [[0], [1], [0]]),
        ("Fm-3m", (0.1, 0.1, 0.3), ("x", "z"), [[1, 0], [1, 0], [0, 1]]),
        ("P 63/m m c", (0.1, 0.2, 0.3), ("x", "z"), [[1, 0], [2, 0], [0, 1]]),
        ("P 63/m m c", (0.2, 0.1, 0.3), ("x", "z"), [[1, 0], [0.5, 0], [0, 1]]),
        ("P 1", (0.1, 0.2, 0.3), ("x", "y", "z"), np.eye(3)),
        ("P 1 m 1", (0.1, 0.5, 0.3), ("x", "z"), [[1, 0], [0, 0], [0, 1]]),
    ],
)
def test_free_coordinates(name, xyz, names, basis):
    free = free_coordinates(space_group(name), xyz)
    assert free.names == names
    np.testing.assert_array_equal(free.basis, basis)
    np.testing.assert_allclose(free.position([xyz["xyz".index(n)] for n in names]), xyz, atol=1e-12)


def test_free_coordinates_keep_the_label_and_the_orbit_operations():
    group = space_group("F d -3 m:2")
    free = free_coordinates(group, (0.3362, 1 / 8, 1 / 8))
    rotations, translations = orbit_operations(group, (0.3362, 1 / 8, 1 / 8))
    for x in (0.30, 0.41):
        moved = free.position([x])
        assert wyckoff(group, moved) == "48f"
        carried = {tuple(row) for row in np.round((rotations @ moved + translations) % 1, 9).tolist()}
        assert carried == {tuple(row) for row in np.round(orbit(group, moved), 9).tolist()}


@pytest.mark.parametrize(
    ("name", "rounded", "exact"),
    [
        ("P 63/m m c", (0.3333, 0.6667, 0.25), (1 / 3, 2 / 3, 0.25)),
        ("P 63/m m c", (0.333, 0.667, 0.25), (1 / 3, 2 / 3, 0.25)),
        ("R -3 m:H", (0, 0, 0.1667), (0, 0, 0.1667)),
        ("Fm-3m", (0.3401, 0.3399, 0.34), (0.34, 0.34, 0.34)),
        ("F d -3 m:2", (0.3362, 0.1251, 0.1249), (0.3362, 0.125, 0.125)),
        ("Fm-3m", (0.26, 0.26, 0.26), (0.26, 0.26, 0.26)),
        ("Fm-3m", (0.9999, 0.0001, 0), (1, 0, 0)),
    ],
)
def test_rounded_positions_are_snapped(name, rounded, exact):
    np.testing.assert_allclose(snap(space_group(name), rounded), exact, atol=1e-9)


def test_every_rounded_special_position_is_found_again():
    """Four decimals, as CIFs have them: 0.3333 is meant to be 1/3."""
    general = np.array([0.0712345, 0.1131777, 0.1897531])  # far from what is more special still
    for number in range(1, 231):
        group = space_group(number)
        for row in wyckoff_positions(group)[:-1]:
            coefficients, constants = _parse(row.triplet)
            exact = coefficients @ general + constants
            found = snap(group, np.round(exact, 4))
            assert wyckoff(group, found) == row.label
            assert np.abs(found - exact).max() < 1.5e-4


def test_wrong_positions_are_refused():
    for xyz in [(0, 0), (np.nan, 0, 0), (0, 0, np.inf)]:
        with pytest.raises(InputError, match="three finite"):
            orbit(space_group(1), xyz)


@pytest.mark.parametrize(
    ("name", "names", "full"),
    [
        ("Fm-3m", ("a",), (5, 5, 5, 90, 90, 90)),
        ("R -3 m:H", ("a", "c"), (5, 5, 7, 90, 90, 120)),
        ("R -3 m:R", ("a", "alpha"), (5, 5, 5, 80, 80, 80)),
        ("P 4/m", ("a", "c"), (5, 5, 7, 90, 90, 90)),
        ("P 63", ("a", "c"), (5, 5, 7, 90, 90, 120)),
        ("P n m a", ("a", "b", "c"), (5, 6, 7, 90, 90, 90)),
        ("P 1 21/c 1", ("a", "b", "c", "beta"), (5, 6, 7, 90, 100, 90)),
        ("P 1 1 21/b", ("a", "b", "c", "gamma"), (5, 6, 7, 90, 90, 110)),
        ("P 21/b 1 1", ("a", "b", "c", "alpha"), (5, 6, 7, 80, 90, 90)),
        ("P -1", ("a", "b", "c", "alpha", "beta", "gamma"), (5, 6, 7, 80, 100, 110)),
    ],
)
def test_free_parameters_of_the_cell(name, names, full):
    group = space_group(name)
    values = {"a": 5, "b": 6, "c": 7, "alpha": 80, "beta": 100, "gamma": 110}
    assert cell_names(group) == names
    assert cell_from_free(group, values) == Cell(*full)
    with pytest.raises(InputError, match="lacking"):
        cell_from_free(group, {})


def test_metric_of_a_triclinic_cell():
    """Volume by the textbook formula, reciprocal of the reciprocal, and cell vectors that reproduce the metric."""
    cell = Cell(5.0, 6.0, 7.0, 80.0, 100.0, 110.0)
    ca, cb, cg = np.cos(np.radians([80.0, 100.0, 110.0]))
    expected = 5 * 6 * 7 * np.sqrt(1 - ca**2 - cb**2 - cg**2 + 2 * ca * cb * cg)
    assert cell.volume == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(cell.vectors @ cell.vectors.T, cell.metric, atol=1e-12)
    planes = np.linalg.inv(cell.vectors)  # columns are the reciprocal vectors
    hkl = np.array([[1, 2, -3], [0, 0, 1]])
    np.testing.assert_allclose(cell.d_spacing(hkl), 1 / np.linalg.norm(hkl @ planes.T, axis=1))


@pytest.mark.parametrize("values", [(-5, 5, 5), (0, 5, 5), (5, 5, 5, 180, 90, 90), (5, 5, 5, 30, 30, 100),
                                    (np.nan, 5, 5), (5, 5, np.inf)])  # fmt: skip
def test_impossible_cells_are_refused(values):
    with pytest.raises(InputError, match="cell"):
        Cell(*values)


def test_lines_of_cu2se():
    group = space_group("Fm-3m")
    found = reflections(group, cell_from_free(group, {"a": 5.85}), 1.4)
    assert found.hkl.tolist() == [[1, 1, 1], [2, 0, 0], [2, 2, 0], [3, 1, 1], [2, 2, 2], [4, 0, 0]]
    assert found.multiplicity.tolist() == [8, 6, 12, 24, 8, 6]
    np.testing.assert_array_equal(np.bincount(found.owner), found.multiplicity)
    assert len(found) == 6


def test_coincident_lines_stay_apart():
    group = space_group("Fm-3m")
    lines = reflections(group, cell_from_free(group, {"a": 5.85}), 1.12, 1.13).hkl.tolist()
    assert sorted(lines) == [[3, 3, 3], [5, 1, 1]]
    pyrite = space_group("Pa-3")
    lines = reflections(pyrite, cell_from_free(pyrite, {"a": 5.42}), 2.3, 2.5).hkl.tolist()
    assert lines == [[2, 1, 0]]  # 120 is absent: 0kl needs k even, and 210 is not its equivalent
    m3 = space_group("Pm-3")
    assert len(reflections(m3, cell_from_free(m3, {"a": 5.42}), 2.3, 2.5)) == 2


def test_reflections_outside_the_limits_are_refused():
    group = space_group("Pm-3m")
    cell = cell_from_free(group, {"a": 5.0})
    assert len(reflections(group, cell, 6.0)) == 0
    for limits in [(0, 1), (2, 1), (-1, 1), (0.001, 5)]:
        with pytest.raises(InputError, match="d_min"):
            reflections(group, cell, *limits)
    with pytest.raises(InputError, match="does not fit"):
        reflections(group, Cell(5, 5, 6), 1.0)


@pytest.mark.parametrize("name", ["Fm-3m", "P4/mmm", "P6_3mc", "R-3m:H", "R-3m:R", "Pnma", "P2_1/c", "P-1"])
def test_the_metric_follows_the_free_parameters(name):
    group = space_group(name)
    values = {"a": 5.1, "b": 6.2, "c": 7.3, "alpha": 81.0, "beta": 95.0, "gamma": 103.0}
    cell = cell_from_free(group, values)
    np.testing.assert_allclose(cell.reciprocal_metric @ cell.metric, np.eye(3), atol=1e-14)
    assert cell.volume == pytest.approx(np.sqrt(np.linalg.det(cell.metric)), rel=1e-14)
    for free in cell_names(group):
        steps = [cell_from_free(group, {**values, free: values[free] + h}).metric for h in (1e-4, -1e-4)]
        expected = (steps[0] - steps[1]) / 2e-4
        np.testing.assert_allclose(metric_slope(group, cell, free), expected, atol=1e-8)
