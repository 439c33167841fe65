"""Occupancies that the order of the background decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xrdfit.diffraction.background import Chebyshev, chebyshev_basis
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.fitting.options import MAX_BACKGROUND_ORDER
from xrdfit.inference.adequacy.neighbourhood import Neighbourhood, column_of
from xrdfit.inference.uncertainty.estimate import Estimate

_FURTHER = 4
_NOTABLE = 2.5  # standard errors
_GAIN = 4.0  # Δχ² an order


def further_orders(two_theta: FloatArray, order: int) -> FloatArray:
    """Polynomials of up to four orders beyond one, (n, k), as far as a fit can be asked for them."""
    last = max(order, min(order + _FURTHER, MAX_BACKGROUND_ORDER))
    return chebyshev_basis(two_theta, last)[:, order + 1 :]


@dataclass(frozen=True)
class MovedByOrder:
    """How an occupancy moves with further orders of a scan's polynomial.

    Attributes
    ----------
    name, scan : str
        The occupancy that moves most, in its errors, and the scan's label.
    order, higher : int
        The order of the fit, and the one that moves it.
    move : float
        By how much, to first order.
    errors : float
        The same in standard errors of the fit.
    """

    name: str
    scan: str
    order: int
    higher: int
    move: float
    errors: float


def moved_by_order(result: Estimate) -> Iterator[MovedByOrder]:
    """Yield, for each scan, the occupancy that up to four further orders of its background move most in its errors.

    Only where that is more than 2.5 of them and χ² falls by more than 4 an order; a move ends at the limits of the
    occupancy.
    With C the columns of the further orders and P what the model cannot imitate, their coefficients would be
    c = (CᵀPC)⁻¹CᵀPr and the parameters move by −(JᵀJ)⁻¹JᵀC c.
    """
    names = [n for n in result.problem.occupancies.names if result.parameters[n].stderr]
    if not names:
        return
    errors = np.array([result.parameters[n].stderr for n in names], dtype=float)
    value = np.array([result.parameters[n].value for n in names])
    low, high = (np.array([getattr(result.problem.rows[n], m) for n in names]) for m in ("minimum", "maximum"))
    hood = Neighbourhood.of(result.problem, result.theta)
    for i, (scan, fitted) in enumerate(zip(result.problem.scans, result.scans, strict=True)):
        polynomial = next((c for c in fitted.model.background if isinstance(c, Chebyshev)), None)
        if polynomial is None:
            continue
        grid = scan.bound.two_theta
        order = polynomial.order_on(grid)
        further = further_orders(grid, order)
        if not further.size:
            continue
        columns = column_of(result.problem, i, further)
        rest, moves = hood.seen(columns), hood.moves(columns, names)
        found = []
        for more in range(1, further.shape[1] + 1):
            coefficients = np.linalg.lstsq(rest[:, :more], hood.residual, rcond=None)[0]
            gain = float((rest[:, :more] @ coefficients) @ hood.residual) / result.inflation
            coefficients *= gain > _GAIN * more  # else it is noise that moves, by what a looser model lets it
            found.append(np.clip(value + moves[:, :more] @ coefficients, low, high) - value)
        relative = np.abs(np.array(found)) / errors
        more, which = np.unravel_index(int(np.argmax(relative)), relative.shape)
        if relative[more, which] > _NOTABLE:
            yield MovedByOrder(
                names[which], scan.label, order, order + 1 + int(more),
                float(found[more][which]), float(relative[more, which]),
            )  # fmt: skip
