"""Figures of merit of a fit, each with its formula."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """Figures of merit; R values are fractions, not per cent.

    Attributes
    ----------
    r_p, r_wp : float
        Σ|y_o − y_c| / Σ y_o and √(Σ w (y_o − y_c)² / Σ w y_o²), w = 1/σ².
    r_wp_background_subtracted : float
        As r_wp with y_o − background in the denominator.
    r_exp : float
        √((N − P) / Σ w y_o²).
    chi2, chi2_reduced, goodness_of_fit : float
        Σ w (y_o − y_c)², the same over N − P, and the root of that.
    n_points, n_varied : int
        N and P; P counts scale and background too.
    durbin_watson : float
        Σ (r_i − r_{i−1})² / Σ r_i², 2 for uncorrelated residuals (Hill & Flack, J. Appl. Cryst. 20, 356, 1987).
    durbin_watson_critical : float
        Below it neighbouring residuals are correlated at 99.9 % (ibid.).
    berar_lelann : float
        Factor on standard errors for serial correlation (Bérar & Lelann, J. Appl. Cryst. 24, 1, 1991),
        normalised so that white noise gives 1; never below 1.
    aic, bic : float
        χ² + 2P and χ² + P ln N for known σ.
    """

    r_p: float
    r_wp: float
    r_wp_background_subtracted: float
    r_exp: float
    chi2: float
    chi2_reduced: float
    goodness_of_fit: float
    n_points: int
    n_varied: int
    durbin_watson: float
    durbin_watson_critical: float
    berar_lelann: float
    aic: float
    bic: float


def statistics(
    observed: Array, calculated: Array, background: Array, sigma: Array, n_varied: int, pulls: float = 0.0
) -> Statistics:
    """Compute the figures of merit of a fit.

    Parameters
    ----------
    observed, calculated, background, sigma : ndarray, shape (n,)
        Counts, in the order of the angles.
    n_varied : int
        Number of independent parameters.
    pulls : float
        χ² of the restraints, which is in χ² and the information criteria, but not in the R values.
    """
    n = len(observed)
    freedom = max(n - n_varied, 1)
    residual = (observed - calculated) / sigma
    of_points = float(residual @ residual)
    chi2 = of_points + pulls
    weight_observed = float(np.sum((observed / sigma) ** 2))
    weight_net = float(np.sum(((observed - background) / sigma) ** 2))
    return Statistics(
        r_p=float(np.abs(observed - calculated).sum() / np.abs(observed).sum()),
        r_wp=(of_points / weight_observed) ** 0.5,
        r_wp_background_subtracted=(of_points / weight_net) ** 0.5 if weight_net > 0 else float("inf"),
        r_exp=(freedom / weight_observed) ** 0.5,
        chi2=chi2,
        chi2_reduced=chi2 / freedom,
        goodness_of_fit=(chi2 / freedom) ** 0.5,
        n_points=n,
        n_varied=n_varied,
        durbin_watson=float(np.sum(np.diff(residual) ** 2) / of_points) if of_points > 0 else 2.0,
        durbin_watson_critical=2.0 * ((n - 1) / freedom - 3.0902 / sqrt(n + 2)),
        berar_lelann=berar_lelann_factor(residual),
        aic=chi2 + 2 * n_varied,
        bic=chi2 + n_varied * float(np.log(n)),
    )


def berar_lelann_factor(residual: Array) -> float:
    """Factor on standard errors for serially correlated residuals, at least 1.

    Residuals are grouped in runs of one sign; √(Σ_runs (Σ r)² / Σ r²) is divided by its expectation for
    white noise: runs of mean length 2 and mean square length 6 give (2 + 4·2/π) / 2.
    """
    total = float(residual @ residual)
    if total == 0.0:
        return 1.0
    starts = np.flatnonzero(np.diff(np.sign(residual), prepend=np.nan) != 0)
    runs = np.add.reduceat(residual, starts)
    white = 1.0 + 4.0 / np.pi
    return max(1.0, float(np.sqrt(runs @ runs / total / white)))
