"""The article's figures: what they show, in which order and colours, and that nothing overlaps or is cut off."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import xrdfit.article
from xrdfit.article.cell import SITES, atoms_in_cell, shortest
from xrdfit.article.figures import FIGURES, FIRST, SIZE_COLORS, figure, plan
from xrdfit.article.measure import angles, line_positions
from xrdfit.errors import InputError

PATTERNS = tuple(name for name in FIGURES if name != "4e")


@pytest.fixture(scope="module")
def drawn():
    made = {name: figure(name) for name in FIGURES}
    for fig in made.values():
        fig.canvas.draw()
    return made


def _curves(axes):
    return [line for line in axes.get_lines() if len(line.get_xdata()) == len(angles())]


@pytest.mark.parametrize("name", PATTERNS)
def test_two_panels_of_three_curves_over_the_articles_range(drawn, name):
    left, right = drawn[name].axes
    for axes in (left, right):
        assert axes.get_xlim() == (15.0, 65.0)
        assert "2θ" in axes.get_xlabel()
        assert len(_curves(axes)) == 3
        for line in _curves(axes):
            assert np.isfinite(line.get_ydata()).all()
            assert line.get_ydata().max() <= axes.get_ylim()[1]
    assert "intensity" in left.get_ylabel()
    assert "Bragg" in left.get_title()
    assert "Debye" in right.get_title()


@pytest.mark.parametrize("name", PATTERNS)
def test_the_two_engines_draw_different_patterns_of_the_same_models(drawn, name):
    for first, second in zip(*(_curves(axes) for axes in drawn[name].axes), strict=True):
        assert first.get_label() == second.get_label()
        assert first.get_color() == second.get_color()
        assert np.abs(first.get_ydata() - second.get_ydata()).max() > 0.02
        assert np.corrcoef(first.get_ydata(), second.get_ydata())[0, 1] > 0.75


def test_sizes_from_6_nm_below_to_2_nm_above_in_their_colours(drawn):
    for name in ("4a", "4b"):
        curves = _curves(drawn[name].axes[0])
        assert [line.get_label() for line in curves] == ["6 nm", "4 nm", "2 nm"]
        assert [line.get_color() for line in curves] == [SIZE_COLORS[s] for s in (6.0, 4.0, 2.0)]


def test_series_begin_black_and_end_in_the_colour_of_their_size():
    for name, size in (("4c", 4.0), ("4d", 2.0)):
        curves = plan(name).curves
        assert {c.block.size_nm for c in curves} == {size}
        assert (curves[0].color, curves[-1].color) == (FIRST, SIZE_COLORS[size])
    assert [c.block.occupancy("8c") for c in plan("4c").curves] == [0.37, 0.685, 1.0]
    assert [c.block.occupancy("4b") for c in plan("4d").curves] == [0.0, 0.15, 0.3]


def test_no_site_has_the_colour_of_a_size():
    colors = [site[3] for site in SITES]
    assert len({*colors, *SIZE_COLORS.values()}) == 7


def test_200_appears_where_the_article_sees_it(drawn):
    # {200} of the 4 nm pattern is a maximum of its own, the 6 nm pattern has none
    (position,) = line_positions([(2, 0, 0)])
    window = np.abs(angles() - position) < 1.0
    six, four, _ = (line.get_ydata()[window] for line in _curves(drawn["4b"].axes[0]))
    assert 0 < four.argmax() < window.sum() - 1
    assert six.argmax() in (0, window.sum() - 1)


@pytest.mark.parametrize("name", FIGURES)
def test_texts_lie_inside_and_apart(drawn, name):
    fig = drawn[name]
    renderer = fig.canvas.get_renderer()
    page = fig.bbox
    texts = [t for axes in fig.axes for t in (*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label)]
    boxes = [t.get_window_extent(renderer) for t in (*texts, fig._suptitle) if t.get_text().strip() and t.get_visible()]
    assert len(boxes) >= 5
    for box in boxes:
        assert box.x0 >= page.x0 - 1
        assert box.x1 <= page.x1 + 1
        assert box.y0 >= page.y0 - 1
        assert box.y1 <= page.y1 + 1
    assert not [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)]


@pytest.mark.parametrize("name", PATTERNS)
def test_labels_of_curves_stand_clear_of_the_curves(drawn, name):
    fig = drawn[name]
    renderer = fig.canvas.get_renderer()
    for axes in fig.axes:
        names = {line.get_label() for line in _curves(axes)}
        labels = [t for t in axes.texts if t.get_text() in names]
        assert len(labels) == 3
        for label in labels:
            box = label.get_window_extent(renderer)
            for line in _curves(axes):
                points = axes.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()]))
                inside = (points[:, 0] > box.x0) & (points[:, 0] < box.x1)
                assert not ((points[inside, 1] > box.y0) & (points[inside, 1] < box.y1)).any()


def test_what_is_computed_says_so(drawn):
    assert "COMPUTED" in drawn["4a"]._suptitle.get_text()
    assert "none measured" in drawn["4a"]._suptitle.get_text()


@pytest.mark.parametrize(
    ("xyz", "inside", "nearest"),
    [
        ((0.0, 0.0, 0.0), 14, None),  # 8 corners, 6 faces
        ((0.25, 0.25, 0.25), 8, np.sqrt(3) / 4),
        ((0.5, 0.5, 0.5), 13, 0.5),  # 12 edges, the centre
        ((0.25, 0.0, 0.0), 54, 0.25),  # 2 on each of 12 edges, 4 in and 1 below each of 6 faces
        ((0.34, 0.34, 0.34), 32, np.sqrt(2 * 0.16**2 + 0.34**2)),
    ],
)
def test_atoms_in_the_cell(xyz, inside, nearest):
    atoms = atoms_in_cell(xyz)
    assert len(atoms) == inside
    if nearest is not None:
        assert shortest(atoms, atoms_in_cell((0.0, 0.0, 0.0))) == pytest.approx(nearest, abs=1e-6)


def test_files_are_bitmap_and_vector_and_the_same_each_time(tmp_path):
    png, pdf = xrdfit.article.make("figure 4b", tmp_path)
    first = pdf.read_bytes()
    assert png.read_bytes().startswith(b"\x89PNG")
    assert first.startswith(b"%PDF")
    # 300 dots an inch and 7 inches wide
    assert int.from_bytes(png.read_bytes()[16:20], "big") > 2000
    xrdfit.article.make("figure 4b", tmp_path, force=True)
    assert pdf.read_bytes() == first


def test_an_unknown_figure_is_named():
    with pytest.raises(InputError, match="figure '4z'"):
        figure("4z")
    with pytest.raises(InputError, match="figure '4e'"):
        plan("4e")
