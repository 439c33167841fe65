"""The options of a fit, shared by every command that fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from xrdfit.commands.common import check_finite, finite_number, number_or_text, read_radiation, whole

if TYPE_CHECKING:
    from xarray import Dataset

    from xrdfit.fitting.options import FitOptions

Model = Annotated[
    str | None, Parameter(help="Preset, CIF or model TOML. `xrdfit presets` lists the presets.", show_default=False)
]
Block = Annotated[
    str | None, Parameter(help="Data block of the model's CIF, by name or number. Else all its structures are phases.")
]
Force = Annotated[bool, Parameter(help="Overwrite existing output.")]
Json = Annotated[bool, Parameter(name="--json", help="Print one JSON object on standard output and nothing else.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FitArguments:
    """Options of a fit as they stand on the command line; see `xrdfit.FitOptions`.

    `for_scan` holds those that concern one of several scans, as `xrdfit.commands.samples` writes and reads them.
    """

    phase: Annotated[
        Sequence[str], Parameter(help="A further phase: preset, CIF or model TOML. May be given several times.")
    ] = ()
    block: Block = None
    engine: Annotated[
        Literal["auto", "bragg", "debye"],
        Parameter(
            help="auto (the default): by the size that lines show; bragg: broadened lines; debye: sum over pairs of "
            "atoms, for clusters."
        ),
    ] = "auto"
    total: Annotated[
        Sequence[str],
        Parameter(
            help="ELEMENT=ATOMS per cell, or a ratio of elements: exact (Cu=8, Cu/Se=2), or with its error in brackets "
            "(Cu=7.6(4), Cu/Se=1.9(1)). Repeatable."
        ),
    ] = ()
    restrain: Annotated[
        Sequence[str], Parameter(help="NAME=VALUE(ERROR): what is known of a parameter (a=5.85(1)). Repeatable.")
    ] = ()
    tie: Annotated[
        Sequence[str], Parameter(help="'NAME = EXPRESSION': a parameter that follows others, by + - * /. Repeatable.")
    ] = ()
    vary: Annotated[
        Sequence[str], Parameter(help="NAME or PATTERN (b_*): parameters that vary beside the usual ones. Repeatable.")
    ] = ()
    fix: Annotated[Sequence[str], Parameter(help="NAME or NAME=VALUE: parameters that do not vary. Repeatable.")] = ()
    start: Annotated[Sequence[str], Parameter(help="NAME=VALUE: another starting value. Repeatable.")] = ()
    limits: Annotated[
        Sequence[str],
        Parameter(help="NAME=LOW:HIGH: other limits within what the parameter can be (size_nm=1:8). Repeatable."),
    ] = ()
    range: Annotated[tuple[float, float] | None, Parameter(help="A B: part of the scan to fit, degrees 2θ.")] = None
    exclude: Annotated[
        Sequence[tuple[float, float]], Parameter(help="A B: part to leave out, degrees 2θ. Repeatable.")
    ] = ()
    background: Annotated[
        str | None, Parameter(help="Order of the Chebyshev background, 0 to 30, or auto: chosen by the scan.")
    ] = None
    blank: Annotated[
        str | None,
        Parameter(
            help="FILE: scan of the empty holder, at the ratio of the counting times (1 where none is stated; --vary "
            "blank fits its height), its counting errors counted; beside it stands a constant unless --background says "
            "more."
        ),
    ] = None
    hump: Annotated[
        Sequence[str],
        Parameter(help="DEG [FWHM]: a broad hump (ligands, glass), or auto: where the scan asks for one. Repeatable."),
    ] = ()
    air: Annotated[bool, Parameter(help="Scattering by air, 1/2θ.")] = False
    b_per_element: Annotated[
        bool, Parameter(name="--b-per-element", help="One displacement parameter B an element, varied.")
    ] = False
    guided: Annotated[
        bool, Parameter(help="Add what the scan asks for, step by step, as long as it pays (BIC); each step is said.")
    ] = False
    no_usual: Annotated[
        bool,
        Parameter(
            name="--no-usual",
            help="Vary only what model and options name. Else, for crystalline powders in reflection, displacement "
            "varies, and where the scan asks for it W, X, S_L = H_L, microstrain and the background's order; for "
            "clusters with a --blank the halo of ligands, B and a thin film.",
        ),
    ] = False
    radiation: Annotated[
        str | None,
        Parameter(
            help="Name (cu-ka1, cu-ka, mo-ka, …), wavelength in Å, or neutron:WAVELENGTH; else the scan's header "
            "decides, else cu-ka."
        ),
    ] = None
    no_anomalous: Annotated[bool, Parameter(name="--no-anomalous", help="Leave f′ and f″ out.")] = False
    monochromator: Annotated[
        float | None,
        Parameter(converter=finite_number, help="2θ of the monochromator, degrees (26.6: graphite, Cu Kα)."),
    ] = None
    radius: Annotated[float | None, Parameter(converter=finite_number, help="Goniometer radius in mm.")] = None
    instrument: Annotated[str | None, Parameter(help="Instrument TOML, as `xrdfit calibrate` writes it.")] = None
    film: Annotated[bool, Parameter(help="The beam passes through the film; its absorption × thickness varies.")] = (
        False
    )
    capillary: Annotated[
        float | None,
        Parameter(converter=finite_number, help="MU_R: absorption × radius of a capillary (--vary mu_r frees it)."),
    ] = None
    polarization: Annotated[
        float | None,
        Parameter(
            converter=finite_number, help="P: polarized share of the beam, 0.95 to 1 of a synchrotron's (a tube: 0.5)."
        ),
    ] = None
    kbeta: Annotated[
        float | None,
        Parameter(converter=finite_number, help="FRACTION: weight of Kβ relative to Kα (--vary kbeta frees it)."),
    ] = None
    texture: Annotated[
        tuple[int, int, int] | None, Parameter(help="H K L: axis of preferred orientation; march_r varies.")
    ] = None
    anisotropic: Annotated[
        tuple[int, int, int] | None,
        Parameter(help="H K L: axis of platelets or needles; size_ratio varies, with strain strain_ratio."),
    ] = None
    particle: Annotated[
        Sequence[str],
        Parameter(help="PHASE=MICRON: diameter of its grains; weight fractions are corrected for microabsorption."),
    ] = ()
    standard: Annotated[
        Sequence[str],
        Parameter(help="PHASE=PERCENT or PERCENT(ERROR): weight of a standard in the mixture; the rest is amorphous."),
    ] = ()
    packing: Annotated[bool, Parameter(help="Keep the model's packing rule, such as one cation per void.")] = False

    weights: Annotated[
        Literal["y_calc", "y_obs", "none"],
        Parameter(
            help="1/σ² of counts: by the calculated pattern (the default), by the observed one, or the same for all."
        ),
    ] = "y_calc"
    own: Annotated[
        Sequence[str], Parameter(help="NAME or PATTERN: what each of several scans has for itself. Repeatable.")
    ] = ()
    for_scan: Annotated[Sequence[str], Parameter(name="--for-scan", show=False)] = ()

    axis: Annotated[
        str | None,
        Parameter(help="What a text file's first column is: two_theta, two_theta_rad, q (1/Å) or q_nm (1/nm)."),
    ] = None
    columns: Annotated[
        str | None,
        Parameter(help="A,B or A,B,C: a text file's columns of axis, intensity, standard deviation; from 1."),
    ] = None
    counts_per: Annotated[
        float | None,
        Parameter(
            name="--counts-per", converter=finite_number, help="Seconds a point, for intensities in counts per second."
        ),
    ] = None
    sigma: Annotated[
        str | None,
        Parameter(
            help="Standard deviations: a number, poisson, poisson+B (B was subtracted) or scatter; else the file's."
        ),
    ] = None

    def read_scan(self, path: str, scan: int | None) -> Dataset:
        """Read the measured pattern as the options say; the radiation also turns a Q axis into 2θ.

        Raises
        ------
        InputError
            The file cannot be read so.
        """
        from xrdfit.crystal.radiation import radiation
        from xrdfit.scan import read_pattern

        named = read_radiation(self.radiation)
        return read_pattern(
            path,
            scan=scan,
            wavelength=None if named is None else radiation(named).wavelength,
            axis=self.axis,
            columns=self.columns,
            counts_per=self.counts_per,
            sigma=number_or_text(self.sigma),
        )

    def _background(self) -> Any:
        """An order, "auto", or components where a piece is named."""
        order = None if self.background in (None, "auto") else whole(self.background, "--background")
        humps = [text for text in self.hump if text != "auto"]
        if self.blank is None and not humps and not self.air:
            return order
        from xrdfit.diffraction.background import Air, Blank, Chebyshev, Hump
        from xrdfit.report.options_table import read_hump
        from xrdfit.scan import read_pattern

        if order is None and self.blank is not None:
            order = 0  # a measured blank is the smooth part already; the scan may ask for more
        pieces: list[Any] = [Chebyshev(order)]
        pieces += [Blank(read_pattern(self.blank))] if self.blank is not None else []
        pieces += [Air()] if self.air else []
        for deg, *width in map(read_hump, humps):
            pieces.append(Hump(deg, width[0]) if width else Hump(deg))
        return tuple(pieces)

    def _sought(self) -> tuple[str, ...]:
        """Kinds of pieces that the scan may ask for."""
        if self.guided:
            return ("all",)
        return (
            *(["background_order"] if self.background == "auto" else []),
            *(["hump"] if "auto" in self.hump else []),
        )

    def options(self) -> FitOptions:
        """Check the options and return them as a fit takes them.

        Raises
        ------
        InputError
            One of them cannot be used.
        """
        from xrdfit.fitting.options import FitOptions, with_choices
        from xrdfit.model.files.read import load_instrument
        from xrdfit.report.options_table import read_assignments, read_fixes, read_limits, read_texts

        for what, pair in [("--range", self.range or ()), *(("--exclude", e) for e in self.exclude)]:
            check_finite(what, pair)
        choices = {
            "engine": self.engine,
            "total": read_texts(self.total, "total", "ELEMENT=ATOMS, ELEMENT=ATOMS(ERROR) or ELEMENT/ELEMENT=RATIO"),
            "restrain": read_texts(self.restrain, "restrain", "NAME=VALUE(ERROR)"),
            "tie": tuple(self.tie),
            "vary": tuple(self.vary),
            "fix": read_fixes(self.fix),
            "start": read_assignments(self.start, "start"),
            "limits": read_limits(self.limits),
            "particle": read_assignments(self.particle, "particle"),
            "standard": read_texts(self.standard, "standard", "PHASE=PERCENT or PHASE=PERCENT(ERROR)"),
            "range": self.range,
            "exclude": tuple(self.exclude),
            "background": self._background(),
            "seek": self._sought(),
            "usual": not self.no_usual,
            "b_per_element": self.b_per_element,
            "radiation": read_radiation(self.radiation),
            "anomalous": not self.no_anomalous,
            "monochromator_deg": self.monochromator,
            "radius_mm": self.radius,
            "instrument": None if self.instrument is None else load_instrument(self.instrument),
            "film": self.film,
            "capillary": self.capillary,
            "polarization": self.polarization,
            "kbeta": self.kbeta,
            "texture": self.texture,
            "anisotropic": self.anisotropic,
            "packing": self.packing,
            "weights": self.weights,
            "own": tuple(self.own),
        }
        return with_choices(FitOptions(), choices)
