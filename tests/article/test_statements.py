"""The fourteen statements: numbers against data/article/expected.toml, closed forms and other ways of computing."""

from __future__ import annotations

import json
import tomllib

import numpy as np
import pytest

from xrdfit.article import claims_fits, claims_lines
from xrdfit.article.claims import Statement
from xrdfit.article.measure import angles, expected_counts, line_intensities
from xrdfit.article.physics import (
    chemical_potential_excess,
    laplace_pressure,
    phonon_shift,
    pressure_from_volume_strain,
    strain_from_angles,
    strain_from_phonon_shift,
    volume_strain,
)
from xrdfit.article.published import by_size, model, published
from xrdfit.article.statements import CHECKS, statements, to_json, to_markdown
from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.scattering import form_factors
from xrdfit.errors import InputError
from xrdfit.model.files.presets import data_path

EXPECTED = tomllib.loads(data_path("article", "expected.toml").read_text(encoding="utf-8"))
FINDINGS = (
    "holds",
    "holds with a limit",
    "does not follow from the published numbers",
    "cannot be computed here",
)


@pytest.fixture(scope="module")
def checked():
    told = []
    made = statements(lambda *stage: told.append(stage))
    assert told == [(f"statement {n} of 14", (n - 1) / 14) for n in range(1, 15)]
    return {s.number: s for s in made}


def test_every_statement_is_there_with_its_expectation(checked):
    assert list(checked) == list(range(1, 15)) == list(CHECKS)
    assert [row["number"] for row in EXPECTED["statement"]] == list(range(1, 15))


@pytest.mark.parametrize("row", EXPECTED["statement"], ids=lambda row: str(row["number"]))
def test_numbers_are_those_expected(checked, row):
    statement = checked[row["number"]]
    assert statement.finding == row["verdict"]
    for name, (value, tolerance) in row["values"].items():
        assert statement.values[name] == pytest.approx(value, abs=max(tolerance, 1e-12), rel=0), name


def test_the_file_holds_what_its_contract_names(checked):
    data = json.loads(to_json(list(checked.values())))
    assert list(data) == ["statements"]
    for entry in data["statements"]:
        assert set(entry) >= {"number", "claim", "computed", "verdict"}
        assert any(entry["verdict"].startswith(f) for f in FINDINGS)
        assert all(np.isfinite(value) for value in entry["values"].values())
    text = to_markdown(list(checked.values()))
    assert all(f"\n## {n}. " in text for n in range(1, 15))


def test_numbers_of_the_text_are_those_of_the_values(checked):
    assert f"R_wp = {100 * checked[7].values['r_wp_bragg_8c+32f']:.1f} %" in checked[7].why
    assert f"{checked[4].values['occupancy_8c']:.3f}" in checked[4].computed
    assert f"fit {checked[11].values['fit_strain_2nm_percent']:+.2f} %" in checked[11].computed


def test_a_verdict_needs_one_of_the_four_phrases_and_a_reason():
    with pytest.raises(InputError, match="verdict 'maybe'"):
        Statement(1, "", "", "maybe", "why", {})  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="needs a reason"):
        Statement(1, "", "", "holds with a limit", "", {})


@pytest.mark.parametrize("anomalous", [True, False])
def test_200_vanishes_where_the_closed_form_says(anomalous):
    s = np.array([1.0 / 5.85])
    energy = radiation("cu-ka1").lines[0].energy_ev
    (selenium,), (copper,) = form_factors(["Se", "Cu"], s, energy, anomalous)
    closed = (selenium * np.conj(copper)).real / (2.0 * abs(copper) ** 2)
    assert claims_lines.weakest_200(anomalous, shared=False) == pytest.approx(closed, abs=1e-6)


def test_the_minimum_of_200_along_table_3_is_one():
    best = claims_lines.weakest_200(True, shared=True)
    lowest = claims_lines.intensity_200(best, shared=True)
    for away in (-0.02, 0.02):
        assert claims_lines.intensity_200(best + away, shared=True) > lowest
    block = published(3)[1]
    assert claims_lines.intensity_200(0.685, shared=True) == pytest.approx(line_intensities(block)["200"], rel=1e-9)


def test_no_larger_set_of_sites_fits_worse_than_a_smaller_one(checked):
    for engine in ("bragg", "debye"):
        r_wp = {
            frozenset(name.removeprefix(f"r_wp_{engine}_").split("+")): value
            for name, value in checked[7].values.items()
            if name.startswith(f"r_wp_{engine}_")
        }
        assert len(r_wp) == 15
        for small, value in r_wp.items():
            assert all(other <= value * (1 + 2e-3) for large, other in r_wp.items() if large > small)


def test_the_distance_of_a_model_from_itself_is_zero_and_below_that_without_adjustment():
    block = by_size()[2.0]
    own = {w: block.occupancy(w) for w in ("8c", "4b", "24e")}
    assert claims_fits.distance(own, "bragg").chi2 < 1e-3
    rival = {w: s * block.copper / int(w[:-1]) for w, s in claims_fits.TEXT_SHARES.items()}
    true = expected_counts(model(block), "bragg")
    other = expected_counts(model(block), "bragg", {f"occ_Cu_{w}": o for w, o in rival.items()})
    adjusted = claims_fits.distance(rival, "bragg").chi2
    assert 0.3 < adjusted / float(((true - other) ** 2 / true).sum()) < 1.0


def test_the_highest_point_of_a_lone_line_gives_its_cell():
    # {111} of the 6 nm model has no neighbour: its maximum is at Bragg's angle, whatever the cell
    for a in (5.70, 5.85):
        pattern = expected_counts(model(by_size()[6.0]), "bragg", {"a": a})
        assert claims_fits.peak_strain(pattern) == pytest.approx(a / 5.85 - 1.0, abs=3e-4)


def test_the_apparent_strain_of_the_fit_falls_with_size(checked):
    rows = [checked[11].values[f"fit_strain_{size:g}nm_percent"] for size in claims_fits.SIZES]
    assert rows == sorted(rows)
    assert rows[0] > 0.0


def test_phonon_relation_and_its_inverse():
    strain = np.array([-0.045, -0.024, 0.0, 0.01])
    np.testing.assert_allclose(strain_from_phonon_shift(phonon_shift(strain)), strain, atol=1e-15)
    # for small strains Δω/ω = −3 γ Δa/a
    assert float(phonon_shift(-1e-6)) == pytest.approx(3.3e-6, rel=1e-5)
    with pytest.raises(InputError, match="linear_strain"):
        phonon_shift(-0.4)
    with pytest.raises(InputError, match="grueneisen"):
        strain_from_phonon_shift(0.01, 0.0)


def test_pressure_surface_and_angles():
    linear = 1e-6
    assert float(volume_strain(linear)) == pytest.approx(3e-6, rel=1e-5)
    assert float(pressure_from_volume_strain(-0.01, 85.0)) == pytest.approx(0.85)
    # equation 1 is the surface's pressure times the molar volume: 1 GPa × 1 cm³/mol = 1 kJ/mol
    assert float(chemical_potential_excess(0.5, 30.0, 2.0)) == pytest.approx(30.0 * float(laplace_pressure(0.5, 2.0)))
    assert float(laplace_pressure(1.0, 4.0)) == pytest.approx(1.0)
    assert float(strain_from_angles(27.6376, 26.3666)) == pytest.approx(-0.0452, abs=2e-4)
    with pytest.raises(InputError, match="diameter_nm"):
        laplace_pressure(1.0, 0.0)


def test_the_grid_is_the_articles():
    grid = angles()
    assert (grid[0], grid[-1], len(grid)) == (15.0, 65.0, 1251)
