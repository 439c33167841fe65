"""A running `xrdfit app`, and how to speak to it without a browser."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np

import xrdfit as xf

ANGLES = np.arange(15.0, 75.001, 0.1)


class Running:
    """`xrdfit app --no-browser` as a process of its own, with its own folder for what is temporary."""

    def __init__(self, folder: Path) -> None:
        self.temporary = folder
        command = [sys.executable, "-m", "xrdfit.cli", "app", "--no-browser"]
        settings = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings
        )
        line = self.process.stdout.readline()
        self.address = line.split()[-1]
        parts = urlsplit(self.address)
        self.port, self.token = parts.port, parse_qs(parts.query)["token"][0]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request with the token, unless headers say otherwise; return status and answer."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {"X-Xrdfit-Token": self.token} | {k.replace("_", "-"): v for k, v in headers.items()}
        link.request(method, path, body, {k: v for k, v in given.items() if v})
        reply = link.getresponse()
        content = reply.read()
        link.close()
        kind = reply.headers.get("content-type", "")
        return reply.status, json.loads(content) if kind.startswith("application/json") else content

    def session(self) -> Page:
        return Page(self)

    def folders(self) -> list[Path]:
        """Folders of sessions."""
        return [f for root in self.temporary.glob("xrdfit-app-*") for f in root.iterdir() if f.is_dir()]

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=30)


class Page:
    """What an open page does."""

    def __init__(self, server: Running) -> None:
        self.server = server
        status, answer = server.ask("POST", "/api/session")
        assert status == 200, answer
        self.name = answer["session"]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return self.server.ask(method, path, body, X_Xrdfit_Session=self.name, **headers)

    def upload(self, name: str, content: bytes) -> tuple[int, Any]:
        return self.ask("PUT", f"/api/files?name={quote(name, safe='')}", content)

    def start(self, **task: Any) -> str:
        status, answer = self.ask("POST", "/api/jobs", json.dumps(task))
        assert status == 200, answer
        return answer["job"]

    def wait(self, job: str, patience: float = 120.0) -> dict[str, Any]:
        deadline = time.monotonic() + patience
        while (now := self.ask("GET", f"/api/jobs/{job}")[1])["state"] == "running":
            assert time.monotonic() < deadline, now
            time.sleep(0.05)
        return now

    def run(self, **task: Any) -> dict[str, Any]:
        """Do a job; return its answer, or how it failed."""
        job = self.start(**task)
        now = self.wait(job)
        return self.ask("GET", f"/api/jobs/{job}/answer")[1] if now["state"] == "done" else now


def text_of(counts: np.ndarray) -> bytes:
    return "".join(f"{x:.3f} {y:.0f}\n" for x, y in zip(ANGLES, counts, strict=True)).encode()


def film_and_blank(hump: float = 0.0) -> tuple[bytes, bytes]:
    """A film of 6 nm Cu2Se on glass, and the glass alone; with a hump of its own where that is asked for."""
    pattern = xf.simulate(xf.load_model("cu2se-6nm"), ANGLES, radiation="cu-ka")
    glass = 250.0 + 500.0 * np.exp(-(((ANGLES - 24.0) / 6.0) ** 2))
    ligands = hump * np.exp(-4.0 * np.log(2.0) * ((ANGLES - 35.0) / 6.0) ** 2)
    random = np.random.default_rng(12)
    film = random.poisson(4000.0 * pattern / pattern.max() + 0.8 * glass + ligands)
    return text_of(film), text_of(random.poisson(glass))
