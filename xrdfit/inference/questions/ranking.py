"""What a comparison of models returns: candidates ranked, nested pairs tested, a verdict in words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xrdfit.errors import InputError
from xrdfit.plaintext import printable

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
SCHEMA = 1

DECISIVE = 6.0
"""A difference of BIC that decides (Kass & Raftery, J. Am. Stat. Assoc. 90, 773, 1995: strong evidence)."""
NEGLIGIBLE_SHARE = 0.02
"""A further site is ruled out where it holds less than this part of its element's atoms, at 95 % (one-sided)."""
LEVEL = "95 %"


@dataclass(frozen=True)
class Candidate:
    """One set of sites, or one rival model, fitted.

    Attributes
    ----------
    model : str
        No two models of a comparison share a name.
    sites : tuple of str
        Candidate sites that are occupied, by label ("Cu_8c"), with several phases "phase__Cu_8c".
    occupancies, upper_shares : dict of str to float
        By site: occupancy, and share of its element's atoms that it stays under at 95 % (one-sided): by profile
        likelihood for sites that the best candidate leaves out, else from the curvature.
    at_bound : tuple of str
        Sites that ended empty or full.
    r_wp, chi2 : float
        χ² is not divided by anything.
    n_varied : int
    aic, bic : float
        χ²/s + 2k and χ²/s + k ln N, s = max(1, χ²_red of the largest model).
    delta_bic : float
        Above the best.
    calculated : ndarray, shape (n,)
        The pattern, counts; of several scans the first one's.
    chi2_by_scan : dict of str to float
        χ² of each scan, by label.
    shares : dict of str to float
        By site: its part of its element's atoms.
    lone : tuple of str
        Sites that alone hold their element: their upper limits are those of the occupancy.
    """

    model: str
    sites: tuple[str, ...]
    occupancies: dict[str, float]
    upper_shares: dict[str, float]
    at_bound: tuple[str, ...]
    r_wp: float
    chi2: float
    n_varied: int
    aic: float
    bic: float
    delta_bic: float
    calculated: Array = field(repr=False, compare=False)
    chi2_by_scan: dict[str, float] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    lone: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The sites in words."""
        return f"{self.model}: {' + '.join(self.sites) or 'none of the sites'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the candidate as plain data."""
        keys = ("model", "r_wp", "chi2", "n_varied", "aic", "bic", "delta_bic", "occupancies")
        bounds = {"at_bound": list(self.at_bound), "upper_shares": self.upper_shares}
        by_scan = {"chi2_by_scan": self.chi2_by_scan} if len(self.chi2_by_scan) > 1 else {}
        return {"sites": list(self.sites)} | {k: getattr(self, k) for k in keys} | bounds | by_scan


@dataclass(frozen=True)
class NestedPair:
    """Hamilton's test of a set of sites against the same with one more.

    Attributes
    ----------
    model : str
        Whose sites they are.
    smaller, larger : tuple of str
    site : str
        The additional one.
    r_ratio : float
        R_wp(smaller) / R_wp(larger).
    p : float
        Probability of a ratio this large where the site is empty; halved where the occupancy is all that is added,
        because an empty site stands at its bound.
    """

    model: str
    smaller: tuple[str, ...]
    larger: tuple[str, ...]
    site: str
    r_ratio: float
    p: float


