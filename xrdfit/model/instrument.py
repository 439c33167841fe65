"""The diffractometer: what illuminates the sample, where lines are seen and how wide the instrument makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from xrdfit.crystal.radiation import Radiation
from xrdfit.diffraction.settings import ExtraLine, Slits
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
    capillary : bool
        Whether the specimen is a cylinder in the beam, of absorption × radius `mu_r`.
    mu_r : float
        Absorption coefficient × radius of the capillary.
    polarization : float or None
        Share of an X-ray beam that is polarized normal to the plane of scattering; None for a tube's half.
    kalpha_ratio, kbeta, w_la : float or None
        Intensity Kα2/Kα1 instead of the radiation's; weights of Kβ and of tungsten's Lα line relative to Kα. None
        leaves the parameter, and the line, out.
    f_prime : tuple of (element, float)
        What is added to the table's f′, electrons.

    Examples
    --------
    >>> import xrdfit as xf
    >>> xf.Instrument(radiation="cu-ka", radius_mm=150.0, W=0.002).extra_lines
    ()
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
    capillary: bool = False
    mu_r: float = 1.0
    polarization: float | None = None
    kalpha_ratio: float | None = None
    kbeta: float | None = None
    w_la: float | None = None
    f_prime: tuple[tuple[str, float], ...] = ()

    @property
    def extra_lines(self) -> tuple[ExtraLine, ...]:
        """Lines of the tube beside those of the radiation."""
        kinds: tuple[ExtraLine, ...] = ("kbeta", "w_la")
        return tuple(kind for kind in kinds if getattr(self, kind) is not None)

    def rows(self) -> list[ParameterRow]:
        """Parameters of the instrument, in a fixed order; those of what it does not have are left out."""
        absent = {"mu_t": not self.film, "mu_r": not self.capillary, "fp": True}
        rows = [
            row(kind, value)
            for name, kind in INSTRUMENT.items()
            if not absent.get(name) and (value := getattr(self, name)) is not None
        ]
        return rows + [row(INSTRUMENT["fp"], value, site=element) for element, value in self.f_prime]

    def with_values(self, values: Mapping[str, float]) -> Instrument:
        """Return the instrument with other values of its `rows`, under their own names."""
        shifts = tuple((element, values.get(f"fp_{element}", value)) for element, value in self.f_prime)
        names = [r.own_name for r in self.rows() if not r.site]
        own: dict[str, Any] = {name: values[name] for name in names if name in values}
        return replace(self, f_prime=shifts, **own)

    def for_neutrons(self) -> Instrument:
        """Return the instrument without what only X-rays have."""
        return replace(self, polarization=None, kalpha_ratio=None, kbeta=None, w_la=None, f_prime=())
