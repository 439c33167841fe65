"""What may be asked of a fit: names, totals, ties, ranges, weights, phases; and what is said when it cannot be done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.errors import InputError
from xrdfit.model.ties import parse_tie

TWO_THETA = np.round(15.0 + 0.05 * np.arange(1001), 2)


def expected(model, values=None, maximum=5000.0, background=300.0):
    pattern = xf.simulate(model, TWO_THETA, values=values)
    return pattern * (maximum - background) / pattern.max() + background


def noisy(model, values=None, seed=3, **levels):
    counts = np.random.default_rng(seed).poisson(expected(model, values, **levels))
    return xf.make_pattern(TWO_THETA, counts.astype(float), radiation="cu-ka")


@pytest.fixture(scope="module")
def six():
    return xf.load_model("cu2se-6nm")


@pytest.fixture(scope="module")
def two():
    return xf.load_model("cu2se-2nm")


@pytest.fixture(scope="module")
def scan(six):
    return noisy(six)


@pytest.fixture(scope="module")
def scan_of_two(two):
    return noisy(two)


class TestErrors:
    """One line that names the value, what is wrong and what is allowed."""

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"vary": ["occ_Cu_9z"]}, ("vary 'occ_Cu_9z'", "matches no parameter", "occ_Cu_32f")),
            ({"vary": ["q_*"]}, ("vary 'q_*'", "size_nm")),
            ({"fix": ["b_Fe"]}, ("fix 'b_Fe'", "b_Cu_8c")),
            ({"start": {"size": 3.0}}, ("start 'size'", "size_nm")),
            ({"start": {"occ_Cu_8c": 1.3}}, ("occ_Cu_8c=1.3", "limits 0 to 1")),
            ({"start": {"a": 7.0}}, ("a=7", "limits", "Å")),
            ({"fix": {"mixing": -0.2}}, ("mixing=-0.2", "limits 0 to 1")),
            ({"start": {"a": float("nan")}}, ("a=nan", "finite")),
            ({"total": {"Cu": 100}}, ("total Cu=100", "0 to 40")),
            ({"total": {"Cu": -1}}, ("total Cu=-1", "0 to 40")),
            ({"total": {"Fe": 1}}, ("total Fe=1", "Se, Cu")),
            ({"total": {"Se": 2}}, ("Se=2", "misses by 2", "Free a site")),
            ({"total": {"other__Cu": 2}}, ("other", "cu2se")),
            ({"range": (80.0, 90.0)}, ("leave 0", "15 to 65", "at least 10")),
            ({"exclude": [(10.0, 40.0), (39.0, 70.0)]}, ("leave 0", "at least 10")),
            ({"range": (60.0, 20.0)}, ("range 60 20", "smaller angle first")),
            ({"exclude": [(30.0, 30.0)]}, ("exclude 30 30",)),
            ({"background": 31}, ("31", "0 to 30")),
            ({"engine": "rietveld"}, ("rietveld", "bragg, debye and auto")),
            ({"radiation": "cu-kz"}, ("cu-kz", "-ka1", "wavelength")),
            ({"radiation": -1.0}, ("-1",)),
        ],
    )
    def test_bad_options(self, six, scan, options, words):
        with pytest.raises(InputError) as caught:
            xf.fit(six, scan, **options)
        message = str(caught.value)
        assert "\n" not in message
        assert all(word in message for word in words), message

    def test_more_parameters_than_points(self, six, scan):
        with pytest.raises(InputError, match="cannot determine"):
            xf.fit(six, scan, engine="bragg", range=(43.0, 43.45), vary=["*"])

    def test_total_of_an_element_in_two_phases_must_say_which(self, six, scan):
        oxide = xf.load_model("cu2o")
        model = replace(six, phases=(*six.phases, *oxide.phases))
        with pytest.raises(InputError, match="write cu2se__Cu="):
            xf.fit(model, scan, engine="bragg", total={"Cu": 8})

    def test_packing_without_a_rule(self, two, scan_of_two):
        with pytest.raises(InputError, match="no packing rule"):
            xf.fit(two, scan_of_two, engine="bragg", packing=True)


class TestWhatVaries:
    def test_default_is_the_contract(self, six, scan):
        result = xf.fit(six, scan, engine="bragg")
        varied = {n for n, p in result.parameters.items() if p.status == "varied"}
        assert varied == {"scale", "a", "size_nm", "mixing", "occ_Cu_8c", "occ_Cu_32f", *(f"bkg_{i}" for i in range(4))}
        assert result.statistics.n_varied == len(varied)

    def test_patterns(self, six, scan):
        result = xf.fit(six, scan, engine="bragg", vary=["b_Cu_*"], fix={"mix*": None, "size_nm": 6.0}, background=2)
        status = {n: p.status for n, p in result.parameters.items()}
        assert status["b_Cu_8c"] == status["b_Cu_32f"] == "varied"
        assert status["mixing"] == status["size_nm"] == status["b_overall"] == "fixed"
        assert result["size_nm"].value == 6.0
        assert "bkg_3" not in status

    def test_fix_wins_over_vary(self, six, scan):
        result = xf.fit(six, scan, engine="bragg", vary=["b_overall"], fix={"b_overall": 0.5})
        assert result["b_overall"].status == "fixed"
        assert result["b_overall"].value == 0.5
        assert result["b_overall"].stderr is None
        assert result["b_overall"].lower is None

    def test_inputs_are_left_alone(self, six, scan):
        before, model = scan.copy(deep=True), replace(six)
        xf.fit(six, scan, engine="bragg", vary=["b_overall"], range=(20, 60), start={"size_nm": 3.0})
        assert scan.identical(before)
        assert six == model

    def test_same_call_same_answer(self, six, scan):
        first, second = (xf.fit(six, scan, engine="bragg", vary=["b_overall"]) for _ in range(2))
        assert {n: p.value for n, p in first.parameters.items()} == {n: p.value for n, p in second.parameters.items()}


class TestRange:
    def test_range_and_exclude_choose_points(self, six, scan):
        result = xf.fit(six, scan, engine="bragg", range=(20.0, 60.0), exclude=[(35.0, 40.0)])
        angles = result.pattern["two_theta"].values
        assert angles[0] == 20.0
        assert angles[-1] == 60.0
        assert not ((angles > 35.0) & (angles < 40.0)).any()
        assert result.statistics.n_points == len(angles) == 801 - 101

    def test_excluding_the_line_of_the_holder(self, six):
        """A strong line of the holder upon the flank of {220} spoils the fit; without its angles the truth is back."""
        counts = expected(six) + 3000.0 * np.exp(-(((TWO_THETA - 38.2) / 0.6) ** 2))
        spoilt = xf.make_pattern(TWO_THETA, np.random.default_rng(4).poisson(counts).astype(float), radiation="cu-ka")
        truth = {"occ_Cu_8c": 0.37, "occ_Cu_32f": 0.1575, "a": 5.85, "size_nm": 6.0}
        clean = xf.fit(six, spoilt, engine="bragg", exclude=[(36.3, 40.1)])
        assert clean.statistics.chi2_reduced < 1.15
        assert all(abs(clean[n].value - v) < 4 * clean[n].stderr for n, v in truth.items())
        assert xf.fit(six, spoilt, engine="bragg").statistics.chi2_reduced > 5


class TestWeights:
    def test_counts_alone_take_the_variance_of_the_model(self, six, scan):
        result = xf.fit(six, scan, engine="bragg")
        pattern = result.pattern
        # the weights are those of the first convergence, which √N weights pull down by a count
        np.testing.assert_allclose(pattern["sigma"] ** 2, pattern["calculated"], atol=2.0, rtol=0)

    def test_errors_of_the_file_are_kept(self, six, scan):
        sigma = np.sqrt(scan["counts"].values) * 1.7
        given = xf.make_pattern(TWO_THETA, scan["counts"].values, sigma, radiation="cu-ka")
        result = xf.fit(six, given, engine="bragg")
        np.testing.assert_array_equal(result.pattern["sigma"], sigma)
        assert result.statistics.chi2_reduced == pytest.approx(1 / 1.7**2, rel=0.15)

    def test_gain_enters_the_variance(self, six, scan):
        """Ten units a count (an attenuator): the same scan, the same occupancies and the same errors."""
        plain = xf.fit(six, scan, engine="bragg")
        scaled = xf.fit(
            six,
            xf.make_pattern(TWO_THETA, scan["counts"].values * 10, gain=np.full(1001, 10.0), radiation="cu-ka"),
            engine="bragg",
        )
        assert scaled["occ_Cu_8c"].value == pytest.approx(plain["occ_Cu_8c"].value, abs=1e-6)
        assert scaled["occ_Cu_8c"].stderr == pytest.approx(plain["occ_Cu_8c"].stderr, rel=1e-3)
        assert scaled.statistics.chi2_reduced == pytest.approx(plain.statistics.chi2_reduced, rel=1e-3)

    def test_weights_of_the_model_do_not_pull_the_background_down(self, six):
        """√N weights put 20 counts near 19; the variance of the model is unbiased."""
        levels = {"maximum": 60.0, "background": 20.0}
        backgrounds, errors = [], []
        for seed in range(12):
            result = xf.fit(six, noisy(six, seed=seed, **levels), engine="bragg", background=0)
            backgrounds.append(result["bkg_0"].value)
            errors.append(result["bkg_0"].stderr)
        assert abs(np.mean(backgrounds) - 20.0) < 3 * np.mean(errors) / np.sqrt(12)
        assert np.mean(errors) / np.sqrt(12) < 0.25  # so that a bias of 1 count would be seen


class TestTotals:
    @pytest.mark.parametrize("atoms", [0.0, 0.5, 3.97, 7.968, 8.0, 12.0, 24.3, 35.5, 36.0])
    def test_total_is_exact(self, two, scan_of_two, atoms):
        """From empty to full: 8c + 4b + 24e hold 36."""
        result = xf.fit(two, scan_of_two, engine="bragg", total={"Cu": atoms})
        assert result.composition["Cu"] == pytest.approx(atoms, abs=1e-9)
        assert sum(s.multiplicity * s.occupancy for s in result.sites if s.element == "Cu") == pytest.approx(atoms)
        assert all(0.0 <= s.occupancy <= 1.0 for s in result.sites)

    def test_true_total_gives_the_truth(self, two, scan_of_two):
        result = xf.fit(two, scan_of_two, engine="bragg", total={"Cu": 7.968})
        for name, true in {"occ_Cu_8c": 0.3, "occ_Cu_4b": 0.3, "occ_Cu_24e": 0.182}.items():
            assert abs(result[name].value - true) < 4 * result[name].stderr
        assert sum(s.share for s in result.sites if s.element == "Cu") == pytest.approx(1.0, abs=1e-12)

    def test_last_site_is_derived_and_has_an_error(self, two, scan_of_two):
        free, tied = (
            xf.fit(two, scan_of_two, engine="bragg"),
            xf.fit(two, scan_of_two, engine="bragg", total={"Cu": 7.968}),
        )
        status = {n: p.status for n, p in tied.parameters.items() if n.startswith("occ_Cu")}
        assert list(status.values()) == ["varied", "varied", "derived"]
        assert all(tied[n].stderr > 0 for n in status)
        assert tied.statistics.n_varied == free.statistics.n_varied - 1

    def test_errors_obey_the_total(self, two, scan_of_two):
        """Σ m_j o_j is known exactly, so its error by the covariance is nil."""
        result = xf.fit(two, scan_of_two, engine="bragg", total={"Cu": 8})
        atoms = {"occ_Cu_8c": 8, "occ_Cu_4b": 4, "occ_Cu_24e": 24}
        gradient = np.array([atoms.get(n, 0) for n in result.covariance_names], dtype=float)
        largest = max(m * result[n].stderr for n, m in atoms.items())
        assert gradient @ result.covariance @ gradient < (1e-6 * largest) ** 2

    def test_five_sites(self, scan):
        result = xf.fit(xf.load_model("cu2se"), scan, engine="bragg", total={"Cu": 8, "Se": 4})
        assert result.composition == pytest.approx({"Cu": 8.0, "Se": 4.0}, abs=1e-9)

    def test_total_with_a_site_that_stands_still(self, two, scan_of_two):
        result = xf.fit(two, scan_of_two, engine="bragg", total={"Cu": 8}, fix={"occ_Cu_4b": 0.25})
        assert result["occ_Cu_4b"].value == 0.25
        assert result.composition["Cu"] == pytest.approx(8.0, abs=1e-9)


class TestPacking:
    OVERFULL = (("occ_Cu_8c", 0.8), ("occ_Cu_32f", 0.1))

    def test_rule_is_kept_and_reached(self, six):
        result = xf.fit(six, noisy(six, dict(self.OVERFULL)), engine="bragg", packing=True)
        filled = result["occ_Cu_8c"].value + 4 * result["occ_Cu_32f"].value
        assert filled == pytest.approx(1.0, abs=1e-6)
        assert {result["occ_Cu_8c"].status, result["occ_Cu_32f"].status} & {"at bound"}

    def test_rule_that_does_not_bind_changes_nothing(self, six):
        half = noisy(six, {"occ_Cu_8c": 0.3, "occ_Cu_32f": 0.1})
        free, packed = xf.fit(six, half, engine="bragg"), xf.fit(six, half, engine="bragg", packing=True)
        assert packed["occ_Cu_8c"].value == pytest.approx(free["occ_Cu_8c"].value, abs=0.02 * free["occ_Cu_8c"].stderr)


class TestTies:
    def test_occupancy_that_follows(self, six, scan):
        model = replace(six, ties=(parse_tie("occ_Cu_32f = (1 - occ_Cu_8c) / 4"),))
        result = xf.fit(model, scan, engine="bragg")
        eight, other = result["occ_Cu_8c"], result["occ_Cu_32f"]
        assert other.value == pytest.approx((1 - eight.value) / 4, abs=1e-12)
        assert other.stderr == pytest.approx(eight.stderr / 4, rel=1e-6)
        assert other.status == "derived"
        assert abs(eight.value - 0.37) < 4 * eight.stderr

    def test_displacement_parameter_that_follows(self, six):
        values = {"b_Cu_8c": 1.0, "b_Cu_32f": 2.0, "b_Se_4a": 0.5}
        model = replace(six, ties=(parse_tie("b_Cu_32f = 2 * b_Cu_8c"),))
        result = xf.fit(model, noisy(six, values), engine="bragg", vary=["b_Cu_8c"], fix={"b_Se_4a": 0.5})
        assert result["b_Cu_32f"].value == pytest.approx(2 * result["b_Cu_8c"].value, abs=1e-12)
        assert result["b_Cu_32f"].stderr == pytest.approx(2 * result["b_Cu_8c"].stderr, rel=1e-6)
        assert abs(result["b_Cu_8c"].value - 1.0) < 4 * result["b_Cu_8c"].stderr

    def test_what_follows_cannot_vary(self, six, scan):
        model = replace(six, ties=(parse_tie("occ_Cu_32f = (1 - occ_Cu_8c) / 4"),))
        with pytest.raises(InputError, match="follows a tie"):
            xf.fit(model, scan, engine="bragg", vary=["occ_Cu_32f"])

    def test_circle(self, six, scan):
        circle = (parse_tie("b_Cu_32f = b_Cu_8c"), parse_tie("b_Cu_8c = b_Cu_32f"))
        with pytest.raises(InputError, match="circle"):
            xf.fit(replace(six, ties=circle), scan, engine="bragg")


class TestTwoPhases:
    """Cu2Se with Cu2O: weight fractions by hand from cell masses."""

    MASS_SELENIDE = (4 * 0.37 * 2 + 32 * 0.1575) * 63.546 + 4 * 78.971
    MASS_OXIDE = 4 * 63.546 + 2 * 15.999

    @pytest.fixture(scope="class")
    @staticmethod
    def fitted():
        six, oxide = xf.load_model("cu2se-6nm"), xf.load_model("cu2o")
        model = replace(six, phases=(*six.phases, replace(oxide.phases[0], size_nm=9.0)))
        truth = {"cu2se__scale": 0.2, "cu2o__scale": 0.15}
        counts = xf.simulate(model, TWO_THETA, values=truth) + 300.0
        scan = xf.make_pattern(TWO_THETA, np.random.default_rng(8).poisson(counts).astype(float), radiation="cu-ka")
        return xf.fit(model, scan, engine="bragg", start={"cu2o__size_nm": 15.0, "cu2se__size_nm": 4.0}), truth

    def test_scales_and_occupancies(self, fitted):
        result, truth = fitted
        assert result.success
        values = {**truth, "cu2se__occ_Cu_8c": 0.37, "cu2se__occ_Cu_32f": 0.1575, "cu2o__size_nm": 9.0}
        for name, true in values.items():
            assert abs(result[name].value - true) < 4 * result[name].stderr, name

    def test_weight_fractions(self, fitted):
        result, truth = fitted
        weights = truth["cu2se__scale"] * self.MASS_SELENIDE, truth["cu2o__scale"] * self.MASS_OXIDE
        error = result["cu2o__scale"].stderr / truth["cu2o__scale"]
        assert result.weight_fractions["cu2o"] == pytest.approx(weights[1] / sum(weights), rel=6 * error)
        assert sum(result.weight_fractions.values()) == pytest.approx(1.0)

    def test_composition_is_by_phase(self, fitted):
        result, _ = fitted
        assert result.composition["cu2o"] == pytest.approx({"Cu": 4.0, "O": 2.0})
        assert set(result.composition["cu2se"]) == {"Cu", "Se"}
        assert {t.phase for t in result.sites} == {"cu2se", "cu2o"}
        assert set(np.unique(result.pattern["tick_phase"])) == {"cu2se", "cu2o"}

    def test_phase_that_is_not_there(self, fitted):
        """Its scale ends at zero or within a few errors of it, and never below."""
        result, _ = fitted
        scan = noisy(xf.load_model("cu2se-6nm"))
        absent = xf.fit(result.start_model, scan, engine="bragg", fix=["cu2o__a", "cu2o__size_nm", "cu2o__mixing"])
        assert absent["cu2o__scale"].value >= 0.0
        assert absent.weight_fractions["cu2o"] < 0.02


def test_progress_speaks_of_stages(scan):
    said: list[str] = []
    xf.fit(
        xf.load_model("cu2se"),
        scan,
        engine="bragg",
        total={"Cu": 8},
        progress=lambda stage, part=0.0: said.append(stage),
    )
    assert any("other compositions" in words for words in said)


def test_far_start_is_mended(six, scan):
    """A size ten times too large and a cell 2 % off: found without help."""
    near = xf.fit(six, scan, engine="bragg")
    far = xf.fit(six, scan, engine="bragg", start={"size_nm": 60.0, "a": 5.97})
    assert far.statistics.chi2 == pytest.approx(near.statistics.chi2, abs=0.01)
