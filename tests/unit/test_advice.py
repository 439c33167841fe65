"""What a scan asks for: each piece is named by a scan that lacks it, at its worth; a perfect scan asks for nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.crystal.structure import Structure
from xrdfit.diffraction.background import Blank, Hump
from xrdfit.fitting.options import FitOptions
from xrdfit.inference.guided import applied

GRID = np.round(15.0 + 0.05 * np.arange(1301), 2)
TOP, FLOOR = 4000.0, 200.0


@pytest.fixture(scope="module")
def six():
    return xf.load_model("cu2se-6nm")


def counts(model, *, values=None, beneath=0.0, factor=1.0, other="", seed=5, radiation="cu-ka", **kwargs):
    """Counts of a model with something that its fit will lack: other values, a curve beneath, a factor on the lines."""
    lines = xf.simulate(model, GRID, values=values, radiation=radiation, **kwargs)
    lines = factor * lines * TOP / lines.max()
    if other:
        curve = xf.simulate(xf.load_model(other), GRID, values={"size_nm": 40.0}, radiation=radiation)
        lines = lines + 0.2 * TOP * curve / curve.max()
    expected = lines + FLOOR + beneath
    return xf.make_pattern(GRID, np.random.default_rng(seed).poisson(expected).astype(float), radiation=radiation)


def bell(centre, width, height):
    return height * np.exp(-4.0 * np.log(2.0) * ((GRID - centre) / width) ** 2)


def named(result):
    """Remedies of all advice, alternatives too."""
    return {piece.remedy: piece for advice in result.advice for piece in (advice, *advice.alternatives)}


def check_worth(model, scan, result, advice, **choices):
    """The Δχ² that an advice tells is what the fit with its piece gains, to a fifth (or to four).

    Weights are those of the first fit: only with equal ones is χ² compared.
    """
    there, options = applied(advice, model, replace(FitOptions(), **choices), result)
    refit = xf.fit(
        there,
        scan,
        engine="bragg",
        **{n: getattr(options, n) for n in ("vary", "film", "background", "b_per_element", "exclude")},
    )
    problem = refit.problem
    if problem.n_points == result.problem.n_points:
        problem = problem.with_sigmas(result.problem.sigmas)
        gained = result.statistics.chi2 - problem.evaluate(refit.theta, derivatives=False).chi2
        assert gained == pytest.approx(advice.delta_chi2, rel=0.2, abs=4.0)
    return refit


SINE = np.sin(np.radians(GRID / 2.0))
LACKING = {
    "displacement": ({"values": {"displacement_mm": 0.05}}, "--vary displacement_mm"),
    "zero": ({"values": {"zero_deg": 0.03}}, "--vary zero_deg"),
    "overall B": ({"values": {"b_overall": 0.4}}, "--vary b_overall"),
    "B of an element": ({"values": {"b_Cu_8c": 1.0, "b_Cu_32f": 1.0}}, "--b-per-element"),
    "coordinate": ({"values": {"x_Cu_32f": 0.347}}, "--vary x_Cu_32f"),
    "film": ({"factor": 1.0 - np.exp(-1.4 / SINE)}, "--film"),
    "hump": ({"beneath": bell(21.0, 7.0, 250.0)}, "--hump 21 7"),
    "order": ({"beneath": 18.0 * np.cos(7.0 * np.arccos((2.0 * GRID - 95.0) / 65.0))}, "--background 7"),
    "spike": ({"beneath": bell(58.0, 0.25, 160.0)}, "--exclude 57.6 58.4"),
    "air": ({"beneath": 40.0 * (15.0 / GRID) ** 4}, "--air"),
}


@pytest.mark.parametrize("what", LACKING)
def test_what_is_lacking_is_named_at_its_worth(six, what):
    lack, remedy = LACKING[what]
    scan = counts(six, **lack)
    result = xf.fit(six, scan, engine="bragg")
    pieces = named(result)
    assert remedy in pieces or what == "air"
    if what == "air":  # a cubic background and a hump before the first point say nearly the same
        assert result.advice
        return
    check_worth(six, scan, result, pieces[remedy])


@pytest.fixture(scope="module")
def fluorite():
    return xf.load_model("caf2")


class TestLines:
    """What only lines of well-grown crystals show."""

    @pytest.mark.parametrize(("axis", "r"), [((0, 0, 1), 0.8), ((1, 0, 0), 0.7)])
    def test_texture_is_named_with_its_axis(self, axis, r):
        wurtzite = xf.load_model("cdse-wurtzite")
        wurtzite = replace(wurtzite, phases=(replace(wurtzite.phases[0], size_nm=40.0),))
        lying = replace(wurtzite, phases=(replace(wurtzite.phases[0], march_axis=axis, march_r=r),))
        scan = counts(lying)
        advice = xf.fit(wurtzite, scan, engine="bragg").advice[0]
        assert advice.remedy == "--texture {} {} {}".format(*axis)
        assert 1.0 + advice.size == pytest.approx(r, abs=0.08)
        guided = xf.fit(wurtzite, scan, engine="bragg", seek=["all"])
        assert guided.options.texture == axis
        assert guided["march_r"].value == pytest.approx(r, abs=4.0 * guided["march_r"].stderr)

    @pytest.mark.parametrize("line", ["kbeta", "w_la"])
    def test_lines_of_the_tube_are_named_with_their_weight(self, fluorite, line):
        sharp = replace(fluorite, phases=(replace(fluorite.phases[0], size_nm=60.0),))
        old = replace(sharp, instrument=replace(sharp.instrument, **{line: 0.02}))
        scan = counts(old)
        first = xf.fit(sharp, scan, engine="bragg")
        assert first.advice[0].remedy == f"--vary {line}"
        assert first.advice[0].size == pytest.approx(0.02, abs=0.003)
        guided = xf.fit(sharp, scan, engine="bragg", seek=["all"])
        assert guided[line].value == pytest.approx(0.02, abs=4.0 * guided[line].stderr)
        assert not [a for a in xf.fit(sharp, counts(sharp), engine="bragg").advice if a.code == line]

    def test_clusters_do_not_lie_on_faces(self, six):
        from xrdfit.inference.adequacy.phase_pieces import texture_pieces

        assert not list(texture_pieces(xf.fit(six, counts(six), engine="bragg")))

    def test_a_polarized_beam_is_named_with_its_share(self, fluorite):
        """A synchrotron's, with B known."""
        polarized = replace(fluorite, instrument=replace(fluorite.instrument, polarization=0.95))
        result = xf.fit(fluorite, counts(polarized, radiation="1.54"), engine="bragg", fix=["b_*"])
        advice = named(result)
        (remedy,) = [r for r in advice if r.startswith("--polarization")]
        assert float(remedy.split()[1]) == pytest.approx(0.95, abs=0.12)  # so large a lack is beyond first order

    def test_neutrons_have_no_share_of_polarization(self, fluorite):
        from xrdfit.inference.adequacy.pieces import intensity_pieces

        for rays, expected in (("1.54", True), ("cu-ka", False), ("neutron:1.54", False)):
            result = xf.fit(fluorite, counts(fluorite, radiation=rays), engine="bragg")
            assert any(p.code == "polarization" for p in intensity_pieces(result)) is expected

    def test_a_capillary_is_named_with_its_absorption(self, fluorite):
        filled = replace(fluorite, instrument=replace(fluorite.instrument, capillary=True, mu_r=1.0))
        result = xf.fit(fluorite, counts(filled), engine="bragg")
        advice = named(result)
        (remedy,) = [r for r in advice if r.startswith("--capillary")]
        assert float(remedy.split()[1]) == pytest.approx(1.0, abs=0.2)


