"""The kinds of CIFs that databases and programmes write, each with what is right for it."""

# ruff: noqa: E501

from __future__ import annotations

import codecs
import time

import cif_files as cf
import gemmi
import numpy as np
import pytest

import xrdfit as xf
from xrdfit.cli import main
from xrdfit.crystal.cif import cif_blocks, read_cif, read_cifs
from xrdfit.crystal.cif.formula import parse_formula
from xrdfit.crystal.cif.species import from_label, from_symbol
from xrdfit.crystal.contacts import nearest_bond, too_close
from xrdfit.crystal.groups import space_group, space_group_by_hall
from xrdfit.crystal.lattice import Cell
from xrdfit.crystal.operations import parse_triplet, read_operations
from xrdfit.crystal.settings import find_setting
from xrdfit.crystal.structure import Structure
from xrdfit.errors import InputError


def cell(a, b=None, c=None, alpha=90, beta=90, gamma=90):
    return cf.cell_lines(Cell(a, b or a, c or a, alpha, beta, gamma))


def symbol(text, tag="_symmetry_space_group_name_H-M"):
    return f"{tag} '{text}'\n"


def atoms(*rows, columns="label type_symbol fract_x fract_y fract_z occupancy B_iso_or_equiv", stem="_atom_site_"):
    return "loop_\n" + "".join(f"{stem}{name}\n" for name in columns.split()) + "\n".join(rows) + "\n"


def bare(*rows):
    return atoms(*rows, columns="label fract_x fract_y fract_z")


def block(*parts, name="x"):
    return f"data_{name}\n" + "".join(parts)


def operations(hm, shift=(0, 0, 0)):
    group = space_group(hm)
    shift = np.asarray(shift, dtype=float)
    moved = (group.translations + shift - group.rotations @ shift) % 1.0
    return cf.operation_lines([cf._triplet(r, t) for r, t in zip(group.rotations, moved, strict=True)])


def notes(structure, text):
    return [note for note in structure.notes if text in note]


ROCK_SALT = ("Na1 Na 0 0 0 1 1", "Cl1 Cl 0.5 0.5 0.5 1 1")


class TestLabels:
    @pytest.mark.parametrize(
        ("label", "element"),
        [
            ("Wat1", "O"), ("WAT", "O"), ("Wat", "O"), ("OW1", "O"), ("Ow", "O"), ("OH", "O"), ("Oh1", "O"), ("H2O", "O"),
            ("HO1", "H"), ("D1", "D"), ("Ho1", "Ho"), ("W1", "W"), ("Si", "Si"), ("SiT1", "Si"), ("FeM1", "Fe"),
            ("CA2", "Ca"), ("O1A", "O"), ("OA", "O"), ("KA", "K"), ("SE3", "Se"), ("Tl1", "Tl"), ("Te2", "Te"), ("H12A", "H"),
        ],
    )  # fmt: skip
    def test_what_a_label_means(self, label, element):
        assert from_label(label)[0] == element

    @pytest.mark.parametrize(
        ("label", "formula", "element"),
        [
            ("HO1", {"Ho", "O"}, "Ho"), ("HO1", {"C", "H", "O"}, "H"), ("CA", {"C", "H", "N"}, "C"), ("CD1", {"C", "H"}, "C"),
            ("CO1", {"C", "O"}, "C"), ("CO1", {"Co", "O", "C"}, "Co"), ("W1", {"Ca", "O", "H"}, "O"), ("OW", {"O", "H"}, "O"),
            ("Cd1", {"C", "H"}, "C"), ("NB1", {"Nb", "O"}, "Nb"), ("NB1", {"N", "H"}, "N"),
        ],
    )  # fmt: skip
    def test_the_formula_decides_what_is_open(self, label, formula, element):
        assert from_label(label, formula)[0] == element

    @pytest.mark.parametrize("label", ["T1", "T", "t2", "M1", "M2", "X", "A1", "Q3", "Tet1", "Oct1", "Cat", "REE", "Vac1",
                                       "SiAl", "MgFe1", "1", "?", ""])  # fmt: skip
    def test_a_site_is_no_element(self, label):
        with pytest.raises(InputError, match="atom"):
            from_label(label)

    def test_deuterium_needs_hydrogen_in_the_formula(self):
        with pytest.raises(InputError, match="deuterium"):
            from_label("D1", {"Si", "O"})

    def test_water_in_a_crystal(self):
        text = block(cell(5), symbol("P -1"), bare("Ca 0.1 0.2 0.3", "Wat1 0.6 0.7 0.1", "OW2 0.4 0.9 0.6"))
        found = read_cif(text)
        assert found.composition() == {"Ca": 2, "O": 4}
        assert notes(found, "atoms Wat1, OW2")

    def test_a_label_t1_is_refused_in_one_line(self):
        with pytest.raises(InputError, match="T1: T is a site") as caught:
            read_cif(block(cell(4), symbol("P m -3 m"), bare("T1 0 0 0", "O1 0.5 0.5 0.5")))
        assert "\n" not in str(caught.value)


