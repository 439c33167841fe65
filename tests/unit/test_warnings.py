"""Each warning of a fit appears when there is reason for it, and stays away when there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group

TWO_THETA = np.round(15.0 + 0.05 * np.arange(1001), 2)


def noisy(model, *, values=None, extra=0.0, seed=3, maximum=5000.0, background=300.0, radiation=None, engine="bragg"):
    """A scan of the model with Poisson counts; `extra` is added to the expected counts."""
    pattern = xf.simulate(model, TWO_THETA, values=values, radiation=radiation, engine=engine)
    expected = pattern * maximum / pattern.max() + background + extra
    counts = np.random.default_rng(seed).poisson(expected).astype(float)
    return xf.make_pattern(TWO_THETA, counts, radiation="cu-ka" if radiation is None else None)


def line(angle, height, width=0.8):
    return height * np.exp(-4 * np.log(2) * ((TWO_THETA - angle) / width) ** 2)


def about(result, text):
    return [w for w in result.warnings if text in w]


@pytest.fixture(scope="module")
def six():
    return xf.load_model("cu2se-6nm")


@pytest.fixture(scope="module")
def sound(six):
    """A fit with nothing to say against it."""
    return xf.fit(six, noisy(six), engine="bragg")


def test_a_sound_fit_warns_of_nothing(sound):
    assert sound.success
    assert sound.warnings == ()


class TestDispersion:
    def test_switched_off_where_it_matters(self, six):
        result = xf.fit(six, noisy(six), engine="bragg", anomalous=False)
        (copper,) = about(result, "scattering of Cu")
        assert "switched off" in copper
        assert "-6.9 %" in copper  # f′(Cu Kα1) = −1.99 of 29 electrons

    def test_switched_off_where_it_does_not(self):
        fluorite = xf.load_model("caf2")
        result = xf.fit(
            fluorite, noisy(fluorite, values={"size_nm": 10.0}), engine="bragg", anomalous=False, start={"size_nm": 9.0}
        )
        assert not about(result, "switched off")  # f′(Ca) = 0.34 of 20 electrons

    def test_wavelength_at_an_edge(self, six):
        at_edge = 12398.42 / 8985.0  # Cu K edge: 8979 eV
        result = xf.fit(six, noisy(six, radiation=at_edge), engine="bragg", radiation=at_edge)
        assert about(result, "Cu has an absorption edge")
        assert not about(result, "Se has an absorption edge")


class TestSmallCrystals:
    @pytest.fixture(scope="class")
    @staticmethod
    def two():
        return xf.load_model("cu2se-2nm")

    def test_bragg_below_three_nanometres(self, two):
        assert about(xf.fit(two, noisy(two), engine="bragg"), "at 2.0 nm Bragg's law")

    def test_not_with_the_debye_engine(self, two):
        scan = noisy(two, engine="debye")
        assert not about(xf.fit(two, scan, engine="debye"), "Bragg's law")

    def test_sites_nearer_than_any_bond(self, two):
        (close,) = about(xf.fit(two, noisy(two), engine="bragg"), "nearer than any bond")
        assert "Se_4a and Cu_24e" in close
        assert "1.46 Å" in close

    def test_an_empty_site_is_near_nothing(self, two):
        result = xf.fit(two, noisy(two, values={"occ_Cu_24e": 0.0}), engine="bragg", fix={"occ_Cu_24e": 0.0})
        assert not about(result, "nearer than any bond")

    def test_correlated_parameters_and_no_others(self, two):
        result = xf.fit(two, noisy(two), engine="bragg")
        moving = [n for n in result.covariance_names if not n.startswith("bkg") and result[n].stderr]
        high = {frozenset((a, b)) for a in moving for b in moving if a != b and abs(result.correlation(a, b)) > 0.95}
        said = {frozenset((w.split()[0], w.split()[2])) for w in about(result, "are correlated")}
        assert frozenset(("mixing", "scale")) in high
        assert said == high


def test_parameter_at_its_bound():
    four = xf.load_model("cu2se-4nm")
    result = xf.fit(four, xf.read_pattern(str(_scans() / "cu2se-4nm.xy")), engine="bragg")
    bound = {w.split()[0] for w in about(result, "ended at its bound")}
    assert bound
    assert bound == {n for n, p in result.parameters.items() if p.status == "at bound"}
    assert bound <= {"occ_Cu_8c", "occ_Cu_32f"}


@pytest.fixture(scope="module")
def fluorite():
    return xf.load_model("caf2")


@pytest.mark.parametrize("factor", [0.1, 1.0])
def test_points_that_scatter_too_little(six, factor):
    """Counts divided by ten have errors of √10 of their size, with √100 less scatter."""
    scan = noisy(six)
    scaled = xf.make_pattern(TWO_THETA, factor * scan["counts"].values, radiation="cu-ka")
    result = xf.fit(six, scaled, engine="bragg")
    assert len(about(result, "scatter less than their errors allow")) == (factor < 1.0)


class TestBeyondFull:
    """An occupancy that presses on 1: the heavier atom on the site is the user's to allow."""

    def fit(self, fluorite, occupancy, **choices):
        return xf.fit(
            fluorite, noisy(fluorite, values={"occ_Ca_4a": occupancy}), engine="bragg", vary=["occ_Ca_4a"], **choices
        )

    def test_it_is_said(self, fluorite):
        result = self.fit(fluorite, 1.1, fix=["occ_F_8c"])
        (words,) = about(result, "might exceed 1")
        assert "--limits occ_Ca_4a=0:1.3" in words

    def test_where_allowed_it_is_found(self, fluorite):
        result = self.fit(fluorite, 1.1, fix=["occ_F_8c"], limits={"occ_Ca_4a": (0.0, 1.3)})
        ca = result["occ_Ca_4a"]
        assert ca.value == pytest.approx(1.1, abs=4.0 * ca.stderr)
        assert ca.value > 1.0 + 4.0 * ca.stderr
        assert not about(result, "might exceed 1")

    def test_a_full_site_is_not_accused(self, fluorite):
        assert not about(self.fit(fluorite, 1.0, fix=["occ_F_8c"]), "might exceed 1")


