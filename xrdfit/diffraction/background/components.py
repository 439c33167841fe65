"""What a component of the background is, and one that only its heights change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from xrdfit.diffraction.protocol import FloatArray
from xrdfit.parameters import ParameterRow

Values = Mapping[str, float]


class BoundComponent(Protocol):
    """A component on a grid of n angles; names are its own, without the label of a scan."""

    @property
    def name(self) -> str:
        """What it is called in a pattern's dataset."""
        ...

    @property
    def heights(self) -> tuple[str, ...]:
        """Parameters that it is linear in, k of them."""
        ...

    @property
    def shapes(self) -> tuple[str, ...]:
        """Parameters that change its form."""
        ...

    def basis(self, values: Values) -> FloatArray:
        """Return the patterns at unit height, shape (n, k)."""
        ...

    def slope(self, values: Values, name: str) -> FloatArray:
        """Return the derivative of the basis by one of `shapes`, shape (n, k)."""
        ...

    def variance(self, heights: FloatArray) -> FloatArray | float:
        """Return the variance that its own counting adds to the scan's, shape (n,)."""
        ...


@runtime_checkable
class Component(Protocol):
    """A piece of the background, before it knows the grid."""

    key: ClassVar[str]
    """Its key in the table of a file."""

    @classmethod
    def from_toml(cls, value: Any, folder: Path) -> list[Component]:
        """Read the components that a key of a file stands for."""
        ...

    def to_toml(self) -> Any:
        """Return the value of its key; a list, where there may be several of its kind."""
        ...

    def on(self, two_theta: FloatArray) -> str:
        """Say what it is on a grid, in a few words."""
        ...

    def rows(self, two_theta: FloatArray, number: int) -> list[ParameterRow]:
        """Return its parameters, heights first; `number` counts the components of its class from 1."""
        ...

    def bind(self, two_theta: FloatArray, number: int) -> BoundComponent:
        """Return it on a grid."""
        ...


@dataclass(frozen=True)
class FixedComponent:
    """A bound component that only its heights change."""

    name: str
    heights: tuple[str, ...]
    patterns: FloatArray
    noise: FloatArray | None = None
    shapes: tuple[str, ...] = ()

    def basis(self, values: Values) -> FloatArray:
        """Return the patterns, which nothing changes."""
        return self.patterns

    def slope(self, values: Values, name: str) -> FloatArray:
        """Return zeros."""
        return np.zeros_like(self.patterns)

    def variance(self, heights: FloatArray) -> FloatArray | float:
        """Return the variance of a curve that was counted, at its height."""
        return 0.0 if self.noise is None else (self.noise * heights[0]) ** 2
