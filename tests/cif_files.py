"""CIFs written by hand, in the styles that programmes and databases use; nothing here uses the package's own writer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import gemmi
import numpy as np

from xrdfit.crystal.groups import SpaceGroup, space_group
from xrdfit.crystal.lattice import PARAMETERS, Cell, cell_from_free, cell_names
from xrdfit.crystal.sites import wyckoff_positions

ELEMENTS = ("Na", "Mg", "Al", "Si", "S", "Cl", "Ca", "Ti", "Fe", "Cu", "Zn", "Se", "Sr", "Zr", "Cd", "Ba", "La", "Pb")
NEAREST = 1.6  # Å, between any two atoms of a made-up crystal


@dataclass(frozen=True)
class Crystal:
    """A made-up crystal: its symmetry as bare operations, its sites, and with both every atom of the cell."""

    name: str
    group: SpaceGroup
    rotations: np.ndarray
    translations: np.ndarray
    cell: Cell
    species: tuple[str, ...]
    xyz: np.ndarray
    occupancy: tuple[float, ...]
    b_iso: tuple[float, ...]

    def orbits(self) -> list[np.ndarray]:
        """Positions (m, 3) of each site."""
        return [_distinct(self.rotations @ x + self.translations) for x in self.xyz]

    def composition(self) -> dict[str, float]:
        atoms: dict[str, float] = {}
        for element, o, orbit in zip(self.species, self.occupancy, self.orbits(), strict=True):
            atoms[element] = atoms.get(element, 0.0) + o * len(orbit)
        return atoms

    def triplets(self) -> list[str]:
        return [_triplet(r, t) for r, t in zip(self.rotations, self.translations, strict=True)]

    def shifted(self, shift) -> Crystal:
        """The same crystal with its origin elsewhere."""
        shift = np.asarray(shift, dtype=float)
        moved = (self.translations + shift - self.rotations @ shift) % 1.0
        return replace(self, translations=moved, xyz=(self.xyz + shift) % 1.0)

    def with_axes(self, basis) -> Crystal:
        """The same crystal on other axes, the columns of a matrix of determinant 1 (or a primitive cell's)."""
        inverse = np.linalg.inv(basis)
        metric = basis.T @ self.cell.metric @ basis
        lengths = np.sqrt(np.diag(metric))
        cosines = metric / np.outer(lengths, lengths)
        angles = np.degrees(np.arccos([cosines[1, 2], cosines[0, 2], cosines[0, 1]]))
        rotations = np.round(inverse @ self.rotations @ basis).astype(int)
        translations = (self.translations @ inverse.T) % 1.0
        translations[translations > 1 - 1e-9] = 0.0
        keys = np.concatenate([rotations.reshape(-1, 9), np.round(translations * 7200).astype(int) % 7200], axis=1)
        _, first = np.unique(keys, axis=0, return_index=True)
        cell = Cell(*map(float, lengths), *map(float, angles))
        return replace(
            self,
            rotations=rotations[np.sort(first)],
            translations=translations[np.sort(first)],
            cell=cell,
            xyz=(self.xyz @ inverse.T) % 1.0,
        )


def _distinct(positions: np.ndarray) -> np.ndarray:
    positions = positions % 1.0
    kept: list[np.ndarray] = []
    for x in positions:
        if not kept or np.abs((d := np.array(kept) - x) - np.round(d)).max(axis=1).min() > 1e-4:
            kept.append(x)
    return np.array(kept)


def _triplet(rotation: np.ndarray, translation: np.ndarray) -> str:
    parts = []
    for row, shift in zip(rotation, translation, strict=True):
        terms = "".join(
            f"{'+' if n > 0 else '-'}{'' if abs(n) == 1 else abs(n)}{axis}"
            for n, axis in zip(row, "xyz", strict=True)
            if n
        )
        whole = round(float(shift) * 24)
        if abs(whole / 24 - shift) < 1e-9:
            step = np.gcd(whole, 24)
            text = f"{whole // step}/{24 // step}" if whole % 24 else ""
        else:
            text = f"{shift:.6f}"
        parts.append((text + terms).removeprefix("+") if text else terms.removeprefix("+"))
    return ",".join(parts)


@lru_cache(maxsize=1)
def settings() -> tuple[str, ...]:
    """Every setting of gemmi's table, one of each Hall symbol."""
    return tuple({entry.hall: entry.xhm() for entry in reversed(list(gemmi.spacegroup_table()))}.values())


def make(hm: str, seed: int) -> Crystal:
    """Make a crystal of a setting: up to four sites, special and general, no two atoms within 1.6 Å."""
    rng = np.random.default_rng(seed)
    group = space_group(hm)
    for _ in range(400):
        crystal = _attempt(group, rng)
        if crystal is not None:
            return crystal
    raise AssertionError(f"{hm}, seed {seed}: no crystal made")


def _attempt(group: SpaceGroup, rng: np.random.Generator) -> Crystal | None:
    rows = wyckoff_positions(group)
    count = int(rng.integers(1, 5))
    chosen = rng.choice(len(rows), size=count)
    if rng.random() < 0.5:
        chosen[0] = len(rows) - 1  # the general position
    into = group.gemmi.basisop
    sites = []
    for row in (rows[i] for i in chosen):
        free = dict(zip("xyz", np.round(rng.uniform(0.05, 0.95, 3), 4), strict=True))
        reference = [_value(part, free) for part in row.triplet.split(",")]
        sites.append(into.apply_to_xyz([float(x) for x in reference]))
    xyz = np.array(sites) % 1.0
    b = rng.uniform(0.85, 1.3, 2)
    tilt = {"alpha": 80.0, "beta": 99.0, "gamma": 104.0} if group.crystal_system == "triclinic" else {}
    angles = {n: float(np.round(rng.uniform(94, 112), 2)) for n in ("alpha", "beta", "gamma")} | tilt
    if group.rhombohedral_axes:
        angles["alpha"] = float(np.round(rng.uniform(50, 100), 2))
    free_cell = {"a": 1.0, "b": float(b[0]), "c": float(b[1]), **angles}
    unit = cell_from_free(group, {name: free_cell[name] for name in cell_names(group)})
    crystal = Crystal(
        "made",
        group,
        group.rotations,
        group.translations,
        unit,
        tuple(rng.choice(ELEMENTS, size=count, replace=False).tolist()),
        xyz,
        tuple(float(x) if rng.random() < 0.4 else 1.0 for x in np.round(rng.uniform(0.55, 0.95, count), 2)),
        tuple(float(x) for x in np.round(rng.uniform(0.2, 2.0, count), 3)),
    )
    atoms = np.concatenate(crystal.orbits())
    a = float(np.round((rng.uniform(16, 24) * len(atoms) / unit.volume) ** (1 / 3), 4))
    sizes = {name: round(a * free_cell[name], 4) if name in "abc" else free_cell[name] for name in cell_names(group)}
    crystal = replace(crystal, cell=cell_from_free(group, sizes))
    return crystal if len(atoms) < 400 and nearest(crystal.cell, atoms) > NEAREST else None


def _value(part: str, free: dict[str, float]) -> float:
    from xrdfit.crystal.sites import _parse

    coefficients, constants = _parse(f"{part},0,0")
    return float(coefficients[0] @ [free[axis] for axis in "xyz"] + constants[0])


def nearest(cell: Cell, atoms: np.ndarray) -> float:
    """Shortest distance (Å) of two atoms of the crystal."""
    steps = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)])
    shortest = min(np.sqrt(np.diag(cell.metric)).min(), np.inf)
    for i, atom in enumerate(atoms):
        d = atoms[i + 1 :] - atom
        if len(d):
            d = (d - np.round(d))[:, None, :] + steps
            shortest = min(shortest, np.sqrt(np.einsum("ijk,kl,ijl->ij", d, cell.metric, d)).min())
    return float(shortest)


