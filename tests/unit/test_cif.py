import math
from pathlib import Path

import gemmi
import pytest

from xrdfit.crystal.cif import MAX_BYTES, read_cif, write_cif
from xrdfit.crystal.cifwriter import with_esd
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import cell_from_free, space_group
from xrdfit.errors import InputError

REALDATA = Path(__file__).resolve().parents[3] / "shared" / "realdata" / "fit"

CELL = "_cell_length_a 5.4631(3)\n_cell_length_b 5.4631(3)\n_cell_length_c 5.4631(3)\n"
ANGLES = "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
SYMBOL = "_symmetry_space_group_name_H-M 'F m -3 m'\n"
ATOMS = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
Ca1 Ca2+ 0 0 0 1 0.0060(2)
F1 F1- 0.25 0.25 0.25 0.98(1) 0.0080
"""


def cif(symmetry=SYMBOL, cell=CELL + ANGLES, atoms=ATOMS, name="fluorite"):
    return f"data_{name}\n{cell}{symmetry}{atoms}"


def atoms(*rows, columns="label type_symbol fract_x fract_y fract_z occupancy U_iso_or_equiv"):
    tags = "".join(f"_atom_site_{name}\n" for name in columns.split())
    return "loop_\n" + tags + "\n".join(rows) + "\n"


def test_a_plain_cif():
    found = read_cif(cif())
    assert (found.name, found.group.hm, found.cell.a) == ("fluorite", "F m -3 m", 5.4631)
    assert [(s.label, s.species, s.xyz, s.occupancy) for s in found.sites] == [
        ("Ca_4a", "Ca2+", (0, 0, 0), 1.0),
        ("F_8c", "F1-", (0.25, 0.25, 0.25), 0.98),
    ]
    assert found["Ca_4a"].b_iso == pytest.approx(8 * math.pi**2 * 0.006, rel=1e-10)
    assert found.notes == ()


@pytest.mark.parametrize(
    "symmetry",
    [
        "_space_group_name_H-M_alt 'F m -3 m'\n",
        "_space_group_name_Hall '-F 4 2 3'\n",
        "_symmetry_Int_Tables_number 225\n",
        "_space_group_IT_number 225\n_symmetry_space_group_name_H-M ?\n",
        "_symmetry_space_group_name_H-M Fm3m\n",
    ],
)
def test_symmetry_in_any_of_its_forms(symmetry):
    assert read_cif(cif(symmetry)).group == space_group("Fm-3m")


def operations(hm):
    lines = [f"'{op.triplet()}'" for op in gemmi.SpaceGroup(hm).operations()]
    return "loop_\n_symmetry_equiv_pos_as_xyz\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(("hm", "first"), [("F d -3 m:1", "Ca_8a"), ("F d -3 m:2", "Ca_16c")])
def test_the_operations_decide_the_origin(hm, first):
    symmetry = "_symmetry_space_group_name_H-M 'F d -3 m'\n" + operations(hm)
    found = read_cif(cif(symmetry, atoms=atoms("Ca1 Ca 0 0 0 1 0.01")))
    assert found.group.hm == hm
    assert found.sites[0].label == first
    assert found.notes == ()


def test_an_open_origin_is_noted():
    found = read_cif(cif("_symmetry_space_group_name_H-M 'F d -3 m'\n"))
    assert found.group.hm == "F d -3 m:2"
    assert any("origin" in note for note in found.notes)


def test_operations_against_the_symbol_are_noted():
    only_identity = read_cif(cif(SYMBOL + operations("P 1")))
    assert only_identity.group.hm == "F m -3 m"
    other = read_cif(cif(SYMBOL + operations("P m -3 m")))
    assert other.group.hm == "P m -3 m"
    for found in (only_identity, other):
        assert any("F m -3 m" in note for note in found.notes)


def test_rhombohedral_axes_are_known_by_the_cell():
    cell = "".join(f"_cell_length_{x} 6.36\n" for x in "abc") + "".join(
        f"_cell_angle_{x} 46.1\n" for x in ("alpha", "beta", "gamma")
    )
    assert read_cif(cif("_symmetry_space_group_name_H-M 'R -3 c'\n", cell)).group.hm == "R -3 c:R"


def test_lacking_and_inexact_cell_parameters():
    assert read_cif(cif(cell="_cell_length_a 5.4631\n")).cell == read_cif(cif()).cell
    inexact = read_cif(cif(cell=CELL.replace("_c 5.4631", "_c 5.4635") + ANGLES))
    assert inexact.cell.c == 5.4631
    assert any("cell c" in note for note in inexact.notes)
    with pytest.raises(InputError, match=r"cell c: 5\.6"):
        read_cif(cif(cell=CELL.replace("_c 5.4631", "_c 5.6000") + ANGLES))


@pytest.mark.parametrize(("symbol", "species"), [("Cu1+", "Cu1+"), ("Rb+1", "Rb1+"), ("D", "D"), ("CU", "Cu"),
                                                 ("Se0-", "Se"), ("Fe2.67+", "Fe"), ("Se2-", "Se2-")])  # fmt: skip
def test_type_symbols(symbol, species):
    found = read_cif(cif(atoms=atoms(f"X1 {symbol} 0 0 0 1 0.01")))
    assert found.sites[0].species == species
    assert bool(found.notes) is (symbol in ("Fe2.67+", "Se2-"))


@pytest.mark.parametrize(("label", "element"), [("Cu1", "Cu"), ("O2a", "O"), ("SE3", "Se"), ("Ow", "O"), ("D1", "D")])
def test_elements_from_labels_are_noted(label, element):
    found = read_cif(cif(atoms=atoms(f"{label} 0 0 0", columns="label fract_x fract_y fract_z")))
    assert found.sites[0].species == element
    assert found.sites[0].occupancy == 1.0
    assert any(label in note for note in found.notes)


def test_unknown_values_get_defaults_and_notes():
    found = read_cif(cif(atoms=atoms("Cu1 Cu 0 0 0 ? ?", "Cu2 Cu ? ? ? 1 0.1", "Cu3 Cu 0.25 0.25 0.25 1.0005 .")))
    assert [(site.label, site.occupancy, site.b_iso) for site in found.sites] == [("Cu_4a", 1, 0), ("Cu_8c", 1, 0)]
    for word in ("occupancy", "no displacement", "left out", "set to 1"):
        assert any(word in note for note in found.notes), word


TENSOR = "loop_\n" + "".join(
    f"_atom_site_aniso_{name}\n" for name in ("label", "U_11", "U_22", "U_33", "U_12", "U_13", "U_23")
)


def test_b_and_tensors():
    by_b = atoms("Cu1 Cu 0 0 0 1.5", columns="label type_symbol fract_x fract_y fract_z B_iso_or_equiv")
    assert read_cif(cif(atoms=by_b)).sites[0].b_iso == 1.5
    plain = atoms("Cu1 Cu 0 0 0", columns="label type_symbol fract_x fract_y fract_z")
    found = read_cif(cif(atoms=plain + TENSOR + "Cu1 0.01 0.02 0.03 0 0 0\n"))
    assert found.sites[0].b_iso == pytest.approx(8 * math.pi**2 * 0.02)


def test_equivalent_b_of_an_oblique_tensor_agrees_with_gemmi():
    values = {"length_a": 5, "length_b": 6, "length_c": 7, "angle_alpha": 80, "angle_beta": 100, "angle_gamma": 110}
    cell = "".join(f"_cell_{name} {value}\n" for name, value in values.items())
    plain = atoms("Cu1 Cu 0.1 0.2 0.3", columns="label type_symbol fract_x fract_y fract_z")
    found = read_cif(
        cif("_space_group_IT_number 1\n", cell, plain + TENSOR + "Cu1 0.01 0.02 0.03 0.004 -0.005 0.006\n")
    )
    theirs = gemmi.UnitCell(5, 6, 7, 80, 100, 110).calculate_u_eq(gemmi.SMat33d(0.01, 0.02, 0.03, 0.004, -0.005, 0.006))
    assert found.sites[0].b_iso == pytest.approx(8 * math.pi**2 * theirs, rel=1e-9)


def test_mixed_sites():
    found = read_cif(cif(atoms=atoms("O1 O 0.3 0 0 0.8333 0.05", "F1 F 0.3 0 0 0.1667 0.05")))
    assert [(s.label, s.shares) for s in found.sites] == [("O_24e", None), ("F_24e", "O_24e")]


def test_several_blocks():
    text = "data_global\n_journal_name ?\n" + cif(name="one") + cif(name="two").replace("5.4631", "6.0000")
    with pytest.raises(InputError, match="one, two"):
        read_cif(text)
    assert read_cif(text, block="two").cell.a == 6.0
    with pytest.raises(InputError, match="global, one, two"):
        read_cif(text, block="three")
    assert read_cif("data_global\n_journal_name ?\n" + cif()).name == "fluorite"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello\nworld\n", "not a readable CIF"),
        ("data_x\nloop_\n_a\n_b\n1 2 3\n", "not a readable CIF"),
        ("data_x\n_cell_length_a 5\n", "no data block"),
        (cif(symmetry=""), "no symmetry"),
        (cif(symmetry="_symmetry_space_group_name_H-M 'F x'\n"), "space group"),
        (cif(cell=""), "a lacking"),
        (cif(cell="_cell_length_a -5\n"), "out of range"),
        (cif(atoms=atoms("X1 Xx 0 0 0 1 0")), "atom X1"),
        (cif(atoms=atoms("Q1 ? 0 0 0 1 0")), "atom Q1"),
        (cif(atoms=atoms("Cu1 Cu 0 0 0 1.4 0")), "1.4"),
        (cif(atoms=atoms("Cu1 Cu 0 0 0 -0.4 0")), "-0.4"),
        (cif(atoms=atoms("Cu1 Cu 0 0 0 0.8 0", "O1 O 0 0 0 0.8 0")), "sum to 1.6"),
        ("\x00\xff\n\x00", "not a readable CIF"),
    ],
)
def test_what_cannot_be_a_structure_is_refused_in_one_line(text, words):
    with pytest.raises(InputError, match=words) as caught:
        read_cif(text)
    assert "\n" not in str(caught.value)


def test_files_are_named_in_messages(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.cif: cannot be read"):
        read_cif(tmp_path / "nothing.cif")
    with pytest.raises(InputError, match="cannot be read"):
        read_cif(str(tmp_path))
    large = tmp_path / "large.cif"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="20 MB are allowed"):
        read_cif(large)
    good = tmp_path / "caf2.cif"
    good.write_bytes(b"# \xe9 in Latin-1\n" + cif().encode())
    assert read_cif(good).name == "caf2"
    assert read_cif(str(good)).source == str(good)


@pytest.mark.parametrize(
    ("value", "esd", "text"),
    [
        (0.39612, 0.00123, "0.3961(12)"),
        (0.39612, 0.0002, "0.3961(2)"),
        (0.5, 0.000196, "0.5000(2)"),
        (10.4774, 0.0996, "10.48(10)"),
        (123.4, 25.0, "120(20)"),
        (1234.0, 12.0, "1234(12)"),
        (0.25, None, "0.25"),
        (0.25, float("nan"), "0.25"),
        (0.25, 0.0, "0.25"),
        (-0.0012, 0.0034, "-0.001(3)"),
    ],
)
def test_uncertainties_are_written_by_the_rule_of_19(value, esd, text):
    assert with_esd(value, esd) == text


def test_written_cif_carries_uncertainties_and_reads_in_gemmi(tmp_path):
    group = space_group("P 63/m m c")
    cell = cell_from_free(group, {"a": 3.1, "c": 5.1})
    rows = [{"species": "Cu1+", "xyz": (0.17, 0.34, 0.06), "occupancy": 0.4, "b_iso": 1.2},
            {"species": "Se2-", "xyz": (1 / 3, 2 / 3, 0.25), "b_iso": 0.8}]  # fmt: skip
    structure = Structure.from_sites("my phase", group, cell, rows)
    path = tmp_path / "out.cif"
    esds = {"a": 0.0012, "x_Cu_12k": 0.0004, "occ_Cu_12k": 0.013, "b_Cu_12k": 0.08}
    text = write_cif(structure, path, esds)
    assert path.read_text(encoding="utf-8") == text
    assert "0.1700(4)" in text
    assert "0.3400(8)" in text
    assert "0.400(13)" in text
    assert text.count("3.1000(12)") == 2
    theirs = gemmi.make_small_structure_from_block(gemmi.cif.read_string(text).sole_block())
    assert theirs.spacegroup.xhm() == "P 63/m m c"
    assert len(theirs.get_all_unit_cell_sites()) == 12 + 2
    back = read_cif(path)
    assert [site.label for site in back.sites] == ["Cu_12k", "Se_2c"]
    assert back.sites[1].xyz == structure.sites[1].xyz


def test_a_fullprof_cif_with_a_mixed_site():
    path = REALDATA / "RbTa2O5F.cif"
    if not path.exists():
        pytest.skip(f"{path.name} of the shared measured data is not here")
    found = read_cif(path)
    assert found.group.hm == "F d -3 m:2"
    assert found.cell.a == 10.4774
    labels = [(site.label, site.occupancy, site.shares) for site in found.sites]
    assert labels == [
        ("Ta_16c", 1, None),
        ("Rb_32e", 0.25, None),
        ("O_48f", 0.83333, None),
        ("F_48f", 0.16667, "O_48f"),
    ]
    # the file's occupancies are true fractions: they give eight formula units of RbTa2O5F
    assert found.composition() == pytest.approx({"Rb": 8, "Ta": 16, "O": 40, "F": 8}, abs=1e-3)
    assert [site.b_iso for site in found.sites] == pytest.approx([1.28, 1.28, 4.59, 4.59], abs=0.005)


def test_the_powder_cif_of_srm_660c():
    path = REALDATA / "lab6_nist_srm660c_100a.cif"
    if not path.exists():
        pytest.skip(f"{path.name} of the shared measured data is not here")
    found = read_cif(path)
    assert found.group.hm == "P m -3 m"
    assert [(site.label, site.occupancy) for site in found.sites] == [("La_1a", 1), ("B_6f", 1)]
    assert found["B_6f"].b_iso == pytest.approx(8 * math.pi**2 * 0.0035, rel=0.1)
