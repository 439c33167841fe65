"""Measured scans of well-crystallized powders on laboratory diffractometers, and models of what they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xrdfit as xf
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group

Row = tuple[str, tuple[float, float, float], float]


@dataclass(frozen=True)
class LabScan:
    """A scan, the model that a user would start from, and what is known of it.

    Attributes
    ----------
    name, file : str
        The file below `realdata`.
    model : callable
        Of the folder `realdata`.
    cell : str
        Name of a length of the cell.
    known, tolerance : float
        Å.
    options : dict
        What the file does not say.
    atoms : tuple of str
        What else might vary.
    """

    name: str
    file: str
    model: Callable[[Path], xf.PowderModel]
    cell: str
    known: float
    tolerance: float
    options: dict[str, Any] = field(default_factory=dict)
    atoms: tuple[str, ...] = ()


def _phase(name: str, group: str, cell: tuple[float, ...], rows: tuple[Row, ...]) -> xf.Phase:
    sites = [{"species": s, "xyz": xyz, "b_iso": b} for s, xyz, b in rows]
    return xf.Phase(name, Structure.from_sites(name, space_group(group), Cell(*cell), sites))


def _model(*phases: xf.Phase) -> Callable[[Path], xf.PowderModel]:
    return lambda _: xf.PowderModel("-".join(phase.name for phase in phases), phases)


def _preset(name: str) -> Callable[[Path], xf.PowderModel]:
    return lambda _: xf.load_model(name)


NIO = _phase("nio", "Fm-3m", (4.18, 4.18, 4.18, 90, 90, 90), (("Ni", (0, 0, 0), 0.4), ("O", (0.5, 0.5, 0.5), 0.5)))
# Sillén, Naturwissenschaften 28, 206 (1940), with z → −z so that β is obtuse
BISMITE = _phase(
    "bi2o3", "P2_1/c", (5.83, 8.14, 7.48, 90, 112.93, 90),
    (
        ("Bi", (0.520, 0.1875, 0.365), 0.8), ("Bi", (0.040, 0.043, 0.775), 0.8), ("O", (0.615, 0.278, 0.684), 0.8),
        ("O", (0.631, 0.027, 0.887), 0.8), ("O", (0.024, 0.084, 0.540), 0.8),
    ),
)  # fmt: skip
ZINCITE = _phase(
    "zno",
    "P6_3mc",
    (3.25, 3.25, 5.21, 90, 90, 120),
    (("Zn", (1 / 3, 2 / 3, 0), 0.6), ("O", (1 / 3, 2 / 3, 0.382), 0.6)),
)
ANGLESITE = _phase(
    "pbso4", "Pnma", (8.47, 5.39, 6.95, 90, 90, 90),
    (
        ("Pb", (0.1876, 0.25, 0.167), 1.37), ("S", (0.0654, 0.25, 0.684), 0.38), ("O", (0.9082, 0.25, 0.5954), 1.98),
        ("O", (0.1935, 0.25, 0.5432), 1.45), ("O", (0.0811, 0.0272, 0.8086), 1.28),
    ),
)  # fmt: skip

SCANS = (
    LabScan("CaF₂", "fit/caf2_fluorite_cpd.prn", _preset("caf2"), "a", 5.4631, 0.0007, {}, ("b_*",)),
    LabScan("LaB₆", "fit/lab6_nist_srm660c_100a.cif", _preset("lab6"), "a", 4.15678, 0.0002, {}, ("b_*", "x_*")),
    LabScan(
        "RbTa₂O₅F", "fit/RbTa2O5F.xrdml", lambda folder: xf.load_model(str(folder / "fit" / "RbTa2O5F.cif")),
        "a", 10.4774, 0.01, {}, ("occ_Rb_32e", "x_*", "b_[TRO]*"),
    ),
    LabScan(
        "NiO + Bi₂O₃", "fit/NiO_0p6007-Bi2O3_0p4008--8min.xrdml", _model(NIO, BISMITE),
        "nio__a", 4.177, 0.004, {}, ("nio__b_*", "bi2o3__x_*", "bi2o3__y_*", "bi2o3__z_*"),
    ),
    LabScan("ZnO", "formats/zincite_cpd.prn", _model(ZINCITE), "a", 3.2497, 0.0006, {}, ("b_*", "z_O*")),
    LabScan(
        "PbSO₄", "neutron/pbso4_lab_xray.dat", _model(ANGLESITE), "a", 8.4784, 0.003, {"radiation": "cu-ka1"},
        ("b_*", "x_*", "z_*", "y_O*"),
    ),
)  # fmt: skip

PROFILE = ("displacement_mm", "U", "V", "W", "X", "Y", "S_L", "*microstrain", "*b_overall")
"""All that may vary of widths, shifts and heights together."""


def fit(folder: Path, scan: LabScan, **choices: Any) -> xf.FitResult:
    """Fit a scan with the options that its file does not make needless."""
    return xf.fit(scan.model(folder), xf.read_pattern(str(folder / scan.file)), **scan.options, **choices)


def best(folder: Path, scan: LabScan) -> xf.FitResult:
    """The lowest R_wp for the structure as it is given."""
    return fit(folder, scan, usual=False, vary=PROFILE, tie=["H_L = S_L"], background=18)


def with_atoms(folder: Path, scan: LabScan) -> xf.FitResult:
    """The same with the atoms free."""
    vary = [name for name in PROFILE if "b_overall" not in name]
    return fit(folder, scan, usual=False, vary=[*vary, *scan.atoms], tie=["H_L = S_L"], background=18)
