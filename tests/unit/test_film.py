"""What is fitted by itself where a blank tells of a film of clusters, and what is taken back."""

from __future__ import annotations

from dataclasses import replace

import film_samples
import numpy as np
import pytest

import xrdfit as xf
from xrdfit.fitting.options import FitOptions
from xrdfit.inference.film import film_options

PLAIN = film_samples.Film({"8c": 0.6, "32f": 0.08}, b_se=0.0, b_cu=0.0, sigma=0.0, counts=3000.0, air=0.1)


def measured(film):
    angles, counts, holder = film_samples.simulate(film)
    return tuple(xf.make_pattern(angles, y, radiation="cu-ka") for y in (counts, holder))


def fitted(film, **choices):
    scan, blank = measured(film)
    choices = {"engine": "debye", "background": [xf.Chebyshev(0), xf.Blank(blank)]} | choices
    return xf.fit(xf.load_model("cu2se-4nm"), scan, **choices)


@pytest.fixture(scope="module")
def halo():
    film = replace(PLAIN, halo=0.3, b_se=1.2, b_cu=1.2)
    return film, fitted(film), fitted(film, usual=False)


def off(result):
    eight = result["occ_Cu_8c"]
    return abs(eight.value - 0.6), (eight.stderr**2 + eight.stderr_model**2) ** 0.5


def test_the_halo_and_b_are_fitted(halo):
    _, found, plain = halo
    assert [step.options for step in found.steps] == [("--hump", "19.8", "6.4"), ("--vary", "b_overall")]
    assert off(found)[1] < 0.2 * off(plain)[1]
    assert off(found)[0] < 3.0 * off(found)[1]
    assert off(plain)[0] < 3.0 * off(plain)[1]


def test_what_was_added_repeats_the_fit_to_the_last_digit(halo):
    film, found, _ = halo
    again = fitted(film, usual=False, vary=found.options.vary, background=list(found.options.background))
    assert again["occ_Cu_8c"].value == found["occ_Cu_8c"].value
    assert again["hump1_deg"].value == found["hump1_deg"].value


def test_what_was_added_is_saved(halo, tmp_path):
    _, holder = measured(halo[0])
    rows = zip(holder["two_theta"].values, holder["counts"].values, strict=True)
    (tmp_path / "holder.xy").write_text("# radiation: cu-ka\n" + "".join(f"{x:.2f} {y:.0f}\n" for x, y in rows))
    found = fitted(halo[0], background=[xf.Chebyshev(0), xf.Blank(xf.read_pattern(tmp_path / "holder.xy"))])
    assert len(found.steps) == 2
    again = xf.load_result(xf.save(found, tmp_path / "fit"))
    assert again.steps == found.steps
    assert again == found


def test_parameters_that_are_handed_over_say_all_that_varies(halo):
    film, *_ = halo
    found = fitted(film, params=xf.load_model("cu2se-4nm").parameters(engine="debye"))
    assert found.steps == ()


@pytest.mark.slow
@pytest.mark.parametrize("film", [{"halo": 0.3, "b_se": 1.2, "b_cu": 1.2}, {"mu_t": 0.1, "counts": 5000.0}])
def test_a_series_has_what_its_first_scan_asks_for_and_goes_on_with_it(film, tmp_path):
    holder = measured(PLAIN)[1]
    options = {"engine": "debye", "background": [xf.Chebyshev(0), xf.Blank(holder)], "output": tmp_path / "out"}
    scans = {f"s{i}": measured(replace(PLAIN, **film, seed=i))[0] for i in range(3)}
    two = xf.fit_series(xf.load_model("cu2se-4nm"), dict(list(scans.items())[:2]), **options)
    alone = fitted(replace(PLAIN, **film))
    for step in alone.steps:
        name = {"--hump": "hump1_height", "--film": "mu_t"}.get(step.options[0], step.options[-1])
        assert np.isfinite(two[name]["stderr"].values).all(), name
    three = xf.fit_series(xf.load_model("cu2se-4nm"), scans, resume=True, **options)
    np.testing.assert_array_equal(three.data["value"].values[:2], two.data["value"].values)
    assert three.data["success"].all()
    away = (three["occ_Cu_8c"]["value"].values - 0.6) / np.hypot(
        three["occ_Cu_8c"]["stderr"].values, three["occ_Cu_8c"]["stderr_model"].values
    )
    assert np.abs(away).max() < 3.0


def test_what_does_not_pay_is_taken_back():
    found = fitted(PLAIN)
    assert found.steps == ()
    assert found.parameters["b_overall"].status == "fixed"
    assert "hump1_height" not in found.parameters
    plain = fitted(PLAIN, usual=False)
    assert found["occ_Cu_8c"].value == plain["occ_Cu_8c"].value


def test_a_thin_film_is_no_halo():
    found = fitted(replace(PLAIN, mu_t=0.1, counts=5000.0))
    assert ("--film",) in [step.options for step in found.steps]
    assert "hump1_height" not in found.parameters
    assert found["mu_t"].value == pytest.approx(0.1, abs=4.0 * found["mu_t"].stderr)
    assert off(found)[0] < 3.0 * off(found)[1]


class TestWhatIsTold:
    MODEL = xf.load_model("cu2se-4nm")

    def asked(self, model=MODEL, first=15.0, **choices):
        angles = np.arange(first, 80.0, 0.05)
        scan = xf.make_pattern(angles, np.full(len(angles), 100.0), radiation="cu-ka")
        choices = {"background": (xf.Chebyshev(0), xf.Blank(scan))} | choices
        return film_options(model, scan, FitOptions(**choices))

    def test_of_a_blank(self):
        found = self.asked()
        assert found is not None
        assert found.hump == xf.Hump(19.8, 6.4)
        assert found.displacements == ("b_overall",)
        assert self.asked(background=3) is None

    def test_of_crystals(self):
        large = replace(self.MODEL, phases=(replace(self.MODEL.phases[0], size_nm=40.0),))
        assert self.asked(large) is None
        assert self.asked(engine="bragg") is None

    def test_of_another_radiation(self):
        found = self.asked(radiation="mo-ka", first=4.0)
        assert found is not None
        assert found.hump is not None
        q = 4.0 * np.pi * np.sin(np.radians(found.hump.deg / 2.0)) / 0.7093
        assert q == pytest.approx(1.4, abs=0.01)
        assert self.asked(radiation="neutron:1.5") is None

    def test_of_what_the_scan_does_not_show(self):
        found = self.asked(first=25.0)
        assert found is not None
        assert found.hump is None

    @pytest.mark.parametrize(
        "choices",
        [{"vary": ("b_Cu_8c",)}, {"fix": {"b_overall": 1.0}}, {"b_per_element": True}, {"vary": ("b_*",)},
         {"tie": ("b_Cu_32f = b_Cu_8c",)}, {"start": {"b_overall": 1.0}}],
    )  # fmt: skip
    def test_of_b(self, choices):
        found = self.asked(**choices)
        assert found is not None
        assert found.displacements == ()

    def test_of_humps(self):
        pieces = (xf.Chebyshev(0), xf.Blank(xf.make_pattern(np.arange(15.0, 80.0), np.full(65, 9.0))), xf.Hump(30.0))
        found = self.asked(background=pieces)
        assert found is not None
        assert found.hump is None
        assert self.asked(background=pieces, b_per_element=True) is None
