"""The page of `xrdfit explore` in a real browser: offline, exact, quick, and usable by keyboard and on a phone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from explore_models import ALL

import xrdfit as xf
from xrdfit.article.published import TABLES, published
from xrdfit.article.published import model as article_model

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LARGEST = 1_500_000  # bytes
CLOSE = 1e-5  # of the pattern's maximum
FRAME = 16.0  # ms
OPENS = 1000.0  # ms
MOVE = """([index, share]) => {
    const range = document.querySelectorAll('#controls input[type=range]')[index];
    const [low, high] = [Number(range.min), Number(range.max)];
    range.value = low + share * (high - low);
    range.dispatchEvent(new Event('input'));
    range.dispatchEvent(new Event('change'));
    return range.getAttribute('aria-label');
}"""


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
def cu2se(tmp_path_factory) -> Path:
    return xf.explore_page(path=tmp_path_factory.mktemp("explore") / "page.html")


class Opened:
    """A page that was opened, and what it said and asked for meanwhile."""

    def __init__(self, browser, path: Path, **options) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.wait("window.xrdfitExplore !== undefined")

    def wait(self, condition: str) -> None:
        """Poll: the page's policy forbids the evaluation within it that Playwright's own waiting needs."""
        deadline = time.monotonic() + 30.0
        while not self.page.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"{condition} does not come true; the page said {self.said}"
            time.sleep(0.02)

    def run(self, code: str, argument=None):
        return self.page.evaluate(code, argument)

    def curve(self, engine: str) -> np.ndarray | None:
        y = self.run(f"xrdfitExplore.curve('{engine}')")
        return None if y is None else np.array(y)

    def quiet(self) -> None:
        assert self.said == []
        assert [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.fixture
def opened(browser) -> Iterator:
    pages: list[Opened] = []

    def open_(path: Path, **options) -> Opened:
        pages.append(Opened(browser, path, **options))
        return pages[-1]

    yield open_
    for page in pages:
        page.quiet()
        page.context.close()


class Expected:
    """`xrdfit.simulate` at the page's values, bound once for each engine: binding costs more than the pattern."""

    def __init__(self, model, grid: np.ndarray) -> None:
        self.model, self.grid = model, grid
        self.bound = {engine: model.bind(grid, engine) for engine in ("bragg", "debye")}

    def off(self, page: Opened) -> float:
        """Largest difference of the page's curves from it, in units of the maximum."""
        values = page.run("xrdfitExplore.values")
        differences = []
        for engine, bound in self.bound.items():
            scales = [values[name] for name in bound.scales]
            expected = bound.patterns(values) @ np.array(scales)
            differences.append(np.abs(page.curve(engine) - expected).max() / expected.max())
        return float(max(differences))


def off(page: Opened, model, engine: str, **options) -> float:
    """Largest difference from `xrdfit.simulate` at the page's own values, in units of the maximum."""
    y = page.curve(engine)
    assert y is not None
    known = {row.name for row in model.rows(engine)}
    values = {name: value for name, value in page.run("xrdfitExplore.values").items() if name in known}
    grid = np.array(page.run("xrdfitExplore.grid"))
    expected = xf.simulate(model, grid, engine=engine, values=values, **options)
    return float(np.abs(y - expected).max() / expected.max())


def test_the_page_is_small_asks_for_nothing_opens_at_once_and_carries_its_licence(cu2se, browser):
    assert cu2se.stat().st_size < LARGEST
    assert "Permission is hereby granted" in cu2se.read_text(encoding="utf-8")
    times = []
    for _ in range(3):  # the machine may be busy with something else: the best of three
        page = Opened(browser, cu2se)
        times.append(page.run("performance.getEntriesByType('navigation')[0].loadEventEnd"))
        assert page.run("document.querySelectorAll('.plot canvas').length") == 2
        page.wait("xrdfitExplore.agreement")
        assert max(page.run("xrdfitExplore.agreement").values()) < CLOSE
        page.quiet()
        page.context.close()
    assert min(times) < OPENS


