"""Probe and optics as options of a fit: neutrons, film, capillary, polarization, lines of the tube, texture, f'."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.errors import InputError
from xrdfit.fitting.options import FitOptions, with_choices
from xrdfit.fitting.selection import with_instrument
from xrdfit.model.files.read import instrument_from_table, model_from_toml, model_to_toml
from xrdfit.model.files.write import instrument_table
from xrdfit.model.instrument import Instrument
from xrdfit.report.options_table import options_table, read_options
from xrdfit.report.summary import facts

TWO_THETA = np.round(15.0 + 0.05 * np.arange(1001), 2)


def scan_of(model, *, maximum=5e4, seed=3, radiation=None, attrs=None, **values):
    pattern = xf.simulate(model, TWO_THETA, values=values, radiation=radiation)
    expected = pattern * maximum / pattern.max() + 300.0
    counts = np.random.default_rng(seed).poisson(expected).astype(float)
    scan = xf.make_pattern(TWO_THETA, counts, radiation=None if radiation else "cu-ka")
    scan.attrs.update(attrs or {})
    return scan


def lit(model, **choices):
    return replace(model, instrument=replace(model.instrument, **choices))


@pytest.fixture(scope="module")
def six():
    return xf.load_model("cu2se-6nm")


def close(result, name, value, errors=4.0):
    p = result.parameters[name]
    assert p.stderr
    assert abs(p.value - value) < errors * p.stderr, (name, p.value, p.stderr)


class TestNeutrons:
    NEUTRON = {"probe": "neutron", "wavelengths": [1.5]}  # noqa: RUF012

    def settle(self, model, header, **options):
        scan = xf.make_pattern(TWO_THETA, np.full(len(TWO_THETA), 100.0))
        scan.attrs.update(header)
        return with_instrument(model, scan, with_choices(FitOptions(), options))[0]

    def test_the_header_decides(self, six):
        assert self.settle(six, self.NEUTRON).radiation().name == "neutron:1.5"

    def test_the_option_gives_what_the_header_lacks(self, six):
        rays = self.settle(six, {"probe": "neutron"}, radiation="neutron:1.909").radiation()
        assert (rays.probe, rays.wavelength) == ("neutron", 1.909)

    @pytest.mark.parametrize("asked", ["cu-ka", 1.909])
    def test_not_fitted_as_x_rays(self, six, asked):
        with pytest.raises(InputError) as caught:
            self.settle(six, self.NEUTRON, radiation=asked)
        assert "neutrons" in str(caught.value)
        assert "--radiation neutron:" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_an_instrument_file_of_x_rays_is_refused(self, six):
        with pytest.raises(InputError, match="--radiation neutron:"):
            self.settle(six, self.NEUTRON, instrument=Instrument(radiation="mo-ka"))

    def test_a_wavelength_is_needed(self, six):
        with pytest.raises(InputError, match="states no wavelength"):
            self.settle(lit(six, radiation="cu-ka"), {"probe": "neutron"})

    @pytest.mark.parametrize("option", [{"polarization": 0.9}, {"kbeta": 0.1}])
    def test_what_only_x_rays_have(self, six, option):
        with pytest.raises(InputError, match="neutrons have none"):
            self.settle(six, self.NEUTRON, **option)

    def test_the_instrument_loses_what_only_x_rays_have(self, six):
        model = lit(six, polarization=0.9, kbeta=0.01, f_prime=(("Cu", -0.1),), capillary=True, mu_r=0.3)
        found = self.settle(model, self.NEUTRON)
        assert {r.name for r in found.instrument.rows()} & {"polarization", "kbeta", "fp_Cu", "mu_r"} == {"mu_r"}

    def test_a_fit(self, six):
        """Occupancies come back, nothing is said of form factors, and X-rays would be wrong."""
        text = model_to_toml(six).replace('species = "Se"', 'species = "Se2-"')
        ionic = model_from_toml(text)
        scan = scan_of(ionic, radiation="neutron:1.5", attrs=self.NEUTRON)
        result = xf.fit(ionic, scan, engine="bragg", total={"Cu": 8})
        assert result.success
        close(result, "occ_Cu_8c", 0.37)
        assert not [w for w in result.warnings if "form factor" in w or "f'" in w]
        assert "neutron:1.5" in str(result.to_dict()["model"]["radiation"])
        about = dict(facts(result))
        assert "Scattering lengths" in about
        assert "Anomalous terms" not in about
        with_x_rays = xf.fit(ionic, scan.drop_attrs(), engine="bragg", total={"Cu": 8}, radiation=1.5)
        assert with_x_rays.statistics.chi2_reduced > 2.0 * result.statistics.chi2_reduced


class TestFits:
    def test_film(self, six):
        scan = scan_of(lit(six, film=True), mu_t=0.08)
        plain = xf.fit(six, scan, engine="bragg", total={"Cu": 8})
        result = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, film=True)
        assert result.success
        close(result, "mu_t", 0.08)
        close(result, "occ_Cu_8c", 0.37)
        assert plain.statistics.chi2 > result.statistics.chi2 + 100.0

    @pytest.mark.parametrize("mu_t", [1e-3, 20.0])
    def test_a_film_too_thin_or_too_thick_to_tell_ends_without_a_word_from_numpy(self, six, mu_t):
        scan = scan_of(lit(six, film=True), mu_t=mu_t)
        result = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, film=True, start={"mu_t": mu_t})
        assert np.isfinite(result["occ_Cu_8c"].value)

    def test_capillary(self, six):
        scan = scan_of(lit(six, capillary=True), mu_r=1.0)
        result = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, capillary=1.0)
        close(result, "occ_Cu_8c", 0.37)
        assert result["mu_r"].status == "fixed"
        free = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, capillary=0.5, vary=["mu_r"])
        close(free, "mu_r", 1.0)

    def test_polarization(self, six):
        scan = scan_of(lit(six, polarization=0.95), radiation=1.5)
        result = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, radiation=1.5, polarization=0.95)
        close(result, "occ_Cu_8c", 0.37)
        half = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, radiation=1.5, polarization=0.5)
        plain = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, radiation=1.5)
        assert half["occ_Cu_8c"].value == pytest.approx(plain["occ_Cu_8c"].value, abs=1e-6)

    def test_lines_of_the_tube_on_demand(self, six):
        scan = scan_of(lit(six, kbeta=0.02, w_la=0.01, kalpha_ratio=0.52))
        assert "kbeta" not in xf.fit(six, scan, engine="bragg", total={"Cu": 8}).parameters
        result = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, vary=["kbeta", "w_la", "kalpha_ratio"])
        assert result.success
        for name, value in {"kbeta": 0.02, "w_la": 0.01, "kalpha_ratio": 0.52}.items():
            close(result, name, value)
        assert result.model.instrument.kbeta == result["kbeta"].value

    def test_a_known_weight_stays(self, six):
        scan = scan_of(lit(six, kbeta=0.02))
        result = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, kbeta=0.02)
        assert (result["kbeta"].value, result["kbeta"].status) == (0.02, "fixed")
        close(result, "occ_Cu_8c", 0.37)

    def test_f_prime_on_demand(self, six):
        scan = scan_of(lit(six, f_prime=(("Cu", -1.0),)), occ_Cu_8c=0.37)
        names = {"occ_Cu_8c": 0.37, "occ_Cu_32f": 0.1575}
        result = xf.fit(six, scan, engine="bragg", vary=["fp_Cu"], fix=names)
        close(result, "fp_Cu", -1.0)
        listed = xf.fit(six, scan, engine="bragg", start={"fp_*": 0.0}, fix=names)
        assert {"fp_Cu", "fp_Se"} <= set(listed.parameters)
        assert listed["fp_Cu"].status == "fixed"

    def test_texture(self):
        model = xf.load_model("cdse-wurtzite")
        oriented = replace(model, phases=(replace(model.phases[0], march_axis=(0, 0, 1)),))
        scan = scan_of(oriented, march_r=0.8, size_nm=10.0)
        result = xf.fit(model, scan, engine="bragg", texture=[0, 0, 1], start={"size_nm": 9.0})
        assert result.success
        close(result, "march_r", 0.8)
        assert result.statistics.chi2_reduced < 1.2
        assert result.model.phases[0].march_axis == (0, 0, 1)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"vary": ["kbeta"], "radiation": 0.9}, ("kbeta", "matches no parameter")),
            ({"kbeta": 0.1, "radiation": 0.9}, ("no tube",)),
            ({"vary": ["kalpha_ratio"], "radiation": "cu-ka1"}, ("kalpha_ratio", "matches no parameter")),
            ({"vary": ["fp_Fe"]}, ("fp_Fe", "matches no parameter")),
            ({"capillary": 99.0}, ("capillary=99", "0 to 10")),
            ({"polarization": 1.2}, ("polarization=1.2", "0 to 1")),
            ({"kbeta": -0.1}, ("kbeta=-0.1", "0 to 1")),
            ({"film": True, "capillary": 1.0}, ("one of the two",)),
            ({"texture": (0, 0, 0)}, ("texture", "not all zero")),
            ({"texture": (0, 0, 1), "engine": "debye"}, ("Debye engine has no preferred orientation",)),
        ],
    )
    def test_what_cannot_be(self, six, options, words):
        with pytest.raises(InputError) as caught:
            xf.fit(six, scan_of(six), **options)
        message = str(caught.value)
        assert "\n" not in message
        assert all(word in message for word in words), message


class TestEdges:
    def test_a_weak_line_near_an_edge(self, six):
        """Cu Kβ lies 74 eV below the edge of copper."""
        scan = scan_of(lit(six, kbeta=0.05))
        told = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, kbeta=0.05)
        assert [w for w in told.warnings if "Cu has an absorption edge" in w and "1.3922" in w]
        faint = xf.fit(six, scan_of(lit(six, kbeta=0.002)), engine="bragg", total={"Cu": 8}, kbeta=0.002)
        assert not [w for w in faint.warnings if "edge" in w]

    def test_a_wavelength_near_an_edge(self, six):
        """The edge of selenium is at 12658 eV."""
        scan = scan_of(six, radiation=0.981)
        result = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, radiation=0.981)
        assert [w for w in result.warnings if "Se has an absorption edge" in w]


class TestFiles:
    OPTIONS = {  # noqa: RUF012
        "film": {"a": True}, "capillary": {"b": 0.7}, "polarization": {"b": 0.95}, "kbeta": {"a": 0.01},
        "texture": {"a": (0, 0, 1)},
    }  # fmt: skip

    def test_options_survive_a_file(self, tmp_path):
        for given in (
            self.OPTIONS,
            {name: next(iter(v.values())) for name, v in self.OPTIONS.items() if name != "film"},
        ):
            options = with_choices(FitOptions(), given)
            assert read_options(options_table(options), "fit.toml", tmp_path) == options

    @pytest.mark.parametrize("value", ["001", [0, 0.5, 1], [0, 0, True]])
    def test_a_texture_that_is_none(self, value, tmp_path):
        with pytest.raises(InputError, match="texture"):
            read_options({"texture": value}, "fit.toml", tmp_path)

    def test_instrument_files(self, six):
        instrument = Instrument(
            radiation="neutron:1.5", capillary=True, mu_r=0.4, polarization=0.9, kalpha_ratio=0.5, kbeta=0.01,
            w_la=0.002, f_prime=(("Cu", -0.2), ("Se", 0.1)),
        )  # fmt: skip
        assert instrument_from_table({"schema": 1, "instrument": instrument_table(instrument)}) == instrument
        model = replace(six, instrument=instrument)
        assert model_from_toml(model_to_toml(model)).instrument == instrument
        lines = replace(instrument, radiation=xf.radiation("neutron:1.5"))
        assert model_from_toml(model_to_toml(replace(six, instrument=lines))).instrument == lines

    def test_a_saved_fit_runs_again(self, six, tmp_path):
        scan = scan_of(lit(six, capillary=True), mu_r=1.0)
        result = xf.fit(six, scan, engine="bragg", total={"Cu": 8}, capillary=1.0, vary=["fp_Cu"], fix=["occ_Cu_8c"])
        xf.save(result, tmp_path / "out")
        again = xf.load_result(tmp_path / "out")
        assert again["occ_Cu_32f"].value == pytest.approx(result["occ_Cu_32f"].value, rel=1e-9)
        assert again["mu_r"].value == 1.0
        assert again["fp_Cu"].value == pytest.approx(result["fp_Cu"].value, rel=1e-6, abs=1e-9)
