"""Pair sums of a crystal's sites as functions of the parameters, calculated again only where something moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.debye.geometry import Geometry
from xrdfit.diffraction.debye.pairs import Shells, shells, site_pairs
from xrdfit.diffraction.debye.transform import FORM_REACH, Nodes, PairSums, SizeState, motion_sums, pair_sums
from xrdfit.diffraction.shapes import gamma_support
from xrdfit.errors import InputError

FloatArray = NDArray[np.float64]
Values = Mapping[str, float]
_T = TypeVar("_T")

MAX_DIAMETER_NM = 50.0
_MAX_REACH = 1000.0  # Angstrom; the largest sphere of a size distribution
# Tables are made for steps of these sizes, so that the same values always meet the same table.
_REACH_STEP = 1.1
_CELL_STEP = 1.04


class Memo:
    """Remember the last results of a pure function by its key, so that what did not change is not done again."""

    def __init__(self, size: int = 2) -> None:
        self._size = size
        self._results: dict[object, object] = {}

    def __call__(self, key: object, compute: Callable[[], _T]) -> _T:
        """Return the result for the key, computing it when it is not among the last ones."""
        if key not in self._results:
            result = compute()
            while len(self._results) >= self._size:
                del self._results[next(iter(self._results))]
            self._results[key] = result
        return self._results[key]  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class LatticeSums:
    """Pair sums for one set of values.

    Attributes
    ----------
    nodes : Nodes
        Where they are tabulated.
    key : tuple
        Equal for values that share nodes and distances.
    size : SizeState
    sums : PairSums
    """

    nodes: Nodes
    key: tuple
    size: SizeState
    sums: PairSums


class LatticeSummer:
    """Pair sums of the sites of a geometry.

    Parameters
    ----------
    geometry : Geometry
    min_distance : float
        Cations nearer than this, Angstrom in the cell of the structure, are no pair.
    """

    def __init__(self, geometry: Geometry, min_distance: float) -> None:
        self._geometry = geometry
        self._min_distance = min_distance
        self._pairs = site_pairs([int(m) for m in geometry.multiplicity])
        # counts are small, and a search comes back to the same sizes again and again
        self._nodes, self._counts, self._sums, self._motions = Memo(4), Memo(32), Memo(), Memo(16)

    def __call__(self, values: Values, q_range: tuple[float, float]) -> LatticeSums:
        """Calculate the sums for a range of q, 1/Angstrom.

        Raises
        ------
        InputError
            When the size is not within 0 to 50 nm, or a distribution is negative or reaches beyond 100 nm.
        """
        a = values["a"]
        size = SizeState(10.0 * values["size_nm"] / a, values["size_sigma"], values["microstrain"])
        steps = (
            ceil(log(_reach(values) / a, _REACH_STEP) - 1e-9),
            round(log(a / self._geometry.structure.cell.a, _CELL_STEP)),
        )
        nodes = self._nodes((steps, q_range), lambda: self._make_nodes(*steps, q_range))
        key = (steps, q_range, self._geometry.key(values))
        counts = self._counts(key, lambda: self._count(nodes, values))
        return LatticeSums(nodes, key, size, self._sums((key, size), lambda: pair_sums(nodes, counts, size)))

    def by_geometry(self, name: str, at: LatticeSums, values: Values) -> FloatArray:
        """Derivative of the sums by a coordinate or a parameter of the cell, (n_u, n_pairs)."""
        scaling = at.sums.by_scale / values["a"] if name == "a" else np.zeros_like(at.sums.value)
        if name == "a" and self._geometry.isometric:
            return scaling
        rates = self._motions((name, at.key), lambda: self._rates(name, at.nodes, values))
        return scaling + motion_sums(at.nodes, rates, at.size)

    def matrix(self, sums: FloatArray) -> FloatArray:
        """Write sums by pair, (n_u, n_pairs), as a symmetric matrix in the sites, (n_sites, n_sites, n_u)."""
        n = len(self._geometry.host)
        matrix = np.empty((n, n, len(sums)))
        for row, (s, t) in enumerate(self._pairs):
            matrix[s, t] = matrix[t, s] = sums[:, row]
        return matrix

    def _make_nodes(self, reach: int, cell: int, q_range: tuple[float, float]) -> Nodes:
        a = self._geometry.structure.cell.a * _CELL_STEP**cell
        half_step = _CELL_STEP**0.51
        return Nodes(q_range[0] * a / half_step, q_range[1] * a * half_step, _REACH_STEP**reach, FORM_REACH / a)

    def _count(self, nodes: Nodes, values: Values) -> FloatArray:
        found = shells(self._geometry.lattice(values), nodes.rho_max, nodes.bin_width)
        return nodes.spread(found, found.count * self._allowed(found), len(self._pairs))

    def _rates(self, name: str, nodes: Nodes, values: Values) -> FloatArray:
        motion = self._geometry.motion(name, values)
        found = shells(self._geometry.lattice(values), nodes.rho_max, nodes.bin_width, [motion])
        return nodes.spread(found, found.slopes[0] * self._allowed(found), len(self._pairs))

    def _allowed(self, found: Shells) -> FloatArray:
        """1 for pairs that may exist, 0 for cations nearer than the exclusion distance."""
        if not self._min_distance:
            return np.ones(len(found.distance))
        cation = self._geometry.cations()
        excluding = np.array([cation[s] and cation[t] for s, t in self._pairs])
        near = found.distance * self._geometry.structure.cell.a < self._min_distance
        return np.where(excluding[found.pair] & near, 0.0, 1.0)


def _reach(values: Values) -> float:
    """Largest distance that counts, Angstrom."""
    size, sigma = values["size_nm"], values["size_sigma"]
    if not 0.0 < size <= MAX_DIAMETER_NM:
        raise InputError(f"size_nm {size:g} is out of range for the Debye engine: 0 to {MAX_DIAMETER_NM:g} is allowed")
    if not 0.0 <= sigma <= 2.0:
        raise InputError(f"size_sigma {sigma:g} is out of range: 0 to 2 is allowed")
    reach = gamma_support(10.0 * size, sigma)
    if reach > _MAX_REACH:
        raise InputError(
            f"size_nm {size:g} with size_sigma {sigma:g}: spheres up to {0.1 * reach:.0f} nm are too large for the "
            f"Debye engine; {0.1 * _MAX_REACH:g} nm is allowed"
        )
    return reach
