"""Write the page: models, script and styles in one file that opens from disk."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.article.published import FIGURE_OF_TABLE, TABLES, published
from xrdfit.article.published import model as article_model
from xrdfit.crystal.radiation import Radiation
from xrdfit.diffraction.grids import check_grid
from xrdfit.errors import InputError
from xrdfit.explore.payload import model_data
from xrdfit.explore.radiations import packed, radiation_table, species_table, tubes, wavelength_table
from xrdfit.explore.states import state_values
from xrdfit.model.files.read import load_model
from xrdfit.model.phase import LARGEST_NM
from xrdfit.model.powder import PowderModel
from xrdfit.model.simulate import simulate
from xrdfit.report.files import check_file, write_text
from xrdfit.report.webpage import hash_of, json_within, script, static, style

DEFAULT_MODELS = ("cu2se",)
DEFAULT_RANGE = (15.0, 90.0, 0.05)
MAX_POINTS = 10_000
MAX_MODELS = 20
_CHECK_POINTS = 60
_DEBYE_CHECK_NM = 12.0  # larger spheres cost the package seconds
_SCRIPTS = (
    *("numerics", "crystal", "profile", "bragg", "debye", "sample", "scan"),
    *("dom", "plot", "phasors", "cell", "controls", "main"),
)

Model = str | PathLike[str] | PowderModel


def explore_page(
    models: Model | Sequence[Model] | None = None,
    path: str | PathLike[str] = "explore.html",
    *,
    two_theta: tuple[float, float, float] = DEFAULT_RANGE,
    force: bool = False,
) -> Path:
    """Write a page with sliders that computes patterns in the browser, by itself and without a connection.

    Parameters
    ----------
    models : str, path, PowderModel or sequence of these, optional
        Presets, CIFs or model files; else Cu2Se with the article's patterns. A model whose sites are among another's
        becomes a button of that one.
    path : str or path
        The HTML file.
    two_theta : tuple of float
        Start, stop and step of the angles, degree.
    force : bool
        Whether an existing file is overwritten.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        A model cannot be used, the angles are no grid or too many, or the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import xrdfit as xf
    >>> with TemporaryDirectory() as folder:
    ...     print(xf.explore_page("cu2se-6nm", Path(folder) / "page.html").name)
    page.html
    """
    target = check_file(path, force)
    given: list[Model] = (
        [models] if isinstance(models, str | PathLike | PowderModel) else list(models or DEFAULT_MODELS)
    )
    if len(given) > MAX_MODELS:
        raise InputError(f"{len(given)} models are too many for one page; up to {MAX_MODELS} are allowed")
    loaded = [(_name(one), one if isinstance(one, PowderModel) else load_model(one)) for one in given]
    write_text(target, page_text(loaded, grid(*two_theta)))
    return target


def page_text(models: Sequence[tuple[str, PowderModel]], two_theta: NDArray[np.float64]) -> str:
    """Return the page.

    Parameters
    ----------
    models : sequence of (str, PowderModel)
        What each was called by, and the model.
    two_theta : ndarray, shape (n,)
        Degree, ascending.
    """
    data = json_within(page_data(models, two_theta))
    code = _script()
    name = ", ".join(model.name for _, model in models[:3]) + (" …" if len(models) > 3 else "")
    parts = {
        "HASH": hash_of(code),
        "TITLE": escape(f"{name}: occupancies and powder pattern"),
        "NAME": escape(name),
        "STYLE": style(_static("style.css")),
        "DATA": data,
        "SCRIPT": code,
    }
    text = _static("template.html")
    for name, content in parts.items():
        before, mark, after = text.rpartition(f"@{name}@") if name in ("DATA", "SCRIPT") else ("", "", text)
        text = before + content + after if mark else text.replace(f"@{name}@", content)
    return text


def page_data(models: Sequence[tuple[str, PowderModel]], two_theta: NDArray[np.float64]) -> dict[str, Any]:
    """Return what the page's script reads."""
    from xrdfit import __version__

    every = max(1, len(two_theta) // _CHECK_POINTS)
    hosts = _hosts(models)
    sites = [site for _, model, _ in hosts for phase in model.phases for site in phase.structure.sites]
    elements = sorted({site.element for site in sites})
    return {
        "version": __version__,
        "two_theta": packed(two_theta, "f8"),
        "check_every": every,
        "species": species_table(sorted({site.species for site in sites})),
        "tubes": tubes(elements),
        "wavelengths": wavelength_table(elements),
        "models": [
            {
                **model_data(model, two_theta, elements),
                "given": name,
                "states": [_with_radiation(state, elements) for state in states],
                "check": _check(model, two_theta, every),
            }
            for name, model, states in hosts
        ],
    }


def _name(model: Model) -> str:
    return model.name if isinstance(model, PowderModel) else str(model)


def grid(start: float, stop: float, step: float) -> NDArray[np.float64]:
    """Return the page's angles, degree, `stop` included where it lies on the grid.

    Raises
    ------
    InputError
        The three numbers make no grid, or one of too many points.
    """
    if not (np.isfinite([start, stop, step]).all() and 0.0 < start < stop < 180.0 and 0.0 < step <= stop - start):
        raise InputError(
            f"two-theta {start:g} {stop:g} {step:g}: 0 < START < STOP < 180 and a STEP that fits are allowed"
        )
    count = int((stop - start) / step + 1e-6) + 1
    if count > MAX_POINTS:
        raise InputError(f"two-theta {start:g} {stop:g} {step:g}: {count} points; up to {MAX_POINTS} are allowed")
    return check_grid(np.round(start + step * np.arange(count, dtype=np.float64), 10))


def _hosts(models: Sequence[tuple[str, PowderModel]]) -> list[tuple[str, PowderModel, list[dict[str, Any]]]]:
    """Return the models that have sliders of their own, each with the others, and the article's, as its states."""
    hosts: list[tuple[str, PowderModel, list[dict[str, Any]]]] = []
    by_sites = sorted(models, key=lambda pair: -sum(len(p.structure.sites) for p in pair[1].phases))
    for name, model in by_sites:
        for _, host, states in hosts:
            values = state_values(host, model)
            if values is not None:
                states.append(_state("models", model.name, model.name, values, model))
                break
        else:
            hosts.append((name, model, []))
    order = {name: place for place, (name, _) in enumerate(models)}
    hosts.sort(key=lambda host: order[host[0]])
    for _, host, states in hosts:
        _add_article(host, states)
    return hosts


def _add_article(host: PowderModel, states: list[dict[str, Any]]) -> None:
    for table in TABLES:
        for block in published(table):
            model = article_model(block)
            values = state_values(host, model)
            if values is None or any(values == known["values"] for known in states if known["group"] == "models"):
                continue
            title = f"{block.size_nm:g} nm" if table == 2 else f"{block.number}"
            states.append(_state(f"fig. {FIGURE_OF_TABLE[table]}", title, f"Article, {block.title}", values, model))


def _state(group: str, title: str, hint: str, values: dict[str, float], model: PowderModel) -> dict[str, Any]:
    return {"group": group, "title": title, "hint": hint, "values": values, "radiation": model.radiation()}


def _with_radiation(state: dict[str, Any], elements: Sequence[str]) -> dict[str, Any]:
    rays: Radiation = state["radiation"]
    return state | {"radiation": radiation_table(rays, rays.name, elements)}


def _check(model: PowderModel, two_theta: NDArray[np.float64], every: int) -> dict[str, str]:
    """Return what the package computes at some of the grid's points: the page compares when it opens."""
    largest = max(p.size_nm for p in model.phases)
    engines = ("bragg", "debye") if largest <= min(_DEBYE_CHECK_NM, LARGEST_NM["debye"]) else ("bragg",)
    return {engine: packed(simulate(model, two_theta, engine=engine)[::every], "f8") for engine in engines}


def _script() -> str:
    return script([f"// {name}.js\n{_static(name + '.js')}" for name in _SCRIPTS])


def _static(name: str) -> str:
    return static(name, "xrdfit.explore")
