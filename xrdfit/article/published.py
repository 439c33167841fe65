"""The article's tables 1 to 4 as models, read from the package's data.

White, Banerjee & Jain, "Liquid-like cationic sub-lattice in copper selenide clusters", Nature Communications 8, 14514
(2017).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import cell_from_free, space_group
from xrdfit.diffraction.background import Chebyshev
from xrdfit.errors import InputError
from xrdfit.model.files.presets import data_path
from xrdfit.model.instrument import Instrument
from xrdfit.model.phase import Phase
from xrdfit.model.powder import PowderModel

DOI = "doi:10.1038/ncomms14514"
CITATION = (
    "White, Banerjee & Jain, “Liquid-like cationic sub-lattice in copper selenide clusters”, "
    f"Nature Communications 8, 14514 (2017), {DOI}"
)
LATTICE_PARAMETER = 5.85
"""a of every model of the article, Å."""

TABLES = (2, 3, 4)
FIGURE_OF_TABLE = {2: "4b", 3: "4c", 4: "4d"}


@dataclass(frozen=True)
class PublishedSite:
    """One row of a table: a site and its occupancy; `printed` is False for what the print leaves out."""

    element: str
    wyckoff: str
    xyz: tuple[float, float, float]
    occupancy: float
    printed: bool

    @property
    def label(self) -> str:
        """Label as in the models, such as "Cu_8c"."""
        return f"{self.element}_{self.wyckoff}"

    @property
    def multiplicity(self) -> int:
        """Positions per cell."""
        return int(self.wyckoff[:-1])


@dataclass(frozen=True)
class Block:
    """One simulated pattern of the article: Fm-3m, a = 5.85 Å, B = 0.

    Attributes
    ----------
    table, number : int
        Table 2, 3 or 4, and the block's place in it, from 1.
    size_nm : float
        Size in the widths of the lines.
    sites : tuple of PublishedSite
    """

    table: int
    number: int
    size_nm: float
    sites: tuple[PublishedSite, ...]

    @property
    def name(self) -> str:
        """A name for files and messages: "table-2-6nm", "table-3-1"."""
        return f"table-{self.table}-{self.size_nm:g}nm" if self.table == 2 else f"table-{self.table}-{self.number}"

    @property
    def title(self) -> str:
        """A heading."""
        return f"Table {self.table}, block {self.number}: {self.size_nm:g} nm"

    @property
    def printed(self) -> bool:
        """Whether every row of the block is printed."""
        return all(site.printed for site in self.sites)

    @property
    def copper(self) -> float:
        """Cu atoms per cell."""
        return sum(s.multiplicity * s.occupancy for s in self.sites if s.element == "Cu")

    def occupancy(self, wyckoff: str) -> float:
        """Occupancy of a Cu site; 0 for one that the block does not list."""
        return sum(s.occupancy for s in self.sites if s.element == "Cu" and s.wyckoff == wyckoff)

    def share(self, wyckoff: str) -> float:
        """Part of the Cu atoms that stands on a site."""
        return int(wyckoff[:-1]) * self.occupancy(wyckoff) / self.copper


@cache
def published(table: int) -> tuple[Block, ...]:
    """Return the blocks of table 2, 3 or 4 in print's order.

    Raises
    ------
    InputError
        There is no such table.
    """
    if table not in TABLES:
        raise InputError(f"table {table} holds no model of the article; allowed are 2, 3 and 4")
    rows: dict[int, list[dict[str, str]]] = {}
    for row in read_csv(f"table-{table}.csv"):
        rows.setdefault(int(row["block"]), []).append(row)
    return tuple(
        Block(table, number, float(block[0]["size_nm"]), tuple(_site(row) for row in block))
        for number, block in rows.items()
    )


def by_size() -> Mapping[float, Block]:
    """Return table 2 by size in nm, in print's order: 6, 4, 2."""
    return {block.size_nm: block for block in published(2)}


def read_csv(name: str) -> list[dict[str, str]]:
    """Return the rows of one of the article's tables; lines that begin with # are remarks."""
    lines = data_path("article", name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _site(row: Mapping[str, str]) -> PublishedSite:
    return PublishedSite(
        element=row["element"],
        wyckoff=row["wyckoff"],
        xyz=(float(row["x"]), float(row["y"]), float(row["z"])),
        occupancy=float(row["occupancy"]),
        printed=row["printed"] == "yes",
    )


def structure(block: Block, occupancies: Mapping[str, float] | None = None) -> Structure:
    """Return the crystal of a block.

    Parameters
    ----------
    block : Block
    occupancies : Mapping[str, float], optional
        Other occupancies, by Wyckoff position of Cu.
    """
    group = space_group("Fm-3m")
    rows: list[Mapping[str, Any]] = [
        {"species": s.element, "wyckoff": s.wyckoff, "xyz": s.xyz, "occupancy": s.occupancy} for s in block.sites
    ]
    made = Structure.from_sites(block.name, group, cell_from_free(group, {"a": LATTICE_PARAMETER}), rows, CITATION)
    return made.with_values(occupancy={f"Cu_{w}": o for w, o in (occupancies or {}).items()})


def model(block: Block) -> PowderModel:
    """Return the model of a block; a fit frees the occupancies of its Cu sites.

    The article leaves the line shape open: half Lorentzian, K = 0.9 and no instrumental width are taken, with the
    Cu Kα doublet and B = 0.
    """
    phase = Phase(
        name="cu2se",
        structure=structure(block),
        size_nm=block.size_nm,
        mixing=0.5,
        scherrer_k=0.9,
        vary=tuple(f"occ_{s.label}" for s in block.sites if s.element == "Cu"),
    )
    return PowderModel(block.name, (phase,), Instrument(radiation="cu-ka"), (Chebyshev(3),))
