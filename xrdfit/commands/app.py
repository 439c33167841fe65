"""`xrdfit app`: the package behind a page in the browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from xrdfit.commands.arguments import FitArguments
from xrdfit.commands.common import load, number_or_text, read_radiation, show, whole_number
from xrdfit.errors import InputError

if TYPE_CHECKING:
    from xrdfit.app.call import Call


def app(
    *,
    port: Annotated[
        int, Parameter(converter=whole_number, help="Port of this computer; by default one that is free.")
    ] = 0,
    no_browser: Annotated[bool, Parameter(name="--no-browser", help="Print the address only.")] = False,
) -> int:
    """Serve the page to this computer's browser until Ctrl-C."""
    from xrdfit.app.server import serve

    if not 0 <= port <= 65535:
        raise InputError(f"--port {port}: 1 to 65535 is allowed")

    def ready(address: str) -> None:
        import sys

        show(f"xrdfit app: {address}\nThis computer alone can open it, with this address. Ctrl-C ends it.")
        sys.stdout.flush()
        if not no_browser:
            import webbrowser

            webbrowser.open(address)

    serve(port, read_call, ready)
    return 0


def read_call(words: Sequence[str]) -> Call:
    """Read the words of `xrdfit fit` as they come from the page, in the folder of its files.

    Raises
    ------
    InputError
        As the command line has it; or a word asks for a file elsewhere, or for what the page does not do.
    """
    from cyclopts import App, CycloptsError

    from xrdfit.app.call import Call
    from xrdfit.commands.fit import fit
    from xrdfit.commands.samples import arguments_of_scans, labelled_files, name_scans, read_sample
    from xrdfit.commands.words import spread

    parser = App(default_parameter=Parameter(negative=()), help_flags=(), version_flags=())
    parser.default(fit)
    try:
        _, bound, _ = parser.parse_args(spread(name_scans(words)), print_error=False, exit_on_error=False)
    except CycloptsError as error:
        raise InputError(" ".join(str(error).split())) from None
    given: dict[str, Any] = dict(bound.arguments)
    arguments: FitArguments = given.pop("arguments", None) or FitArguments()
    scan, model, index = given.pop("scan", None), given.pop("model", None), given.pop("scan_index", None)
    if given:
        raise InputError(f"--{next(iter(given)).replace('_', '-')}: not on this page; the command line has it")
    if not scan:
        raise InputError("no scan: drop the file of a measured pattern on the page")
    if model is None:
        raise InputError("no model: choose a preset, or drop a CIF or a model file")
    scans = [scan] if isinstance(scan, str) else list(scan)
    files = labelled_files(scans)
    each = arguments_of_scans(arguments, list(files))
    _check_here([*files.values(), model], each.values())
    data, options = read_sample(scans, arguments, index)
    return Call(
        files=files if len(files) > 1 else {"": next(iter(files.values()))},
        models=(model, *arguments.phase),
        block=arguments.block,
        model=load(model, arguments.phase, arguments.block),
        scan=data,
        options=options,
        reading={label if len(files) > 1 else "": _reading(own, index) for label, own in each.items()},
    )


def _check_here(named: Iterable[str], each: Iterable[FitArguments]) -> None:
    """Make sure that files are those that were uploaded: no path leads out of the working directory."""
    more = [v for a in each for v in (*a.phase, a.instrument, a.blank) if v]
    for name in (*named, *more):
        file = name.partition("::")[0]
        if "/" in file or "\\" in file or Path(file).is_absolute() or file in ("", ".", ".."):
            raise InputError(f"file {name!r} is elsewhere: drop it on the page and give its name alone")


def _reading(arguments: FitArguments, index: int | None) -> dict[str, Any]:
    """Return what `xrdfit.read_pattern` is given beside the file."""
    from xrdfit.crystal.radiation import radiation

    named = read_radiation(arguments.radiation)
    return {
        "scan": index,
        "wavelength": None if named is None else radiation(named).wavelength,
        "axis": arguments.axis,
        "columns": arguments.columns,
        "counts_per": arguments.counts_per,
        "sigma": number_or_text(arguments.sigma),
    }
