"""The notebooks as they are committed, and the sliders that they use. Continuous integration executes them all."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.name for path in NOTEBOOKS]


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def text(cell: dict) -> str:
    return "".join(cell["source"])


def test_all_nine_are_there():
    assert [name[:2] for name in NAMES] == [f"{n:02d}" for n in range(1, 10)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_outputs_are_stripped(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            assert cell["metadata"] == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_cell_ids_follow_the_order_so_that_a_change_of_one_cell_is_a_small_diff(path):
    assert [cell["id"] for cell in cells(path)] == [f"{path.name[:2]}-{n:02d}" for n in range(1, len(cells(path)) + 1)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_each_starts_from_a_title_and_a_question(path):
    first = cells(path)[0]
    assert first["cell_type"] == "markdown"
    assert re.match(rf"# {path.name[:2]} · \S", text(first))
    assert re.search(r"\*\*Question\.\*\* [^#]+\?", text(first))


@pytest.mark.parametrize("path", NOTEBOOKS[:3], ids=NAMES[:3])
def test_exercises_hide_their_solutions(path):
    prose = "\n".join(text(cell) for cell in cells(path) if cell["cell_type"] == "markdown")
    exercises = prose[prose.index("## Exercises") :]
    n = len(re.findall(r"^\*\*\d\.\*\*", exercises, flags=re.MULTILINE))
    assert n >= 3
    assert exercises.count("<details><summary>Solution</summary>\n\n") == exercises.count("</details>") == n


def test_sliders_redraw_and_leave_a_still_picture(monkeypatch):
    widgets = pytest.importorskip("ipywidgets")
    from matplotlib.figure import Figure

    from xrdfit.report.sliders import sliders

    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))

    def draw(height: float) -> Figure:
        fig = Figure(figsize=(2.0, 1.0))
        fig.add_subplot().plot([0.0, 1.0], [0.0, height])
        return fig

    control = widgets.FloatSlider(1.0, min=0.0, max=2.0)
    images = []
    make = widgets.Image
    monkeypatch.setattr(widgets, "Image", lambda **k: images.append(make(**k)) or images[-1])
    sliders(draw, height=control)
    (image,), (bundle,) = images, shown
    before = bytes(image.value)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert base64.b64decode(bundle["image/png"]) == before
    assert before.startswith(b"\x89PNG")
    control.value = 0.0
    assert bytes(image.value) != before
    control.value = 1.0
    assert bytes(image.value) == before