def test_another_phase_is_named(six):
    result = xf.fit(six, counts(six, other="si"), engine="bragg")
    assert result.advice[0].remedy == "--phase si"
    assert result.advice[0].size == pytest.approx(0.2, rel=0.5)


def test_an_empty_site_is_named(six):
    sites = [*six.phases[0].structure.sites]
    rows = [{"species": s.species, "xyz": s.xyz, "occupancy": s.occupancy} for s in sites]
    rows.append({"species": "Cu", "xyz": (0.5, 0.5, 0.5), "occupancy": 0.0})
    old = six.phases[0].structure
    wider = replace(
        six, phases=(replace(six.phases[0], structure=Structure.from_sites(old.name, old.group, old.cell, rows)),)
    )
    result = xf.fit(wider, counts(wider, values={"occ_Cu_4b": 0.1}), engine="bragg")
    assert any(remedy.startswith("--vary occ_Cu_4b") for remedy in named(result))


def test_a_lognormal_size_distribution_is_named(six):
    scan = counts(six, values={"size_sigma": 0.25}, engine="debye")
    result = xf.fit(six, scan, engine="debye")
    assert "--vary size_sigma" in named(result)


def test_perfect_scans_ask_for_nothing(six):
    asked = [bool(xf.fit(six, counts(six, seed=seed), engine="bragg").advice) for seed in range(20)]
    assert sum(asked) <= 2  # at most 5 % in the long run: three of twenty have a chance below 0.08


