"""`xrdfit article`: the published work, regenerated."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from xrdfit.commands.arguments import Force, Json
from xrdfit.commands.common import print_json, show
from xrdfit.commands.progress import progress
from xrdfit.errors import InputError


def article(
    what: Annotated[
        str, Parameter(name="WHAT", help="all (the default), tables, figures, statements, table or figure.")
    ] = "all",
    number: Annotated[str | None, Parameter(name="NUMBER", help="Of the table (1 to 4) or figure (4a to 4e).")] = None,
    /,
    *,
    output: Annotated[
        str, Parameter(name=["-o", "--output"], help="Folder for the files (xrdfit-article).")
    ] = "xrdfit-article",
    force: Force = False,
    json: Json = False,
) -> int:
    """Compute the tables, figures and statements of the article that this package makes repeatable."""
    from xrdfit.article.build import make

    if number is None and what in ("table", "figure"):
        example = "table 2" if what == "table" else "figure 4b"
        raise InputError(f"article {what}: a number is missing, such as: xrdfit article {example}")
    with progress() as tell:
        files = make(what if number is None else f"{what} {number}", output, force, tell)
    if json:
        print_json({"schema": 1, "files": [str(file) for file in files]})
    else:
        show("\n".join(str(file) for file in files))
    return 0
