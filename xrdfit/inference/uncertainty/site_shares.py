"""A site's part of its element's atoms, and how it moves with the occupancies."""

from __future__ import annotations

from collections.abc import Mapping


def share_gradient(
    multiplicities: Mapping[str, float], occupancies: Mapping[str, float], own: str
) -> tuple[float, dict[str, float]]:
    """Return the share m·o / Σ m·o of one occupancy and its derivatives by all of them.

    Parameters
    ----------
    multiplicities : Mapping[str, float]
        Of the sites of one element, by the name of their occupancy.
    occupancies : Mapping[str, float]
        Holds at least these names.
    own : str
        The occupancy whose share is meant.

    Returns
    -------
    share : float
        0 where there are no atoms.
    gradient : dict of str to float
        m (δ − share) / Σ m·o; zeros where there are no atoms.
    """
    total = sum(m * occupancies[n] for n, m in multiplicities.items())
    if total <= 0.0:
        return 0.0, dict.fromkeys(multiplicities, 0.0)
    share = multiplicities[own] * occupancies[own] / total
    return share, {n: m * ((n == own) - share) / total for n, m in multiplicities.items()}
