"""Comparison of sets of sites: the right set is named, and nothing is named that the scan cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from inference_cases import scan_of

import xrdfit as xf
from xrdfit.errors import InputError
from xrdfit.inference.questions import compare as module
from xrdfit.inference.questions.ranking import Candidate, judge
from xrdfit.model.files.read import load_models

TRUTH = {"occ_Cu_8c": 0.3, "occ_Cu_32f": 0.0, "occ_Cu_4b": 0.3, "occ_Cu_24e": 0.182}


@pytest.fixture(scope="module")
def model():
    return xf.load_model("cu2se")


@pytest.fixture(scope="module")
def found(model):
    return xf.compare(model, scan_of(model, 1, values=TRUTH), engine="bragg", sites=["8c", "32f", "4b", "24e"])


def test_all_fifteen_sets_are_ranked_and_the_true_one_is_named(found):
    assert len(found.candidates) == 15
    assert set(found.best.sites) == {"Cu_8c", "Cu_4b", "Cu_24e"}
    assert found.verdict == "decided"
    assert np.all(np.diff([c.bic for c in found.candidates]) >= 0)


def test_sites_that_would_vary_but_are_no_candidates_are_named(model):
    found = xf.compare(model, scan_of(model, 1, values=TRUTH), engine="bragg", sites=["8c", "4b"])
    assert found.summary[-1] == "held at 0, no candidates: occ_Cu_32f, occ_Cu_24e"


def test_one_site_is_nothing_to_compare_unless_there_is_a_rival(model):
    scan = scan_of(model, 1, values=TRUTH)
    with pytest.raises(InputError, match="one candidate site, Cu_8c"):
        xf.compare(model, scan, engine="bragg", sites=["8c"])
    assert (
        len(xf.compare(model, scan, engine="bragg", sites=["8c"], rivals=[xf.load_model("cu2se-2nm")]).candidates) == 2
    )


def test_no_set_is_worse_than_a_part_of_it(found):
    for larger in found.candidates:
        for smaller in found.candidates:
            if set(smaller.sites) < set(larger.sites):
                assert larger.chi2 <= smaller.chi2 + 0.05


def test_criteria_follow_from_chi_square(found):
    for c in found.candidates:
        assert c.bic == pytest.approx(c.chi2 / found.chi2_scale + c.n_varied * np.log(found.n_points))
        assert c.aic == pytest.approx(c.chi2 / found.chi2_scale + 2 * c.n_varied)


def test_the_set_of_the_truth_is_as_good_as_a_fit_with_the_others_fixed(model, found):
    best = xf.fit(model, scan_of(model, 1, values=TRUTH), engine="bragg", fix={"occ_Cu_32f": 0.0})
    assert found.best.chi2 == pytest.approx(best.statistics.chi2, abs=2.0)  # the weights come from a larger model
    assert found.best.occupancies["Cu_4b"] == pytest.approx(best["occ_Cu_4b"].value, abs=1e-4)


def test_hamilton_halves_the_tail_of_f(found):
    from scipy.stats import f

    pair = next(p for p in found.pairs if set(p.smaller) == {"Cu_8c", "Cu_4b"} and p.site == "Cu_24e")
    large = found[pair.larger]
    freedom = found.n_points - large.n_varied
    assert pair.r_ratio == pytest.approx(found[pair.smaller].r_wp / large.r_wp)
    assert pair.p == pytest.approx(f.sf((pair.r_ratio**2 - 1) * freedom, 1, freedom) / 2)
    empty = next(p for p in found.pairs if set(p.smaller) == set(found.best.sites))
    assert empty.p > 0.01


def test_sets_that_cannot_hold_the_total_are_left_out_with_the_reason(model):
    found = xf.compare(model, scan_of(model, 1, values=TRUTH), engine="bragg", sites=["8c", "4b"], total={"Cu": 7.968})
    assert [c.sites for c in found.candidates if c.sites == ("Cu_4b",)] == []
    assert found.left_out[0][0] == ("Cu_4b",)
    assert "Cu=7.968" in found.left_out[0][1]


def test_rival_models_are_ranked_among_the_sets(model):
    scan = scan_of(model, 3, values={**TRUTH, "b_overall": 0.0})
    found = xf.compare(
        model, scan, engine="bragg", sites=["8c", "32f"], rivals=[xf.load_model("cu2se-2nm")], fix={"b_overall": 0.0}
    )
    assert found.best.model == "cu2se-2nm"
    assert found.verdict == "decided"


@pytest.mark.slow
def test_a_rival_that_misfits_leaves_the_scale_of_chi_square_alone(model):
    scan = scan_of(model, 3, counts=2000, values=TRUTH)
    alone = xf.compare(model, scan, engine="bragg", sites=["8c", "4b", "24e"])
    beside = xf.compare(model, scan, engine="bragg", sites=["8c", "4b", "24e"], rivals=[xf.load_model("caf2")])
    assert beside.chi2_scale == alone.chi2_scale < 1.3
    assert (beside.verdict, set(beside.best.sites)) == (alone.verdict, set(alone.best.sites))


@pytest.mark.slow
def test_parameters_of_an_empty_site_are_not_counted(model):
    scan = scan_of(model, 1, values=TRUTH)
    plain = xf.compare(model, scan, engine="bragg", sites=["8c", "4b", "24e"])
    freed = xf.compare(model, scan, engine="bragg", sites=["8c", "4b", "24e"], vary=["b_Cu_24e"])
    assert freed[("Cu_8c", "Cu_4b")].n_varied == plain[("Cu_8c", "Cu_4b")].n_varied
    every = ("Cu_8c", "Cu_4b", "Cu_24e")
    assert freed[every].n_varied == plain[every].n_varied + 1


def candidate(sites, delta_bic, shares):
    numbers = {"r_wp": 0.1, "chi2": 1000.0, "n_varied": 5, "aic": 0.0, "bic": delta_bic, "delta_bic": delta_bic}
    limits = dict(zip(sites, shares, strict=True))
    return Candidate("m", sites, dict.fromkeys(sites, 0.5), limits, (), calculated=np.empty(0), **numbers)


@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        ([(("a", "b"), 6.9, (0.99, 0.01))], "decided"),
        ([(("a", "b"), 6.9, (0.99, 0.03))], "cannot tell"),  # b may hold 3 % of the atoms
        ([(("b",), 5.9, (1.0,))], "cannot tell"),
        ([(("b",), 6.1, (1.0,))], "decided"),
        ([(("a", "b"), 6.5, (0.9, 0.01)), (("a", "b", "c"), 0.1, (0.5, 0.3, 0.3))], "cannot tell"),
        ([(("a", "b"), 6.5, (0.9, 0.01)), (("a", "b", "c"), 13.0, (0.5, 0.3, 0.3))], "decided"),
    ],
)
def test_a_set_is_named_only_where_nothing_else_will_do(others, verdict):
    best = candidate(("a",), 0.0, (1.0,))
    assert judge((best, *(candidate(*other) for other in others)), ())[0] == verdict


@pytest.mark.slow
def test_with_few_counts_the_answer_is_cannot_tell(model):
    values = {"occ_Cu_8c": 0.37, "occ_Cu_32f": 0.1575, "occ_Cu_4b": 0.0, "occ_Cu_24e": 0.05}
    found = xf.compare(model, scan_of(model, 2, counts=50, background=30, values=values), engine="bragg")
    assert found.verdict == "cannot tell"
    assert found.summary[0].startswith("cannot tell")


def test_interrupted_it_keeps_what_was_done(model, monkeypatch):
    fit, done = module._fit_subset, []

    def interrupted(*arguments):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(arguments)
        return fit(*arguments)

    monkeypatch.setattr(module, "_fit_subset", interrupted)
    found = xf.compare(model, scan_of(model, 1, values=TRUTH), engine="bragg")
    assert len(found.candidates) == 3
    assert not found.complete
    assert found.verdict == "cannot tell"
    assert "interrupted when 3 candidates were fitted" in found.summary[0]


@pytest.mark.parametrize(("sites", "message"), [(["48g"], "48g.*it has Se_4a, Cu_8c"), (["Cu_9z"], "it has")])
def test_an_unknown_site_is_refused(model, sites, message):
    with pytest.raises(InputError, match=message):
        xf.compare(model, scan_of(model, 1), engine="bragg", sites=sites)


def test_unknown_options_are_refused(model):
    with pytest.raises(InputError, match="there are engine"):
        xf.compare(model, scan_of(model, 1), engine="bragg", totals={"Cu": 8})


def test_json_holds_what_the_contract_names(found):
    best = found.to_dict()["candidates"][0]
    assert best["sites"] == ["Cu_8c", "Cu_4b", "Cu_24e"]
    assert {"sites", "r_wp", "chi2", "n_varied", "aic", "bic"} <= set(best)
    assert all(type(best[key]) is float for key in ("r_wp", "chi2", "aic", "bic"))


@pytest.fixture(scope="module")
def twins():
    """Two phases whose sites have the same labels, and a scan of one that is full and one that is half full."""
    both = load_models(["cu2se-4nm", "cu2se-2nm"])
    truth = {"cu2se__occ_Cu_8c": 0.9, "cu2se_2__occ_Cu_8c": 0.4, "cu2se_2__a": 5.75}
    return both, scan_of(both, 1, values=truth), truth


def test_sites_of_the_same_label_in_two_phases_are_different_sites(twins):
    both, scan, truth = twins
    start = {"cu2se_2__a": truth["cu2se_2__a"]}
    found = xf.compare(both, scan, engine="bragg", sites=["8c"], start=start)
    first, second = "cu2se__Cu_8c", "cu2se_2__Cu_8c"
    assert {c.sites for c in found.candidates} == {(first,), (second,), (first, second)}
    every = found[first, second]
    assert set(every.occupancies) == set(every.upper_shares) == {first, second}
    assert {(p.smaller, p.site) for p in found.pairs} == {((first,), second), ((second,), first)}
    assert found.to_dict()["candidates"][0]["sites"] == list(found.best.sites)


def test_the_occupancies_are_those_of_their_own_phase(twins):
    both, scan, _ = twins
    alone = xf.compare(both, scan, engine="bragg", sites=["cu2se_2__Cu_8c", "cu2se_2__Cu_4b"])[("cu2se_2__Cu_8c",)]
    empty = dict.fromkeys(("cu2se_2__occ_Cu_4b", "cu2se_2__occ_Cu_24e"), 0.0)
    assert "cu2se_2__Cu_8c" in alone.occupancies
    names = [r.name for r in both.rows("bragg") if r.vary and r.name.startswith("cu2se__occ_")]
    held = xf.fit(both, scan, engine="bragg", fix={**empty, **dict.fromkeys(names, 0.0)}, vary=["cu2se_2__occ_Cu_8c"])
    assert alone.chi2 == pytest.approx(held.statistics.chi2, rel=0.05)
    assert alone.occupancies["cu2se_2__Cu_8c"] == pytest.approx(held["cu2se_2__occ_Cu_8c"].value, abs=0.02)


@pytest.mark.parametrize("choices", [{"vary": ["x_Cu_32f"]}, {"total": {"Cu": 8.0}}])
def test_a_rival_that_the_options_do_not_fit_is_left_out_by_name(choices):
    model = xf.load_model("cu2se-4nm")
    found = xf.compare(model, scan_of(model, 1), engine="bragg", rivals=[xf.load_model("si"), model], **choices)
    reasons = dict(found.left_out)
    assert ("si",) in reasons
    assert reasons["si",]
    # the others were ranked, and one of the same name is told from the model itself
    assert {"cu2se-4nm", "cu2se-4nm (2)"} == {c.model for c in found.candidates}
