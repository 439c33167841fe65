"""Measured patterns: the dataset's schema and the readers of instruments' files."""

from xrdfit.scan.detect import FormatInfo
from xrdfit.scan.files import StackedScan, formats, read_pattern, read_stack
from xrdfit.scan.schema import RawScan, make_pattern

__all__ = ["FormatInfo", "RawScan", "StackedScan", "formats", "make_pattern", "read_pattern", "read_stack"]
