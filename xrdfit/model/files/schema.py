"""The written schema of model and instrument files: names, types and limits of every key.

pydantic stays within this module, which is imported when a file is read. Unknown keys are errors.
Units are those of the parameters: Å, Å², nm, degree, mm.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from xrdfit.crystal.radiation import Beam
from xrdfit.diffraction.settings import Shape, Slits
from xrdfit.parameters import INSTRUMENT, PHASE, SITE, Kind

Text = Annotated[str, Field(max_length=20_000)]
Name = Annotated[str, Field(min_length=1, max_length=2000)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$", max_length=60)]
Length = Annotated[float, Field(gt=0.0, lt=1e4)]
Angle = Annotated[float, Field(gt=0.0, lt=180.0)]
Coordinate = Annotated[float, Field(ge=SITE["x"].minimum, le=SITE["x"].maximum)]
Element = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
Vector = Annotated[list[int], Field(min_length=3, max_length=3)]


def _of(kind: Kind) -> FieldInfo:
    """Limits of a parameter of a kind."""
    return Field(ge=kind.minimum, le=kind.maximum)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class LineTable(_Table):
    """One spectral line: wavelength in Å and its share of the intensity."""

    wavelength: Annotated[float, Field(ge=0.05, le=10.0)]
    weight: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0


class RadiationTable(_Table):
    """Lines that no name describes."""

    name: Name
    lines: Annotated[list[LineTable], Field(min_length=1, max_length=20)]
    probe: Beam = "xray"


class InstrumentTable(_Table):
    """[instrument]: see `xrdfit.model.instrument.Instrument`."""

    radiation: str | float | RadiationTable | None = None
    radius_mm: Annotated[float, Field(ge=1.0, le=1e5)] | None = None
    monochromator_deg: Annotated[float, Field(ge=0.0, lt=180.0)] | None = None
    zero_deg: Annotated[float, _of(INSTRUMENT["zero_deg"])] = 0.0
    displacement_mm: Annotated[float, _of(INSTRUMENT["displacement_mm"])] = 0.0
    U: Annotated[float, _of(INSTRUMENT["U"])] = 0.0
    V: Annotated[float, _of(INSTRUMENT["V"])] = 0.0
    W: Annotated[float, _of(INSTRUMENT["W"])] = 0.0
    X: Annotated[float, _of(INSTRUMENT["X"])] = 0.0
    Y: Annotated[float, _of(INSTRUMENT["Y"])] = 0.0
    S_L: Annotated[float, _of(INSTRUMENT["S_L"])] = 0.0
    H_L: Annotated[float, _of(INSTRUMENT["H_L"])] = 0.0
    slits: Slits = "fixed"
    film: bool = False
    mu_t: Annotated[float, _of(INSTRUMENT["mu_t"])] = 1.0
    capillary: bool = False
    mu_r: Annotated[float, _of(INSTRUMENT["mu_r"])] = 1.0
    polarization: Annotated[float, _of(INSTRUMENT["polarization"])] | None = None
    kalpha_ratio: Annotated[float, _of(INSTRUMENT["kalpha_ratio"])] | None = None
    kbeta: Annotated[float, _of(INSTRUMENT["kbeta"])] | None = None
    w_la: Annotated[float, _of(INSTRUMENT["w_la"])] | None = None
    f_prime: Annotated[dict[Element, Annotated[float, _of(INSTRUMENT["fp"])]], Field(max_length=100)] = {}


class CellTable(_Table):
    """Cell parameters in Å and degrees; those that the space group fixes may be left out."""

    a: Length
    b: Length | None = None
    c: Length | None = None
    alpha: Angle | None = None
    beta: Angle | None = None
    gamma: Angle | None = None


class SiteTable(_Table):
    """[[phase.site]]: a species on a position; `wyckoff`, where given, must be that of the position."""

    species: Annotated[str, Field(min_length=1, max_length=10)]
    wyckoff: Annotated[str, Field(pattern=r"^[0-9]{1,3}[a-zA]$")] | None = None
    xyz: Annotated[list[Coordinate], Field(min_length=3, max_length=3)] | None = None
    occupancy: Annotated[float, _of(SITE["occ"])] = 1.0
    b_iso: Annotated[float, Field(ge=-10.0, le=100.0)] = 0.0


class PhaseTable(_Table):
    """[[phase]]: see `xrdfit.model.phase.Phase`."""

    name: Identifier
    title: Text | None = None
    source: Text | None = None
    notes: Annotated[list[Text], Field(max_length=1000)] = []
    space_group: Annotated[str, Field(max_length=60)] | int
    cell: CellTable
    size_nm: Annotated[float, _of(PHASE["size_nm"])] = 20.0
    size_sigma: Annotated[float, _of(PHASE["size_sigma"])] = 0.0
    microstrain: Annotated[float, _of(PHASE["microstrain"])] = 0.0
    mixing: Annotated[float, _of(PHASE["mixing"])] = 0.5
    b_overall: Annotated[float, _of(PHASE["b_overall"])] = 0.0
    shape: Shape = "scherrer"
    scherrer_k: Annotated[float, Field(ge=0.1, le=10.0)] = 0.9
    march_axis: Vector | None = None
    march_r: Annotated[float, _of(PHASE["march_r"])] = 1.0
    broadening_axis: Vector | None = None
    size_ratio: Annotated[float, _of(PHASE["size_ratio"])] = 1.0
    strain_ratio: Annotated[float, _of(PHASE["strain_ratio"])] = 1.0
    vary: list[str] = []
    packing: dict[str, Annotated[float, Field(gt=0.0)]] = {}
    min_distance: Annotated[float, Field(ge=0.0, le=100.0)] = 0.0
    particle_um: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0
    engine: Literal["bragg", "debye"] | None = None
    site: Annotated[list[SiteTable], Field(min_length=1, max_length=2000)]


class CheckLine(_Table):
    """A powder line: indices of one representative, m|F|²LP with the strongest line at 100."""

    hkl: Vector
    intensity: Annotated[float, Field(ge=0.0, le=100.0)]


class CheckTable(_Table):
    """[check]: intensities that something else than this package computed, for the tests."""

    source: Text
    radiation: str
    two_theta: Annotated[list[float], Field(min_length=2, max_length=2)]
    tolerance: Annotated[float, Field(gt=0.0)]
    line: Annotated[list[CheckLine], Field(min_length=1)]


class ModelFile(_Table):
    """A model file."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    title: Text = ""
    source: Text = ""
    notes: Annotated[list[Text], Field(max_length=1000)] = []
    ties: Annotated[list[str], Field(max_length=1000)] = []
    instrument: InstrumentTable = InstrumentTable()
    background: dict[str, Any] | None = None
    phase: Annotated[list[PhaseTable], Field(min_length=1, max_length=20)]
    check: CheckTable | None = None


class InstrumentFile(_Table):
    """An instrument file."""

    schema_version: Literal[1] = Field(alias="schema")
    source: Text = ""
    instrument: InstrumentTable
