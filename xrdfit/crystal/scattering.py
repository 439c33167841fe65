"""Atomic scattering factors f = f0(s) + f' + i f''.

f0: Waasmaier & Kirfel, Acta Cryst. A51, 416 (1995), and f', f'': Chantler, J. Phys. Chem. Ref. Data 24, 71 (1995),
both as tabulated by XrayDB. As a second table of f' and f'' Cromer–Liberman is at hand (gemmi's implementation).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import gemmi
import numpy as np

from xrdfit.crystal import xraydb_tables
from xrdfit.errors import InputError

ANOMALOUS_TABLES = ("chantler", "cromer-liberman")
_EDGE_WINDOW_EV = 100.0  # Chantler's steps and the chemical shift of an edge matter within this distance
_SPECIES = re.compile(r"([A-Za-z]{1,2})(?:0|(\d{0,2})([+-])|([+-])(\d{1,2}))?")
_ISOTOPES = {"D": "H", "T": "H"}


def split_species(species: str) -> tuple[str, int]:
    """Element and charge of a species.

    Parameters
    ----------
    species : str
        ``"Cu"``, ``"Cu1+"``, ``"Cu+"``, ``"Cu+1"``, ``"Se2-"``; D and T are hydrogen.

    Raises
    ------
    InputError
        It is no chemical element with a charge.

    Examples
    --------
    >>> split_species("Se2-"), split_species("RB+1")
    (('Se', -2), ('Rb', 1))
    """
    match = _SPECIES.fullmatch(species.strip())
    if match is None:
        raise InputError(f"species {species[:40]!r}: not an element with a charge; allowed are Cu, Cu1+, Se2- and such")
    symbol = match[1].capitalize()
    symbol = _ISOTOPES.get(symbol, symbol)
    if gemmi.Element(symbol).atomic_number == 0:
        raise InputError(f"species {species[:40]!r}: {symbol} is not a chemical element")
    sign = match[3] or match[4]
    size = int((match[2] if match[3] else match[5]) or 1) if sign else 0
    return symbol, -size if sign == "-" else size


def species_name(element: str, charge: int) -> str:
    """Write a species as the tables do: ``"Cu"``, ``"Cu1+"``, ``"Se2-"``."""
    return element + (f"{abs(charge)}{'+' if charge > 0 else '-'}" if charge else "")


def resolve_species(species: str, *, strict: bool = False) -> tuple[str, str | None]:
    """Find the entry of the form-factor table for a species.

    Parameters
    ----------
    species : str
        An element or ion, see `split_species`.
    strict : bool
        Whether an ion that the table lacks is an error; otherwise the neutral atom stands in for it.

    Returns
    -------
    used : str
        Name in the table.
    note : str or None
        What had to be assumed.

    Raises
    ------
    InputError
        No such element; or, with `strict`, no such ion (the message names the nearest).

    Examples
    --------
    >>> resolve_species("Se2-")
    ('Se', 'no form factor for Se2-: neutral Se used')
    """
    element, charge = split_species(species)
    name = species_name(element, charge)
    if name in xraydb_tables.waasmaier():
        return name, None
    known = [ion for ion in xraydb_tables.waasmaier() if re.fullmatch(rf"{element}(\d[+-])?", ion)]
    if not known:
        raise InputError(f"species {species!r}: the table of form factors ends at Cf and has no {element}")
    if strict:
        known.sort(key=lambda ion: abs(split_species(ion)[1] - charge))
        raise InputError(f"species {species!r}: no form factor is tabulated for it; allowed are {', '.join(known[:4])}")
    return element, f"no form factor for {name}: neutral {element} used"


@lru_cache(maxsize=256)
def f0_coefficients(species: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients of f0(s) = c + Σ a_i exp(−b_i s²).

    Parameters
    ----------
    species : str
        An element or ion; one that is not tabulated is resolved by `resolve_species`.

    Returns
    -------
    a : (5,) array of float
        Electrons.
    b : (5,) array of float
        Å².
    c : float
        Electrons.
    """
    a, b, c = xraydb_tables.waasmaier()[resolve_species(species)[0]]
    return a, b, c


def f0(species: str, s: np.ndarray) -> np.ndarray:
    """Elastic scattering factor of the atom at rest, far from its edges.

    f0(s) = c + Σ_{i=1..5} a_i exp(−b_i s²), valid up to s = 6 Å⁻¹ (Waasmaier & Kirfel, 1995).

    Parameters
    ----------
    species : str
        An element or ion.
    s : (n,) array of float
        sinθ/λ in Å⁻¹.

    Returns
    -------
    (n,) array of float
        Electrons.
    """
    a, b, c = f0_coefficients(species)
    squared = np.square(np.asarray(s, dtype=float))
    return np.exp(-squared[..., None] * b) @ a + c


@lru_cache(maxsize=1024)
def anomalous(element: str, energy_ev: float, table: str = "chantler") -> complex:
    """Anomalous scattering f' + i f''.

    Parameters
    ----------
    element : str
        An element; the charge of an ion has no part in it.
    energy_ev : float
        Photon energy in eV, 1000 to 200,000.
    table : {"chantler", "cromer-liberman"}

    Returns
    -------
    complex
        Electrons.

    Raises
    ------
    InputError
        Unknown table, or element or energy outside it.
    """
    symbol = split_species(element)[0]
    if not 1e3 <= energy_ev <= 2e5:
        raise InputError(f"photon energy {energy_ev:g} eV: the tables of f' and f'' are used from 1000 to 200000 eV")
    number = gemmi.Element(symbol).atomic_number
    if number > 92:
        raise InputError(f"f' and f'' of {symbol}: the tables end at U; switch the anomalous terms off")
    if table == "chantler":
        first, second = xraydb_tables.chantler(symbol, energy_ev)
    elif table == "cromer-liberman":
        first, second = gemmi.cromer_liberman(number, energy_ev)
    else:
        raise InputError(f"table of f' and f'' {table!r}: unknown; allowed are {', '.join(ANOMALOUS_TABLES)}")
    return complex(float(first), float(second))


@lru_cache(maxsize=256)
def near_edge(element: str, energy_ev: float) -> bool:
    """Whether an absorption edge of the element lies within 100 eV, where tables of f' and f'' cannot be trusted."""
    return any(abs(edge - energy_ev) < _EDGE_WINDOW_EV for edge in xraydb_tables.edges(split_species(element)[0]))


def form_factors(
    species: Sequence[str], s: np.ndarray, energy_ev: float, anomalous: bool = True, table: str = "chantler"
) -> np.ndarray:
    """Scattering factors f = f0(s) + f' + i f'' of several species.

    Parameters
    ----------
    species : sequence of str
        Elements or ions.
    s : (n,) array of float
        sinθ/λ in Å⁻¹.
    energy_ev : float
        Photon energy in eV.
    anomalous : bool
        Whether f' and f'' are added.
    table : {"chantler", "cromer-liberman"}

    Returns
    -------
    (n_species, n) array of complex
        Electrons.
    """
    s = np.asarray(s, dtype=float)
    factors = np.empty((len(species), len(s)), dtype=complex)
    for row, name in enumerate(species):
        factors[row] = f0(name, s) + (_anomalous(name, energy_ev, table) if anomalous else 0.0)
    return factors


_anomalous = anomalous  # `form_factors` has a switch of that name
