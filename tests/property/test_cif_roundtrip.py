import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiers import examples

from xrdfit.crystal.cif import read_cif, write_cif
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import cell_from_free, space_group
from xrdfit.errors import InputError

GROUPS = ["P 1", "P -1", "P 1 21/c 1", "P 1 1 21/b", "C 1 2/c 1", "P n m a", "I 41/a m d:1", "R -3 c:H", "R -3 m:R",
          "P 63/m m c", "P a -3", "F m -3 m", "F d -3 m:1", "F d -3 m:2", "I a -3 d", "A m m a"]  # fmt: skip
SPECIES = ["Cu", "Cu1+", "Se", "Se2-", "O2-", "F1-", "H", "U4+", "La"]


def decimals(low, high, digits):
    return st.integers(round(low * 10**digits), round(high * 10**digits)).map(lambda n: n / 10**digits)


@st.composite
def structures(draw):
    group = space_group(draw(st.sampled_from(GROUPS)))
    lengths = {name: draw(decimals(3, 15, 5)) for name in "abc"}
    angles = {name: draw(decimals(75, 105, 3)) for name in ("alpha", "beta", "gamma")}
    coordinate = st.one_of(decimals(0, 1, 5), st.sampled_from([0, 1 / 8, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 5 / 6]))
    xyz = st.one_of(st.tuples(coordinate, coordinate, coordinate), coordinate.map(lambda x: (x, x, x)))
    row = st.fixed_dictionaries(
        {
            "species": st.sampled_from(SPECIES),
            "xyz": xyz,
            "occupancy": decimals(0, 0.2, 6),
            "b_iso": decimals(0, 9, 4),
        }
    )
    rows = draw(st.lists(row, min_size=1, max_size=5))
    return Structure.from_sites("sample", group, cell_from_free(group, lengths | angles), rows)


@given(structures())
@settings(max_examples=examples(150), deadline=None)
def test_what_is_written_reads_back_identically(structure):
    back = read_cif(write_cif(structure))
    assert back.group == structure.group
    assert back.cell == structure.cell
    assert back.sites == structure.sites


@given(st.text(max_size=200))
@settings(max_examples=examples(100), deadline=None)
def test_any_text_without_atoms_gets_one_line_of_complaint(text):
    with pytest.raises(InputError) as caught:
        read_cif("data_x\n_cell_length_a 5\n" + text)
    assert len(str(caught.value).splitlines()) == 1
