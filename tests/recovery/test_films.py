"""Random drop-cast films, simulated by nothing of the package, fitted with their blank as a user would.

XRDFIT_SLOW=1 runs the 500 films of docs/measured-scans.md, for hours.
"""

from __future__ import annotations

import numpy as np
import pytest
from film_fits import Answer, answers
from tiers import STATISTICS

FILMS = range(500) if STATISTICS else range(1000, 1006)


def report(name: str, rows: list[Answer]) -> dict[str, float]:
    """Coverage of the combined error and its size, printed."""
    pulls = np.abs([row.pull for row in rows])
    combined, counts = np.array([[row.combined, row.counts] for row in rows]).T
    found = {
        "within 1": float(np.mean(pulls < 1.0)),
        "within 2": float(np.mean(pulls < 2.0)),
        "within 3": float(np.mean(pulls < 3.0)),
        "median error": float(np.median(combined)),
        "median error above 2000 counts": float(np.median(combined[counts > 2000.0])),
    }
    print(f"{name}, {len(rows)} occupancies: " + ", ".join(f"{key} {value:.3f}" for key, value in found.items()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("guided", [False, True], ids=["first shot", "guided"])
def test_the_answer_lies_within_the_errors_that_are_said(guided):
    """Both errors together; the smallest fractions leave three standard deviations of a binomial."""
    rows = [row for seed in FILMS for row in answers(seed, guided=guided)]
    found = report("guided" if guided else "first shot", rows)
    slack = 3.0 / np.sqrt(len(rows))
    assert found["within 1"] > 0.62 - 0.47 * slack
    assert found["within 2"] > 0.93 - 0.26 * slack
    if guided:
        assert found["median error"] <= 0.015
    silent = [row for row in rows if abs(row.pull) > 3.0 and not row.advice]
    if not guided:
        assert silent == []


@pytest.mark.slow
def test_one_film_that_is_far_off_says_so():
    """A thin film with a halo: what the first shot misses is named, and the guided fit finds the truth."""
    first, last = answers(1001, guided=False), answers(1001, guided=True)
    assert first[0].advice
    for row in last:
        assert abs(row.pull) < 3.0
        assert row.combined < 0.03
