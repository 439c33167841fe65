"""`xrdfit demo`: the main job on a scan that comes with the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from xrdfit.commands.arguments import Force
from xrdfit.commands.common import deliver, show
from xrdfit.commands.progress import progress

SCAN = ("scans", "cu2se-2nm-film.xy")
BLANK = ("scans", "cu2se-2nm-film-blank.xy")
VARY = ("b_overall", "displacement_mm")
MODEL = "cu2se-2nm"


def demo(
    *,
    output: Annotated[
        str, Parameter(name=["-o", "--output"], help="Folder for picture and report (xrdfit-demo).")
    ] = "xrdfit-demo",
    force: Force = False,
) -> int:
    """Fit the bundled scan of a film of 2 nm Cu2Se clusters, computed with counting noise, with its blank."""
    from xrdfit.diffraction.background import Blank, Chebyshev
    from xrdfit.inference.fit import fit
    from xrdfit.inference.further import NOTHING_ASKED
    from xrdfit.model.files.presets import data_path
    from xrdfit.model.files.read import load_model
    from xrdfit.report.files import check_directory
    from xrdfit.scan import read_pattern

    if not force and made_by_demo(Path(output)):
        show(f"The folder {output} holds an earlier demo, which is overwritten.")
        force = True
    check_directory(output, force)
    scan = read_pattern(data_path(*SCAN))
    command = f"xrdfit fit {SCAN[-1]} --blank {BLANK[-1]} --model {MODEL} --vary {' '.join(VARY)} -o {output}"
    show(f"{command}\n")
    background = [Chebyshev(0), Blank(read_pattern(data_path(*BLANK)))]
    with progress() as tell:
        result = fit(load_model(MODEL), scan, background=background, vary=VARY, progress=tell)
    return deliver(result, output, force=force, as_json=False, assessment=NOTHING_ASKED)


def made_by_demo(directory: Path) -> bool:
    """Whether a folder's result is of the demo's scan and model."""
    try:
        data = json.loads((directory / "result.json").read_text(encoding="utf-8"))
        return Path(data["scan"]["file"]).name == SCAN[-1] and data["model"]["name"] == MODEL
    except (OSError, ValueError, KeyError, TypeError):
        return False
