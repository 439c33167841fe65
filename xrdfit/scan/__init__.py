"""Measured patterns: the dataset's schema and the readers of instruments' files."""

from xrdfit.scan.detect import FormatInfo
from xrdfit.scan.files import formats, read_pattern
from xrdfit.scan.schema import RawScan, make_pattern

__all__ = ["FormatInfo", "RawScan", "formats", "make_pattern", "read_pattern"]
