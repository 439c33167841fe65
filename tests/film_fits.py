"""Films as a user would fit them: the scan, its blank and the preset by name; and what is said beside the answer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import hypot

import film_samples

import xrdfit as xf

TRUE_NAMES = {"8c": "occ_Cu_8c", "4b": "occ_Cu_4b", "24e": "occ_Cu_24e", "32f": "occ_Cu_32f"}


@dataclass(frozen=True)
class Answer:
    """One occupancy of one film."""

    film: int
    name: str
    counts: float
    true: float
    value: float
    stderr: float
    stderr_model: float
    advice: tuple[str, ...]

    @property
    def combined(self) -> float:
        """Both errors together."""
        return hypot(self.stderr, self.stderr_model)

    @property
    def pull(self) -> float:
        """(Fitted − true) in units of the combined error."""
        return (self.value - self.true) / self.combined


def fit_film(preset: str, scan, blank, *, guided: bool):
    """What `xrdfit fit SCAN --model PRESET --blank BLANK [--guided]` does."""
    background = [xf.Chebyshev(0), xf.Blank(blank)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xf.fit(xf.load_model(preset), scan, background=background, seek=("all",) if guided else ())


def answers(seed: int, *, guided: bool) -> list[Answer]:
    """The occupancies of one random film."""
    preset, film = film_samples.random_film(seed)
    two_theta, counts, holder = film_samples.simulate(film)
    scan, blank = (xf.make_pattern(two_theta, c, radiation="cu-ka") for c in (counts, holder))
    result = fit_film(preset, scan, blank, guided=guided)
    advice = tuple(a.remedy for piece in result.advice for a in (piece, *piece.alternatives))
    prefix = result.model.prefix(result.model.phases[0])
    rows = [(prefix + TRUE_NAMES[site], true) for site, true in film.occupancies.items()]
    return [
        Answer(
            seed, name, film.counts, true, result[name].value, result[name].stderr, result[name].stderr_model, advice
        )
        for name, true in rows
    ]
