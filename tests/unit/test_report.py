"""Tables, picture, page and files of a result, and the way back."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import xrdfit as xf
from xrdfit.crystal.cif import read_cif
from xrdfit.errors import InputError
from xrdfit.inference.cautions import Caution
from xrdfit.model.instrument import Instrument
from xrdfit.report import files
from xrdfit.report.figures import figure, gaps_broken, png
from xrdfit.report.fitfile import read_fit_file
from xrdfit.report.html import page
from xrdfit.report.numbers import concise, percent, plain
from xrdfit.report.options_table import read_assignments, read_fixes
from xrdfit.report.patternfile import read_pattern_file
from xrdfit.report.summary import facts, site_rows
from xrdfit.report.tables import render

ANGLES = np.linspace(15.0, 65.0, 501)
HOSTILE = "<script>alert('x')</script> $\\frac{1}{0}$ [red]"


def synthetic(**attrs):
    model = xf.load_model("cu2se-6nm")
    pattern = xf.simulate(model, ANGLES, radiation="cu-ka")
    counts = np.random.default_rng(5).poisson(300 + 5000 * pattern / pattern.max()).astype(float)
    return xf.make_pattern(ANGLES, counts, **attrs)


@pytest.fixture(scope="module")
def result():
    """A fit of the 6 nm model with a total, a gap and B varied, of a scan that no file holds."""
    model = xf.load_model("cu2se-6nm")
    scan = synthetic(sample="synthetic", wavelengths=[1.540593, 1.544427], wavelength_weights=[0.668, 0.332])
    fixed = {"mixing": 0.5, "b_Cu_*": None}
    return xf.fit(
        model, scan, engine="bragg", total={"Cu": 8}, vary=["b_overall"], fix=fixed, exclude=[(33, 36)], background=2
    )


@pytest.fixture(scope="module")
def hostile(result):
    """The same with a name that attacks every kind of output."""
    model = replace(result.model, name=HOSTILE)
    scan = replace(result.scans[0], data=result.scan.assign_attrs(file=HOSTILE))
    return replace(result, model=model, cautions=(Caution("note", (HOSTILE,)),), scans=(scan,))


@pytest.mark.parametrize(
    ("value", "stderr", "text"),
    [
        (0.30214, 0.0071, "0.302(7)"),
        (0.30214, 0.0149, "0.302(15)"),
        (0.30214, 0.00199, "0.302(2)"),
        (5.850031, 0.00123, "5.8500(12)"),
        (-0.0788, 0.0012, "-0.0788(12)"),
        (15320.0, 210.0, "15300(200)"),
        (15320.0, 140.0, "15320(140)"),
        (8.0, 1.0, "8.0(10)"),
        (8.0, 3.0, "8(3)"),
        (0.5, 0.0996, "0.50(10)"),
        (0.5, None, "0.5"),
        (0.5, 0.0, "0.5"),
        (0.5, float("nan"), "0.5"),
        (float("nan"), 0.1, "–"),
        (1e-7, 2e-8, "0.00000010(2)"),
    ],
)
def test_concise_follows_the_rule_of_19(value, stderr, text) -> None:
    assert concise(value, stderr) == text


def test_concise_loses_less_than_the_error_says() -> None:
    """Whatever the numbers, the text is within half a unit of its last digit, which is at most half the error."""
    rng = np.random.default_rng(3)
    for value, stderr in zip(rng.normal(0, 100, 300), 10 ** rng.uniform(-6, 3, 300), strict=True):
        text, _, error = concise(value, stderr).rstrip(")").partition("(")
        decimals = len(text.partition(".")[2])
        assert abs(float(text) - value) <= 0.2501 * stderr
        assert int(error) * 10.0**-decimals == pytest.approx(stderr, rel=0.26)


def test_percent_and_plain() -> None:
    assert percent(0.3012, 0.0072) == "30.1(7) %"
    data = {
        "a": np.float64("nan"),
        "b": [np.int64(3), float("inf")],
        "c": np.array([1.0, np.nan]),
        "d": (True, None, "x"),
    }
    assert plain(data) == {"a": None, "b": [3, None], "c": [1.0, None], "d": [True, None, "x"]}
    assert type(plain(np.float64(1.5))) is float


def printed(result) -> str:
    """What a terminal 110 columns wide shows."""
    stream = StringIO()
    Console(file=stream, width=110, color_system=None, legacy_windows=False).print(render(result))
    return stream.getvalue()


def test_text_tells_what_was_done(result) -> None:
    text = printed(result)
    assert "cu-ka" not in text  # the header names no tube, only wavelengths
    for words in (
        "1.54059 Å, 1.54443 Å",
        "from the scan's header",
        "K = 0.9",
        "0.87 D",
        "order 2",
        "without 33–36°",
        "Cu = 8",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 110


def test_site_rows_add_up(result) -> None:
    rows = {row[0]: row for row in site_rows(result, "cu2se")}
    assert set(rows) == {"Se_4a", "Cu_8c", "Cu_32f"}
    atoms = [float(rows[label][4].partition("(")[0]) for label in ("Cu_8c", "Cu_32f")]
    assert sum(atoms) == pytest.approx(8.0, abs=0.02)
    assert rows["Cu_32f"][5] == "derived"
    assert rows["Se_4a"][2] == "1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"radiation": "cu-ka1"}, "as asked for"),
        ({"instrument": Instrument(radiation="cu-ka")}, "from the instrument file"),
        ({}, "from the scan's header"),
    ],
)
def test_origin_of_the_radiation(result, change, words) -> None:
    told = dict(facts(replace(result, options=replace(result.options, **change))))
    assert told["Radiation"].endswith(words)


def test_origin_of_the_radiation_without_a_header(result) -> None:
    bare = replace(result, scans=(replace(result.scans[0], data=result.scan.drop_attrs()),))
    assert dict(facts(bare))["Radiation"].endswith("from the model")
    silent = replace(result.start_model, instrument=Instrument())
    assert dict(facts(replace(bare, start_model=silent)))["Radiation"].endswith("by default")


def test_gaps_are_not_bridged() -> None:
    x, y = gaps_broken(np.array([1.0, 1.1, 1.2, 3.0, 3.1]), np.arange(5))
    assert np.isnan(y).tolist() == [False, False, False, True, False, False]
    assert x[3] == pytest.approx(2.1)


def test_figure_shows_everything_and_nothing_overlaps(result) -> None:
    fig = figure(result)
    fig.canvas.draw()
    top, ticks, bottom = fig.axes
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["observed", "calculated", "background", "left out"]
    assert "Rwp" in top.get_title(loc="left")
    segments = ticks.collections[0].get_segments()
    assert len(segments) == len(result.pattern["tick_two_theta"])
    boxes = [axes.get_tightbbox() for axes in (top, ticks, bottom)]
    assert boxes[0].y0 >= boxes[1].y1 - 1
    assert boxes[1].y0 >= boxes[2].y1 - 1
    assert png(result).startswith(b"\x89PNG")


def test_drawing_leaves_no_global_state(result) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    png(result)
    assert dict(mpl.rcParams) == before


def test_page_is_self_contained_and_escapes(hostile) -> None:
    text = page(hostile)
    own = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert "<script>alert" not in text.replace(r"\u003c", "<escaped>")
    assert "&lt;script&gt;alert" in own
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=(?!\"data:)", own)
    assert "default-src 'none'; script-src 'sha256-" in text
    assert "unsafe-eval" not in text
    assert len(text.encode()) < 1_500_000
    for words in ("Cu_32f", "Bérar", "√[Σ w", "0.87 D", "xrdfit fit --from fit.toml"):
        assert words in own


def test_hostile_names_do_not_break_picture_and_tables(hostile) -> None:
    assert png(hostile).startswith(b"\x89PNG")
    assert "[red]" in printed(hostile)


def test_save_and_load_give_the_same_result(result, tmp_path: Path) -> None:
    folder = xf.save(result, tmp_path / "a" / "out")
    assert {p.name for p in folder.iterdir()} == set(files.OUTPUTS)
    assert [p.name for p in folder.parent.iterdir()] == ["out"]
    again = xf.load_result(folder)
    assert again.statistics == result.statistics
    assert again.sites == result.sites
    assert again.options == result.options
    assert again.warnings == result.warnings
    assert (again.success, again.message) == (result.success, result.message)
    assert {n: p.value for n, p in again.parameters.items()} == {n: p.value for n, p in result.parameters.items()}
    assert np.array_equal(again.covariance, result.covariance)
    assert again.pattern.identical(result.pattern)
    assert again.scan.attrs == result.scan.attrs
    assert again.interval("occ_Cu_8c", 0.95) == pytest.approx(result.interval("occ_Cu_8c", 0.95))


def test_saved_numbers_are_the_results(result, tmp_path: Path) -> None:
    folder = xf.save(result, tmp_path / "out")
    data = json.loads((folder / "result.json").read_text(), parse_constant=lambda c: pytest.fail(f"{c} in JSON"))
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO((folder / "parameters.csv").read_text()))}
    assert set(rows) == set(data["parameters"]) == set(result.parameters)
    for name, p in result.parameters.items():
        assert float(rows[name]["value"]) == data["parameters"][name]["value"] == p.value
        assert (rows[name]["stderr"] == "") == (p.stderr is None)
    structure = read_cif(folder / "refined.cif")
    assert structure.cell.a == pytest.approx(result["a"].value, abs=result["a"].stderr)
    by_label = {s.label: s for s in structure.sites}
    assert by_label["Cu_32f"].occupancy == pytest.approx(result["occ_Cu_32f"].value, abs=result["occ_Cu_32f"].stderr)
    assert by_label["Cu_8c"].b_iso == pytest.approx(result["b_overall"].value, abs=result["b_overall"].stderr)
    assert re.search(r"'?Cu_8c'? Cu 8 c .*\(\d+\) .*\(\d+\)", (folder / "refined.cif").read_text())


def test_pattern_file_keeps_weights_and_the_scans_own_errors_apart(result, tmp_path: Path) -> None:
    folder = xf.save(result, tmp_path / "out")
    scan, sigma = read_pattern_file(folder / "pattern.nc")
    assert scan.identical(result.scan)
    assert scan.attrs["sigma_from"] == "poisson"
    assert not np.array_equal(sigma, scan["sigma"].values)  # the weights come from the calculated pattern


def test_a_scan_that_no_file_holds_is_rerun_from_the_pattern_file(result, tmp_path: Path) -> None:
    folder = xf.save(result, tmp_path / "out")
    saved = read_fit_file(folder / "fit.toml")
    assert saved.scans[""].file == folder / "pattern.nc"
    assert saved.options == result.options
    assert saved.model == result.start_model
    assert saved.read_scans()[""].identical(result.scan)


def test_a_scan_that_a_script_changed_is_not_taken_for_its_file(tmp_path: Path) -> None:
    file = tmp_path / "scan.xy"
    scan = synthetic()
    file.write_text("".join(f"{x} {y}\n" for x, y in zip(ANGLES, scan["counts"].values, strict=True)))
    honest = xf.read_pattern(file)
    changed = honest.assign(counts=honest["counts"] + 1.0)
    for name, pattern, source in (("a", honest, file), ("b", changed, tmp_path / "b" / "pattern.nc")):
        fitted = xf.fit(xf.load_model("cu2se-6nm"), pattern, engine="bragg", fix=["size_nm", "mixing"])
        assert read_fit_file(xf.save(fitted, tmp_path / name) / "fit.toml").scans[""].file == source


def test_a_blank_is_found_from_the_results_folder(tmp_path: Path, monkeypatch) -> None:
    """A blank that was named from the working directory is named from the results' folder in fit.toml."""
    monkeypatch.chdir(tmp_path)
    file = Path("blank.xy")
    file.write_text("".join(f"{x} {y}\n" for x, y in zip(ANGLES, np.full(len(ANGLES), 300.0), strict=True)))
    pieces = [xf.Chebyshev(0), xf.Blank(xf.read_pattern(file))]
    fixed = ["size_nm", "mixing", "a"]
    result = xf.fit(xf.load_model("cu2se-6nm"), synthetic(), engine="bragg", fix=fixed, background=pieces)
    xf.save(result, "a/out")
    monkeypatch.chdir(tmp_path.parent)
    again = xf.load_result(tmp_path / "a" / "out")
    assert again["blank"].value == result["blank"].value