class TestTypeSymbols:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("Bi0", [("Bi", 1)]), ("Bi0+", [("Bi", 1)]), ("Fe+2.67", [("Fe", 1)]), ("Fe2.67+", [("Fe", 1)]),
            ("Fe+8/3", [("Fe", 1)]), ("O-2.0", [("O", 1)]), ("Cval", [("C", 1)]), ("Fe3", [("Fe", 1)]), ("O.", [("O", 1)]),
            ("FE+3", [("Fe3+", 1)]), ("O2-", [("O2-", 1)]), ("D", [("D", 1)]), ("OH", [("O", 1)]), ("Wat", [("O", 1)]),
            ("0.75Si + 0.25Al", [("Si", 0.75), ("Al", 0.25)]), ("0.75Si+0.25Al", [("Si", 0.75), ("Al", 0.25)]),
            ("Si0.75Al0.25", [("Si", 0.75), ("Al", 0.25)]), ("Si0.75 Al0.25", [("Si", 0.75), ("Al", 0.25)]),
            ("(Si0.75Al0.25)", [("Si", 0.75), ("Al", 0.25)]), ("0.5Fe2+ + 0.5Mg2+", [("Fe2+", 0.5), ("Mg2+", 0.5)]),
            (".5Fe,.5Co", [("Fe", 0.5), ("Co", 0.5)]),
        ],
    )  # fmt: skip
    def test_what_a_type_symbol_means(self, text, parts):
        assert from_symbol(text)[0] == parts

    @pytest.mark.parametrize("text", ["T", "M", "X", "Xx", "Si/Al", "0.75Si + 0.75Al", "T1", "?!", "Unobtainium"])
    def test_what_names_no_element_is_refused(self, text):
        with pytest.raises(InputError):
            from_symbol(text)

    def test_a_mixed_type_symbol_is_one_position(self):
        found = read_cif(
            block(cell(4), symbol("P m -3 m"), atoms("T1 '0.75Si + 0.25Al' 0 0 0 0.8 1", "O O 0.5 0 0 1 1"))
        )
        assert [(s.label, s.occupancy, s.shares) for s in found.sites] == [
            ("Si_1a", pytest.approx(0.6), None),
            ("Al_1a", pytest.approx(0.2), "Si_1a"),
            ("O_3d", 1.0, None),
        ]
        assert notes(found, "0.75 Si and 0.25 Al")

    def test_a_mean_charge_is_said(self):
        assert notes(read_cif(block(cell(4), symbol("P m -3 m"), atoms("Fe1 Fe+2.67 0 0 0 1 1"))), "mean charge")


QUARTZ = ["x,y,z", "y,x,2/3-z", "-y,x-y,2/3+z", "-x,-x+y,1/3-z", "-x+y,-x,1/3+z", "x-y,-y,-z"]


