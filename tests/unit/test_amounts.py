"""Weight fractions: microabsorption, and what a standard says is amorphous."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xraydb

import xrdfit as xf
from xrdfit.crystal.radiation import radiation
from xrdfit.diffraction.microabsorption import brindley_factor, brindley_factors, linear_absorption
from xrdfit.fitting.options import FitOptions, with_choices

GRID = np.arange(20.0, 90.0, 0.04)


@pytest.mark.parametrize("k", [-1.0, -0.3, -0.049, 0.0, 0.02, 0.0501, 0.5, 2.0])
def test_brindley_by_integration_over_the_sphere(k):
    """Ways through a sphere of diameter 1, a point of the volume after another."""
    b = (np.arange(20_000) + 0.5) / 40_000.0  # distance of the way from the centre
    chord = 2.0 * np.sqrt(0.25 - b**2)
    inside = chord * b  # volume that ways at b go through
    assert float(brindley_factor(k)) == pytest.approx((inside * np.exp(-k * chord)).sum() / inside.sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("element", "edge", "density"), [("Al", 4.0495, 2.700), ("Cu", 3.615, 8.935), ("Pb", 4.951, 11.34)]
)
def test_absorption_is_that_of_the_tables_cross_sections(element, edge, density):
    """f″ by the optical theorem against the table's own µ/ρ of photoabsorption, over the lines of a tube."""
    rays = radiation("cu-ka").lines
    expected = sum(r.weight * xraydb.mu_chantler(element, r.energy_ev, photo=True) for r in rays) / sum(
        r.weight for r in rays
    )
    mu = linear_absorption({element: 4.0}, edge**3, rays)  # 1/µm, of a face-centred cell
    assert 1e4 * mu / density == pytest.approx(expected, rel=0.01)


def mixture(shares, sizes=(0.0, 0.0)):
    """Fluorite and lanthanum hexaboride: a model and a scan of these weights, weakened by grains."""
    fluorite, standard = (xf.load_model(n) for n in ("caf2", "lab6"))
    phases = tuple(replace(m.phases[0], size_nm=60.0, particle_um=0.0) for m in (fluorite, standard))
    model = replace(fluorite, phases=phases)
    cells = np.array([4.0 * 40.078 + 8.0 * 18.998, 138.905 + 6.0 * 10.811])
    volume = np.array([p.structure.cell.volume for p in phases])
    mu = np.array(
        [
            linear_absorption(p.structure.composition(), p.structure.cell.volume, radiation("cu-ka").lines)
            for p in phases
        ]
    )
    filled = np.array(shares) / (cells / volume)
    mean = filled @ mu / filled.sum()
    tau = brindley_factor((mu - mean) * np.array(sizes))
    scales = {f"{p.name}__scale": s for p, s in zip(phases, np.array(shares) * tau / cells, strict=True)}
    y = xf.simulate(model, GRID, values=scales, engine="bragg", radiation="cu-ka")
    counts = np.random.default_rng(3).poisson(200.0 + 20_000.0 * y / y.max()).astype(float)
    return model, xf.make_pattern(GRID, counts, radiation="cu-ka")


def test_grains_that_absorb():
    model, scan = mixture((0.7, 0.3), sizes=(4.0, 4.0))
    bare = xf.fit(model, scan, engine="bragg", usual=False)
    error = bare.weight_fraction_errors["lab6"]
    assert abs(bare.weight_fractions["lab6"] - 0.3) > 5.0 * error
    grains = xf.fit(model, scan, engine="bragg", usual=False, particle={"caf2": 4.0, "lab6": 4.0})
    assert grains.weight_fractions["lab6"] == pytest.approx(0.3, abs=3.0 * error)
    assert grains["lab6__scale"].value == pytest.approx(bare["lab6__scale"].value, rel=1e-6)
    coarse = xf.fit(model, scan, engine="bragg", usual=False, particle={"lab6": 60.0})
    assert any("absorb too much for Brindley" in w for w in coarse.warnings)


def test_the_mean_absorption_is_that_of_the_corrected_mixture():
    masses, densities = np.array([0.5, 0.5]), np.array([3.0, 5.0])
    mu, diameter = np.array([0.01, 0.12]), np.array([5.0, 5.0])
    tau = brindley_factors(masses, densities, mu, diameter)
    volume = masses / tau / densities
    np.testing.assert_allclose(tau, brindley_factor((mu - volume @ mu / volume.sum()) * diameter), rtol=1e-10)
    np.testing.assert_array_equal(brindley_factors(masses, densities, mu, np.zeros(2)), 1.0)


@pytest.mark.parametrize("amorphous", [0.0, 0.35])
def test_what_a_standard_leaves_over(amorphous):
    """20 % of lanthanum hexaboride added to a powder that is partly amorphous."""
    model, scan = mixture((0.8 * (1.0 - amorphous), 0.2))
    found = xf.fit(model, scan, engine="bragg", usual=False, standard={"lab6": "20.0(2)"})
    assert found.amorphous == pytest.approx(amorphous, abs=3.0 * found.amorphous_error)
    assert 0.001 < found.amorphous_error < 0.03
    exact = xf.fit(model, scan, engine="bragg", usual=False, standard={"lab6": 20.0})
    assert exact.amorphous_error < found.amorphous_error
    assert found.to_dict()["amorphous"] == found.amorphous
    more = xf.fit(model, scan, engine="bragg", usual=False, standard={"lab6": 40.0})
    assert any("more of the phases than the standard allows" in w for w in more.warnings)


def test_a_standard_that_is_not_seen_is_said_so():
    model, scan = mixture((1.0, 0.0))
    found = xf.fit(model, scan, engine="bragg", usual=False, standard={"lab6": 20.0}, fix={"lab6__scale": 0.0})
    assert (found.amorphous, found.amorphous_error) == (None, None)
    assert any("shows no lab6, the standard" in w for w in found.warnings)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"particle": {"quartz": 2.0}}, "particle 'quartz': the model has no such phase; it has caf2, lab6"),
        ({"particle": {"lab6": 0.0}}, "particle lab6=0 µm"),
        ({"standard": {"lab6": 100.0}}, "standard lab6=100 %"),
        ({"standard": {"lab6": 10.0, "caf2": 5.0}}, "one phase is the standard"),
    ],
)
def test_what_cannot_be(choice, message):
    model, scan = mixture((0.8, 0.2))
    with pytest.raises(xf.InputError, match=message):
        xf.fit(model, scan, engine="bragg", **choice)


def test_options_are_kept(tmp_path):
    model, scan = mixture((0.8, 0.2))
    choices = {"standard": {"lab6": "20.0(2)"}, "particle": {"lab6": 2.0}}
    result = xf.fit(model, scan, engine="bragg", usual=False, **choices)
    assert result.options.standard == with_choices(FitOptions(), choices).standard
    xf.save(result, tmp_path / "out")
    again = xf.load_result(tmp_path / "out")
    assert again.options == result.options
    assert (again.amorphous, again.amorphous_error) == (result.amorphous, result.amorphous_error)
