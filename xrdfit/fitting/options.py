"""What a user may ask of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, get_args

from xrdfit.diffraction.background import Component
from xrdfit.errors import InputError
from xrdfit.fitting.known import Known, as_known
from xrdfit.parameters import INSTRUMENT

if TYPE_CHECKING:
    import lmfit

EngineChoice = Literal["bragg", "debye", "auto"]
Weights = Literal["y_calc", "y_obs", "none"]
Background = int | tuple[Component, ...] | None
Limits = tuple[float, float]

OF_A_SCAN = (
    "engine", "range", "exclude", "background", "radiation", "monochromator_deg", "radius_mm", "instrument",
    "film", "capillary", "polarization", "kbeta", "texture", "anisotropic",
)  # fmt: skip
"""Options that may differ between scans: a mapping by label then stands in for the value."""

MAX_BACKGROUND_ORDER = 30
SOUGHT = (
    "all", "background_order", "hump", "air", "film", "b_element", "b_overall", "spike", "impurity", "parameter",
    "site", "coordinate",
)  # fmt: skip
"""Kinds of pieces that a fit may add by itself."""


@dataclass(frozen=True)
class FitOptions:
    """The choices of one fit; together with model and scans they determine it completely.

    With several scans the options of `OF_A_SCAN` may be mappings from a scan's label to the value for that scan.

    Attributes
    ----------
    engine : {"auto", "bragg", "debye"}
        "auto" takes the Debye engine for clusters; see `xrdfit.inference.fit.choose_engines`.
    total : Mapping[str, float or Known]
        Atoms of an element per cell ("Cu"; "phase__Cu" where several phases hold it) or their ratio ("Cu/Se"). A number
        is kept exactly; one with an error, "7.6(4)", is a restraint.
    restrain : Mapping[str, Known]
        Parameters that are known beforehand, with their errors.
    tie : tuple of str
        Further ties, ``name = expression``.
    vary : tuple of str
        Names or shell patterns (``b_*``) that vary beside the model's own.
    fix : Mapping[str, float or None]
        Names or patterns that do not vary, with a value or (None) where they stand.
    start : Mapping[str, float]
        Other starting values.
    limits : Mapping[str, (float, float)]
        Other limits, by name or pattern; they may go beyond the usual ones where physics allows it.
    b_per_element : bool
        One displacement parameter an element: the sites of an element share it, and it varies.
    usual : bool
        What usually varies on a laboratory diffractometer is added for a crystalline powder in reflection: the
        displacement, and where the misfit asks for it the widths W, X and S_L = H_L, microstrain and the background's
        order. For a film of clusters, which a measured blank tells of: the halo of ligands, an overall B and, where the
        scan asks for it, what a thin film lets through; each only where BIC falls by it.
    weights : {"y_calc", "y_obs", "none"}
        Where σ comes from counts: σ² of the calculated pattern (y_obs weights pull a fit low), of the observed one, or
        the same for all points, their mean. What files state as σ is kept by the first two.
    own : tuple of str
        Names or patterns of parameters that each of several scans has for itself.
    range : (float, float) or None
        Part of the scan that is fitted, degrees 2θ.
    exclude : tuple of (float, float)
        Stretches left out, such as a reflection of the holder.
    background : int, "auto", tuple of Component, or None
        Order of the Chebyshev polynomial, or all components, instead of the model's; "auto" is short for the model's
        with ``seek=("background_order",)``.
    seek : tuple of str
        Kinds of pieces that are added as long as the scan asks for them: "background_order", "hump", "air", "film",
        "b_element", "spike", "impurity", "parameter", …, or "all".
    radiation : str, float or None
        Name or wavelength (Å); None leaves it to instrument file, scan header, model, default, in that order.
    anomalous : bool
        Whether f′ and f″ are added.
    anomalous_table : {"chantler", "cromer-liberman"}
        Where they come from.
    monochromator_deg, radius_mm : float or None
        Replace what scan and model say.
    instrument : Instrument or None
        An instrument file, replacing the model's instrument.
    film : bool
        The specimen is a film that the beam passes through: its `mu_t` varies.
    capillary : float or None
        The specimen is a cylinder of this absorption × radius, `mu_r`.
    polarization : float or None
        Share of the beam that is polarized normal to the plane of scattering (0.95 to 1 of a synchrotron's; a tube's
        ½ by default).
    kbeta : float or None
        Weight of the tube's Kβ line relative to Kα.
    texture : tuple of int or None
        Axis (hkl) of preferred orientation of all phases; their `march_r` vary (Bragg engine).
    anisotropic : tuple of int or None
        Axis (hkl) along which the crystallites of all phases are longer or shorter; their `size_ratio` vary, and
        `strain_ratio` of those whose strain does (Bragg engine).
    particle : Mapping[str, float]
        Diameter of the grains of a phase, µm: weight fractions are corrected for microabsorption (Brindley).
    standard : Mapping[str, float or Known]
        One phase and its weight in the mixture, per cent, as added: what is missing to 100 % is amorphous.
    packing : bool
        Keep the model's packing rule (one cation per void).

    Examples
    --------
    >>> import xrdfit as xf
    >>> xf.FitOptions(engine="bragg", vary=("b_overall",)).total
    {}
    """

    engine: EngineChoice | Mapping[str, EngineChoice] = "auto"
    total: Mapping[str, float | Known] = field(default_factory=dict)
    restrain: Mapping[str, Known] = field(default_factory=dict)
    tie: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    fix: Mapping[str, float | None] = field(default_factory=dict)
    start: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    b_per_element: bool = False
    seek: tuple[str, ...] = ()
    usual: bool = True
    weights: Weights = "y_calc"
    own: tuple[str, ...] = ()
    range: Any = None
    exclude: Any = ()
    background: Any = None
    radiation: Any = None
    anomalous: bool = True
    anomalous_table: str = "chantler"
    monochromator_deg: Any = None
    radius_mm: Any = None
    instrument: Any = None
    film: Any = False
    capillary: Any = None
    polarization: Any = None
    kbeta: Any = None
    texture: Any = None
    anisotropic: Any = None
    particle: Mapping[str, float] = field(default_factory=dict)
    standard: Mapping[str, float | Known] = field(default_factory=dict)
    packing: bool = False

    def __post_init__(self) -> None:
        labels = {label for name in OF_A_SCAN if isinstance(v := getattr(self, name), Mapping) for label in v}
        for one in [self.of(label) for label in labels] or [self]:
            one._check_scan()
        given = {**self.start, **{k: v for k, v in self.fix.items() if v is not None}}
        given |= {k: v for k, v in self.total.items() if not isinstance(v, Known)}
        for name, value in given.items():
            if not isfinite(value):
                raise InputError(f"{name}={value} is not a finite number")
        for name, (low, high) in self.limits.items():
            if not low < high:
                raise InputError(f"limits {name}={low:g} to {high:g} must rise: give the smaller value first")

    def _check_scan(self) -> None:
        if self.engine not in ("bragg", "debye", "auto"):
            raise InputError(f"engine {self.engine!r} is unknown; allowed are bragg, debye and auto")
        if self.weights not in get_args(Weights):
            raise InputError(f"weights {self.weights!r} is unknown; allowed are {', '.join(get_args(Weights))}")
        for what, interval in [("range", self.range), *(("exclude", e) for e in self.exclude)]:
            if interval is not None and not interval[0] < interval[1]:
                raise InputError(f"{what} {interval[0]:g} {interval[1]:g} must rise: give the smaller angle first")
        if isinstance(self.background, int) and not 0 <= self.background <= MAX_BACKGROUND_ORDER:
            raise InputError(
                f"background order {self.background} is out of range; 0 to {MAX_BACKGROUND_ORDER} is allowed"
            )
        for kind in self.seek:
            if kind not in SOUGHT:
                raise InputError(f"seek {kind!r} is unknown; allowed are {', '.join(SOUGHT)}")
        for name, kind in (("capillary", "mu_r"), ("polarization", "polarization"), ("kbeta", "kbeta")):
            if getattr(self, name) is not None:
                INSTRUMENT[kind].check(getattr(self, name), name)
        if self.film and self.capillary is not None:
            raise InputError(f"film and capillary {self.capillary:g}: a specimen is one of the two; leave one out")
        for name in ("texture", "anisotropic"):
            axis = getattr(self, name)
            if axis is not None and (len(axis) != 3 or not any(axis)):
                raise InputError(f"{name} {axis} is no axis: three whole numbers, not all zero, are needed")
        if self.radius_mm is not None and not 1.0 <= self.radius_mm <= 1e5:
            raise InputError(f"radius_mm {self.radius_mm:g} is out of range: 1 to 100000 is allowed")

    def of(self, label: str) -> FitOptions:
        """Return the options as they are for one scan; what is named for other scans only has its default there."""
        default = {f.name: f.default for f in fields(FitOptions)}
        changes = {
            name: value.get(label, default[name])
            for name in OF_A_SCAN
            if isinstance(value := getattr(self, name), Mapping)
        }
        return replace(self, **changes) if changes else self

    def check_labels(self, labels: Sequence[str]) -> None:
        """Refuse options for a scan that is not there.

        Raises
        ------
        InputError
            Naming the option, the label and the scans that there are.
        """
        for name in OF_A_SCAN:
            value = getattr(self, name)
            for label in value if isinstance(value, Mapping) else ():
                if label not in labels:
                    there = f"there are {', '.join(labels)}" if labels else "a single scan has no label: give the value"
                    raise InputError(f"{name} for scan {label!r}: there is no such scan; {there}")


def with_choices(options: FitOptions, choices: Mapping[str, Any]) -> FitOptions:
    """Return options with some fields replaced; sequences and mappings may come in any form that `fit` takes.

    Raises
    ------
    InputError
        For a name that is no field of `FitOptions`.
    """
    known = [f.name for f in fields(FitOptions)]
    for name in choices:
        if name not in known:
            raise InputError(f"option {name!r} is unknown; there are {', '.join(known)}")
    clean: dict[str, Any] = dict(choices)
    if isinstance(clean.get("background"), str):
        if clean["background"] != "auto":
            raise InputError(f"background {clean['background']!r} is no order; a whole number or 'auto' is allowed")
        clean |= {"background": None, "seek": (*clean.get("seek", ()), "background_order")}
    for name in ("vary", "own", "tie", "seek"):
        if name in clean:
            clean[name] = (clean[name],) if isinstance(clean[name], str) else tuple(clean[name])
    if "fix" in clean and not isinstance(clean["fix"], Mapping):
        names = [clean["fix"]] if isinstance(clean["fix"], str) else clean["fix"]
        clean["fix"] = dict.fromkeys(names)
    for name in ("total", "start", "limits", "restrain", "particle", "standard"):
        if name in clean:
            clean[name] = dict(clean[name] or {})
    if "total" in clean:
        clean["total"] = {name: _total(name, value) for name, value in clean["total"].items()}
    if "standard" in clean:
        clean["standard"] = {name: _total(name, value, "standard") for name, value in clean["standard"].items()}
    if "restrain" in clean:
        clean["restrain"] = {name: as_known(value, f"restrain {name}") for name, value in clean["restrain"].items()}
    if "exclude" in clean:
        clean["exclude"] = _stretches(clean["exclude"])
    for name in ("texture", "anisotropic"):
        if isinstance(clean.get(name), Sequence):
            clean[name] = tuple(clean[name])
    if "background" in clean:
        clean["background"] = _background(clean["background"])
    return replace(options, **clean)


def _stretches(value: Any) -> Any:
    """Pairs of angles, whatever sequences they came as."""
    if isinstance(value, Mapping):
        return {label: _stretches(each) for label, each in value.items()}
    return tuple(tuple(pair) for pair in value)


def _total(name: str, value: Any, what: str = "total") -> float | Known:
    """A number is exact; text may carry an error."""
    if isinstance(value, str | Known | tuple):
        known = as_known(value, f"{what} {name}", exact=True)
        return known if known.error else known.value
    return float(value)


def _background(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {label: _background(each) for label, each in value.items()}
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def from_parameters(params: lmfit.Parameters, options: FitOptions) -> FitOptions:
    """Return options that start a fit as `lmfit.Parameters` say: value, min, max and vary of each.

    Raises
    ------
    InputError
        For a parameter with an expression: ties are the way.
    """
    for name, p in params.items():
        if p.expr:
            raise InputError(
                f"params[{name!r}].expr = {p.expr!r}: expressions are not taken, because limits would break them "
                f"silently; write it as a tie, tie=[{f'{name} = {p.expr}'!r}]"
            )
    free = [name for name, p in params.items() if p.vary]
    still = {name: float(p.value) for name, p in params.items() if not p.vary}
    start = {name: float(params[name].value) for name in free}
    limits = {name: (float(p.min), float(p.max)) for name, p in params.items() if p.vary}
    return replace(
        options,
        vary=(*options.vary, *free),
        fix={**still, **options.fix},
        start={**start, **options.start},
        limits={**limits, **options.limits},
    )
