"""Clusters as lists of atoms: made from a structure, read from and written to xyz files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from xrdfit.crystal.scattering import split_species
from xrdfit.errors import InputError
from xrdfit.plaintext import one_line

FloatArray = NDArray[np.float64]

MAX_SIZE = 500.0  # Angstrom
CLOSEST = 0.1  # Angstrom
_MAX_BYTES = 500_000_000
_MAX_ATOMS = 10_000_000  # a full cube of 50 nm has 8 million


@dataclass(frozen=True, eq=False)
class Cluster:
    """Atoms of one cluster.

    Attributes
    ----------
    species : tuple of str
        Element or ion of each atom.
    positions : (n, 3) array
        Cartesian, Angstrom.
    comment : str
        Where it comes from, one line.

    Raises
    ------
    InputError
        Without atoms, for an unknown element, a coordinate that is not finite, two atoms within 0.1 Å, or a cluster
        larger than 50 nm.
    """

    species: tuple[str, ...]
    positions: FloatArray
    comment: str = ""

    def __post_init__(self) -> None:
        positions = np.array(self.positions, dtype=float)
        positions.setflags(write=False)
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "species", tuple(self.species))
        n = len(self.species)
        if n == 0:
            raise InputError("cluster: it has no atoms; one at least is needed")
        if positions.shape != (n, 3) or not np.all(np.isfinite(positions)):
            raise InputError(f"cluster: positions are {positions.shape}; ({n}, 3) finite numbers are allowed")
        for name in set(self.species):
            split_species(name)
        extent = float(np.ptp(positions, axis=0).max())
        if extent > MAX_SIZE:
            raise InputError(f"cluster: it is {0.1 * extent:.1f} nm wide; up to {0.1 * MAX_SIZE:g} nm are allowed")
        self._check_distances()

    def _check_distances(self) -> None:
        pair = _nearer(self.positions, CLOSEST)
        if pair is not None:
            i, j = pair
            distance = float(np.linalg.norm(self.positions[i] - self.positions[j]))
            raise InputError(
                f"cluster: atoms {i + 1} ({self.species[i]}) and {j + 1} ({self.species[j]}) are {distance:.3f} Å "
                f"apart; at least {CLOSEST:g} Å are allowed"
            )

    @cached_property
    def diameter(self) -> float:
        """Upper limit of the distance between two atoms, Angstrom: twice the largest from the middle of the extent."""
        middle = 0.5 * (self.positions.max(axis=0) + self.positions.min(axis=0))
        return 2.0 * float(np.linalg.norm(self.positions - middle, axis=1).max())

    def composition(self) -> dict[str, int]:
        """Number of atoms by element."""
        elements = [split_species(name)[0] for name in self.species]
        return {element: elements.count(element) for element in dict.fromkeys(elements)}


def _nearer(positions: FloatArray, limit: float) -> tuple[int, int] | None:
    """Two atoms nearer than a limit (Å), or None."""
    from scipy.spatial import KDTree

    # two in one box of half the limit are too near; without such a pair no atom has many neighbours within the limit,
    # and the list of pairs stays short
    boxes = np.floor((positions - positions.min(axis=0)) / (0.5 * limit)).astype(np.int64)
    _, first, inverse = np.unique(boxes, axis=0, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[inverse.ravel()] != np.arange(len(positions)))
    if len(again):
        return int(first[inverse.ravel()[again[0]]]), int(again[0])
    pairs = KDTree(positions).query_pairs(limit, output_type="ndarray")
    return (int(pairs[0][0]), int(pairs[0][1])) if len(pairs) else None


def xyz_text(clusters: Iterable[Cluster]) -> str:
    """Write clusters as frames of an extended xyz file (positions to 1e-6 Å)."""
    frames = []
    for cluster in clusters:
        comment = " ".join(cluster.comment.split()).replace('"', "'")
        head = f'{len(cluster.species)}\nProperties=species:S:1:pos:R:3 pbc="F F F" comment="{comment}"\n'
        rows = zip(cluster.species, cluster.positions, strict=True)
        frames.append(head + "".join(f"{name} {x:.6f} {y:.6f} {z:.6f}\n" for name, (x, y, z) in rows))
    return "".join(frames)


def read_xyz(path: str | Path) -> tuple[Cluster, ...]:
    r"""Read all frames of an xyz or extended xyz file.

    Parameters
    ----------
    path : str or Path
        Each frame: the number of atoms, a comment, one line an atom (species or atomic number, x, y, z in Å). An
        extended comment's ``Properties`` says which columns these are.

    Returns
    -------
    tuple of Cluster

    Raises
    ------
    InputError
        The file cannot be read, is larger than 500 MB, holds no frame, or a frame is broken; the message says where.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import xrdfit as xf
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "pair.xyz").write_text("2\ntwo atoms\nCu 0 0 0\nSe 0 0 2.4\n")
    ...     clusters = xf.read_xyz(Path(folder, "pair.xyz"))
    >>> clusters[0].composition()
    {'Cu': 1, 'Se': 1}
    """
    try:
        if (size := Path(path).stat().st_size) > _MAX_BYTES:
            raise InputError(f"{path}: {size / 1e6:.0f} MB are too many; up to {_MAX_BYTES / 1e6:.0f} MB are allowed")
        with open(path, encoding="utf-8") as file:
            lines = iter(enumerate(file, start=1))
            frames = []
            while (frame := _next_frame(lines, str(path), len(frames) + 1)) is not None:
                frames.append(frame)
    except OSError as error:
        raise InputError(f"{path}: it cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: it is not text; an xyz file is expected") from None
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)!r}: it cannot be read ({error})") from None  # a NUL in the path
    if not frames:
        raise InputError(f"{path}: it holds no frame; an xyz file with one frame at least is expected")
    return tuple(frames)


def _next_frame(lines, path: str, number: int) -> Cluster | None:
    """Read one frame; None at the end of the file, where empty lines may stand."""
    at, text = next(((at, text) for at, text in lines if text.strip()), (0, ""))
    if not at:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text.strip(" \t\r\n")) or int(text) > _MAX_ATOMS:
        raise InputError(
            f"{path}, line {at}: {text.strip()[:40]!r} is no number of atoms; 1 to {_MAX_ATOMS} are allowed"
        )
    count = int(text)
    _, comment = next(lines, (0, ""))
    name, first = _columns(comment, path, at + 1)
    rows = list(islice(lines, count))
    if len(rows) < count:
        raise InputError(f"{path}, frame {number}: {len(rows)} of {count} atoms are there; the file ends too early")
    species, positions = [], []
    for at, text in rows:
        fields = text.split()
        try:
            positions.append([_coordinate(field) for field in fields[first : first + 3]])
            species.append(_species(fields[name]))
        except (IndexError, ValueError) as error:
            reason = str(error) if isinstance(error, InputError) else "a species and three numbers are expected"
            raise InputError(f"{path}, line {at}: {text.strip()[:60]!r}: {reason}") from None
        if len(positions[-1]) != 3:
            raise InputError(f"{path}, line {at}: {text.strip()[:60]!r}: three coordinates are expected")
    try:
        return Cluster(tuple(species), np.array(positions).reshape(-1, 3), one_line(comment[:500]))
    except InputError as error:
        raise InputError(f"{path}, frame {number}: {error}") from None


def _coordinate(text: str) -> float:
    if "_" in text:  # which Python takes for a mark within a number
        raise ValueError(text)
    return float(text)


def _species(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,3}", text) and 0 < int(text) < 119:
        return gemmi.Element(int(text)).name
    split_species(text)
    return text


def _columns(comment: str, path: str, line: int) -> tuple[int, int]:
    """Columns of species and of x, after the extended comment's Properties if there are any."""
    found = re.search(r"Properties=\"?([^\s\"]+)", comment)
    if found is None:
        return 0, 1
    fields = found[1].split(":")
    at, columns = 0, {}
    try:
        for name, _, width in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
            columns[name] = at
            at += int(width)
        return columns["species"] if "species" in columns else columns["Z"], columns["pos"]
    except (KeyError, ValueError):
        raise InputError(f"{path}, line {line}: Properties={found[1][:60]!r} lacks species:S:1 or pos:R:3") from None
