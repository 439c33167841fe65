"""Models and instruments as TOML: reading the text again gives the same object, to the last bit of every number."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import cell_names
from xrdfit.model.files.background import background_lines
from xrdfit.model.files.values import toml_value
from xrdfit.model.instrument import Instrument
from xrdfit.model.phase import Phase
from xrdfit.model.powder import DEFAULT_BACKGROUND, PowderModel

_PHASE_NUMBERS = (
    "size_nm", "size_sigma", "microstrain", "mixing", "b_overall", "shape", "scherrer_k", "march_r", "size_ratio",
    "strain_ratio", "min_distance", "particle_um", "engine",
)  # fmt: skip
_ALWAYS = ("size_nm", "mixing", "b_overall")


def model_to_toml(model: PowderModel) -> str:
    """Text of a model file; `xrdfit.model.files.read.model_from_toml` of it gives an equal model.

    Keys that have their default value are left out.
    """
    lines = ["schema = 1", f"name = {toml_value(model.name)}"]
    if model.notes:
        lines.append(f"notes = {toml_value(model.notes)}")
    if model.ties:
        lines.append(f"ties = {toml_value([tie.text for tie in model.ties])}")
    lines += _instrument_lines(model.instrument)
    if model.background != DEFAULT_BACKGROUND:
        lines += background_lines(model.background)
    for phase in model.phases:
        lines += _phase_lines(phase)
    return "\n".join(lines) + "\n"


def instrument_to_toml(instrument: Instrument, source: str = "") -> str:
    """Text of an instrument file; `xrdfit.model.files.read.load_instrument` of it gives an equal instrument.

    Parameters
    ----------
    instrument : Instrument
    source : str
        Where the values come from, in words.
    """
    head = ["schema = 1"] + ([f"source = {toml_value(source)}"] if source else [])
    return "\n".join(head + (_instrument_lines(instrument) or ["", "[instrument]"])) + "\n"


def instrument_table(instrument: Instrument) -> dict[str, Any]:
    """Return the values of an instrument that differ from the default."""
    default = Instrument()
    given = {f.name: getattr(instrument, f.name) for f in fields(Instrument)}
    stated = {key: value for key, value in given.items() if value != getattr(default, key)}
    return stated | ({"f_prime": dict(instrument.f_prime)} if instrument.f_prime else {})


def _instrument_lines(instrument: Instrument) -> list[str]:
    stated = instrument_table(instrument)
    return ["", "[instrument]", *(f"{key} = {toml_value(value)}" for key, value in stated.items())] if stated else []


def _phase_lines(phase: Phase) -> list[str]:
    structure = phase.structure
    default = Phase("", structure)
    cell = {name: getattr(structure.cell, name) for name in cell_names(structure.group)}
    head: dict[str, Any] = {"name": phase.name, "title": structure.name}
    head |= {key: getattr(structure, key) for key in ("source", "notes") if getattr(structure, key)}
    head |= {"space_group": structure.group.hm, "cell": cell}
    for key in _PHASE_NUMBERS:
        if key in _ALWAYS or getattr(phase, key) != getattr(default, key):
            head[key] = getattr(phase, key)
    head |= {key: getattr(phase, key) for key in ("march_axis", "broadening_axis", "vary") if getattr(phase, key)}
    if phase.packing:
        head["packing"] = dict(phase.packing)
    return ["", "[[phase]]", *(f"{key} = {toml_value(value)}" for key, value in head.items()), *_site_lines(structure)]


def _site_lines(structure: Structure) -> list[str]:
    lines = []
    for site in structure.sites:
        row = {"species": site.species, "wyckoff": site.wyckoff, "xyz": site.xyz, "occupancy": site.occupancy}
        if site.b_iso:
            row["b_iso"] = site.b_iso
        lines += ["", "[[phase.site]]", *(f"{key} = {toml_value(value)}" for key, value in row.items())]
    return lines
