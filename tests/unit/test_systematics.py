"""Shifts are combined in a fixed order, and an engine that cannot describe the scan is not taken for an error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from inference_cases import scan_of

import xrdfit as xf
from xrdfit.inference import systematics as module
from xrdfit.inference.systematics import Variation
from xrdfit.model.ties import parse_tie


@pytest.fixture(scope="module")
def result():
    model = xf.load_model("cu2se-2nm")
    return xf.fit(model, scan_of(model, 1), engine="bragg")


def prescribed(monkeypatch, result, engine_chi2):
    """Replace every refit by a shift of 0.1, 0.2, ... and return the table."""
    steps = iter(0.1 * np.arange(1, 100))

    def vary(result, names, name, options, note):
        shift = next(steps)
        chi2 = engine_chi2 if "engine" in name else 1.0
        return Variation(name, dict.fromkeys(names, shift), chi2 * result.statistics.chi2_reduced)

    monkeypatch.setattr(module, "_vary", vary)
    return xf.systematics(result)


@pytest.mark.parametrize(("engine_chi2", "combined"), [(1.9, True), (2.1, False)])
def test_a_hopeless_engine_is_listed_but_not_combined(monkeypatch, result, engine_chi2, combined):
    table = prescribed(monkeypatch, result, engine_chi2)
    (engine,) = [v for v in table.variations if "engine" in v.name]
    assert engine.combined is combined
    assert bool(engine.note) is not combined
    assert engine.shifts
    groups = {}
    for v in table.variations:
        key = "background" if "background" in v.name else "b" if "b_overall" in v.name else v.name
        if v.combined:
            groups[key] = max(groups.get(key, 0.0), v.shifts[table.names[0]])
    expected = np.sqrt(table.stderr[table.names[0]] ** 2 + sum(s**2 for s in groups.values()))
    assert table.combined[table.names[0]] == pytest.approx(expected, rel=1e-12)


def test_a_model_with_a_tie_is_refitted_too(result):
    tied = replace(result.start_model, ties=(parse_tie("occ_Cu_4b = 0.5 * occ_Cu_8c"),))
    table = xf.systematics(xf.fit(tied, result.scan, engine="bragg"))
    assert all(v.shifts for v in table.variations)
    assert all(table.combined[n] > table.stderr[n] for n in table.names)


def test_where_every_phase_names_its_engine_the_other_is_not_tried(result):
    named = replace(result.start_model, phases=tuple(replace(p, engine="bragg") for p in result.start_model.phases))
    table = xf.systematics(xf.fit(named, result.scan, engine="bragg"))
    (engine,) = [v for v in table.variations if "engine" in v.name]
    assert not engine.shifts
    assert "names its engine" in engine.note


def test_without_a_refit_there_is_no_combined_error(monkeypatch, result):
    monkeypatch.setattr(module, "_vary", lambda *_: Variation("none", {}, float("nan"), "refused"))
    assert all(np.isnan(c) for c in xf.systematics(result).combined.values())


def test_a_fit_to_a_cluster_s_pattern_leaves_the_other_engine_apart():
    model = xf.load_model("cu2se-2nm")
    fitted = xf.fit(model, scan_of(model, 1, counts=50000, engine="debye"), engine="debye")
    table = xf.systematics(fitted)
    (engine,) = [v for v in table.variations if v.name == "bragg engine"]
    assert not engine.combined
    assert "not in the combined error" in engine.note