class TestSymmetry:
    def test_listed_operations_with_another_origin_count_and_not_the_symbol(self):
        """Quartz as a mineral database lists it, a sixth of c away from the tables' origin."""
        parts = (cell(4.916, c=5.4054, gamma=120), symbol("P 32 2 1"))
        listed = read_cif(
            block(*parts, cf.operation_lines(QUARTZ, "_space_group_symop_operation_xyz"),
                  bare("Si 0.4697 0 0", "O 0.4135 0.2669 0.1191"))
        )  # fmt: skip
        tabulated = read_cif(block(*parts, bare("Si 0.4697 0 0.666667", "O 0.4135 0.2669 0.785767")))
        assert listed.composition() == tabulated.composition() == {"Si": 3, "O": 6}
        assert notes(listed, "another origin")
        np.testing.assert_allclose(_lines(listed), _lines(tabulated), rtol=1e-3, atol=1e-3)

    @pytest.mark.parametrize("number", [1, 2, 14, 62, 88, 96, 141, 152, 166, 167, 194, 205, 221, 225, 227, 230])
    def test_any_origin_is_found(self, number):
        group = space_group(number)
        shift = np.random.default_rng(number).random(3)
        moved = (group.translations + shift - group.rotations @ shift) % 1.0
        triplets = [cf._triplet(r, t) for r, t in zip(group.rotations, moved, strict=True)]
        setting = find_setting(read_operations(triplets))
        assert setting.group.number == number
        assert not setting.turned

    def test_axes_that_are_in_no_table(self):
        """A face-centred cubic crystal in its primitive cell: the conventional cell comes back."""
        crystal = cf.make("F m -3 m", 5)
        primitive = crystal.with_axes(np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]))
        found = read_cif(block(cf.cell_lines(primitive.cell), cf.operation_lines(primitive.triplets()),
                               cf.atom_lines(primitive), cf.formula_lines(primitive)))  # fmt: skip
        assert found.group.hm == "F m -3 m"
        assert found.cell.a == pytest.approx(crystal.cell.a, rel=1e-9)
        assert found.composition() == pytest.approx(crystal.composition())
        assert not notes(found, "composition")

    def test_one_identity_and_a_symbol(self):
        text = block(cell(4.1), symbol("P m -3 m"), cf.operation_lines(["x,y,z"]), bare("Cs 0 0 0", "Cl .5 .5 .5"))
        assert read_cif(text).group.hm == "P m -3 m"

    def test_one_identity_beside_a_symbol_that_the_atoms_contradict(self):
        rows = ("Na1 Na 0 0 0 1 1", "Cl1 Cl 0.11 0.23 0.37 1 1")
        found = read_cif(
            block("_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 1\n", cell(5.6), symbol("F m -3 m"),
                  cf.operation_lines(["x,y,z"]), atoms(*rows))
        )  # fmt: skip
        assert found.group.hm == "P 1"
        assert notes(found, "does not fit the atoms")

    def test_operations_without_the_centring(self):
        """The list lacks what makes F of P; formula and Z say so."""
        text = block(
            "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 4\n",
            cell(5.64), symbol("F m -3 m"), operations("P m -3 m"), atoms(*ROCK_SALT),
        )  # fmt: skip
        found = read_cif(text)
        assert found.group.hm == "F m -3 m"
        assert notes(found, "fits the atoms")
        without_formula = read_cif(text.replace("_chemical_formula_sum", "_x").replace("_cell_formula_units_Z", "_y"))
        assert without_formula.group.hm == "F m -3 m"  # a cell of 5.6 Å with two atoms is empty

    def test_an_incomplete_list_is_completed(self):
        found = read_cif(block(cell(5, 6, 7), cf.operation_lines(["x,y,z", "-x,1/2+y,-z", "-x,-y,-z"]),
                               atoms("Cu1 Cu 0.1 0.2 0.3 1 1")))  # fmt: skip
        assert found.group.hm == "P 1 21/m 1"
        assert notes(found, "the others added")

    @pytest.mark.parametrize(
        "text", ["1/2+x, y ,-z", "X+0.5,Y,-Z", "x+.5,y,-z", "+x+1/2,+y,-z", "x+0.50,y,-z", "x+1/2,y,-z,-1"]
    )
    def test_spellings_of_a_triplet(self, text):
        rotation, translation = parse_triplet(text)
        assert rotation == [[1, 0, 0], [0, 1, 0], [0, 0, -1]]
        assert translation == [0.5, 0.0, 0.0]

    @pytest.mark.parametrize(("text", "shift"), [("z+0.333", 1 / 3), ("z+0.6667", 2 / 3), ("z-0.33", -1 / 3), ("z+0.125", 1 / 8),
                                                 ("z+0.0833", 1 / 12), ("z+0.1234", 0.1234), ("z+0.3", 0.3)])  # fmt: skip
    def test_rounded_translations_are_fractions(self, text, shift):
        assert parse_triplet(f"x,y,{text}")[1][2] == pytest.approx(shift, abs=1e-12)

    @pytest.mark.parametrize("text", ["x,y", "x,y,w", "x,y,\x01z", "x,y,z z", "x,y,2", "x,x,x", "", "x,y,1e999", "x" * 500,
                                      "x,y,z+1/0", "x y z", "x,,z"])  # fmt: skip
    def test_what_is_no_triplet(self, text):
        if text == "x,y,z+1/0":
            assert parse_triplet(text)[1][2] in (0.0, 1.0)
            return
        with pytest.raises(InputError) as caught:
            parse_triplet(text)
        assert str(caught.value).isprintable()

    def test_operations_that_are_no_group(self):
        with pytest.raises(InputError, match="group"):
            read_cif(block(cell(5), cf.operation_lines(["x,y,z", "x+y,y,z"]), atoms("Cu1 Cu 0 0 0 1 1")))
        with pytest.raises(InputError, match="group"):
            read_operations(["x,y,z", "x+0.0101,y,z"])

    @pytest.mark.parametrize(
        ("text", "hm"),
        [
            ("F d -3 m S", "F d -3 m:1"), ("F d -3 m Z", "F d -3 m:2"), ("F d -3 m:1", "F d -3 m:1"),
            ("Fd-3m (origin 1)", "F d -3 m:1"), ("F d -3 m (origin choice 2)", "F d -3 m:2"), ("F d -3 m O1", "F d -3 m:1"),
            ("F d -3 m (227)", "F d -3 m:2"), ("F d 3 m", "F d -3 m:2"), ("Fd-3m:2", "F d -3 m:2"),
        ],
    )  # fmt: skip
    def test_spellings_of_an_origin(self, text, hm):
        assert read_cif(block(cell(5.43), symbol(text), atoms("Si Si 0.125 0.125 0.125 1 1"))).group.hm == hm

    @pytest.mark.parametrize(
        ("text", "angles", "hm"),
        [
            ("P 21/b", {"gamma": 100}, "P 1 1 21/b"), ("P 21", {"gamma": 100}, "P 1 1 21"), ("P 21", {"beta": 100}, "P 1 21 1"),
            ("P21/c", {"beta": 100}, "P 1 21/c 1"), ("B 2/m", {"gamma": 100}, "B 1 1 2/m"), ("C 2/m", {"beta": 95}, "C 1 2/m 1"),
            ("P 21/n", {"beta": 95}, "P 1 21/n 1"), ("P m", {"alpha": 95}, "P m 1 1"),
        ],
    )  # fmt: skip
    def test_the_cell_says_which_axis_is_unique(self, text, angles, hm):
        found = read_cif(block(cell(5, 6, 7, **angles), symbol(text), atoms("Cu1 Cu 0.1 0.2 0.3 1 1")))
        assert found.group.hm == hm

    def test_both_axes_of_a_rhombohedral_group(self):
        row = atoms("Bi1 Bi 0.2 0.2 0.2 1 1")
        assert read_cif(block(cell(4.7, alpha=57, beta=57, gamma=57), symbol("R -3 m"), row)).group.hm == "R -3 m:R"
        found = read_cif(block(cell(4.7, alpha=57, beta=57, gamma=57), symbol("R -3 m H"), row))
        assert found.group.hm == "R -3 m:R"
        assert notes(found, "the cell has axes R")
        assert read_cif(block(cell(4.5, c=11.8, gamma=120), symbol("R -3 m"), row)).group.hm == "R -3 m:H"

    def test_a_hall_symbol_in_no_table(self):
        shifted = 'P 32 2" (0 0 4)'
        text = block(cell(4.916, c=5.4054, gamma=120), f"_space_group_name_Hall '{shifted}'\n",
                     atoms("Si1 Si 0.4697 0 0 1 1", "O1 O 0.4135 0.2669 0.1191 1 1"))  # fmt: skip
        places = [np.array(op.apply_to_xyz([0.4697, 0.0, 0.0])) % 1 for op in gemmi.symops_from_hall(shifted)]
        expected = len({tuple(np.round(place, 4) % 1) for place in places})
        found = read_cif(text)
        assert found.group.number == 154
        assert found.composition()["Si"] == expected

    def test_a_hall_symbol_is_no_hermann_mauguin_symbol(self):
        text = block(cell(5, 6, 7, gamma=100), "_space_group_name_Hall 'P 2'\n", atoms("Cu1 Cu 0.1 0.2 0.3 1 1"))
        assert read_cif(text).group.hm == "P 1 1 2"

    def test_every_hall_symbol_is_its_own_setting(self):
        for entry in gemmi.spacegroup_table():
            assert space_group_by_hall(entry.hall).hall == entry.hall


