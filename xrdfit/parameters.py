"""Parameters: one table of their kinds, and the rows that a model makes of it.

Whatever must know how far a parameter may go, in which unit, on which scale it moves or what it is called asks its row:
the schema of files, the command line, the documentation, the optimizer and the derivatives. Names are made from rows,
``scan__phase__kind_site``, and are never taken apart again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from xrdfit.errors import InputError

Belongs = Literal["cell", "phase", "site", "shift", "width", "optics", "scale", "background"]
_INFINITE = float("inf")


@dataclass(frozen=True)
class Kind:
    """What all parameters of one kind have in common.

    Attributes
    ----------
    stem : str
        First part of the name.
    belongs : str
        Whose parameter it is: of a phase ("cell", "phase", "site", "scale"), or of a scan: where lines are seen
        ("shift"), how wide ("width") and how strong ("optics"), and what lies beneath them ("background").
    unit, text : str
        Unit, "" where there is none; what it is. ``{}`` in the text stands for the site or the number.
    minimum, maximum : float
        Limits of the value.
    reach : float
        How far a fit may take it from where it starts; of a length of the cell, as a part of its value.
    step : float
        A change that matters, the optimizer's yardstick; of a cell and of a size as a part of the value.
    difference : float
        The scale on which it changes the pattern, where the value itself may be 0: derivatives that are differences
        step a small part of it.
    varies : bool
        Whether a fit moves it unless told otherwise.
    logarithmic : bool
        Whether it moves by ratios.
    even : bool
        Whether the pattern depends on its square, so that a start of 0 feels no slope.
    linear : bool
        Whether the pattern is linear in it; it is then solved for within each step.
    """

    stem: str
    belongs: Belongs
    unit: str
    text: str
    minimum: float = -_INFINITE
    maximum: float = _INFINITE
    reach: float = _INFINITE
    step: float = 1.0
    difference: float = 0.1
    varies: bool = False
    logarithmic: bool = False
    even: bool = False
    linear: bool = False

    def check(self, value: float, name: str | None = None) -> None:
        """Refuse a value beyond the limits.

        Raises
        ------
        InputError
            Naming the parameter, its value and what is allowed.
        """
        if not self.minimum <= value <= self.maximum:
            allowed = f"{self.minimum:g} to {self.maximum:g} {self.unit}".rstrip()
            raise InputError(f"{name or self.stem}={value:g} is out of range; {allowed} is allowed")


def _table(kinds: Iterable[Kind]) -> dict[str, Kind]:
    return {kind.stem: kind for kind in kinds}


_LENGTH = {"belongs": "cell", "unit": "Å", "minimum": 0.0, "maximum": 1e4, "varies": True, "reach": 0.03}
_ANGLE = {"belongs": "cell", "unit": "degree", "minimum": 0.0, "maximum": 180.0, "varies": True, "reach": 0.03}

CELL = _table(
    [Kind(name, text="lattice parameter", step=0.003, **_LENGTH) for name in ("a", "b", "c")]  # pyright: ignore
    + [Kind(name, text="cell angle", step=0.003, **_ANGLE) for name in ("alpha", "beta", "gamma")]  # pyright: ignore
)
"""Free parameters of a cell."""

SITE = _table(
    [
        Kind("occ", "site", "", "occupancy of {}", 0.0, 1.0, step=0.1),
        *(
            Kind(name, "site", "", f"coordinate {name} of {{}}", -10.0, 10.0, reach=0.05, step=0.005)
            for name in ("x", "y", "z")
        ),
        Kind("b", "site", "Å²", "B of {}", -2.0, 20.0, step=0.5),
    ]
)
"""Parameters of a site; the label follows the stem."""

PHASE = _table(
    [
        Kind("scale", "scale", "", "scale, per unit cell", 0.0, varies=True, linear=True),
        Kind("size_nm", "phase", "nm", "sphere diameter", 0.5, 1000.0, step=0.2, varies=True, logarithmic=True),
        Kind("size_sigma", "phase", "", "σ of ln D of the size distribution", 0.0, 1.0, reach=0.4, step=0.1, even=True),
        Kind("microstrain", "phase", "", "microstrain ε", 0.0, 0.1, step=0.002, difference=1e-3),
        Kind("b_overall", "phase", "Å²", "overall displacement B", -2.0, 20.0, step=0.5),
        Kind("mixing", "phase", "", "Lorentzian share of the sample's width", 0.0, 1.0, step=0.2, varies=True),
        Kind("march_r", "phase", "", "March–Dollase r", 0.1, 10.0, step=0.1),
        Kind(
            "size_ratio", "phase", "", "size along the axis over that across it", 0.05, 20.0, step=0.1, logarithmic=True
        ),
        Kind("strain_ratio", "phase", "", "strain along the axis over across it", 0.0, 20.0, step=0.1),
    ]
)
"""Parameters of a phase beside its cell and sites."""

INSTRUMENT = _table(
    [
        Kind("zero_deg", "shift", "degree", "zero shift in 2θ", -1.0, 1.0, step=0.05),
        Kind("displacement_mm", "shift", "mm", "specimen displacement", -2.0, 2.0, step=0.05),
        Kind("U", "width", "degree²", "Caglioti U", 0.0, 5.0, step=0.01, difference=1e-3),
        Kind("V", "width", "degree²", "Caglioti V", -5.0, 5.0, step=0.01, difference=1e-3),
        Kind("W", "width", "degree²", "Caglioti W", 0.0, 5.0, step=0.005, difference=1e-3),
        Kind("X", "width", "degree", "Lorentzian X (tanθ)", 0.0, 5.0, step=0.02, difference=1e-2),
        Kind("Y", "width", "degree", "Lorentzian Y (1/cosθ)", 0.0, 5.0, step=0.02, difference=1e-2),
        Kind("S_L", "width", "", "axial divergence, sample", 0.0, 0.2, step=0.01, difference=1e-2, even=True),
        Kind("H_L", "width", "", "axial divergence, slit", 0.0, 0.2, step=0.01, difference=1e-2, even=True),
        Kind("mu_t", "optics", "", "absorption × thickness", 1e-3, 20.0, step=0.2, varies=True, logarithmic=True),
        Kind("mu_r", "optics", "", "absorption × radius of the capillary", 0.0, 10.0, step=0.2),
        Kind("polarization", "optics", "", "share of the beam polarized normal to the scattering", 0.0, 1.0, step=0.05),
        Kind("kalpha_ratio", "optics", "", "intensity Kα2/Kα1", 0.0, 1.0, step=0.02),
        Kind("kbeta", "optics", "", "weight of Kβ, of Kα", 0.0, 1.0, step=0.01),
        Kind("w_la", "optics", "", "weight of tungsten Lα, of Kα", 0.0, 1.0, step=0.01),
        Kind("fp", "optics", "electrons", "shift of f′ of {}", -10.0, 10.0, step=0.2),
    ]
)
"""Parameters of the diffractometer."""

BACKGROUND = _table(
    [
        Kind("bkg", "background", "counts", "Chebyshev coefficient {}", varies=True, linear=True),
        Kind("blank", "background", "", "height of the measured blank", 0.0, linear=True),
        Kind("air", "background", "counts", "height of the scattering by air, 1/2θ", 0.0, varies=True, linear=True),
        Kind("hump_height", "background", "counts", "height of hump {}", 0.0, varies=True, linear=True),
        Kind("hump_deg", "background", "degree", "centre of hump {}", 0.0, 180.0, reach=3.0, step=0.5, varies=True),
        Kind(
            "hump_fwhm_deg",
            "background",
            "degree",
            "width of hump {}",
            0.2,
            60.0,
            step=0.2,
            varies=True,
            logarithmic=True,
        ),
        Kind("hump_mixing", "background", "", "Lorentzian share of hump {}", 0.0, 1.0, step=0.2),
    ]
)
"""Parameters of what lies beneath the lines."""

KINDS = CELL | {f"site {stem}": kind for stem, kind in SITE.items()} | PHASE | INSTRUMENT | BACKGROUND
"""Every kind there is; those of sites stand under "site occ" and so on, because b is a length of the cell too."""


@dataclass(frozen=True)
class ParameterRow:
    """One parameter: what it is called, what it starts from and where it may go.

    Attributes
    ----------
    kind : Kind
    value, minimum, maximum : float
        Start and limits, in the kind's unit.
    step : float
        The optimizer's yardstick; of a logarithmic kind that of the logarithm.
    vary : bool
        Whether a fit moves it.
    text : str
        What it is.
    phase, scan : str
        Prefix of its phase and label of its scan, "" for a single one and for what is shared.
    site : str
        Label of the site.
    number : int or None
        Which one, of several like it.
    rough : bool
        Whether χ² has minima side by side in it, so that a search must scan it.
    """

    kind: Kind
    value: float
    minimum: float
    maximum: float
    step: float
    vary: bool
    text: str
    phase: str = ""
    scan: str = ""
    site: str = ""
    number: int | None = None
    rough: bool = False

    @cached_property
    def own_name(self) -> str:
        """Name without scan and phase, as an engine knows it."""
        stem = self.kind.stem
        if self.number is not None:
            first, mark, rest = stem.partition("_")
            return f"{first}{self.number}{mark}{rest}" if mark else f"{stem}_{self.number}"
        return f"{stem}_{self.site}" if self.site else stem

    @cached_property
    def name(self) -> str:
        """Name by which a user knows it."""
        return "__".join(part for part in (self.scan, self.phase, self.own_name) if part)

    @property
    def unit(self) -> str:
        """Unit of the value."""
        return self.kind.unit

    @property
    def is_occupancy(self) -> bool:
        """Whether it is the occupancy of a site."""
        return self.kind.stem == "occ"

    @property
    def is_displacement(self) -> bool:
        """Whether it is a displacement parameter B, of a site or overall."""
        return self.kind.stem in ("b", "b_overall") and self.kind.belongs != "cell"


def row(
    kind: Kind,
    value: float | None = None,
    *,
    site: str = "",
    number: int | None = None,
    maximum: float | None = None,
    text: str | None = None,
    rough: bool = False,
) -> ParameterRow:
    """Make the row of a parameter from its kind.

    Parameters
    ----------
    kind : Kind
    value : float, optional
        Start; 0, or 1 for a scale, by default.
    site, number, rough
        See `ParameterRow`.
    maximum, text
        Instead of the kind's.
    """
    start = float(value if value is not None else kind.stem == "scale")
    reach = kind.reach * (abs(start) if kind.belongs == "cell" else 1.0)
    low, high = kind.minimum, kind.maximum if maximum is None else maximum
    if reach < _INFINITE:
        low, high = max(low, start - reach), min(high, start + reach)
    step = kind.step * (abs(start) if kind.belongs == "cell" else 1.0)
    words = (kind.text if text is None else text).format(site or number)
    return ParameterRow(kind, start, low, high, step, kind.varies, words, site=site, number=number, rough=rough)


def relabelled(
    rows: Iterable[ParameterRow], *, phase: str | None = None, scan: str | None = None
) -> list[ParameterRow]:
    """Return the rows with the label of a phase or of a scan."""
    changes = {key: label for key, label in (("phase", phase), ("scan", scan)) if label is not None}
    return [replace(r, **changes) for r in rows]
