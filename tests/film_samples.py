"""Scans of drop-cast films of clusters, simulated by nothing of the package: own pair counts, other tables.

A Debye sum over spheres with a lognormal distribution of diameters by volume, statistical occupation; form factors of
the International Tables (Cromer & Mann's form) and f′, f″ of Cromer & Liberman, both from gemmi; the Kα doublet 2:1;
polarization without a monochromator; counting noise. What lies beneath: a halo of ligands, air, a spike of the holder,
which a blank shows as well. What shifts and bends: displacement, zero, a thin film, an own B of copper, an impurity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

import gemmi
import numpy as np

GRID = np.arange(15.0, 75.001, 0.05)
RADIUS_MM = 150.0
A_CU2SE = 5.85
A_CU2O = 4.2696
_LINES = ((1.540593, 2.0 / 3.0), (1.544427, 1.0 / 3.0))
_BIN = 0.002  # of the cell's length; a bin keeps its mean distance
_FCC = [(0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)]


def _fcc(points):
    return [tuple(np.mod(np.add(p, t), 1.0)) for p in points for t in _FCC]


def _signs(x, y, z):
    return {tuple(np.round(np.mod((sx * x, sy * y, sz * z), 1.0), 9)) for sx, sy, sz in product((1, -1), repeat=3)}


CU2SE = {
    "4a": ("Se", _fcc([(0, 0, 0)])),
    "4b": ("Cu", _fcc([(0.5, 0.5, 0.5)])),
    "8c": ("Cu", _fcc([(0.25, 0.25, 0.25), (0.75, 0.75, 0.75)])),
    "24e": ("Cu", _fcc([p for k in range(3) for p in _signs(*np.roll((0.25, 0.0, 0.0), k))])),
    "32f": ("Cu", _fcc(_signs(0.34, 0.34, 0.34))),
}
CU2O = {
    "O": ("O", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5)]),
    "Cu": ("Cu", [(0.25, 0.25, 0.25), (0.75, 0.75, 0.25), (0.75, 0.25, 0.75), (0.25, 0.75, 0.75)]),
}


@dataclass(frozen=True)
class Film:
    """One sample and its measurement; lengths in nm, mm and degrees, heights in units of the strongest line."""

    occupancies: dict[str, float]
    size_nm: float = 4.0
    sigma: float = 0.10
    b_se: float = 1.5
    b_cu: float = 1.5
    counts: float = 3000.0
    floor: float = 60.0
    halo: float = 0.0
    halo_deg: float = 19.8
    halo_fwhm: float = 6.5
    air: float = 0.0
    spike: float = 0.0
    displacement_mm: float = 0.0
    zero_deg: float = 0.0
    mu_t: float | None = None
    cu2o: float = 0.0
    cu2o_nm: float = 5.0
    seed: int = 0
    tags: tuple[str, ...] = field(default=())


@lru_cache(maxsize=8)
def _pairs(kind: str, reach: float):
    """Distances in units of the cell's length and, for each pair of sites, ordered pairs per cell at each."""
    sites = {"cu2se": CU2SE, "cu2o": CU2O}[kind]
    n = int(np.ceil(reach)) + 1
    shifts = np.array(list(product(range(-n, n + 1), repeat=3)), dtype=float)
    edges = int(np.ceil(reach / _BIN)) + 1
    names = list(sites)
    counts = np.zeros((len(names), len(names), edges))
    total, weight = np.zeros(edges), np.zeros(edges)
    for i, s in enumerate(names):
        origin = np.array(sites[s][1][0])
        for j, t in enumerate(names):
            for point in sites[t][1]:
                r = np.linalg.norm(shifts + np.array(point) - origin, axis=1)
                r = r[(r > 1e-6) & (r < reach)]
                bins = (r / _BIN).astype(int)
                counts[i, j] += np.bincount(bins, minlength=edges)
                total += np.bincount(bins, r, minlength=edges)
                weight += np.bincount(bins, minlength=edges)
            counts[i, j] *= 1.0
        counts[i] *= len(sites[s][1])
    filled = weight > 0
    return names, total[filled] / weight[filled], counts[:, :, filled]


def _gamma(r: np.ndarray, diameter: float, sigma: float) -> np.ndarray:
    """Characteristic function averaged over a lognormal distribution of diameters by volume (median `diameter`)."""
    if sigma == 0.0:
        x = np.minimum(r / diameter, 1.0)
        return 1.0 - 1.5 * x + 0.5 * x**3
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    weights = weights / weights.sum()
    x = np.minimum(r[:, None] / (diameter * np.exp(sigma * nodes)), 1.0)
    return (1.0 - 1.5 * x + 0.5 * x**3) @ weights


def _form(element: str, s2: np.ndarray, energy: float) -> np.ndarray:
    e = gemmi.Element(element)
    f0 = np.array([e.it92.calculate_sf(v) for v in s2])
    first, second = gemmi.cromer_liberman(e.atomic_number, energy)
    return f0 + first + 1j * second