def _lines(structure):
    orbits = np.concatenate([_positions(structure, site) for site in structure.sites])
    counts = [site.multiplicity for site in structure.sites]
    names = np.repeat([site.species for site in structure.sites], counts)
    shells = cf.powder(structure.cell, names, orbits, np.ones(len(orbits)), np.zeros(len(orbits)))
    return np.array([shells[key][0] for key in sorted(shells)])


def _positions(structure, site):
    from xrdfit.crystal.sites import orbit

    return orbit(structure.group, site.xyz)


class TestOrigins:
    SILICON = block("_chemical_formula_sum 'Si'\n_cell_formula_units_Z 8\n", cell(5.4309), symbol("F d -3 m"),
                    atoms("Si Si {0} {0} {0} 1 0.5"))  # fmt: skip

    @pytest.mark.parametrize(("x", "hm"), [("0", "F d -3 m:1"), ("0.125", "F d -3 m:2")])
    @pytest.mark.parametrize("known", ["formula", "density", "distances", "multiplicity"])
    def test_the_origin_that_the_atoms_allow(self, x, hm, known):
        text = self.SILICON.format(x)
        if known != "formula":
            text = text.replace("_cell_formula_units_Z 8\n", "")
        if known == "density":
            text = text.replace("_cell_length_a", "_exptl_crystal_density_diffrn 2.329\n_cell_length_a")
        if known == "multiplicity":
            text = text.replace("_B_iso_or_equiv\n", "_B_iso_or_equiv\n_atom_site_symmetry_multiplicity\n")
            text = text.replace("1 0.5\n", "1 0.5 8\n")
        found = read_cif(text)
        assert (found.group.hm, found.composition()) == (hm, {"Si": 8})
        assert not notes(found, "composition")

    @pytest.mark.parametrize("said", ["F d -3 m:2", "F d -3 m Z", "F d -3 m"])
    def test_an_origin_that_the_formula_denies(self, said):
        text = self.SILICON.format("0").replace("F d -3 m", said)
        if ":" not in said and "Z" not in said:
            text = text.replace("_cell_length_a", "_space_group_IT_coordinate_system_code 2\n_cell_length_a")
        found = read_cif(text)
        assert (found.group.hm, found.composition()) == ("F d -3 m:1", {"Si": 8})
        assert notes(found, "says origin choice 2")
        alone = read_cif(text.replace("_cell_formula_units_Z 8\n", ""))  # distances alone do not gainsay a file
        assert alone.group.hm == "F d -3 m:2"

    def test_a_code_of_the_coordinate_system(self):
        text = block(cell(5.43), symbol("F d -3 m", "_space_group.name_H-M_alt"),
                     "_space_group.IT_coordinate_system_code 1\n", atoms("Na Na 0.3 0.3 0.3 1 1", stem="_atom_site."))  # fmt: skip
        assert read_cif(text).group.hm == "F d -3 m:1"


