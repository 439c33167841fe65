import numpy as np
import pytest
import xraydb
from scipy.integrate import simpson

from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.scattering import (
    anomalous,
    f0,
    f0_coefficients,
    form_factors,
    near_edge,
    resolve_species,
    split_species,
)
from xrdfit.errors import InputError

CU_KA1 = radiation("cu-ka1").lines[0].energy_ev


@pytest.mark.parametrize(("species", "electrons"), [("Cu", 29), ("Cu1+", 28), ("Cu2+", 27), ("Se", 34), ("O2-", 10),
                                                    ("Rb+1", 36), ("La", 57), ("H", 1)])  # fmt: skip
def test_forward_scattering_counts_electrons(species, electrons):
    assert f0(species, np.array([0.0]))[0] == pytest.approx(electrons, abs=0.02)


def test_f0_is_the_sum_of_gaussians_of_the_tables():
    s = np.linspace(0, 2, 41)
    np.testing.assert_allclose(f0("Cu1+", s), xraydb.f0("Cu1+", s), rtol=1e-13)
    a, b, c = f0_coefficients("Se")
    assert a.shape == b.shape == (5,)
    np.testing.assert_allclose(f0("Se", s), c + sum(x * np.exp(-y * s**2) for x, y in zip(a, b, strict=True)))


def test_f0_of_hydrogen_is_close_to_the_exact_one():
    """The 1s density gives f = (1 + (2π a0 s)²)^-2 with q = 4πs; the tables fit it to a few thousandths."""
    s = np.linspace(0, 1.5, 31)
    exact = (1 + (2 * np.pi * 0.529177 * s) ** 2) ** -2
    np.testing.assert_allclose(f0("H", s), exact, atol=0.005)
    assert simpson(f0("H", s), x=s) == pytest.approx(simpson(exact, x=s), rel=0.01)


@pytest.mark.parametrize(
    ("element", "table", "expected"),
    [
        ("Cu", "chantler", -1.993 + 0.583j),
        ("Se", "chantler", -0.807 + 1.132j),
        ("Cu", "cromer-liberman", -1.964 + 0.589j),
        ("Se", "cromer-liberman", -0.797 + 1.137j),
    ],
)
def test_anomalous_terms_at_cu_ka1(element, table, expected):
    value = anomalous(element, CU_KA1, table)
    # programmes differ by 0.01 in the relativistic correction of Cromer and Liberman's f'
    assert value.real == pytest.approx(expected.real, abs=0.001 if table == "chantler" else 0.01)
    assert value.imag == pytest.approx(expected.imag, abs=0.002)


def test_the_two_tables_agree_far_from_edges():
    for element in ("O", "Si", "Cu", "Se", "La"):
        ours, other = (anomalous(element, 17479.0, table) for table in ("chantler", "cromer-liberman"))
        assert abs(ours - other) < 0.15


def test_form_factors():
    s = np.array([0.0, 0.3])
    with_terms = form_factors(["Cu", "Se2-"], s, CU_KA1)
    without = form_factors(["Cu", "Se2-"], s, CU_KA1, anomalous=False)
    assert with_terms.shape == (2, 2)
    assert np.all(without.imag == 0)
    np.testing.assert_allclose(with_terms - without, [[anomalous("Cu", CU_KA1)] * 2, [anomalous("Se", CU_KA1)] * 2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Cu", ("Cu", 0)), ("Cu1+", ("Cu", 1)), ("Cu+", ("Cu", 1)), ("Cu+1", ("Cu", 1)), ("SE2-", ("Se", -2)),
     ("Se0+", ("Se", 0)), ("D", ("H", 0)), ("T1+", ("H", 1))],
)  # fmt: skip
def test_species_are_read(text, expected):
    assert split_species(text) == expected


@pytest.mark.parametrize("text", ["", "Xx", "Cu--", "Cu2", "8", "Fe2.5+", "Cu" * 500])
def test_what_is_no_species_is_refused(text):
    with pytest.raises(InputError, match="species"):
        split_species(text)


def test_ions_that_the_tables_lack():
    assert resolve_species("Cu+1") == ("Cu1+", None)
    used, note = resolve_species("Se2-")
    assert used == "Se"
    assert note is not None
    assert "Se2-" in note
    np.testing.assert_array_equal(f0("Se2-", np.array([0.2])), f0("Se", np.array([0.2])))
    with pytest.raises(InputError, match=r"Fe2\+, Fe3\+|Fe3\+, Fe2\+"):
        resolve_species("Fe4+", strict=True)
    with pytest.raises(InputError, match="Lr"):
        resolve_species("Lr")


def test_wrong_requests_are_refused():
    for arguments in [
        ("Cu", 8000.0, "henke"),
        ("Cu", 10.0),
        ("Cu", 1e7),
        ("Cf", 8000.0),
        ("Cf", 8000.0, "cromer-liberman"),
    ]:
        with pytest.raises(InputError):
            anomalous(*arguments)


def test_edges_are_noticed():
    assert near_edge("Cu", 8979.0 + 20)
    assert not near_edge("Cu", CU_KA1)
