"""Structures and parameter values that the tests of the Bragg engine share."""

from __future__ import annotations

from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group


def cu2se(nm: int) -> Structure:
    """The published models of the article, with tabulated intensities."""
    copper = {
        6: [("8c", (0.25, 0.25, 0.25), 0.37), ("32f", (0.34, 0.34, 0.34), 0.1575)],
        4: [("8c", (0.25, 0.25, 0.25), 1.0)],
        2: [("8c", (0.25, 0.25, 0.25), 0.3), ("4b", (0.5, 0.5, 0.5), 0.3), ("24e", (0.25, 0.0, 0.0), 0.182)],
    }[nm]
    rows = [{"species": "Se", "xyz": (0.0, 0.0, 0.0)}]
    rows += [{"species": "Cu", "wyckoff": w, "xyz": xyz, "occupancy": o} for w, xyz, o in copper]
    return Structure.from_sites(f"cu2se-{nm}nm", space_group("Fm-3m"), Cell(5.85, 5.85, 5.85), rows)


def zns() -> Structure:
    """Zincblende: no centre of symmetry, so that f'' tells h from -h."""
    rows = [
        {"species": "Zn", "xyz": (0.0, 0.0, 0.0), "b_iso": 0.8},
        {"species": "S", "xyz": (0.25, 0.25, 0.25), "b_iso": 0.6, "occupancy": 0.9},
    ]
    return Structure.from_sites("zns", space_group("F-43m"), Cell(5.41, 5.41, 5.41), rows)


def cdse() -> Structure:
    """Wurtzite: two cell parameters, a polar axis and a free z."""
    rows = [
        {"species": "Cd", "xyz": (1 / 3, 2 / 3, 0.0), "b_iso": 1.1},
        {"species": "Se", "xyz": (1 / 3, 2 / 3, 0.377), "b_iso": 0.9, "occupancy": 0.85},
    ]
    return Structure.from_sites("cdse", space_group("P63mc"), Cell(4.299, 4.299, 7.01, 90, 90, 120), rows)


def lab6() -> Structure:
    rows = [
        {"species": "La", "xyz": (0.0, 0.0, 0.0), "b_iso": 0.35},
        {"species": "B", "xyz": (0.1997, 0.5, 0.5), "b_iso": 0.3},
    ]
    return Structure.from_sites("lab6", space_group("Pm-3m"), Cell(4.15691, 4.15691, 4.15691), rows)


def shared_site() -> Structure:
    """Pyrochlore with O and F on one 48f, that share its x and B."""
    rows = [
        {"species": "Y", "xyz": (0.5, 0.5, 0.5), "b_iso": 0.5},
        {"species": "Ti", "xyz": (0.0, 0.0, 0.0), "b_iso": 0.4},
        {"species": "O", "xyz": (0.328, 0.125, 0.125), "b_iso": 0.7, "occupancy": 0.6},
        {"species": "F", "xyz": (0.328, 0.125, 0.125), "b_iso": 0.7, "occupancy": 0.4},
        {"species": "O", "xyz": (0.375, 0.375, 0.375), "b_iso": 0.6},
    ]
    return Structure.from_sites("pyrochlore", space_group("F d -3 m:2"), Cell(10.09, 10.09, 10.09), rows)


def triclinic() -> Structure:
    rows = [
        {"species": "Cu", "xyz": (0.11, 0.23, 0.37), "b_iso": 0.9},
        {"species": "Se", "xyz": (0.61, 0.48, 0.79), "b_iso": 1.2, "occupancy": 0.7},
    ]
    return Structure.from_sites("triclinic", space_group("P1"), Cell(4.1, 4.9, 5.6, 83.0, 97.0, 104.0), rows)


def values_for(engine, structure: Structure, **given: float) -> dict[str, float]:
    """Values of all names of an engine: the structure's own, 6 nm, half Lorentzian, a perfect instrument."""
    values = dict.fromkeys(engine.names, 0.0)
    for site in structure.sites:
        own = {f"occ_{site.label}": site.occupancy, f"b_{site.label}": site.b_iso}
        own |= {f"{axis}_{site.label}": x for axis, x in zip("xyz", site.xyz, strict=True)}
        values.update({name: value for name, value in own.items() if name in values})
    for name in ("a", "b", "c", "alpha", "beta", "gamma"):
        if name in values:
            values[name] = getattr(structure.cell, name)
    values |= {"size_nm": 6.0}
    values |= {name: start for name, start in (("mixing", 0.5), ("march_r", 1.0), ("mu_t", 0.5)) if name in values}
    unknown = set(given) - set(values)
    assert not unknown, unknown
    return values | given
