"""Intervals hold the truth as often as they say, on simulated scans of random truths."""

from __future__ import annotations

import os

import pytest
from inference_cases import scan_of

import xrdfit as xf
from xrdfit.errors import ComputationError
from xrdfit.inference import coverage as module
from xrdfit.inference.coverage import Coverage, calibrate_intervals, random_truth, trial

SLOW = bool(os.environ.get("XRDFIT_SLOW"))
MODELS = ("cu2se-2nm", "cu2se-4nm", "cu2se-6nm")


@pytest.fixture(scope="module")
def models():
    return [xf.load_model(name) for name in MODELS]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["bragg", "debye"])
def test_a_small_calibration_is_within_its_own_errors(models, engine):
    found = calibrate_intervals(models, 45, engines=[engine], seed=5)
    assert found.failed == found.without_interval == 0
    far = [row for row in found.rows() if row.place == "far"]
    assert min(row.trials for row in far) > 60
    for row in far:
        # several occupancies of one scan are not independent: their errors are 1.3 times as large
        assert abs(row.covered - row.level) < 3 * 1.3 * row.error


@pytest.mark.slow
def test_with_every_truth_on_a_bound_both_kinds_do_as_they_promise(models, monkeypatch):
    monkeypatch.setattr(module, "ON_BOUND", 1.0)
    found = calibrate_intervals(models, 30, engines=["bragg"], seed=6)
    assert found.failed == found.without_interval == 0
    rows = {(row.kind, row.level): row for row in found.rows() if row.place == "near"}
    for level in module.LEVELS:
        unified, profile = rows["Feldman-Cousins", level], rows["profile", level]
        assert unified.trials > 50
        assert abs(unified.covered - level) < 3 * 1.3 * unified.error
        assert profile.covered >= unified.covered
        assert profile.covered > level - 1.3 * profile.error


@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="thousands of fits; XRDFIT_SLOW=1 runs them")
@pytest.mark.parametrize("engine", ["bragg", "debye"])
def test_coverage_of_the_whole_chain(models, engine):
    found = calibrate_intervals(models, 4000, engines=[engine], seed=1, workers=-1)
    rows = {(row.place, row.kind, row.level): row.covered for row in found.rows()}
    assert rows["far", "profile", 0.6827] == pytest.approx(0.6827, abs=0.03)
    assert rows["far", "profile", 0.95] == pytest.approx(0.95, abs=0.015)
    assert rows["near", "profile", 0.6827] >= 0.65
    assert rows["near", "profile", 0.95] >= 0.935
    for place in ("far", "near"):
        assert rows[place, "Feldman-Cousins", 0.6827] == pytest.approx(0.6827, abs=0.03)
        assert rows[place, "Feldman-Cousins", 0.95] == pytest.approx(0.95, abs=0.015)


def test_a_scan_is_the_same_whenever_it_is_made(models):
    whole = calibrate_intervals(models, 4, engines=["bragg"], seed=3)
    part = calibrate_intervals(models, 2, engines=["bragg"], seed=3, first=2)
    assert part.trials == tuple(t for t in whole.trials if t.index >= 2)


def test_truths_lie_within_the_bounds_and_some_on_them(models):
    import numpy as np

    random = np.random.default_rng(0)
    truths = [random_truth(models[0], "bragg", random) for _ in range(300)]
    values = np.array([t[n] for t in truths for n in t if n.startswith("occ_")])
    assert values.min() == 0.0
    assert values.max() == 1.0
    assert np.mean((values == 0.0) | (values == 1.0)) == pytest.approx(module.ON_BOUND, abs=0.06)


def test_interrupted_it_keeps_what_was_done(models, monkeypatch):
    calls = []

    def interrupted(*job):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(job)
        return trial(*job)

    monkeypatch.setattr(module, "trial", interrupted)
    found = calibrate_intervals(models, 10, engines=["bragg"])
    assert isinstance(found, Coverage)
    assert found.scans == 2
    assert not found.complete


def test_an_interval_that_fails_is_a_miss_of_its_occupancy_alone(models, monkeypatch):
    whole = trial(models[0], "bragg", 5000.0, 300.0, 0, 0)
    interval = module.interval_of

    def failing(result, name, level):
        if name == whole[0].name and level > 0.9:
            raise ComputationError("no end found")
        return interval(result, name, level)

    monkeypatch.setattr(module, "interval_of", failing)
    found = calibrate_intervals(models[:1], 1, engines=["bragg"])
    assert found.failed == 0
    assert found.without_interval == found.to_dict()["without_interval"] == 1
    first, *others = found.trials
    assert first.inside == (whole[0].inside[0], False)
    assert first.failures == ("no end found",)
    assert others == whole[1:]


@pytest.mark.slow
def test_where_a_scan_has_two_answers_the_interval_holds_the_truth_all_the_same():
    """Five sites and B free: nine scans in ten allow a second composition, and half of all fits end in that one."""
    model = xf.load_model("cu2se")
    truth = next(row.value for row in model.rows("bragg") if row.name == "occ_Cu_8c")
    results = [xf.fit(model, scan_of(model, seed), engine="bragg") for seed in range(12)]
    intervals = [result.interval("occ_Cu_8c", 0.95) for result in results]
    assert sum(bool(result.rivals) for result in results) > 6
    assert any(abs(result["occ_Cu_8c"].value - truth) > 4 * result["occ_Cu_8c"].stderr for result in results)
    assert sum(low <= truth <= high for low, high in intervals) >= 11
