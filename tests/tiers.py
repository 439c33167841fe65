"""Two tiers of tests: what every run checks, and what `--slow` adds; statistics of minutes or hours take XRDFIT_SLOW=1.

pytest                      under three minutes of processor time
pytest --slow               everything marked `slow` too, and the full number of Hypothesis' examples
XRDFIT_SLOW=1 pytest --slow the long statistics of docs/validation.md and docs/intervals.md
"""

from __future__ import annotations

import os

SLOW = False
"""Whether the slower tier runs; `conftest.pytest_configure` sets it before any test module is read."""

STATISTICS = bool(os.environ.get("XRDFIT_SLOW"))


def examples(count: int) -> int:
    """How many examples Hypothesis draws: `count` in the slower tier, a sixth of them (at least 5) otherwise."""
    return count if SLOW else max(5, count // 6)
