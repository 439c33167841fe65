"""The command line: which commands there are, and what becomes of errors.

Commands are given as text and imported when they are called, so that `xrdfit --help` loads no heavy library; whatever
takes time to import is imported in `main`, where Ctrl-C is met.
Exit status: 0 done; 1 the computation ended without an answer; 2 bad input or usage; 130 interrupted; 143 terminated.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts import App

HELP = "Site occupancies from powder X-ray diffraction, with errors that can be believed."
EPILOGUE = "Start with `xrdfit demo`. Every command explains itself: `xrdfit fit --help`."

# New containers between two searches for garbage: most of what a run makes lives to its end, and with the usual 700 the
# searches are a twentieth of a short run.
_GARBAGE = 100_000

COMMANDS = (
    (
        "fit",
        "xrdfit.commands.fit:fit",
        "Fit a model to a measured scan: occupancies with errors, a picture, files.",
        (
            "xrdfit fit scan.xy --model cu2se-2nm",
            "xrdfit fit scan.xy --model cu2se --total Cu=8 -o results",
            "xrdfit fit scan.xy --model cu2se-6nm --engine debye --start size_nm=6 --json",
            "xrdfit fit scan.rasx --model my.cif --phase cu2o --exclude 28.2 28.7",
            "xrdfit fit --from results/fit.toml",
        ),
    ),
    (
        "simulate",
        "xrdfit.commands.simulate:simulate",
        "Compute a model's pattern.",
        (
            "xrdfit simulate cu2se-2nm --two-theta 15 65 0.04 -o pattern.csv",
            "xrdfit simulate cu2se-4nm --engine debye --size-nm 4 --set occ_Cu_8c=0.9",
            "xrdfit simulate trajectory.xyz -o pattern.csv      (mean over the frames, and their spread)",
        ),
    ),
    (
        "cluster",
        "xrdfit.commands.cluster:cluster",
        "Cut a cluster out of a model's crystal: a list of atoms, partly occupied sites filled at random.",
        (
            "xrdfit cluster cu2se-2nm --size-nm 2 --seed 1 -o cluster.xyz",
            "xrdfit cluster cdse-zincblende --size-nm 3 --shape tetrahedron -o tetrahedron.xyz",
            "xrdfit cluster cdse-wurtzite --atoms Cd=33 --atoms Se=33 -o magic.xyz",
            "xrdfit simulate cluster.xyz --two-theta 15 65 0.04 -o pattern.csv",
        ),
    ),
    (
        "reflections",
        "xrdfit.commands.reflections:reflections",
        "List a model's powder lines with multiplicities, |F|² and intensities.",
        (
            "xrdfit reflections cu2se-2nm --radiation cu-ka1 --two-theta 15 65",
            "xrdfit reflections structure.cif --format csv",
        ),
    ),
    (
        "calibrate",
        "xrdfit.commands.calibrate:calibrate",
        "Determine the instrument's profile from the scan of a standard.",
        (
            "xrdfit calibrate lab6-scan.xrdml --model lab6 -o instrument.toml",
            "xrdfit fit scan.xrdml --model cu2se --instrument instrument.toml",
        ),
    ),
    (
        "compare",
        "xrdfit.commands.compare:compare",
        "Find out which sets of sites a scan supports: every subset fitted and ranked.",
        (
            "xrdfit compare scan.xy --model cu2se --sites 8c,32f,4b,24e",
            "xrdfit compare scan.xy --model cu2se --total Cu=8 -o rivals.png",
            "xrdfit compare scan.xy --model cu2se-6nm --rival cu2se-2nm --json",
        ),
    ),
    (
        "identify",
        "xrdfit.commands.identify:identify",
        "Find out what a scan, measured or planned, can and cannot tell.",
        (
            "xrdfit identify scan.xy --model cu2se -o combinations.png",
            "xrdfit identify --model cu2se --total Cu=8 --counts 20000 --two-theta 15 90 0.04",
            "xrdfit identify scan.xy --model cu2se-2nm --reach occ_Cu_4b=0.0002",
        ),
    ),
    (
        "series",
        "xrdfit.commands.series:series",
        "Fit every scan of a series: by size, by time, by temperature; one table, pictures, a page.",
        (
            "xrdfit series 'scans/t*min.xy' --model cu2se-4nm --total Cu=8 --coord 't{minutes}min.xy' -o series",
            "xrdfit series manifest.csv --model cu2se --workers 2 -o series --resume",
            "xrdfit series stack.h5::/entry/data --model my.cif --mode sequential -o series",
            "xrdfit series 'scans/*.xy' --model cu2se-4nm --mode joint --share 'b_*' --share scale -o series",
        ),
    ),
    (
        "calibrate-intervals",
        "xrdfit.commands.calibrate_intervals:calibrate_intervals",
        "Check by simulation how often the intervals hold the truth.",
        ("xrdfit calibrate-intervals --scans 200 --engine bragg",),
    ),
    (
        "explore",
        "xrdfit.commands.explore:explore",
        "Write a page with sliders that computes patterns in the browser, offline.",
        (
            "xrdfit explore -o page.html      (Cu2Se, with the article's patterns one click away)",
            "xrdfit explore cu2se-2nm my.cif -o page.html",
        ),
    ),
    (
        "app",
        "xrdfit.commands.app:app",
        "Open a page in the browser that fits, compares and identifies, with this package behind it.",
        ("xrdfit app", "xrdfit app --port 8765 --no-browser"),
    ),
    (
        "table",
        "xrdfit.commands.table:table",
        "Write the table of a paper and a paragraph on methods from a saved result.",
        ("xrdfit table results", "xrdfit table results -o table.docx"),
    ),
    (
        "article",
        "xrdfit.commands.article:article",
        "Make the tables, figures and checked statements of the published work again.",
        (
            "xrdfit article all -o article",
            "xrdfit article table 2 -o article",
            "xrdfit article figure 4b -o article",
            "xrdfit article statements -o article",
        ),
    ),
    (
        "model",
        "xrdfit.commands.model:model",
        "Write any CIF or preset as a model file to edit.",
        ("xrdfit model structure.cif -o my.toml", "xrdfit model cu2se --phase cu2o -o two.toml"),
    ),
    (
        "presets",
        "xrdfit.commands.listings:presets",
        "List the models that come with the package, or print one as a template.",
        ("xrdfit presets", "xrdfit presets --show cu2se-2nm > my-model.toml"),
    ),
    (
        "formats",
        "xrdfit.commands.listings:formats",
        "List the formats of scans that can be read.",
        ("xrdfit formats",),
    ),
    (
        "demo",
        "xrdfit.commands.demo:demo",
        "Fit a bundled scan of 2 nm Cu2Se clusters; write picture and report.",
        ("xrdfit demo", "xrdfit demo -o somewhere-else"),
    ),
)
"""Name, where the function is, one line of help, examples."""


def build() -> App:
    """Return the application with all commands, none of them imported."""
    from cyclopts import App, Parameter

    import xrdfit

    app = App(
        name="xrdfit",
        help=HELP,
        help_epilogue=EPILOGUE,
        version=lambda: xrdfit.__version__,
        help_format="plaintext",
        default_parameter=Parameter(negative=(), show_default=False),
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for place, (name, target, text, examples) in enumerate(COMMANDS):
        epilogue = "\n".join(["Examples:", "", *(f"  {example}" for example in examples)])
        app.command(target, name=name, help=text, help_epilogue=epilogue, sort_key=place)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the programme's name; those of this process by default.
    """
    if argv is None:
        gc.set_threshold(_GARBAGE)
    with _signals() as interrupted:
        try:
            return _run(list(sys.argv[1:] if argv is None else argv))
        except KeyboardInterrupt:
            return _fail("interrupted", 130)
        except _Terminated:
            return _fail("terminated", 143)
        except Exception as error:
            if interrupted:  # libraries make other errors of a Ctrl-C that meets them while they are imported
                return _fail("interrupted", 130)
            return _judge(error)


