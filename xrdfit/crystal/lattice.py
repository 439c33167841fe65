"""The unit cell: metric, d-spacings, and which of its parameters a space group leaves free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, radians, sin, sqrt

import numpy as np
from numpy.typing import ArrayLike

from xrdfit.crystal.groups import SpaceGroup
from xrdfit.errors import InputError

PARAMETERS = ("a", "b", "c", "alpha", "beta", "gamma")


@dataclass(frozen=True)
class Cell:
    """Unit cell.

    Attributes
    ----------
    a, b, c : float
        Lengths in Å, above 0.1.
    alpha, beta, gamma : float
        Angles in degrees, between 0 and 180.

    Raises
    ------
    InputError
        A length or an angle is out of range, or the angles enclose no volume.
    """

    a: float
    b: float
    c: float
    alpha: float = 90.0
    beta: float = 90.0
    gamma: float = 90.0

    def __post_init__(self) -> None:
        for name in PARAMETERS:
            value = getattr(self, name)
            low, high, unit = (0.1, 1e4, "Å") if name in "abc" else (0.0, 180.0, "°")
            if not low < value < high:
                raise InputError(
                    f"cell {name}: {value:g} {unit} is out of range; above {low:g} and below {high:g} {unit}"
                )
        if self._box_squared <= 1e-12:
            raise InputError(f"cell angles {self.alpha:g}, {self.beta:g}, {self.gamma:g}°: they enclose no volume")

    @property
    def _cosines(self) -> tuple[float, float, float]:
        return _cosine(self.alpha), _cosine(self.beta), _cosine(self.gamma)

    @property
    def _box_squared(self) -> float:
        """(V / abc)²."""
        u, v, w = self._cosines
        return 1.0 - u * u - v * v - w * w + 2.0 * u * v * w

    @property
    def metric(self) -> np.ndarray:
        """Metric tensor G, (3, 3) in Å²: G_ij = a_i·a_j."""
        lengths = np.array([self.a, self.b, self.c])
        alpha, beta, gamma = self._cosines
        cosines = np.array([[1.0, gamma, beta], [gamma, 1.0, alpha], [beta, alpha, 1.0]])
        return np.outer(lengths, lengths) * cosines

    @property
    def reciprocal_metric(self) -> np.ndarray:
        """Reciprocal metric tensor G*, (3, 3) in Å⁻²: 1/d² = h G* hᵀ."""
        a, b, c = self.a, self.b, self.c
        u, v, w = self._cosines
        cofactors = np.array(
            [
                [(1.0 - u * u) / (a * a), (u * v - w) / (a * b), (u * w - v) / (a * c)],
                [(u * v - w) / (a * b), (1.0 - v * v) / (b * b), (v * w - u) / (b * c)],
                [(u * w - v) / (a * c), (v * w - u) / (b * c), (1.0 - w * w) / (c * c)],
            ]
        )
        return cofactors / self._box_squared

    @property
    def vectors(self) -> np.ndarray:
        """Cartesian cell vectors as rows, (3, 3) in Å: a along x, b in the plane xy; r = xyz @ vectors."""
        return np.linalg.cholesky(self.metric)

    @property
    def volume(self) -> float:
        """Volume in Å³."""
        return self.a * self.b * self.c * sqrt(self._box_squared)

    def d_spacing(self, hkl: ArrayLike) -> np.ndarray:
        """Interplanar distance of each reflection.

        Parameters
        ----------
        hkl : (n, 3) array of int
            Indices, none of them all zero.

        Returns
        -------
        (n,) array of float
            d in Å.

        Examples
        --------
        >>> Cell(4.0, 4.0, 4.0).d_spacing([[2, 0, 0]])
        array([2.])
        """
        indices = np.atleast_2d(np.asarray(hkl, dtype=float))
        return 1.0 / np.sqrt(np.einsum("ni,ij,nj->n", indices, self.reciprocal_metric, indices))


def cell_names(group: SpaceGroup) -> tuple[str, ...]:
    """Free parameters of the cell in this setting, e.g. ``("a",)`` for cubic, ``("a", "c")`` for hexagonal axes."""
    system = group.crystal_system
    if system == "cubic":
        return ("a",)
    if group.rhombohedral_axes:
        return ("a", "alpha")
    if system in ("tetragonal", "trigonal", "hexagonal"):
        return ("a", "c")
    if system == "orthorhombic":
        return ("a", "b", "c")
    if system == "monoclinic":
        angle = {"a": "alpha", "b": "beta", "c": "gamma"}[group.gemmi.monoclinic_unique_axis()]
        return ("a", "b", "c", angle)
    return PARAMETERS


def cell_from_free(group: SpaceGroup, values: Mapping[str, float]) -> Cell:
    """Build the cell from the group's free parameters; the group sets the others.

    Parameters
    ----------
    group : SpaceGroup
    values : mapping of str to float
        At least the names of `cell_names`, lengths in Å, angles in degrees; other names are not looked at.

    Raises
    ------
    InputError
        A free parameter is lacking or out of range.
    """
    names = cell_names(group)
    missing = [name for name in names if name not in values]
    if missing:
        raise InputError(f"cell of {group.hm}: {', '.join(missing)} lacking; needed are {', '.join(names)}")
    given = {name: float(values[name]) for name in names}
    a = given["a"]
    if group.rhombohedral_axes:
        alpha = given["alpha"]
        return Cell(a, a, a, alpha, alpha, alpha)
    hexagonal = group.crystal_system in ("trigonal", "hexagonal")
    return Cell(
        a,
        given.get("b", a),
        given.get("c", a),
        given.get("alpha", 90.0),
        given.get("beta", 90.0),
        given.get("gamma", 120.0 if hexagonal else 90.0),
    )


def metric_slope(group: SpaceGroup, cell: Cell, name: str) -> np.ndarray:
    """Return the derivative of the metric tensor by a free parameter of the group.

    Parameters
    ----------
    group : SpaceGroup
    cell : Cell
        As `cell_from_free` makes it.
    name : str
        One of `cell_names`.

    Returns
    -------
    ndarray, shape (3, 3)
        Å² per Å or per degree.
    """
    names = cell_names(group)
    if name == "a":
        moved = {"a"} | ({"b", "c"} - set(names))
    elif group.rhombohedral_axes:
        moved = {"alpha", "beta", "gamma"}
    else:
        moved = {name}
    lengths = np.array([cell.a, cell.b, cell.c])
    by_length = np.array([float(axis in moved) for axis in "abc"])
    areas = np.outer(lengths, lengths)
    cosines = cell.metric / areas
    sines = [
        -radians(1.0) * sin(radians(getattr(cell, angle))) if angle in moved else 0.0
        for angle in ("alpha", "beta", "gamma")
    ]
    alpha, beta, gamma = sines
    by_angle = np.array([[0.0, gamma, beta], [gamma, 0.0, alpha], [beta, alpha, 0.0]])
    return (np.outer(by_length, lengths) + np.outer(lengths, by_length)) * cosines + np.outer(
        lengths, lengths
    ) * by_angle


def check_cell(group: SpaceGroup, cell: Cell, tolerance: float = 1e-6) -> None:
    """Make sure that the cell has the metric that the space group asks for.

    Parameters
    ----------
    group : SpaceGroup
    cell : Cell
    tolerance : float
        Allowed relative deviation of each parameter.

    Raises
    ------
    InputError
        It has not; the message names the parameter.
    """
    ideal = cell_from_free(group, {name: getattr(cell, name) for name in PARAMETERS})
    for name in PARAMETERS:
        value, expected = getattr(cell, name), getattr(ideal, name)
        if abs(value - expected) > tolerance * expected:
            raise InputError(f"cell {name}: {value:g} does not fit space group {group.hm}, which needs {expected:g}")


def _cosine(degrees: float) -> float:
    # cos 90° and cos 120° without the rounding of π, so that a right angle gives a diagonal metric
    return {90.0: 0.0, 60.0: 0.5, 120.0: -0.5}.get(degrees, cos(radians(degrees)))
