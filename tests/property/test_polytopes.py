"""Random polytopes of occupancies: totals, mixed sites, packing, ties, against linear programmes and differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from tiers import examples

from xrdfit.errors import InputError
from xrdfit.model.composition import Rule, occupancy_map
from xrdfit.model.equalities import ROUNDING


def crystal(seed, sites=4, elements=3, full=0, packing=0, ties=0, margin=0.0, highest=1.0):
    """Names, limits, rules and a point that obeys them: mixed sites, totals of elements, packing, ties."""
    random = np.random.default_rng(seed)
    names, truth, rules = [], {}, []
    totals = {e: {} for e in "ABCDEF"[:elements]}
    multiplicity = random.choice([2.0, 4.0, 8.0, 16.0, 24.0], sites)
    for i in range(sites):
        here = [e for e in totals if i < full or random.random() < 0.8] or ["A"]
        parts = random.dirichlet(np.ones(len(here) + (i >= full))) * highest
        parts = margin + (1.0 - margin * (len(here) + 1)) * parts if i >= full else parts
        row = {f"occ_{e}_{i}": 1.0 for e in here}
        names += row
        truth |= dict(zip(row, parts, strict=False))
        for e in here:
            totals[e][f"occ_{e}_{i}"] = multiplicity[i]
        rules.append(Rule(row, highest, i < full, f"site {i}"))
    for k in range(packing):
        i, j = full + 2 * k, full + 2 * k + 1
        pack = {n: multiplicity[int(n[-1])] for n in names if int(n[-1]) in (i, j)}
        filled = sum(c * truth[n] for n, c in pack.items())
        rules.append(Rule(pack, filled * random.uniform(1.05, 1.6), False, f"void {k}"))
    for _ in range(ties):
        first, second = random.choice(names, 2, replace=False)
        slope = random.uniform(-1.0, 1.0)
        rules.append(Rule({first: 1.0, second: -slope}, truth[first] - slope * truth[second], True, "tie"))
    for e, row in totals.items():
        if row:
            rules.append(Rule(row, sum(c * truth[n] for n, c in row.items()), True, f"{e} total"))
    return names, [(0.0, highest)] * len(names), rules, np.array([truth[n] for n in names])


def programme(names, limits, rules, objective):
    """Least value of objective·o under the rules, by an independent solver."""
    rows = np.array([[r.coefficients.get(n, 0.0) for n in names] for r in rules]).reshape(len(rules), len(names))
    bounds, equal = np.array([r.bound for r in rules]), np.array([r.equality for r in rules], dtype=bool)
    found = linprog(objective, rows[~equal], bounds[~equal], rows[equal], bounds[equal], limits)
    assert found.success
    return found.fun


def worst(names, limits, rules, occupancies):
    """By how much the rules and limits are broken."""
    values = dict(zip(names, occupancies, strict=True))
    low, high = np.array(limits).T
    broken = [float((low - occupancies).max()), float((occupancies - high).max())]
    for r in rules:
        over = sum(c * values[n] for n, c in r.coefficients.items()) - r.bound
        broken.append(abs(over) if r.equality else over)
    return max(broken)


kinds = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "sites": st.integers(2, 5),
        "elements": st.integers(1, 3),
        "full": st.integers(0, 2),
        "packing": st.integers(0, 1),
        "ties": st.integers(0, 1),
    }
).filter(lambda k: k["full"] + 2 * k["packing"] <= k["sites"])


@settings(max_examples=examples(60), deadline=None)
@given(kind=kinds, seed=st.integers(0, 1000))
def test_the_map_stays_inside_and_reaches_every_point(kind, seed):
    names, limits, rules, truth = crystal(**kind)
    mapped = occupancy_map(names, limits, rules)
    random = np.random.default_rng(seed)
    for _ in range(5):
        shares = random.random(len(mapped.free))
        shares = np.where(random.random(len(shares)) < 0.4, np.round(shares), shares)  # corners and edges too
        occupancies = mapped.occupancies(shares)
        assert worst(names, limits, rules, occupancies) < 1e-8
        np.testing.assert_allclose(mapped.occupancies(mapped.shares(occupancies)), occupancies, atol=1e-7)
    np.testing.assert_allclose(mapped.occupancies(mapped.shares(truth)), truth, atol=1e-7)


@settings(max_examples=examples(40), deadline=None)
@given(kind=kinds, seed=st.integers(0, 1000))
def test_the_map_reaches_every_corner(kind, seed):
    """Where a linear programme ends, the map comes too, whatever is minimized."""
    names, limits, rules, _ = crystal(**kind)
    mapped = occupancy_map(names, limits, rules)
    objective = np.random.default_rng(seed).normal(size=len(names))
    rows = np.array([[r.coefficients.get(n, 0.0) for n in names] for r in rules])
    bounds, equal = np.array([r.bound for r in rules]), np.array([r.equality for r in rules])
    corner = linprog(objective, rows[~equal], bounds[~equal], rows[equal], bounds[equal], limits).x
    np.testing.assert_allclose(mapped.occupancies(mapped.shares(corner)), corner, atol=2e-6)


@settings(max_examples=examples(30), deadline=None)
@given(kind=kinds, seed=st.integers(0, 1000), step=st.integers(0, 20))
def test_each_limit_is_that_of_a_linear_programme(kind, seed, step):
    """With the shares before it held, a share goes from the least to the largest value that the rules allow."""
    names, limits, rules, _ = crystal(**kind)
    mapped = occupancy_map(names, limits, rules)
    if not mapped.free:
        return
    k = step % len(mapped.free)
    shares = np.random.default_rng(seed).uniform(0.1, 0.9, len(mapped.free))
    ends = []
    for end in (0.0, 1.0):
        shares[k] = end
        ends.append(mapped.occupancies(shares))
    held = [Rule({names[j]: 1.0}, ends[0][j], True, "held") for j in mapped.free[:k]]
    loose = [(low - 1e-9, high + 1e-9) for low, high in limits]
    unit = np.eye(len(names))[mapped.free[k]]
    low = programme(names, loose, rules + held, unit)
    high = -programme(names, loose, rules + held, -unit)
    np.testing.assert_allclose([e[mapped.free[k]] for e in ends], [low, high], atol=2e-6)


@settings(max_examples=examples(40), deadline=None)
@given(kind=kinds, seed=st.integers(0, 1000))
def test_derivatives_are_those_of_differences(kind, seed):
    names, limits, rules, _ = crystal(**kind)
    mapped = occupancy_map(names, limits, rules)
    n, h = len(mapped.free), 1e-6
    shares = np.random.default_rng(seed).uniform(0.05, 0.95, n)
    slope = mapped.derivative(shares)[1]
    forward = np.array([mapped.occupancies(shares + h * e) for e in np.eye(n)]).reshape(n, len(names))
    back = np.array([mapped.occupancies(shares - h * e) for e in np.eye(n)]).reshape(n, len(names))
    here = mapped.occupancies(shares)
    smooth = np.abs(forward + back - 2.0 * here).max(axis=1, initial=0.0) < 1e-9  # no kink within the step
    np.testing.assert_allclose(slope[:, smooth], ((forward - back) / (2.0 * h)).T[:, smooth], atol=1e-5)
    values, slopes = mapped.free_values(shares[None])
    np.testing.assert_allclose(values[0], here[list(mapped.free)], atol=1e-12)
    np.testing.assert_allclose(slopes[0], slope[list(mapped.free)], atol=1e-12)


@settings(max_examples=examples(30), deadline=None)
@given(seed=st.integers(0, 10_000), sites=st.integers(1, 5), elements=st.integers(1, 4), open_=st.integers(0, 2))
def test_implied_equalities_are_those_that_brute_force_finds(seed, sites, elements, open_):
    """Full sites written as "≤ 1" beside totals of all elements; some sites may be left open."""
    names, limits, rules, _ = crystal(seed, sites, elements, full=max(sites - open_, 0), margin=0.02)
    rules = [Rule(r.coefficients, r.bound, r.text.endswith("total"), r.text) for r in rules]
    mapped = occupancy_map(names, limits, rules)
    # brute force: rows whose least and largest value agree
    rows = [np.array([r.coefficients.get(n, 0.0) for n in names]) for r in rules] + list(np.eye(len(names)))
    single = [
        row for row in rows if programme(names, limits, rules, row) + programme(names, limits, rules, -row) > -1e-7
    ]
    assert len(mapped.free) == len(names) - np.linalg.matrix_rank(np.array(single), tol=1e-9)
    for row in single:
        assert np.abs(row @ mapped.tangent).max(initial=0.0) < 1e-9


GARNET = ["occ_Al_16a", "occ_Ga_16a", "occ_Al_24d", "occ_Ga_24d"]


def garnet(aluminium, gallium, filled=(1.0, 1.0), **options):
    rules = [
        Rule({"occ_Al_16a": 16.0, "occ_Al_24d": 24.0}, aluminium, True, f"Al={aluminium:g}"),
        Rule({"occ_Ga_16a": 16.0, "occ_Ga_24d": 24.0}, gallium, True, f"Ga={gallium:g}"),
        Rule({"occ_Al_16a": 1.0, "occ_Ga_16a": 1.0}, filled[0], False, "Al_16a + Ga_16a ≤ 1"),
        Rule({"occ_Al_24d": 1.0, "occ_Ga_24d": 1.0}, filled[1], False, "Al_24d + Ga_24d ≤ 1"),
    ]
    return occupancy_map(GARNET, [(0.0, 1.0)] * 4, rules, **options)


def test_full_sites_and_totals_leave_one_degree_of_freedom():
    mapped = garnet(24.0, 16.0)
    assert len(mapped.free) == 1
    np.testing.assert_allclose(mapped.tangent[:, 0], [1.0, -1.0, -2 / 3, 2 / 3], atol=1e-12)
    assert not mapped.on_bound(mapped.occupancies(np.array([0.4])), 1e-6).any()
    assert not mapped.notes
    assert len(mapped.led_by("occ_Ga_24d").free) == 1


def test_slack_is_left_alone():
    assert len(garnet(24.0, 15.5, rounding=ROUNDING).free) == 2


@pytest.mark.parametrize(
    ("atoms", "filled"),
    [
        ((24.0, 16.0), (1.0, 1.0)),
        ((24.0, 15.99), (1.0, 1.0)),  # 0.6 + 0.39975
        ((24.0, 15.96), (1.0, 1.0)),  # three shares of 0.333
        ((24.0, 16.02), (1.0, 1.0)),  # more than there is room for
        ((13.333, 26.667), (1.0, 1.0)),
        ((24.0, 16.0), (1.0, 0.999)),  # a third species of 0.001
    ],
)
def test_published_rounding_is_an_equality_with_a_note(atoms, filled):
    mapped = garnet(*atoms, filled, rounding=ROUNDING)
    assert len(mapped.free) == 1
    assert bool(mapped.notes) == (sum(atoms) != 16 * filled[0] + 24 * filled[1])
    occupancies = mapped.occupancies(np.array([0.3]))
    assert occupancies[0] + occupancies[1] == pytest.approx(1.0, abs=2e-3)
    assert worst(mapped.names, mapped.limits, mapped.rules, occupancies) < 1e-9
    assert len(mapped.led_by("occ_Ga_24d").free) == 1


def test_a_total_a_little_above_all_sites_fills_them():
    names = ["occ_Cu_8c", "occ_Cu_4b"]
    rule = Rule({"occ_Cu_8c": 8.0, "occ_Cu_4b": 4.0}, 12.001, True, "Cu=12.001")
    mapped = occupancy_map(names, [(0.0, 1.0)] * 2, [rule], rounding=ROUNDING)
    assert not mapped.free
    assert "Cu=12.001" in mapped.notes[0]
    np.testing.assert_allclose(mapped.occupancies(np.empty(0)), 1.0, atol=1e-9)


def test_little_of_an_element_is_no_rounding():
    names = ["occ_In_8c", "occ_In_48f"]
    rule = Rule({"occ_In_8c": 8.0, "occ_In_48f": 48.0}, 0.005, True, "In=0.005")
    assert len(occupancy_map(names, [(0.0, 1.0)] * 2, [rule], rounding=ROUNDING).free) == 1


def test_refusal_says_by_how_much():
    with pytest.raises(InputError, match=r"misses by (1\b|1\.0*\b)"):
        garnet(24.0, 17.0, rounding=ROUNDING)


def test_limits_may_be_above_one():
    """A heavier atom on the site: as much as the user asks for."""
    names, limits, rules, truth = crystal(5, sites=3, elements=2, highest=1.3)
    mapped = occupancy_map(names, limits, rules)
    np.testing.assert_allclose(mapped.occupancies(mapped.shares(truth)), truth, atol=1e-9)
    wide = occupancy_map(["occ_Ti_2a", "occ_O_4f"], [(0.0, 1.5), (0.5, 1.2)])
    np.testing.assert_allclose(wide.occupancies(np.ones(2)), [1.5, 1.2])


@pytest.mark.parametrize(("sites", "elements"), [(8, 2), (100, 2), (66, 3), (40, 5)])
def test_two_hundred_linked_occupancies(sites, elements):
    """Elimination took 45 s and 2 GB for eight mixed sites; what this takes is told by the benchmarks."""
    random, names, rules, truth = np.random.default_rng(1), [], [], {}
    totals = {e: {} for e in "ABCDE"[:elements]}
    for i in range(sites):
        row = {f"occ_{e}_{i}": 1.0 for e in totals}
        names += row
        truth |= dict(zip(row, random.dirichlet(np.ones(elements + 1)), strict=False))
        multiplicity = float(random.choice([4, 8, 24]))
        for e in totals:
            totals[e][f"occ_{e}_{i}"] = multiplicity
        rules.append(Rule(row, 1.0, False, f"site {i}"))
    for e, row in totals.items():
        rules.append(Rule(row, sum(c * truth[n] for n, c in row.items()), True, f"{e} total"))
    limits, point = [(0.0, 1.0)] * len(names), np.array([truth[n] for n in names])
    mapped = occupancy_map(names, limits, rules)
    assert len(mapped.free) == len(names) - elements
    np.testing.assert_allclose(mapped.occupancies(mapped.shares(point)), point, atol=1e-9)
    assert worst(names, limits, rules, mapped.occupancies(random.random(len(mapped.free)).round(1))) < 1e-8


def test_rules_without_any_likeness_are_refused_before_they_fill_the_memory():
    """Every species of every site with a number of its own in each of six sums: no crystal is like that."""
    random = np.random.default_rng(0)
    names = [f"occ_{e}_{i}" for i in range(20) for e in "ABCDEF"]
    point = np.full(len(names), 0.1)
    rules = [Rule({f"occ_{e}_{i}": 1.0 for e in "ABCDEF"}, 1.0, False, f"site {i}") for i in range(20)]
    for k in range(6):
        numbers = random.uniform(1.0, 2.0, len(names))
        rules.append(Rule(dict(zip(names, numbers, strict=True)), float(numbers @ point), True, f"sum {k}"))
    with pytest.raises(InputError, match="too entangled"):
        occupancy_map(names, [(0.0, 1.0)] * len(names), rules)