def powder(cell: Cell, species, positions, occupancy, b_iso, s_max: float = 0.32) -> dict[int, np.ndarray]:
    """Σ|F|²/V² of each shell of equal d and how many reflections it has, by 1/d² in units of 1e-5 Å⁻².

    f = Z exp(−12 s²), so that nothing of the package's tables is in it.

    Parameters
    ----------
    species, positions, occupancy, b_iso : of every atom of the cell
    """
    limits = [int(length * 2 * s_max) + 1 for length in (cell.a, cell.b, cell.c)]
    grid = np.meshgrid(*(np.arange(-n, n + 1) for n in limits), indexing="ij")
    hkl = np.stack([g.ravel() for g in grid], axis=1)
    inverse = np.einsum("ni,ij,nj->n", hkl, cell.reciprocal_metric, hkl)
    kept = (inverse > 1e-9) & (inverse < 4 * s_max**2)
    hkl, inverse = hkl[kept], inverse[kept]
    s2 = inverse / 4
    z = np.array([gemmi.Element(name.rstrip("+-0123456789")).atomic_number for name in species], dtype=float)
    weight = z * np.asarray(occupancy)
    factor = weight * np.exp(-np.outer(s2, 12.0 + np.asarray(b_iso)))
    total = (factor * np.exp(2j * np.pi * hkl @ np.asarray(positions).T)).sum(axis=1)
    shells: dict[int, np.ndarray] = {}
    for key, value in zip(np.round(inverse * 1e5).astype(int).tolist(), np.abs(total) ** 2, strict=True):
        shells[key] = shells.get(key, np.zeros(2)) + np.array([value / cell.volume**2, 1.0])
    return shells


