"""CIFs and atom lists that went wrong in somebody's work: each is read right, or refused in one true line."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.cli import main
from xrdfit.clusters.atoms import read_xyz
from xrdfit.crystal.cif import read_cif, read_cifs
from xrdfit.crystal.contacts import too_close
from xrdfit.errors import InputError

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"


def case(name: str) -> Path:
    path = CASES / name
    if not path.exists():
        pytest.skip(f"{name} of the shared cases is not here")
    return path


@pytest.mark.parametrize(
    ("name", "composition"),
    [
        ("01_water_Wat_label", {"Ca": 2, "C": 4, "O": 14}),
        ("02a_quartz_amcsd_origin", {"Si": 3, "O": 6}),
        ("02b_quartz_same_structure_tabulated_origin", {"Si": 3, "O": 6}),
        ("03a_si_origin1_bare_symbol", {"Si": 8}),
        ("04a_garnet_start", {"Y": 24, "Al": 24, "Ga": 16, "O": 96}),
        ("05_lifepo4", {"Li": 3.88, "Fe": 4.12, "P": 4, "O": 16}),
        ("07b_duplicate_tag", {"Na": 4, "Cl": 4}),
        ("08a_occ_sum_1.006", {"Na": 4 * 0.706 / 1.006, "K": 4 * 0.3 / 1.006, "Cl": 4}),
        ("09_mixed_site_z_differs_1e-4", {"Zn": 1, "Mg": 1, "O": 2}),
        ("12_ti_only", {"Ti": 2, "O": 4}),
        ("15_easydiffraction_ddlm_dots", {"La": 0.5, "Ba": 0.5, "Co": 1, "O": 3}),
        ("17a_type_Bi0", {"Bi": 1, "Cs": 1}),
    ],
)
def test_composition(name, composition):
    assert read_cif(case(f"crystals/{name}.cif")).composition() == pytest.approx(composition)


@pytest.mark.parametrize(
    "name", ["05_lifepo4", "02a_quartz_amcsd_origin", "09_mixed_site_z_differs_1e-4", "12_ti_only"]
)
def test_a_cif_as_a_model_file_reads_back_equal(name, tmp_path):
    source, file = str(case(f"crystals/{name}.cif")), tmp_path / "my.toml"
    assert main(["model", source, "-o", str(file)]) == 0
    assert xf.load_model(str(file)).phases == xf.load_model(source).phases


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("crystals/13a_label_T1.cif", "T1: T is a site"),
        ("crystals/11a_neutron_pdcif.cif", "no data block holds atoms"),
        ("hostile/control_in_symop.cif", "symmetry operation"),
    ],
)
def test_refusals(name, words):
    with pytest.raises(InputError, match=words) as caught:
        read_cif(case(name))
    assert str(caught.value).isprintable()


def test_quartz_gives_the_lines_of_quartz(capsys):
    """(100)/(101) = 0.199, (110) 0.071, (200) 0.054; both files are one crystal."""
    found = []
    for name in ("02a_quartz_amcsd_origin", "02b_quartz_same_structure_tabulated_origin"):
        path = case(f"crystals/{name}.cif")
        assert main(["reflections", str(path), "--two-theta", "15", "60", "--format", "csv"]) == 0
        rows = [line.split(",") for line in capsys.readouterr().out.split()[1:]]
        lines: dict[str, float] = {}
        for row in rows:
            lines[row[4][:6]] = lines.get(row[4][:6], 0.0) + float(row[8])
        found.append(np.array(list(lines.values())) / max(lines.values()))
        d = [float(key) for key in lines]
        ratio = {hkl: found[-1][int(np.argmin(np.abs(np.array(d) - at)))] for hkl, at in
                 (("100", 4.257), ("110", 2.458), ("200", 2.129))}  # fmt: skip
        assert ratio == pytest.approx({"100": 0.199, "110": 0.071, "200": 0.054}, abs=0.001)
    np.testing.assert_allclose(found[0], found[1], atol=2e-4)


@pytest.mark.parametrize(("name", "count"), [("06_gsas2_two_phases", 2), ("07a_amcsd_two_entries", 2)])
def test_several_structures_are_phases_and_can_be_chosen(name, count):
    path = case(f"crystals/{name}.cif")
    assert len(read_cifs(path)) == len(xf.load_model(path).phases) == count
    assert xf.load_model(path).notes
    assert len(xf.load_model(path, block="2").phases) == 1


def test_no_bond_of_a_phosphate_is_too_short():
    assert too_close(read_cif(case("crystals/05_lifepo4.cif"))) == []


def test_a_mixed_site_is_one_position():
    structure = read_cif(case("crystals/09_mixed_site_z_differs_1e-4.cif"))
    assert [site.shares for site in structure.sites] == [None, "Zn_2b", None]


def test_a_thousand_atoms():
    path = case("hostile/atoms1k.cif")
    start = time.process_time()
    model = xf.load_model(path)
    assert time.process_time() - start < 5.0
    assert len(model.notes) <= 4


def test_a_control_character_in_a_count():
    with pytest.raises(InputError, match="number of atoms") as caught:
        read_xyz(case("hostile/ctrl_count2.xyz"))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("command", ["reflections", "simulate"])
def test_escapes_in_a_models_name_reach_no_terminal(command, capsys):
    path = case("hostile/escape_name.toml")
    assert main([command, str(path), "--two-theta", "20", "30", *(["0.1"] if command == "simulate" else [])]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\x07" not in out + err
