"""Atomic scattering factors f = f0(s) + f' + i f'' of X-rays, and the scattering lengths b of neutrons.

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
NO_FORM_FACTOR = "no form factor for "
"""How notes begin that concern X-rays alone."""
_EDGE_WINDOW_EV = 100.0  # Chantler's steps and the chemical shift of an edge matter within this distance
_SPECIES = re.compile(r"(\d{1,3})?([A-Za-z]{1,2})(?:0|(\d{0,2})([+-])|([+-])(\d{1,2}))?")
_HYDROGEN = {"D": 2, "T": 3}


def split_species(species: str) -> tuple[str, int]:
    """Element and charge of a species.

    Parameters
    ----------
    species : str
        ``"Cu"``, ``"Cu1+"``, ``"Cu+"``, ``"Cu+1"``, ``"Se2-"``, isotopes ``"7Li"``, ``"11B3+"``, ``"D"``; of an
        isotope the element, D and T being hydrogen.

    Raises
    ------
    InputError
        It is no chemical element with a charge.

    Examples
    --------
    >>> split_species("Se2-"), split_species("RB+1"), split_species("7Li1+")
    (('Se', -2), ('Rb', 1), ('Li', 1))
    """
    return _parsed(species)[:2]


def isotope(species: str) -> int | None:
    """Mass number of a species that is an isotope, else None.

    Examples
    --------
    >>> isotope("7Li"), isotope("D"), isotope("Li")
    (7, 2, None)
    """
    return _parsed(species)[2]


def _parsed(species: str) -> tuple[str, int, int | None]:
    match = _SPECIES.fullmatch(species.strip())
    if match is None:
        raise InputError(
            f"species {species[:40]!r}: not an element with a charge; allowed are Cu, Cu1+, Se2-, 7Li and such"
        )
    symbol = match[2].capitalize()
    mass = int(match[1]) if match[1] else _HYDROGEN.get(symbol)
    symbol = "H" if symbol in _HYDROGEN else symbol
    number = gemmi.Element(symbol).atomic_number
    if number == 0:
        raise InputError(f"species {species[:40]!r}: {symbol} is not a chemical element")
    if mass is not None and not number <= mass <= 300:
        raise InputError(f"species {species[:40]!r}: {symbol} has no isotope of mass {mass}")
    sign = match[4] or match[5]
    size = int((match[3] if match[4] else match[6]) or 1) if sign else 0
    return symbol, -size if sign == "-" else size, mass


def species_name(element: str, charge: int, mass: int | None = None) -> str:
    """Write a species as the tables do: ``"Cu"``, ``"Cu1+"``, ``"Se2-"``; an isotope as ``"7Li1+"`` or ``"D"``."""
    heavy = {number: name for name, number in _HYDROGEN.items()}
    symbol = element if mass is None else heavy[mass] if element == "H" and mass in heavy else f"{mass}{element}"
    return symbol + (f"{abs(charge)}{'+' if charge > 0 else '-'}" if charge else "")


def normal_species(species: str) -> str:
    """Return a species as `species_name` writes it; see `split_species`."""
    return species_name(*_parsed(species))


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
    return element, f"{NO_FORM_FACTOR}{name}: neutral {element} used"


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


@lru_cache(maxsize=256)
def neutron_length(species: str, wavelength: float) -> complex:
    """Bound coherent scattering length of a nucleus.

    Parameters
    ----------
    species : str
        An element in its natural mixture, or an isotope (``"D"``, ``"7Li"``); a charge has no part in it.
    wavelength : float
        Å. The lengths of rare earths near their resonances depend on it (Lynn & Seeger, 1990).

    Returns
    -------
    complex
        fm; the imaginary part, at most zero, is absorption's.

    Raises
    ------
    InputError
        No such isotope, or none whose length is known.

    References
    ----------
    Sears, Neutron News 3, 26 (1992), as revised in `periodictable`.

    Examples
    --------
    >>> round(neutron_length("Ti", 1.8).real, 2), round(neutron_length("D", 1.8).real, 2)
    (-3.37, 6.67)
    """
    import periodictable

    element, mass = split_species(species)[0], isotope(species)
    atom = getattr(periodictable, element)
    if mass is not None:
        if mass not in atom.isotopes:
            known = ", ".join(f"{m}{element}" for m in atom.isotopes if atom[m].neutron.b_c is not None) or "none"
            raise InputError(f"species {species!r}: no such isotope is tabulated; those of known length: {known}")
        atom = atom[mass]
    known = atom.neutron.b_c is not None
    length = atom.neutron.scattering_by_wavelength(wavelength)[0] if known else None
    if length is None:
        raise InputError(f"species {species!r}: its coherent scattering length for neutrons is not known")
    return complex(length)