@dataclass(frozen=True)
class Comparison:
    """Candidates, best first.

    Attributes
    ----------
    candidates : tuple of Candidate
        By rising BIC.
    pairs : tuple of NestedPair
    left_out : tuple of (sites, reason)
        Sets that cannot hold the given totals, and, by their name, rivals that the options do not fit.
    verdict : {"decided", "cannot tell"}
    summary : tuple of str
        The evidence in words, the verdict first.
    n_points : int
    chi2_scale : float
        What χ² is divided by in AIC and BIC.
    complete : bool
        False where it was interrupted.
    scan : xarray.Dataset
        two_theta, counts and sigma that all candidates share.
    """

    candidates: tuple[Candidate, ...]
    pairs: tuple[NestedPair, ...]
    left_out: tuple[tuple[tuple[str, ...], str], ...]
    verdict: Literal["decided", "cannot tell"]
    summary: tuple[str, ...]
    n_points: int
    chi2_scale: float
    complete: bool
    scan: xr.Dataset = field(repr=False, compare=False)

    @property
    def best(self) -> Candidate:
        """The candidate of the lowest BIC."""
        return self.candidates[0]

    def __getitem__(self, sites: tuple[str, ...]) -> Candidate:
        """Return the candidate with these sites, in any order."""
        for candidate in self.candidates:
            if set(candidate.sites) == set(sites):
                return candidate
        raise InputError(
            f"no candidate holds {', '.join(sites)}; there are {'; '.join(c.name for c in self.candidates)}"
        )

    def __str__(self) -> str:
        """Return the summary and the candidates as lines of text."""
        rows = [
            f"  {c.delta_bic:8.1f}  {100 * c.r_wp:6.2f} %  {c.n_varied:3d}  {' + '.join(c.sites)}"
            for c in self.candidates
        ]
        return printable("\n".join([*self.summary, "      ΔBIC      R_wp    k  sites", *rows]))

    def __repr__(self) -> str:
        """Return one line; `print` shows the findings."""
        return printable(
            f"<Comparison: {len(self.candidates)} candidates, {self.verdict}, lowest BIC for {self.best.name}>"
        )

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        from xrdfit.report.notebook import comparison_html

        return comparison_html(self)

    def plot(self) -> Figure:
        """Draw the findings; the figure is one that no window holds."""
        from xrdfit.report.notebook import comparison_figure

        return comparison_figure(self)

    def to_dataframe(self) -> pd.DataFrame:
        """Return the candidates as a table, a row each, best first."""
        from xrdfit.report.notebook import comparison_frame

        return comparison_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data (schema 1)."""
        from xrdfit import __version__

        return {
            "schema": SCHEMA,
            "xrdfit": __version__,
            "verdict": self.verdict,
            "summary": list(self.summary),
            "candidates": [c.to_dict() for c in self.candidates],
            "pairs": [
                {
                    "model": p.model,
                    "smaller": list(p.smaller),
                    "larger": list(p.larger),
                    "site": p.site,
                    "r_ratio": p.r_ratio,
                    "p": p.p,
                }
                for p in self.pairs
            ],
            "left_out": [{"sites": list(sites), "reason": reason} for sites, reason in self.left_out],
            "n_points": self.n_points,
            "chi2_scale": self.chi2_scale,
            "complete": self.complete,
        }


def nested_pairs(candidates: tuple[Candidate, ...], n_points: int) -> tuple[NestedPair, ...]:
    """Test every pair that differs by one site (Hamilton, Acta Cryst. 18, 502, 1965).

    With b more parameters (R²−1)(N − k)/b follows F(b, N − k). An empty site stands at its bound, where half of all
    scans would have it negative: with its occupancy alone, p is half of F's.
    """
    from scipy.stats import f

    pairs = []
    for larger in candidates:
        for smaller in candidates:
            extra = set(larger.sites) - set(smaller.sites)
            if smaller.model != larger.model or len(extra) != 1 or not set(smaller.sites) < set(larger.sites):
                continue
            freedom = n_points - larger.n_varied
            ratio2 = max(smaller.chi2 / larger.chi2, 1.0)
            added = larger.n_varied - smaller.n_varied
            if added < 1:
                continue
            tail = float(f.sf((ratio2 - 1.0) * freedom / added, added, freedom))
            p = tail / 2.0 if added == 1 else tail
            pairs.append(NestedPair(larger.model, smaller.sites, larger.sites, extra.pop(), ratio2**0.5, p))
    return tuple(pairs)


def added_sites(best: Candidate, other: Candidate) -> set[str]:
    """Return the sites that another candidate has beside the best one's, where that says what these may hold.

    That is where it has one more, or where it has more and is not worse by `DECISIVE`.
    """
    if not _contains(other, best):
        return set()
    extra = set(other.sites) - set(best.sites)
    return extra if len(extra) == 1 or other.delta_bic < DECISIVE else set()


def judge(
    candidates: tuple[Candidate, ...], pairs: tuple[NestedPair, ...], negligible: float = NEGLIGIBLE_SHARE
) -> tuple[Literal["decided", "cannot tell"], tuple[str, ...]]:
    """Return the verdict and the evidence in words; what is left open stands in the verdict's own sentence.

    A set is named where every candidate that it does not contain and that does not contain it is worse by
    `DECISIVE`, and so is every smaller one; and where each site that could be added, alone or with others to a set
    that is not worse by `DECISIVE`, holds less than `negligible` of its element's atoms at 95 %, and less than any site
    of the set holds. BIC alone prefers the smaller set wherever a scan has no power to see the larger one's additional
    site; and an empty site costs but ln N, 7 for a thousand points, so that no scan would make every larger set worse
    by 6.
    """
    best, rest = candidates[0], candidates[1:]
    rivals = [c for c in rest if c.delta_bic < DECISIVE and not _contains(c, best)]
    added = [c for c in rest if _contains(c, best) and len(c.sites) == len(best.sites) + 1]
    limits: dict[str, float] = {}
    lone = {site for c in rest for site in c.lone}
    for c in rest:
        for site in sorted(added_sites(best, c)):
            limits[site] = max(limits.get(site, 0.0), c.upper_shares[site])
    matters = min([negligible, *(share for share in best.shares.values() if share > 0.0)])
    unseen = {site: share for site, share in limits.items() if share > matters}
    words = [_difference(best, c) for c in rest if not _contains(c, best)][:1] + [
        _needed(p) for p in pairs if p.model == best.model and set(p.larger) == set(best.sites)
    ]
    for c in added:
        (site,) = set(c.sites) - set(best.sites)
        words.append(f"{site} in addition: BIC {c.delta_bic:+.1f}")
    if rivals or unseen:
        open_ = [f"{c.name} fits as well (BIC {c.delta_bic:+.1f})" for c in rivals]
        open_ += [
            f"{site} may {'be' if site in lone else 'hold'} up to {_percent(share)} "
            f"{'full' if site in lone else 'of the atoms'} unseen"
            for site, share in unseen.items()
        ]
        if unseen:
            open_[-1] += f" (more than {_percent(matters)} matters)"
        open_ += [_at_most({site: share}, lone) for site, share in limits.items() if site not in unseen]
        return "cannot tell", (f"cannot tell: lowest BIC for {best.name}, but " + "; ".join(open_), *words)
    open_ = f"; {_at_most(limits, lone)} ({LEVEL}{', each' if len(limits) > 1 else ''})" if limits else ""
    return "decided", (f"the scan supports {best.name}{open_}", *words)


def _at_most(limits: dict[str, float], lone: Collection[str]) -> str:
    parts = [f"{site} is at most {_percent(share)} full" for site, share in limits.items() if site in lone]
    for i, (site, share) in enumerate((s, x) for s, x in limits.items() if s not in lone):
        parts.append(f"{site} {'' if i else 'holds '}at most {_percent(share)}{'' if i else ' of the atoms'}")
    return ", ".join(parts)


def _percent(share: float) -> str:
    """A limit in per cent, to two digits, rounded up."""
    if share >= 0.995:
        return "100 %"
    digits = 1 - int(np.floor(np.log10(max(100.0 * share, 1e-3))))
    return f"{np.ceil(100.0 * share * 10.0**digits - 1e-9) / 10.0**digits:.{max(digits, 0)}f} %"


def _contains(larger: Candidate, smaller: Candidate) -> bool:
    return larger.model == smaller.model and set(larger.sites) > set(smaller.sites)


def _difference(best: Candidate, other: Candidate) -> str:
    d = other.delta_bic
    strength = "very strong" if d > 10 else "strong" if d > DECISIVE else "positive" if d > 2 else "hardly any"
    by_scan = [f"{x} {chi2 - best.chi2_by_scan[x]:+.0f}" for x, chi2 in other.chi2_by_scan.items() if x]
    split = f"; χ² of {', of '.join(by_scan)}" if len(by_scan) > 1 and other.model == best.model else ""
    return f"{strength} evidence against {other.name} (BIC {d:+.1f}{split})"


def _needed(pair: NestedPair) -> str:
    return f"without {pair.site}: R_wp ratio {pair.r_ratio:.4f}, p {f'= {pair.p:.2g}' if pair.p > 0 else '< 1e-300'}"