@pytest.mark.slow
def test_perfect_scans_ask_for_nothing_200(six):
    asked = [bool(xf.fit(six, counts(six, seed=1000 + seed), engine="bragg").advice) for seed in range(200)]
    print(f"false advice: {np.mean(asked):.3f}")
    assert np.mean(asked) <= 0.05


class TestModelErrors:
    @pytest.mark.parametrize(("name", "prior"), [("displacement_mm", 0.1), ("zero_deg", 0.03), ("b_overall", 1.0)])
    def test_a_piece_with_a_prior_is_a_restraint(self, six, name, prior):
        """M A Mᵀ and M δ of a single piece are what a fit with that piece, restrained to 0, gives."""
        from xrdfit.inference.adequacy.model_errors import _posterior
        from xrdfit.inference.adequacy.neighbourhood import Neighbourhood
        from xrdfit.inference.adequacy.pieces import parameter_pieces

        scan = counts(six, seed=8)
        result = xf.fit(six, scan, engine="bragg")
        hood = Neighbourhood.of(result.problem, result.theta)
        column = next(p for p in parameter_pieces(result) if p.subject == name).columns
        rest = hood.seen(column)
        sizes, covariance = _posterior(np.array([prior]), rest.T @ rest, rest.T @ hood.residual)
        move = hood.moves(column, ["occ_Cu_8c"])[0, 0]
        restrained = xf.fit(six, scan, engine="bragg", vary=[name], restrain={name: f"0({prior})"})
        before, after = result["occ_Cu_8c"], restrained["occ_Cu_8c"]
        assert after.value - before.value == pytest.approx(move * sizes[0], abs=0.1 * after.stderr)
        counting = (before.stderr / result.inflation**0.5) ** 2
        assert counting + move**2 * covariance[0, 0] == pytest.approx(
            (after.stderr / restrained.inflation**0.5) ** 2, rel=0.1
        )

    def test_what_the_scan_does_not_ask_for_vanishes(self, six):
        by = xf.fit(six, counts(six, seed=9), engine="bragg").model_errors.of({"occ_Cu_8c": 1.0}).by
        empirical = sum(by.get(kind, 0.0) ** 2 for kind in ("hump", "background_order", "spike", "impurity")) ** 0.5
        assert empirical < 0.003

    def test_an_error_of_an_exact_total_is_counted(self, six):
        """To first order a total with an error of 2 % is a soft total."""
        from xrdfit.inference.adequacy.model_errors import _posterior, _totals
        from xrdfit.inference.adequacy.neighbourhood import Neighbourhood

        scan = counts(six)
        exact, soft = (
            xf.fit(six, scan, engine="bragg", total={"Cu": 8.0}),
            xf.fit(six, scan, engine="bragg", total={"Cu": "8.0(0.16)"}),
        )
        hood = Neighbourhood.of(exact.problem, exact.theta)
        ((column, direct),) = _totals(exact)
        names = exact.problem.occupancies.names
        move = (hood.moves(column[:, None], names)[:, 0] + direct)[names.index("occ_Cu_8c")]
        rest = hood.seen(column[:, None])
        sizes, covariance = _posterior(np.ones(1), rest.T @ rest, rest.T @ hood.residual)
        before, after = exact["occ_Cu_8c"], soft["occ_Cu_8c"]
        assert exact.model_errors.of({"occ_Cu_8c": 1.0}).by["total"] > 0.0
        assert after.value - before.value == pytest.approx(move * sizes[0], abs=0.1 * after.stderr)
        counting = (before.stderr / exact.inflation**0.5) ** 2
        assert counting + move**2 * covariance[0, 0] == pytest.approx(
            (after.stderr / soft.inflation**0.5) ** 2, rel=0.1
        )


