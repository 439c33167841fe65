"""`xrdfit fit`: a scan and a model go in, occupancies come out."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from xrdfit.commands.arguments import FitArguments, Force, Json, Model
from xrdfit.commands.common import deliver, load, whole_number
from xrdfit.commands.progress import progress
from xrdfit.commands.samples import read_sample
from xrdfit.errors import InputError, need


def fit(
    *scan: Annotated[
        str,
        Parameter(
            name="SCAN",
            help="File of the measured pattern. Several are one sample, fitted together; LABEL=FILE names one, and "
            "options may concern it: --radiation LABEL=cu-ka, --exclude LABEL:58 59.",
            show_default=False,
        ),
    ],
    model: Model = None,
    arguments: FitArguments | None = None,
    scan_index: Annotated[
        int | None,
        Parameter(name="--scan", converter=whole_number, help="Which scan of a file that holds several, from 0."),
    ] = None,
    from_: Annotated[
        str | None, Parameter(name="--from", help="A fit.toml: run that fit again, with its scan, model and options.")
    ] = None,
    output: Annotated[
        str | None, Parameter(name=["-o", "--output"], help="Folder for result, picture, page, CIF and fit.toml.")
    ] = None,
    posterior: Annotated[bool, Parameter(help="Sample the posterior (emcee) too; with -o a corner plot.")] = False,
    systematics: Annotated[
        bool, Parameter(help="Refit under other assumptions (tables, background, B, engine, range) too.")
    ] = False,
    feldman_cousins: Annotated[
        bool, Parameter(name="--feldman-cousins", help="Intervals that are exact at bounds too.")
    ] = False,
    intensity: Annotated[
        Literal["linear", "sqrt", "log"], Parameter(help="How the picture's axis of intensity runs.")
    ] = "linear",
    force: Force = False,
    json: Json = False,
) -> int:
    """Fit a model to a scan, or to several scans of one sample."""
    arguments = arguments or FitArguments()
    asked = {"posterior": posterior, "systematics": systematics, "feldman_cousins": feldman_cousins}
    if from_ is not None:
        from xrdfit.report.fitfile import read_fit_file

        if scan or model is not None or scan_index is not None or arguments != FitArguments():
            raise InputError(f"--from {from_}: holds scan, model and options of the fit: none go with it")
        saved = read_fit_file(from_)
        start_model, options, pattern = saved.model, saved.options, saved.read_scans()
        asked |= dict.fromkeys(saved.asked, True)
    else:
        if not scan:
            raise InputError("SCAN is missing: give the file of a measured pattern, or --from fit.toml")
        start_model = load(model, arguments.phase, arguments.block)
        pattern, options = read_sample(scan, arguments, scan_index)
    if asked["posterior"]:  # before minutes of other work
        need("posterior", "--posterior", "emcee", *(["corner"] if output is not None else []))
    if output is not None:
        from xrdfit.report.files import check_directory

        check_directory(output, force)
    from xrdfit.inference.fit import fit_with
    from xrdfit.inference.further import NOTHING_ASKED, assess

    with progress() as tell:
        result = fit_with(start_model, pattern, options, tell)
        assessment = assess(result, **asked, progress=tell) if result.success else NOTHING_ASKED
    return deliver(result, output, force=force, as_json=json, assessment=assessment, intensity=intensity)