def _scans():
    from xrdfit.model.files.presets import data_path

    return data_path("scans")


class TestImpossibleComposition:
    OVERFULL = (("occ_Cu_8c", 0.8), ("occ_Cu_32f", 0.1))

    def test_more_than_one_cation_a_void(self, six):
        result = xf.fit(six, noisy(six, values=dict(self.OVERFULL)), engine="bragg")
        (text,) = about(result, "impossible composition")
        assert "1·Cu_8c + 4·Cu_32f" in text
        assert float(text.split(" = ")[1].split(":")[0]) == pytest.approx(1.2, abs=0.02)

    def test_packing_forbids_it(self, six):
        result = xf.fit(six, noisy(six, values=dict(self.OVERFULL)), engine="bragg", packing=True)
        assert not about(result, "impossible composition")
        assert result["occ_Cu_8c"].value + 4 * result["occ_Cu_32f"].value <= 1 + 1e-9

    def test_one_cation_a_void_within_error_is_possible(self, sound):
        assert not about(sound, "impossible composition")


class TestResiduals:
    def test_wrong_shape_leaves_serial_correlation(self, six):
        result = xf.fit(six, noisy(six), engine="bragg", fix={"size_nm": 5.0})
        (text,) = about(result, "serially correlated")
        assert f"{result.statistics.durbin_watson:.2f}" in text
        assert result["occ_Cu_8c"].stderr_serial > 1.3 * result["occ_Cu_8c"].stderr

    @pytest.mark.parametrize("angle", [20.0, 35.0, 48.0])
    def test_line_of_another_phase(self, six, angle):
        result = xf.fit(six, noisy(six, extra=line(angle, 400.0)), engine="bragg")
        (text,) = about(result, "explained by no phase")
        assert float(text.split(" at ")[1].split("°")[0]) == pytest.approx(angle, abs=0.4)

    def test_line_that_is_excluded(self, six):
        result = xf.fit(six, noisy(six, extra=line(35.0, 400.0)), engine="bragg", exclude=[(33.5, 36.5)])
        assert not about(result, "explained by no phase")
        assert not about(result, "serially correlated")

    def test_line_lost_in_the_noise(self, six):
        assert not about(xf.fit(six, noisy(six, extra=line(35.0, 20.0)), engine="bragg"), "explained by no phase")

    @pytest.mark.parametrize("engine", ["bragg", "debye"])
    @pytest.mark.parametrize(("angle", "width"), [(27.0, 0.25), (44.3, 0.4), (58.0, 0.25)])
    def test_sharp_line_beside_clusters(self, engine, angle, width):
        """A line a tenth as wide as the clusters' stands on a pattern that is nowhere zero."""
        two = xf.load_model("cu2se-2nm")
        result = xf.fit(two, noisy(two, extra=line(angle, 1200.0, width), engine=engine), engine=engine)
        (text,) = about(result, "explained by no phase")
        assert float(text.split(" at ")[1].split("°")[0]) == pytest.approx(angle, abs=0.2)

    @pytest.mark.parametrize("engine", ["bragg", "debye"])
    def test_clusters_alone_have_no_sharp_line(self, engine):
        two = xf.load_model("cu2se-2nm")
        for seed in range(3):
            result = xf.fit(two, noisy(two, seed=seed, engine=engine), engine=engine)
            assert not about(result, "explained by no phase")

    def test_residual_above_its_noise_is_not_simply_converged(self, six, sound):
        assert sound.message == "converged"
        result = xf.fit(six, noisy(six), engine="bragg", fix={"size_nm": 4.0})
        assert result.success
        assert result.statistics.chi2_reduced > 4.0
        assert f"the residual is {result.statistics.goodness_of_fit:.1f} times its noise" in result.message