def test_a_move_of_an_occupancy_is_on_the_screen_within_a_frame(cu2se, opened):
    page = opened(cu2se)
    move = "async o => { xrdfitExplore.set({occ_Cu_8c: o}); return await xrdfitExplore.update(); }"
    times = [page.run(move, 0.2 + 0.01 * k) for k in range(60)]
    # whatever else the machine does only adds to the time: the quickest quarter is what the page needs
    assert np.percentile(times, 25) < FRAME


@pytest.mark.parametrize("source", ["cu2se", "cdse-wurtzite", *ALL])
def test_every_slider_gives_the_packages_curve(source, opened, tmp_path):
    if source in ALL:
        (tmp_path / f"{source}.toml").write_text(ALL[source], encoding="utf-8")
        source = str(tmp_path / f"{source}.toml")
    model = xf.load_model(source)
    page = opened(xf.explore_page(source, tmp_path / "page.html", two_theta=(20.0, 80.0, 0.1)))
    expected = Expected(model, np.array(page.run("xrdfitExplore.grid")))
    sliders = page.run("document.querySelectorAll('#controls input[type=range]').length")
    before = page.run("xrdfitExplore.values")
    moved = set()
    for index in range(sliders):
        label = page.run(MOVE, [index, 0.43])
        after = page.run("xrdfitExplore.values")
        moved |= {name for name in after if after[name] != before[name]}
        if label == "Wavelength":
            wavelength = page.run("xrdfitExplore.page.sample.wavelength")
            assert max(off(page, model, engine, radiation=wavelength) for engine in ("bragg", "debye")) < CLOSE
            page.run("name => xrdfitExplore.setRadiation(name)", model.radiation().name)
        else:
            assert expected.off(page) < CLOSE, label
    assert max(off(page, model, engine) for engine in ("bragg", "debye")) < CLOSE
    still = {"U", "V", "W", "X", "Y", "S_L", "H_L", *(name for name in before if name.endswith("scale"))}
    assert set(before) - moved - still == set()


def test_tubes_and_anomalous_scattering_give_the_packages_curve(cu2se, opened):
    page, model = opened(cu2se), xf.load_model("cu2se")
    for name in page.run("Array.from(document.querySelector('[aria-label=Radiation]').options, o => o.value)"):
        if name:
            page.page.select_option("[aria-label=Radiation]", name)
            assert max(off(page, model, engine, radiation=name) for engine in ("bragg", "debye")) < CLOSE, name
    page.page.select_option("[aria-label=Radiation]", "cu-ka")
    page.page.click("text=f′ and f″")
    assert max(off(page, model, engine, anomalous=False) for engine in ("bragg", "debye")) < CLOSE


def test_the_articles_patterns_are_one_click_away(cu2se, opened):
    page = opened(cu2se)
    grid = np.array(page.run("xrdfitExplore.grid"))
    for table in TABLES:
        for block in published(table):
            page.page.click(f'button[title="Article, {block.title}"]')
            for engine in ("bragg", "debye"):
                expected = xf.simulate(article_model(block), grid, engine=engine)
                y = page.curve(engine)
                assert y is not None
                assert np.abs(y - expected).max() < CLOSE * expected.max(), block.title


