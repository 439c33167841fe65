"""Saving is all or nothing: killed anywhere, two at a time, on a full disk, under names that cannot be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import xrdfit as xf
from xrdfit.errors import InputError
from xrdfit.report import files, staging
from xrdfit.report.fitfile import read_fit_file
from xrdfit.report.patternfile import read_pattern_file

SCAN = Path(__file__).parents[2] / "data" / "scans" / "cu2se-2nm.xy"
HANG = Path(__file__).parents[3] / "shared" / "cases" / "hostile" / "hang_pattern.nc"
posix = pytest.mark.skipif(os.name == "nt", reason="locks, links and signals of POSIX")


@pytest.fixture(scope="module")
def result():
    return xf.fit(xf.load_model("cu2se-2nm"), xf.read_pattern(SCAN), engine="bragg", fix=["size_nm", "mixing", "a"])


@pytest.fixture(scope="module")
def other(result):
    """Another answer, told apart by its message."""
    return replace(result, message="the other one")


@pytest.fixture(autouse=True)
def plain_pictures(monkeypatch):
    """Picture and page take a second and are none of the matter."""
    monkeypatch.setattr("xrdfit.report.figures.png", lambda *_: b"\x89PNG")
    monkeypatch.setattr("xrdfit.report.html.page", lambda *_: "<html>")


def sums(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


KILLED = """
    import os, signal, sys
    from dataclasses import replace
    from pathlib import Path
    import xrdfit as xf, xrdfit.report.figures, xrdfit.report.html
    xrdfit.report.figures.png = lambda *_: b"PNG"
    xrdfit.report.html.page = lambda *_: "<html>"
    old, out = Path(sys.argv[1]), Path(sys.argv[2])
    result = replace(xf.load_result(old), message="the new one")
    moves = ("rename", "replace", "unlink", "rmdir", "mkdir", "write_text", "write_bytes")
    plain = {name: getattr(Path, name) for name in moves}

    def dies_at(n):
        left = [n]
        def wrapped(name):
            def act(*args, **options):
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
                return plain[name](*args, **options)
            return act
        for name in moves:
            setattr(Path, name, wrapped(name))

    import shutil
    for n in range(100):
        here = out / str(n)
        if out.name == "existing":
            shutil.copytree(old, here)
        child = os.fork()
        if not child:
            dies_at(n)
            xf.save(result, here, force=out.name == "existing")
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            print(n)
            break
"""


@pytest.mark.slow
@posix
@pytest.mark.parametrize("where", ["existing", "new"])
def test_killed_at_any_step_a_save_is_old_or_new(result, tmp_path: Path, where: str) -> None:
    old = xf.save(replace(result, message="the old one"), tmp_path / "old")
    (old / "assessment.json").write_text("{}")  # of an earlier result that was assessed
    (old / "notes.txt").write_text("mine")
    out = tmp_path / where
    out.mkdir()
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(old), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 8
    messages = []
    for n in range(steps):
        folder = out / str(n)
        if where == "new" and not folder.exists():
            messages.append("none")
            continue
        messages.append(message_of(folder))
        found = {p.name for p in folder.iterdir() if not p.name.endswith(".part")}
        if messages[-1] == "the new one":
            assert found == {*files.OUTPUTS, *(["notes.txt"] if where == "existing" else [])}
        else:
            assert found == set(sums(old))
            assert all((folder / name).read_bytes() == content for name, content in sums(old).items())
        staging.sweep(folder)
        assert not [p for p in folder.iterdir() if p.name.startswith(".")]
    if where == "new":  # the one rename is the last step
        assert set(messages) == {"none"}
    else:
        assert set(messages) == {"the old one", "the new one"}
        assert messages == sorted(messages, key=["the old one", "the new one"].index)
    xf.save(result, out / "last")  # sweeps what is left beside it
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def message_of(folder: Path) -> str:
    """The message of a saved result, after the checks of `load_result` and without its computation."""
    saved = read_fit_file(folder / "fit.toml")
    files._check_together(folder, saved.sums)
    return json.loads((folder / "result.json").read_text())["message"]


def test_files_of_two_saves_are_refused(result, other, tmp_path: Path) -> None:
    one, two = xf.save(result, tmp_path / "one"), xf.save(other, tmp_path / "two")
    (one / "result.json").write_bytes((two / "result.json").read_bytes())
    with pytest.raises(InputError, match=r"result\.json: is not the file that was saved"):
        xf.load_result(one)


def test_a_result_from_before_the_checksums_is_read(result, tmp_path: Path) -> None:
    folder = xf.save(result, tmp_path / "out")
    text = (folder / "fit.toml").read_text()
    head, _, rest = text.partition("[files]")
    (folder / "fit.toml").write_text(head + "[model" + rest.partition("[model")[2])
    assert read_fit_file(folder / "fit.toml").sums == {}
    assert xf.load_result(folder).sites == result.sites


def test_a_picture_that_was_deleted_does_not_matter(result, tmp_path: Path) -> None:
    folder = xf.save(result, tmp_path / "out")
    (folder / "fit.png").unlink()
    assert xf.load_result(folder).sites == result.sites


WRITERS = """
    import os, sys, time
    from pathlib import Path
    from dataclasses import replace
    import xrdfit as xf, xrdfit.report.figures, xrdfit.report.html, xrdfit.report.files as files
    xrdfit.report.figures.png = lambda *_: b"PNG"
    xrdfit.report.html.page = lambda *_: "<html>"
    result = xf.load_result(sys.argv[1])
    plain = files.publish

    def write(out, number, force):
        def both_are_ready(*args):
            (out.parent / f"ready{number}").touch()
            while len(list(out.parent.glob("ready*"))) < 2:
                time.sleep(0.001)
            return plain(*args)
        files.publish = both_are_ready
        try:
            xf.save(replace(result, message=number), out, force=force)
            (out.parent / f"said{number}").write_text("saved")
        except xf.InputError as error:
            (out.parent / f"said{number}").write_text(str(error))

    for place in sys.argv[2:]:
        children = []
        for number in "12":
            child = os.fork()
            if not child:
                write(Path(place) / "out", number, "force" in place)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
