"""A measured blank: the holder without its powder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from xrdfit.diffraction.background.components import BoundComponent, Component, FixedComponent
from xrdfit.diffraction.protocol import FloatArray
from xrdfit.errors import InputError
from xrdfit.parameters import BACKGROUND, ParameterRow, row

if TYPE_CHECKING:
    from xarray import Dataset


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

    Examples
    --------
    >>> import numpy as np
    >>> import xrdfit as xf
    >>> grid = np.arange(15.0, 65.0, 0.04)
    >>> holder = xf.make_pattern(grid, np.full(len(grid), 120.0), counting_time_s=2.0)
    >>> xf.Blank(holder, height=0.5).height
    0.5
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
        file = os.path.normpath(folder / str(table["file"]))  # the file's one name, whichever folder names it
        scan = read_pattern(file, scan=table.get("scan"))
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
        return FixedComponent("blank", ("blank",), counts[:, None], sigma)
