"""Which engine a fit takes by itself, and that what it took comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from inference_cases import GRID, scan_of
from two_scans import RADIATION, alloy, pair

import xrdfit as xf


@pytest.fixture(scope="module")
def clusters():
    return xf.load_model("cu2se-4nm")


@pytest.fixture(scope="module")
def exact(clusters):
    """A Debye sum over spheres of 4 nm."""
    return scan_of(clusters, 1, engine="debye")


def test_clusters_get_the_debye_sum(clusters, exact):
    result = xf.fit(clusters, exact)
    assert result.engine == "debye"
    assert "looks like spheres of" in result.engine_reason
    assert abs(result["occ_Cu_8c"].value - 1.0) < 0.02


def test_it_is_the_fit_with_that_engine_named(clusters, exact):
    chosen, named = xf.fit(clusters, exact), xf.fit(clusters, exact, engine="debye")
    assert chosen["occ_Cu_32f"].value == pytest.approx(named["occ_Cu_32f"].value, abs=0.02 * named["occ_Cu_32f"].stderr)


def test_lines_that_are_not_those_of_spheres_keep_braggs_law(clusters):
    result = xf.fit(clusters, scan_of(clusters, 2, engine="bragg"))
    assert result.engine == "bragg"
    assert "Bragg's law describes the scan better" in result.engine_reason
    assert result.statistics.chi2_reduced < 1.1


def test_crystals_beside_clusters_keep_braggs_law(clusters):
    crystal = replace(xf.load_model("caf2").phases[0], size_nm=60.0)
    both = replace(clusters, name="both", phases=(*clusters.phases, crystal))
    own = replace(both, phases=(replace(clusters.phases[0], engine="debye"), crystal))
    pattern = xf.simulate(own, GRID, values={"caf2__scale": 0.02})
    mean = pattern * 8000.0 / pattern.max() + 200.0
    scan = xf.make_pattern(GRID, np.random.default_rng(3).poisson(mean).astype(float))
    result = xf.fit(both, scan)
    assert result.engine == "debye"
    assert [phase.engine for phase in result.model.phases] == [None, "bragg"]
    assert result.statistics.chi2_reduced < 1.2
    assert result["cu2se__size_nm"].value == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    ("choices", "reason"),
    [({"texture": (1, 0, 0)}, "preferred orientation"), ({"start": {"size_nm": 80.0}}, "beyond the 50 nm")],
)
def test_what_only_braggs_law_has_keeps_it(clusters, exact, choices, reason):
    result = xf.fit(clusters, exact, **choices)
    assert result.engine == "bragg"
    assert reason in result.engine_reason


def test_neutron_diffractometers_are_no_clusters():
    scans = pair(3)
    result = xf.fit(alloy(), scans["hrpt"], radiation=RADIATION["hrpt"], usual=False)
    assert result.engine == "bragg"
    assert "neutron" in result.engine_reason


def test_names_of_one_of_several_scans_are_no_obstacle():
    choices = {"radiation": RADIATION, "background": 3, "vary": ["hrpt__zero_deg"], "fix": {"lab__zero_deg": 0.0}}
    result = xf.fit(alloy(), pair(3), usual=False, **choices)
    assert result.engines == {"lab": "bragg", "hrpt": "bragg"}


def test_a_name_that_only_the_other_engine_has_survives_a_save(clusters, exact, tmp_path):
    result = xf.fit(clusters, exact, fix=["mixing"])
    assert result.engine == "debye"
    again = xf.load_result(xf.save(result, tmp_path / "out"))
    assert again.engine == "debye"
    assert again["occ_Cu_8c"] == result["occ_Cu_8c"]


def test_a_guided_fit_keeps_the_engine(clusters, exact):
    result = xf.fit(clusters, exact, fix=["mixing"], seek=("background_order",))
    assert result.engine == "debye"


def test_a_scan_that_is_not_measured_yet_goes_by_the_models_size(clusters):
    assert xf.identify(clusters).engine == "debye"
    assert xf.identify(xf.load_model("caf2"), vary=["occ_F_8c"]).engine == "bragg"
