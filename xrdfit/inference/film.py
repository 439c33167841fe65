"""What a film of clusters on a holder usually shows beside their lines: the halo of ligands, and an own B.

A measured blank says that a scan is of such a film. What organic ligands scatter lies where chains pack, at d = 4.5 Å;
displacements of clusters are seldom those of the model. Where neither model nor options say anything of these, both are
fitted, and what does not pay by BIC is taken back. Without them half of the occupancies of random films come out wrong
by more than 0.05 (docs/measured-scans.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from xrdfit.crystal.radiation import Radiation
from xrdfit.diffraction.background import Blank, Component, Hump
from xrdfit.fitting.options import FitOptions
from xrdfit.fitting.selection import components, select, with_instrument
from xrdfit.inference.result import FitResult
from xrdfit.inference.stage import PAYS, Fitter, Step, Trial, gain
from xrdfit.inference.usual import CRYSTALLINE_NM, wishes
from xrdfit.model.powder import PowderModel
from xrdfit.model.ties import parse_tie
from xrdfit.progress import Progress, silent

if TYPE_CHECKING:
    import xarray as xr

HALO_Q = 1.4
"""Where the halo of ligands is sought, 1/Å: chains of hydrocarbons lie 4.5 Å apart (Cu Kα: 19.8°)."""
_HALO_WIDTH_Q = 0.45
_BROAD = 2.0  # times as broad as a halo is
_USUAL = "usual for a film of clusters"


@dataclass(frozen=True)
class FilmOptions:
    """Options with what such a film usually shows.

    Attributes
    ----------
    told : FitOptions
        As they were given.
    pieces : tuple of Component
        The background that they name.
    hump : Hump or None
    displacements : tuple of str
        Names of the B that vary.
    thin : bool
        Whether the beam passes through it.
    """

    told: FitOptions
    pieces: tuple[Component, ...]
    hump: Hump | None
    displacements: tuple[str, ...]
    thin: bool = False

    @property
    def options(self) -> FitOptions:
        """The options with all of it, and nothing else beside what they name."""
        background = self.told.background if self.hump is None else (*self.pieces, self.hump)
        vary = (*self.told.vary, *self.displacements)
        return replace(self.told, background=background, vary=vary, film=self.thin or self.told.film, usual=False)

    def without_one(self) -> dict[tuple[str, ...], FilmOptions]:
        """What is left without each piece, by the option that adds that."""
        found = {}
        if self.hump is not None:
            found["--hump", f"{self.hump.deg:g}", f"{self.hump.fwhm_deg:g}"] = replace(self, hump=None)
        for name in self.displacements:
            found["--vary", name] = replace(self, displacements=tuple(n for n in self.displacements if n != name))
        if self.thin:
            found[("--film",)] = replace(self, thin=False)
        return found


def film_options(model: PowderModel, scan: xr.Dataset, options: FitOptions) -> FilmOptions | None:
    """Return what to fit beside what is asked for; None where the scan is of no film, or all is told.

    Parameters
    ----------
    model : PowderModel
    scan : xarray.Dataset
    options : FitOptions
    """
    pieces = components(model, options)
    clusters = min(phase.size_nm for phase in model.phases) < CRYSTALLINE_NM
    if options.engine == "bragg" or not clusters or not any(isinstance(c, Blank) for c in pieces):
        return None
    rays = with_instrument(model, scan, options)[0].radiation()
    if rays.neutron:
        return None
    hump = None if any(isinstance(c, Hump) for c in pieces) else _halo(select(scan, options), rays)
    found = FilmOptions(options, pieces, hump, _displacements(model, options))
    return found if found.without_one() else None


def what_pays(
    rough: FitResult, film: FilmOptions, fitter: Fitter, progress: Progress | None = None
) -> tuple[FilmOptions, tuple[Step, ...]]:
    """Return the options with those pieces only by which BIC falls, and these in words.

    Parameters
    ----------
    rough : FitResult
        Where the way down with all of them led.
    film : FilmOptions
        Its options.
    fitter : Fitter
    progress : callable, optional
    """
    tell = progress or silent
    weights = rough.problem
    film, here = _thin(rough, film, fitter, tell)
    values, cost = here.values, here.cost
    left, steps = film, []
    for how in film.without_one():
        tell(f"trying without {' '.join(how)}")
        less = left.without_one()[how]
        there = fitter.trial(rough.start_model, less.options, values, weights).cost
        if gain(there, cost) > PAYS and not _is_nonsense(how, values, film):
            steps.append(Step(how, _USUAL, there[0] - cost[0], gain(there, cost), ()))
        else:
            left, cost = less, there
    return left, tuple(steps)


def _thin(rough: FitResult, film: FilmOptions, fitter: Fitter, tell: Progress) -> tuple[FilmOptions, Trial]:
    """A film that the beam passes through, where that pays: a hump or B would imitate it."""
    model, weights = rough.start_model, rough.problem
    here = Trial(weights, rough.theta, rough.statistics.chi2)
    start, before = here.values, here.cost
    broad, instrument = _is_broad(start, film), rough.scans[0].model.instrument
    known = instrument.film or instrument.capillary
    if known or not (broad or any(advice.code == "film" for advice in rough.advice)):
        return film, here
    tell("trying a thin film")
    if broad:  # it stands for something else, and is a halo again where it has to be none of that
        start = {name: value for name, value in start.items() if not name.startswith(_hump(film))}
        before = fitter.trial(model, replace(film, hump=None).options, start, weights).cost
    thin = replace(film, thin=True)
    there = fitter.trial(model, thin.options, start, weights)
    return (thin, there) if gain(before, there.cost) > PAYS else (film, here)


def _is_nonsense(how: tuple[str, ...], values: Mapping[str, float], film: FilmOptions) -> bool:
    """Whether a piece took a value that says that it stands for something else."""
    if how[0] == "--vary":
        return _lowest_b(how[1], values) < 0.0
    return how[0] == "--hump" and _is_broad(values, film)


def _lowest_b(overall: str, values: Mapping[str, float]) -> float:
    """The lowest B of a phase's sites, its overall B included."""
    prefix = overall.removesuffix("overall")
    return values[overall] + min((v for n, v in values.items() if n.startswith(prefix) and n != overall), default=0.0)


