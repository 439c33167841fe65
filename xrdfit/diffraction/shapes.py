"""Shapes of clusters: the characteristic function of spheres, and which atoms lie inside a polyhedron."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdfit.errors import InputError

FloatArray = NDArray[np.float64]
ShapeName = Literal["sphere", "cube", "octahedron", "tetrahedron", "cuboctahedron"]
SHAPES: tuple[str, ...] = get_args(ShapeName)

_TAIL_SIGMAS = 5.0
_SINGLE_SIZE = 1e-4


def sphere_gamma(r: ArrayLike, diameter: float) -> tuple[FloatArray, FloatArray]:
    """Characteristic function of a sphere and its slope.

    gamma(r) = 1 - 1.5 r/D + 0.5 (r/D)^3 for r < D, else 0: the fraction of the sphere's volume that stays inside it
    when it is moved by r (Guinier, X-ray Diffraction, 1963, section 2.4.2).

    Parameters
    ----------
    r : (n,) array
        Distances, Å.
    diameter : float
        D, Å.

    Returns
    -------
    gamma, slope : (n,) arrays
        gamma(r) and r d gamma/d r; d gamma/d D is -slope / D.
    """
    x = np.minimum(np.asarray(r, dtype=float) / diameter, 1.0)
    cube = x**3
    return 1.0 - 1.5 * x + 0.5 * cube, -1.5 * (x - cube)


def lognormal_gamma(r: ArrayLike, median: float, sigma: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Characteristic function averaged over spheres of lognormal diameters, weighted by volume.

    With the partial moments
    M_k(r) = int_r^inf D^k p(D) dD = exp(k mu + k^2 sigma^2/2) Phi((mu + k sigma^2 - ln r)/sigma)
    it is [M_3(r) - 1.5 r M_2(r) + 0.5 r^3 M_0(r)] / M_3(0), the mean of `sphere_gamma` with the weight D^3 p(D).

    Parameters
    ----------
    r : (n,) array
        Distances, Å, above zero.
    median : float
        Number median of D, Å.
    sigma : float
        Standard deviation of ln D.

    Returns
    -------
    gamma, slope, by_sigma : (n,) arrays
        gamma, r d gamma/d r (d gamma/d median is -slope / median) and d gamma/d sigma.
    """
    x = np.asarray(r, dtype=float) / median
    if sigma < _SINGLE_SIZE:
        gamma, slope = sphere_gamma(x, 1.0)
        # the average depends on sigma^2: flat at zero
        return gamma, slope, np.zeros_like(gamma)
    from scipy.special import ndtr

    third, third_s = _relative_moment(x, sigma, 3, ndtr)
    second, second_s = _relative_moment(x, sigma, 2, ndtr)
    zeroth, zeroth_s = _relative_moment(x, sigma, 0, ndtr)
    cube = x**3
    gamma = third - 1.5 * x * second + 0.5 * cube * zeroth
    # the limits of the integrals add nothing to the slope: every sphere's gamma vanishes at r = D
    slope = -1.5 * x * second + 1.5 * cube * zeroth
    return gamma, slope, third_s - 1.5 * x * second_s + 0.5 * cube * zeroth_s


def _relative_moment(x: FloatArray, sigma: float, k: int, ndtr) -> tuple[FloatArray, FloatArray]:
    """M_k(x) / M_3(0) for median 1, and its derivative by sigma."""
    logs = np.log(x)
    z = k * sigma - logs / sigma
    scale = np.exp(0.5 * (k * k - 9) * sigma * sigma)
    cumulative = ndtr(z)
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return scale * cumulative, scale * ((k * k - 9) * sigma * cumulative + density * (k + logs / sigma**2))


def gamma_support(diameter: float, sigma: float) -> float:
    """Distance, in the unit of `diameter`, beyond which gamma is below 1e-6 (exactly D for a single size)."""
    if sigma < _SINGLE_SIZE:
        return diameter
    reach = np.exp(np.linspace(0.0, 3.0 * sigma**2 + _TAIL_SIGMAS * sigma, 400))
    gamma = lognormal_gamma(reach, 1.0, sigma)[0]
    return diameter * float(reach[np.searchsorted(-gamma, -1e-6)]) if gamma[-1] < 1e-6 else diameter * float(reach[-1])


def inside(points: FloatArray, size: float, shape: str) -> NDArray[np.bool_]:
    """Tell which points lie inside a shape centred at the origin.

    Parameters
    ----------
    points : (n, 3) array
        Cartesian positions, Å.
    size : float
        Å: diameter of the sphere; edge of the cube; distance between opposite vertices of the octahedron (along the
        axes); edge of the cube around the tetrahedron and around the cuboctahedron.
    shape : str
        One of `SHAPES`; faces are {100} of the cube, {111} of octahedron and tetrahedron, both of the cuboctahedron.

    Returns
    -------
    (n,) array of bool
        The surface counts as inside, to 1e-9 Å.

    Raises
    ------
    InputError
        For an unknown shape.
    """
    half = 0.5 * size + 1e-9
    x, y, z = points.T
    if shape == "sphere":
        return x * x + y * y + z * z <= half * half
    absolute = np.abs(points)
    if shape == "cube":
        return absolute.max(axis=1) <= half
    if shape == "octahedron":
        return absolute.sum(axis=1) <= half
    if shape == "tetrahedron":
        return np.max([x + y + z, x - y - z, y - x - z, z - x - y], axis=0) <= half
    if shape == "cuboctahedron":
        return (absolute.max(axis=1) <= half) & (absolute.sum(axis=1) <= 2.0 * half)
    raise InputError(f"shape {shape!r} is unknown: allowed are {', '.join(SHAPES)}")
