"""What is fixed about a calculation: the choices that no parameter moves."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

from xrdfit.errors import InputError

Shape = Literal["scherrer", "sphere"]
Slits = Literal["fixed", "automatic"]
ExtraLine = Literal["kbeta", "w_la"]
AnomalousTable = Literal["chantler", "cromer-liberman"]


@dataclass(frozen=True)
class EngineSettings:
    """The fixed choices of an engine; hashable, so that bound tables can be cached by it.

    Parameters
    ----------
    anomalous : bool
        Add f' + i f'' to the form factors.
    anomalous_table : {"chantler", "cromer-liberman"}
        Where f' and f'' come from.
    monochromator_deg : float
        2 theta_M of a crystal monochromator, degree; 0 without one.
    radius_mm : float
        Goniometer radius, mm; enters the shift by a displaced specimen.
    shape : {"scherrer", "sphere"}
        Bragg engine: "scherrer" makes pseudo-Voigt lines of width K lambda / (L cos theta); "sphere" takes the
        transform of a sphere's characteristic function, with `size_nm` its diameter.
    scherrer_k : float
        The K of the Scherrer equation.
    march_axis : tuple of int, optional
        Axis (hkl) of March-Dollase preferred orientation; None for none.
    broadening_axis : tuple of int, optional
        Axis (hkl) along which size and strain differ, with the parameters `size_ratio` and `strain_ratio` ("scherrer"
        lines of the Bragg engine); None for none.
    slits : {"fixed", "automatic"}
        Automatic slits keep the illuminated length: intensity proportional to sin(theta).
    film : bool
        Thin-film factor 1 - exp(-2 mu_t / sin(theta)), with the parameter `mu_t`.
    capillary : bool
        Absorption by a cylinder, with the parameter `mu_r`.
    polarized : bool
        A beam whose polarized fraction is the parameter `polarization`, instead of a tube's half.
    kalpha_ratio : bool
        Whether the ratio of a doublet's lines is a parameter, `kalpha_ratio`.
    extra_lines : tuple of {"kbeta", "w_la"}
        Further lines of a tube, each with its weight as a parameter of that name.
    f_prime : tuple of str
        Elements with a shift of f' as a parameter, `fp_Cu`.
    axial : bool
        Finger-Cox-Jephcoat axial divergence, with the parameters `S_L` and `H_L` (Bragg engine).
    lorentz_along_profile : bool
        Take Lorentz and polarization factors at each point of a line instead of at its centre (Bragg engine).
    min_distance : float
        Debye engine: pairs of cations nearer than this, Angstrom, are left out; 0 keeps all.

    Raises
    ------
    InputError
        For a value outside what is said above.
    """

    anomalous: bool = True
    anomalous_table: AnomalousTable = "chantler"
    monochromator_deg: float = 0.0
    radius_mm: float = 150.0
    shape: Shape = "scherrer"
    scherrer_k: float = 0.9
    march_axis: tuple[int, int, int] | None = None
    broadening_axis: tuple[int, int, int] | None = None
    slits: Slits = "fixed"
    film: bool = False
    capillary: bool = False
    polarized: bool = False
    kalpha_ratio: bool = False
    extra_lines: tuple[ExtraLine, ...] = ()
    f_prime: tuple[str, ...] = ()
    axial: bool = True
    lorentz_along_profile: bool = False
    min_distance: float = 0.0

    def __post_init__(self) -> None:
        for name, allowed in (
            ("anomalous_table", get_args(AnomalousTable)),
            ("shape", get_args(Shape)),
            ("slits", get_args(Slits)),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise InputError(f"{name} {value!r} is unknown: allowed are {', '.join(allowed)}")
        _check_range("monochromator_deg", self.monochromator_deg, 0.0, 180.0)
        _check_range("radius_mm", self.radius_mm, 1.0, 1e5)
        _check_range("scherrer_k", self.scherrer_k, 0.1, 10.0)
        _check_range("min_distance", self.min_distance, 0.0, 100.0)
        if self.film and self.capillary:
            raise InputError("film and capillary: a specimen is one of the two; leave one out")
        for name in ("march_axis", "broadening_axis"):
            axis = getattr(self, name)
            if axis is not None and (len(axis) != 3 or not any(axis)):
                raise InputError(f"{name} {axis!r} is no direction: three whole numbers, not all zero, are allowed")
        if self.broadening_axis is not None and self.shape != "scherrer":
            raise InputError(
                f'broadening_axis: lines of shape {self.shape!r} are those of spheres; "scherrer" is allowed'
            )


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not (isfinite(value) and low <= value <= high):
        raise InputError(f"{name} {value!r} is out of range: {low:g} to {high:g} is allowed")
