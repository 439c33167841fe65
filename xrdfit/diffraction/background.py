"""What lies beneath the lines: components that are linear in their heights, each one class of one protocol.

A component describes itself by rows of parameters, its heights first, and is bound to a grid; then it gives the
patterns that its heights multiply, and how these change with what shapes them. A fit solves for the heights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, log
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from xrdfit.diffraction.protocol import FloatArray
from xrdfit.errors import InputError
from xrdfit.parameters import BACKGROUND, ParameterRow, row

if TYPE_CHECKING:
    from xarray import Dataset

MAX_ORDER = 50
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
class _Fixed:
    """A bound component that only its heights change."""

    name: str
    heights: tuple[str, ...]
    patterns: FloatArray
    noise: FloatArray | None = None
    shapes: tuple[str, ...] = ()

    def basis(self, values: Values) -> FloatArray:
        return self.patterns

    def slope(self, values: Values, name: str) -> FloatArray:
        return np.zeros_like(self.patterns)

    def variance(self, heights: FloatArray) -> FloatArray | float:
        return 0.0 if self.noise is None else (self.noise * heights[0]) ** 2


@dataclass(frozen=True)
class Chebyshev:
    """A smooth polynomial over the measured range, Σ c_k T_k(x).

    Attributes
    ----------
    order : int or None
        Highest degree, 0 to 50; None takes 3 for a range up to 60°, else one more for each further 15°.
    """

    key: ClassVar[str] = "order"
    order: int | None = None

    @classmethod
    def from_toml(cls, value: Any, folder: Path) -> list[Component]:
        """Read an order, or "range" for one that follows the range."""
        if value == "range":
            return [cls()]
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{value!r}: a whole number or 'range' is needed")
        return [cls(value)]

    def to_toml(self) -> Any:
        """Return the order, or "range"."""
        return "range" if self.order is None else self.order

    def on(self, two_theta: FloatArray) -> str:
        """Say what it is."""
        return f"Chebyshev polynomial of order {self.order_on(two_theta)}"

    def __post_init__(self) -> None:
        if self.order is not None and not 0 <= self.order <= MAX_ORDER:
            raise InputError(f"background order {self.order!r} is out of range: 0 to {MAX_ORDER} is allowed")

    def order_on(self, two_theta: FloatArray) -> int:
        """Return the degree on a grid."""
        if self.order is not None:
            return self.order
        span = float(two_theta[-1] - two_theta[0])
        return 3 + max(0, ceil((span - 60.0) / 15.0))

    def rows(self, two_theta: FloatArray, number: int) -> list[ParameterRow]:
        """Return the coefficients, from degree 0."""
        return [row(BACKGROUND["bkg"], number=k) for k in range(self.order_on(two_theta) + 1)]

    def bind(self, two_theta: FloatArray, number: int) -> BoundComponent:
        """Return the polynomials on a grid."""
        order = self.order_on(two_theta)
        names = tuple(r.own_name for r in self.rows(two_theta, number))
        return _Fixed("chebyshev", names, chebyshev_basis(two_theta, order))


@dataclass(frozen=True, eq=False)
class Blank:
    """A measured scan of the empty holder, interpolated to the grid; its height is 0 or more.

    The height stands still unless it is asked to vary (``vary=["blank"]``): a free one stands in for whatever is broad
    and not in the model, at several times what the holder gives, and the blank's own noise draws it towards zero.

    Attributes
    ----------
    scan : xarray.Dataset
        As `xrdfit.read_pattern` returns it. Its own errors of counting are added to those of the fitted scan:
        σ² + h²σ_blank².
    height : float, optional
        By default the ratio of the counting times, or 1 where the two scans do not both state theirs.
    """

    key: ClassVar[str] = "blank"
    scan: Dataset
    height: float | None = None

    def __post_init__(self) -> None:
        if self.height is not None:
            BACKGROUND["blank"].check(self.height)

    def for_scan(self, attributes: Mapping[str, Any]) -> Blank:
        """Return the blank with its height for a scan with these attributes."""
        if self.height is not None:
            return self
        times = [float(a.get("count_time_s", 0.0)) for a in (attributes, self.scan.attrs)]
        return replace(self, height=times[0] / times[1] if min(times) > 0.0 else 1.0)

    @classmethod
    def from_toml(cls, value: Any, folder: Path) -> list[Component]:
        """Read a file, or a table of ``file`` with, of several scans in it, ``scan``, and ``height``."""
        from xrdfit.scan import read_pattern

        table: dict[str, Any] = {"file": value} if isinstance(value, str) else dict(value)
        height = table.get("height")
        scan = read_pattern(folder / str(table["file"]), scan=table.get("scan"))
        return [cls(scan, None if height is None else float(height))]

    def to_toml(self) -> Any:
        """Return the file that it was read from, and the height where one was given.

        Raises
        ------
        InputError
            It was read from none.
        """
        file = self.scan.attrs.get("file")
        if file is None:
            raise InputError("the blank is no file's: it cannot be named in one")
        index = int(self.scan.attrs.get("scan_index", 0))
        table = {"file": str(file)} | ({"scan": index} if index else {})
        table |= {} if self.height is None else {"height": self.height}
        return table if len(table) > 1 else str(file)

    def on(self, two_theta: FloatArray) -> str:
        """Say what it is."""
        return f"measured blank {self.scan.attrs.get('file', 'from memory')}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Blank) and self.height == other.height and self.scan.identical(other.scan)

    def __hash__(self) -> int:
        return hash(self.scan["counts"].values.tobytes())

    def rows(self, two_theta: FloatArray, number: int) -> list[ParameterRow]:
        """Return the height."""
        return [row(BACKGROUND["blank"], 1.0 if self.height is None else self.height)]

    def bind(self, two_theta: FloatArray, number: int) -> BoundComponent:
        """Return the blank on a grid.

        Raises
        ------
        InputError
            The blank does not reach as far as the grid.
        """
        angles = self.scan["two_theta"].values
        margin = 1.5 * float(np.median(np.diff(angles)))
        if two_theta[0] < angles[0] - margin or two_theta[-1] > angles[-1] + margin:
            raise InputError(
                f"the blank covers {angles[0]:g} to {angles[-1]:g} degrees and the scan {two_theta[0]:g} to "
                f"{two_theta[-1]:g}; cut the scan (--range {max(angles[0], two_theta[0]):g} "
                f"{min(angles[-1], two_theta[-1]):g}) or measure the blank as far"
            )
        counts = np.interp(two_theta, angles, self.scan["counts"].values)
        sigma = np.interp(two_theta, angles, self.scan["sigma"].values)
        return _Fixed("blank", ("blank",), counts[:, None], sigma)


@dataclass(frozen=True)
class Air:
    """Scattering by air, 1/2θ; its height is that at the first point, in counts."""

    key: ClassVar[str] = "air"

    @classmethod
    def from_toml(cls, value: Any, folder: Path) -> list[Component]:
        """Read whether there is air."""
        if not isinstance(value, bool):
            raise InputError(f"{value!r}: true or false is needed")
        return [cls()] if value else []

    def to_toml(self) -> Any:
        """Return that there is air."""
        return True

    def on(self, two_theta: FloatArray) -> str:
        """Say what it is."""
        return "air, 1/2θ"

    def rows(self, two_theta: FloatArray, number: int) -> list[ParameterRow]:
        """Return the height."""
        return [row(BACKGROUND["air"])]

    def bind(self, two_theta: FloatArray, number: int) -> BoundComponent:
        """Return the curve on a grid."""
        return _Fixed("air", ("air",), (two_theta[0] / two_theta)[:, None])


@dataclass(frozen=True)
class Hump:
    """A broad hump, of ligands, glass or an amorphous share: a pseudo-Voigt line in 2θ.

    Attributes
    ----------
    deg, fwhm_deg : float
        Centre and full width at half maximum, degrees 2θ, where the fit starts.
    mixing : float
        Lorentzian share, 0 to 1.
    vary : bool
        Whether centre and width move; the height always does.
    """

    key: ClassVar[str] = "hump"
    deg: float
    fwhm_deg: float = 6.0
    mixing: float = 0.25
    vary: bool = True

    @classmethod
    def from_toml(cls, value: Any, folder: Path) -> list[Component]:
        """Read a list of tables with the attributes as keys."""
        if not isinstance(value, list):
            raise InputError(f"{value!r}: a list of tables such as {{ deg = 19.8 }} is needed")
        return [cls(**table) for table in value]

    def to_toml(self) -> Any:
        """Return a list of one table."""
        return [asdict(self)]

    def on(self, two_theta: FloatArray) -> str:
        """Say what it is."""
        return f"hump at {self.deg:g}°"

    def __post_init__(self) -> None:
        BACKGROUND["hump_deg"].check(self.deg)
        BACKGROUND["hump_fwhm_deg"].check(self.fwhm_deg)
        BACKGROUND["hump_mixing"].check(self.mixing)

    def rows(self, two_theta: FloatArray, number: int) -> list[ParameterRow]:
        """Return height, centre, width and Lorentzian share."""
        height = row(BACKGROUND["hump_height"], number=number)
        shapes = [row(BACKGROUND[f"hump_{key}"], getattr(self, key), number=number) for key in ("deg", "fwhm_deg")]
        shapes = [replace(r, vary=self.vary) for r in shapes]
        return [height, *shapes, row(BACKGROUND["hump_mixing"], self.mixing, number=number)]

    def bind(self, two_theta: FloatArray, number: int) -> BoundComponent:
        """Return the line on a grid."""
        names = [r.own_name for r in self.rows(two_theta, number)]
        return _BoundHump(f"hump{number}", two_theta, (names[0],), tuple(names[1:]))


COMPONENTS: dict[str, type[Component]] = {kind.key: kind for kind in (Chebyshev, Blank, Air, Hump)}
"""Every kind of component by its key in a file."""


@dataclass(frozen=True)
class _BoundHump:
    """η / (1 + 4x²) + (1 − η) exp(−4 ln2 x²), x = (2θ − centre)/FWHM."""

    name: str
    two_theta: FloatArray
    heights: tuple[str, ...]
    shapes: tuple[str, ...]

    def _parts(self, values: Values) -> tuple[FloatArray, FloatArray, FloatArray, float, float]:
        centre, width, mixing = (values[name] for name in self.shapes)
        x = (self.two_theta - centre) / width
        return x, 1.0 / (1.0 + 4.0 * x * x), np.exp(-4.0 * log(2.0) * x * x), width, mixing

    def basis(self, values: Values) -> FloatArray:
        _, lorentz, gauss, _, mixing = self._parts(values)
        return (mixing * lorentz + (1.0 - mixing) * gauss)[:, None]

    def slope(self, values: Values, name: str) -> FloatArray:
        x, lorentz, gauss, width, mixing = self._parts(values)
        which = self.shapes.index(name)
        if which == 2:
            return (lorentz - gauss)[:, None]
        by_x = -8.0 * x * (mixing * lorentz**2 + (1.0 - mixing) * log(2.0) * gauss)
        return (by_x * (-1.0 if which == 0 else -x) / width)[:, None]

    def variance(self, heights: FloatArray) -> FloatArray | float:
        return 0.0


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


def chebyshev_basis(two_theta: FloatArray, order: int) -> FloatArray:
    """Return T_0 ... T_order on the range of `two_theta` mapped linearly to [-1, 1].

    The basis is linear in its coefficients `bkg_0` ... `bkg_<order>`: background = basis @ coefficients.

    Parameters
    ----------
    two_theta : ndarray, shape (n,)
        Angles, degree.
    order : int
        Highest degree, 0 to 50.

    Returns
    -------
    ndarray, shape (n, order + 1)
        T_k(x) = cos(k arccos x).

    Raises
    ------
    InputError
        For an order outside 0 to 50 or an empty grid.

    Examples
    --------
    >>> chebyshev_basis(np.array([10.0, 20.0, 30.0]), 2).tolist()
    [[1.0, -1.0, 1.0], [1.0, 0.0, -1.0], [1.0, 1.0, 1.0]]
    """
    if not 0 <= order <= MAX_ORDER:
        raise InputError(f"background order {order!r} is out of range: 0 to {MAX_ORDER} is allowed")
    grid = np.asarray(two_theta, dtype=float)
    if grid.size == 0:
        raise InputError("two_theta is empty: a background needs at least one point")
    low, high = float(grid.min()), float(grid.max())
    # A single point maps to the middle, where no polynomial is extreme.
    x = (2.0 * grid - low - high) / (high - low) if high > low else np.zeros_like(grid)
    return np.polynomial.chebyshev.chebvander(x, order).astype(float)
