"""From a result to what a person reads: tables, a picture, a page, files; and back from the files."""

from xrdfit.report.files import load_result, save

__all__ = ["load_result", "save"]