class TestDisplacements:
    def test_a_negative_part_of_a_positive_sum_is_no_fault(self, six):
        scan = noisy(six, values={"b_overall": 1.0})
        result = xf.fit(six, scan, engine="bragg", fix={"b_overall": 2.0}, vary=["b_Se_4a", "b_Cu_8c"])
        assert result["b_Se_4a"].value < -3.0 * result["b_Se_4a"].stderr
        assert not about(result, "as no displacement is")

    def test_a_negative_sum_is_named(self, six):
        scan = noisy(six, values={"b_overall": 1.0, "b_Se_4a": -1.9})
        (text,) = about(xf.fit(six, scan, engine="bragg", vary=["b_overall", "b_Se_4a"]), "as no displacement is")
        assert text.startswith("b_overall + b_Se_4a is negative")

    def test_an_overall_one_is_said_once(self, six):
        (text,) = about(
            xf.fit(six, noisy(six, values={"b_overall": -1.0}), engine="bragg", vary=["b_overall"]),
            "as no displacement is",
        )
        assert text.startswith("b_overall is negative")


class TestWhatTheScanCannotTell:
    def test_parameter_without_effect(self, six):
        result = xf.fit(
            six, noisy(six, values={"occ_Cu_32f": 0.0}), engine="bragg", fix={"occ_Cu_32f": 0.0}, vary=["b_Cu_32f"]
        )
        assert any("does not respond to b_Cu_32f" in w for w in result.warnings)
        assert result["b_Cu_32f"].stderr is None
        assert result["occ_Cu_8c"].stderr is not None

    def test_singular_combination(self, six):
        result = xf.fit(six, noisy(six), engine="bragg", vary=["occ_Se_4a"])
        assert not result.success
        assert all(name in result.message for name in ("singular", "occ_Se_4a", "occ_Cu_8c", "occ_Cu_32f", "scale"))
        assert result.message in result.warnings
        assert result["scale"].stderr is None
        assert result["a"].stderr is not None

    def test_total_resolves_it(self, six):
        assert xf.fit(six, noisy(six), engine="bragg", vary=["occ_Se_4a"], total={"Cu": 8, "Se": 4}).success


class TestAssumptions:
    def test_radius_of_a_displacement(self, six):
        assert about(xf.fit(six, noisy(six), engine="bragg", vary=["displacement_mm"]), "150 mm, assumed")
        assert not about(xf.fit(six, noisy(six), engine="bragg", vary=["displacement_mm"], radius_mm=173), "assumed")

    def test_radiation_that_nobody_named(self, six):
        scan = noisy(six)
        del scan.attrs["radiation"]
        nameless = replace(six, instrument=xf.Instrument())
        assert about(xf.fit(nameless, scan, engine="bragg"), "cu-ka is taken")
        assert not about(xf.fit(six, scan, engine="bragg"), "cu-ka is taken")

    def test_ion_without_a_form_factor(self, six):
        phase = six.phases[0]
        sites = tuple(replace(s, species="Se2-") if s.element == "Se" else s for s in phase.structure.sites)
        ionic = replace(six, phases=(replace(phase, structure=replace(phase.structure, sites=sites)),))
        (text,) = about(xf.fit(ionic, noisy(six), engine="bragg"), "Se2-")
        assert "neutral Se" in text


def test_three_species_on_one_site_are_not_too_close():
    rows = [{"species": e, "wyckoff": "4a", "xyz": (0, 0, 0), "occupancy": 1 / 3} for e in ("Cu", "Ag", "Au")]
    structure = Structure.from_sites("alloy", space_group("Fm-3m"), Cell(3.9, 3.9, 3.9, 90, 90, 90), rows)
    model = xf.PowderModel("alloy", (xf.Phase("alloy", structure, size_nm=8.0),))
    assert not about(xf.fit(model, noisy(model), engine="bragg"), "nearer than any bond")


def test_distance_in_an_oblique_cell():
    """Primitive rhombohedral cell of 60°: the shortest way is not the one of the smallest fractional coordinates."""
    rows = [
        {"species": "Cu", "xyz": (0, 0, 0)},
        {"species": "O", "xyz": (0.42, 0.42, 0.42)},
    ]
    structure = Structure.from_sites("oblique", space_group("P1"), Cell(2.6, 2.6, 2.6, 60, 60, 60), rows)
    vectors = structure.cell.vectors
    steps = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)])
    shortest = np.linalg.norm((np.full(3, 0.42) + steps) @ vectors, axis=1).min()
    model = xf.PowderModel("oblique", (xf.Phase("oblique", structure, size_nm=8.0),))
    (text,) = about(xf.fit(model, noisy(model), engine="bragg"), "nearer than any bond")
    assert f"{shortest:.2f} Å" in text
