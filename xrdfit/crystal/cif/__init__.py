"""Crystallographic Information Files: structures in and out.

Reading accepts what programmes write: uncertainties "0.1234(5)", U or B or anisotropic tensors, ions, mixed sites,
symmetry as operations (in any setting), symbol or number, tags of the old and the new dictionaries, magnetic and
macromolecular files as far as atoms go. Whatever had to be assumed is in `Structure.notes`.
"""

from __future__ import annotations

from xrdfit.crystal.cif.reader import cif_blocks, read_cif, read_cifs
from xrdfit.crystal.cif.text import MAX_BYTES
from xrdfit.crystal.cifwriter import write_cif

__all__ = ["MAX_BYTES", "cif_blocks", "read_cif", "read_cifs", "write_cif"]