class TestBlank:
    BLANK = xf.make_pattern(GRID, np.random.default_rng(1).poisson(60.0 + bell(15.0, 20.0, 400.0)).astype(float))

    def test_it_stands_at_the_ratio_of_counting_times(self, six):
        scan, blank = counts(six), self.BLANK
        scan.attrs["count_time_s"], longer = 1.0, blank.assign_attrs(count_time_s=4.0)
        assert xf.fit(six, scan, engine="bragg", background=[xf.Chebyshev(1), Blank(longer)])["blank"].value == 0.25
        assert xf.fit(six, scan, engine="bragg", background=[xf.Chebyshev(1), Blank(blank)])["blank"].value == 1.0
        assert (
            xf.fit(six, scan, engine="bragg", background=[xf.Chebyshev(1), Blank(longer, height=0.7)])["blank"].value
            == 0.7
        )

    def test_another_height_is_asked_for(self, six):
        rng = np.random.default_rng(4)
        mean = 60.0 + bell(15.0, 20.0, 400.0)
        scan = counts(six, beneath=0.5 * mean)
        result = xf.fit(
            six,
            scan,
            engine="bragg",
            background=[xf.Chebyshev(0), Blank(xf.make_pattern(GRID, rng.poisson(mean) * 1.0))],
        )
        advice = named(result)["--vary blank"]
        assert advice.size == pytest.approx(-0.5, abs=0.1)

    def test_its_own_noise_does_not_ask_for_another_height(self, six):
        """The expected pull of a blank's noise on its own height is no evidence."""
        mean = np.full(len(GRID), 300.0)
        asked = 0
        for seed in range(8):
            rng = np.random.default_rng(100 + seed)
            scan = counts(six, beneath=mean, seed=seed)
            blank = xf.make_pattern(GRID, rng.poisson(mean) * 1.0)
            result = xf.fit(six, scan, engine="bragg", background=[xf.Chebyshev(0), Blank(blank)])
            asked += "--vary blank" in named(result)
        assert asked == 0

    def test_a_restrained_height_is_a_measurement_more(self, six):
        """A height that is solved for, with what is known of it: the weighted mean of both."""
        scan = counts(six, beneath=self.BLANK["counts"].values)
        background = [xf.Chebyshev(0), Blank(self.BLANK)]
        free = xf.fit(six, scan, engine="bragg", background=background, vary=["blank"])
        known = xf.fit(
            six, scan, engine="bragg", background=background, vary=["blank"], restrain={"blank": "0.8(0.05)"}
        )
        weights = 1.0 / (free["blank"].stderr / free.inflation**0.5) ** 2, 1.0 / 0.05**2
        mean = (weights[0] * free["blank"].value + weights[1] * 0.8) / sum(weights)
        assert known["blank"].value == pytest.approx(mean, abs=0.1 * sum(weights) ** -0.5)
        assert known["blank"].stderr / known.inflation**0.5 == pytest.approx(sum(weights) ** -0.5, rel=0.02)


class TestGuided:
    def test_it_ends_at_the_right_model_and_says_how(self, six):
        scan = counts(six, values={"displacement_mm": 0.05}, beneath=bell(20.3, 6.0, 300.0))
        result = xf.fit(six, scan, engine="bragg", seek=["all"])
        added = {step.options[0] if step.options[0] != "--vary" else step.options[1] for step in result.steps}
        assert {"--hump"} <= added
        assert added & {"displacement_mm", "zero_deg"}
        hump = next(c for c in result.options.background if isinstance(c, Hump))
        assert abs(hump.deg - 20.3) < 3.0
        assert result.statistics.chi2_reduced < 1.1
        again = xf.fit(six, scan, engine="bragg", **{n: getattr(result.options, n) for n in ("vary", "background")})
        assert again["occ_Cu_8c"].value == pytest.approx(
            result["occ_Cu_8c"].value, abs=0.1 * result["occ_Cu_8c"].stderr
        )

    def test_a_perfect_scan_gets_nothing(self, six):
        assert xf.fit(six, counts(six, seed=12), engine="bragg", seek=["all"]).steps == ()