def _debye(
    kind: str, a: float, occupancy: dict[str, float], b: dict[str, float], size_nm: float, sigma: float, q, energy
):
    """Intensity per cell at q (n,)."""
    sites = {"cu2se": CU2SE, "cu2o": CU2O}[kind]
    reach = 10.0 * size_nm * np.exp(3.5 * sigma) / a
    names, rho, counts = _pairs(kind, float(np.ceil(reach)))
    gamma = _gamma(rho * a, 10.0 * size_nm, sigma)
    use = gamma > 1e-6
    s2 = (q / (4.0 * np.pi)) ** 2
    bare = {t: _form(sites[t][0], s2, energy) for t in names}
    full = {t: bare[t] * np.exp(-b[sites[t][0]] * s2) for t in names}
    filled = [i for i, t in enumerate(names) if occupancy.get(t, 0.0) > 0.0]
    x = np.outer(q, rho[use] * a)
    sinc = np.sinc(x / np.pi)
    total = np.zeros(len(q))
    for i in filled:
        s = names[i]
        total += occupancy[s] * len(sites[s][1]) * np.abs(bare[s]) ** 2
        for j in filled:
            t = names[j]
            sums = sinc @ (counts[i, j][use] * gamma[use])
            total += occupancy[s] * occupancy[t] * (full[s] * full[t].conj()).real * sums
    return total


def _pattern(kind, a, occupancy, b, size_nm, sigma, film: Film) -> np.ndarray:
    half = np.radians(GRID / 2.0)
    seen = GRID - film.zero_deg + np.degrees(2.0 * film.displacement_mm / RADIUS_MM * np.cos(half))
    theta = np.radians(seen / 2.0)
    total = np.zeros(len(GRID))
    coarse = np.linspace(seen[0] - 0.5, seen[-1] + 0.5, 700)
    for wavelength, weight in _LINES:
        q = 4.0 * np.pi / wavelength * np.sin(np.radians(coarse / 2.0))
        curve = _debye(kind, a, occupancy, b, size_nm, sigma, q, 12398.419843 / wavelength)
        from scipy.interpolate import CubicSpline

        total += weight * CubicSpline(coarse, curve)(seen)
    total *= (1.0 + np.cos(2.0 * theta) ** 2) / 2.0
    if film.mu_t is not None:
        total *= 1.0 - np.exp(-2.0 * film.mu_t / np.sin(theta))
    return total


def simulate(film: Film):
    """Angles, counts of the film, counts of the blank."""
    random = np.random.default_rng(film.seed)
    b = {"Se": film.b_se, "Cu": film.b_cu, "O": 1.0}
    lines = _pattern("cu2se", A_CU2SE, {"4a": 1.0, **film.occupancies}, b, film.size_nm, film.sigma, film)
    if film.cu2o:
        other = _pattern("cu2o", A_CU2O, {"O": 1.0, "Cu": 1.0}, b, film.cu2o_nm, 0.1, film)
        own_mass = sum(
            len(CU2SE[s][1]) * o * gemmi.Element(CU2SE[s][0]).weight for s, o in {"4a": 1.0, **film.occupancies}.items()
        )
        other_mass = 2 * (2 * gemmi.Element("Cu").weight + gemmi.Element("O").weight)
        lines = lines + film.cu2o / (1.0 - film.cu2o) * own_mass / other_mass * other
    lines *= film.counts / lines.max()
    top = film.counts
    air = film.air * top * np.exp(-(GRID - 15.0) / 7.0)
    spike = film.spike * top * np.exp(-4.0 * np.log(2.0) * ((GRID - 59.0) / 0.25) ** 2)
    x2 = ((GRID - film.halo_deg) / film.halo_fwhm) ** 2
    halo = film.halo * top * (0.25 / (1.0 + 4.0 * x2) + 0.75 * np.exp(-4.0 * np.log(2.0) * x2))
    holder = film.floor + air + spike
    return GRID, random.poisson(lines + halo + holder).astype(float), random.poisson(holder).astype(float)


def random_film(seed: int) -> tuple[str, Film]:
    """A sample and a measurement as they come, with the preset that describes the clusters."""
    random = np.random.default_rng([7, seed])
    kind = ("cu2se-2nm", "cu2se-4nm", "cu2se-6nm")[seed % 3]
    if kind == "cu2se-2nm":
        occupancies = {
            "8c": random.uniform(0.15, 0.45),
            "4b": random.uniform(0.15, 0.45),
            "24e": random.uniform(0.08, 0.28),
        }
    else:
        eight = random.uniform(0.3, 0.8)
        occupancies = {"8c": eight, "32f": random.uniform(0.5, 1.0) * (1.0 - eight) / 4.0}
    size = {"cu2se-2nm": 2.0, "cu2se-4nm": 4.0, "cu2se-6nm": 6.0}[kind] * random.uniform(0.85, 1.15)
    b_se = random.uniform(0.8, 1.6)
    film = Film(
        occupancies={k: float(v) for k, v in occupancies.items()},
        size_nm=float(size),
        sigma=float(random.uniform(0.05, 0.18)),
        b_se=float(b_se),
        b_cu=float(np.clip(b_se + random.normal(0.4, 0.5), 0.3, 3.0)),
        counts=float(np.exp(random.uniform(np.log(300.0), np.log(5000.0)))),
        halo=float(random.uniform(0.1, 0.5) * (random.random() < 0.8)),
        halo_deg=float(random.uniform(18.8, 20.8)),
        halo_fwhm=float(random.uniform(5.0, 8.0)),
        air=float(random.uniform(0.05, 0.3)),
        spike=float(random.uniform(0.05, 0.3) * (random.random() < 0.7)),
        displacement_mm=float(random.normal(0.0, 0.12)),
        zero_deg=float(random.normal(0.0, 0.02)),
        mu_t=float(np.exp(random.uniform(np.log(0.05), np.log(0.6)))) if random.random() < 0.5 else None,
        cu2o=float(random.uniform(0.03, 0.12) * (random.random() < 0.4)),
        seed=seed,
    )
    return kind, film
