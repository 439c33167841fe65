"""What a probe is: lines and weights, amplitudes of X-rays and neutrons, polarization."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from xrdfit.crystal.radiation import Line, Radiation, radiation
from xrdfit.crystal.scattering import anomalous, f0, isotope, neutron_length, normal_species, split_species
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.diffraction.optics import optical_factor, optical_slope
from xrdfit.diffraction.probe import Probe, polarization
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.errors import InputError

S = np.linspace(0.05, 0.6, 7)


class TestNeutrons:
    def test_a_name_says_the_wavelength(self):
        rays = radiation("neutron:1.909")
        assert (rays.probe, rays.wavelength, rays.name) == ("neutron", 1.909, "neutron:1.909")
        assert radiation(" Neutron:1.909 ") == rays
        assert radiation(rays.name) == rays

    @pytest.mark.parametrize(
        "name", ["neutron", "neutron:", "neutron:cu", "neutron:0.001", "neutron:nan", "neutrons:1"]
    )
    def test_no_name_of_neutrons(self, name):
        with pytest.raises(InputError, match="radiation"):
            radiation(name)

    # Sears, Neutron News 3, 26 (1992), fm
    @pytest.mark.parametrize(
        ("species", "length"),
        [("H", -3.739), ("D", 6.671), ("Li", -1.90), ("7Li", -2.22), ("Ti", -3.37), ("Mn", -3.73), ("11B", 6.65),
         ("O2-", 5.803), ("Fe3+", 9.45), ("7Li1+", -2.22)],
    )  # fmt: skip
    def test_lengths(self, species, length):
        assert neutron_length(species, 1.8).real == pytest.approx(length, abs=0.07)

    def test_absorbers_are_complex_and_depend_on_the_wavelength(self):
        assert neutron_length("Cd", 1.8).imag == pytest.approx(-0.70, abs=0.02)
        assert neutron_length("10B", 1.8).imag == pytest.approx(-1.066, abs=0.02)
        assert abs(neutron_length("Gd", 0.8) - neutron_length("Gd", 1.8)) > 1.0
        assert neutron_length("Cu", 0.8) == neutron_length("Cu", 1.8)

    @pytest.mark.parametrize("species", ["99Li", "Po", "Ra", "300H"])
    def test_unknown_lengths(self, species):
        with pytest.raises(InputError) as caught:
            neutron_length(species, 1.8)
        assert "\n" not in str(caught.value)

    def test_no_fall_off_no_dispersion_no_polarization(self):
        probe = Probe(radiation("neutron:1.5"), EngineSettings(monochromator_deg=26.6))
        amplitudes = probe.amplitudes(["D", "H"]).at(S)
        assert_allclose(amplitudes[0], np.array([[6.668], [-3.741]]) * np.ones_like(S), rtol=1e-3)
        assert_allclose(optical_factor(S, probe, {}), 1.0)
        without = Probe(radiation("neutron:1.5"), EngineSettings(anomalous=False))
        assert_allclose(without.amplitudes(["D", "H"]).at(S), amplitudes)


class TestSpecies:
    def test_isotopes_are_species(self):
        assert [normal_species(s) for s in ("2H", "d", "T1+", "7li+", "11B", "Cu+2")] == [
            "D", "D", "T1+", "7Li1+", "11B", "Cu2+",
        ]  # fmt: skip
        assert split_species("D1+") == ("H", 1)
        assert isotope("cu") is None

    def test_deuterium_stands_beside_hydrogen(self):
        rows = [{"species": s, "xyz": (0.25, 0.25, 0.25), "occupancy": 0.5} for s in ("D", "H")]
        rows += [{"species": "7Li", "xyz": (0, 0, 0)}]
        structure = Structure.from_sites("hydride", space_group("Fm-3m"), Cell(4, 4, 4), rows)
        assert [site.label for site in structure.sites] == ["D_8c", "H_8c", "Li_4a"]
        assert [site.element for site in structure.sites] == ["H", "H", "Li"]

    def test_x_rays_see_the_element(self):
        probe = Probe(radiation("cu-ka1"), EngineSettings())
        d, h = probe.amplitudes(["D", "H"]).at(S)[0]
        assert_allclose(d, h)


class TestLines:
    def test_amplitudes_by_hand(self):
        rays = radiation("cu-ka")
        amplitudes = Probe(rays, EngineSettings()).amplitudes(["Cu", "Se2-"])
        for line, found in zip(rays.lines, amplitudes.at(S), strict=True):
            for species, curve in zip(("Cu", "Se2-"), found, strict=True):
                assert_allclose(curve, f0(species, S) + anomalous(species, line.energy_ev), rtol=1e-12)

    def test_shift_of_f_prime(self):
        amplitudes = Probe(radiation("cu-ka"), EngineSettings(f_prime=("Cu",))).amplitudes(["Cu1+", "Se"])
        assert amplitudes.names == ("fp_Cu",)
        moved = amplitudes.at(S, {"fp_Cu": -0.5}) - amplitudes.at(S)
        assert_allclose(moved[:, 0], -0.5)
        assert_allclose(moved[:, 1], 0.0)

    def test_weights(self):
        probe = Probe(radiation("cu-ka"), EngineSettings(kalpha_ratio=True, extra_lines=("kbeta", "w_la")))
        values = {"kalpha_ratio": 0.4, "kbeta": 0.02, "w_la": 0.003}
        assert_allclose(probe.weights(values), [1 / 1.4, 0.4 / 1.4, 0.02, 0.003])
        assert_allclose(probe.wavelengths, [1.540593, 1.544427, 1.39224, 1.47635], atol=2e-5)
        for name in probe.names:
            high, low = (probe.weights({**values, name: values[name] + s * 1e-6}) for s in (1, -1))
            assert_allclose(probe.weight_slopes(values, name), (high - low) / 2e-6, atol=1e-9)

    @pytest.mark.parametrize("anode", ["cr", "mn", "fe", "co", "ni", "cu", "mo", "ag"])
    def test_k_beta_of_every_anode(self, anode):
        import xraydb

        line = radiation(f"{anode}-ka1").extra_line("kbeta")
        assert line.energy_ev == pytest.approx(xraydb.xray_lines(anode.capitalize())["Kb1"].energy, rel=1.2e-3)

    def test_only_tubes_have_further_lines(self):
        for rays in (radiation(0.5), radiation("neutron:1.540593")):
            assert rays.anode is None
            with pytest.raises(InputError, match="kbeta"):
                _ = Probe(rays, EngineSettings(extra_lines=("kbeta",))).lines
        with pytest.raises(InputError, match="doublet"):
            _ = Probe(radiation("cu-ka1"), EngineSettings(kalpha_ratio=True)).lines
        header = Radiation("scan", (Line(1.5406, 0.67), Line(1.5444, 0.33)))
        assert header.anode == "cu"


class TestOptics:
    def test_polarized_beam(self):
        angles = np.array([0.0, 30.0, 90.0])
        squared = np.cos(np.radians(angles)) ** 2
        assert_allclose(polarization(angles, 0.0, 0.95), 0.95 + 0.05 * squared)
        assert_allclose(polarization(angles, 0.0, 1.0), 1.0)
        assert_allclose(polarization(angles, 26.6, 0.5 + 1e-14), polarization(angles, 26.6))

    CASES = (
        ({"film": True, "slits": "automatic", "monochromator_deg": 26.6}, {"mu_t": 0.3}),
        ({"capillary": True, "polarized": True}, {"mu_r": 1.2, "polarization": 0.9}),
        ({"polarized": True, "monochromator_deg": 20.0}, {"polarization": 0.3}),
    )

    @pytest.mark.parametrize(("choices", "values"), CASES)
    def test_slopes(self, choices, values):
        probe = Probe(radiation("cu-ka1"), EngineSettings(**choices))
        theta = np.radians([8.0, 25.0, 60.0])
        high, low = (optical_factor(theta + s * 1e-5, probe, values) for s in (1, -1))
        assert_allclose(optical_slope(theta, probe, values, "theta")[1], (high - low) / 2e-5, rtol=1e-6)
        for name, value in values.items():
            high, low = (optical_factor(theta, probe, {**values, name: value + s * 1e-5}) for s in (1, -1))
            assert_allclose(optical_slope(theta, probe, values, name)[1], (high - low) / 2e-5, rtol=1e-6)

    @pytest.mark.parametrize("mu_t", [1e-9, 1e-3, 20.0, 1e4, 1e300])
    def test_a_film_of_any_thickness(self, mu_t):
        probe = Probe(radiation("cu-ka1"), EngineSettings(film=True))
        theta = np.radians([0.01, 5.0, 60.0, 90.0])
        factor = optical_factor(theta, probe, {"mu_t": mu_t})
        slopes = [optical_slope(theta, probe, {"mu_t": mu_t}, name)[1] for name in ("theta", "mu_t")]
        assert np.isfinite([factor, *slopes]).all()
        assert (factor > 0.0).all()
        assert (factor <= 1.0).all()
