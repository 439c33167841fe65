"""`calibrate`: the instrument's profile from the scan of a standard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from xrdfit.errors import ComputationError, InputError
from xrdfit.fitting.options import FitOptions, with_choices
from xrdfit.fitting.prepare import check_model
from xrdfit.inference.fit import fit_with
from xrdfit.inference.result import FitResult
from xrdfit.model.instrument import Instrument
from xrdfit.model.powder import PowderModel
from xrdfit.model.ties import parse_tie
from xrdfit.progress import Progress

if TYPE_CHECKING:
    import xarray as xr

PROFILE = ("U", "V", "W", "X", "Y", "S_L")
_NOT_THE_STANDARD = 0.3  # R_wp without background: lines are not where the standard has them
_SIZE_NM = 1000.0
"""The standard's crystallites: their lines are 0.01 degree wide, so that all width is the instrument's."""
_FIRST_GUESS = {"W": 0.003, "Y": 0.03, "S_L": 0.02}
_AXIAL_TIE = "H_L = S_L"
"""A scan holds only a combination of the two; they are equal where the same Soller slits stand on both sides."""
_SHIFTS = {"displacement": "displacement_mm", "zero": "zero_deg"}
Shift = Literal["displacement", "zero"]


@dataclass(frozen=True)
class Calibration:
    """An instrument's profile, and the fit that it comes from.

    Attributes
    ----------
    instrument : Instrument
        Without the displacement of the specimen, which is the standard's.
    result : FitResult
    """

    instrument: Instrument
    result: FitResult

    def to_toml(self, source: str | None = None) -> str:
        """Return the instrument as TOML, as ``--instrument`` and `load_instrument` read it."""
        from xrdfit.model.files.read import instrument_to_toml

        file = str(self.result.scan.attrs.get("file", "a scan from memory"))
        return instrument_to_toml(
            self.instrument,
            source
            or f"{self.result.model.name} in {file}, R_wp {100 * self.result.statistics.r_wp:.2f} %; "
            f"the specimen's displacement, {self.result['displacement_mm'].value:.4f} mm, is left out",
        )


def calibrate(
    scan: xr.Dataset,
    model: PowderModel | None = None,
    *,
    shift: Shift = "displacement",
    options: FitOptions | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> Calibration:
    """Fit the instrument's profile to the scan of a standard, whose cell is kept.

    Parameters
    ----------
    scan : xarray.Dataset
        From `read_pattern`.
    model : PowderModel, optional
        The standard; LaB6 (the preset ``lab6``) by default.
    shift : {"displacement", "zero"}
        What moves the lines: displacement of the specimen or zero of the instrument.
    options : FitOptions, optional
        Or any of its fields by name; what they say has precedence.
    progress : callable, optional

    Returns
    -------
    Calibration
        Its `result.success` is False where there is no answer.

    Raises
    ------
    InputError
        For options that cannot be.
    ComputationError
        The scan does not look like the standard.

    Examples
    --------
    >>> import numpy as np
    >>> import xrdfit as xf
    >>> standard, grid = xf.load_model("lab6"), np.arange(20.0, 90.0, 0.02)
    >>> truth = {"W": 0.004, "X": 0.02, "displacement_mm": 0.05}
    >>> counts = 50.0 + 20.0 * xf.simulate(standard, grid, values=truth)
    >>> found = xf.calibrate(xf.make_pattern(grid, counts, radiation="cu-ka"), standard)
    >>> round(found.instrument.W, 4)
    0.004
    """
    if model is None:
        from xrdfit.model.files.read import load_model

        model = load_model("lab6")
    check_model(model)
    if shift not in _SHIFTS:
        raise InputError(f"shift {shift!r} is unknown; allowed are {' and '.join(_SHIFTS)}")
    options = with_choices(options or FitOptions(), choices)
    model = _with_axial_tie(model, options)
    result = fit_with(model, scan, _calibration(model, options, shift), progress)
    if result.statistics.r_wp_background_subtracted > _NOT_THE_STANDARD:
        share = 100 * result.statistics.r_wp_background_subtracted
        file = result.scan.attrs.get("file", "the scan")
        raise ComputationError(
            f"{file} does not look like {model.name}: R_wp without background is {share:.0f} %; nothing is written"
        )
    displacement = result.start_model.instrument.displacement_mm
    return Calibration(replace(result.model.instrument, displacement_mm=displacement), result)


def _with_axial_tie(model: PowderModel, options: FitOptions) -> PowderModel:
    """The model with H/L tied to S/L, unless an option or the model itself says what H/L does."""
    named = (*options.fix, *options.vary, *options.start)
    if any(text.startswith("H_L") for text in named) or any(tie.target == "H_L" for tie in model.ties):
        return model
    return replace(model, ties=(*model.ties, parse_tie(_AXIAL_TIE)))


def _calibration(model: PowderModel, options: FitOptions, shift: Shift) -> FitOptions:
    """Options under which the cell is kept and the profile varies; what the user asked for has precedence."""
    from xrdfit.crystal.symmetry import cell_names

    fixed: dict[str, float | None] = {}
    for phase in model.phases:
        prefix = model.prefix(phase)
        fixed |= {f"{prefix}{name}": None for name in cell_names(phase.structure.group)}
        fixed |= {f"{prefix}size_nm": _SIZE_NM, f"{prefix}mixing": 1.0}
    known = {row.name for row in model.rows("bragg")}
    varied = [name for name in (*PROFILE, _SHIFTS[shift]) if name not in options.fix]
    start: Mapping[str, float] = {name: value for name, value in _FIRST_GUESS.items() if name in varied}
    return replace(
        options,
        usual=False,
        vary=(*varied, *options.vary),
        fix={name: value for name, value in fixed.items() if name in known and name not in options.vary}
        | dict(options.fix),
        start={**start, **options.start},
    )
