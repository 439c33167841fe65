"""Shared by all tests; its place puts `tests/` on the import path, for helpers such as `scan_files`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("xrdfit", deadline=None)  # a busy machine is no fault
settings.load_profile("xrdfit")

REALDATA = Path(__file__).resolve().parents[2] / "shared" / "realdata"


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of measured patterns; tests that use it skip where it is absent."""
    if not REALDATA.is_dir():
        pytest.skip(f"the measured patterns are not there: {REALDATA}")
    return REALDATA