class TestComposition:
    def test_a_contradiction_says_both(self):
        text = block(
            "_chemical_formula_sum 'Na2 Cl'\n_cell_formula_units_Z 4\n",
            cell(5.64),
            symbol("F m -3 m"),
            atoms(*ROCK_SALT),
        )
        (note,) = notes(read_cif(text), "composition")
        assert "Na4 Cl4" in note
        assert "Na8 Cl4" in note
        assert "× 4" in note

    @pytest.mark.parametrize(("formula", "units"), [("Na Cl", "4"), ("Cl1 Na1", "4"), ("NaCl", "?"), ("Na Cl", "."), ("Cl4 Na4", "1"),
                                                    ("'NA CL'", "4")])  # fmt: skip
    def test_no_word_where_they_agree(self, formula, units):
        text = block(f"_chemical_formula_sum '{formula.strip(chr(39))}'\n_cell_formula_units_Z {units}\n", cell(5.64),
                     symbol("F m -3 m"), atoms(*ROCK_SALT))  # fmt: skip
        assert read_cif(text).notes == ()

    def test_a_wrong_z_is_said(self):
        text = block(
            "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 2\n",
            cell(5.64),
            symbol("F m -3 m"),
            atoms(*ROCK_SALT),
        )
        assert "Na4 Cl4" in notes(read_cif(text), "composition")[0]

    def test_rounded_formulas_agree(self):
        text = block("_chemical_formula_sum 'Cl K0.33 Na0.67'\n_cell_formula_units_Z 4\n", cell(5.64), symbol("F m -3 m"),
                     atoms("Na1 Na 0 0 0 0.667 1", "K1 K 0 0 0 0.333 1", "Cl1 Cl 0.5 0.5 0.5 1 1"))  # fmt: skip
        assert not notes(read_cif(text), "composition")

    @pytest.mark.parametrize(
        ("text", "elements"),
        [
            ("Si O2", {"Si": 1, "O": 2}), ("C2 H6 D O", {"C": 2, "H": 7, "O": 1}), ("CU2 SE", {"Cu": 2, "Se": 1}),
            ("Al1.5(2) O3", {"Al": 1.5, "O": 3}), ("NaCl", {"Na": 1, "Cl": 1}), ("Ca3 (P O4)2", None), ("?", None),
            ("Xx2", None), ("1" * 400, None), ("A" * 5000, None), ("Na.", None),
        ],
    )  # fmt: skip
    def test_formulas(self, text, elements):
        assert parse_formula(text) == elements


