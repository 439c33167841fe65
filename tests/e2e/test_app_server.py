"""`xrdfit app` as strangers and hostile files meet it, over plain HTTP."""

from __future__ import annotations

import http.client
import io
import json
import signal
import socket
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from app_server import Running, film_and_blank

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

FIXED = ["--fix", "mixing=0.5", "--fix", "size_nm=6", "--engine", "bragg"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("app"))
    yield running
    running.end()


@pytest.fixture
def page(server):
    opened = server.session()
    yield opened
    opened.ask("DELETE", "/api/session")


def test_only_loopback_is_listened_to(server) -> None:
    assert server.address.startswith(f"http://127.0.0.1:{server.port}/?token=")
    assert len(server.token) >= 32
    own = [info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    for address in {a for a in own if not a.startswith("127.")}:
        with socket.socket() as probe:
            probe.settimeout(2.0)
            assert probe.connect_ex((address, server.port)) != 0


@pytest.mark.parametrize("path", ["/", "/api/session"])
@pytest.mark.parametrize(
    "headers",
    [
        {"X_Xrdfit_Token": ""},
        {"X_Xrdfit_Token": "x" * 32},
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_strangers_are_refused(server, path, headers) -> None:
    given = {k: v.format(port=server.port) for k, v in headers.items()}
    status, content = server.ask("GET" if path == "/" else "POST", path, **given)
    assert status == 403
    assert b"<script" not in content


def test_the_own_page_is_let_in_and_keeps_to_itself(server) -> None:
    link = http.client.HTTPConnection("127.0.0.1", server.port)
    link.request("GET", f"/?token={server.token}")
    reply = link.getresponse()
    assert reply.status == 200
    assert reply.read().startswith(b"<!DOCTYPE html>")
    link.close()
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'sha256-" in policy
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in reply.headers
    assert server.ask("POST", "/api/session", Origin=f"http://127.0.0.1:{server.port}")[0] == 200
    assert server.ask("GET", "/api/alive", X_Xrdfit_Session="guessed")[0] == 410


@pytest.mark.parametrize("stated", [True, False])
def test_too_large_a_file_is_refused(server, page, stated) -> None:
    """200 MB: refused by its stated size at once, or as soon as more than the limit has come."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        length = "Content-Length: 200000000" if stated else "Transfer-Encoding: chunked"
        link.sendall(
            f"PUT /api/files?name=big.xy HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"X-Xrdfit-Token: {server.token}\r\n"
            f"X-Xrdfit-Session: {page.name}\r\n{length}\r\n\r\n".encode()
        )
        sent = 0
        chunk = b"f4240\r\n" + b"1" * 1_000_000 + b"\r\n"
        if not stated:
            try:
                for _ in range(200):
                    link.sendall(chunk)
                    sent += 1
            except OSError:  # it hung up
                pass
            assert sent < 60
        try:
            answer = link.recv(10_000)
        except ConnectionError:
            answer = b""
    if stated:
        assert answer.startswith(b"HTTP/1.1 413")
    assert page.ask("GET", "/api/alive")[1] == {"files": []}


@pytest.mark.parametrize(
    "name",
    ["../x.xy", "a/b.xy", "a\\b.xy", ".hidden", "-o", "--force", "x\0.xy", "x\n.xy", "", "n" * 200, "lab=x.xy",
     "a:b", "CON?", "x\u202eyx.", "~x", " x", "x."],
)  # fmt: skip
def test_hostile_names_are_refused(page, name) -> None:
    status, answer = page.upload(name, b"1 2\n")
    assert status == 400
    assert "file name" in answer["message"]
    assert page.ask("GET", "/api/alive")[1] == {"files": []}


@pytest.mark.parametrize("name", ["scan.xy", "Probe Ä 2 (neu)+1.xy", "试样.xy"])
def test_usual_names_are_taken(page, name) -> None:
    assert page.upload(name, film_and_blank()[0]) == (200, {"files": [name]})
    assert page.run(kind="scan", file=name)["points"] == 601


def bomb() -> bytes:
    """A zipped scan of 500 MB of blanks."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("Data0/Profile0.txt", "Data0/MesurementConditions0.xml"):
            with archive.open(name, "w", force_zip64=True) as part:
                for _ in range(250):
                    part.write(b" " * 1_000_000)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 nonsense", b"", b"\x00" * 5000, b"no numbers here\n", None],
    ids=["zip", "nil", "0", "text", "bomb"],
)
def test_broken_files_are_a_message_and_the_server_lives(page, content) -> None:
    page.upload("bad.rasx", bomb() if content is None else content)
    told = page.run(kind="scan", file="bad.rasx")
    assert told["state"] == "failed"
    assert "unexpected" not in told["message"]
    assert "\n" not in told["message"]
    assert page.ask("GET", "/api/alive")[0] == 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tie", "b_Cu_8c = __import__('os').system('touch hacked')"], "tie"),
        (["--blank", "/etc/passwd"], "elsewhere"),
        (["--blank", "../../x"], "elsewhere"),
        (["--instrument", "/etc/passwd"], "elsewhere"),
        (["--phase", "../x.cif"], "elsewhere"),
        (["-o", "/tmp/somewhere"], "not on this page"),
        (["--from", "fit.toml"], "not on this page"),
        (["--force"], "not on this page"),
        (["--help"], "help"),
        (["--no-such-option", "1"], "no-such-option"),
        (["--vary", "nothing_of_this_name"], "nothing_of_this_name"),
    ],
)
def test_hostile_and_wrong_options_are_a_message(page, words, said) -> None:
    page.upload("film.xy", film_and_blank()[0])
    told = page.run(kind="fit", words=["film.xy", "--model", "cu2se-6nm", *words])
    assert told["state"] == "failed"
    assert said in told["message"]
    assert "unexpected" not in told["message"]