def crystal_powder(crystal: Crystal, s_max: float) -> dict[int, np.ndarray]:
    orbits = crystal.orbits()
    counts = [len(o) for o in orbits]
    return powder(
        crystal.cell,
        np.repeat(crystal.species, counts),
        np.concatenate(orbits),
        np.repeat(crystal.occupancy, counts),
        np.repeat(crystal.b_iso, counts),
        s_max,
    )


# ---- writing -------------------------------------------------------------------------------------------------------


def cell_lines(cell: Cell, dot: str = "_") -> str:
    return "".join(f"_cell{dot}{'length' if n in 'abc' else 'angle'}_{n} {getattr(cell, n):.10g}\n" for n in PARAMETERS)


def formula_lines(crystal: Crystal, units: int = 1) -> str:
    text = " ".join(f"{e}{n / units:.6g}" for e, n in sorted(crystal.composition().items()))
    return f"_chemical_formula_sum '{text}'\n_cell_formula_units_Z {units}\n"


def symbol_line(text: str, tag: str = "_symmetry_space_group_name_H-M") -> str:
    return f"{tag} '{text}'\n"


def operation_lines(triplets, tag: str = "_symmetry_equiv_pos_as_xyz") -> str:
    return f"loop_\n{tag}\n" + "".join(f"'{triplet}'\n" for triplet in triplets)


def atom_lines(
    crystal: Crystal, digits: int = 10, typed: bool = True, full: bool = False, stem: str = "_atom_site_"
) -> str:
    names = [
        "label",
        *(["type_symbol"] if typed else []),
        "fract_x",
        "fract_y",
        "fract_z",
        "occupancy",
        "B_iso_or_equiv",
    ]
    lines = ["loop_", *(stem + name for name in names)]
    places = crystal.orbits() if full else [x[None] for x in crystal.xyz]
    for i, (element, positions) in enumerate(zip(crystal.species, places, strict=True)):
        for j, x in enumerate(positions):
            suffix = f"{i + 1}" + (f"_{j + 1}" if full else "")
            cells = [element + suffix, *([element] if typed else []), *(f"{v:.{digits}f}" for v in x)]
            lines.append(" ".join([*cells, f"{crystal.occupancy[i]:g}", f"{crystal.b_iso[i]:g}"]))
    return "\n".join(lines) + "\n"


def cartesian_lines(crystal: Crystal) -> str:
    """Atoms as macromolecular files have them: Å, a along x and c* along z."""
    unit = gemmi.UnitCell(*(getattr(crystal.cell, n) for n in PARAMETERS))
    names = [
        "group_PDB",
        "id",
        "type_symbol",
        "label_atom_id",
        "Cartn_x",
        "Cartn_y",
        "Cartn_z",
        "occupancy",
        "B_iso_or_equiv",
    ]
    lines = ["loop_", *(f"_atom_site.{name}" for name in names)]
    for i, (element, x) in enumerate(zip(crystal.species, crystal.xyz, strict=True)):
        p = unit.orthogonalize(gemmi.Fractional(*x))
        place = f"{p.x:.8f} {p.y:.8f} {p.z:.8f} {crystal.occupancy[i]} {crystal.b_iso[i]}"
        lines.append(f"HETATM {i + 1} {element.upper()} {element.upper()}{i + 1} {place}")
    return "\n".join(lines) + "\n"
