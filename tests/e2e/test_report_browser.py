"""report.html in a real browser: offline, above the fold, on a phone, on paper, and with what it shows checked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import xrdfit as xf

pytestmark = pytest.mark.browser
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator:
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed")
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=found[0], args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def result():
    angles = np.linspace(15.0, 90.0, 1501)
    pattern = xf.simulate(xf.load_model("cu2se-6nm"), angles, radiation="cu-ka")
    counts = np.random.default_rng(3).poisson(200.0 + 4000.0 * pattern / pattern.max()).astype(float)
    scan = xf.make_pattern(angles, counts, file="<b>made</b>.xy")
    return xf.fit(xf.load_model("cu2se-6nm"), scan, engine="bragg", fix={"mixing": 0.5}, exclude=[(33.0, 35.0)])


@pytest.fixture(scope="module")
def report(result, tmp_path_factory) -> Path:
    return xf.save(result, tmp_path_factory.mktemp("report") / "out") / "report.html"


def opened(browser, report: Path, **options):
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else said.append(request.url))
    page.goto(report.as_uri())
    assert page.evaluate("window.xrdfitReport.length") == 1
    return page, said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_the_picture_is_above_the_fold_and_nothing_overflows(browser, report, scheme, width, height) -> None:
    viewport = {"width": width, "height": height}
    page, said = opened(browser, report, viewport=viewport, color_scheme=scheme)
    box = page.locator(".place").bounding_box()
    assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert report.stat().st_size < 1_500_000
    assert said == []
    page.context.close()


def test_axes_zoom_and_curves(browser, report, result) -> None:
    page, said = opened(browser, report)
    drawn = page.evaluate("Array.from(xrdfitReport[0].columns[2])")
    assert drawn == pytest.approx(result.pattern["calculated"].values, rel=1e-6)
    page.get_by_text("√", exact=True).click()
    assert page.evaluate("xrdfitReport[0].columns[0][100]") == pytest.approx(
        float(result.pattern["observed"][100]) ** 0.5, rel=1e-6
    )
    page.get_by_text("log", exact=True).click()
    page.get_by_text("weakest region").click()
    low, high = page.evaluate("xrdfitReport[0].range")
    assert high - low == pytest.approx(15.0, abs=0.01)
    box = page.locator(".place .u-over").first.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    assert "calculated" in page.locator(".readout").inner_text()
    page.locator(".place").focus()
    page.keyboard.press("0")
    assert page.evaluate("xrdfitReport[0].range") is None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    assert page.evaluate("xrdfitReport[0].range") == pytest.approx([30.0, 45.0], abs=0.3)
    assert said == []
    page.context.close()


def test_it_prints(browser, report, tmp_path) -> None:
    page, said = opened(browser, report)
    page.emulate_media(media="print")
    assert not page.locator(".place").is_visible()
    assert page.locator("img.print").is_visible()
    assert page.evaluate("document.querySelector('img.print').naturalWidth") > 1000
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert 1 <= content.count(b"/Type /Page\n") <= 8
    assert said == []
    page.context.close()
