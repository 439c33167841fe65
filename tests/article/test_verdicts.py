"""Verdicts come from numbers: another number, another verdict. The numbers are those that the package computes."""

from __future__ import annotations

import pytest

from xrdfit.article import claims_numbers, verdicts
from xrdfit.article.claims_lines import cancellation, positions, series, strongest_when_full, trends
from xrdfit.article.published import by_size
from xrdfit.article.verdicts import JUDGES, LIMITED, WRONG

R_WP = {
    f"r_wp_{engine}_{sites}": r_wp
    for engine in ("bragg", "debye")
    for sites, r_wp in {"8c+32f": 0.2, "8c+32f+24e": 0.19, "8c+4b": 0.1, "8c+4b+24e": 0.02, "8c+32f+4b": 0.15}.items()
}
SHARES = {w: 100.0 * by_size()[2.0].share(w) for w in ("8c", "4b", "24e")}
VALUES = {
    1: dict(positions().values),
    2: dict(trends().values),
    3: {
        "intensity_200_6nm": 0.1, "intensity_200_4nm": 8.4, "ratio_200_111_2nm": 0.995, "intensity_311_2nm": 33.6,
        "maxima_bragg_2nm": 2, "maxima_debye_2nm": 1,
    },
    4: dict(cancellation().values),
    5: dict(strongest_when_full().values),
    6: dict(series().values),
    7: R_WP,
    8: {f"share_{w}_table_2_percent": s for w, s in SHARES.items()} | {f"share_error_{w}_percent": 0.1 for w in SHARES},
    9: dict(claims_numbers.fringes().values),
    10: dict(claims_numbers.strain_and_pressure().values),
    11: {"peak_strain_2nm_against_6nm_debye_percent": -2.8, "fit_strain_2nm_percent": 0.43},
    12: dict(claims_numbers.distances().values),
    13: dict(claims_numbers.octahedral_share().values),
    14: dict(claims_numbers.one_cation_a_void().values),
}  # fmt: skip
FOUND = {1: "holds", 8: WRONG, 10: WRONG, 11: WRONG, 12: "holds", 14: "holds"}


@pytest.mark.parametrize("number", JUDGES)
def test_the_numbers_as_they_are(number: int) -> None:
    assert JUDGES[number](VALUES[number])[0] == FOUND.get(number, LIMITED)


CHANGED = [
    (1, {"two_theta_311_deg": 52.0}, WRONG),
    (2, {"ratio_200_111_4nm": 1.2}, WRONG),
    (2, {"intensity_311_2nm": 70.0}, WRONG),
    (2, {"intensity_311_4nm": 50.0}, "holds"),
    (3, {"intensity_200_6nm": 3.0}, WRONG),
    (3, {"intensity_200_4nm": 1.0}, WRONG),
    (3, {"ratio_200_111_2nm": 0.5}, WRONG),
    (3, {"intensity_311_2nm": 60.0}, WRONG),
    (3, {"maxima_debye_2nm": 2}, "holds"),
    (4, {"occupancy_8c": 0.51, "occupancy_8c_rest_on_32f": 0.49}, "holds"),
    (4, {"occupancy_8c": 0.9}, WRONG),
    (5, {"lower_limit_occupancy_8c": -0.1, "relative_intensity_full": 100.0}, "holds"),
    (5, {"lower_limit_occupancy_8c": 1.0}, WRONG),
    (6, {"intensity_311_table_4_block_3": 2.0}, WRONG),
    (6, {"ratio_200_111_table_3_block_3": 0.0}, WRONG),
    (7, {"r_wp_debye_8c+32f+24e": 0.02}, WRONG),
    (8, {f"share_{w}_table_2_percent": 100 * s for w, s in verdicts.TEXT_SHARES.items()}, LIMITED),
    (8, {f"share_error_{w}_percent": 5.0 for w in SHARES}, LIMITED),
    (9, {"fringe_a": 3.30, "superstructure_a": 6.65}, LIMITED),
    (9, {"superstructure_a": 5.0}, WRONG),
    (9, {"fringe_a": 3.6, "superstructure_a": 7.2}, WRONG),
    (10, {"pressure_by_volume_strain_gpa": 2.1}, LIMITED),
    (11, {"peak_strain_2nm_against_6nm_debye_percent": -0.2}, LIMITED),
    (12, {"cu_4b_se_a": 2.8}, WRONG),
    (13, {"share_4b_percent": 18.0}, WRONG),
    (14, {"cations_a_void": 1.1}, WRONG),
    (14, {"cations_a_void_table_3_block_2": 1.1}, LIMITED),
]


@pytest.mark.parametrize(("number", "changed", "finding"), CHANGED, ids=lambda x: str(x)[:40])
def test_another_number_gives_another_verdict(number: int, changed: dict[str, float], finding: str) -> None:
    assert changed.keys() <= VALUES[number].keys()
    assert JUDGES[number](VALUES[number] | changed)[0] == finding
    assert JUDGES[number](VALUES[number] | changed) != JUDGES[number](VALUES[number])


def test_every_statement_is_changed_by_some_number() -> None:
    assert {number for number, _, _ in CHANGED} == set(JUDGES) == set(range(1, 15))


def test_reasons_tell_the_numbers_that_were_judged() -> None:
    assert "0.90 of the tetrahedral" in JUDGES[4](VALUES[4] | {"occupancy_8c": 0.9})[1]
    assert "24e is not needed" in JUDGES[7]({**R_WP, "r_wp_bragg_8c+4b": 0.02, "r_wp_debye_8c+4b": 0.02})[1]
    assert "2.24 Å" in JUDGES[12](VALUES[12] | {"cu_24e_se_a": 2.24})[1]
    assert "24e" not in JUDGES[12](VALUES[12] | {"cu_24e_se_a": 2.5})[1]
    assert "errs the same way" in JUDGES[11](VALUES[11] | {"fit_strain_2nm_percent": -0.4})[1]
    assert "is not Table 2's" in JUDGES[8](VALUES[8] | {"share_4b_table_2_percent": 20.0})[1]


def test_a_changed_constant_changes_what_is_stated(monkeypatch) -> None:
    """End to end: with a softer crystal the pressure is what the text says."""
    assert claims_numbers.strain_and_pressure().finding == WRONG
    monkeypatch.setattr(claims_numbers, "BULK_MODULUS_GPA", 28.5)
    assert claims_numbers.strain_and_pressure().finding == LIMITED
