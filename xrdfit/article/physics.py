"""Relations between size, strain, phonons and pressure, as the article uses them; every function states its units.

Signs: a compression is a negative strain and a positive pressure. Arrays are welcome wherever numbers are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdfit.errors import InputError

Array = NDArray[np.float64]


def chemical_potential_excess(surface_tension: ArrayLike, molar_volume: ArrayLike, diameter_nm: ArrayLike) -> Array:
    """Molar free energy of a sphere above that of the bulk, kJ/mol (equation 1 of the article, Gibbs–Thomson).

    ``μ(D) − μ(∞) = 4 γ v / D``

    Parameters
    ----------
    surface_tension : array_like
        γ, J/m².
    molar_volume : array_like
        v, cm³/mol.
    diameter_nm : array_like
        D, nm.

    Raises
    ------
    InputError
        For a diameter that is not positive.

    Examples
    --------
    >>> round(float(chemical_potential_excess(1.0, 30.0, 2.0)), 6)
    60.0
    """
    diameter = _positive("diameter_nm", diameter_nm)
    joule = 4.0 * np.asarray(surface_tension, dtype=float) * np.asarray(molar_volume, dtype=float) * 1e-6
    return joule / (diameter * 1e-9) / 1e3


def laplace_pressure(surface_tension: ArrayLike, diameter_nm: ArrayLike) -> Array:
    """Pressure inside a sphere by its surface, GPa: ``p = 4 γ / D``, equation 1 per volume.

    Parameters
    ----------
    surface_tension : array_like
        γ, J/m².
    diameter_nm : array_like
        D, nm.
    """
    return 4.0 * np.asarray(surface_tension, dtype=float) / (_positive("diameter_nm", diameter_nm) * 1e-9) / 1e9


def phonon_shift(linear_strain: ArrayLike, grueneisen: float = 1.1) -> Array:
    """Relative shift of a phonon's frequency under strain (equation 2 of the article).

    ``Δω/ω = (1 + 3 Δa/a)^(−γ) − 1``

    Parameters
    ----------
    linear_strain : array_like
        Δa/a, negative for a compression; above −1/3.
    grueneisen : float
        Grüneisen parameter γ of the mode, 1.1 in the article.

    Raises
    ------
    InputError
        For a strain of −1/3 and below, where the relation ends.

    Examples
    --------
    >>> round(float(phonon_shift(-0.024)), 4)
    0.0857
    """
    volume = 1.0 + 3.0 * np.asarray(linear_strain, dtype=float)
    if not np.all(volume > 0.0):
        raise InputError(f"linear_strain {linear_strain!r} is out of range: above -1/3 is allowed")
    return volume**-grueneisen - 1.0


def strain_from_phonon_shift(relative_shift: ArrayLike, grueneisen: float = 1.1) -> Array:
    """Linear strain Δa/a that shifts a phonon's frequency by Δω/ω: the inverse of `phonon_shift`.

    Parameters
    ----------
    relative_shift : array_like
        Δω/ω, positive for a hardening; above −1.
    grueneisen : float
        Grüneisen parameter γ of the mode, not zero.

    Raises
    ------
    InputError
        For a shift of −1 and below, or γ = 0.
    """
    ratio = 1.0 + np.asarray(relative_shift, dtype=float)
    if grueneisen == 0.0:
        raise InputError("grueneisen 0 is out of range: without it a strain shifts no frequency")
    return (_positive("1 + relative_shift", ratio) ** (-1.0 / grueneisen) - 1.0) / 3.0


def volume_strain(linear_strain: ArrayLike) -> Array:
    """Relative change of volume by an isotropic linear strain: ``ΔV/V = (1 + Δa/a)³ − 1``.

    Parameters
    ----------
    linear_strain : array_like
        Δa/a, negative for a compression.

    Examples
    --------
    >>> round(float(volume_strain(-0.024)), 4)
    -0.0703
    """
    return (1.0 + np.asarray(linear_strain, dtype=float)) ** 3 - 1.0


def pressure_from_volume_strain(volume_change: ArrayLike, bulk_modulus_gpa: float) -> Array:
    """Hydrostatic pressure for a change of volume, GPa: ``p = −B ΔV/V``, which is what a bulk modulus means.

    Parameters
    ----------
    volume_change : array_like
        ΔV/V, negative for a compression. Passing a linear strain instead gives a third of the pressure.
    bulk_modulus_gpa : float
        B, GPa, taken as independent of pressure.

    Examples
    --------
    >>> round(float(pressure_from_volume_strain(volume_strain(-0.024), 85.0)), 2)
    5.97
    """
    return -float(bulk_modulus_gpa) * np.asarray(volume_change, dtype=float)


def strain_from_angles(two_theta: ArrayLike, reference_two_theta: ArrayLike) -> Array:
    """Linear strain by the angle of a line: ``Δa/a = sin θ_ref / sin θ − 1`` (Bragg's law).

    Parameters
    ----------
    two_theta, reference_two_theta : array_like
        Degree; of the strained and of the unstrained crystal, same line and wavelength.
    """
    theta = np.radians(_positive("two_theta", two_theta) / 2.0)
    return np.sin(np.radians(np.asarray(reference_two_theta, dtype=float) / 2.0)) / np.sin(theta) - 1.0


def _positive(name: str, values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=float)
    if not np.all(array > 0.0):
        raise InputError(f"{name} {values!r} is out of range: a positive number is needed")
    return array
