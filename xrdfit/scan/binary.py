"""Bounds-checked reading of little-endian binary records, and of zip containers and XML from strangers."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError

MAX_MEMBERS = 2000
MAX_MEMBER_BYTES = 200_000_000
MAX_RATIO, FREE_BYTES = 100, 1_000_000
"""Deflate reaches 1032 on bytes that are all equal; a diffractometer's members stay below 20, so what unpacks to more
than 100 times its size is no measurement. Below 1 MB no ratio is asked for, of a member or of a whole file."""
MAX_ELEMENTS, MAX_DEPTH = 5_000_000, 100
"""Limits of an XML document: a point takes one element at most, and instruments nest some twenty levels."""

# What the zip library raises on damaged or encrypted archives (NotImplementedError is a RuntimeError).
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    IndexError,
    OverflowError,
)


@dataclass(frozen=True)
class Bytes:
    """The bytes of a file; reading past the end is the user's cut file, not our error."""

    data: bytes

    def __len__(self) -> int:
        return len(self.data)

    def _check(self, offset: int, size: int, what: str) -> None:
        if offset < 0 or size < 0 or offset + size > len(self.data):
            raise InputError(f"ends at byte {len(self.data)} within {what}: the file is cut or damaged")

    def number(self, code: str, offset: int, what: str) -> Any:
        """Return the number of the struct code `code` at `offset`."""
        self._check(offset, struct.calcsize("<" + code), what)
        return struct.unpack_from("<" + code, self.data, offset)[0]

    def decimal(self, offset: int, what: str) -> float:
        """Return a float32 as the decimal number that it stands for: 0.03, not 0.029999999329."""
        return float(str(np.float32(self.number("f", offset, what))))

    def text(self, offset: int, size: int, what: str) -> str:
        """Return a text of fixed length, up to its NUL."""
        self._check(offset, size, what)
        return self.data[offset : offset + size].split(b"\0")[0].decode("latin-1").strip()

    def floats(self, offset: int, count: int, stride: int, what: str) -> NDArray[np.float64]:
        """Return `count` float32 values, one at the start of each record of `stride` bytes."""
        self._check(offset, count * stride, what)
        records = np.frombuffer(self.data, dtype=np.uint8, count=count * stride, offset=offset)
        singles = records.reshape(count, stride)[:, :4].copy().view("<f4").reshape(count)
        with np.errstate(invalid="ignore"):  # a signalling NaN of a damaged file; the schema names it
            return singles.astype(np.float64)

    def shorts(self, offset: int, count: int, what: str) -> NDArray[np.uint16]:
        """Return `count` unsigned 16-bit values."""
        self._check(offset, 2 * count, what)
        return np.frombuffer(self.data, dtype="<u2", count=count, offset=offset)


class Archive:
    """Members of a zip file, read in memory under limits; nothing is ever extracted to disk."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _ZIP_ERRORS as error:
            raise InputError(f"is not a readable zip file ({error}): the file is cut or damaged") from None
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise InputError(f"is a zip file of {len(members)} members; at most {MAX_MEMBERS} are allowed")
        self.names = [member.filename for member in members]
        self._left = max(FREE_BYTES, MAX_RATIO * len(data))

    def read(self, name: str) -> bytes:
        """Return one member.

        Raises
        ------
        InputError
            For a member that is damaged, encrypted, over 200 MB or compressed more than 100 times, and when all that
            was read is more than 100 times the file.
        """
        member = self._zip.getinfo(name)
        if member.file_size > MAX_MEMBER_BYTES:
            raise InputError(f"holds {name!r} of {member.file_size} bytes; at most {MAX_MEMBER_BYTES} are allowed")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"holds {name!r} in a compression that is not read; deflate is")
        if member.file_size > max(FREE_BYTES, MAX_RATIO * member.compress_size) or member.file_size > self._left:
            raise InputError(f"holds {name!r}, compressed more than {MAX_RATIO} times: not a diffractometer's file")
        self._left -= member.file_size
        try:
            with self._zip.open(member) as stream:
                # The size in the directory is a claim: one byte more than it is the most that is taken.
                content = stream.read(member.file_size + 1)
        except _ZIP_ERRORS as error:
            raise InputError(f"holds {name!r} that cannot be unpacked ({error})") from None
        if len(content) > member.file_size:
            raise InputError(f"holds {name!r} that is larger than its directory says")
        return content


def parse_xml(data: bytes, what: str) -> Element:
    """Return the root of an XML document; entities, external references and DTD tricks are refused.

    Raises
    ------
    InputError
        For XML that is broken, that declares entities, or with more elements or levels than any measurement has.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if data.count(b"<") > MAX_ELEMENTS:
        raise InputError(f"{what} holds more than {MAX_ELEMENTS} XML tags: not a measured pattern")
    try:
        root = fromstring(data)
    except DefusedXmlException:
        raise InputError(f"{what} declares XML entities, which measured patterns do not need: refused") from None
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{what} is not well-formed XML ({error}): the file is cut or damaged") from None
    # Readers look into each element's descendants, which takes quadratic time where elements nest without end.
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise InputError(f"{what} nests XML elements over {MAX_DEPTH} levels deep: not a measured pattern")
        level = [child for element in level for child in element]
    return root


def local(element: Element) -> str:
    """Return the tag without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def descend(element: Element, *path: str) -> Element | None:
    """Return the first descendant along the path of local names, None where a step is missing."""
    here: Element | None = element
    for name in path:
        if here is None:
            return None
        here = next((child for child in here if local(child) == name), None)
    return here


def content(element: Element | None) -> str | None:
    """Return the text of an element, None where there is neither element nor text."""
    return element.text.strip() if element is not None and element.text and element.text.strip() else None
