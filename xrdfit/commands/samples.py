"""Scans of one sample on the command line: their labels, and options that concern one of them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrdfit.commands.arguments import FitArguments
from xrdfit.errors import InputError

if TYPE_CHECKING:
    from xarray import Dataset

    from xrdfit.fitting.options import FitOptions

_OF_ALL = (
    "phase",
    "block",
    "total",
    "restrain",
    "tie",
    "vary",
    "fix",
    "start",
    "limits",
    "own",
    "particle",
    "standard",
    "packing",
    "weights",
    "no_usual",
    "for_scan",
)
"""Options that concern the sample and not its scans."""


def read_sample(
    paths: Sequence[str], arguments: FitArguments, scan_index: int | None
) -> tuple[Dataset | dict[str, Dataset], FitOptions]:
    """Read the scans of one sample, and the options of their fit.

    Parameters
    ----------
    paths : sequence of str
        Files, each with its label before it or not: ``lab=scan.xy``. Without one it is the file's stem.
    arguments : FitArguments
    scan_index : int or None
        Which scan of files that hold several.

    Returns
    -------
    scans : xarray.Dataset, or dict of str to Dataset
        A single scan by itself, several by their labels.
    options : FitOptions

    Raises
    ------
    InputError
        A file or an option cannot be used, two scans have one label, or an option is for a scan that is not there.
    """
    if not paths:
        raise InputError("SCAN is missing: give the file of a measured pattern")
    files = labelled_files(paths)
    each = arguments_of_scans(arguments, list(files))
    options = {label: own.options() for label, own in each.items()}
    scans = {label: each[label].read_scan(file, scan_index) for label, file in files.items()}
    if len(files) == 1:
        return next(iter(scans.values())), next(iter(options.values()))
    return scans, _together(options)


def labelled_files(paths: Sequence[str]) -> dict[str, str]:
    """Return the files by label.

    Raises
    ------
    InputError
        Two scans have one label.
    """
    from xrdfit.fitting.scans import label_of

    found: dict[str, str] = {}
    for path in paths:
        label, equals, rest = path.partition("=")
        if equals and re.fullmatch(r"\w+", label) and not os.path.exists(path):
            if label in found:
                raise InputError(f"scan {path!r}: two scans are labelled {label}; labels must differ")
            found[label] = rest
            continue
        stem = label_of(Path(path).stem)
        tries = (stem, *(f"{stem}_{i}" for i in range(2, len(paths) + 2)))
        found[next(name for name in tries if name not in found)] = path
    return found


def arguments_of_scans(arguments: FitArguments, labels: Sequence[str]) -> dict[str, FitArguments]:
    """Return the arguments as they are for each scan.

    Raises
    ------
    InputError
        One is for a scan that is not there, or concerns the whole sample.
    """
    words: dict[str, list[str]] = {label: [] for label in labels}
    for text in arguments.for_scan:
        label, *rest = json.loads(text)
        if label not in words:
            raise InputError(f"{' '.join([rest[0], f'{label}:{rest[1]}'])}: there is no such scan; there are "
                             f"{', '.join(labels)}")  # fmt: skip
        words[label] += rest
    return {label: _merged(arguments, _parsed(own)) if own else arguments for label, own in words.items()}


def _parsed(words: Sequence[str]) -> FitArguments:
    from cyclopts import App, Parameter

    def given(*, arguments: FitArguments | None = None) -> FitArguments:
        return arguments or FitArguments()

    app = App(default_parameter=Parameter(negative=()), exit_on_error=False, print_error=False)
    app.default(given)
    return app(list(words), result_action="return_value")


def _merged(shared: FitArguments, own: FitArguments) -> FitArguments:
    """What is given for one scan in place of what is given for all; stretches to leave out add up."""
    plain = FitArguments()
    changes: dict[str, Any] = {
        f.name: value
        for f in fields(FitArguments)
        if f.name not in _OF_ALL and (value := getattr(own, f.name)) != getattr(plain, f.name)
    }
    if "exclude" in changes:
        changes["exclude"] = (*shared.exclude, *own.exclude)
    return replace(shared, **changes)


def _together(options: Mapping[str, FitOptions]) -> FitOptions:
    """The options of all scans as one: mappings by label where scans differ."""
    from xrdfit.fitting.options import OF_A_SCAN

    first = next(iter(options.values()))
    changes = {}
    for name in OF_A_SCAN:
        values = {label: getattr(own, name) for label, own in options.items()}
        if any(value != getattr(first, name) for value in values.values()):
            changes[name] = values
    sought = tuple(dict.fromkeys(kind for own in options.values() for kind in own.seek))
    return replace(first, **changes, seek=sought)


_WORDS = {
    "--engine": 1, "--range": 2, "--exclude": 2, "--background": 1, "--blank": 1, "--hump": 1, "--radiation": 1,
    "--monochromator": 1, "--radius": 1, "--instrument": 1, "--capillary": 1, "--polarization": 1, "--kbeta": 1,
    "--texture": 3, "--anisotropic": 3, "--axis": 1, "--columns": 1, "--counts-per": 1, "--sigma": 1,
}  # fmt: skip
"""Options that may concern one scan, and how many words follow."""
_LABELLED = re.compile(r"([A-Za-z]\w*)([=:])(.+)")


def name_scans(argv: Sequence[str]) -> list[str]:
    """Rewrite options that begin with a scan's label, ``--radiation lab=cu-ka`` or ``--exclude lab:58.5 59.5``.

    They become ``--for-scan`` with label, option and words in one; everything else is left as it is.
    """
    words = list(argv)
    out: list[str] = []
    i = 0
    while i < len(words):
        word, i = words[i], i + 1
        count = _WORDS.get(word, 0)
        match = _LABELLED.fullmatch(words[i]) if count and i < len(words) else None
        if match is None or not _is_label(word, match, words[i]):
            out.append(word)
            continue
        rest = [match[3], *words[i + 1 : i + count]]
        i += count
        if word == "--hump" and i < len(words) and _is_number(match[3]) and _is_number(words[i]):
            rest, i = [f"{match[3]},{words[i]}"], i + 1
        out += ["--for-scan", json.dumps([match[1], word, *rest])]
    return out


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text) is not None


def _is_label(option: str, match: re.Match[str], text: str) -> bool:
    """Whether what stands before the mark is a scan's label: not in neutron:1.9, C:/path and names of files."""
    if os.path.exists(text) or match[3][0] in "/\\":
        return False
    return match[2] == "=" or not (option == "--radiation" and match[1].lower() == "neutron")
