"""Ctrl-C for programmes that tests start."""

from __future__ import annotations

import signal


def heed_control_c() -> None:
    """To be called in the child: a process started in the background ignores Ctrl-C, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
