"""What varies by itself on a laboratory diffractometer, and which weights count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.model.ties import parse_tie
from xrdfit.report.options_table import options_table, read_options

GRID = np.arange(18.0, 120.0, 0.03)
ADDED = ("displacement_mm", "W", "X", "S_L")


def _scan(values, seed=3, counts=8000.0, name="caf2", waves=0.0):
    model = replace(xf.load_model(name), ties=(parse_tie("H_L = S_L"),))
    pattern = xf.simulate(model, GRID, values=values)
    mean = pattern * counts / pattern.max() + 150.0 * (1.0 + waves * np.cos(np.radians(9.0 * GRID)))
    return xf.make_pattern(GRID, np.random.default_rng(seed).poisson(mean).astype(float), radiation="cu-ka")


TRUTH = {"size_nm": 120.0, "displacement_mm": 0.12, "W": 0.003, "X": 0.02, "S_L": 0.03, "a": 5.4640}


@pytest.fixture(scope="module")
def lab():
    return _scan(TRUTH)


@pytest.fixture(scope="module")
def first_shot(lab):
    return xf.fit(xf.load_model("caf2"), lab)


class TestCrystallinePowder:
    def test_first_shot_has_the_cell_and_the_displacement(self, first_shot):
        assert first_shot.success
        assert first_shot.statistics.chi2_reduced < 1.1
        for name in ("a", "displacement_mm", "S_L"):
            error = first_shot[name].stderr
            assert error is not None
            assert abs(first_shot[name].value - TRUTH[name]) < 4.0 * error, name

    def test_without_it_the_cell_is_wrong(self, lab):
        plain = xf.fit(xf.load_model("caf2"), lab, usual=False)
        assert plain["displacement_mm"].status == "fixed"
        assert abs(plain["a"].value - TRUTH["a"]) > 20.0 * plain["a"].stderr

    def test_what_was_added_is_said_and_repeats_the_fit(self, lab, first_shot):
        assert first_shot.steps[0].options == ("--vary", "displacement_mm")
        assert first_shot.steps[1].options[:4] == ("--vary", *ADDED[1:])
        options = first_shot.options
        assert set(ADDED) <= set(options.vary)
        assert not options.usual
        again = xf.fit(
            xf.load_model("caf2"), lab, usual=False, vary=options.vary, tie=options.tie, background=options.background
        )
        assert again["a"].value == pytest.approx(first_shot["a"].value, abs=0.02 * first_shot["a"].stderr)
        assert again["H_L"].value == again["S_L"].value

    def test_a_wavy_background_gets_its_order(self):
        result = xf.fit(xf.load_model("caf2"), _scan(TRUTH, waves=0.5))
        assert result.options.background > 10
        assert result.statistics.chi2_reduced < 1.15

    def test_strain_is_added_where_the_scan_shows_it(self, first_shot):
        assert first_shot["microstrain"].status == "fixed"
        truth = TRUTH | {"microstrain": 0.002}
        result = xf.fit(xf.load_model("caf2"), _scan(truth))
        assert result["microstrain"].status == "varied"
        assert abs(result["microstrain"].value - 0.002) < 4.0 * result["microstrain"].stderr
        assert abs(result["a"].value - truth["a"]) < 4.0 * result["a"].stderr

    def test_a_perfect_instrument_gets_the_displacement_alone(self):
        result = xf.fit(xf.load_model("caf2"), _scan({"size_nm": 40.0, "displacement_mm": 0.05}))
        assert result["displacement_mm"].status == "varied"
        assert [result[name].status for name in ("W", "X", "S_L")] == ["fixed"] * 3

    @pytest.mark.slow
    def test_crystals_so_small_that_a_debye_sum_describes_them_get_the_displacement(self):
        scan = _scan({"size_nm": 20.0, "displacement_mm": 0.1, "W": 0.003}).isel(two_theta=slice(0, 1500))
        result = xf.fit(xf.load_model("caf2"), scan)
        assert result.engine == "debye"
        assert result["displacement_mm"].value == pytest.approx(0.1, abs=0.03)
        assert [result[name].status for name in ("W", "X", "S_L")] == ["fixed"] * 3


class TestLeftAlone:
    @pytest.mark.parametrize(
        ("choices", "fixed"),
        [
            ({"fix": ["displacement_mm"]}, ("displacement_mm",)),
            ({"vary": ["zero_deg"]}, ("displacement_mm",)),
            ({"fix": {"W": 0.002}}, ("X", "S_L")),
            ({"instrument": xf.Instrument(radiation="cu-ka", W=0.002)}, ADDED),
            ({"polarization": 0.95}, ADDED),
            ({"capillary": 0.1}, ADDED),
            ({"engine": "debye", "start": {"size_nm": 20.0}, "limits": {"size_nm": (5.0, 25.0)}}, ADDED),
        ],
    )
    def test_what_the_user_says_stays(self, choices, fixed):
        scan = _scan({"size_nm": 20.0, "displacement_mm": 0.1, "W": 0.003}).isel(two_theta=slice(0, 1500))
        result = xf.fit(xf.load_model("caf2"), scan, **choices)
        assert [result[name].status for name in fixed] == ["fixed"] * len(fixed)

    def test_clusters_keep_what_they_have(self):
        scan = _scan({"size_nm": 4.0, "displacement_mm": 0.1}, name="cu2se-4nm")
        assert xf.fit(xf.load_model("cu2se-4nm"), scan).steps == ()

    def test_neutrons_have_no_usual_instrument(self):
        model = xf.load_model("caf2")
        grid = np.arange(20.0, 140.0, 0.05)
        pattern = xf.simulate(replace(model, instrument=xf.Instrument(radiation="neutron:1.9", W=0.1)), grid)
        counts = np.random.default_rng(1).poisson(3000.0 * pattern / pattern.max() + 100.0).astype(float)
        scan = xf.make_pattern(grid, counts, radiation="neutron:1.9")
        assert xf.fit(model, scan, radiation="neutron:1.9")["displacement_mm"].status == "fixed"


def test_files_of_the_version_before_add_nothing(tmp_path):
    table = options_table(xf.FitOptions())
    del table["usual"]
    assert not read_options(table, "fit.toml", tmp_path).usual


@pytest.fixture(scope="module")
def faint():
    return [_scan({"size_nm": 20.0}, seed, counts=60.0) for seed in range(4)]


class TestWeights:
    """A dozen photons: weights by the observed counts pull a pattern low, those by the calculated one do not."""

    def _backgrounds(self, scans, weights):
        model = xf.load_model("caf2")
        mean = []
        for scan in scans:
            few = scan.assign(counts=np.floor(scan.counts / 15.0))
            few = xf.make_pattern(GRID, few.counts.values, radiation="cu-ka")
            mean.append(xf.fit(model, few, engine="bragg", weights=weights, usual=False, background=0)["bkg_0"].value)
        return float(np.mean(mean)), np.mean([float(np.floor(s.counts / 15.0)[:100].mean()) for s in scans])

    def test_observed_weights_pull_low_and_the_others_do_not(self, faint):
        calculated, truth = self._backgrounds(faint, "y_calc")
        observed, _ = self._backgrounds(faint, "y_obs")
        equal, _ = self._backgrounds(faint, "none")
        assert calculated == pytest.approx(truth, rel=0.02)
        assert equal == pytest.approx(truth, rel=0.02)
        assert observed < 0.985 * truth

    def test_equal_weights_are_equal(self, lab):
        result = xf.fit(xf.load_model("caf2"), lab, weights="none", usual=False)
        sigma = result.problem.scans[0].sigma
        assert np.ptp(sigma) == 0.0
        assert sigma[0] ** 2 == pytest.approx(float(np.mean(lab.sigma**2)))

    def test_a_wrong_name_is_refused(self):
        with pytest.raises(xf.InputError, match="allowed are y_calc, y_obs, none"):
            xf.FitOptions(weights="sqrt")

    def test_where_weights_move_an_occupancy_the_model_error_says_so(self):
        """A displaced specimen, and none in the model: the answer is what strong or weak points make of it."""
        scan = _scan(TRUTH | {"occ_F_8c": 0.8}, counts=20000.0)
        plain, full = {"vary": ["occ_F_8c"]}, {"vary": ["occ_F_8c", *ADDED], "tie": ["H_L = S_L"]}
        wrong, right = (xf.fit(xf.load_model("caf2"), scan, usual=False, **options) for options in (plain, full))
        moved = xf.fit(xf.load_model("caf2"), scan, weights="y_obs", usual=False, **plain)["occ_F_8c"].value
        assert abs(moved - wrong["occ_F_8c"].value) > wrong["occ_F_8c"].stderr
        assert wrong.model_errors.of({"occ_F_8c": 1.0}).by["weights"] > wrong["occ_F_8c"].stderr
        assert "weights" not in right.model_errors.of({"occ_F_8c": 1.0}).by
