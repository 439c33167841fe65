"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import xrdfit

MODULES = [m.name for m in pkgutil.walk_packages(xrdfit.__path__, "xrdfit.") if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = import_module(name)
    found = [test for test in doctest.DocTestFinder().find(module, name) if test.examples]
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in found:
        runner.run(test)
    assert runner.failures == 0


def test_there_are_examples() -> None:
    """Were none found, the tests above would test nothing."""
    finder = doctest.DocTestFinder()
    assert sum(bool(test.examples) for name in MODULES for test in finder.find(import_module(name), name)) >= 15
