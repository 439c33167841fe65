"""`xrdfit app` in a real browser: a film and its blank are dropped, fitted as advised, and everything is downloaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from app_server import Running, film_and_blank

import xrdfit as xf

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.browser

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 180_000  # ms, on a busy machine
DROP = """([name, text]) => {
    const files = new DataTransfer();
    files.items.add(new File([text], name));
    for (const kind of ['dragenter', 'dragover', 'drop']) {
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
    }
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
def server(tmp_path_factory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("app"))
    yield running
    running.end()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    film, blank = film_and_blank(hump=600.0)
    (folder / "film.xy").write_bytes(film)
    (folder / "blank.xy").write_bytes(blank)
    (folder / "broken.rasx").write_bytes(b"PK\x03\x04 nonsense")
    return folder


class Opened:
    """A page that was opened; it asks its own server only and says nothing to the console."""

    def __init__(self, browser, server: Running, **options) -> None:
        self.server = server
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.goto(server.address)
        self.page.wait_for_selector("#version:not(:empty)")

    def _asked(self, url: str) -> None:
        own = urlsplit(url)
        if own.scheme not in ("data", "blob") and own.netloc != f"127.0.0.1:{self.server.port}":
            self.said.append(f"asked for {url}")

    def drop(self, file: Path) -> None:
        self.page.evaluate(DROP, [file.name, file.read_bytes().decode("latin-1")])
        self.page.wait_for_selector(f"#files .name[title='{file.name}']")

    def busy(self) -> None:
        """Wait until what runs has ended."""
        time.sleep(0.3)
        self.page.wait_for_selector("#progress", state="hidden")

    def message(self) -> str:
        return self.page.locator("#message").text_content() or ""

    def option(self, flag: str, value: str = "") -> None:
        self.page.select_option("#flag", flag)
        if value:
            self.page.fill("#value", value)
        self.page.click("#add button")

    def words(self) -> list[str]:
        return self.page.evaluate("xrdfitApp.choices.words()")

    def drag(self, mode: str, low: float, high: float) -> None:
        self.page.click(f"[data-mode={mode}]")
        box = self.page.locator("#plot .u-over").first.bounding_box()
        place = lambda angle: box["x"] + box["width"] * (angle - 15.0) / 60.0  # noqa: E731
        self.page.mouse.move(place(low), box["y"] + 60)
        self.page.mouse.down()
        self.page.mouse.move(place(high), box["y"] + 70, steps=5)
        self.page.mouse.up()

    def close(self) -> None:
        assert self.said == []
        self.context.close()


@pytest.fixture
def opened(browser, server) -> Iterator[Opened]:
    page = Opened(browser, server)
    yield page
    page.close()


def prepare(page: Opened, files: Path) -> None:
    page.drop(files / "film.xy")
    page.drop(files / "blank.xy")
    page.page.select_option("#model", "cu2se-6nm")
    page.page.select_option("#engine", "bragg")
    page.option("--fix", "mixing=0.5")


def on_command_line(command: str, folder: Path) -> dict:
    """Run what the page says, where the files are."""
    words = command.replace("\\\n", " ").split()[1:]
    run = subprocess.run(
        [sys.executable, "-m", "xrdfit.cli", *words, "--json"], capture_output=True, text=True, cwd=folder, timeout=300
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_film_blank_advice_fit_and_every_download(opened, files, tmp_path) -> None:
    page = opened.page
    prepare(opened, files)
    assert opened.words()[:1] == ["film.xy"]
    assert opened.words()[opened.words().index("--blank") + 1] == "blank.xy"
    page.click("#fit")
    opened.busy()
    assert opened.message() == ""
    before = page.evaluate("xrdfitApp.shownFit.answer.chi2")
    # the scan holds a hump that neither the blank nor the model has: the page says so, and a button adds it
    first = page.locator("#result .advice button").first
    words = first.inner_text().removeprefix("apply ").split()
    assert words[0] in ("--hump", "--background", "--air")
    first.click()
    opened.busy()
    assert opened.message() == ""
    assert page.evaluate("xrdfitApp.shownFit.answer.chi2") < before
    assert page.locator("#history button").count() == 2
    answer = page.evaluate("xrdfitApp.shownFit.answer")
    # the table shows both errors of every occupancy that moved
    rows = [row for row in answer["sites"]["rows"] if row[-1] in ("varied", "derived")]
    assert rows
    assert all(float(row[2]) > 0.0 and float(row[3]) >= 0.0 for row in rows)
    # the command line that the page gives finds the same numbers
    told = on_command_line(answer["command"], files)
    for name, value in answer["values"].items():
        assert told["parameters"][name]["value"] == pytest.approx(value, rel=1e-9, abs=1e-12), name
    assert told["statistics"]["r_wp"] == pytest.approx(answer["r_wp"], rel=1e-9)
    # each file can be had
    page.click("#tab-script")
    for button in page.locator("#script [data-file]").all():
        with page.expect_download(timeout=90_000) as waited:
            button.click()
        waited.value.save_as(tmp_path / button.get_attribute("data-file"))
        time.sleep(0.3)  # a browser lets a page save ten files in two seconds
    with page.expect_download() as waited:
        page.get_by_text("fit-2.py").click()
    waited.value.save_as(tmp_path / "fit-2.py")
    got = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert got["parameters"]["a"]["value"] == answer["values"]["a"]
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "data_" in (tmp_path / "refined.cif").read_text(encoding="utf-8")
    assert "\\begin{table}" in (tmp_path / "table.tex").read_text(encoding="utf-8")
    # the script finds the same, from the archive alone
    with zipfile.ZipFile(tmp_path / "everything.zip") as archive:
        archive.extractall(tmp_path / "all")
    assert (tmp_path / "all" / "fit.py").read_bytes() == (tmp_path / "fit-2.py").read_bytes()
    environment = {**os.environ, "PYTHONWARNINGS": "error::DeprecationWarning:xrdfit"}
    subprocess.run([sys.executable, "fit.py"], cwd=tmp_path / "all", check=True, timeout=300, env=environment)
    again = xf.load_result(tmp_path / "all" / "results")
    assert {n: p.value for n, p in again.parameters.items()} == pytest.approx(answer["values"], rel=1e-9, abs=1e-12)


def test_a_series_is_fitted_as_the_command_line_does(opened, files, tmp_path) -> None:
    page = opened.page
    for minute, counts in ((1, 0.6), (2, 0.8), (10, 1.0)):
        lines = (files / "film.xy").read_text().splitlines()
        rows = [f"{x} {round(float(y) * counts)}" for x, y in (line.split() for line in lines if line[0].isdigit())]
        (files / f"t{minute}min.xy").write_text("\n".join(rows) + "\n")
        opened.drop(files / f"t{minute}min.xy")
    opened.drop(files / "blank.xy")
    page.select_option("#model", "cu2se-6nm")
    page.select_option("#engine", "bragg")
    opened.option("--hump", "35 7")
    opened.option("--fix", "mixing=0.5")
    page.click("#tab-series")
    page.click("#series-form button")
    opened.busy()
    assert opened.message() == ""
    rows = page.locator("#series tbody tr").all()
    assert [row.locator("td").first.inner_text() for row in rows] == ["t1min", "t2min", "t10min"]
    assert page.locator("#series img").count() >= 2
    words = page.locator("#series pre").inner_text().replace("\\\n", " ").split()[1:]
    run = subprocess.run(
        [sys.executable, "-m", "xrdfit.cli", *words[: words.index("-o")], "--json"],
        capture_output=True, text=True, cwd=files, timeout=300,
    )  # fmt: skip
    told = json.loads(run.stdout)["scans"]
    for row, scan in zip(rows, told, strict=True):
        shown = row.locator("td").all_inner_texts()[1].split(" ± ")
        site = next(s for s in scan["sites"] if s["label"] == "Cu_8c")
        assert float(shown[0]) == pytest.approx(site["occupancy"], abs=1e-4)
        assert float(shown[1]) == pytest.approx(site["stderr"], abs=1e-4)
    with page.expect_download() as waited:
        page.locator("#series [data-file='series.csv']").click()
    waited.value.save_as(tmp_path / "series.csv")
    assert "t10min" in (tmp_path / "series.csv").read_text(encoding="utf-8")


def test_ranges_humps_undo_and_history(opened, files) -> None:
    page = opened.page
    prepare(opened, files)
    page.click("[data-mode=hump]")
    box = page.locator("#plot .u-over").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 20.0 / 60.0, box["y"] + 60)
    opened.drag("range", 20.0, 70.0)
    opened.drag("exclude", 40.0, 42.0)
    words = opened.words()
    hump = words[words.index("--hump") + 1]
    assert float(hump) == pytest.approx(35.0, abs=0.3)
    assert [float(w) for w in words[words.index("--range") + 1 :][:2]] == pytest.approx([20.0, 70.0], abs=0.3)
    assert [float(w) for w in words[words.index("--exclude") + 1 :][:2]] == pytest.approx([40.0, 42.0], abs=0.3)
    assert len(page.evaluate("xrdfitApp.plot.data.excluded")) == 3
    page.click("#undo")
    assert "--exclude" not in opened.words()
    page.click("#redo")
    assert opened.words() == words
    page.click("#fit")
    opened.busy()
    first = page.evaluate("xrdfitApp.shownFit.answer.scans[0].excluded")
    assert len(first) == 1
    page.get_by_label("Remove --hump " + hump).click()
    page.click("#fit")
    opened.busy()
    assert page.locator("#history button").count() == 2
    page.locator("#history button").last.click()
    assert opened.words() == words
    assert page.evaluate("xrdfitApp.shownFit.number") == 1
    page.click("#undo")
    assert page.evaluate("xrdfitApp.shownFit.number") == 2


def test_compare_and_identify(opened, files) -> None:
    page = opened.page
    prepare(opened, files)
    page.click("#tab-compare")
    page.fill("#sites", "8c,32f")
    page.click("#compare-form button")
    opened.busy()
    assert page.locator("#compare table tbody tr").count() == 3
    assert "xrdfit compare film.xy" in page.locator("#compare pre").inner_text()
    page.click("#tab-identify")
    page.click("#identify-form button")
    opened.busy()
    assert page.locator("#identify table tbody tr").count() >= 2
    assert opened.message() == ""


def test_broken_and_large_files_are_messages(opened, files, tmp_path) -> None:
    page = opened.page
    page.set_input_files("#open", files / "broken.rasx")
    page.wait_for_selector("#message:not([hidden])")
    assert "broken.rasx" in opened.message()
    assert page.locator("#files li").count() == 0
    large = tmp_path / "large.xy"
    with large.open("wb") as stream:
        stream.truncate(200_000_000)
    page.set_input_files("#open", large)
    page.wait_for_selector("#message:has-text('large.xy')")
    opened.drop(files / "film.xy")
    assert opened.message() == ""
    page.click("#fit")
    assert "no model" in opened.message()


def test_cancel(opened, files) -> None:
    page = opened.page
    for name in ("film.xy", "blank.xy"):
        opened.drop(files / name)
    page.select_option("#engine", "debye")
    page.select_option("#model", "cu2se")
    page.click("#tab-compare")
    page.click("#compare-form button")
    time.sleep(1.0)
    page.click("#cancel")
    began = time.monotonic()
    page.wait_for_selector("#progress", state="hidden")
    assert time.monotonic() - began < 1.0
    assert opened.message() == ""


def test_five_browsers_at_once_get_their_own_answers(browser, server, files) -> None:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    others = [browser.browser_type.launch(executable_path=program, args=FLAGS) for _ in range(4)]
    pages = [Opened(each, server) for each in (browser, *others)]
    for number, page in enumerate(pages):
        page.drop(files / "film.xy")
        page.drop(files / "blank.xy")
        page.page.select_option("#model", "cu2se-6nm")
        page.option("--range", f"{16 + number} 70")
    for page in pages:
        page.page.click("#fit")
    answers = []
    for page in pages:
        page.busy()
        assert page.message() == ""
        answers.append(page.page.evaluate("xrdfitApp.shownFit.answer"))
        page.close()
    for other in others:
        other.close()
    assert len({answer["values"]["a"] for answer in answers}) == 5
    for number, answer in enumerate(answers):
        told = on_command_line(answer["command"], files)
        assert f"--range {16 + number} 70" in answer["command"]
        for name, value in answer["values"].items():
            assert told["parameters"][name]["value"] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_a_closed_page_leaves_nothing(browser, server, files) -> None:
    before = set(server.folders())
    page = Opened(browser, server)
    page.drop(files / "film.xy")
    (folder,) = set(server.folders()) - before
    page.page.goto("about:blank")
    deadline = time.monotonic() + 10.0
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows(browser, server, files, scheme, width) -> None:
    page = Opened(browser, server, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.drop(files / "film.xy")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
