"""Debye equation for lists of atoms: one cluster, or the mean over the frames of a trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdfit.clusters.atoms import Cluster
from xrdfit.clusters.histogram import MAX_BINS, pair_histogram
from xrdfit.crystal.radiation import Line, Radiation
from xrdfit.diffraction.debye.angles import line_interpolations, q_range
from xrdfit.diffraction.debye.pairs import Shells
from xrdfit.diffraction.debye.transform import FORM_REACH, Nodes, kernel_sums
from xrdfit.diffraction.grids import check_grid
from xrdfit.diffraction.optics import optical_factor
from xrdfit.diffraction.probe import Probe
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.errors import InputError

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_BIN_PHASE = 0.015  # q_max times the width of the bins for distances: an error of 1e-5 at q_max, less below
_BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class ClusterPattern:
    """Pattern of clusters.

    Attributes
    ----------
    two_theta : (n,) array
        Degree.
    intensity : (n,) array
        Mean over the frames, electrons² (fm² for neutrons) per cluster, times polarization and slits.
    spread : (n,) array
        Standard deviation over the frames; zero for a single one.
    n_frames : int
    """

    two_theta: FloatArray
    intensity: FloatArray
    spread: FloatArray
    n_frames: int


def cluster_pattern(
    clusters: Cluster | Sequence[Cluster],
    two_theta: ArrayLike,
    radiation: Radiation,
    settings: EngineSettings | None = None,
    b_iso: float = 0.0,
) -> ClusterPattern:
    """Calculate the powder pattern of clusters that are given atom by atom.

    I(q) = sum_ij f_i f_j* T_i T_j sin(q r_ij)/(q r_ij), T = 1 for i = j (Debye, 1915), through a histogram of the
    distances that keeps their means; right to 1e-5 of the maximum.

    Parameters
    ----------
    clusters : Cluster or sequence of Cluster
        One cluster, or the frames of a trajectory.
    two_theta : (n,) array
        Degree, ascending.
    radiation : Radiation
    settings : EngineSettings, optional
    b_iso : float
        Displacement parameter of all atoms, Å²; zero for frames that move by themselves.

    Returns
    -------
    ClusterPattern

    Raises
    ------
    InputError
        Without a frame, or on a grid that is none.

    Examples
    --------
    >>> import numpy as np
    >>> import xrdfit as xf
    >>> cluster = xf.carve(xf.load_model("cdse-zincblende").phases[0].structure, size_nm=2.0)
    >>> pattern = xf.cluster_pattern(cluster, np.arange(15.0, 60.0, 0.1), xf.radiation("cu-ka"))
    >>> len(pattern.intensity)
    450
    """
    frames = [clusters] if isinstance(clusters, Cluster) else list(clusters)
    if not frames:
        raise InputError("clusters: no frame is given; one at least is needed")
    chosen = settings or EngineSettings()
    grid = check_grid(two_theta)
    probe = Probe(radiation, chosen)
    curves = np.array([_scattering(frame, grid, probe, b_iso) for frame in frames])
    curves *= optical_factor(np.radians(0.5 * grid), probe, {})
    spread = curves.std(axis=0, ddof=1) if len(frames) > 1 else np.zeros(len(grid))
    return ClusterPattern(grid, curves.mean(axis=0), spread, len(frames))


def _scattering(cluster: Cluster, grid: FloatArray, probe: Probe, b_iso: float) -> FloatArray:
    """Sum of the Debye equation on the grid, lines added up."""
    low, high = q_range(grid, 0.0, probe.lines)
    nodes = Nodes(low, high, cluster.diameter + 1.0, FORM_REACH)
    kinds = sorted(set(cluster.species))
    groups = [cluster.positions[[name == kind for name in cluster.species]] for kind in kinds]
    pairs = [(s, t) for s in range(len(kinds)) for t in range(s, len(kinds))]
    sums = kernel_sums(nodes, _counts(groups, pairs, nodes))
    s = np.abs(nodes.u) / (4.0 * np.pi)
    damping = np.exp(-2.0 * b_iso * s**2)
    numbers = np.array([len(group) for group in groups])
    curves = []
    for forms in probe.amplitudes(kinds).at(s):
        curve = numbers @ np.abs(forms) ** 2
        for column, (i, j) in zip(sums.T, pairs, strict=True):
            curve += 2.0 * damping * (forms[i] * forms[j].conj()).real * column
        curves.append(curve)
    interpolations = line_interpolations(nodes, grid, 1.0, probe.lines)
    weighted = np.array(curves) * probe.weights({})[:, None]
    parts = [to_grid(curve[None])[0] for to_grid, curve in zip(interpolations, weighted, strict=True)]
    return np.sum(parts, axis=0)


def _counts(groups: Sequence[FloatArray], pairs: Sequence[tuple[int, int]], nodes: Nodes) -> FloatArray:
    """Unordered pairs of atoms, moved onto the nodes, (n_rho, n_pairs)."""
    width = max(_BIN_PHASE / nodes.u_max, nodes.rho_max / MAX_BINS)
    rows, distances, counts = [], [], []
    for row, (i, j) in enumerate(pairs):
        distance, count = pair_histogram(groups[i], None if i == j else groups[j], width)
        rows.append(np.full(len(count), row))
        distances.append(distance)
        counts.append(count)
    shells = Shells(np.concatenate(rows), np.concatenate(distances), np.concatenate(counts))
    return nodes.spread(shells, shells.count, len(pairs))


def direct_debye(
    positions: FloatArray,
    species: Sequence[str],
    q: FloatArray,
    radiation: Radiation | None = None,
    b_iso: float = 0.0,
) -> FloatArray:
    """Sum the Debye equation atom by atom, with no short cut: the reference for everything faster.

    Parameters
    ----------
    positions : (n, 3) array
        Angstrom.
    species : sequence of str
        Species of each atom.
    q : (k,) array
        1/Angstrom, above zero.
    radiation : Radiation, optional
        Its first line is what is scattered; without it f0 alone.
    b_iso : float
        Displacement parameter of all atoms, Å².

    Returns
    -------
    (k,) array
        sum_ij f_i f_j* T_i T_j sin(q r_ij)/(q r_ij), with T = 1 for i = j; electrons², of neutrons fm².
    """
    kinds = sorted(set(species))
    index = np.array([kinds.index(name) for name in species])
    s = q / (4.0 * np.pi)
    probe = Probe(radiation or Radiation("", (Line(1.0),)), EngineSettings(anomalous=radiation is not None))
    forms = probe.amplitudes(kinds).at(s)[0]
    damped: ComplexArray = forms * np.exp(-b_iso * s**2)
    total = (np.abs(forms) ** 2)[index].sum(axis=0)
    step = max(1, _BLOCK // (len(positions) * len(q)))
    for start in range(0, len(positions), step):
        stop = min(start + step, len(positions))
        i, j = np.nonzero(np.arange(start, stop)[:, None] != np.arange(len(positions)))
        phase = q[:, None] * np.linalg.norm(positions[start + i] - positions[j], axis=1)
        one, other = damped.T[:, index[start + i]], damped.T[:, index[j]]
        product = one.real * other.real + one.imag * other.imag
        total += (product * np.sin(phase) / phase).sum(axis=1)
    return total
