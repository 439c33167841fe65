"""Shared by all tests; its place puts `tests/` on the import path, for helpers such as `scan_files`."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiers
from hypothesis import settings

REALDATA = Path(__file__).resolve().parents[2] / "shared" / "realdata"


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of measured patterns; tests that use it skip where it is absent."""
    if not REALDATA.is_dir():
        pytest.skip(f"the measured patterns are not there: {REALDATA}")
    return REALDATA


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="what is marked slow too, and more of Hypothesis' examples")


def pytest_configure(config: pytest.Config) -> None:
    tiers.SLOW = bool(config.getoption("--slow")) or tiers.STATISTICS
    settings.register_profile("xrdfit", deadline=None, max_examples=tiers.examples(100))  # a busy machine is no fault
    settings.load_profile("xrdfit")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked slow, unless it is asked for or named by itself."""
    if tiers.SLOW or any("::" in str(argument) for argument in config.args):
        return
    left_out = [item for item in items if item.get_closest_marker("slow")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
