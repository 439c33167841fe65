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

if TYPE_CHECKING:
    __version__: str

_PUBLIC = {
    "ComputationError": "xrdfit.errors",
    "InputError": "xrdfit.errors",
    "read_pattern": "xrdfit.scan",
    "make_pattern": "xrdfit.scan",
    "load_model": "xrdfit.model.files.read",
    "example": "xrdfit.model.files.example",
    "PowderModel": "xrdfit.model.powder",
    "Phase": "xrdfit.model.phase",
    "Instrument": "xrdfit.model.instrument",
    "Structure": "xrdfit.crystal.structure",
    "Site": "xrdfit.crystal.structure",
    "radiation": "xrdfit.crystal.radiation",
    "Chebyshev": "xrdfit.diffraction.background",
    "Blank": "xrdfit.diffraction.background",
    "Air": "xrdfit.diffraction.background",
    "Hump": "xrdfit.diffraction.background",
    "simulate": "xrdfit.model.simulate",
    "carve": "xrdfit.clusters.carving",
    "carve_atoms": "xrdfit.clusters.by_composition",
    "read_xyz": "xrdfit.clusters.atoms",
    "cluster_pattern": "xrdfit.clusters.patterns",
    "fit": "xrdfit.inference.fit",
    "FitOptions": "xrdfit.fitting.options",
    "FitResult": "xrdfit.inference.result",
    "feldman_cousins": "xrdfit.inference.uncertainty.feldman_cousins",
    "assess": "xrdfit.inference.further",
    "sample": "xrdfit.inference.uncertainty.posterior",
    "systematics": "xrdfit.inference.systematics",
    "compare": "xrdfit.inference.questions.compare",
    "identify": "xrdfit.inference.questions.identify",
    "Plan": "xrdfit.inference.questions.identify",
    "design": "xrdfit.inference.questions.design",
    "calibrate": "xrdfit.inference.calibration",
    "calibrate_intervals": "xrdfit.inference.coverage",
    "reflections": "xrdfit.model.reflections",
    "fit_series": "xrdfit.series.run",
    "plot_series": "xrdfit.series.figures",
    "SeriesResult": "xrdfit.series.result",
    "explore_page": "xrdfit.explore.page",
    "save": "xrdfit.report",
    "save_table": "xrdfit.report.paper",
    "load_result": "xrdfit.report",
    "save_series": "xrdfit.report.series_files",
    "load_series": "xrdfit.report.series_files",
}

__all__ = [*sorted(_PUBLIC), "__version__"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name == "__version__":
        return _version()
    raise AttributeError(f"module 'xrdfit' has no attribute {name!r}; it has {', '.join(__all__)}")


def _version() -> str:
    """Return the version that pyproject.toml states, as it was installed or, in a checkout that was not, as it is."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("xrdfit-occupancy")
    except PackageNotFoundError:
        import tomllib
        from pathlib import Path

        text = (Path(__file__).resolve().parent.parent / "pyproject.toml").read_text(encoding="utf-8")
        return tomllib.loads(text)["project"]["version"]


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from xrdfit.clusters.atoms import read_xyz as read_xyz
    from xrdfit.clusters.by_composition import carve_atoms as carve_atoms
    from xrdfit.clusters.carving import carve as carve
    from xrdfit.clusters.patterns import cluster_pattern as cluster_pattern
    from xrdfit.crystal.radiation import radiation as radiation
    from xrdfit.crystal.structure import Site as Site
    from xrdfit.crystal.structure import Structure as Structure
    from xrdfit.diffraction.background import Air as Air
    from xrdfit.diffraction.background import Blank as Blank
    from xrdfit.diffraction.background import Chebyshev as Chebyshev
    from xrdfit.diffraction.background import Hump as Hump
    from xrdfit.errors import ComputationError as ComputationError
    from xrdfit.errors import InputError as InputError
    from xrdfit.explore.page import explore_page as explore_page
    from xrdfit.fitting.options import FitOptions as FitOptions
    from xrdfit.inference.calibration import calibrate as calibrate
    from xrdfit.inference.coverage import calibrate_intervals as calibrate_intervals
    from xrdfit.inference.fit import fit as fit
    from xrdfit.inference.further import assess as assess
    from xrdfit.inference.questions.compare import compare as compare
    from xrdfit.inference.questions.design import design as design
    from xrdfit.inference.questions.identify import Plan as Plan
    from xrdfit.inference.questions.identify import identify as identify
    from xrdfit.inference.result import FitResult as FitResult
    from xrdfit.inference.systematics import systematics as systematics
    from xrdfit.inference.uncertainty.feldman_cousins import feldman_cousins as feldman_cousins
    from xrdfit.inference.uncertainty.posterior import sample as sample
    from xrdfit.model.files.example import example as example
    from xrdfit.model.files.read import load_model as load_model
    from xrdfit.model.instrument import Instrument as Instrument
    from xrdfit.model.phase import Phase as Phase
    from xrdfit.model.powder import PowderModel as PowderModel
    from xrdfit.model.reflections import reflections as reflections
    from xrdfit.model.simulate import simulate as simulate
    from xrdfit.report import load_result as load_result
    from xrdfit.report import save as save
    from xrdfit.report.paper import save_table as save_table
    from xrdfit.report.series_files import load_series as load_series
    from xrdfit.report.series_files import save_series as save_series
    from xrdfit.scan import make_pattern as make_pattern
    from xrdfit.scan import read_pattern as read_pattern
    from xrdfit.series.figures import plot_series as plot_series
    from xrdfit.series.result import SeriesResult as SeriesResult
    from xrdfit.series.run import fit_series as fit_series
