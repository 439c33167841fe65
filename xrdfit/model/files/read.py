"""Models and instruments from files: presets, CIF, TOML with a written schema, and back to TOML.

The schema is `xrdfit.model.files.schema`; ``xrdfit presets --show cu2se-2nm`` prints a file as a template.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from xrdfit.crystal.lattice import PARAMETERS, Cell, cell_from_free
from xrdfit.crystal.radiation import Line, Radiation, radiation
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import SpaceGroup, space_group
from xrdfit.errors import InputError
from xrdfit.model.files.background import read_background
from xrdfit.model.files.merge import merge
from xrdfit.model.files.presets import preset_names, preset_text
from xrdfit.model.files.write import instrument_to_toml, model_to_toml
from xrdfit.model.instrument import Instrument
from xrdfit.model.phase import Phase
from xrdfit.model.powder import DEFAULT_BACKGROUND, PowderModel
from xrdfit.model.ties import parse_tie

if TYPE_CHECKING:
    from pydantic import BaseModel

    from xrdfit.model.files.schema import CellTable, InstrumentTable, ModelFile, PhaseTable

    Table = TypeVar("Table", bound=BaseModel)

__all__ = [
    "instrument_from_table",
    "instrument_to_toml",
    "load_instrument",
    "load_model",
    "load_models",
    "model_from_table",
    "model_from_toml",
    "model_to_toml",
]

ModelSource = PowderModel | str | PathLike[str]

MAX_BYTES = 1_000_000
_CIF_SIZE_NM = 30.0
_MAX_REPORTED = 3


def load_model(source: ModelSource | Sequence[ModelSource], block: str | None = None) -> PowderModel:
    """Load a model.

    Parameters
    ----------
    source : str, path, PowderModel, or a sequence of these
        Name of a preset, path of a CIF or of a model file in TOML. Several become one model of several phases
        (`load_models`). A `PowderModel` is returned as it is. ``"file.cif::name"`` is a data block of a CIF.
    block : str, optional
        Data block of a CIF, by name or by its number among those with atoms.

    Returns
    -------
    PowderModel
        Of a CIF: one phase named after the file, 30 nm, no occupancy free; all its blocks with atoms as phases where
        there are several and none is chosen.

    Raises
    ------
    InputError
        There is no such preset or file, or it cannot be used: one line with the file and the key.

    Examples
    --------
    >>> import xrdfit as xf
    >>> model = xf.load_model(["cu2se-6nm", "si"])
    >>> [phase.name for phase in model.phases]
    ['cu2se', 'si']
    """
    if isinstance(source, PowderModel):
        return source
    if not isinstance(source, str | PathLike):
        return load_models(source)
    text = str(source)
    if block is None:
        text, block = _with_block(text)
    if block is not None and not text.lower().endswith((".cif", ".mcif", ".mmcif")):
        raise InputError(f"block {block!r}: {text!r} is no CIF; only a CIF has data blocks")
    if text in preset_names():
        return model_from_toml(preset_text(text), f"preset {text}")
    if "\0" in text:
        raise InputError(f"model {text!r}: a path holds no NUL; give a preset's name, a CIF or a model TOML")
    path = Path(text)
    suffix = path.suffix.lower()
    if suffix in (".cif", ".mcif", ".mmcif"):
        return _from_cif(path, block)
    if suffix != ".toml":
        if path.is_file():
            raise InputError(f"model {text!r}: ends in {suffix or 'nothing'!r}; a model file ends in .toml or .cif")
        if path.is_dir():
            raise InputError(f"model {text!r}: is a folder; give a model file (.toml or .cif) or a preset's name")
        preset_text(text)  # raises: lists the presets, the nearest first
    return model_from_toml(_read_text(path), text, path.parent)


def load_models(sources: Sequence[ModelSource], block: str | None = None) -> PowderModel:
    """Load several models as one with all their phases.

    Phases of the same name get a suffix (``cu2se_2``). The first model that states a value of the instrument or the
    background decides; a later one that differs is noted in `PowderModel.notes`. `block` is a data block of the first.

    Raises
    ------
    InputError
        No model is given, or one cannot be used.
    """
    return merge([load_model(source, None if i else block) for i, source in enumerate(sources)])


def load_instrument(source: str | PathLike[str]) -> Instrument:
    """Load an instrument file: ``schema = 1`` and a table ``[instrument]``.

    Raises
    ------
    InputError
        It cannot be read: one line with the file and the key.
    """
    where = str(source)
    return instrument_from_table(_parsed(_read_text(Path(source)), where), where)


def instrument_from_table(table: Mapping[str, Any], where: str = "instrument") -> Instrument:
    """Read an instrument from a parsed instrument file; see `load_instrument`."""
    from xrdfit.model.files.schema import InstrumentFile

    return _instrument(_checked(InstrumentFile, table, where).instrument, where)


def model_from_toml(text: str, where: str = "model", folder: Path | None = None) -> PowderModel:
    """Read a model from the text of a model file.

    Parameters
    ----------
    text : str
        TOML, at most 1 MB.
    where : str
        What error messages call it.
    folder : Path, optional
        Where files that it names are looked for; the working directory by default.

    Raises
    ------
    InputError
        It is no TOML, breaks the schema, or describes no crystal: one line with `where` and the key.
    """
    return model_from_table(_parsed(text, where), where, folder)


def model_from_table(table: Mapping[str, Any], where: str = "model", folder: Path | None = None) -> PowderModel:
    """Read a model from a parsed model file, such as one that stands within another file; see `model_from_toml`."""
    from xrdfit.model.files.schema import ModelFile

    data = _checked(ModelFile, table, where)
    phases = tuple(_phase(data, i, f"{where}: phase[{i}]") for i in range(len(data.phase)))
    ties = []
    for i, tie in enumerate(data.ties):
        with _at(f"{where}: ties[{i}]"):
            ties.append(parse_tie(tie))
    notes = [*data.notes, *(note for phase in phases for note in phase.structure.notes)]
    instrument = _instrument(data.instrument, where)
    background = DEFAULT_BACKGROUND if data.background is None else read_background(data.background, where, folder)
    with _at(f"{where}: phase"):
        model = PowderModel(data.name, phases, instrument, background, tuple(ties), tuple(dict.fromkeys(notes)))
    with _at(f"{where}: ties"):
        model.rows("bragg")
    return model


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Put the file and the key before the message of an error."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _with_block(text: str) -> tuple[str, str | None]:
    """Path and data block of "file.cif::name"."""
    path, mark, name = text.rpartition("::")
    return (path, name) if mark and path.lower().endswith((".cif", ".mcif", ".mmcif")) else (text, None)


def _from_cif(path: Path, block: str | None) -> PowderModel:
    from xrdfit.crystal.cif import read_cif, read_cifs

    structures = read_cifs(path) if block is None else (read_cif(path, block),)
    if len(structures) == 1:
        name = path.stem if block is None else structures[0].name
        return _one_phase(name, structures[0])
    names = ", ".join(structure.name for structure in structures)
    note = f"{path.name} holds {len(structures)} structures, read as phases: {names}; --block chooses one"
    merged = merge([_one_phase(structure.name, structure) for structure in structures])
    return replace(merged, name=path.stem, notes=(note, *merged.notes))


def _one_phase(name: str, structure: Structure) -> PowderModel:
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    plain = plain if plain[:1].isalpha() else f"phase_{plain}".strip("_")  # parameter names begin with it
    return PowderModel(name, (Phase(plain, structure, size_nm=_CIF_SIZE_NM),), notes=structure.notes)


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes; at most {MAX_BYTES} are allowed")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8, which TOML must be") from None
    except (OSError, ValueError) as error:  # an InputError is a ValueError and passes through as it is
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _parsed(text: str, where: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise InputError(f"{where}: {len(text)} characters; at most {MAX_BYTES} are allowed")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not TOML: {' '.join(str(error).split())[:200]}") from None


def _checked(table: type[Table], data: Mapping[str, Any], where: str) -> Table:
    """Check parsed TOML against a table of the schema."""
    from pydantic import ValidationError

    try:
        return table.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{where}: {_described(error)}") from None


def _described(error: Any) -> str:
    """Every error as "key.path: what is wrong", on one line."""
    rows = error.errors(include_url=False, include_context=False)
    parts = []
    for row in rows[:_MAX_REPORTED]:
        path = ""
        for key in row["loc"]:
            path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
        value = row["input"]
        shown = f" {value!r:.60}" if isinstance(value, str | int | float) and row["type"] != "missing" else ""
        message = {"missing": "lacking", "extra_forbidden": "unknown key"}.get(row["type"], row["msg"].lower())
        parts.append(f"{path}:{shown} {message}" if shown and message != "unknown key" else f"{path}: {message}")
    if len(rows) > _MAX_REPORTED:
        parts.append(f"and {len(rows) - _MAX_REPORTED} more")
    return "; ".join(parts).replace("\n", " ")


def _instrument(table: InstrumentTable, where: str) -> Instrument:
    values: dict[str, Any] = table.model_dump() | {"f_prime": tuple(table.f_prime.items())}
    if table.film and table.capillary:
        raise InputError(f"{where}: instrument.capillary: a film is no capillary; leave one of the two out")
    given = table.radiation
    with _at(f"{where}: instrument.radiation"):
        if isinstance(given, str | float | int):
            radiation(given)
        elif given is not None:
            lines = tuple(Line(line.wavelength, line.weight) for line in given.lines)
            total = sum(line.weight for line in lines)
            if abs(total - 1.0) > 1e-6:
                raise InputError(f"the weights of its lines sum to {total:g}; they must sum to 1")
            values["radiation"] = Radiation(given.name, lines, given.probe)
    return Instrument(**values)


def _phase(data: ModelFile, index: int, where: str) -> Phase:
    table = data.phase[index]
    phase = Phase(
        structure=_structure(data, table, where),
        march_axis=_axis(table.march_axis, f"{where}.march_axis"),
        broadening_axis=_axis(table.broadening_axis, f"{where}.broadening_axis"),
        vary=tuple(table.vary),
        packing=tuple(table.packing.items()),
        **{
            key: getattr(table, key)
            for key in (
                "name", "size_nm", "size_sigma", "microstrain", "mixing", "b_overall", "march_r",
                "size_ratio", "strain_ratio", "shape", "scherrer_k", "min_distance",
                "particle_um", "engine",
            )
        },
    )  # fmt: skip
    labels = [site.label for site in phase.structure.sites]
    for label, _ in phase.packing:
        if label not in labels:
            raise InputError(f"{where}.packing: {label!r} is no site; there are {', '.join(labels)}")
    if phase.broadening_axis is not None and phase.shape != "scherrer":
        raise InputError(f"{where}.broadening_axis: lines of shape {phase.shape!r} are those of spheres; leave one out")
    with _at(f"{where}.vary"):
        phase.rows("bragg")
    return phase


def _axis(indices: Sequence[int] | None, where: str) -> tuple[int, int, int] | None:
    if indices is None:
        return None
    if not any(indices):
        raise InputError(f"{where}: [0, 0, 0] is no direction; give three indices, not all zero")
    return indices[0], indices[1], indices[2]


def _structure(data: ModelFile, table: PhaseTable, where: str) -> Structure:
    """Structure of a phase; in a file of one phase the file's title and source are the phase's."""
    alone = len(data.phase) == 1
    title = table.title if table.title is not None else (data.title if alone else "") or table.name
    source = table.source if table.source is not None else data.source if alone else ""
    with _at(f"{where}.space_group"):
        group = space_group(table.space_group)
    cell = _cell(group, table.cell, f"{where}.cell")
    rows = [site.model_dump(exclude_none=True) for site in table.site]
    for i, row in enumerate(rows):
        with _at(f"{where}.site[{i}]"):
            Structure.from_sites(title, group, cell, [row])
    with _at(f"{where}.site"):
        return Structure.from_sites(title, group, cell, rows, source, table.notes)


def _cell(group: SpaceGroup, table: CellTable, where: str) -> Cell:
    given = table.model_dump(exclude_none=True)
    with _at(where):
        cell = cell_from_free(group, given)
    for name in PARAMETERS:
        needed = getattr(cell, name)
        if abs(given.get(name, needed) - needed) > 1e-6 * needed:
            raise InputError(f"{where}.{name}: {given[name]:g} does not fit {group.hm}, which needs {needed:g}")
    return cell
