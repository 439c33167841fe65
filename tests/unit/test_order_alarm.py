"""An occupancy that the order of the background decides is an alarm; one that it does not is none."""

from __future__ import annotations

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.inference.adequacy.orders import further_orders

GRID = np.arange(15.0, 70.0, 0.05)


def scan(seed, halo=0.0, air=0.0):
    y = xf.simulate(xf.load_model("cu2se-4nm"), GRID, engine="debye")
    beneath = halo * np.exp(-0.5 * ((GRID - 22.0) / 4.0) ** 2) + air * 15.0 / GRID
    counts = np.random.default_rng(seed).poisson(100.0 + 2000.0 * y / y.max() + beneath)
    return xf.make_pattern(GRID, counts.astype(float), radiation="cu-ka")


def alarms(pattern, **options):
    result = xf.fit(xf.load_model("cu2se-4nm"), pattern, engine="debye", total={"Cu": 8}, **options)
    return result, [w for w in result.warnings if "the background decides it" in w]


@pytest.mark.parametrize("beneath", [{"halo": 400.0}, {"halo": 150.0, "air": 300.0}])
def test_what_lies_beneath_the_lines_is_an_alarm(beneath):
    result, said = alarms(scan(1, **beneath), background=3)
    assert len(said) == 1
    name, order = said[0].split()[0], int(said[0].split("of order ")[1].split()[0])
    predicted = float(said[0].split("move by ")[1].split(",")[0])
    moved = alarms(scan(1, **beneath), background=order)[0][name].value - result[name].value
    assert moved * predicted > 0.0  # to first order, and occupancies have limits
    assert abs(moved) > 2.0 * result[name].stderr


def test_a_background_of_the_right_kind_is_none():
    for seed in range(6):
        assert not alarms(scan(seed), background=3)[1]
    described = (xf.Chebyshev(1), xf.Hump(deg=22.0, fwhm_deg=9.4))
    assert not alarms(scan(1, halo=400.0), background=described)[1]


@pytest.mark.parametrize("order", [29, 30, 48, 50])
def test_the_highest_orders_have_few_or_none_beyond(order):
    """Of a model file 50 is the last, of an option 30: nothing beyond is tried or advised."""
    result, _ = alarms(scan(2), background=(xf.Chebyshev(order),))
    asked = [int(a.options[-1]) for a in result.advice if a.code == "background_order"]
    assert all(order < further <= 30 for further in asked)
    assert further_orders(GRID, order).shape[1] == {29: 1}.get(order, 0)
