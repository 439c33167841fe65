"""All components of a scan on its grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xrdfit.diffraction.background.broad import Hump
from xrdfit.diffraction.background.components import BoundComponent, Component, Values
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.errors import InputError
from xrdfit.parameters import ParameterRow


@dataclass(frozen=True)
class BoundBackground:
    """All components of one scan on its grid.

    Attributes
    ----------
    components : tuple of BoundComponent
    keys : Mapping[str, str]
        From a component's own names to those of the fit.
    """

    components: tuple[BoundComponent, ...]
    keys: Mapping[str, str]

    @property
    def heights(self) -> tuple[str, ...]:
        """Names of the heights in the fit, in the order of the columns of `basis`."""
        return tuple(self.keys[name] for component in self.components for name in component.heights)

    @property
    def shapes(self) -> tuple[str, ...]:
        """Names in the fit of what shapes the components."""
        return tuple(self.keys[name] for component in self.components for name in component.shapes)

    def basis(self, values: Values) -> FloatArray:
        """Return the patterns at unit heights, shape (n, k)."""
        parts = [c.basis(self._own(c, values)) for c in self.components]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def slope(self, values: Values, heights: FloatArray, name: str) -> FloatArray:
        """Return the derivative of basis @ heights by one of `shapes`, shape (n,)."""
        first = 0
        for component in self.components:
            last = first + len(component.heights)
            for own in component.shapes:
                if self.keys[own] == name:
                    return component.slope(self._own(component, values), own) @ heights[first:last]
            first = last
        raise KeyError(name)

    def pieces(self, values: Values) -> dict[str, FloatArray]:
        """Return the curve of each component, shape (n,) each, by its name."""
        found = {}
        for component in self.components:
            heights = np.array([values[self.keys[name]] for name in component.heights])
            found[component.name] = component.basis(self._own(component, values)) @ heights
        return found

    def variance(self, heights: FloatArray) -> FloatArray | float:
        """Return the variance that the components' own counting adds, shape (n,)."""
        total: FloatArray | float = 0.0
        first = 0
        for component in self.components:
            last = first + len(component.heights)
            total = total + component.variance(heights[first:last])
            first = last
        return total

    def _own(self, component: BoundComponent, values: Values) -> dict[str, float]:
        return {name: values[self.keys[name]] for name in component.shapes}


def background_rows(components: Sequence[Component], two_theta: FloatArray) -> list[ParameterRow]:
    """Return the parameters of all components of a scan."""
    return [r for component, number in _numbered(components) for r in component.rows(two_theta, number)]


def bind_background(components: Sequence[Component], two_theta: FloatArray, keys: Mapping[str, str]) -> BoundBackground:
    """Return all components on the grid of a scan; `keys` leads from their own names to those of the fit."""
    return BoundBackground(tuple(c.bind(two_theta, number) for c, number in _numbered(components)), keys)


def _numbered(components: Sequence[Component]) -> list[tuple[Component, int]]:
    """Number the components of each class from 1.

    Raises
    ------
    InputError
        There are two of a class of which there can be but one.
    """
    counts: dict[type, int] = {}
    numbered = []
    for component in components:
        counts[type(component)] = number = counts.get(type(component), 0) + 1
        if number > 1 and not isinstance(component, Hump):
            raise InputError(f"background: two components of the kind {type(component).__name__}; one is allowed")
        numbered.append((component, number))
    return numbered
