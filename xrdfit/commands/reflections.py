"""`xrdfit reflections`: the powder lines of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from xrdfit.commands.arguments import Block
from xrdfit.commands.common import check_finite, console, load, print_json, read_radiation, say_notes
from xrdfit.plaintext import csv_text

if TYPE_CHECKING:
    from xrdfit.model.phase import Phase
    from xrdfit.model.powder import PowderModel

COLUMNS = ("h", "k", "l", "multiplicity", "d", "two_theta", "f_squared", "lorentz_polarization", "intensity")


def reflections(
    model: Annotated[str, Parameter(name="MODEL", help="Preset, CIF or model TOML.")],
    /,
    *,
    block: Block = None,
    radiation: Annotated[
        str | None, Parameter(help="Name (cu-ka), wavelength in Å or neutron:WAVELENGTH; else the model's, else cu-ka.")
    ] = None,
    two_theta: Annotated[tuple[float, float], Parameter(help="A B: first and last angle, degrees (5 120).")] = (
        5.0,
        120.0,
    ),
    no_anomalous: Annotated[bool, Parameter(name="--no-anomalous", help="Leave f′ and f″ out.")] = False,
    format_: Annotated[
        Literal["table", "csv", "json"], Parameter(name="--format", help="table (the default), csv or json.")
    ] = "table",
) -> int:
    """List the powder lines of a model."""
    check_finite("--two-theta", two_theta)
    ray = read_radiation(radiation)
    source = load(model, block=block)
    source = source if ray is None else source.with_radiation(ray)
    say_notes(source)
    several = len(source.phases) > 1
    columns = (("phase",) if several else ()) + COLUMNS
    rows = [
        {"phase": phase.name, **row} if several else row
        for phase in source.phases
        for row in _lines(source, phase, two_theta, not no_anomalous)
    ]
    rays = source.radiation()
    if format_ == "json":
        about = {"schema": 1, "model": source.name, "radiation": rays.name, "wavelength": rays.wavelength}
        print_json({**about, "anomalous": not no_anomalous, "reflections": rows})
    elif format_ == "csv":
        print(csv_text(columns, ([row[c] for c in columns] for row in rows)), end="")
    else:
        from xrdfit.report.tables import table

        title = f"{source.name}, {rays.name} ({rays.wavelength:.6g} Å)"
        heads = _HEADS | ({"f_squared": "|F|² (fm²)"} if rays.neutron else {})
        cells = [[_cell(c, row[c]) for c in columns] for row in rows]
        console().print(table(title, [heads.get(c, c) for c in columns], cells, [heads.get(c, c) for c in COLUMNS]))
    return 0


_HEADS = {
    "multiplicity": "m", "d": "d (Å)", "two_theta": "2θ (°)", "f_squared": "|F|² (e²)",
    "lorentz_polarization": "LP", "intensity": "m|F|²LP",
}  # fmt: skip
_FORMATS = {
    "d": ".5f", "two_theta": ".3f", "f_squared": ".1f", "lorentz_polarization": ".3f", "intensity": ".2f",
}  # fmt: skip


def _cell(column: str, value: Any) -> str:
    return format(value, _FORMATS.get(column, ""))


def _lines(
    model: PowderModel, phase: Phase, two_theta: tuple[float, float], anomalous: bool
) -> list[dict[str, int | float]]:
    from xrdfit.diffraction.bragg.reflection_table import reflection_table

    lines = reflection_table(
        phase.structure,
        model.radiation(),
        two_theta,
        phase.settings(model.instrument, anomalous),
        {r.own_name: r.value for r in model.instrument.rows()} | {"b_overall": phase.b_overall},
    )
    values = zip(
        *lines.hkl.T.tolist(),
        *(getattr(lines, column).tolist() for column in COLUMNS[3:]),
        strict=True,
    )
    return [dict(zip(COLUMNS, row, strict=True)) for row in values]
