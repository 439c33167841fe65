"""What illuminates a sample: the lines of X-ray tubes, synchrotron wavelengths, neutrons of one wavelength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xrdfit.errors import InputError

HC = 12398.419843320026  # eV Å, exact in the SI of 2019

# Kα1 and Kα2 in Å. Cr to Cu: Hölzer et al., Phys. Rev. A 56, 4554 (1997); Mo and Ag: Deslattes et al.,
# Rev. Mod. Phys. 75, 35 (2003), as in International Tables C, table 4.2.2.4.
_K_ALPHA = {
    "cr": (2.289726, 2.293651),
    "mn": (2.101854, 2.105822),
    "fe": (1.936041, 1.939973),
    "co": (1.788996, 1.792835),
    "ni": (1.657930, 1.661756),
    "cu": (1.540593, 1.544427),
    "mo": (0.70931715, 0.713607),
    "ag": (0.55942178, 0.5638131),
}
# Kβ1,3 in Å from the same sources.
_K_BETA = {
    "cr": 2.084889,
    "mn": 1.910216,
    "fe": 1.756606,
    "co": 1.620826,
    "ni": 1.500152,
    "cu": 1.392235,
    "mo": 0.632303,
    "ag": 0.497082,
}
_W_L_ALPHA = 1.476354  # Å, tungsten Lα1 (XrayDB, after Elam et al. 2002); Lα2 is a ninth as strong
_SAME_LINE = 1e-3  # of the wavelength: how well a header must state Kα1 to be recognised
_LIMITS = (0.05, 10.0)
_NEUTRON = "neutron"

Beam = Literal["xray", "neutron"]

# Kα2/Kα1 where nobody says otherwise; a nickel filter or a monochromator changes it by a few per cent.
KALPHA_RATIO = 0.497


@dataclass(frozen=True)
class Line:
    """One spectral line.

    Attributes
    ----------
    wavelength : float
        Å.
    weight : float
        Its share of the intensity.
    """

    wavelength: float
    weight: float = 1.0

    @property
    def energy_ev(self) -> float:
        """Photon energy hc/λ in eV."""
        return HC / self.wavelength


@dataclass(frozen=True)
class Radiation:
    """What illuminates the sample: one or more lines whose weights sum to 1.

    Attributes
    ----------
    name : str
    lines : tuple of Line
    probe : {"xray", "neutron"}
        What scatters: electrons of X-rays, nuclei of neutrons.
    """

    name: str
    lines: tuple[Line, ...]
    probe: Beam = "xray"

    @property
    def wavelength(self) -> float:
        """Wavelength of the strongest line in Å."""
        return max(self.lines, key=lambda line: line.weight).wavelength

    @property
    def neutron(self) -> bool:
        """Whether it is neutrons."""
        return self.probe == "neutron"

    @property
    def anode(self) -> str | None:
        """Anode of the tube whose Kα1 the first line is, in small letters; None for any other wavelength."""
        first = self.lines[0].wavelength
        near = min(_K_ALPHA, key=lambda name: abs(_K_ALPHA[name][0] - first))
        is_tube = not self.neutron and abs(_K_ALPHA[near][0] - first) < _SAME_LINE * first
        return near if is_tube else None

    def extra_line(self, kind: Literal["kbeta", "w_la"]) -> Line:
        """Return a line that a tube emits beside Kα: its Kβ, or Lα of tungsten from the filament; weight 0.

        Raises
        ------
        InputError
            This is no tube.
        """
        if self.anode is None:
            raise InputError(f"radiation {self.name}: no tube with a {kind} line; leave {kind} out")
        return Line(_K_BETA[self.anode] if kind == "kbeta" else _W_L_ALPHA, 0.0)


def radiation(name: str | float, ratio: float = KALPHA_RATIO) -> Radiation:
    """Lines of a tube, or a single wavelength, of X-rays or of neutrons.

    Parameters
    ----------
    name : str or float
        ``"cu-ka1"``, ``"cu-ka2"``, ``"cu-ka"`` (the doublet) and the same for Cr, Mn, Fe, Co, Ni, Mo and Ag; a
        wavelength in Å, 0.05 to 10; or ``"neutron:1.909"``, neutrons of that wavelength.
    ratio : float
        Intensity Kα2/Kα1 of a doublet, 0 to 1. The default is customary in Rietveld work with copper; monochromators
        change it.

    Raises
    ------
    InputError
        The name is unknown, or a value is out of range.

    Examples
    --------
    >>> radiation("cu-ka").wavelength
    1.540593
    >>> radiation("neutron:1.909").probe
    'neutron'
    """
    if not 0.0 <= ratio <= 1.0:
        raise InputError(f"radiation: Kα2/Kα1 {ratio:g} is out of range; 0 to 1 is allowed")
    wavelength = _number(name)
    if wavelength is not None:
        return Radiation(f"{wavelength:g}", (Line(_allowed(wavelength)),))
    key = str(name).strip().lower().replace("α", "a").replace("_", "-").replace(" ", "-")
    probe, colon, rest = key.partition(":")
    if probe == _NEUTRON:
        wavelength = _number(rest)
        if not colon or wavelength is None:
            raise InputError(f"radiation {str(name)[:40]!r}: neutrons need their wavelength in Å, neutron:1.909")
        return neutrons(wavelength)
    anode, _, line = key.partition("-")
    if anode not in _K_ALPHA or line not in ("ka", "ka1", "ka2"):
        raise InputError(
            f"radiation {str(name)[:40]!r}: unknown; allowed are {', '.join(_K_ALPHA)} with -ka1, -ka2 or -ka, "
            "a wavelength in Å, or neutron: with one"
        )
    first, second = _K_ALPHA[anode]
    if line == "ka":
        return Radiation(key, (Line(first, 1.0 / (1.0 + ratio)), Line(second, ratio / (1.0 + ratio))))
    return Radiation(key, (Line(first if line == "ka1" else second),))


def neutrons(wavelength: float) -> Radiation:
    """Neutrons of one wavelength (Å, 0.05 to 10)."""
    return Radiation(f"{_NEUTRON}:{wavelength:.7g}", (Line(_allowed(wavelength)),), "neutron")


def _allowed(wavelength: float) -> float:
    if not _LIMITS[0] <= wavelength <= _LIMITS[1]:
        raise InputError(f"radiation: {wavelength:g} Å is out of range; {_LIMITS[0]} to {_LIMITS[1]} Å is allowed")
    return wavelength


def _number(name: str | float) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None
