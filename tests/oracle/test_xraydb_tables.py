"""The tables as read from XrayDB's file against XrayDB itself, every element."""

from __future__ import annotations

import numpy as np
import pytest
import xraydb

from xrdfit.crystal import xraydb_tables

SYMBOLS = [xraydb.atomic_symbol(number) for number in range(1, 93)]
# tubes and synchrotrons, the ends of what is allowed, either side of the edges of Cu and Se
ENERGIES = (1000.0, 5414.8, 6930.3, 8027.8, 8047.8, 8978.0, 8979.5, 12657.0, 12659.0, 17479.4, 31000.0, 59318.0, 2e5)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_anomalous_terms(symbol):
    mine = np.array([xraydb_tables.chantler(symbol, energy) for energy in ENERGIES])
    theirs = np.array([[float(f(symbol, e)) for f in (xraydb.f1_chantler, xraydb.f2_chantler)] for e in ENERGIES])
    np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_edges(symbol):
    assert set(xraydb_tables.edges(symbol)) == {edge.energy for edge in xraydb.xray_edges(symbol).values()}


def test_form_factors():
    s = np.linspace(0.0, 6.0, 7)
    table = xraydb_tables.waasmaier()
    assert list(table) == list(xraydb.f0_ions())
    for ion, (a, b, c) in table.items():
        np.testing.assert_allclose(np.exp(-(s[:, None] ** 2) * b) @ a + c, xraydb.f0(ion, s), rtol=1e-12, atol=1e-12)
