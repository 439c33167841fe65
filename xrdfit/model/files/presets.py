"""The data that come with the package: models of materials, the article's tables, computed scans."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from xrdfit.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[2]


def data_path(*parts: str) -> Path:
    """Path of a file or folder of the package's data, such as ``data_path("article", "table-2.csv")``.

    A wheel carries the folder ``data`` as ``xrdfit/_data``; in a checkout it stands beside the package.

    Raises
    ------
    InputError
        There is no such file.
    """
    candidates = (_PACKAGE / "_data", _PACKAGE.parent / "data")
    root = next((path for path in candidates if (path / "presets").is_dir()), candidates[0])
    path = root.joinpath(*parts)
    if not path.exists():
        raise InputError(f"data file {'/'.join(parts)!r}: not found in {root}; reinstall the package")
    return path


def preset_names() -> tuple[str, ...]:
    """Names of the models that come with the package, sorted."""
    return tuple(sorted(path.stem for path in data_path("presets").glob("*.toml")))


def preset_text(name: str) -> str:
    """Return the model file of a preset, a template for one's own.

    Raises
    ------
    InputError
        There is no such preset; the message lists those that there are, the nearest first.
    """
    names = preset_names()
    if name not in names:
        near = get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise InputError(f"preset {name!r}: unknown; {hint}Presets are {', '.join(names)}")
    return data_path("presets", f"{name}.toml").read_text(encoding="utf-8")
