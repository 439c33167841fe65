"""A notebook in a real JupyterLab in a real browser: it runs, a slider moves, the curve follows, all of it offline."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "01-why-200-vanishes.ipynb"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
TOKEN = "only-for-this-test"
PATIENCE = 150  # seconds for the notebook to run on a busy machine

PICTURE = """async () => {
    const image = document.querySelector('img.widget-image');
    if (!image || !image.src) return '';
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return Array.from(bytes, b => String.fromCharCode(b)).join('');
}"""


def chromium() -> str:
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium is installed")
    return found[0]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return json.load(reply)["version"] != ""
    except OSError:
        return False


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab that serves a copy of the notebook and knows nothing of this user's settings."""
    for module in ("jupyterlab", "ipywidgets", "playwright"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    chromium()
    home = tmp_path_factory.mktemp("lab")
    (home / "work").mkdir()
    shutil.copy(NOTEBOOK, home / "work")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    options = {"token": TOKEN, "port": port, "ip": "127.0.0.1", "root_dir": home / "work", "open_browser": False}
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--allow-root",
        *(f"--ServerApp.{k}={v}" for k, v in options.items()),
    ]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=None"]
    with (home / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | folders, stdout=log, stderr=subprocess.STDOUT, cwd=home)
    try:
        deadline = time.monotonic() + 60
        while not answers(f"http://127.0.0.1:{port}/api?token={TOKEN}"):
            assert server.poll() is None, (home / "lab.log").read_text()
            assert time.monotonic() < deadline, (home / "lab.log").read_text()
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def test_a_slider_moves_the_curve_in_jupyterlab_and_nothing_is_fetched_from_outside(lab, tmp_path):
    from playwright.sync_api import sync_playwright

    outside: list[str] = []

    def gate(route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    def changed(page, than: str) -> str:
        deadline = time.monotonic() + 60
        while (now := page.evaluate(PICTURE)) == than:
            assert time.monotonic() < deadline, "the picture does not follow the slider"
            time.sleep(0.2)
        return now

    with sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            tmp_path / "user", executable_path=chromium(), args=FLAGS, viewport={"width": 1400, "height": 1000}
        )
        context.route("http*://**", gate)
        page = context.new_page()
        page.goto(f"{lab}/lab/tree/{NOTEBOOK.name}?token={TOKEN}")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        page.wait_for_selector("text=/Python 3.*Idle/", timeout=60_000)  # run earlier, it asks which kernel to use
        page.click(".lm-MenuBar-itemLabel:text-is('Run')")
        page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
        page.wait_for_selector("img.widget-image", timeout=PATIENCE * 1000)
        before = changed(page, than="")
        assert before.startswith("\u0089PNG")
        handle = page.locator(".widget-slider .noUi-handle").first
        handle.scroll_into_view_if_needed()
        handle.focus()
        page.keyboard.press("ArrowRight")
        after = changed(page, than=before)
        assert after.startswith("\u0089PNG")
        page.keyboard.press("ArrowLeft")
        assert changed(page, than=after) == before
        context.close()
    assert outside == []
