"""From a result to what a person reads: tables, a picture, a page, files; and back from the files.

`save` and `load_result` are loaded when they are used: printing numbers needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xrdfit.report.files import load_result as load_result
    from xrdfit.report.files import save as save

__all__ = ["load_result", "save"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from xrdfit.report import files

    return getattr(files, name)
