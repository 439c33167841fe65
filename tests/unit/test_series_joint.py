"""Scans together: what is shared gets the right value and error, laws find their constants, cost grows linearly."""

import os
import time

import numpy as np
import pytest
from series_cases import CHOICES, MINUTES, TWO_THETA, counts, model, occupancy

import xrdfit as xf
from xrdfit.errors import InputError
from xrdfit.series.entries import Entry
from xrdfit.series.laws import law_of
from xrdfit.series.rows import Row, failed
from xrdfit.series.sequential import fit_sequence, in_order

COORD = {"minutes": [float(m) for m in MINUTES]}


@pytest.fixture(scope="module")
def scans():
    return {f"t{m}": xf.make_pattern(TWO_THETA, counts(m)) for m in MINUTES}


@pytest.fixture(scope="module")
def alone(scans):
    return xf.fit_series(model(), scans, engine="bragg", coord=COORD, **CHOICES)


def joint(scans, **choices):
    return xf.fit_series(model(), scans, engine="bragg", coord=COORD, mode="joint", **(CHOICES | choices))


def coefficients(found):
    data = found.data
    names = [str(n) for n in data["coefficient_name"].values]
    pairs = zip(data["coefficient_value"].values, data["coefficient_stderr"].values, strict=True)
    return dict(zip(names, pairs, strict=True))


def test_a_shared_cell_is_the_weighted_mean(scans, alone):
    """For a parameter that the others hardly know of, the joint answer is the mean by weight, and so is its error."""
    found = joint(scans, share=["a"])
    value, stderr = coefficients(found)["a"]
    each = alone["a"]
    weight = 1.0 / each["stderr"].values ** 2
    assert stderr == pytest.approx(weight.sum() ** -0.5, rel=0.05)
    assert value == pytest.approx(float((weight * each["value"].values).sum() / weight.sum()), abs=0.3 * stderr)
    assert abs(value - 5.85) < 3.5 * stderr
    np.testing.assert_allclose(found["a"]["value"].values, value, rtol=1e-12)
    np.testing.assert_allclose(found["a"]["stderr"].values, stderr, rtol=1e-6)


def test_the_joint_fit_is_one_large_fit(scans):
    """Two scans joint by elimination are what `fit` makes of two scans of one sample with shared parameters."""
    two = {k: scans[k] for k in ("t20", "t30")}
    choices = CHOICES | {"vary": ["b_overall"]}
    shared = ["a", "size_nm", "b_overall", "occ_Cu_8c"]
    values = coefficients(xf.fit_series(model(), two, engine="bragg", mode="joint", share=shared, **choices))
    large = xf.fit(model(), two, engine="bragg", **{k: v for k, v in choices.items() if k != "model_errors"})
    for name in shared:
        value, stderr = values[name]
        assert value == pytest.approx(large[name].value, abs=0.2 * large[name].stderr)  # weights of other patterns
        assert stderr == pytest.approx(large[name].stderr, rel=0.03)


def test_a_law_finds_its_constants(scans, alone):
    found = joint(scans, share=["a"], law={"occ_Cu_8c": "exponential"})
    values = coefficients(found)
    for name, truth in (("end", 0.7), ("step", -0.45 * np.exp(-1 / 20.0)), ("tau", 20.0)):
        value, stderr = values[f"occ_Cu_8c {name}"]
        assert abs(value - truth) < 3.5 * stderr
        assert stderr < 0.1 * abs(truth)
    errors = found["occ_Cu_8c"]["stderr"].values
    assert (errors < alone["occ_Cu_8c"]["stderr"].values).all()
    truth = occupancy(np.array(MINUTES, dtype=float))
    assert np.abs((found["occ_Cu_8c"]["value"].values - truth) / errors).max() < 3.5
    atoms = 8 * found.data["occupancy"].sel(site="Cu_8c") + 32 * found.data["occupancy"].sel(site="Cu_32f")
    np.testing.assert_allclose(atoms, 8.0)


def test_a_shared_scale_and_a_shared_total(scans, alone):
    """The scans' amount is the same: its common scale leaves the occupancies smaller errors."""
    found = joint(scans, share=["scale"])
    value, stderr = coefficients(found)["scale"]
    assert abs(value - 3000.0 / 4.0e4) < 3.5 * stderr
    assert (found["occ_Cu_8c"]["stderr"].values < alone["occ_Cu_8c"]["stderr"].values).all()
    total = joint(scans, share=["scale", "total_Cu"], total={})
    value, stderr = coefficients(total)["total_Cu"]
    assert abs(value - 8.0) < 3.5 * stderr
    assert stderr < 0.1


