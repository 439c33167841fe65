"""NeXus HDF5 of azimuthal integration: NXazint1d (MAX IV), NXmonopd and other NXdata groups as pyFAI writes them.

Definitions: the NeXus manual, application definitions NXazint1d and NXmonopd. Only what the file itself holds is read:
links to other files, external storage and virtual data sets are not followed.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xrdfit.errors import InputError
from xrdfit.scan.axis import Axis
from xrdfit.scan.isolated import call
from xrdfit.scan.meta import join_notes, text_attribute
from xrdfit.scan.schema import Attribute, RawScan

if TYPE_CHECKING:
    import h5py

_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAX_VALUES = 20_000_000
_MAX_AXIS = 1_000_000
_MAX_GROUPS, _MAX_DEPTH = 2000, 12
_MAX_TEXT = 200_000
_SIGNALS = ("I", "data", "intensity")
_ERRORS = ("{}_errors", "{}_error", "errors", "Idev", "sigma")
_RADIAL = ("radial_axis", "polar_angle", "2th", "tth", "twotheta", "q", "Q")
_AZIMUTH = re.compile(r"azim|eta\b|chi\b", re.IGNORECASE)
_UNITS = {
    Axis.TWO_THETA: ("deg", "degree", "degrees", "°", "2thdeg", "2thetadeg"),
    Axis.RADIANS: ("rad", "radian", "radians", "2thrad"),
    Axis.Q_ANGSTROM: ("1/angstrom", "1/angstroms", "1/a", "1/å", "angstrom^-1", "a^-1", "å^-1", "qa^-1", "a-1"),
    Axis.Q_NM: ("1/nm", "nm^-1", "qnm^-1", "nm-1", "1/nanometer"),
}
_LENGTHS = {"angstrom": 1.0, "a": 1.0, "å": 1.0, "angstroms": 1.0, "nm": 10.0, "m": 1e10, "pm": 0.01}
_KEV = 12.398419843320026
"""hc in keV·Å (CODATA 2018, exact)."""
_PONI = re.compile(r"[\"']?wavelength[\"']?\s*[:=]\s*(\d{1,3}\.?\d{0,20}[eE]-\d{1,2})", re.IGNORECASE)

# What h5py raises on damaged files.
_H5_ERRORS = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    NotImplementedError,
    SystemError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True)
class _Found:
    """One NXdata group with a radial axis."""

    group: h5py.Group
    signal: h5py.Dataset
    radial: h5py.Dataset


def sniff(head: bytes) -> bool:
    """Return whether the head is that of an HDF5 file."""
    return head.startswith(_MAGIC)


def read(data: bytes) -> list[RawScan]:
    """Read every integrated pattern of the file; a group that holds several gives one scan each."""
    return read_inside(data, None)


def read_inside(data: bytes, path: str | None) -> list[RawScan]:
    """Read the patterns below `path` inside the file, or all.

    The HDF5 library is called in a process of its own, because damaged files can make it loop without end.

    Raises
    ------
    InputError
        For a path that is not there or holds no pattern over 2θ or Q, and for a damaged file.
    """
    _check_length(data)
    answer = call(__name__, "packed", json.dumps(path).encode() + b"\n" + data)
    head, _, body = answer.partition(b"\n")
    scans, at = [], 0
    for n, has_sigma, meta, axis in json.loads(head):
        columns = [np.frombuffer(body, dtype="<f8", count=n, offset=at + 8 * n * i) for i in range(2 + has_sigma)]
        at += 8 * n * len(columns)
        sigma = columns[2] if has_sigma else None
        scans.append(RawScan(columns[0], columns[1], sigma, meta=meta, axis=Axis[axis]))
    return scans


def _check_length(data: bytes) -> None:
    """Raise for what is no HDF5 file, and for a file that is shorter than its superblock says."""
    if not data.startswith(_MAGIC) or len(data) < 48:
        raise InputError("is no HDF5 file, or cut within its first bytes")
    at = {0: 40, 1: 44, 2: 28, 3: 28}.get(data[8])
    if at is None:
        raise InputError(f"is an HDF5 file with a superblock of version {data[8]}; 0 to 3 are read")
    end = int.from_bytes(data[at : at + 8], "little")
    if end > len(data):
        raise InputError(f"has {len(data)} bytes where its superblock says {end}: the file is cut or damaged")


def packed(payload: bytes) -> bytes:
    """Return the scans of a payload (the path as JSON, a newline, the file) as a line of JSON and their columns."""
    path, _, data = payload.partition(b"\n")
    scans = read_here(data, json.loads(path))
    head = [(len(scan.x), scan.sigma is not None, dict(scan.meta), scan.axis.name) for scan in scans]
    columns = [column for scan in scans for column in (scan.x, scan.counts, scan.sigma) if column is not None]
    return json.dumps(head).encode() + b"\n" + b"".join(column.astype("<f8").tobytes() for column in columns)


def read_here(data: bytes, path: str | None) -> list[RawScan]:
    """Read the patterns in this process."""
    import h5py

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return _scans(file, path)
    except InputError:
        raise
    except _H5_ERRORS as error:
        raise InputError(f"is not a readable HDF5 file ({error}): the file is cut or damaged") from None


def _scans(file: h5py.File, path: str | None) -> list[RawScan]:
    import h5py

    found: list[_Found] = []
    others: list[str] = []
    start: Any = file if path is None else file.get(path) if _inside(file, path) else None
    if start is None:
        raise InputError(f"holds no {path!r}{_listed(file)}")
    wanted = start.name if isinstance(start, h5py.Dataset) else None
    top: Any = start if wanted is None else start.parent
    for group in _groups(top, wanted is None):
        try:
            one = _pattern(group, wanted)
        except InputError as error:
            others.append(f"{group.name}: {error}")
            continue
        if one is not None:
            found.append(one)
    if not found:
        why = f" ({'; '.join(others[:3])})" if others else ""
        raise InputError(f"holds no integrated pattern over 2θ or Q{why}{_listed(file) if path is not None else ''}")
    if sum(int(np.prod(one.signal.shape, dtype=np.float64)) for one in found) > _MAX_VALUES:
        raise InputError(f"holds more than {_MAX_VALUES} intensities; give the path of one group as FILE::PATH")
    return [scan for one in found for scan in _read(one)]


def _inside(file: h5py.File, path: str) -> bool:
    """Return whether every step of a path stays in this file."""
    import h5py

    here: Any = file
    for name in path.strip("/").split("/"):
        if not isinstance(here, h5py.Group) or isinstance(here.get(name, getlink=True), h5py.ExternalLink):
            return False
        here = here.get(name)
    return here is not None


def _listed(file: h5py.File) -> str:
    names = [group.name for group in _groups(file, True) if "NXdata" in _text(group.attrs.get("NX_class"))]
    return f"; its NXdata groups are {', '.join(map(str, names[:10]))}" if names else ""


def _groups(start: h5py.Group, deep: bool) -> Iterator[h5py.Group]:
    """Yield a group and those below it, each once; soft and external links are not followed."""
    import h5py

    level, count, seen = [start], 0, {_address(start)}
    for _ in range(_MAX_DEPTH if deep else 1):
        below = []
        for group in level:
            count += 1
            if count > _MAX_GROUPS:
                raise InputError(f"holds more than {_MAX_GROUPS} groups; give the path of one as FILE::PATH")
            yield group
            for name in group:
                if isinstance(group.get(name, getlink=True), h5py.HardLink):
                    child = group.get(name)
                    if isinstance(child, h5py.Group) and (at := _address(child)) not in seen:
                        seen.add(at)
                        below.append(child)
        level = below


def _address(group: h5py.Group) -> int:
    """Return where a group lies in the file: hard links may name it more than once."""
    import h5py

    low_level: Any = h5py  # its compiled modules have no types
    return int(low_level.h5o.get_info(group.id).addr)


def _text(value: Any) -> str:
    """Return the text of an attribute or of a scalar data set, "" for anything else."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if isinstance(value, str) else ""


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """Return a data set of numbers that the file itself holds, None where there is none of that name."""
    import h5py

    if not name or name not in group or isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        return None
    found = group.get(name)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "iuf" or found.shape is None:
        return None
    if found.is_virtual or found.external:
        raise InputError(f"keeps {name} in another file, which is not read")
    return found


