"""Reasons for doubt are codes and numbers; every one has its sentence, and files hold both."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xrdfit as xf
from xrdfit import wording
from xrdfit.inference.cautions import Caution

GRID = np.arange(15.0, 70.0, 0.05)
CODE = Path(xf.__file__).parent / "inference"


def test_every_code_has_its_sentence_and_every_sentence_its_code():
    used = {code for file in CODE.rglob("*.py") for code in re.findall(r'Caution\(\s*"(\w+)"', file.read_text("utf-8"))}
    assert used == set(wording._CAUTIONS)


def test_a_sentence_names_whom_it_concerns():
    said = str(Caution("correlated", ("a", "zero_deg"), {"correlation": -0.97}, "lab"))
    assert said == "lab: a and zero_deg are correlated (-0.970): the scan hardly tells them apart"
    rival = Caution("rival", ("occ_Cu_8c",), {"occ_Cu_8c": 0.3, "delta_chi2": 1.25})
    assert str(rival).startswith("this is one of several answers: occ_Cu_8c 0.300 fits as well (Δχ² = 1.2)")
    assert str(Caution("note", ("text with {braces} from a file",))) == "text with {braces} from a file"


class TestResult:
    @pytest.fixture(scope="class")
    @classmethod
    def result(cls):
        model = xf.load_model("cu2se-6nm")
        y = xf.simulate(model, GRID, values={"size_nm": 4.0})
        counts = np.random.default_rng(2).poisson(100.0 + 2000.0 * y / y.max()).astype(float)
        scan = xf.make_pattern(GRID, counts, radiation="cu-ka")
        return xf.fit(model, scan, engine="bragg", vary=["displacement_mm", "zero_deg"], fix={"size_nm": 9.0})

    def test_warnings_are_their_sentences(self, result):
        codes = [c.code for c in result.cautions]
        assert {"radius_assumed", "misfit", "serial"} <= set(codes)
        assert result.warnings == tuple(map(str, result.cautions))
        misfit = result.cautions[codes.index("misfit")]
        assert misfit.numbers["chi2_reduced"] == pytest.approx(result.statistics.chi2_reduced)
        assert "b_overall" in misfit.names

    def test_files_hold_both(self, result, tmp_path):
        xf.save(result, tmp_path / "out")
        data = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
        assert data["warnings"] == list(result.warnings)
        assert [c["code"] for c in data["cautions"]] == [c.code for c in result.cautions]
        assert xf.load_result(tmp_path / "out").cautions == result.cautions

    def test_sentences_alone_can_be_read(self, result, tmp_path):
        """As files of the first version hold them."""
        xf.save(result, tmp_path / "out")
        data = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
        del data["cautions"]
        (tmp_path / "out" / "result.json").write_text(json.dumps(data), encoding="utf-8")
        text = (tmp_path / "out" / "fit.toml").read_text(encoding="utf-8")
        (tmp_path / "out" / "fit.toml").write_text(re.sub(r'"?result\.json"? = ".*"\n', "", text), encoding="utf-8")
        assert xf.load_result(tmp_path / "out").warnings == result.warnings

    def test_equal_results_have_equal_cautions(self, result):
        assert replace(result, cautions=()) != result
