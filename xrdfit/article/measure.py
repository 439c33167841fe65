"""Patterns of the article's models under the article's conditions: computed, and with the noise of counting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from xrdfit.article.published import LATTICE_PARAMETER, Block, model, structure
from xrdfit.crystal.radiation import radiation
from xrdfit.diffraction.bragg.reflection_table import reflection_table
from xrdfit.diffraction.settings import EngineSettings
from xrdfit.model.powder import PowderModel
from xrdfit.model.simulate import simulate

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Engine = Literal["bragg", "debye"]

START, STOP, STEP = 15.0, 65.0, 0.04
"""The article's scan, degree 2θ."""

MAXIMUM = 5000.0
"""Counts expected at the highest point, background included; the article names none."""

BACKGROUND = 300.0
"""Flat background, counts."""

SEED = 2017

FAMILIES = ((1, 1, 1), (2, 0, 0), (2, 2, 0), (3, 1, 1), (2, 2, 2), (4, 0, 0))
"""The lines of the f.c.c. cell between 15 and 65°."""


def angles() -> Array:
    """Return the article's grid, degree 2θ, shape (1251,)."""
    grid: Array = START + STEP * np.arange(round((STOP - START) / STEP) + 1, dtype=np.float64)
    return np.round(grid, 2)


def expected_counts(source: PowderModel, engine: Engine, values: Mapping[str, float] | None = None) -> Array:
    """Return the mean counts of a model's scan, shape (1251,): `MAXIMUM` at the highest point."""
    pattern = simulate(source, angles(), engine=engine, values=values)
    return BACKGROUND + pattern * (MAXIMUM - BACKGROUND) / pattern.max()


def counted(block: Block, engine: Engine) -> xr.Dataset:
    """Return a scan of a block as it would be measured: Poisson counts, the same at every call."""
    from xrdfit.scan import make_pattern

    noise = np.random.default_rng([SEED, block.table, block.number, engine == "debye"])
    counts = noise.poisson(expected_counts(model(block), engine)).astype(float)
    return make_pattern(angles(), counts, sample=f"COMPUTED with the {engine} engine: {block.title}")


def without_noise(expected: Array) -> xr.Dataset:
    """Return mean counts as a scan whose σ are those of counting: what a model misses of it is exact."""
    from xrdfit.scan import make_pattern

    return make_pattern(angles(), expected, sigma=np.sqrt(expected), sample="COMPUTED, without noise")


def line_intensities(
    block: Block,
    occupancies: Mapping[str, float] | None = None,
    *,
    anomalous: bool = True,
    ray: str | float = "cu-ka1",
) -> dict[str, float]:
    """Return m|F|²·LP of the families in 15–65°, electrons² per cell, by name ("111").

    Parameters
    ----------
    block : Block
    occupancies : Mapping[str, float], optional
        Other occupancies, by Wyckoff position of Cu; the block must list the sites.
    anomalous : bool
        Whether f′ and f″ are added.
    ray : str or float
        Radiation.
    """
    table = reflection_table(
        structure(block, occupancies), radiation(ray), (START, STOP), EngineSettings(anomalous=anomalous)
    )
    strength = table.multiplicity * table.f_squared * table.lorentz_polarization
    return dict(zip(names(table.hkl.tolist()), strength.tolist(), strict=True))


def names(hkl: Sequence[Sequence[int]]) -> list[str]:
    """Return names of families, "111" for (1, 1, 1)."""
    return ["".join(str(abs(i)) for i in sorted(h, key=abs, reverse=True)) for h in hkl]


def relative(intensities: Mapping[str, float]) -> dict[str, float]:
    """Return intensities with the strongest at 100."""
    strongest = max(intensities.values())
    return {name: 100.0 * value / strongest for name, value in intensities.items()}


def line_positions(families: Sequence[tuple[int, int, int]], wavelength: float = 1.540593) -> list[float]:
    """Return Bragg angles 2θ (degree) of families of the cell with a = 5.85 Å; Cu Kα1 unless told otherwise."""
    lengths = np.sqrt([sum(i * i for i in h) for h in families])
    return np.degrees(2.0 * np.arcsin(wavelength * lengths / (2.0 * LATTICE_PARAMETER))).tolist()
