"""Each published model, computed, counted and fitted back: what the article's scans can return of it."""

from __future__ import annotations

from dataclasses import dataclass

from xrdfit.article.measure import Engine, counted
from xrdfit.article.published import LATTICE_PARAMETER, Block, model


@dataclass(frozen=True)
class Recovered:
    """One published number and what the fit returns for it.

    Attributes
    ----------
    name : str
        Name of the parameter.
    published, fitted, stderr : float
        `stderr` is the fit's standard error.
    pull : float
        (fitted − published) / stderr.
    """

    name: str
    published: float
    fitted: float
    stderr: float

    @property
    def pull(self) -> float:
        """(fitted − published) / stderr."""
        return (self.fitted - self.published) / self.stderr


@dataclass(frozen=True)
class Recovery:
    """The fit of one block's own counted pattern; R values are fractions."""

    block: Block
    engine: Engine
    r_wp: float
    r_exp: float
    chi2_reduced: float
    parameters: tuple[Recovered, ...]

    def __getitem__(self, name: str) -> Recovered:
        """Return a parameter by name."""
        return next(p for p in self.parameters if p.name == name)


def recover(block: Block, engine: Engine = "bragg") -> Recovery:
    """Compute a block's pattern, count it and fit it with the engine that made it.

    Scale, background, cell, size, the mixing of the line shape (Bragg engine) and the occupancies of the Cu sites
    vary; the total of Cu is left free.

    Raises
    ------
    ComputationError
        The fit ended without an answer.
    """
    from xrdfit.errors import ComputationError
    from xrdfit.inference.fit import fit

    result = fit(model(block), counted(block, engine), engine=engine)
    if not result.success:
        raise ComputationError(f"{block.title}, fitted back with the {engine} engine: {result.message}")
    published = {f"occ_{s.label}": s.occupancy for s in block.sites if s.element == "Cu"}
    published |= {"a": LATTICE_PARAMETER, "size_nm": block.size_nm}
    rows = []
    for name, value in published.items():
        parameter = result[name]
        if parameter.stderr is None:
            raise ComputationError(f"{block.title}: the fit gives no error of {name}")
        rows.append(Recovered(name, value, parameter.value, parameter.stderr))
    s = result.statistics
    return Recovery(block, engine, s.r_wp, s.r_exp, s.chi2_reduced, tuple(rows))
