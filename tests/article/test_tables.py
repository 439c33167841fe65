"""Tables 1 to 4: what is published, what is computed for it, what fits return of it, and the files."""

from __future__ import annotations

import csv
import io
import tomllib

import numpy as np
import pytest

import xrdfit.article
from xrdfit.article import build
from xrdfit.article.measure import BACKGROUND, MAXIMUM, angles, counted, expected_counts, line_intensities, relative
from xrdfit.article.published import by_size, model, published, structure
from xrdfit.article.recover import recover
from xrdfit.article.sheets import Sheet, escape, to_csv, to_latex, to_markdown
from xrdfit.article.tables import table_sheets
from xrdfit.crystal.radiation import radiation
from xrdfit.crystal.scattering import form_factors
from xrdfit.errors import InputError
from xrdfit.model.files.presets import data_path
from xrdfit.model.files.read import load_model

EXPECTED = tomllib.loads(data_path("article", "expected.toml").read_text(encoding="utf-8"))
PULL = EXPECTED["tolerance"]["pull"]


@pytest.fixture(scope="module")
def sheets():
    return {table: table_sheets(table) for table in (1, 2, 3, 4)}


def _records(sheet):
    return list(csv.DictReader(io.StringIO(to_csv(sheet))))


@pytest.mark.parametrize("size", [6.0, 4.0, 2.0])
def test_models_of_table_2_are_the_presets(size):
    ours, preset = model(by_size()[size]), load_model(f"cu2se-{size:g}nm")
    expected = {r.name: r for r in preset.rows("bragg")}
    for row in ours.rows("bragg"):
        assert row == expected[row.name]


@pytest.mark.parametrize("size", [6.0, 4.0, 2.0])
def test_relative_intensities_are_those_of_the_independent_calculation(size):
    computed = relative(line_intensities(by_size()[size]))
    expected = EXPECTED["intensities"][f"table-2-{size:g}nm"]
    assert computed == pytest.approx(expected, abs=EXPECTED["tolerance"]["relative_intensity"])


@pytest.mark.parametrize("table", [3, 4])
def test_200_of_every_block_is_the_closed_form(table):
    # h + k + l = 4n + 2: amplitudes 4 (4a), -8 (8c), 4 (4b); 24e and 32f by their orbits' cosines at (200)
    s = np.array([1.0 / 5.85])
    (selenium,), (copper,) = form_factors(["Se", "Cu"], s, radiation("cu-ka1").lines[0].energy_ev, True)
    for block in published(table):
        amplitude = -8.0 * block.occupancy("8c") + 4.0 * block.occupancy("4b")
        amplitude += 32.0 * np.cos(2 * np.pi * 2 * 0.34) * block.occupancy("32f")
        amplitude += 8.0 * (np.cos(2 * np.pi * 2 * 0.25) + 2.0) * block.occupancy("24e")
        theta = np.arcsin(radiation("cu-ka1").wavelength / 5.85)
        lp = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        strength = 6 * abs(4 * selenium + amplitude * copper) ** 2 * lp
        assert line_intensities(block)["200"] == pytest.approx(strength, rel=1e-6)


@pytest.mark.parametrize(("table", "copper"), [(2, [8.0, 8.0, 7.968]), (3, [8.0] * 3), (4, [7.9992, 7.9992, 7.968])])
def test_composition(table, copper):
    assert [structure(b).composition()["Cu"] for b in published(table)] == pytest.approx(copper, abs=1e-9)
    assert [b.copper for b in published(table)] == pytest.approx(copper, abs=1e-9)


@pytest.mark.parametrize("engine", ["bragg", "debye"])
def test_counts_scatter_about_their_mean_as_counts_do(engine):
    block = by_size()[4.0]
    mean = expected_counts(model(block), engine)
    counts = counted(block, engine)["counts"].values
    assert (mean.max(), len(mean)) == (pytest.approx(MAXIMUM), len(angles()))
    assert mean.min() >= BACKGROUND
    assert np.array_equal(counts, counted(block, engine)["counts"].values)
    assert not np.array_equal(counts, counted(published(3)[2], engine)["counts"].values)
    chi2 = float(((counts - mean) ** 2 / mean).mean())
    assert abs(chi2 - 1.0) < 5.0 * np.sqrt(2.0 / len(mean))