def _pattern(group: h5py.Group, wanted: str | None) -> _Found | None:
    """Return signal and radial axis of a group, None where it is no pattern; a cake is none."""
    axes = group.attrs.get("axes")
    names = [_text(item) for item in np.atleast_1d(axes)] if axes is not None else []
    if "NXdata" not in _text(group.attrs.get("NX_class")) and "radial_axis" not in group and wanted is None:
        return None
    stated = [wanted.rpartition("/")[2]] if wanted is not None else [_text(group.attrs.get("signal"))]
    signal = next((d for d in (_dataset(group, name) for name in (*stated, *_SIGNALS)) if d is not None), None)
    radial = next((d for d in (_dataset(group, name) for name in (*names[-1:], *_RADIAL)) if d is not None), None)
    if signal is None or radial is None or radial.ndim != 1:
        return None
    if signal.ndim not in (1, 2) or any(_AZIMUTH.search(name) for name in names):
        raise InputError(f"{signal.ndim} dimensions, not one pattern or a list of patterns")
    if signal.shape[-1] != len(radial):
        raise InputError(f"{signal.shape[-1]} intensities over {len(radial)} points of {radial.name}")
    if len(radial) > _MAX_AXIS:
        raise InputError(f"{len(radial)} points; at most {_MAX_AXIS} are read")
    _axis(radial)
    return _Found(group, signal, radial)


def _axis(radial: h5py.Dataset) -> Axis:
    """Return what the radial axis is, by its units; its name and label may deny it."""
    unit = _text(radial.attrs.get("units"))
    label = f"{str(radial.name).rpartition('/')[2]} {_text(radial.attrs.get('long_name'))}"
    plain = re.sub(r"[\s_\\{}$]", "", unit.lower())
    axis = next((axis for axis, names in _UNITS.items() if plain in names), None)
    if axis is None or _AZIMUTH.search(label):
        raise InputError(f"the axis {label.strip()[:60]!r} in {unit[:30]!r}; 2θ (degrees, radians) and Q are read")
    return axis


