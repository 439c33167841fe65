"""Films with known truths, from the folder of small cases; skipped where it is absent."""

from __future__ import annotations

import pytest
from film_fits import fit_film

import xrdfit as xf

FILMS = {
    "A0-clean": 0.6, "A1-halo": 0.6, "A2-air": 0.6, "A3-shift": 0.6, "A4-film": 0.6, "A5-spike": 0.6, "A6-cu2o": 0.6,
    "A7-cdse": 0.6, "A8-300counts": 0.6, "A9-B": 0.6, "R1-2nm": 0.3, "R2-4nm-cu2o": 0.6, "R5-5nm-CuSe1.9": 0.55,
}  # fmt: skip
"""True occupancy of copper on 8c."""
LACKING = {
    "A1-halo": "--hump", "A4-film": "--film", "A6-cu2o": "--phase cu2o", "A9-B": "--b-per-element", "R1-2nm": "--hump",
    "R5-5nm-CuSe1.9": "--hump",
}  # fmt: skip
"""What the first shot must name: as advice, or as what it added by itself."""
QUICK = ("A9-B",)


def answer(realdata, name, *, guided):
    folder = realdata.parent / "cases" / "films"
    if not folder.is_dir():
        pytest.skip(f"the films are not there: {folder}")
    scan, blank = (xf.read_pattern(str(folder / f"{name}{end}.xy")) for end in ("", "-blank"))
    preset = f"cu2se-{'2nm' if name == 'R1-2nm' else '4nm'}"
    result = fit_film(preset, scan, blank, guided=guided)
    assert result.engine == "debye"  # chosen by the scan
    return result, result[f"{result.model.prefix(result.model.phases[0])}occ_Cu_8c"]


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in FILMS])
def test_guided_returns_the_truth(realdata, name):
    result, eight = answer(realdata, name, guided=True)
    freed = [word for step in result.steps if step.options[0] == "--vary" for word in step.options[1:]]
    assert set(freed) <= set(result.parameters)  # whatever was named before a phase was added
    combined = (eight.stderr**2 + eight.stderr_model**2) ** 0.5
    assert abs(eight.value - FILMS[name]) < 2.5 * combined
    assert combined < 0.03


@pytest.mark.parametrize("name", LACKING)
def test_the_first_shot_says_what_it_lacks(realdata, name):
    """Within three combined errors, which are large where much is missing, and with the right piece named."""
    result, eight = answer(realdata, name, guided=False)
    assert abs(eight.value - FILMS[name]) < 3.0 * (eight.stderr**2 + eight.stderr_model**2) ** 0.5
    remedies = [a.remedy for piece in result.advice for a in (piece, *piece.alternatives)]
    remedies += [" ".join(step.options) for step in result.steps]
    assert any(remedy.startswith(LACKING[name]) for remedy in remedies), remedies
