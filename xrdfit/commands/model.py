"""`xrdfit model`: any CIF or preset as a model file to edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from xrdfit.commands.arguments import Block, Force
from xrdfit.commands.common import load, say_notes, show


def model(
    source: Annotated[str, Parameter(name="MODEL", help="Preset, CIF or model TOML.")],
    /,
    *,
    phase: Annotated[Sequence[str], Parameter(help="Preset, CIF or TOML of a further phase. Repeatable.")] = (),
    block: Block = None,
    output: Annotated[str | None, Parameter(name=["-o", "--output"], help="A .toml; else standard output.")] = None,
    force: Force = False,
) -> int:
    """Write a model as TOML: phases, sites, instrument, ties, to edit and to fit with."""
    from xrdfit.model.files.write import model_to_toml
    from xrdfit.report.files import check_file, write_text

    path = None if output is None else check_file(output, force)
    loaded = load(source, phase, block)
    say_notes(loaded)
    text = model_to_toml(loaded)
    if path is None:
        show(text, end="")
    else:
        write_text(path, text, exclusive=not force)
        show(f"Model: {path}")
    return 0
