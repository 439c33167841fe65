"""Site occupancies from powder X-ray diffraction.

    import xrdfit as xf

    scan = xf.read_pattern("scan.rasx")
    model = xf.load_model("cu2se-2nm")
    result = xf.fit(model, scan, total={"Cu": 8})
    print(result)

The names below are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "ComputationError": "xrdfit.errors",
    "InputError": "xrdfit.errors",
    "read_pattern": "xrdfit.scan",
    "make_pattern": "xrdfit.scan",
    "load_model": "xrdfit.modelfile",
    "PowderModel": "xrdfit.model",
    "Phase": "xrdfit.model",
    "Instrument": "xrdfit.model",
    "Structure": "xrdfit.crystal.structure",
    "Site": "xrdfit.crystal.structure",
    "radiation": "xrdfit.crystal.radiation",
    "simulate": "xrdfit.inference.simulate",
    "carve": "xrdfit.diffraction.carving",
    "carve_atoms": "xrdfit.diffraction.magic",
    "read_xyz": "xrdfit.diffraction.clusters",
    "cluster_pattern": "xrdfit.diffraction.explicit",
    "fit": "xrdfit.inference.fit",
    "FitOptions": "xrdfit.inference.options",
    "FitResult": "xrdfit.inference.result",
    "feldman_cousins": "xrdfit.inference.unified",
    "assess": "xrdfit.inference.assess",
    "sample": "xrdfit.inference.posterior",
    "systematics": "xrdfit.inference.systematics",
    "compare": "xrdfit.inference.compare",
    "identify": "xrdfit.inference.identify",
    "Plan": "xrdfit.inference.identify",
    "save": "xrdfit.report",
    "load_result": "xrdfit.report",
}

__all__ = [*sorted(_PUBLIC), "__version__"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'xrdfit' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from xrdfit.crystal.radiation import radiation as radiation
    from xrdfit.crystal.structure import Site as Site
    from xrdfit.crystal.structure import Structure as Structure
    from xrdfit.diffraction.carving import carve as carve
    from xrdfit.diffraction.clusters import read_xyz as read_xyz
    from xrdfit.diffraction.explicit import cluster_pattern as cluster_pattern
    from xrdfit.diffraction.magic import carve_atoms as carve_atoms
    from xrdfit.errors import ComputationError as ComputationError
    from xrdfit.errors import InputError as InputError
    from xrdfit.inference.assess import assess as assess
    from xrdfit.inference.compare import compare as compare
    from xrdfit.inference.fit import fit as fit
    from xrdfit.inference.identify import Plan as Plan
    from xrdfit.inference.identify import identify as identify
    from xrdfit.inference.options import FitOptions as FitOptions
    from xrdfit.inference.posterior import sample as sample
    from xrdfit.inference.result import FitResult as FitResult
    from xrdfit.inference.simulate import simulate as simulate
    from xrdfit.inference.systematics import systematics as systematics
    from xrdfit.inference.unified import feldman_cousins as feldman_cousins
    from xrdfit.model import Instrument as Instrument
    from xrdfit.model import Phase as Phase
    from xrdfit.model import PowderModel as PowderModel
    from xrdfit.modelfile import load_model as load_model
    from xrdfit.report import load_result as load_result
    from xrdfit.report import save as save
    from xrdfit.scan import make_pattern as make_pattern
    from xrdfit.scan import read_pattern as read_pattern
