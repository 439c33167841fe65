"""Several models as one: phases side by side, names made different, ties carried along."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from xrdfit.errors import InputError
from xrdfit.model.instrument import Instrument
from xrdfit.model.phase import Phase
from xrdfit.model.powder import DEFAULT_BACKGROUND, PowderModel
from xrdfit.model.ties import Tie, parse_tie

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def merge(models: Sequence[PowderModel]) -> PowderModel:
    """Put the phases of several models into one; see `xrdfit.model.files.read.load_models`.

    Raises
    ------
    InputError
        There is no model.
    """
    if not models:
        raise InputError("no model is given; at least one is needed")
    if len(models) == 1:
        return models[0]
    taken: set[str] = set()
    renamed = [[replace(p, name=_unused(p.name, taken)) for p in model.phases] for model in models]
    merged = PowderModel(" + ".join(m.name for m in models), tuple(p for phases in renamed for p in phases))
    ties = [
        tie
        for model, phases in zip(models, renamed, strict=True)
        for tie in _carried(model, [merged.prefix(p) for p in phases])
    ]
    instrument, differing = _instrument(models)
    stated = [m.background for m in models if m.background != DEFAULT_BACKGROUND]
    if any(other != stated[0] for other in stated[1:]):
        differing.append("the background of the first model that states one is used, not that of another")
    notes = [note for model in models for note in model.notes]
    return replace(
        merged,
        instrument=instrument,
        background=stated[0] if stated else DEFAULT_BACKGROUND,
        ties=tuple(ties),
        notes=tuple(dict.fromkeys([*notes, *differing])),
    )


def _unused(name: str, taken: set[str]) -> str:
    count, candidate = 1, name
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def _carried(model: PowderModel, prefixes: Sequence[str]) -> list[Tie]:
    """Ties of a model under the prefixes that its phases have in the merged one."""
    names = {
        model.prefix(phase) + name: prefix + name
        for phase, prefix in zip(model.phases, prefixes, strict=True)
        for name in _own_names(phase)
    }
    return [parse_tie(_NAME.sub(lambda m: names.get(m.group(0), m.group(0)), tie.text)) for tie in model.ties]


def _own_names(phase: Phase) -> list[str]:
    return [row.own_name for row in phase.rows("bragg")]


def _instrument(models: Sequence[PowderModel]) -> tuple[Instrument, list[str]]:
    """The first value that differs from the default, key by key, and what it overrides."""
    default = Instrument()
    chosen: dict[str, Any] = {}
    notes = []
    for key in (field.name for field in fields(Instrument)):
        stated = [v for m in models if (v := getattr(m.instrument, key)) != getattr(default, key)]
        if stated:
            chosen[key] = stated[0]
        notes += [
            f"{key} = {stated[0]} of the first model that states it is used, not {v}" for v in stated if v != stated[0]
        ]
    return Instrument(**chosen), notes
