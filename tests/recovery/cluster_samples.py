"""Powder patterns of clusters that are sampled atom by atom, without a lattice sum, and what fits make of them.

python tests/recovery/cluster_samples.py          the table of docs/validation.md (minutes)

All sites lie on a grid of a/4. A cluster is a sphere at a centre of its own, with every position filled or empty by a
throw of the dice; its pairs are counted by the transform of its atoms on that grid, which is exact, and summed as Debye
wrote it. The occupancies that a sample of clusters happens to have are its truth: with 2 nm they scatter by 5 % from
cluster to cluster, far more than counting allows to see.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

import xrdfit as xf
from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.scattering import form_factors
from xrdfit.diffraction.probe import polarization

SLOW = os.environ.get("XRDFIT_SLOW") == "1"
A = 5.85
TWO_THETA = np.round(15.0 + 0.04 * np.arange(1251), 2)
MAXIMUM, BACKGROUND = 5000.0, 300.0
FCC = np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0]])
SHIFTS = {  # of 4a, in quarters of the cell
    "Se_4a": [[0, 0, 0]],
    "Cu_8c": [[1, 1, 1], [3, 3, 3]],
    "Cu_4b": [[2, 2, 2]],
    "Cu_24e": [[1, 0, 0], [3, 0, 0], [0, 1, 0], [0, 3, 0], [0, 0, 1], [0, 0, 3]],
}
OCCUPANCIES = {
    2.0: {"Se_4a": 1.0, "Cu_8c": 0.3, "Cu_4b": 0.3, "Cu_24e": 0.182},
    3.0: {"Se_4a": 1.0, "Cu_8c": 0.6, "Cu_4b": 0.2, "Cu_24e": 0.1},
    4.0: {"Se_4a": 1.0, "Cu_8c": 0.7, "Cu_4b": 0.15, "Cu_24e": 0.07},
}
CLUSTERS = {2.0: 6000, 3.0: 1500, 4.0: 400}  # in a sample: their scatter stays below that of counting
COPPER = ("occ_Cu_8c", "occ_Cu_4b", "occ_Cu_24e")


@dataclass(frozen=True)
class Sample:
    """Expected counts, and the values that are true for these clusters."""

    counts: np.ndarray
    truth: dict[str, float]


def sample(size_nm: float, seed: int, n_clusters: int) -> Sample:
    """Sample clusters of a diameter and add up their patterns."""
    rng = np.random.default_rng(seed)
    box = _cells(size_nm)
    inner = _atoms(box)
    golden = 1.2207440846057596  # root of x^4 = x + 1: Roberts' additive sequence spreads the centres evenly
    centres = (np.outer(np.arange(1, n_clusters + 1), golden ** -np.arange(1.0, 4.0)) + rng.random(3)) % 1.0
    length = 4 * box
    spectra = np.zeros((3, 2 * length, 2 * length, length + 1))
    filled = dict.fromkeys(SHIFTS, 0.0)
    places = dict.fromkeys(SHIFTS, 0.0)
    for centre in centres + box // 2:
        grids = {"Se": np.zeros((length,) * 3), "Cu": np.zeros((length,) * 3)}
        for site, positions in inner.items():
            distance = np.linalg.norm(positions / 4.0 - centre, axis=1) * A
            near = positions[distance <= 5.0 * size_nm]
            there = near[rng.random(len(near)) < OCCUPANCIES[size_nm][site]]
            grids[site[:2]][tuple(there.T)] = 1.0
            filled[site] += len(there)
            places[site] += len(near)
        copper, selenium = (np.fft.rfftn(grids[e], (2 * length,) * 3, axes=(0, 1, 2)) for e in ("Cu", "Se"))
        spectra[0] += copper.real**2 + copper.imag**2
        spectra[1] += selenium.real**2 + selenium.imag**2
        spectra[2] += 2.0 * (copper.real * selenium.real + copper.imag * selenium.imag)
    pattern = _debye(spectra, length) / n_clusters
    expected = BACKGROUND + (MAXIMUM - BACKGROUND) / pattern.max() * pattern
    truth = {f"occ_{site}": filled[site] / places[site] for site in SHIFTS if site != "Se_4a"}
    return Sample(expected, {**truth, "a": A, "size_nm": size_nm})


def _cells(size_nm: float) -> int:
    """Cells along an edge of a box that holds the sphere wherever its centre lies in the middle cell."""
    return 2 * int(np.ceil(5.0 * size_nm / A)) + 1


def _atoms(box: int) -> dict[str, np.ndarray]:
    """Positions of each site in a box of cells, in quarters of the cell, wrapped into the box."""
    steps = 4 * np.arange(box)
    cells = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    return {
        site: (((FCC[:, None] + np.array(shifts)).reshape(-1, 3) % 4) + cells).reshape(-1, 3)
        for site, shifts in SHIFTS.items()
    }


def _debye(spectra: np.ndarray, length: int) -> np.ndarray:
    """sum_ij f_i f_j* sin(q r_ij)/(q r_ij) times polarization, of Cu-Cu, Se-Se, and Cu-Se both ways."""
    shift = np.fft.fftfreq(2 * length, 1.0 / (2 * length))
    squares = (shift**2)[:, None, None] + (shift**2)[:, None] + shift**2
    squares = np.rint(squares).astype(np.intp).ravel()
    counts = [
        np.bincount(squares, np.rint(np.fft.irfftn(s, (2 * length,) * 3, axes=(0, 1, 2))).ravel()) for s in spectra
    ]
    shells = np.flatnonzero(np.any(counts, axis=0))
    counts = [row[shells] for row in counts]
    total = np.zeros(len(TWO_THETA))
    for line in radiation("cu-ka").lines:
        q = 4.0 * np.pi * np.sin(np.radians(TWO_THETA / 2)) / line.wavelength
        f = form_factors(["Cu", "Se"], q / (4.0 * np.pi), line.energy_ev)
        kernel = np.sinc(np.outer(np.sqrt(shells) * A / 4.0, q) / np.pi)
        products = (np.abs(f[0]) ** 2, np.abs(f[1]) ** 2, (f[0] * f[1].conj()).real)
        total += line.weight * sum(p * (c @ kernel) for p, c in zip(products, counts, strict=True))
    return total * polarization(TWO_THETA)


@dataclass(frozen=True)
class Recovery:
    """Fitted minus true values and their standard errors by parameter, (samples, noises) each."""

    off: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]

    def distance(self, name: str) -> float:
        """Mean deviation in standard errors; these from the scatter of the samples' means."""
        means = self.off[name].mean(axis=1)
        return float(means.mean() / (means.std(ddof=1) / np.sqrt(len(means))))

    def pulls(self, name: str) -> float:
        """Standard deviation of the deviations in units of their own errors."""
        return float((self.off[name] / self.errors[name]).std(ddof=1))


