"""The picture of report.html: plotly's own checks accept it, and it shows the result's numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from inference_cases import scan_of

import xrdfit as xf
from xrdfit.report.zoomable import figure, plot


@pytest.fixture(scope="module")
def result():
    model = xf.load_model("cu2se-2nm")
    return xf.fit(model, scan_of(model, 5), exclude=[(40.0, 41.0)])


def test_plotly_accepts_it(result):
    drawn = go.Figure(figure(result))  # an unknown name or an impossible value is an error
    names = {trace.name for trace in drawn.data}
    assert {"observed", "calculated", "background", "difference"} < names
    assert drawn.layout.yaxis.domain[1] == pytest.approx(1.0)
    assert [shape.x0 for shape in drawn.layout.shapes] == [40.0]


def test_it_shows_the_numbers_of_the_result(result):
    traces = {trace["name"]: trace for trace in figure(result)["data"]}
    pattern = result.pattern
    np.testing.assert_allclose(traces["observed"]["y"], pattern["observed"], rtol=1e-6)
    shown = [y for y in traces["calculated"]["y"] if y is not None]
    np.testing.assert_allclose(shown, pattern["calculated"], rtol=1e-6)
    assert traces["calculated"]["y"].count(None) == 1  # the line is broken where points were left out
    ticks = traces[result.model.phases[0].name]
    np.testing.assert_allclose(ticks["x"], pattern["tick_two_theta"], rtol=1e-6)


def test_no_text_ends_the_script(result):
    phase = replace(result.model.phases[0], name="</script><img src=x>")
    hostile = replace(result, model=replace(result.model, name="</script><b>", phases=(phase,)))
    whole, innocent = plot(hostile), plot(result)
    assert whole.count("</script>") == innocent.count("</script>")
    assert "<img src=x" not in whole