def test_linear_laws_and_splines_pass_through_a_drift():
    minutes = tuple(range(1, 9))
    scans = {f"t{m}": xf.make_pattern(TWO_THETA, counts(m, a=5.85 + 0.0005 * m)) for m in minutes}
    coord = {"minutes": [float(m) for m in minutes]}
    for law, slopes in (("linear", True), ("spline:4", False)):
        found = xf.fit_series(model(), scans, engine="bragg", coord=coord, mode="joint", law={"a": law}, **CHOICES)
        truth = 5.85 + 0.0005 * np.array(minutes)
        pull = (found["a"]["value"].values - truth) / found["a"]["stderr"].values
        assert np.abs(pull).max() < 3.5
        if slopes:
            value, stderr = coefficients(found)["a slope"]
            assert abs(value - 0.0005) < 3.5 * stderr


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("XRDFIT_SLOW"), reason="starts processes: XRDFIT_SLOW=1")
def test_joint_answers_do_not_depend_on_the_executor(scans):
    one = joint(scans, share=["a"])
    two = joint(scans, share=["a"], workers=2)
    assert one.data["coefficient_value"].identical(two.data["coefficient_value"])
    assert all(a.same_numbers(b) for a, b in zip(one.rows, two.rows, strict=True))


def test_a_scan_without_an_answer_is_left_out(scans):
    flat = xf.make_pattern(TWO_THETA, 200.0 + (np.arange(len(TWO_THETA)) * 7919) % 29)
    found = xf.fit_series(model(), scans | {"zflat": flat}, engine="bragg", mode="joint", share=["a"], **CHOICES)
    assert [r.label for r in found.rows if not r.success] == ["zflat"]
    assert "a" in coefficients(found)


def test_sharing_what_rules_leave_no_room_is_refused(scans):
    with pytest.raises((InputError, RuntimeError), match=r"leave it no room|totals|cannot"):
        joint(scans, share=["occ_Cu_8c", "occ_Cu_32f"])


@pytest.mark.parametrize("kind", ["linear", "exponential", "spline:6"])
def test_slopes_of_laws_are_their_derivatives(kind):
    law = law_of("a", kind, np.linspace(0.0, 10.0, 30))
    c = np.linspace(1.0, 3.0, len(law.names))
    for t in (0.0, 3.3, 10.0):
        numeric = [(law.value(c + h, t) - law.value(c - h, t)) / 2e-6 for h in 1e-6 * np.eye(len(c))]
        np.testing.assert_allclose(law.slope(c, t), numeric, atol=1e-7)


def test_a_sequence_goes_along_the_coordinate():
    entries = [Entry(str(i), "x", coords={"t": t}) for i, t in enumerate((3.0, 1.0, 2.0, float("nan")))]
    assert [e.label for e in in_order(entries)] == ["1", "2", "0", "3"]


def test_a_sequential_series_is_right(scans, alone):
    found = xf.fit_series(model(), scans, engine="bragg", coord=COORD, mode="sequential", **CHOICES)
    for name in ("occ_Cu_8c", "a"):
        near = np.abs(found[name]["value"].values - alone[name]["value"].values)
        assert (near < 0.02 * alone[name]["stderr"].values).all()


def test_a_failing_step_is_tried_from_the_other_side(monkeypatch):
    """From the left the scans after the jump end in a wrong minimum; from the right they do not."""
    started = []

    class Stub:
        def __init__(self, job):
            pass

        def safe_key(self, entry, start):
            return ""

        def row(self, entry, start):
            started.append((entry.label, start.label))
            wrong = entry.label == "2" and start.label == "1"
            if entry.label == "3" and start.label == "2":
                return good(entry.label, 1.0)
            return failed(entry.label, "", "did not converge") if wrong else good(entry.label, 1.0)

    def good(label, chi2):
        figures = np.full(10, chi2)
        return Row(label, "", True, "converged", names=("a",), numbers=np.ones((5, 1)), figures=figures)

    from xrdfit.series import sequential
    from xrdfit.series.work import Job, Start

    monkeypatch.setattr(sequential, "Worker", Stub)
    entries = [Entry(str(i), "x", coords={"t": float(i)}) for i in range(5)]
    job = Job({}, None, start=Start("first", {}, 1.0))  # pyright: ignore
    known, complete = fit_sequence(job, entries, list, {})
    assert complete
    assert started[:5] == [("0", "first"), ("1", "0"), ("2", "1"), ("3", "1"), ("4", "3")]
    assert started[5:] == [("2", "3")]
    assert known["2"].success


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("XRDFIT_SLOW"), reason="many fits: XRDFIT_SLOW=1")
def test_cost_grows_linearly():
    """Twice the scans take twice the processor time, not four times."""
    patterns = {f"t{i:03d}": xf.make_pattern(TWO_THETA, counts(10, seed=i)) for i in range(64)}

    def seconds(n):
        few = dict(list(patterns.items())[:n])
        begin = time.process_time()
        xf.fit_series(model(), few, engine="bragg", mode="joint", share=["a", "size_nm"], **CHOICES)
        return time.process_time() - begin

    seconds(4)
    assert seconds(64) < 2.7 * seconds(32)