def test_nothing_is_left_of_a_failed_save(result, tmp_path: Path, monkeypatch) -> None:
    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xrdfit.report.html.page", fails)
    with pytest.raises(OSError, match="No space"):
        xf.save(result, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_existing_results_are_refused_without_force(result, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "fit.toml").write_text("mine")
    with pytest.raises(InputError, match="already holds"):
        xf.save(result, folder)
    assert (folder / "fit.toml").read_text() == "mine"
    xf.save(result, folder, force=True)
    assert xf.load_result(folder).statistics == result.statistics


@pytest.mark.parametrize("name", ["result.json", "fit.toml", "pattern.nc"])
@pytest.mark.parametrize("content", [None, b"", b"\x00\xff broken", b"[1, 2]"])
def test_a_broken_result_is_named(result, tmp_path: Path, name, content) -> None:
    folder = xf.save(result, tmp_path / "out")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        xf.load_result(folder)
    assert "\n" not in str(caught.value)


def test_assignments() -> None:
    assert read_assignments(["a=5.85", " size_nm = 2e0 "], "start") == {"a": 5.85, "size_nm": 2.0}
    assert read_fixes(["a", "b_*=1"]) == {"a": None, "b_*": 1.0}
    for bad in ("a", "=1", "a=", "a=1=2", "a=nan", "a=one"):
        with pytest.raises(InputError, match="start"):
            read_assignments([bad], "start")