def recover(size_nm: float, engine: str, n_samples: int, n_noises: int, n_clusters: int | None = None) -> Recovery:
    """Fit noisy scans of samples of clusters; the seeds are fixed in advance."""
    occupancies = {f"occ_{site}": value for site, value in OCCUPANCIES[size_nm].items() if site != "Se_4a"}
    model = xf.load_model("cu2se-2nm")
    start = {**occupancies, "size_nm": size_nm}
    names = [*occupancies, "a", "size_nm"]
    off, errors = ({name: np.zeros((n_samples, n_noises)) for name in names} for _ in range(2))
    for i in range(n_samples):
        seed = int(1000 * size_nm) + i
        one = sample(size_nm, seed, n_clusters or CLUSTERS[size_nm])
        for j in range(n_noises):
            counts = np.random.default_rng([seed, j]).poisson(one.counts).astype(float)
            result = xf.fit(model, xf.make_pattern(TWO_THETA, counts), engine=engine, start=start)
            for name in names:
                off[name][i, j] = result[name].value - one.truth[name]
                errors[name][i, j] = result[name].stderr or np.nan
    return Recovery(off, errors)


def main() -> None:
    print("| diameter | parameter | truth | mean deviation of 200 | in standard errors | pulls' deviation "
          "| Bragg engine: deviation | in its own errors |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for size_nm, occupancies in OCCUPANCIES.items():
        debye = recover(size_nm, "debye", 20, 10)
        bragg = recover(size_nm, "bragg", 2, 5)
        for name in debye.off:
            true = occupancies.get(name.removeprefix("occ_"), A if name == "a" else size_nm)
            off = bragg.off[name].mean()
            print(
                f"| {size_nm:g} nm | `{name}` | {true:g} | {debye.off[name].mean():+.2g} | {debye.distance(name):+.2f} "
                f"| {debye.pulls(name):.3f} | {off:+.3g} | {off / np.nanmean(bragg.errors[name]):+.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
