"""docs/model-files.md lists every kind of parameter, as the table of kinds has it."""

from pathlib import Path

from xrdfit.parameters import KINDS

DOCS = Path(__file__).parents[2] / "docs" / "model-files.md"
_SITE = {"occ": "occ_Cu_8c", "x": "x_Cu_24e", "y": "y_…", "z": "z_…", "b": "b_Cu_8c", "fp": "fp_Cu", "bkg": "bkg_0 …"}


def parameter_table() -> str:
    """The table as it stands in the documentation."""
    lines = ["| name | unit | limits | a fit moves it | what it is |", "|---|---|---|---|---|"]
    for key, kind in KINDS.items():
        per = key.startswith("site ") or kind.stem in ("fp", "bkg")
        name = _SITE[kind.stem] if per else kind.stem.replace("hump_", "hump1_")
        limits = f"{_number(kind.minimum)} to {_number(kind.maximum)}".replace("any to any", "any")
        whose = {"site": "a site", "fp": "an element"}.get(key.partition(" ")[0], "{}")
        text = kind.text.replace("of {}", f"of {whose}").replace(" {}", " n")
        lines.append(f"| `{name}` | {kind.unit} | {limits} | {'yes' if kind.varies else ''} | {text} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return "any" if abs(value) == float("inf") else f"{value:g}"


def test_the_documentation_lists_every_kind():
    assert parameter_table() in DOCS.read_text(encoding="utf-8"), f"\n{parameter_table()}"