def test_a_held_total_is_kept_exactly_within_bounds_and_a_drag_can_be_taken_back(cu2se, opened):
    page = opened(cu2se)
    page.page.locator("fieldset", has_text="Cu").locator("text=hold").click()
    start = page.run("xrdfitExplore.values")
    rng = np.random.default_rng(3)
    for site in rng.integers(1, 5, 40):
        page.run(MOVE, [int(site), float(rng.uniform())])
        o = page.run("xrdfitExplore.values")
        occupancies = [o[f"occ_Cu_{w}"] for w in ("8c", "32f", "4b", "24e")]
        assert abs(np.dot(occupancies, [8, 32, 4, 24]) - 8.0) < 1e-9
        assert min(occupancies) >= 0.0
        assert max(occupancies) <= 1.0
    page.run("v => xrdfitExplore.set(v)", start)
    drag = """shares => { const r = document.querySelectorAll('#controls input[type=range]')[1];
        for (const share of shares) { r.value = share; r.dispatchEvent(new Event('input')); } }"""
    page.run(drag, [0.1, 0.9, start["occ_Cu_8c"]])
    end = page.run("xrdfitExplore.values")
    assert all(abs(end[name] - start[name]) < 1e-12 for name in start)
    page.page.click("button:text-is('fix'):right-of(:text('Cu 4b'))")
    page.run(MOVE, [1, 0.2])
    assert page.run("xrdfitExplore.values")["occ_Cu_4b"] == start["occ_Cu_4b"]


def scan_text(scale: float = 0.05) -> tuple[str, np.ndarray, np.ndarray]:
    grid = np.round(np.arange(18.0, 70.0, 0.04), 4)
    y = scale * xf.simulate(xf.load_model("cu2se"), grid, engine="debye", values={"occ_Cu_8c": 0.6})
    counts = np.random.default_rng(1).poisson(y + 200.0 + 3.0 * (70.0 - grid)).astype(float)
    lines = [f"{x:.4f}  {c:.0f}" for x, c in zip(grid, counts, strict=True)]
    return "\n".join(["# made by hand", "scan of 2024-11-05 17:30", *lines]), grid, counts


def rwp(page: Opened, engine: str) -> float:
    return float(page.page.text_content(f"#rwp-{engine}").split()[0]) / 100.0


def test_a_dropped_scan_lies_beside_the_curves_with_its_rwp(cu2se, opened, tmp_path):
    text, grid, counts = scan_text()
    (tmp_path / "scan.xy").write_text(text, encoding="utf-8")
    page, model = opened(cu2se), xf.load_model("cu2se")
    page.page.set_input_files("#file", tmp_path / "scan.xy")
    page.wait(f"xrdfitExplore.grid.length === {grid.size}")
    page.wait("document.querySelector('#rwp-debye').textContent.includes('%')")
    sigma = np.sqrt(np.maximum(counts, 1.0))
    for o in (0.5, 0.6):
        page.run("async o => { xrdfitExplore.set({occ_Cu_8c: o}); await xrdfitExplore.update(); }", o)
        for engine in ("bragg", "debye"):
            y = xf.simulate(model, grid, engine=engine, values={"occ_Cu_8c": o})
            t = 2.0 * (grid - grid[0]) / (grid[-1] - grid[0]) - 1.0
            a = np.column_stack([y / y.max(), np.polynomial.chebyshev.chebvander(t, 5)]) / sigma[:, None]
            fit = a @ np.linalg.lstsq(a, counts / sigma, rcond=None)[0]
            expected = np.sqrt(np.sum((counts / sigma - fit) ** 2) / np.sum(counts))
            assert rwp(page, engine) == pytest.approx(expected, abs=6e-5)
    assert rwp(page, "debye") < rwp(page, "bragg")  # the scan is Debye's
    page.page.click("#drop-scan")
    assert page.run("xrdfitExplore.grid.length") == 1501


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.xy", b"", "no columns"),
        ("noise.bin", bytes(range(256)) * 40, "no columns"),
        ("back.xy", b"".join(b"%d %d\n" % (30 - i % 25, i) for i in range(100)), "not ascending"),
        ("<img src=x onerror=alert(1)>.xy", b"a b\n", "no columns"),
    ],
)
def test_a_broken_scan_is_said_and_the_page_lives_on(name, content, says, cu2se, opened):
    page = opened(cu2se)
    page.page.set_input_files("#file", {"name": name, "mimeType": "text/plain", "buffer": content})
    page.page.wait_for_selector("#scan-message.bad")
    message = page.page.text_content("#scan-message")
    assert says in message
    assert name in message
    assert off(page, xf.load_model("cu2se"), "bragg") < CLOSE