"""


@pytest.mark.slow
@posix
def test_of_two_writers_the_second_is_refused(result, tmp_path: Path) -> None:
    source = xf.save(result, tmp_path / "source" / "out")
    places = [tmp_path / f"{there}{force}" for there in ("nothing", "empty", "notes") for force in ("", "-force")]
    for place in places:
        (place if place.name.startswith("nothing") else place / "out").mkdir(parents=True)
        if place.name.startswith("notes"):
            (place / "out" / "notes.txt").write_text("mine")
    command = [sys.executable, "-c", textwrap.dedent(WRITERS), str(source), *map(str, places)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for place in places:
        said = {n: (place / f"said{n}").read_text() for n in "12"}
        won = [n for n, text in said.items() if text == "saved"]
        if "force" in place.name:
            assert len(won) == 2
        else:
            assert len(won) == 1
            assert sum("already holds" in text for text in said.values()) == 1
        assert message_of(place / "out") in won
        assert not [p for p in (*(place / "out").iterdir(), *place.iterdir()) if p.name.startswith(".")]


@posix
def test_of_two_writers_of_a_file_the_second_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    files.write_text(files.check_file(file), "first", exclusive=True)
    with pytest.raises(InputError, match="meanwhile"):
        files.write_text(file, "second", exclusive=True)
    assert file.read_text() == "first"
    files.write_text(files.check_file(file, force=True), "third")
    assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]
    assert file.read_text() == "third"


@posix
def test_leftovers_are_swept_and_work_under_way_is_not(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from xrdfit.report.staging import staged_folder\n"
        "with staged_folder(Path(sys.argv[1])) as part:\n"
        "    (part / 'x').touch(); print(part, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        part = Path(process.stdout.readline().strip())
        staging.sweep(tmp_path)
        assert (part / "x").exists()
        process.kill()
    assert (part / "x").exists()
    with staging.staged_folder(tmp_path):
        assert not part.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    files.write_text(files.check_file(tmp_path / "link.csv", force=True), "new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("é" * 200, "bytes"),
        ("x" * 256, "256 bytes"),
        ("deep/" + "x" * 300 + "/out", "300 bytes"),
        ("dangling", "link to nothing"),
        ("dangling/below", "link to nothing"),
        ("a\0b", "zero character"),
        ("/dev/null/out", "not allow"),
    ],
)
def test_places_that_cannot_be_are_refused_beforehand(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    for check in (files.check_directory, files.check_file):
        with pytest.raises(InputError) as caught:
            check(tmp_path / name)
        if check is files.check_directory:
            assert words in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["dangling"]


def test_names_of_250_characters_are_saved_under(result, tmp_path: Path) -> None:
    folder = xf.save(result, tmp_path / ("x" * 250))
    assert xf.load_result(folder).sites == result.sites
    files.write_text(files.check_file(tmp_path / ("y" * 246 + ".csv")), "text")


def test_a_device_is_never_replaced() -> None:
    with pytest.raises(InputError, match="device"):
        files.check_file("/dev/null", force=True)


@posix
@pytest.mark.parametrize("size", [0, 100_000])
def test_no_room_is_said_beforehand(tmp_path: Path, size: int) -> None:
    """A limit on the size of files stands for a disk that has no room."""
    script = (
        "import resource, sys; from xrdfit.report.files import check_directory\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
        "check_directory(sys.argv[1])"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "InputError" in run.stderr
    assert f"output '{tmp_path / 'out'}' cannot be written" in run.stderr
    assert "10 MB are needed" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_names_its_folder(result, tmp_path: Path, monkeypatch) -> None:
    def full(*_):
        raise OSError("unable to write: disk full")  # as HDF5 says it: no number, no name

    monkeypatch.setattr("xrdfit.report.patternfile.write_pattern_file", full)
    with pytest.raises(OSError, match="disk full") as caught:
        xf.save(result, tmp_path / "out")
    assert caught.value.filename == str(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_scan_whose_name_is_not_utf8_is_saved_and_rerun(tmp_path: Path) -> None:
    file = os.fsdecode(os.fsencode(tmp_path) + b"/sc\xffan.xy")
    try:
        Path(file).write_bytes(SCAN.read_bytes())
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    fitted = xf.fit(xf.load_model("cu2se-2nm"), xf.read_pattern(file), engine="bragg", fix=["size_nm", "mixing", "a"])
    folder = xf.save(fitted, tmp_path / "out")
    assert json.loads((folder / "result.json").read_text(encoding="utf-8"))["scan"]["file"].endswith(r"sc\udcffan.xy")
    saved = read_fit_file(folder / "fit.toml")
    assert np.array_equal(saved.read_scans()[""]["counts"], fitted.scan["counts"])
    assert xf.load_result(folder).statistics == fitted.statistics


def test_a_pattern_file_beside_fit_toml_is_checked(tmp_path: Path) -> None:
    scan = xf.read_pattern(SCAN)
    fitted = xf.fit(
        xf.load_model("cu2se-2nm"),
        scan.drop_attrs().assign_attrs(sigma_from="poisson"),
        engine="bragg",
        fix=["size_nm"],
    )
    folder = xf.save(fitted, tmp_path / "out")
    with h5py.File(folder / "pattern.nc", "r+") as file:
        file["observed"][3] += 1.0
    with pytest.raises(InputError, match="has changed since this fit"):
        read_fit_file(folder / "fit.toml").read_scans()


def test_a_pattern_file_that_announces_too_much_is_refused_from_its_shape(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "pattern.nc", "w") as file:
        for name in ("two_theta", "observed", "sigma", "scan_sigma"):
            file.create_dataset(name, shape=(10**12,), chunks=(1000,), dtype="f8")
    assert (tmp_path / "pattern.nc").stat().st_size < 10_000
    with pytest.raises(InputError, match="announce"):
        read_pattern_file(tmp_path / "pattern.nc")


def test_damaged_pattern_files_are_refused(result, tmp_path: Path) -> None:
    """Bytes of one wrong here and there: read, or refused in words; the reader's own end is not this one's."""
    good = (xf.save(result, tmp_path / "out") / "pattern.nc").read_bytes()
    refused = []
    for place in np.random.default_rng(1).integers(0, 6000, 6):
        damaged = bytearray(good)
        damaged[place : place + 4] = b"\xff\x00\xff\x7f"
        (tmp_path / "pattern.nc").write_bytes(damaged)
        try:
            read_pattern_file(tmp_path / "pattern.nc")
        except InputError as error:
            refused.append(str(error))
    assert refused
    assert not [text for text in refused if "\n" in text]


@pytest.mark.skipif(not HANG.is_file(), reason="no ../shared/cases/hostile")
def test_a_pattern_file_that_never_ends_is_refused() -> None:
    with pytest.raises(InputError, match="damaged"):
        read_pattern_file(HANG)


@posix
def test_signals_that_are_put_off_come_afterwards() -> None:
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        with staging.put_off(signal.SIGTERM):
            signal.raise_signal(signal.SIGTERM)
            assert came == []
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
