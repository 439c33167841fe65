"""Powder intensities of a model file from gemmi alone; run it to print a file's [check] table.

    python tests/oracle/preset_intensities.py data/presets/lab6.toml

Independent of the package: the file is read here, atoms come from the operations of gemmi, f0 from gemmi's
International Tables coefficients (four Gaussians), f' and f'' from its Cromer-Liberman routine, lines from grouping
all indices by the point group, intensities from a direct sum over the atoms of the cell.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import gemmi
import numpy as np

CU_KA1 = 1.540593  # Å
ENERGY = 12398.4198 / CU_KA1


def line_intensities(path: Path, low: float, high: float) -> dict[tuple[int, int, int], tuple[float, float]]:
    """Return 2θ and m|F|²LP, strongest at 100, of every line of the first phase, by each of its indices."""
    phase = tomllib.loads(path.read_text(encoding="utf-8"))["phase"][0]
    group = gemmi.find_spacegroup_by_name(phase["space_group"].replace("_", ""))
    operations = group.operations()
    cell = _cell(group, phase["cell"])
    found: dict[tuple[int, int, int], tuple[float, float]] = {}
    done = set()
    reach = int(max(cell.a, cell.b, cell.c) * 2 * np.sin(np.radians(high / 2)) / CU_KA1) + 1
    for h in np.ndindex(*[2 * reach + 1] * 3):
        hkl = tuple(int(i) - reach for i in h)
        if hkl == (0, 0, 0) or hkl in done:
            continue
        sine = CU_KA1 / (2 * cell.calculate_d(hkl))
        if not np.sin(np.radians(low / 2)) <= sine <= np.sin(np.radians(high / 2)):
            continue
        family = {tuple(s * i for i in op.apply_to_hkl(hkl)) for op in operations for s in (1, -1)}
        done |= family
        theta = np.arcsin(sine)
        lp = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        strength = lp * sum(abs(_amplitude(phase, operations, k, sine / CU_KA1)) ** 2 for k in family)
        found |= dict.fromkeys(family, (float(np.degrees(2 * theta)), strength))
    top = max(strength for _, strength in found.values())
    return {hkl: (angle, 100 * strength / top) for hkl, (angle, strength) in found.items()}


def _cell(group: gemmi.SpaceGroup, given: dict[str, float]) -> gemmi.UnitCell:
    a = given["a"]
    gamma = 120.0 if group.crystal_system_str() in ("hexagonal", "trigonal") else 90.0
    return gemmi.UnitCell(a, given.get("b", a), given.get("c", a), 90.0, given.get("beta", 90.0), gamma)


def _amplitude(phase: dict, operations: gemmi.GroupOps, hkl: tuple, s: float) -> complex:
    total = 0j
    for site in phase["site"]:
        images = np.array([op.apply_to_xyz(site["xyz"]) for op in operations]) % 1.0
        positions = np.unique(np.round(images, 5) % 1.0, axis=0)
        assert len(positions) == int(site["wyckoff"][:-1])
        element = gemmi.Element(site["species"])
        real, imaginary = gemmi.cromer_liberman(z=element.atomic_number, energy=ENERGY)
        factor = element.it92.calculate_sf(s**2) + real + 1j * imaginary
        damping = np.exp(-(phase.get("b_overall", 0.0) + site.get("b_iso", 0.0)) * s**2)
        total += site.get("occupancy", 1.0) * factor * damping * np.exp(2j * np.pi * positions @ np.array(hkl)).sum()
    return total


if __name__ == "__main__":
    rows: dict[tuple[float, float], tuple[int, int, int]] = {}
    for indices, (angle, strength) in line_intensities(Path(sys.argv[1]), 10.0, 90.0).items():
        key = (round(angle, 4), round(strength, 6))
        rows[key] = max(rows.get(key, indices), indices)
    for (angle, strength), indices in sorted(rows.items()):
        print(f"  {{ hkl = {list(indices)}, intensity = {strength:.2f} }}, # {angle:.3f}")