@pytest.mark.parametrize(
    "rows",
    [
        "{x:.2f}\t{y}.0",
        "{x:.2f};{y}",
        "{x:.2f},{y}",
        "{x:.2f}, {y}, 12.5",
    ],
)
@pytest.mark.parametrize("decimal", [".", ","])
def test_columns_are_read_however_they_are_separated(rows, decimal, cu2se, opened):
    if decimal == "," and "{x:.2f}," in rows:
        pytest.skip("a decimal comma beside separating commas cannot be told apart")
    lines = [rows.format(x=20.0 + 0.1 * i, y=500 + i) for i in range(50)]
    text = "angle counts\n" + "\n".join(line.replace(".", decimal) for line in lines)
    page = opened(cu2se)
    page.page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": text.encode()})
    page.wait("xrdfitExplore.grid.length === 50")
    x, y = page.run("[xrdfitExplore.grid, Array.from(xrdfitExplore.page.scan.y)]")
    assert np.allclose(x, 20.0 + 0.1 * np.arange(50))
    assert np.allclose(y, 500 + np.arange(50))


def test_the_command_that_the_page_shows_computes_its_curve(cu2se, opened, tmp_path, monkeypatch):
    from shlex import split

    from xrdfit.cli import main

    page = opened(cu2se)
    page.run(
        "async () => { xrdfitExplore.set({occ_Cu_8c: 0.123, size_nm: 3.3, b_Cu_4b: 0.7}); "
        "xrdfitExplore.setRadiation('mo-ka'); xrdfitExplore.setAnomalous(false); await xrdfitExplore.update(); }"
    )
    command = split(page.page.input_value("#command"))
    assert command[0] == "xrdfit"
    monkeypatch.chdir(tmp_path)
    assert main([*command[1:], "--two-theta", "15", "90", "0.05", "-o", "p.csv"]) == 0
    angles, intensity = np.loadtxt(tmp_path / "p.csv", delimiter=",", skiprows=1).T
    assert np.allclose(angles, page.run("xrdfitExplore.grid"))
    assert np.abs(intensity - page.curve("bragg")).max() < CLOSE * intensity.max()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_its_width_and_can_be_used_by_keyboard(width, scheme, cu2se, opened):
    page = opened(cu2se, viewport={"width": width, "height": 740}, color_scheme=scheme)
    assert page.run("document.documentElement.scrollWidth") <= width
    page.page.focus("[aria-label='Occupancy of Cu 8c']")
    before = page.curve("debye")
    page.page.keyboard.press("ArrowRight")
    assert page.run("xrdfitExplore.values.occ_Cu_8c") == pytest.approx(0.501)
    assert np.abs(page.curve("debye") - before).max() > 0.0
    page.page.keyboard.press("l")
    assert page.run("document.documentElement.classList.contains('projector')")
    assert page.run("document.documentElement.scrollWidth") <= width
    page.page.focus(".plot")
    page.page.keyboard.press("+")
    assert page.run("xrdfitExplore.page.plots.range[1] - xrdfitExplore.page.plots.range[0]") == pytest.approx(37.5)
    page.page.keyboard.press("0")
    page.page.focus("#cell")
    turned = page.run("xrdfitExplore.page.cell.turn[1]")
    page.page.keyboard.press("ArrowLeft")
    assert page.run("xrdfitExplore.page.cell.turn[1]") == pytest.approx(turned - 0.1)
    page.page.keyboard.press("?")
    assert page.page.is_visible("#about")


def test_every_control_has_a_name(cu2se, opened):
    page = opened(cu2se)
    nameless = """() => Array.from(document.querySelectorAll('button, select, input, canvas[role], [tabindex]'))
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.title || e.labels?.length
                       || e.closest('[aria-label]')))
        .map(e => e.outerHTML.slice(0, 80))"""
    assert page.run(nameless) == []