class TestOccupancies:
    def test_a_rounded_sum_is_scaled(self):
        text = block(
            cell(5.64), symbol("F m -3 m"), atoms("Na Na 0 0 0 0.706 1", "K K 0 0 0 0.3 1", "Cl Cl .5 .5 .5 1 1")
        )
        found = read_cif(text)
        assert found["Na_4a"].occupancy + found["K_4a"].occupancy == pytest.approx(1.0, abs=1e-12)
        assert found["Na_4a"].occupancy == pytest.approx(0.706 / 1.006)
        assert notes(found, "sum to 1.006")

    def test_more_than_rounding_is_refused(self):
        with pytest.raises(InputError, match=r"sum to 1\.05"):
            read_cif(block(cell(5.64), symbol("F m -3 m"), atoms("Na Na 0 0 0 0.75 1", "K K 0 0 0 0.3 1")))

    @pytest.mark.parametrize(
        ("z", "xy"), [("0.0001", "0.33333 0.66667"), ("0.001", "0.333 0.667"), ("0.9995", "0.334 0.667")]
    )
    def test_a_mixed_site_with_rounded_coordinates_is_one(self, z, xy):
        rows = ("Zn1 Zn 0.3333 0.6667 0.0000 0.5 0.6", f"Mg1 Mg {xy} {z} 0.5 0.6", "O1 O 0.3333 0.6667 0.3821 1 0.6")
        found = read_cif(block(cell(3.2498, c=5.2066, gamma=120), symbol("P 63 m c"), atoms(*rows)))
        assert found["Mg_2b"].shares == "Zn_2b"
        assert found["Mg_2b"].xyz == found["Zn_2b"].xyz
        assert notes(found, "one position")

    def test_sites_that_differ_stay_two(self):
        rows = ("Zn1 Zn 0.3333 0.6667 0.0000 0.5 0.6", "Mg1 Mg 0.3333 0.6667 0.0030 0.5 0.6")
        found = read_cif(block(cell(3.2498, c=5.2066, gamma=120), symbol("P 63 m c"), atoms(*rows)))
        assert [site.shares for site in found.sites] == [None, None]


class TestFullLists:
    @pytest.mark.parametrize("identity", ["", cf.operation_lines(["x,y,z"])])
    def test_every_atom_of_the_cell_beside_a_symbol(self, identity):
        na = [f"Na{i} Na {x} {y} {z} 1 1" for i, (x, y, z) in enumerate([(0, 0, 0), (0, .5, .5), (.5, 0, .5), (.5, .5, 0)])]  # fmt: skip
        cl = [f"Cl{i} Cl {x} {y} {z} 1 1" for i, (x, y, z) in enumerate([(.5, .5, .5), (.5, 0, 0), (0, .5, 0), (0, 0, .5)])]  # fmt: skip
        found = read_cif(block(cell(5.64), symbol("F m -3 m"), identity, atoms(*na, *cl)))
        assert found.composition() == {"Na": 4, "Cl": 4}
        assert [site.label for site in found.sites] == ["Na_4a", "Cl_4b"]
        assert notes(found, "6 of 8 atoms are equivalent to others")

    def test_copies_on_the_faces_of_the_cell(self):
        corners = [f"Cs{i} Cs {i & 1} {i >> 1 & 1} {i >> 2} 1 1" for i in range(8)]
        found = read_cif(block(cell(4.1), symbol("P m -3 m"), atoms(*corners, "Cl1 Cl .5 .5 .5 1 1")))
        assert found.composition() == {"Cs": 1, "Cl": 1}

    def test_two_ions_of_one_element_on_one_position_are_two(self):
        found = read_cif(
            block(cell(4.1), symbol("P m -3 m"), atoms("Fe1 Fe 0 0 0 .5 1", "Fe2 Fe 0 0 0 .5 1", "O O .5 0 0 1 1"))
        )
        assert found.composition() == {"Fe": 1, "O": 3}


class TestBlocks:
    def phases(self, *names):
        return "".join(
            block(cell(4 + 0.2 * i), symbol("F m -3 m"), atoms(*ROCK_SALT), name=n) for i, n in enumerate(names)
        )

    def test_names_numbers_and_all(self):
        text = "data_publ\n_a 1\n" + self.phases("one", "two")
        assert cif_blocks(text) == ("one", "two")
        assert read_cif(text, block="two").cell.a == read_cif(text, block="2").cell.a == 4.2
        assert [s.name for s in read_cifs(text)] == ["one", "two"]
        with pytest.raises(InputError, match="holds no atoms; there are one, two"):
            read_cif(text, block="publ")

    def test_equal_names(self):
        text = self.phases("global", "global")
        assert cif_blocks(text) == ("global", "global_2")
        assert read_cif(text, block="global_2").cell.a == 4.2
        assert len(read_cifs(text)) == 2

    def test_a_model_of_all_or_of_one(self, tmp_path, capsys):
        path = tmp_path / "two.cif"
        path.write_text(self.phases("p_0", "p_1"))
        model = xf.load_model(path)
        assert [phase.name for phase in model.phases] == ["p_0", "p_1"]
        assert any("p_0, p_1" in note and "--block" in note for note in model.notes)
        for one in (xf.load_model(path, block="p_1"), xf.load_model(f"{path}::p_1"), xf.load_model(f"{path}::2")):
            assert [phase.structure.cell.a for phase in one.phases] == [4.2]
        assert main(["reflections", str(path), "--block", "p_1", "--format", "csv", "--two-theta", "20", "50"]) == 0
        assert capsys.readouterr().out.startswith("h,k,l")
        assert main(["reflections", str(path), "--block", "p_7"]) == 2
        assert "not there" in capsys.readouterr().err
        with pytest.raises(InputError, match="is no CIF"):
            xf.load_model("cu2se", block="x")


