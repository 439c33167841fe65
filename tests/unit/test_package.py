"""What the package says of itself stands in one place."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import xrdfit

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_version_is_that_of_pyproject(monkeypatch) -> None:
    assert xrdfit.__version__ == PROJECT["version"]

    def not_installed(name):
        raise PackageNotFoundError(name)

    from importlib import metadata
    from importlib.metadata import PackageNotFoundError

    monkeypatch.setattr(metadata, "version", not_installed)
    assert xrdfit.__version__ == PROJECT["version"]


def test_no_other_file_states_another_version() -> None:
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == PROJECT["version"]
    for file in (ROOT / "xrdfit").rglob("*.py"):
        assert f'"{PROJECT["version"]}"' not in file.read_text(encoding="utf-8"), file


def test_public_names_are_told_to_type_checkers_and_in_the_docs() -> None:
    """`__init__` loads names when they are used; type checkers see the imports under TYPE_CHECKING."""
    tree = ast.parse((ROOT / "xrdfit" / "__init__.py").read_text(encoding="utf-8"))
    told = {a.asname: n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names if a.asname}
    assert set(told) == set(xrdfit.__all__) - {"__version__"}
    page = (ROOT / "docs" / "public.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert listed == set(xrdfit.__all__)


@pytest.mark.parametrize("name", sorted(set(xrdfit.__all__)))
def test_public_names_are_there_and_documented(name: str) -> None:
    thing = getattr(xrdfit, name)
    assert name in dir(xrdfit)
    assert getattr(thing, "__doc__", None)


def test_what_others_made_has_its_notice() -> None:
    notice = (ROOT / "licenses" / "PyXtal.txt").read_text(encoding="utf-8")
    assert "MIT License" in notice
    assert "Copyright 2018 Scott Fredericks, Qiang Zhu" in notice
    assert "licenses/PyXtal.txt" in (ROOT / "xrdfit" / "crystal" / "wyckoff.txt").read_text(encoding="utf-8")
    for table in (ROOT / "data" / "article").glob("table-*.csv"):
        assert "doi:10.1038/ncomms14514" in table.read_text(encoding="utf-8").splitlines()[0]


def test_the_recipe_for_conda_agrees_with_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recipe = (ROOT / "recipe" / "meta.yaml").read_text(encoding="utf-8")
    listed = {
        key: re.search(rf"^  {key}:\n((?:    - .*\n)+)", recipe, re.MULTILINE) for key in ("run", "run_constrained")
    }
    found = {key: set(re.findall(r"- (.*)", match[1])) for key, match in listed.items() if match}

    def written(parts: list[str]) -> set[str]:
        return {part.replace(">=", " >=").replace("matplotlib ", "matplotlib-base ") for part in parts}

    assert found["run"] == written(project["dependencies"]) | {f"python {project['requires-python']}"}
    extras = project["optional-dependencies"]
    assert found["run_constrained"] == written([*extras["speed"], *extras["posterior"]])
    assert f'set version = "{project["version"]}"' in recipe