def _is_broad(values: Mapping[str, float], film: FilmOptions) -> bool:
    """Whether the hump is so broad that it is no halo."""
    return film.hump is not None and values[f"{_hump(film)}fwhm_deg"] > _BROAD * film.hump.fwhm_deg


def _hump(film: FilmOptions) -> str:
    """What the names of the hump's parameters begin with."""
    return f"hump{1 + sum(isinstance(c, Hump) for c in film.pieces)}_"


def _halo(scan: xr.Dataset, rays: Radiation) -> Hump | None:
    """The halo where it begins, None where the scan does not reach there."""
    grid = scan["two_theta"].values
    edges = 2.0 * np.degrees(
        np.arcsin((HALO_Q + _HALO_WIDTH_Q * np.array([-0.5, 0.5])) * rays.wavelength / (4 * np.pi))
    )
    deg, fwhm = round(float(edges.mean()), 1), round(float(edges[1] - edges[0]), 1)
    return Hump(deg, fwhm) if grid[0] < deg < grid[-1] else None


def _displacements(model: PowderModel, options: FitOptions) -> tuple[str, ...]:
    """Overall B of the phases where nothing is said of any B."""
    rows = [row for row in model.rows("debye") if row.is_displacement]
    own = {row.name for row in rows}
    told = [row.name for row in rows if row.vary]
    told += [*wishes(options), *(tie.target for tie in (*model.ties, *map(parse_tie, options.tie)))]
    if options.b_per_element or any(fnmatchcase(name, wish) for name in own for wish in told):
        return ()
    return tuple(sorted(name for name in own if name == "b_overall" or name.endswith("__b_overall")))