def test_fitted_back_values_lie_within_three_errors(sheets):
    pulls = []
    for table in (2, 3, 4):
        for record in _records(sheets[table][0]):
            if record["element"] == "Se":
                assert record["bragg_fitted"] == record["debye_pull"] == ""
                continue
            for engine in ("bragg", "debye"):
                fitted, error, pull = (float(record[f"{engine}_{c}"]) for c in ("fitted", "stderr", "pull"))
                assert error > 0.0
                assert pull == pytest.approx((fitted - float(record["published"])) / error, abs=0.02)
                assert 0.015 < float(record[f"{engine}_r_wp"]) < 0.05
                pulls.append(pull)
    assert len(pulls) == 2 * (6 + 6 + 9 + 9 * 2)  # engines × (Cu sites of tables 2, 3, 4; a and size of 9 blocks)
    assert max(map(abs, pulls)) < PULL
    # errors that can be believed: neither too small nor far too large for what the noise does
    assert 0.5 < np.sqrt(np.mean(np.square(pulls))) < 1.3


def test_a_wrong_model_is_not_fitted_back():
    # the same counts with 4b left out: what the tolerances above are worth
    from xrdfit.inference.fit import fit

    block = by_size()[2.0]
    result = fit(model(block), counted(block, "bragg"), fix={"occ_Cu_4b": 0.0})
    assert result.statistics.r_wp > 5 * recover(block).r_wp


def test_what_the_print_leaves_out_is_marked_in_every_format(sheets):
    records = _records(sheets[4][0])
    assert [r["wyckoff"] for r in records if r["printed"] == "no"] == ["8c", "4b", "24e"]
    assert {r["block"] for r in records if r["printed"] == "no"} == {"3"}
    for text in (to_markdown(sheets[4]), to_latex(sheets[4])):
        assert text.count("(not printed)") == 3
        assert "breaks off after the block" in text
    assert all("not printed" not in to_markdown(sheets[table]) for table in (1, 2, 3))


def test_table_1_is_an_observation(sheets):
    records = _records(sheets[1][0])
    assert [(r["size_nm"], r["with_superstructure_percent"], r["kind"]) for r in records] == [
        ("2", "0", "observed"),
        ("4", "10", "observed"),
        ("6", "80", "observed"),
    ]
    assert "cannot be computed from diffraction" in to_markdown(sheets[1])


def test_intensities_stand_in_the_csv(sheets):
    for record in _records(sheets[2][0]):
        assert max(float(record[f"intensity_{f}"]) for f in ("111", "200", "220", "311", "222", "400")) == 100.0


def test_sheets_escape_what_their_format_reserves():
    sheet = Sheet("x", "50 % of |F|² & more_than {111}", ("a",), ("a | b",), (("1,2",), ("±",)))
    assert to_csv(sheet) == 'a\n"1,2"\n±\n'
    assert "| a \\| b |" in to_markdown([sheet])
    assert escape(sheet.title) == r"50 \% of $|$F$|$\textsuperscript{2} \& more\_than \{111\}"
    assert to_latex([sheet]).count(r"\begin{tabular}{l}") == 1


def test_latex_is_plain_ascii_and_balanced(sheets):
    for table in (1, 2, 3, 4):
        text = to_latex(sheets[table])
        assert text.isascii()
        assert text.count(r"\begin{") == text.count(r"\end{")
        rows = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert {line.count(" & ") for line in rows} <= {len(s.headings) - 1 for s in sheets[table]}


def test_parts_and_files():
    assert build.parts("all") == build.PARTS
    assert build.parts(["figure-4b", "Table 2"]) == ("table 2", "figure 4b")
    assert build.file_names("figure 4b") == ("figure-4b.png", "figure-4b.pdf")
    for wrong in ("table 5", "figure", "", ()):
        with pytest.raises(InputError, match="allowed are all"):
            build.parts(wrong)


def test_make_writes_whole_files_and_overwrites_only_when_told(tmp_path):
    out = tmp_path / "deep" / "out"
    (files,) = {xrdfit.article.make("table 1", out)}
    assert sorted(p.name for p in out.iterdir()) == ["table-1.csv", "table-1.md", "table-1.tex"]
    assert [p.name for p in files] == ["table-1.csv", "table-1.md", "table-1.tex"]
    files[0].write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"already holds table-1\.csv.*--force"):
        xrdfit.article.make(["table 1", "figure 4e"], out)
    assert files[0].read_text(encoding="utf-8") == "mine"
    xrdfit.article.make("table 1", out, force=True)
    assert files[0].read_text(encoding="utf-8").startswith("size_nm,")


def test_nothing_is_left_where_a_part_fails(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("stop")

    monkeypatch.setattr(build, "_write_figure", fail)
    with pytest.raises(RuntimeError, match="stop"):
        xrdfit.article.make(["table 1", "figure 4e"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path, capsys):
    from xrdfit.cli import main

    assert main(["article", "table", "1", "-o", str(tmp_path), "--json"]) == 0
    assert "table-1.tex" in capsys.readouterr().out
    assert main(["article", "table", "1", "-o", str(tmp_path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["article", "table"]) == 2
    assert "a number is missing" in capsys.readouterr().err
    assert main(["article", "figure", "9z", "-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
