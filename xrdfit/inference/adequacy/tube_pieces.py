"""Lines of a tube that a model leaves out: Kβ, and tungsten's from its filament."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from xrdfit.inference.adequacy.neighbourhood import column_of
from xrdfit.inference.adequacy.pieces import Piece
from xrdfit.inference.uncertainty.estimate import Estimate

_TRIAL = 0.01  # of Kα
_NARROW_NM = 15.0  # of smaller crystallites such lines drown in the background


def tube_pieces(result: Estimate) -> Iterator[Piece]:
    """Kβ and tungsten Lα of all crystals that lines describe; size is the weight relative to Kα."""
    problem = result.problem
    values = problem.evaluate(result.theta, derivatives=False).values
    for i, (scan, fitted) in enumerate(zip(problem.scans, result.scans, strict=True)):
        bound, model = scan.bound, fitted.model
        crystals = [
            "mixing" in engine.names and values[key["size_nm"]] >= _NARROW_NM
            for engine, key in zip(bound.engines, bound.keys, strict=True)
        ]
        if model.radiation().anode is None or not all(crystals):
            continue
        scales = np.array([values[name] for name in bound.scales])
        for code in ("kbeta", "w_la"):
            if getattr(model.instrument, code) is not None:
                continue
            with_line = replace(model, instrument=replace(model.instrument, **{code: _TRIAL}))
            options = result.options
            there = with_line.bind(bound.two_theta, "bragg", anomalous=options.anomalous, table=options.anomalous_table)
            own = {r.name: r.value for r in with_line.rows("bragg", bound.two_theta)}
            curve = (there.patterns(own) - there.patterns(own | {code: 0.0})) @ scales / _TRIAL
            columns = column_of(problem, i, np.asarray(curve, dtype=np.float64)[:, None])
            yield Piece(code, "", ("--vary", code), columns, least=0.0, scan=scan.label)
