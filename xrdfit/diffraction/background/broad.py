"""Scattering of air and of what is amorphous: smooth curves with a shape of their own."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import log
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xrdfit.diffraction.background.components import BoundComponent, Component, FixedComponent, Values
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.errors import InputError
from xrdfit.parameters import BACKGROUND, ParameterRow, row


@dataclass(frozen=True)
class Air:
    """Scattering by air, 1/2θ; its height is that at the first point, in counts.

    Examples
    --------
    >>> import xrdfit as xf
    >>> xf.PowderModel("film", xf.load_model("cu2se-2nm").phases, background=(xf.Chebyshev(1), xf.Air())).background
    (Chebyshev(order=1), Air())
    """

    key: ClassVar[str] = "air"

    @classmethod
    def from_toml(cls, value: Any, folder: Path) -> list[Component]:
        """Read whether there is air."""
        if not isinstance(value, bool):
            raise InputError(f"{value!r}: true or false is needed")
        return [cls()] if value else []

    def to_toml(self) -> Any:
        """Return that there is air."""
        return True

    def on(self, two_theta: FloatArray) -> str:
        """Say what it is."""
        return "air, 1/2θ"

    def rows(self, two_theta: FloatArray, number: int) -> list[ParameterRow]:
        """Return the height."""
        return [row(BACKGROUND["air"])]

    def bind(self, two_theta: FloatArray, number: int) -> BoundComponent:
        """Return the curve on a grid."""
        return FixedComponent("air", ("air",), (two_theta[0] / two_theta)[:, None])


@dataclass(frozen=True)
class Hump:
    """A broad hump, of ligands, glass or an amorphous share: a pseudo-Voigt line in 2θ.

    Attributes
    ----------
    deg, fwhm_deg : float
        Centre and full width at half maximum, degrees 2θ, where the fit starts.
    mixing : float
        Lorentzian share, 0 to 1.
    vary : bool
        Whether centre and width move; the height always does.

    Examples
    --------
    >>> import xrdfit as xf
    >>> xf.Hump(deg=21.0, fwhm_deg=7.0)
    Hump(deg=21.0, fwhm_deg=7.0, mixing=0.25, vary=True)
    """

    key: ClassVar[str] = "hump"
    deg: float
    fwhm_deg: float = 6.0
    mixing: float = 0.25
    vary: bool = True

    @classmethod
    def from_toml(cls, value: Any, folder: Path) -> list[Component]:
        """Read a list of tables with the attributes as keys."""
        if not isinstance(value, list):
            raise InputError(f"{value!r}: a list of tables such as {{ deg = 19.8 }} is needed")
        return [cls(**table) for table in value]

    def to_toml(self) -> Any:
        """Return a list of one table."""
        return [asdict(self)]

    def on(self, two_theta: FloatArray) -> str:
        """Say what it is."""
        return f"hump at {self.deg:g}°"

    def __post_init__(self) -> None:
        BACKGROUND["hump_deg"].check(self.deg)
        BACKGROUND["hump_fwhm_deg"].check(self.fwhm_deg)
        BACKGROUND["hump_mixing"].check(self.mixing)

    def rows(self, two_theta: FloatArray, number: int) -> list[ParameterRow]:
        """Return height, centre, width and Lorentzian share."""
        height = row(BACKGROUND["hump_height"], number=number)
        shapes = [row(BACKGROUND[f"hump_{key}"], getattr(self, key), number=number) for key in ("deg", "fwhm_deg")]
        shapes = [replace(r, vary=self.vary) for r in shapes]
        return [height, *shapes, row(BACKGROUND["hump_mixing"], self.mixing, number=number)]

    def bind(self, two_theta: FloatArray, number: int) -> BoundComponent:
        """Return the line on a grid."""
        names = [r.own_name for r in self.rows(two_theta, number)]
        return _BoundHump(f"hump{number}", two_theta, (names[0],), tuple(names[1:]))


@dataclass(frozen=True)
class _BoundHump:
    """η / (1 + 4x²) + (1 − η) exp(−4 ln2 x²), x = (2θ − centre)/FWHM."""

    name: str
    two_theta: FloatArray
    heights: tuple[str, ...]
    shapes: tuple[str, ...]

    def _parts(self, values: Values) -> tuple[FloatArray, FloatArray, FloatArray, float, float]:
        centre, width, mixing = (values[name] for name in self.shapes)
        x = (self.two_theta - centre) / width
        return x, 1.0 / (1.0 + 4.0 * x * x), np.exp(-4.0 * log(2.0) * x * x), width, mixing

    def basis(self, values: Values) -> FloatArray:
        _, lorentz, gauss, _, mixing = self._parts(values)
        return (mixing * lorentz + (1.0 - mixing) * gauss)[:, None]

    def slope(self, values: Values, name: str) -> FloatArray:
        x, lorentz, gauss, width, mixing = self._parts(values)
        which = self.shapes.index(name)
        if which == 2:
            return (lorentz - gauss)[:, None]
        by_x = -8.0 * x * (mixing * lorentz**2 + (1.0 - mixing) * log(2.0) * gauss)
        return (by_x * (-1.0 if which == 0 else -x) / width)[:, None]

    def variance(self, heights: FloatArray) -> FloatArray | float:
        return 0.0