def test_the_structure_factors_that_cancel_are_those_of_the_package(cu2se, opened):
    page = opened(cu2se)
    page.page.click('button[title="Article, Table 2, block 3: 2 nm"]')
    sums = """() => { const {page} = xrdfitExplore, {sample} = page, engine = sample.engines[0].bragg;
        return page.phasors.lines.map(line => {
            const parts = engine.contributions(line, sample.values, sample.optics);
            return [engine.indices(line), parts.map(part => part.re)]; }); }"""
    page.run("xrdfitExplore.update()")
    found = {tuple(hkl): re for hkl, re in page.run(sums)}
    assert set(found) == {(1, 1, 1), (2, 0, 0), (2, 2, 0), (3, 1, 1)}
    se, cu8c, _, cu4b, _ = found[1, 1, 1]
    assert cu8c == pytest.approx(0.0, abs=1e-9)  # A(8c) = 0, A(4a) = 4, A(4b) = −4 where all indices are odd
    assert se > 0.0 > cu4b
    se, cu8c, _, cu4b, _ = found[2, 0, 0]
    assert se > 0.0 > cu8c
    assert cu8c / cu4b == pytest.approx(-2.0)  # −8 against 4, both 0.3 full


def test_a_model_that_the_page_does_not_understand_is_said(cu2se, opened, tmp_path, monkeypatch):
    from xrdfit.explore import page as module

    monkeypatch.setattr(module, "simulate", lambda *a, **k: 1.001 * xf.simulate(*a, **k))
    page = opened(module.explore_page("si", tmp_path / "p.html"))
    page.page.wait_for_selector("#agreement.bad")


def test_a_hostile_name_stays_text(opened, tmp_path):
    from dataclasses import replace

    name = "</script><img src=x onerror=alert(1)>"
    page = opened(xf.explore_page(replace(xf.load_model("si"), name=name), tmp_path / "p.html"))
    assert page.page.text_content("h1") == name
    assert page.run("document.querySelectorAll('img').length") == 0


def test_the_phase_that_is_shown_is_chosen_from_a_list(opened, tmp_path):
    (tmp_path / "two.toml").write_text(ALL["two"], encoding="utf-8")
    page = opened(xf.explore_page(tmp_path / "two.toml", tmp_path / "p.html"))
    assert page.page.text_content("#phase-name") == "Fd-3m:2"
    page.page.select_option("#phase", label="clusters")
    page.wait("document.querySelector('#cell').getAttribute('aria-label').includes('Mg 4a')")
    assert page.page.text_content("#phase-name") == "Fm-3m"


def test_a_scan_in_q_follows_the_wavelength(cu2se, opened, tmp_path):
    q = np.linspace(1.5, 5.0, 200)
    rows = "\n".join(f"{x:.5f} {500 + k}" for k, x in enumerate(q))
    page = opened(cu2se)
    page.page.set_input_files("#file", {"name": "q.xy", "mimeType": "text/plain", "buffer": rows.encode()})
    page.wait("xrdfitExplore.grid.length === 200")
    page.page.select_option("#axis", "q")
    for name, wavelength in (("cu-ka", 1.540593), ("mo-ka", 0.70931715)):
        page.page.select_option("[aria-label=Radiation]", name)
        last = np.degrees(2.0 * np.arcsin(q[-1] * wavelength / (4.0 * np.pi)))
        page.wait(f"Math.abs(xrdfitExplore.grid[199] - {last}) < 1e-3")


def test_several_models_are_chosen_from_a_list(opened, tmp_path):
    page = opened(xf.explore_page(["si", "cu2o"], tmp_path / "p.html"))
    page.page.select_option("#models", label="cu2o")
    page.run("xrdfitExplore.update()")
    assert off(page, xf.load_model("cu2o"), "bragg") < CLOSE
    assert off(page, xf.load_model("cu2o"), "debye") < CLOSE
