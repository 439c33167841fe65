"""`xrdfit table`: a saved result as the table of a paper."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from xrdfit.commands.arguments import Force
from xrdfit.commands.common import show
from xrdfit.commands.progress import progress


def table(
    results: Annotated[str, Parameter(name="RESULTS", help="Folder that `xrdfit fit -o` wrote.")],
    /,
    *,
    output: Annotated[
        str | None,
        Parameter(name=["-o", "--output"], help="A .tex, .md or .docx; else Markdown on standard output."),
    ] = None,
    force: Force = False,
) -> int:
    """Write the table of a paper, and a paragraph on methods, from a saved result."""
    from xrdfit.report.files import check_file, load_result
    from xrdfit.report.paper import check_format, markdown, save_table

    if output is not None:
        check_format(check_file(output, force))
    with progress("loading the result"):
        result = load_result(results)
        if output is not None:
            save_table(result, output, force=force)
    if output is None:
        show(markdown(result), end="")
    else:
        show(f"Table: {output}")
    return 0