class TestDamageAndDialects:
    def test_a_repeated_tag(self):
        twice = "_chemical_formula_sum 'Na Cl'\n"
        found = read_cif(block(twice, twice, cell(5.64), symbol("F m -3 m"), atoms(*ROCK_SALT)))
        assert notes(found, "stands twice")

    def test_repeated_tags_that_differ(self):
        found = read_cif(
            block(
                "_cell_length_a 5.64\n", cell(5.64).replace("_a 5.64", "_a 5.70"), symbol("F m -3 m"), atoms(*ROCK_SALT)
            )
        )
        assert found.cell.a == 5.64
        assert notes(found, "different values")

    @pytest.mark.parametrize(
        "change", ["mark", "utf16", "utf16 bare", "cr", "ctrl-z", "nul tail", "latin-1", "minus", "blank"]
    )
    def test_encodings_and_ends(self, tmp_path, change):
        text = block(cell(5.64), symbol("F m -3 m"), atoms("Na1 Na 0 0 0 1 1", "Cl1 Cl -0.5 0.5 0.5 1 1"))
        data = {
            "mark": codecs.BOM_UTF8 + text.encode(),
            "utf16": text.encode("utf-16"),
            "utf16 bare": text.encode("utf-16-le"),
            "cr": text.replace("\n", "\r").encode(),
            "ctrl-z": text.encode() + b"\x1a",
            "nul tail": text.encode() + b"\0" * 100,
            "latin-1": (
                "_publ_author_name M\xfcller\n".join(text.split("\n", 1)) if 0 else text + "_x M\xfcller\n"
            ).encode("latin-1"),
            "minus": text.replace("-0.5", "\u22120.5").encode(),
            "blank": text.replace("Na 0 0", "Na\xa00\xa00").encode(),
        }[change]
        path = tmp_path / "salt.cif"
        path.write_bytes(data)
        assert read_cif(path).composition() == {"Na": 4, "Cl": 4}

    def test_no_block_header(self):
        assert read_cif(cell(5.64) + symbol("F m -3 m") + atoms(*ROCK_SALT)).composition() == {"Na": 4, "Cl": 4}

    def test_dotted_names(self):
        text = block(cf.cell_lines(Cell(3.88, 3.88, 3.88), "."), '_space_group.name_H-M_alt "P m -3 m"\n',
                     atoms("La La 0 0 0 0.5 0.1", "Ba Ba 0 0 0 0.5 0.1", "Co Co 0.5 0.5 0.5 1 0.1", "O O 0 0.5 0.5 1 0.1",
                           stem="_atom_site."))  # fmt: skip
        found = read_cif(text)
        assert found.composition() == {"La": 0.5, "Ba": 0.5, "Co": 1, "O": 3}
        assert found["Co_1b"].b_iso == 0.1

    def test_upper_case_tags_and_one_atom_without_a_loop(self):
        one = "_ATOM_SITE_LABEL Cu1\n_ATOM_SITE_FRACT_X 0\n_ATOM_SITE_FRACT_Y 0\n_ATOM_SITE_FRACT_Z 0\n"
        assert read_cif(block(cell(3.6).upper(), symbol("F m -3 m"), one)).composition() == {"Cu": 4}

    def test_a_magnetic_cell(self):
        """Antiferromagnetic order doubles c: the crystal of the atoms is half as large."""
        ops = "loop_\n_space_group_symop_magn_operation.xyz\nx,y,z,+1\n-x,-y,-z,+1\n"
        cent = "loop_\n_space_group_symop_magn_centering.xyz\nx,y,z,+1\nx,y,z+1/2,-1\n"
        text = block(cell(4, 5, 12, 91, 95, 100), ops, cent, atoms("Mn1 Mn 0 0 0 1 1", "O1 O 0.3 0.4 0.1 1 1"))
        found = read_cif(text)
        assert found.group.hm == "P -1"
        assert found.cell.volume == pytest.approx(Cell(4, 5, 12, 91, 95, 100).volume / 2)
        assert found.composition() == {"Mn": 1, "O": 2}
        assert notes(found, "magnetic")

    def test_cartesian_coordinates(self):
        crystal = cf.make("P 1 21/c 1", 3)
        found = read_cif(
            block(cf.cell_lines(crystal.cell, "."), cf.symbol_line("P 1 21/c 1"), cf.cartesian_lines(crystal))
        )
        np.testing.assert_allclose([site.xyz for site in found.sites], crystal.xyz, atol=2e-8)

    def test_control_characters_reach_no_message(self, tmp_path, capsys):
        text = block(cell(5), cf.operation_lines(["x,y,\x01\x00z"]), atoms("Cu1 Cu 0 0 0 1 1"))
        with pytest.raises(InputError) as caught:
            read_cif(text)
        assert str(caught.value).isprintable()
        label = block(cell(5), symbol("P 1"), bare("Cu\x1b]0;owned\x07\x1b[31m 0 0 0"))
        found = read_cif(label)
        assert all(note.isprintable() for note in found.notes)
        path = tmp_path / "x.cif"
        path.write_text(label)
        assert main(["reflections", str(path), "--two-theta", "15", "40"]) == 0
        out, err = capsys.readouterr()
        assert "\x1b" not in out + err
        assert "Cu?" in err

    def test_many_atoms_make_one_warning_and_take_seconds(self):
        rng = np.random.default_rng(0)
        rows = [f"Cu{i} {x:.5f} {y:.5f} {z:.5f}" for i, (x, y, z) in enumerate(rng.random((1000, 3)))]
        start = time.process_time()
        found = read_cif(block(cell(100), symbol("P 1"), bare(*rows)))
        assert time.process_time() - start < 5.0
        assert len(found.sites) == 1000
        assert len(found.notes) <= 4
        assert notes(found, "1000 atoms (Cu0, Cu1, Cu2, …): no displacement parameter")

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("group", "count", "read"), [("P 1", 5000, True), ("F d -3 m", 1000, True), ("F d -3 m", 5000, False)]
    )
    def test_a_hundred_kilobytes_of_atoms_take_seconds(self, group, count, read):
        rng = np.random.default_rng(0)
        rows = [f"H {x:.3f} {y:.3f} {z:.3f}" for x, y, z in rng.random((count, 3))]
        text = block(cell(60), symbol(group), bare(*rows))
        start = time.process_time()
        if read:
            assert len(read_cif(text).sites) > 0.98 * count
        else:
            with pytest.raises(InputError, match="their product may be up to"):
                read_cif(text)
        assert time.process_time() - start < 5.0

    def test_a_path_with_a_nul(self):
        for read in (read_cif, xf.load_model):
            with pytest.raises(InputError) as caught:
                read("a\0b.cif")
            assert str(caught.value).isprintable()

    def test_overlapping_atoms_are_said(self):
        found = read_cif(block(cell(5), symbol("P -1"), atoms("Na1 Na 0.1 0.2 0.3 1 1", "Cl1 Cl 0.15 0.2 0.3 1 1")))
        assert notes(found, "0.25 Å apart")

    def test_a_tiny_cell(self):
        for a in (1e-300, 1e-9, 0.05):
            with pytest.raises(InputError, match="cell a"):
                Cell(a, a, a)