@pytest.mark.parametrize(
    "task",
    [
        {"kind": "fit", "words": "film.xy"},
        {"kind": "fit", "words": ["x" * 1000]},
        {"kind": "fit", "words": ["x"] * 1000},
        {"kind": "run", "words": []},
        {"kind": "scan", "file": "../../etc/passwd"},
        {"kind": "model", "models": ["/etc/passwd"]},
        {"kind": "model", "models": []},
        {"kind": "files", "fit": 1},
        {"kind": "files", "fit": "../1"},
        {"kind": "series", "words": [], "scans": ["../film.xy"], "mode": "independent"},
        {"kind": "series", "words": [], "scans": [], "mode": "independent"},
        {"kind": "series", "words": [], "scans": "film.xy", "mode": "independent"},
        [],
        "x",
    ],
)
def test_jobs_that_are_none_are_refused(page, task) -> None:
    status, answer = page.ask("POST", "/api/jobs", json.dumps(task))
    assert status == 400
    assert answer["message"]


def test_cancel_ends_a_fit_within_a_second(page) -> None:
    page.upload("film.xy", film_and_blank()[0])
    job = page.start(kind="compare", words=["film.xy", "--model", "cu2se", "--engine", "debye"])
    time.sleep(1.5)
    began = time.monotonic()
    status, now = page.ask("DELETE", f"/api/jobs/{job}")
    assert time.monotonic() - began < 1.0
    assert (status, now["state"]) == (200, "cancelled")
    # and the page goes on
    assert page.run(kind="scan", file="film.xy")["points"] == 601


def test_five_pages_at_once_get_their_own_answers(server) -> None:
    from xrdfit.cli import main

    def one(k: int) -> float:
        page = server.session()
        page.upload("film.xy", film_and_blank()[0])
        answer = page.run(kind="fit", words=["film.xy", "--model", "cu2se-6nm", *FIXED, "--fix", f"a=5.8{k}"])
        page.ask("DELETE", "/api/session")
        assert answer["values"]["a"] == pytest.approx(5.8 + 0.01 * k)
        return answer["values"]["occ_Cu_8c"]

    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(one, range(1, 6)))
    assert len(set(found)) == 5
    assert main(["--version"]) == 0


def test_nothing_is_kept_when_the_page_is_closed(server) -> None:
    page = server.session()
    page.upload("film.xy", film_and_blank()[0])
    (folder,) = [f for f in server.folders() if (f / "files" / "film.xy").exists()]
    job = page.start(kind="compare", words=["film.xy", "--model", "cu2se", "--engine", "debye"])
    assert page.ask("DELETE", "/api/session")[0] == 200
    assert not folder.exists()
    assert page.ask("GET", f"/api/jobs/{job}")[0] == 410
    time.sleep(0.5)
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_server_that_ends(tmp_path: Path, number) -> None:
    running = Running(tmp_path)
    running.session().upload("film.xy", b"1 2\n2 3\n")
    assert running.folders()
    running.end(number)
    if number == signal.SIGKILL:  # the next one sweeps
        assert running.folders()
        running = Running(tmp_path)
        assert running.folders() == []
        running.end()
    assert [f for f in tmp_path.iterdir() if f.name.startswith("xrdfit-app-")] == []


def test_a_silent_page_is_swept(tmp_path, monkeypatch) -> None:
    from xrdfit.app import sessions as module

    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module, "context", lambda: None)
    sessions = module.Sessions(lambda words: None)
    name = sessions.begin()
    folder = sessions.get(name).folder
    sessions.sweep()
    assert folder.exists()
    monkeypatch.setattr(module, "IDLE_SECONDS", -1.0)
    sessions.sweep()
    assert not folder.exists()
    assert sessions.get(name) is None
    sessions.close()
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_one_line(server, capsys) -> None:
    from xrdfit.cli import main

    assert main(["app", "--no-browser", "--port", str(server.port)]) == 2
    assert main(["app", "--no-browser", "--port", "99999"]) == 2
    assert "Traceback" not in capsys.readouterr().err
