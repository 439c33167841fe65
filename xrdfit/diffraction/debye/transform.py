"""From pair distances to the sums of the Debye equation, for every pair of sites at once.

G_p(u) = sum_k n_k gamma(rho_k) sin(u rho_k)/(u rho_k), with rho = r/a and u = q a. The counts n_k are moved once onto
a uniform grid of distances, by polynomials so high that the sum keeps its value for every smooth gamma; a change of
the size is then one matrix product. G is as smooth as its largest distance allows, so that a few nodes in u carry it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, log, pi

import numpy as np
from numpy.typing import NDArray

from xrdfit.diffraction.debye.gridding import ORDER, spread
from xrdfit.diffraction.debye.pairs import Shells
from xrdfit.diffraction.shapes import lognormal_gamma

FloatArray = NDArray[np.float64]

_PHASE_STEP = 0.6  # u_max times the distance between nodes in rho: interpolation errs by 1.5e-6 at u_max, less below
_LEAST_STEPS = 120  # nodes in rho where u_max is low: gamma's second derivative jumps at its end
_OVERSAMPLING = 4.0  # nodes in u per pi / rho_max
FORM_REACH = 4.0  # Angstrom: form and displacement factors vary with q as if atoms were this far apart
_BINS_PER_NODE = 128
_STRAIN = 4.0 * log(2.0)
# Multiplications of one matrix product: libraries share larger ones out between threads, and to wake these for less
# than a millisecond's work costs several times the work, the more so where other programmes run.
_PRODUCT = 200_000


@dataclass(frozen=True)
class Nodes:
    """Grids of u = q a and rho = r / a.

    Parameters
    ----------
    u_min, u_max : float
        Range of u that will be asked for.
    rho_max : float
        Largest distance.
    form_reach : float
        Bandwidth of the form factors, in units of a.
    """

    u_min: float
    u_max: float
    rho_max: float
    form_reach: float = 1.0

    @property
    def rho_step(self) -> float:
        """Distance between the nodes in rho: small against the waves of the kernel and against the cluster."""
        return min(_PHASE_STEP / self.u_max, self.rho_max / _LEAST_STEPS)

    @property
    def u_step(self) -> float:
        """Distance between the nodes in u."""
        return pi / (_OVERSAMPLING * (self.rho_max + self.form_reach))

    @property
    def bin_width(self) -> float:
        """Width of the bins in which distances are gathered: two in one bin err by (u w)^2/24 < 1e-6."""
        return self.rho_step / _BINS_PER_NODE

    @cached_property
    def u(self) -> FloatArray:
        """Nodes in u, shape (n_u,); half a stencil lies outside the range on either side."""
        count = ceil((self.u_max - self.u_min) / self.u_step) + ORDER
        return self.u_min + self.u_step * (np.arange(count, dtype=np.float64) - (ORDER // 2 - 1))

    @cached_property
    def rho(self) -> FloatArray:
        """Nodes in rho, shape (n_rho,), all above zero."""
        return self.rho_step * (np.arange(ceil(self.rho_max / self.rho_step) + ORDER // 2 + 1, dtype=np.float64) + 0.5)

    def spread(self, shells: Shells, weights: FloatArray, n_pairs: int) -> FloatArray:
        """Move weights at the shells' distances onto the nodes in rho, shape (n_rho, n_pairs)."""
        position = shells.distance / self.rho_step - 0.5
        return spread(position, weights, shells.pair, (n_pairs, len(self.rho))).T.copy()

    @cached_property
    def _kernels(self) -> tuple[FloatArray, FloatArray]:
        phase = np.outer(self.u, self.rho)
        sinc = np.divide(np.sin(phase), phase, out=np.ones_like(phase), where=phase != 0.0)
        return sinc, np.cos(phase) - sinc

    def kernels(self, microstrain: float) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """Debye's kernel K(u rho), u dK/du and dK/d microstrain, shape (n_u, n_rho) each.

        K = sin(u rho)/(u rho) exp(-(u rho)^2 e^2/(4 ln 2)); the last is None without strain, where it vanishes.
        """
        sinc, slope = self._kernels
        if microstrain == 0.0:
            return sinc, slope, None
        square = np.outer(self.u**2, self.rho**2 / _STRAIN)
        damping = np.exp(-(microstrain**2) * square)
        damped = sinc * damping
        square *= damped
        return damped, slope * damping - 2.0 * microstrain**2 * square, -2.0 * microstrain * square


@dataclass(frozen=True)
class SizeState:
    """What the sums depend on besides the pairs: sizes in units of a."""

    diameter: float
    sigma: float
    microstrain: float


@dataclass(frozen=True, eq=False)
class PairSums:
    """G_p at the nodes and its derivatives, (n_u, n_pairs) each.

    Attributes
    ----------
    value : array
        G_p(u).
    by_scale : array
        d G_p / d ln a at constant q and constant size in Angstrom.
    by_size : array
        d G_p / d ln D.
    by_sigma, by_strain : array or None
        d G_p / d sigma and d G_p / d microstrain; None where they vanish.
    """

    value: FloatArray
    by_scale: FloatArray
    by_size: FloatArray
    by_sigma: FloatArray | None
    by_strain: FloatArray | None


def pair_sums(nodes: Nodes, counts: FloatArray, state: SizeState) -> PairSums:
    """Sum over the pairs at all nodes, for the value and every derivative.

    Parameters
    ----------
    nodes : Nodes
    counts : (n_rho, n_pairs) array
        Pairs per cell, moved onto the nodes.
    state : SizeState
    """
    gamma, slope, by_sigma = lognormal_gamma(nodes.rho, state.diameter, state.sigma)
    kernel, kernel_slope, by_strain = nodes.kernels(state.microstrain)
    n = counts.shape[1]
    weighted = gamma[:, None] * counts
    products = _product(kernel, np.hstack([weighted, slope[:, None] * counts]))
    return PairSums(
        products[:, :n],
        products[:, n:] + _product(kernel_slope, weighted),
        -products[:, n:],
        _product(kernel, by_sigma[:, None] * counts) if state.sigma else None,
        _product(by_strain, weighted) if by_strain is not None else None,
    )


def motion_sums(nodes: Nodes, rates: FloatArray, state: SizeState) -> FloatArray:
    """Derivative of G_p by a parameter that moves atoms, shape (n_u, n_pairs).

    Parameters
    ----------
    nodes : Nodes
    rates : (n_rho, n_pairs) array
        Sums of d rho / d parameter, moved onto the nodes.
    state : SizeState
    """
    gamma, slope, _ = lognormal_gamma(nodes.rho, state.diameter, state.sigma)
    kernel, kernel_slope, _ = nodes.kernels(state.microstrain)
    per_rho = rates / nodes.rho[:, None]
    return _product(kernel, slope[:, None] * per_rho) + _product(kernel_slope, gamma[:, None] * per_rho)


def kernel_sums(nodes: Nodes, counts: FloatArray) -> FloatArray:
    """Sum of n sin(u rho)/(u rho) at the nodes, for counts (n_rho, n_pairs) of whole clusters: (n_u, n_pairs)."""
    return _product(nodes.kernels(0.0)[0], counts)


def _product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Multiply matrices in pieces that one thread does."""
    result = np.empty((len(left), right.shape[1]))
    step = max(1, _PRODUCT // right.size)
    for start in range(0, len(left), step):
        np.matmul(left[start : start + step], right, out=result[start : start + step])
    return result
