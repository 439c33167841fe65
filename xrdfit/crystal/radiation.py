"""The lines of X-ray tubes, and the factors that depend on the angle alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

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
_LIMITS = (0.05, 10.0)

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
    """What illuminates the sample: one or more lines whose weights sum to 1."""

    name: str
    lines: tuple[Line, ...]

    @property
    def wavelength(self) -> float:
        """Wavelength of the strongest line in Å."""
        return max(self.lines, key=lambda line: line.weight).wavelength


def radiation(name: str | float, ratio: float = KALPHA_RATIO) -> Radiation:
    """Lines of a tube, or a single wavelength.

    Parameters
    ----------
    name : str or float
        ``"cu-ka1"``, ``"cu-ka2"``, ``"cu-ka"`` (the doublet) and the same for Cr, Mn, Fe, Co, Ni, Mo and Ag; or a
        wavelength in Å, 0.05 to 10.
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
    """
    if not 0.0 <= ratio <= 1.0:
        raise InputError(f"radiation: Kα2/Kα1 {ratio:g} is out of range; 0 to 1 is allowed")
    wavelength = _number(name)
    if wavelength is not None:
        if not _LIMITS[0] <= wavelength <= _LIMITS[1]:
            raise InputError(f"radiation: {wavelength:g} Å is out of range; {_LIMITS[0]} to {_LIMITS[1]} Å is allowed")
        return Radiation(f"{wavelength:g}", (Line(wavelength),))
    key = str(name).strip().lower().replace("α", "a").replace("_", "-").replace(" ", "-")
    anode, _, line = key.partition("-")
    if anode not in _K_ALPHA or line not in ("ka", "ka1", "ka2"):
        raise InputError(
            f"radiation {str(name)[:40]!r}: unknown; allowed are {', '.join(_K_ALPHA)} with -ka1, -ka2 or -ka, "
            "or a wavelength in Å"
        )
    first, second = _K_ALPHA[anode]
    if line == "ka":
        return Radiation(key, (Line(first, 1.0 / (1.0 + ratio)), Line(second, ratio / (1.0 + ratio))))
    return Radiation(key, (Line(first if line == "ka1" else second),))


def polarization(two_theta_deg: np.ndarray, monochromator_deg: float = 0.0) -> np.ndarray:
    """Polarization factor (1 + cos²2θ_M cos²2θ)/(1 + cos²2θ_M) of an unpolarized tube.

    Parameters
    ----------
    two_theta_deg : (n,) array of float
        Scattering angle 2θ in degrees.
    monochromator_deg : float
        2θ_M of the monochromator in degrees, 0 without one (graphite and Cu Kα: 26.6).

    Returns
    -------
    (n,) array of float
        1 at 2θ = 0.

    References
    ----------
    International Tables C, section 6.2.2.
    """
    through = math.cos(math.radians(monochromator_deg)) ** 2
    return (1.0 + through * np.cos(np.radians(two_theta_deg)) ** 2) / (1.0 + through)


def lorentz(two_theta_deg: np.ndarray) -> np.ndarray:
    """Lorentz factor of a powder, 1/(sin²θ cosθ).

    Parameters
    ----------
    two_theta_deg : (n,) array of float
        Scattering angle 2θ in degrees, above 0 and below 180.

    References
    ----------
    International Tables C, section 6.2.5.
    """
    theta = np.radians(two_theta_deg) / 2.0
    return 1.0 / (np.sin(theta) ** 2 * np.cos(theta))


def _number(name: str | float) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None
