"""What is computed, each job in a process of its own that can be ended at any time."""

from __future__ import annotations

import json
import os
import pickle
import signal
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from xrdfit.app.call import ReadCall
from xrdfit.errors import ComputationError, InputError
from xrdfit.progress import Progress

Answer = dict[str, Any]


def work(pipe: Connection, folder: str, task: Mapping[str, Any], read_call: ReadCall) -> None:
    """Do a job and tell the pipe how it goes.

    ("stage", text, part) comes as often as there is news, then ("done", answer) or ("failed", text).

    Parameters
    ----------
    pipe : Connection
    folder : str
        The session's; its folder `files` holds what was uploaded and becomes the working directory.
    task : dict
        "kind", "words", and what the kind needs.
    read_call : callable
        Reads the words.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to heed
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _limit()
    os.chdir(Path(folder) / "files")

    def tell(stage: str, part: float | None = None, /) -> None:
        pipe.send(("stage", stage, part))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the user must know is in the result
            answer = _KINDS[task["kind"]](Path(folder), task, read_call, tell)
        from xrdfit.report.numbers import plain

        pipe.send(("done", json.dumps(plain(answer), ensure_ascii=False, allow_nan=False)))
    except (InputError, ComputationError) as error:
        pipe.send(("failed", str(error)))
    except MemoryError:
        pipe.send(("failed", "not enough memory for this"))
    except Exception as error:  # a bug: the page still gets a sentence
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        pipe.send(("failed", f"unexpected error, please report it ({reason})"))
    finally:
        pipe.close()


def _limit() -> None:
    """Keep a job from filling the memory of the computer."""
    try:
        import resource
    except ImportError:  # a system without such limits
        return
    most = 8_000_000_000
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _scan(_: Path, task: Mapping[str, Any], read_call: ReadCall, tell: Progress) -> Answer:
    from xrdfit.app.answers import scan_answer
    from xrdfit.scan import read_pattern

    tell("reading the scan")
    return scan_answer(read_pattern(task["file"]))


def _model(_: Path, task: Mapping[str, Any], read_call: ReadCall, tell: Progress) -> Answer:
    from xrdfit.app.answers import model_answer
    from xrdfit.model.files.read import load_model

    tell("reading the model")
    return model_answer(load_model(task["models"]))


def _fit(folder: Path, task: Mapping[str, Any], read_call: ReadCall, tell: Progress) -> Answer:
    from xrdfit.app.answers import fit_answer
    from xrdfit.app.script import command_line, python_script
    from xrdfit.inference.fit import fit_with

    tell("reading")
    call = read_call(task["words"])
    script = python_script(call)
    result = fit_with(call.model, call.scan, call.options, tell)
    tell("looking at what the scan asks for")
    answer = fit_answer(result) | {"script": script, "command": command_line(task["words"]), "words": task["words"]}
    kept = folder / "fits" / f"{task['number']}.pickle"
    kept.write_bytes(pickle.dumps((result, script, answer["command"])))
    return answer | {"number": task["number"]}


def _compare(_: Path, task: Mapping[str, Any], read_call: ReadCall, tell: Progress) -> Answer:
    from xrdfit.app.answers import comparison_answer
    from xrdfit.app.script import command_line
    from xrdfit.inference.questions.compare import compare

    call = read_call(task["words"])
    sites = [site for site in task.get("sites", "").split(",") if site.strip()]
    found = compare(call.model, call.scan, sites=sites, options=call.options, progress=tell)  # pyright: ignore
    more = ["--sites", ",".join(sites)] if sites else []
    return comparison_answer(found) | {"command": command_line([*task["words"], *more], "compare")}


def _identify(_: Path, task: Mapping[str, Any], read_call: ReadCall, tell: Progress) -> Answer:
    from xrdfit.app.answers import identifiability_answer
    from xrdfit.app.script import command_line
    from xrdfit.inference.questions.identify import identify

    call = read_call(task["words"])
    found = identify(call.model, call.scan, options=call.options, progress=tell)  # pyright: ignore
    return identifiability_answer(found) | {"command": command_line(task["words"], "identify")}


def _series(folder: Path, task: Mapping[str, Any], read_call: ReadCall, tell: Progress) -> Answer:
    """Fit each of several scans as the words ask for the first one, and write the files of the series."""
    from xrdfit.app.answers import series_answer
    from xrdfit.app.script import command_line
    from xrdfit.report.series_files import save_series
    from xrdfit.series.entries import Reading
    from xrdfit.series.run import fit_series

    tell("reading")
    scans, mode = list(task["scans"]), task["mode"]
    call = read_call([scans[0], *task["words"]])
    reading = Reading(**{name: given for name, given in next(iter(call.reading.values())).items() if name != "scan"})
    found = fit_series(call.model, scans, mode=mode, options=call.options, reading=reading, progress=tell)
    tell("writing tables and pictures")
    target = save_series(found, Path(f"results-{task['number']}"))
    words = [*scans, *task["words"], *([] if mode == "independent" else ["--mode", mode]), "-o", target.name]
    answer = series_answer(found) | {"command": command_line(words, "series"), "number": task["number"]}
    names = sorted(file.name for file in target.iterdir())
    (target / "command.txt").write_text(answer["command"] + "\n", encoding="utf-8", newline="")
    _pack(folder, target, [*names, "command.txt"])
    return answer | {"files": [*names, "everything.zip"]}


def _files(folder: Path, task: Mapping[str, Any], read_call: ReadCall, tell: Progress) -> Answer:
    """Write everything that can be downloaded of a fit."""
    from xrdfit.report import save
    from xrdfit.report.paper import document, latex, markdown

    number = task["number"]
    # written by this programme in a folder that no upload reaches
    result, script, command = pickle.loads((folder / "fits" / f"{number}.pickle").read_bytes())  # noqa: S301
    tell("intervals and the report")
    target = save(result, Path(f"results-{number}"), force=True)
    tell("tables")
    (target / "fit.py").write_text(script, encoding="utf-8", newline="")
    (target / "command.txt").write_text(command + "\n", encoding="utf-8", newline="")
    for name, make in (("table.tex", latex), ("table.md", markdown)):
        (target / name).write_text(make(result), encoding="utf-8", newline="")
    with suppress(InputError):  # without that library the page offers the other two
        (target / "table.docx").write_bytes(document(result))
    names = sorted(file.name for file in target.iterdir())
    _pack(folder, target, names)
    return {"names": [*names, "everything.zip"]}


def _pack(folder: Path, target: Path, names: list[str]) -> None:
    """Put results, script and uploaded files into one archive, as they must lie to be run again."""
    with ZipFile(target / "everything.zip", "w", ZIP_DEFLATED) as archive:
        for name in names:
            inside = name if name in ("fit.py", "command.txt") else f"{target.name}/{name}"
            archive.write(target / name, inside)
        for file in sorted((folder / "files").iterdir()):
            if file.is_file():
                archive.write(file, file.name)


_KINDS: Mapping[str, Callable[[Path, Mapping[str, Any], ReadCall, Progress], Answer]] = {
    "scan": _scan,
    "model": _model,
    "fit": _fit,
    "compare": _compare,
    "identify": _identify,
    "series": _series,
    "files": _files,
}

KINDS = tuple(_KINDS)
