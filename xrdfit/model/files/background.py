"""The background of a model or of a fit as a TOML table, one key a kind of component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xrdfit.diffraction.background import COMPONENTS, Component
from xrdfit.errors import InputError
from xrdfit.model.files.values import toml_value


def read_background(table: Mapping[str, Any], where: str, folder: Path | None = None) -> tuple[Component, ...]:
    """Read the components of a table such as ``order = 8`` and ``hump = [{ deg = 19.8 }]``.

    Parameters
    ----------
    table : Mapping[str, Any]
    where : str
        What error messages call it.
    folder : Path, optional
        Where files named in it are looked for; the working directory by default.

    Raises
    ------
    InputError
        For an unknown key, or a value that its component does not take.
    """
    unknown = [key for key in table if key not in COMPONENTS]
    if unknown:
        raise InputError(f"{where}: background.{unknown[0]}: unknown key; there are {', '.join(COMPONENTS)}")
    found: list[Component] = []
    for key, kind in COMPONENTS.items():
        if key in table:
            try:
                found += kind.from_toml(table[key], folder or Path())
            except (InputError, TypeError, ValueError, AttributeError) as error:
                raise InputError(f"{where}: background.{key}: {error}") from None
    return tuple(found)


def background_table(components: Sequence[Component]) -> dict[str, Any]:
    """Return the table of components; `read_background` of it gives equal ones."""
    table: dict[str, Any] = {}
    for component in components:
        value = component.to_toml()
        if isinstance(value, list):
            table.setdefault(component.key, []).extend(value)
        else:
            table[component.key] = value
    return table


def background_lines(components: Sequence[Component]) -> list[str]:
    """Lines of a model file."""
    return ["", "[background]", *(f"{key} = {toml_value(v)}" for key, v in background_table(components).items())]
