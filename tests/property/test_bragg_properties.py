from dataclasses import replace

import bragg_cases as cases
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tiers import examples

from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.diffraction.bragg.engine import bind
from xrdfit.diffraction.bragg.reflection_table import reflection_table
from xrdfit.diffraction.settings import EngineSettings

GRID = np.linspace(15.0, 65.0, 126)
KA = radiation("cu-ka")
share = st.floats(0.0, 1.0)


@settings(max_examples=examples(40), deadline=None)
@given(
    occupancies=st.tuples(share, share, share, share),
    size=st.floats(0.7, 200.0),
    mixing=share,
    sigma=st.floats(0.0, 0.5),
    strain=st.floats(0.0, 0.02),
    divergence=st.tuples(st.floats(0.0, 0.05), st.floats(0.0, 0.05)),
    shape=st.sampled_from(["scherrer", "sphere"]),
)
def test_a_pattern_is_finite_and_never_negative(occupancies, size, mixing, sigma, strain, divergence, shape):
    structure = cases.cu2se(2)
    engine = bind(structure, GRID, KA, EngineSettings(shape=shape))
    names = (name for name in engine.names if name.startswith("occ_"))
    s_l, h_l = divergence
    chosen = {"size_nm": size, "size_sigma": sigma, "microstrain": strain, "S_L": s_l, "H_L": h_l}
    chosen |= dict(zip(names, occupancies, strict=True))
    if shape == "scherrer":
        chosen["mixing"] = mixing
    y = engine.pattern(cases.values_for(engine, structure, **chosen))
    assert np.isfinite(y).all()
    assert y.min() >= -1e-9 * (y.max() + 1e-12)


@settings(max_examples=examples(30), deadline=None)
@given(factor=st.floats(0.05, 1.0), shape=st.sampled_from(["scherrer", "sphere"]))
def test_occupancies_all_scaled_scale_the_pattern_by_the_square(factor, shape):
    structure = cases.cu2se(2)
    engine = bind(structure, GRID, KA, EngineSettings(shape=shape))
    values = cases.values_for(engine, structure)
    scaled = {name: value * factor if name.startswith("occ_") else value for name, value in values.items()}
    np.testing.assert_allclose(engine.pattern(scaled), factor**2 * engine.pattern(values), rtol=1e-9)


@settings(max_examples=examples(30), deadline=None)
@given(shift=st.tuples(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0)))
def test_intensities_do_not_depend_on_the_origin(shift):
    # P1 lets the origin be anywhere; f'' makes h and -h differ, their mean must still not move.
    structure = cases.triclinic()
    sites = tuple(
        replace(site, xyz=tuple(float(x + t) for x, t in zip(site.xyz, shift, strict=True))) for site in structure.sites
    )
    plain = reflection_table(structure, KA, (10.0, 90.0), EngineSettings())
    moved = reflection_table(replace(structure, sites=sites), KA, (10.0, 90.0), EngineSettings())
    np.testing.assert_allclose(moved.f_squared, plain.f_squared, rtol=0.0, atol=1e-9 * plain.f_squared.max())


@settings(max_examples=examples(20), deadline=None)
@given(x=st.floats(0.27, 0.45))
def test_origin_at_the_other_octahedral_site(x):
    # Fm-3m: adding (1/2, 1/2, 1/2) exchanges 4a with 4b and takes 32f x to x + 1/2.
    def table(rows):
        structure = Structure.from_sites("cell", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows)
        return reflection_table(structure, KA, (15.0, 120.0), EngineSettings()).f_squared

    def rows(t):
        return [
            {"species": "Se", "xyz": (t, t, t)},
            {"species": "Cu", "xyz": (x + t, x + t, x + t), "occupancy": 0.2},
        ]

    here, there = table(rows(0.0)), table(rows(0.5))
    np.testing.assert_allclose(there, here, rtol=0.0, atol=1e-9 * here.max())


@settings(max_examples=examples(25), deadline=None)
@given(low=st.floats(5.0, 60.0), span=st.floats(5.0, 60.0), size=st.floats(2.0, 50.0))
def test_the_grid_only_samples(low, span, size):
    # Any part of a grid gives that part of the pattern, apart from tails, cut at 1e-5 of each line's height.
    structure = cases.cu2se(6)
    grid = np.linspace(low, low + span, 201)
    whole, part = (bind(structure, g, KA, EngineSettings()) for g in (grid, grid[60:140]))
    values = cases.values_for(whole, structure, size_nm=size)
    strongest = bind(structure, np.linspace(15.0, 65.0, 501), KA, EngineSettings()).pattern(values).max()
    expected = whole.pattern(values)[60:140]
    np.testing.assert_allclose(part.pattern(values), expected, rtol=0.0, atol=1e-4 * strongest)