def _run(argv: list[str]) -> int:
    from xrdfit.commands.samples import name_scans
    from xrdfit.commands.streams import prepare
    from xrdfit.commands.words import spread

    prepare()
    status = build()(spread(name_scans(argv)))
    sys.stdout.flush()
    return status if isinstance(status, int) else 0


def _judge(error: Exception) -> int:
    """Say in one line what went wrong; return the exit status."""
    from cyclopts import CycloptsError

    from xrdfit.commands.streams import silence
    from xrdfit.errors import ComputationError, InputError

    if isinstance(error, InputError | CycloptsError):
        return _fail(str(error), 2)
    if isinstance(error, ComputationError):
        return _fail(f"no answer: {error}", 1)
    if isinstance(error, OSError):
        if error.filename is None:
            silence(sys.stdout)
        if isinstance(error, BrokenPipeError):  # the reader, such as `head`, has what it wanted
            return 0
        return _fail(f"{error.filename or 'an output'}: {error.strerror or error}", 2)
    if os.environ.get("XRDFIT_DEBUG"):
        raise error
    # a bug: the user still gets a sentence
    reason = f"{type(error).__name__}: {error}"
    return _fail(f"unexpected error, please report it ({reason}); XRDFIT_DEBUG=1 shows where", 1)


def _fail(message: str, status: int) -> int:
    from xrdfit.commands.streams import say

    say(f"xrdfit: {message}")
    return status


class _Terminated(BaseException):
    """The system asked the programme to end: what it was writing is removed on the way out."""


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Note Ctrl-C, and turn the request to terminate into an exception; yields what came.

    Processes that are forked off end at once, as they would without this. What is ignored stays ignored.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    owner = os.getpid()

    def heed(number: int, _: FrameType | None) -> None:
        if os.getpid() != owner:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        came.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else _Terminated

    def unraisable(error: Any) -> None:
        if issubclass(error.exc_type, KeyboardInterrupt | _Terminated):  # it met a destructor, which loses it
            signal.raise_signal(came[-1] if came else signal.SIGINT)
        else:
            hook(error)

    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.getsignal(number) for number, handler in usual.items()}
    before = {number: handler for number, handler in before.items() if handler == usual[number]}
    hook = sys.unraisablehook
    try:
        for number in before:
            signal.signal(number, heed)
        sys.unraisablehook = unraisable
        yield came
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
