"""One thread for linear algebra inside a fit: its matrices are so small that waiting for others costs more."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which BLAS uses one thread; what it used before comes back at the end.

    It holds for the libraries that are loaded by then: NumPy's, and SciPy's own once something has imported it.
    """
    return _controller("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas")


@lru_cache(maxsize=2)
def _controller(with_scipy: bool) -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
