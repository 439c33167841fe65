"""A layered oxide with 4 % of antisites: what bends its intensities is named, and mended."""

from __future__ import annotations

import pytest

import xrdfit as xf

TRUE = 0.040


@pytest.fixture(scope="module")
def crystals(realdata):
    folder = realdata.parent / "cases" / "crystals"
    if not folder.is_dir():
        pytest.skip(f"the small cases are not there: {folder}")
    return folder


def antisites(crystals, name, radiation="cu-ka", **choices):
    model = xf.load_model(str(crystals / "10_nmc_tied.toml"))
    return xf.fit(
        model, xf.read_pattern(str(crystals / name)), engine="bragg", vary=["W"], radiation=radiation, **choices
    )


def remedies(result):
    return [a.remedy for piece in result.advice for a in (piece, *piece.alternatives)]


CASES = {
    "10a_capillary_muR1.xy": ("cu-ka", {"capillary": 1.0}, "--capillary 1"),
    "10b_synchrotron_0.5A_95pct.xy": ("0.5", {"polarization": 0.95}, "--polarization 0.9"),
    "10c_texture_r0.7.xy": ("cu-ka", {"texture": (0, 0, 1)}, "--texture 0 0 1"),
    "10e_platelets_12x45nm.xy": ("cu-ka", {"anisotropic": (0, 0, 1)}, "--anisotropic 0 0 1"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_bends_intensities_is_named_and_mended(crystals, name):
    radiation, choice, remedy = CASES[name]
    first = antisites(crystals, name, radiation)
    assert any(r.startswith(remedy) for r in remedies(first)), remedies(first)
    ni = antisites(crystals, name, radiation, **choice)["occ_Ni_3a"]
    assert ni.value == pytest.approx(TRUE, abs=3.0 * ni.stderr)
    assert ni.stderr < 0.002


@pytest.mark.parametrize("name", ["10c_texture_r0.7.xy", "10e_platelets_12x45nm.xy"])
def test_what_it_is_comes_first(crystals, name):
    assert remedies(antisites(crystals, name))[0] == CASES[name][2]


def test_platelets_have_their_sizes(crystals):
    found = antisites(crystals, "10e_platelets_12x45nm.xy", anisotropic=(0, 0, 1))
    assert found["size_nm"].value == pytest.approx(45.0, abs=3.0 * found["size_nm"].stderr)
    assert found["size_ratio"].value == pytest.approx(12.0 / 45.0, abs=3.0 * found["size_ratio"].stderr)
    assert found["z_O_6c"].value == pytest.approx(0.2592, abs=3.0 * found["z_O_6c"].stderr)
    assert found.statistics.chi2_reduced < 1.1


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CASES, "10d_hump.xy"])
def test_guided_returns_the_antisites(crystals, name):
    radiation = CASES[name][0] if name in CASES else "cu-ka"
    ni = antisites(crystals, name, radiation, seek=["all"])["occ_Ni_3a"]
    assert ni.value == pytest.approx(TRUE, abs=3.0 * (ni.stderr**2 + ni.stderr_model**2) ** 0.5)


def test_a_heavier_atom_on_the_site(crystals):
    """Rutile with niobium on the titanium's site: 1.05 where asked for, and a word where the limit of 1 presses."""
    model, scan = xf.load_model(str(crystals / "12_ti_only.cif")), xf.read_pattern(str(crystals / "12_nb_doped.xy"))
    options = {"vary": ["occ_Ti*", "W"], "radiation": "cu-ka"}
    held = xf.fit(model, scan, engine="bragg", **options)
    name = next(n for n, p in held.parameters.items() if n.startswith("occ_Ti") and p.status == "at bound")
    assert any(f"--limits {name}=0:" in warning for warning in held.warnings)
    free = xf.fit(model, scan, engine="bragg", limits={name: (0.0, 1.3)}, **options)[name]
    assert free.value == pytest.approx(1.05, abs=3.0 * free.stderr)
