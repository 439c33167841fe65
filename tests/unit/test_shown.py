"""What a result shows of itself: in a notebook, as a data frame, as a figure, as the table of a paper."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import xrdfit as xf
from xrdfit.cli import main
from xrdfit.errors import InputError
from xrdfit.inference.cautions import Caution
from xrdfit.report.curves import curves, packed
from xrdfit.report.figures import figure
from xrdfit.report.methods import methods_text
from xrdfit.report.paper import latex, markdown, paper_tables
from xrdfit.report.regions import ELSEWHERE, phase_regions, weakest_region

ANGLES = np.linspace(15.0, 110.0, 951)
HOSTILE = "<script>alert(1)</script> $\\frac{1}{0}$ | & %"


@pytest.fixture(scope="module")
def two_phases():
    """A fit of 6 nm Cu2Se with a tenth of Cu2O, of counts with noise."""
    from xrdfit.model.files.read import load_models

    parts = [xf.simulate(xf.load_model(name), ANGLES, radiation="cu-ka") for name in ("cu2se-6nm", "cu2o")]
    mean = 300.0 + 5000.0 * parts[0] / parts[0].max() + 800.0 * parts[1] / parts[1].max()
    scan = xf.make_pattern(ANGLES, np.random.default_rng(8).poisson(mean).astype(float), file="made.xy")
    model = load_models(["cu2se-6nm", "cu2o"])
    return xf.fit(model, scan, engine="bragg", fix={"*mixing": 0.5}, background=2, exclude=[(33.0, 34.0)])


def test_print_has_cell_and_size(two_phases) -> None:
    text = str(two_phases)
    for name in ("cu2se__a", "cu2se__size_nm", "cu2o__a"):
        p = two_phases[name]
        (value, error) = re.search(rf"{name} +([\d.]+) ± ([\d.]+)", text).groups()
        assert float(value) == pytest.approx(p.value, abs=0.5 * p.stderr)
        assert float(error) == pytest.approx(p.stderr, rel=0.06)
    assert "\n" not in repr(two_phases)
    assert len(repr(two_phases)) < 100


def test_a_notebook_shows_tables_without_computing_intervals(two_phases, monkeypatch) -> None:
    monkeypatch.setattr("xrdfit.inference.result.interval", lambda *_, **__: pytest.fail("computed an interval"))
    text = two_phases._repr_html_()
    for words in ("<table>", "Cu_32f", "cu2o", "by weight", "cu2se__size_nm"):
        assert words in text
    hostile = replace(
        two_phases, model=replace(two_phases.model, name=HOSTILE), cautions=(Caution("note", (HOSTILE,)),)
    )
    assert "<script" not in hostile._repr_html_()


def test_the_data_frame_is_the_result(two_phases) -> None:
    frame = two_phases.to_dataframe()
    assert list(frame.index) == list(two_phases.parameters)
    p = two_phases["cu2se__a"]
    assert frame.loc["cu2se__a", "value"] == p.value
    assert frame.loc["cu2se__a", "stderr"] == p.stderr
    assert np.isnan(frame.loc["cu2o__occ_O_2a", "stderr"])
    assert "lower" not in frame
    assert two_phases.to_dataframe(intervals=True).loc["cu2se__a", "lower"] == p.lower


def test_figures_show_themselves_and_weak_lines_larger(two_phases) -> None:
    shown = two_phases.plot()
    assert shown._repr_png_().startswith(b"\x89PNG")
    (inset,) = shown.axes[0].child_axes
    low, high = weakest_region(two_phases.pattern)
    assert inset.get_xlim() == pytest.approx((low, high))
    assert inset.get_ylim()[1] < 0.3 * shown.axes[0].get_ylim()[1]
    # it stands where nothing of the pattern is
    inset_box = inset.get_window_extent()
    pixels = shown.axes[0].transData.transform(
        np.column_stack([ANGLES, two_phases.pattern["observed"].reindex(two_theta=ANGLES, method="nearest").values])
    )
    assert not any(inset_box.contains(x, y) for x, y in pixels)


@pytest.mark.parametrize("kind", ["sqrt", "log"])
def test_weak_lines_rise_on_other_axes(two_phases, kind) -> None:
    def height(fig, counts: float) -> float:
        axes = fig.axes[0]
        fig.canvas.draw()
        return axes.transAxes.inverted().transform(axes.transData.transform((60.0, counts)))[1]

    assert height(figure(two_phases, kind), 600.0) > 1.25 * height(figure(two_phases), 600.0)
    assert not figure(two_phases, kind).axes[0].child_axes


def test_an_unknown_axis_is_refused(two_phases) -> None:
    with pytest.raises(InputError, match="linear, sqrt, log"):
        two_phases.plot(intensity="cubic")


def test_regions_of_phases(two_phases) -> None:
    regions = {r.phase: r for r in phase_regions(two_phases)}
    assert set(regions) <= {"cu2se", "cu2o", ELSEWHERE}
    assert sum(r.n_points for r in regions.values()) == two_phases.statistics.n_points
    # a fit to its own model is right everywhere
    for r in regions.values():
        assert r.chi2 == pytest.approx(1.0, abs=4.0 * np.sqrt(2.0 / r.n_points))
    # and where one phase's lines are wrong, that phase says so
    block = two_phases.problem.scans[0]
    near = np.abs(block.bound.two_theta - 36.4) < 0.3
    wrong = replace(block, observed=np.where(near, 1.3 * block.observed, block.observed))
    bad = replace(two_phases, problem=replace(two_phases.problem, scans=(wrong,)))
    changed = {r.phase: r for r in phase_regions(bad)}
    assert changed["cu2o"].chi2 > 3.0
    assert changed["cu2se"].chi2 < 1.5


def test_curves_are_what_was_fitted(two_phases) -> None:
    from base64 import b64decode

    data = curves(two_phases, "")
    back = np.frombuffer(b64decode(data["calculated"]), "<f4")
    assert back == pytest.approx(two_phases.pattern["calculated"].values, rel=1e-6)
    assert len(np.frombuffer(b64decode(curves(two_phases, "", 100)["x"]), "<f4")) <= 100
    assert packed(np.array([1.0])) == "AACAPw=="


def test_methods_hold_every_number(two_phases) -> None:
    text = methods_text(two_phases)
    s = two_phases.statistics
    for words in (
        "from 15 to 110° 2θ in steps of 0.1°", "without 33–34°", "1.54059 Å", "1.54443 Å", "Chebyshev polynomial of order 2",  # noqa: E501
        "K = 0.9", "max(1, √χ²)", f"{s.n_points} points", f"{s.n_varied} parameters varied", "R_exp", "Durbin–Watson",
        "numpy", "scipy", "lmfit", "F m -3 m", "by weight", "f′",
    ):  # fmt: skip
        assert words in text, words
    debye = replace(two_phases, scans=(replace(two_phases.scans[0], engine="debye"),))
    assert "Debye sums" in methods_text(debye)


def test_tables_of_a_paper_escape(two_phases) -> None:
    hostile = replace(two_phases, model=replace(two_phases.model, name=HOSTILE))
    text = markdown(hostile)
    assert "\n| Cu\\_32f | 32f | " in text
    assert "\\<script\\>" in text
    tex = latex(two_phases)
    assert tex.count(r"\begin{tabular}") == len(paper_tables(two_phases)) == 4
    body = re.sub(r"\$[^$]*\$", "", re.sub(r"\\[_%&#${}]", "", tex.split("\n", 1)[1]))
    assert not re.search(r"[_#^]", body)
    assert body.isascii() or not set(re.findall(r"[^\x00-\x7f]", body)) - set("×·éí")


def test_a_document_is_written_and_read(two_phases, tmp_path) -> None:
    docx = pytest.importorskip("docx")
    xf.save_table(two_phases, tmp_path / "table.docx")
    made = docx.Document(str(tmp_path / "table.docx"))
    cells = [cell.text for row in made.tables[0].rows for cell in row.cells]
    assert "Cu_32f" in cells
    assert "R_wp" in made.paragraphs[-1].text
    with pytest.raises(InputError, match="exists"):
        xf.save_table(two_phases, tmp_path / "table.docx")
    with pytest.raises(InputError, match=r"\.tex, \.md or \.docx"):
        xf.save_table(two_phases, tmp_path / "table.pdf")


def test_the_command_writes_the_table_of_a_saved_result(two_phases, tmp_path, capsys) -> None:
    folder = str(xf.save(two_phases, tmp_path / "out", intensity="log"))
    assert main(["table", folder]) == 0
    assert "Cu\\_32f" in capsys.readouterr().out
    assert main(["table", folder, "-o", str(tmp_path / "t.tex")]) == 0
    assert (tmp_path / "t.tex").read_text(encoding="utf-8") == latex(xf.load_result(folder))
    assert main(["table", folder, "-o", str(tmp_path / "t.xls")]) == 2


def test_comparison_and_identifiability_show_themselves(two_phases) -> None:
    from xrdfit.inference.questions.identify import identify_result

    found = identify_result(two_phases)
    assert found.to_dataframe()["value"].iloc[0] == found.combinations[0].value
    assert "<table>" in found._repr_html_()
    assert found.plot()._repr_png_().startswith(b"\x89PNG")
    assert "\n" not in repr(found)
    compared = xf.compare(two_phases.start_model, two_phases.scan, options=two_phases.options)
    frame = compared.to_dataframe()
    assert frame["bic"].is_monotonic_increasing
    assert frame.index[0] == " + ".join(compared.best.sites)
    assert "ΔBIC" in compared._repr_html_()
    assert compared.plot()._repr_png_().startswith(b"\x89PNG")
    assert len(repr(compared)) < 200
