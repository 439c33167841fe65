"""A series on a real dask.distributed cluster of this machine, and what becomes of it when parts of it die."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from series_cases import CHOICES, model, write_scans

import xrdfit as xf
from xrdfit.errors import ComputationError, InputError
from xrdfit.series.journal import NAME, read_journal

distributed = pytest.importorskip("distributed", reason="needs the extra: series")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("XRDFIT_SLOW"), reason="minutes: XRDFIT_SLOW=1"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]
TESTS = Path(__file__).resolve().parents[1]


class _Cluster:
    """A scheduler and two workers as processes of their own, as a user starts them."""

    def __init__(self, folder):
        self.file = folder / "scheduler.json"
        self.processes = []
        self.environment = os.environ | {"PYTHONPATH": str(TESTS), "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file))
        until(lambda: self.file.exists() and self.file.stat().st_size > 0)
        import json

        self.address = json.loads(self.file.read_text())["address"]
        self.workers = [self.worker(folder) for _ in range(2)]

    def worker(self, folder):
        return self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny",
            "--local-directory", str(folder),
        )  # fmt: skip

    def _start(self, what, *arguments):
        command = [sys.executable, "-m", "distributed.cli.dask_" + what, *arguments]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=self.environment)
        self.processes.append(process)
        return process

    def close(self):
        for process in reversed(self.processes):
            process.kill()
        for process in self.processes:
            process.wait()


def until(condition, seconds=90.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path):
    found = _Cluster(tmp_path)
    yield found
    found.close()


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_scans(tmp_path_factory.mktemp("scans"), tuple(range(1, 25)))


@pytest.fixture(scope="module")
def expected(scans):
    return xf.fit_series(model(), scans, engine="bragg", **CHOICES)


def same(one, other):
    rows = {r.label: r for r in other.rows}
    return len(rows) == len(one.rows) and all(r.same_numbers(rows[r.label]) for r in one.rows)


def complete(folder, scans):
    """Every scan stands in the journal once."""
    labels = [r.label for r in read_journal(folder / NAME)[1]]
    return sorted(labels) == sorted(Path(s).stem for s in scans)


def test_the_same_bits_and_a_worker_killed_in_the_middle(cluster, scans, expected, tmp_path):
    folder = tmp_path / "out"
    killed = []

    def kill(text, part=0.0):
        if not killed and " scans, " in text:
            killed.append(text)
            cluster.workers[0].kill()
            cluster.worker(tmp_path)

    bad = tmp_path / "t0min.xy"
    bad.write_text("nothing\n" * 40)
    found = xf.fit_series(
        model(), [*scans[:12], str(bad), *scans[12:]], engine="bragg",
        scheduler=cluster.address, batch=2, output=folder, progress=kill,
        **CHOICES,
    )  # fmt: skip
    assert killed
    assert found.complete
    assert [r.label for r in found.rows if not r.success] == ["t0min"]
    rows = {r.label: r for r in found.rows}
    assert all(r.same_numbers(rows[r.label]) for r in expected.rows)
    assert complete(folder, [*scans, str(bad)])


def test_a_scheduler_that_goes_away(cluster, scans, expected, tmp_path, monkeypatch):
    from xrdfit.series import cluster as module

    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 3.0)
    folder = tmp_path / "out"
    killed = []

    def kill(text, part=0.0):
        if not killed and " scans, " in text:
            killed.append(text)
            cluster.scheduler.kill()

    with pytest.raises(ComputationError, match=r"the scheduler at tcp://\S+ went away .*--resume goes on"):
        xf.fit_series(
            model(), scans, engine="bragg", scheduler=cluster.address, batch=1, output=folder, progress=kill, **CHOICES
        )
    assert killed
    kept = read_journal(folder / NAME)[1]
    assert 0 < len(kept) < len(scans)
    found = xf.fit_series(model(), scans, engine="bragg", output=folder, resume=True, **CHOICES)
    assert same(expected, found)
    assert complete(folder, scans)


CLIENT = """
import sys
from pathlib import Path
from series_cases import CHOICES, model
import xrdfit as xf
scheduler, folder, *scans = sys.argv[1:]
xf.fit_series(model(), scans, scheduler=scheduler, batch=1, output=folder, **CHOICES)
"""


def test_a_client_that_is_killed_and_resumed(cluster, scans, expected, tmp_path):
    folder = tmp_path / "out"
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, cluster.address, str(folder), *scans],
        env=cluster.environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    path = folder / NAME
    until(lambda: path.exists() and path.read_bytes().count(b"\n") > 3)
    client.send_signal(signal.SIGKILL)
    client.wait()
    kept = len(read_journal(path)[1])
    assert 0 < kept < len(scans)
    found = xf.fit_series(
        model(), scans, engine="bragg", scheduler=cluster.address, output=folder, resume=True, **CHOICES
    )
    assert same(expected, found)
    assert complete(folder, scans)


def test_a_scheduler_that_is_not_there(scans, monkeypatch):
    from xrdfit.series import cluster as module

    monkeypatch.setattr(module, "_CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match=r"scheduler 'tcp://127\.0\.0\.1:9' does not answer"):
        xf.fit_series(model(), scans[:1], engine="bragg", scheduler="tcp://127.0.0.1:9", **CHOICES)


def test_workers_of_this_machine_killed(scans, expected, tmp_path):
    """A worker process that the system ends costs its batch a second try, no row."""
    from multiprocessing import active_children

    folder = tmp_path / "out"
    killed = []

    def kill(text, part=0.0):
        if not killed and " scans, " in text:
            child = active_children()[0]
            killed.append(child)
            child.kill()

    found = xf.fit_series(model(), scans, engine="bragg", workers=2, batch=2, output=folder, progress=kill, **CHOICES)
    assert killed
    assert same(expected, found)
    assert complete(folder, scans)
