"""The Bragg engine: a structure's powder pattern as a sum of lines, bound to a grid of angles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, pi, radians, sin

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdfit.crystal.radiation import Radiation
from xrdfit.crystal.structure import Structure
from xrdfit.diffraction.bragg.line_sums import Peaks, reaches, sum_peaks, sum_peaks_jacobian
from xrdfit.diffraction.bragg.lines import Lines, LineTable, Rows, bind_lines
from xrdfit.diffraction.bragg.row_slopes import row_slopes
from xrdfit.diffraction.bragg.sphere_lines import sphere_matrix
from xrdfit.diffraction.grids import check_grid
from xrdfit.diffraction.optics import WIDTHS, optical_names
from xrdfit.diffraction.probe import Probe, polarization_factor, polarization_slope
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.errors import InputError

Values = Mapping[str, float]

# Lines beyond 160 degree count only where the grid itself comes near them: their width K lambda/(L cos theta), a first
# order, diverges towards 180 degree and would spread them over the whole pattern; their true shape in q does not.
_LAST_ANGLE = 160.0
_NEAR_GRID = 10.0
_HIGHEST = 178.0
_LEAST_TAIL = 5.0
# Lines enter from beyond when the cell grows; its lengths may do so by 3 % in a fit. Of those far beyond the grid only
# tails enter, and further out their widths diverge: 1 % is enough for them.
_CELL_MARGIN = 0.97
_TAIL_MARGIN = 0.99
_MANY_INDICES = 100_000
_STEP = 1e-5
# The scale on which a parameter changes anything, where its own value may be 0; a derivative's step is _STEP of it.
_SCALES = {
    "size_sigma": 0.1,
    "microstrain": 1e-3,
    "U": 1e-3,
    "V": 1e-3,
    "W": 1e-3,
    "X": 1e-2,
    "Y": 1e-2,
    "S_L": 1e-2,
    "H_L": 1e-2,
}
_FROM_ZERO = ("microstrain", *WIDTHS)
_POSITIVE = ("size_nm", "march_r", "size_ratio")


@dataclass(frozen=True, eq=False)
class BraggEngine:
    """A structure bound to a grid; satisfies `xrdfit.diffraction.protocol.BoundEngine`.

    The pattern at unit scale is that of one cell: the area of a line, integrated over 2 theta in radians, is
    m |F|^2 lambda^3 LP'/(16 pi V). Use `bind` to make one.

    Attributes
    ----------
    two_theta : ndarray, shape (n,)
        Ascending angles, degree.
    names : tuple of str
        The parameters that the pattern responds to.
    table : LineTable
        The lines.
    """

    two_theta: FloatArray
    names: tuple[str, ...]
    table: LineTable

    def pattern(self, values: Values) -> FloatArray:
        """Return the pattern, shape (n,).

        Parameters
        ----------
        values : mapping
            Holds every one of `names`.

        Raises
        ------
        InputError
            A value is missing, not finite, or a size or `march_r` is not above zero.
        """
        self._check(values)
        return self._pattern(values)

    def jacobian(self, values: Values, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Return the pattern, shape (n,), and its derivatives by `names`, shape (n, len(names)).

        Names that the engine does not know have derivative zero.

        Raises
        ------
        InputError
            As for `pattern`.
        """
        self._check(values)
        if self.table.settings.shape == "sphere":
            pattern, jacobian = self._sphere_jacobian(values, names)
        else:
            pattern, jacobian = self._row_jacobian(values, names)
        if not self.table.settings.lorentz_along_profile:
            return pattern, jacobian
        factor = self._along_profile(values)
        jacobian *= factor[:, None]
        if "polarization" in names and self.table.settings.polarized:
            jacobian[:, list(names).index("polarization")] = pattern * self._along_profile(values, "polarization")
        return pattern * factor, jacobian

    def assuming(
        self,
        *,
        anomalous_table: str | None = None,
        kalpha_ratio: float | None = None,
        march_axis: tuple[int, int, int] | None = None,
        broadening_axis: tuple[int, int, int] | None = None,
    ) -> BraggEngine:
        """Return the engine with f' and f'' of another table, another weight of K-alpha2 or an axis.

        Of broadening along an axis it has what is of first order in the ratios' distance from 1.
        """
        table = self.table if march_axis is None else self.table.about(march_axis)
        table = table if broadening_axis is None else table.broadened_about(broadening_axis)
        probe = table.probe.assuming(anomalous_table, kalpha_ratio)
        table = replace(table, probe=probe, factors=table.factors.seen_by(probe))
        return replace(self, names=_names(table), table=table)

    def _along_profile(self, values: Values, name: str = "") -> FloatArray:
        """Return Lorentz and polarization factor at the points of the grid, or the derivative by `polarization`."""
        settings, theta = self.table.settings, 0.5 * np.radians(self.two_theta)
        lorentz = 1.0 / (np.sin(theta) * np.cos(theta))
        if self.table.probe.radiation.neutron:
            return lorentz * (not name)
        given = theta, settings.monochromator_deg, values["polarization"] if settings.polarized else 0.5
        return lorentz * (polarization_slope(*given, name) if name else polarization_factor(*given))

    def positions(self, values: Values) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the tick marks: the lines within the grid that the strongest emission line makes.

        Returns
        -------
        hkl : ndarray of int, shape (m, 3)
        two_theta : ndarray, shape (m,)
            Where the line is seen, zero and displacement included, degree; ascending.
        """
        self._check(values)
        lines = self.table.lines(values)
        strongest = int(np.argmax(self.table.probe.weights(values)))
        seen = self.table.shifted(values, 2.0 * lines.theta[strongest])
        inside = (seen >= self.two_theta[0]) & (seen <= self.two_theta[-1]) & lines.exists[strongest]
        order = np.flatnonzero(inside)[np.argsort(seen[inside], kind="stable")]
        return self.table.reflections.hkl[order], seen[order]

    def _check(self, values: Values) -> None:
        for name in self.names:
            if name not in values:
                raise InputError(f"parameter {name} is missing: the Bragg engine needs {', '.join(self.names)}")
            if not isfinite(values[name]):
                raise InputError(f"parameter {name} is {values[name]}: a finite number is allowed")
            if name in _POSITIVE and values[name] <= 0.0:
                raise InputError(f"parameter {name} is {values[name]:g}: a number above 0 is allowed")

    def _pattern(self, values: Values) -> FloatArray:
        lines = self.table.lines(values)
        if self.table.settings.shape == "sphere":
            total = lines.area @ sphere_matrix(self.two_theta, self.table, values, lines)
        else:
            rows = self.table.rows(values, lines, self.table.counts(values, lines))
            rows = rows.only(self._reaching(rows, lines))
            total = sum_peaks(self.two_theta, rows.peaks(lines.area), self._groups(rows, values))
        return total * self._along_profile(values) if self.table.settings.lorentz_along_profile else total

    def _reaching(self, rows: Rows, lines: Lines) -> NDArray[np.intp]:
        """Return the rows that matter on the grid: none whose angle does not exist or whose tail ends before it."""
        return np.flatnonzero(lines.exists.ravel()[rows.line] & reaches(self.two_theta, rows.position, rows.fwhm))

    def _row_jacobian(self, values: Values, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        table = self.table
        lines = table.lines(values)
        counts = table.counts(values, lines)
        rows = table.rows(values, lines, counts)
        keep = self._reaching(rows, lines)
        rows = rows.only(keep)
        still = np.zeros(keep.size)
        closed = dict(row_slopes(table, values, lines, rows, counts, names))
        columns: list[Peaks] = []
        for name in names:
            if name in closed:
                columns.append(closed[name])
            elif name in self.names:
                columns.append(self._row_differences(values, name, lines, counts, keep))
            else:
                columns.append(Peaks(still, still, still, still))
        slopes = _stack(columns, keep.size)
        return sum_peaks_jacobian(self.two_theta, rows.peaks(lines.area), slopes, self._groups(rows, values))

    def _groups(self, rows: Rows, values: Values) -> NDArray[np.intp] | None:
        return rows.group if rows.group.size and self.table.divergent(values) else None

    def _row_differences(
        self, values: Values, name: str, lines: Lines, counts: NDArray[np.intp], keep: NDArray[np.intp]
    ) -> Peaks:
        def evaluate(value: float) -> FloatArray:
            moved = {**values, name: value}
            there = self.table.lines(moved) if self._moves_lines(name) else lines
            peaks = self.table.rows(moved, there, counts).peaks(there.area)
            return np.stack([peaks.position, peaks.fwhm, peaks.lorentz, peaks.gauss])[:, keep]

        if _flat(values, name):
            # A distribution depends on sigma^2, and a single size has one row where a distribution has several.
            return Peaks(*np.zeros((4, keep.size)))
        return Peaks(*_difference(evaluate, values, name))

    def _moves_lines(self, name: str) -> bool:
        return name in self.table.cell_names or name == "march_r"

    def _sphere_jacobian(self, values: Values, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        lines = self.table.lines(values)
        matrix = sphere_matrix(self.two_theta, self.table, values, lines)
        by_area = self.table.area_slopes(values, lines, names)
        jacobian = np.zeros((self.two_theta.size, len(names)))
        for column, name in enumerate(names):
            if name in by_area:
                jacobian[:, column] = by_area[name].ravel() @ matrix
            elif name in self.names and not _flat(values, name):

                def evaluate(value: float, name: str = name) -> FloatArray:
                    moved = {**values, name: value}
                    there = self.table.lines(moved) if self._moves_lines(name) else lines
                    return there.area @ sphere_matrix(self.two_theta, self.table, moved, there)

                jacobian[:, column] = _difference(evaluate, values, name)
        return lines.area @ matrix, jacobian


def bind(structure: Structure, two_theta: ArrayLike, radiation: Radiation, settings: EngineSettings) -> BraggEngine:
    """Bind a structure to a grid of angles.

    Reflections beyond the grid are included, up to 2 theta = 160 degree or 10 beyond
    the grid: the tails of broad lines reach in. In a cell so
    large that this makes over 100,000 indices they stop there, or 5 degree beyond the grid.

    Parameters
    ----------
    structure : Structure
        Its cell, positions and occupancies are only where a fit starts; the values given later count.
    two_theta : array_like, shape (n,)
        Ascending angles, degree, above 0 and below 180.
    radiation : Radiation
    settings : EngineSettings

    Raises
    ------
    InputError
        For a grid that is empty, not ascending or out of range.
    """
    grid = check_grid(two_theta)
    own = {line.wavelength for line in radiation.lines}
    shortest = [min(own) if line.wavelength in own else line.wavelength for line in Probe(radiation, settings).lines]
    d_min = tuple(_smallest_spacing(structure.cell.volume, wavelength, float(grid[-1])) for wavelength in shortest)
    table = bind_lines(structure, radiation, settings, d_min)
    return BraggEngine(grid, _names(table), table)


def _smallest_spacing(volume: float, wavelength: float, last: float) -> float:
    """Return the d-spacing, Angstrom, down to which lines are computed for a grid that ends at `last` degree."""
    tails = min(max(_LAST_ANGLE, last + _NEAR_GRID), _HIGHEST)
    enough = (3.0 * _MANY_INDICES / (4.0 * pi * volume)) ** (1.0 / 3.0)  # radius of a sphere of so many indices, 1/d
    seen = 2.0 / wavelength * sin(radians(0.5 * min(last + _LEAST_TAIL, _HIGHEST)))
    beyond = 2.0 / wavelength * sin(radians(0.5 * tails))
    return min(_CELL_MARGIN / seen, _TAIL_MARGIN / min(beyond, enough))


def _names(table: LineTable) -> tuple[str, ...]:
    settings = table.settings
    return (
        *table.factors.names,
        *table.cell_names,
        *("size_nm", "size_sigma", "microstrain"),
        *(("mixing",) if settings.shape == "scherrer" else ()),
        *(("march_r",) if settings.march_axis is not None else ()),
        *(("size_ratio", "strain_ratio") if settings.broadening_axis is not None else ()),
        *("zero_deg", "displacement_mm", *WIDTHS),
        *(("S_L", "H_L") if settings.axial else ()),
        *table.probe.names,
        *optical_names(table.probe),
    )


def _flat(values: Values, name: str) -> bool:
    return name == "size_sigma" and values[name] == 0.0


def _difference(evaluate: Callable[[float], FloatArray], values: Values, name: str) -> FloatArray:
    """Return the derivative of `evaluate` by differences of second order, one-sided where its range begins."""
    value = values[name]
    step = _STEP * max(abs(value), _SCALES.get(name, 0.1))
    if value == 0.0 and name in _FROM_ZERO:
        near, far = evaluate(step), evaluate(2.0 * step)
        return (4.0 * near - far - 3.0 * evaluate(0.0)) / (2.0 * step)
    return (evaluate(value + step) - evaluate(value - step)) / (2.0 * step)


def _stack(columns: Sequence[Peaks], size: int) -> Peaks:
    if not columns:
        empty = np.zeros((size, 0))
        return Peaks(empty, empty, empty, empty)
    return Peaks(
        np.stack([column.position for column in columns], axis=1),
        np.stack([column.fwhm for column in columns], axis=1),
        np.stack([column.lorentz for column in columns], axis=1),
        np.stack([column.gauss for column in columns], axis=1),
    )
