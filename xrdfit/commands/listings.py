"""`xrdfit presets` and `xrdfit formats`: what comes with the package."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from xrdfit.commands.arguments import Json
from xrdfit.commands.common import console, print_json


def presets(
    *,
    show: Annotated[str | None, Parameter(help="NAME: print this preset's file, a template for your own.")] = None,
    json: Json = False,
) -> int:
    """List the models that come with the package, or print one."""
    from xrdfit.model.files.presets import preset_names, preset_text
    from xrdfit.model.files.read import load_model

    if show is not None:
        text = preset_text(show)
        if json:
            print_json({"schema": 1, "name": show, "toml": text})
        else:
            print(text, end="")
        return 0
    rows = []
    for name in preset_names():
        phase = load_model(name).phases[0]
        sites = " ".join(site.label for site in phase.structure.sites)
        rows.append(
            {"name": name, "title": phase.structure.name, "space_group": phase.structure.group.hm, "sites": sites}
        )
    if json:
        print_json({"schema": 1, "presets": rows})
    else:
        from xrdfit.report.tables import table

        columns = ("Preset", "Material", "Space group", "Sites")
        console().print(table("Presets", columns, [tuple(row.values()) for row in rows]))
    return 0


def formats(*, json: Json = False) -> int:
    """List the formats of scans that can be read, and what is kept of each beside angles and counts."""
    from xrdfit.scan import formats as known

    rows = [
        {"name": f.name, "endings": " ".join(f.endings), "description": f.description, "kept": f.kept} for f in known()
    ]
    if json:
        print_json({"schema": 1, "formats": rows})
    else:
        from xrdfit.report.tables import table

        title = "Formats of scans; the content decides, not the ending"
        columns = ("Format", "Usual endings", "What it is", "Kept beside angles and counts")
        console().print(table(title, columns, [tuple(row.values()) for row in rows]))
    return 0
