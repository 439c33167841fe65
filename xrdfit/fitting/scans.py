"""Scans of one sample by label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xrdfit.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from xrdfit.fitting.options import FitOptions

Scans = Mapping[str, "xr.Dataset"]
"""Scans of one sample by label; a single one has the label ""."""

MOST_SCANS = 50
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


def as_scans(scan: xr.Dataset | Scans) -> Scans:
    """Scans by label; a single one has the label "".

    Raises
    ------
    InputError
        There is none, or a label cannot be part of a parameter's name.
    """
    if not isinstance(scan, Mapping) or hasattr(scan, "data_vars"):
        return {"": scan}  # pyright: ignore[reportReturnType]
    if len(scan) == 1:
        return {"": next(iter(scan.values()))}  # pyright: ignore[reportReturnType]
    check_labels(list(scan))  # pyright: ignore[reportArgumentType]
    return scan  # pyright: ignore[reportReturnType]


def one_sample(scan: xr.Dataset | Scans, options: FitOptions) -> tuple[Scans, FitOptions]:
    """Scans by label, and the options as they are for these: what is named for a scan must name one that is there.

    Raises
    ------
    InputError
        See `as_scans`; or an option is for a scan that is not there.
    """
    scans = as_scans(scan)
    if len(scans) > 1:
        options.check_labels(list(scans))
        return scans, options
    given = [str(label) for label in scan] if scan is not scans[""] else []
    options.check_labels(given)
    return scans, options.of(given[0] if given else "")


def check_labels(labels: Sequence[str]) -> None:
    """Refuse labels that cannot stand first in the names of parameters, ``lab__zero_deg``.

    Raises
    ------
    InputError
        Naming the label, or the number of scans.
    """
    if not labels:
        raise InputError("no scan: one, or a mapping of labels to scans, is needed")
    if len(labels) > MOST_SCANS:
        raise InputError(
            f"{len(labels)} scans of one sample: at most {MOST_SCANS} are allowed; a series is many samples"
        )
    for label in labels:
        if not isinstance(label, str) or not _LABEL.fullmatch(label) or "__" in label or label.endswith("_"):
            raise InputError(
                f"scan {str(label)[:60]!r}: a label is letters, digits and single underscores and begins with a letter "
                "(40 at most), such as lab"
            )


def label_of(stem: str) -> str:
    """Return the label that a file's name without its ending makes.

    Examples
    --------
    >>> label_of("PbSO4-d1a"), label_of("2024 05 lab"), label_of("---")
    ('PbSO4_d1a', 's2024_05_lab', 'scan')
    """
    label = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")[:39].rstrip("_") or "scan"
    return label if label[0].isalpha() else f"s{label}"
