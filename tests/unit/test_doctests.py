"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
import inspect
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


@pytest.mark.parametrize("name", [n for n in xrdfit.__all__ if n not in ("__version__", "ComputationError")])
def test_every_public_name_has_an_example(name: str) -> None:
    assert ">>> " in (inspect.getdoc(getattr(xrdfit, name)) or "")
