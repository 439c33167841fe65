"""The diffractometer: what illuminates the sample, where lines are seen and how wide the instrument makes them."""

from __future__ import annotations

from dataclasses import dataclass

from xrdfit.crystal.radiation import Radiation
from xrdfit.diffraction.settings import Slits
from xrdfit.parameters import INSTRUMENT, ParameterRow, row

DEFAULT_RADIUS_MM = 150.0


@dataclass(frozen=True)
class Instrument:
    """The diffractometer. None means "not known here": the scan's header decides, else the default.

    Attributes
    ----------
    radiation : str, float, Radiation or None
        Name ("cu-ka"), wavelength in Å, or the lines themselves.
    radius_mm, monochromator_deg : float or None
        Goniometer radius; 2θ_M of a monochromator (0 without).
    zero_deg, displacement_mm : float
        Zero shift; displacement of a flat specimen (a negative one raises 2θ).
    U, V, W, X, Y : float
        Gaussian FWHM² = U tan²θ + V tanθ + W (degree²), Lorentzian FWHM = X tanθ + Y/cosθ (degree).
    S_L, H_L : float
        Axial divergence: half heights of sample and slit over the radius (Finger, Cox & Jephcoat 1994).
    slits : {"fixed", "automatic"}
        Divergence slits.
    film : bool
        Whether the specimen is a film that the beam passes through, of thickness × absorption `mu_t`.
    mu_t : float
        Absorption coefficient × thickness of the film.
    """

    radiation: str | float | Radiation | None = None
    radius_mm: float | None = None
    monochromator_deg: float | None = None
    zero_deg: float = 0.0
    displacement_mm: float = 0.0
    U: float = 0.0
    V: float = 0.0
    W: float = 0.0
    X: float = 0.0
    Y: float = 0.0
    S_L: float = 0.0
    H_L: float = 0.0
    slits: Slits = "fixed"
    film: bool = False
    mu_t: float = 1.0

    def rows(self) -> list[ParameterRow]:
        """Parameters of the instrument, in a fixed order."""
        return [row(kind, getattr(self, name)) for name, kind in INSTRUMENT.items() if name != "mu_t" or self.film]