class TestCloseness:
    @pytest.mark.parametrize(
        ("first", "second", "bond"),
        [
            ("P", "O", 1.52), ("Si", "O", 1.61), ("V", "O", 1.58), ("Al", "O", 1.76), ("S", "O", 1.47), ("B", "O", 1.37),
            ("C", "O", 1.28), ("C", "O", 1.13), ("C", "N", 1.15), ("U", "O", 1.76), ("Os", "O", 1.70), ("Cr", "O", 1.60),
            ("Cl", "O", 1.42), ("O", "H", 0.82), ("C", "H", 0.93), ("Mo", "S", 2.10), ("W", "O", 1.70), ("Mn", "O", 1.60),
            ("Cu", "Se", 2.3), ("Cu", "O", 1.80), ("Be", "O", 1.60), ("N", "O", 1.20), ("Fe", "C", 1.80), ("Ce", "O", 2.3),
        ],
    )  # fmt: skip
    def test_real_bonds_are_none_too_short(self, first, second, bond):
        assert bond > nearest_bond(first, second)
        assert nearest_bond(first, second) == nearest_bond(second, first)

    @pytest.mark.parametrize(
        ("first", "second", "distance"), [("Cu", "Se", 1.46), ("Cu", "O", 1.5), ("Na", "Cl", 1.8), ("Si", "O", 1.2)]
    )
    def test_impossible_distances(self, first, second, distance):
        assert distance < nearest_bond(first, second)

    def test_the_film_clusters_sites(self):
        rows = [{"species": "Se", "wyckoff": "4a"}, {"species": "Cu", "xyz": (0.25, 0, 0), "occupancy": 0.18}]
        close = too_close(Structure.from_sites("x", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows))
        assert [(a.label, b.label, round(d, 2)) for a, b, d in close] == [("Se_4a", "Cu_24e", 1.46)]

    def test_phosphate(self):
        rows = ("P1 P 0.0948 0.25 0.4182 1 0.5", "O1 O 0.0968 0.25 0.7428 1 0.7", "O3 O 0.1656 0.0465 0.2848 1 0.7")
        found = read_cif(block(cell(10.332, 6.01, 4.692), symbol("P n m a"), atoms(*rows)))
        assert too_close(found) == []
