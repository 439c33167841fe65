import numpy as np
import pytest

from xrdfit.crystal.structure import Site, Structure
from xrdfit.crystal.symmetry import Cell, cell_from_free, space_group
from xrdfit.errors import InputError

FM3M = space_group("Fm-3m")
CELL = cell_from_free(FM3M, {"a": 5.85})


def build(*rows, group=FM3M, cell=CELL):
    return Structure.from_sites("sample", group, cell, rows)


@pytest.fixture
def cu2se():
    return build(
        {"species": "Se", "wyckoff": "4a"},
        {"species": "Cu", "xyz": (0.25, 0.25, 0.25), "occupancy": 0.3},
        {"species": "Cu1+", "xyz": (0.34, 0.34, 0.34), "occupancy": 0.1, "b_iso": 1.0},
        {"species": "Cu1+", "xyz": (0.4, 0.4, 0.4), "occupancy": 0.05},
    )


def test_labels_follow_element_and_wyckoff_position(cu2se):
    assert [site.label for site in cu2se.sites] == ["Se_4a", "Cu_8c", "Cu_32f", "Cu_32f_2"]
    site = cu2se["Cu_32f"]
    assert (site.element, site.species, site.wyckoff, site.multiplicity) == ("Cu", "Cu1+", "32f", 32)


def test_composition_counts_atoms_per_cell(cu2se):
    assert cu2se.composition() == pytest.approx({"Se": 4, "Cu": 8 * 0.3 + 32 * 0.15})


def test_a_position_without_free_coordinates_needs_no_xyz():
    found = build({"species": "F", "wyckoff": "8c"}, {"species": "O", "wyckoff": "24d"})
    assert [site.xyz for site in found.sites] == [(0.25, 0.25, 0.25), (0.0, 0.25, 0.25)]


def test_species_at_one_position_share_it():
    found = build(
        {"species": "O", "xyz": (0.3, 0, 0), "occupancy": 0.7, "b_iso": 1.0},
        {"species": "F", "xyz": (0, 0, 0.7), "occupancy": 0.3, "b_iso": 1.0},
        {"species": "Cu", "xyz": (0.31, 0, 0), "occupancy": 0.3},
    )
    assert [site.shares for site in found.sites] == [None, "O_24e", None]
    assert found["F_24e"].xyz == found["O_24e"].xyz
    assert found.notes == ()
    moved = found.with_values(xyz={"O_24e": (0.29, 0, 0)}, b_iso={"O_24e": 2.0}, occupancy={"F_24e": 0.1})
    assert (moved["F_24e"].xyz, moved["F_24e"].b_iso, moved["F_24e"].occupancy) == ((0.29, 0, 0), 2.0, 0.1)
    assert found["O_24e"].b_iso == 1.0


def test_another_b_on_a_shared_position_is_noted():
    found = build({"species": "O", "wyckoff": "4a", "occupancy": 0.5, "b_iso": 1.0},
                  {"species": "F", "wyckoff": "4a", "occupancy": 0.5, "b_iso": 2.0})  # fmt: skip
    assert found["F_4a"].b_iso == 1.0
    assert any("F_4a" in note and "B 1 " in note for note in found.notes)


def test_rounded_positions_become_exact_and_large_shifts_are_noted():
    group = space_group("P 63/m m c")
    cell = cell_from_free(group, {"a": 3.0, "c": 5.0})
    near, far = (build({"species": "Mg", "xyz": xyz}, group=group, cell=cell)
                 for xyz in [(0.3333, 0.6667, 0.25), (0.332, 0.668, 0.25)])  # fmt: skip
    for found in (near, far):
        assert found.sites[0].label == "Mg_2c"
        np.testing.assert_allclose(found.sites[0].xyz, (1 / 3, 2 / 3, 0.25), atol=1e-15)
    assert near.notes == ()
    assert "0.0013" in far.notes[0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no sites"),
        ([{"species": "Cu", "wyckoff": "4a", "occupancy": 1.1}], "occupancy of Cu_4a: 1.1"),
        ([{"species": "Cu", "wyckoff": "4a", "occupancy": -0.1}], "occupancy"),
        ([{"species": "Cu", "wyckoff": "4a", "occupancy": float("nan")}], "occupancy"),
        ([{"species": "Cu", "wyckoff": "4a", "b_iso": 1e9}], "B of Cu_4a"),
        ([{"species": "Cx", "wyckoff": "4a"}], "chemical element"),
        ([{"species": "Cu", "wyckoff": "4b", "xyz": (0, 0, 0)}], "4a"),
        ([{"species": "Cu", "wyckoff": "24e"}], "x,0,0"),
        ([{"species": "Cu", "wyckoff": "5q"}], "192l"),
        ([{"species": "Cu"}], "xyz lacking"),
        ([{"xyz": (0, 0, 0)}], "species"),
        ([{"species": "Cu", "xyz": (0, 0, 0), "ocupancy": 1}], "ocupancy"),
        ([{"species": "O", "wyckoff": "4a"}, {"species": "F", "wyckoff": "4a", "occupancy": 0.1}], "sum to 1.1"),
    ],
)
def test_wrong_sites_are_refused(rows, words):
    with pytest.raises(InputError, match=words) as caught:
        build(*rows)
    assert "\n" not in str(caught.value)


def test_an_occupancy_above_one_is_for_those_who_ask(cu2se):
    """A heavier atom on the site: what a file says is held to 1, what a program sets is not."""
    fuller = cu2se.with_values(occupancy={"Cu_8c": 1.05})
    assert [s.occupancy for s in fuller.sites if s.label == "Cu_8c"] == [1.05]


def test_wrong_changes_are_refused(cu2se):
    with pytest.raises(InputError, match="Cu_8c, Cu_32f"):
        cu2se.with_values(occupancy={"Cu_4b": 0.5})
    with pytest.raises(InputError, match="out of range"):
        cu2se.with_values(occupancy={"Cu_8c": -0.1})
    with pytest.raises(InputError, match="does not fit"):
        cu2se.with_values(cell=Cell(5, 5, 6))


def test_a_site_shares_only_with_an_earlier_one():
    with pytest.raises(InputError, match="no earlier site"):
        Structure("s", FM3M, CELL, (Site("F_4a", "F", "4a", (0, 0, 0), 0.5, shares="O_4a"),))
    first = Site("O_4a", "O", "4a", (0, 0, 0), 0.5)
    with pytest.raises(InputError, match="must equal"):
        Structure("s", FM3M, CELL, (first, Site("F_4a", "F", "4a", (0.5, 0, 0), 0.5, shares="O_4a")))
    with pytest.raises(InputError, match="two sites"):
        Structure("s", FM3M, CELL, (first, first))


def test_expansion_lists_every_atom(cu2se):
    crystal = cu2se.to_pymatgen()
    assert len(crystal) == 4 + 8 + 32 + 32
    assert crystal.volume == pytest.approx(5.85**3)
    assert sum(b == 1.0 for b in crystal.site_properties["b_iso"]) == 32


@pytest.mark.parametrize("a", [0.0, 1e-300, 1e-5, 0.1, 1e4, 1e300, float("nan"), float("inf")])
def test_a_cell_that_no_crystal_has_is_refused(a: float) -> None:
    with pytest.raises(InputError, match="cell a"):
        Cell(a, a, a)
