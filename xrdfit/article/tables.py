"""The article's tables with what is computed for each of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xrdfit.article.measure import BACKGROUND, FAMILIES, MAXIMUM, line_intensities, names, relative
from xrdfit.article.published import (
    CITATION,
    FIGURE_OF_TABLE,
    TABLES,
    Block,
    PublishedSite,
    published,
    read_csv,
    structure,
)
from xrdfit.article.recover import Recovered, Recovery, recover
from xrdfit.article.sheets import Sheet
from xrdfit.errors import InputError
from xrdfit.progress import Progress
from xrdfit.report.numbers import concise

NOT_PRINTED = "not printed"
SUPPLIED = (
    f"Rows marked “{NOT_PRINTED}” are missing from the text at hand, which breaks off after the block's Se row; they "
    "are those of Table 2, 2 nm, which continue the series (24e at x = 0.75 is the same set of positions as at 0.25)."
)
FITTED_BACK = (
    "Fitted back: the model's pattern over 15–65° in steps of 0.04° (Cu Kα doublet, B = 0), computed, counted "
    f"(Poisson, {MAXIMUM:.0f} counts at the highest point, {BACKGROUND:.0f} of them background) and fitted by the "
    "engine that computed it, the Bragg engine with broadened lines or the Debye engine for spheres; no measured "
    "pattern is public. Scale, background, a, size, the line shape's mixing and all Cu occupancies vary. Pull: "
    "(fitted − published) / standard error."
)
INTENSITIES = "Relative intensities: m|F|²·LP at Cu Kα1, anomalous terms on, strongest at 100."


@dataclass(frozen=True)
class BlockResult:
    """A block of a table with everything computed for it.

    Attributes
    ----------
    block : Block
    composition : dict of str to float
        Atoms per cell.
    intensities : dict of str to float
        Relative intensities by family, strongest at 100.
    recoveries : tuple of Recovery
        Fitted back, an engine each.
    """

    block: Block
    composition: dict[str, float]
    intensities: dict[str, float]
    recoveries: tuple[Recovery, ...]


def compute(table: int, progress: Progress | None = None) -> tuple[BlockResult, ...]:
    """Compute table 2, 3 or 4.

    Parameters
    ----------
    table : int
    progress : callable, optional
        Called with a few words before each block.
    """
    results = []
    for block in published(table):
        if progress:
            progress(f"{block.title}, fitted back")
        results.append(
            BlockResult(
                block,
                structure(block).composition(),
                relative(line_intensities(block)),
                (recover(block, "bragg"), recover(block, "debye")),
            )
        )
    return tuple(results)


def table_sheets(table: int, progress: Progress | None = None) -> tuple[Sheet, ...]:
    """Return table 1, 2, 3 or 4 as sheets: the models fitted back, and their relative intensities.

    Raises
    ------
    InputError
        There is no such table.
    """
    if table == 1:
        return (observation(),)
    if table not in TABLES:
        raise InputError(f"table {table} is none of the article's; allowed are 1, 2, 3 and 4")
    results = compute(table, progress)
    return models_sheet(table, results), intensities_sheet(table, results)


def observation() -> Sheet:
    """Return Table 1, which is data: no diffraction pattern tells a superstructure of single particles."""
    rows = read_csv("table-1.csv")
    return Sheet(
        name="table-1",
        title="Table 1. Particles whose vacancies are seen to order, by electron microscopy",
        columns=("size_nm", "with_superstructure_percent", "particles", "kind"),
        headings=("size (nm)", "with superstructure (%)", "particles, about", "kind"),
        rows=tuple(
            tuple(row[c] for c in ("size_nm", "with_superstructure_percent", "particles", "kind")) for row in rows
        ),
        notes=(CITATION, "An observation, reproduced as data: it cannot be computed from diffraction."),
    )


MODEL_COLUMNS = (
    "block", "size_nm", "quantity", "element", "wyckoff", "x", "y", "z", "printed", "published",
    "bragg_fitted", "bragg_stderr", "bragg_pull", "bragg_r_wp",
    "debye_fitted", "debye_stderr", "debye_pull", "debye_r_wp",
    "cu_per_cell", "se_per_cell", *(f"intensity_{family}" for family in names(FAMILIES)),
)  # fmt: skip
_HEADINGS = (
    "block", "site", "x, y, z", "published", "Bragg fit", "pull", "Debye fit", "pull",
)  # fmt: skip


def models_sheet(table: int, results: Sequence[BlockResult]) -> Sheet:
    """Return the models of a table beside what the fits of their own patterns return."""
    records: list[tuple[object, ...]] = []
    shown: list[tuple[str, ...]] = []
    for result in results:
        shown.append(_block_heading(result))
        for site in result.block.sites:
            records.append(_site_record(result, site))
            shown.append(_site_line(result, site))
        for name, unit in (("a", "Å"), ("size_nm", "nm")):
            records.append(_sample_record(result, name, unit))
            shown.append(_sample_line(result, name, unit))
    notes = [CITATION, "Space group Fm-3m in every block.", FITTED_BACK]
    if not all(r.block.printed for r in results):
        notes.insert(1, SUPPLIED)
    return Sheet(
        name=f"table-{table}",
        title=f"Table {table}. Models of the simulated patterns of Figure {FIGURE_OF_TABLE[table]}, fitted back",
        columns=MODEL_COLUMNS,
        headings=_HEADINGS,
        rows=tuple(records),
        shown=tuple(shown),
        notes=tuple(notes),
    )


def _fits(result: BlockResult, name: str) -> tuple[object, ...]:
    cells: list[object] = []
    for recovery in result.recoveries:
        p = recovery[name]
        cells += [f"{p.fitted:.6f}", f"{p.stderr:.6f}", f"{p.pull:.3f}", f"{recovery.r_wp:.6f}"]
    return tuple(cells)


def _block_columns(result: BlockResult) -> tuple[str, ...]:
    atoms = (f"{result.composition[element]:.4f}" for element in ("Cu", "Se"))
    return (*atoms, *(f"{result.intensities[family]:.3f}" for family in names(FAMILIES)))


def _site_record(result: BlockResult, site: PublishedSite) -> tuple[object, ...]:
    b = result.block
    head = (b.number, f"{b.size_nm:g}", "occupancy", site.element, site.wyckoff, *(f"{x:g}" for x in site.xyz))
    fits = _fits(result, f"occ_{site.label}") if site.element == "Cu" else ("",) * 8
    return (*head, "yes" if site.printed else "no", f"{site.occupancy:g}", *fits, *_block_columns(result))


def _sample_record(result: BlockResult, name: str, unit: str) -> tuple[object, ...]:
    b = result.block
    quantity = "a (Å)" if name == "a" else "size (nm)"
    value = result.recoveries[0][name].published
    return (b.number, f"{b.size_nm:g}", quantity, "", "", "", "", "", "yes", f"{value:g}", *_fits(result, name),
            *_block_columns(result))  # fmt: skip


def _block_heading(result: BlockResult) -> tuple[str, ...]:
    b = result.block
    r_wp = {r.engine: f"R_wp {100.0 * r.r_wp:.2f} %" for r in result.recoveries}
    composition = ", ".join(f"{element} {atoms:.3f}" for element, atoms in result.composition.items())
    return (f"{b.number}: {b.size_nm:g} nm", composition, "per cell", "", r_wp["bragg"], "", r_wp["debye"], "")


def _shown(recovered: Recovered) -> tuple[str, str]:
    return concise(recovered.fitted, recovered.stderr), f"{round(recovered.pull, 1) + 0.0:+.1f}"


def _site_line(result: BlockResult, site: PublishedSite) -> tuple[str, ...]:
    value = f"{site.occupancy:g}" + ("" if site.printed else f" ({NOT_PRINTED})")
    place = ", ".join(f"{x:g}" for x in site.xyz)
    if site.element != "Cu":
        return ("", f"{site.element} {site.wyckoff}", place, value, "fixed", "", "fixed", "")
    fits = [cell for r in result.recoveries for cell in _shown(r[f"occ_{site.label}"])]
    return ("", f"{site.element} {site.wyckoff}", place, value, *fits)


def _sample_line(result: BlockResult, name: str, unit: str) -> tuple[str, ...]:
    fits = [cell for r in result.recoveries for cell in _shown(r[name])]
    label = "a" if name == "a" else "size"
    return ("", f"{label} ({unit})", "", f"{result.recoveries[0][name].published:g}", *fits)


def intensities_sheet(table: int, results: Sequence[BlockResult]) -> Sheet:
    """Return the relative intensities of a table's models."""
    families = tuple(results[0].intensities)
    rows = [
        (r.block.number, f"{r.block.size_nm:g}", *(f"{r.intensities[f]:.2f}" for f in families),
         f"{r.intensities['200'] / r.intensities['111']:.4f}")
        for r in results
    ]  # fmt: skip
    return Sheet(
        name=f"table-{table}-intensities",
        title=f"Relative intensities of the models of Table {table}",
        columns=("block", "size_nm", *families, "ratio_200_111"),
        headings=("block", "size (nm)", *(f"{{{f}}}" for f in families), "{200}/{111}"),
        rows=tuple(rows),
        notes=(INTENSITIES,),
    )