def _read(one: _Found) -> list[RawScan]:
    """Return the scans of a group, without the points that no detector pixel reached."""
    x = np.asarray(one.radial[()], dtype=np.float64)
    rows = np.atleast_2d(np.asarray(one.signal[()], dtype=np.float64))
    name = str(one.signal.name).rpartition("/")[2]
    wanted = [_text(one.signal.attrs.get("uncertainties")), *(pattern.format(name) for pattern in _ERRORS)]
    candidates = (_dataset(one.group, key) for key in wanted if key != name)
    errors = next((d for d in candidates if d is not None and d.shape == one.signal.shape), None)
    sigmas = None if errors is None else np.atleast_2d(np.asarray(errors[()], dtype=np.float64))
    norm = _dataset(one.group, "norm")
    reached = np.ones(len(x), dtype=bool)
    if norm is not None and norm.shape == x.shape:
        reached = np.asarray(norm[()]) > 0
    meta, axis = _facts(one.group), _axis(one.radial)
    scans = []
    for i, row in enumerate(rows):
        keep = reached & np.isfinite(x) & np.isfinite(row) & (x > 0)
        sigma = None if sigmas is None else sigmas[i]
        if sigma is not None and np.any(sigma > 0):
            keep &= np.isfinite(sigma) & (sigma > 0)
        elif sigma is not None:
            sigma = None
        notes = [] if keep.all() else [f"{int(np.sum(~keep))} points that no pixel reached are left out"]
        kept = None if sigma is None else sigma[keep]
        scans.append(RawScan(x[keep], row[keep], kept, meta=_noted(meta, notes), axis=axis))
    return scans


def _noted(meta: dict[str, Attribute], notes: list[str]) -> dict[str, Attribute]:
    told = [str(meta["notes"])] if "notes" in meta else []
    return meta | join_notes([*told, *notes])


def _facts(group: h5py.Group) -> dict[str, Attribute]:
    """Return wavelength, probe and sample of the nearest group above that states them."""
    meta: dict[str, Attribute] = {}
    here: Any = group
    seen = ""
    while here.name != seen:
        for key, value in _stated(here).items():
            meta.setdefault(key, value)
        seen, here = str(here.name), here.parent
    return meta


def _stated(group: h5py.Group) -> dict[str, Attribute]:
    """Return what the groups below this one state, three levels deep."""
    import h5py

    lengths: list[float] = []
    energies: list[float] = []
    ponis: list[float] = []
    found: dict[str, Attribute] = {}
    level = [group]
    for _ in range(4):
        below = []
        for parent in level[:200]:
            kind = _text(parent.attrs.get("NX_class"))
            for name in parent:
                if isinstance(parent.get(name, getlink=True), h5py.ExternalLink):
                    continue
                child = parent.get(name)
                if isinstance(child, h5py.Group):
                    below.append(child)
                elif isinstance(child, h5py.Dataset) and child.shape in ((), (1,)):
                    if name in ("wavelength", "incident_wavelength"):
                        lengths += _length(child)
                    elif name in ("energy", "incident_energy"):
                        energies += [_KEV / value for value in _number(child, {"kev": 1.0, "ev": 1e-3})]
                    elif name in ("poni", "data", "config") and child.dtype.kind in "OS":
                        ponis += [1e10 * float(value) for value in _PONI.findall(_short(child))]
                    elif name == "probe" and kind == "NXsource":
                        found |= _probe(_short(child))
                    elif name == "name" and kind == "NXsample":
                        found |= text_attribute("sample", _short(child))
        level = below
    for values in (lengths, energies, ponis):
        usable = [value for value in values if 0.01 < value < 10]
        if usable and max(usable) - min(usable) <= 1e-3 * min(usable):
            return found | {"wavelengths": [usable[0]]}
        if usable:
            told = ", ".join(f"{value:g}" for value in usable[:4])
            return found | join_notes([f"the file states several wavelengths ({told} Å): none is taken"])
    return found


def _short(dataset: h5py.Dataset) -> str:
    return _text(dataset[()])[:_MAX_TEXT]


def _probe(name: str) -> dict[str, Attribute]:
    known = {"neutron": "neutron", "x-ray": "xray", "xray": "xray", "x-rays": "xray"}
    return {"probe": known[name.strip().lower()]} if name.strip().lower() in known else {}


def _number(dataset: h5py.Dataset, units: dict[str, float]) -> list[float]:
    """Return a data set's number in the unit whose factor is 1; nothing where its unit is not known."""
    factor = units.get(_text(dataset.attrs.get("units")).strip().lower())
    if factor is None or dataset.dtype.kind not in "iuf":
        return []
    value = float(np.asarray(dataset[()]).reshape(-1)[0]) * factor
    return [value] if value > 0 else []


def _length(dataset: h5py.Dataset) -> list[float]:
    return _number(dataset, _LENGTHS)
