"""One thread for linear algebra inside a fit: its matrices are so small that waiting for others costs more."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which BLAS uses one thread; what it used before comes back at the end."""
    return _controller().limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401  its library is one of those to be found, and a fit needs it anyway
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
