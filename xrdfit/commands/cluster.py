"""`xrdfit cluster`: atoms cut out of a crystal; and `xrdfit simulate` for lists of atoms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from cyclopts import Parameter

from xrdfit.commands.arguments import Block, Force, Json
from xrdfit.commands.common import finite_number, load, print_json, say, show, whole_number
from xrdfit.commands.progress import progress
from xrdfit.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xrdfit.clusters.atoms import Cluster
    from xrdfit.clusters.patterns import ClusterPattern
    from xrdfit.crystal.structure import Structure

ENDINGS = (".xyz", ".extxyz")
# as `xrdfit.diffraction.shapes` has it, which help must not load
Shape = Literal["sphere", "cube", "octahedron", "tetrahedron", "cuboctahedron"]


def cluster(
    model: Annotated[str, Parameter(name="MODEL", help="Preset, CIF or model TOML.")],
    /,
    *,
    block: Block = None,
    size_nm: Annotated[
        float | None,
        Parameter(
            converter=finite_number,
            help="Diameter of the sphere, edge of the cube (also the one around a tetrahedron or cuboctahedron), "
            "distance of the octahedron's opposite corners; nm, up to 50.",
        ),
    ] = None,
    shape: Annotated[Shape, Parameter(help=f"{', '.join(get_args(Shape))}.")] = "sphere",
    atoms: Annotated[
        Sequence[str],
        Parameter(help="ELEMENT=NUMBER instead of a size: the sphere with just so many atoms. Repeatable."),
    ] = (),
    seed: Annotated[
        int, Parameter(converter=whole_number, help="Of the random numbers that fill partly occupied sites (0).")
    ] = 0,
    min_distance: Annotated[
        float | None,
        Parameter(converter=finite_number, help="No two cations nearer than this, Å; else the model's rule, if any."),
    ] = None,
    output: Annotated[str | None, Parameter(name=["-o", "--output"], help="xyz file; else standard output.")] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Cut a cluster out of a model's crystal."""
    from xrdfit.clusters.atoms import xyz_text
    from xrdfit.report.files import check_file, write_text

    if (size_nm is None) == (not atoms):
        raise InputError("--size-nm and --atoms: exactly one of the two is needed")
    if seed < 0:
        raise InputError(f"--seed {seed}: a whole number from 0 is allowed")
    source = load(model, block=block)
    if len(source.phases) != 1:
        raise InputError(f"{model}: it holds {len(source.phases)} phases; a cluster is cut out of a model with one")
    phase = source.phases[0]
    path = None if output is None else check_file(output, force)
    if path is not None and path.suffix.lower() not in ENDINGS:
        raise InputError(f"output {str(path)!r}: the name must end in {' or '.join(ENDINGS)}")
    with progress("cutting the cluster"):
        if atoms:
            found = _with_atoms(phase.structure, atoms, shape, min_distance)
        else:
            from xrdfit.clusters.carving import carve

            apart = phase.min_distance if min_distance is None else _distance(min_distance)
            found = carve(phase.structure, size_nm or 0.0, shape, seed=seed, min_distance=apart)
        text = xyz_text([found])
    if path is not None:
        write_text(path, text, exclusive=not force)
    about = {"atoms": len(found.species), "composition": found.composition(), "comment": found.comment}
    if json:
        print_json({"schema": 1, "model": source.name, **about, "file": None if path is None else str(path)})
    elif path is None:
        show(text, end="")
    else:
        counts = " ".join(f"{element}{count}" for element, count in found.composition().items())
        say(f"{path}: {len(found.species)} atoms, {counts}")
    return 0


def _distance(value: float) -> float:
    if not 0.0 <= value <= 10.0:
        raise InputError(f"--min-distance {value:g}: 0 to 10 Å is allowed")
    return value


def _with_atoms(structure: Structure, atoms: Sequence[str], shape: str, min_distance: float | None) -> Cluster:
    from xrdfit.clusters.by_composition import carve_atoms
    from xrdfit.report.options_table import read_assignments

    if shape != "sphere" or min_distance is not None:
        raise InputError("--atoms: makes spheres of full sites; --shape and --min-distance do not go with it")
    numbers = {}
    for element, count in read_assignments(atoms, "atoms").items():
        if count != int(count):
            raise InputError(f"--atoms {element}={count:g}: a whole number is needed")
        numbers[element] = int(count)
    return carve_atoms(structure, numbers)


def is_atom_list(model: str) -> bool:
    """Whether MODEL names a list of atoms instead of a crystal."""
    return Path(model).suffix.lower() in ENDINGS


def simulate_atoms(
    file: str,
    angles: NDArray[np.float64],
    radiation: str | float | None,
    values: Mapping[str, float],
    anomalous: bool,
) -> tuple[ClusterPattern, str]:
    """Compute the pattern of a cluster, or of the frames of a trajectory; also return the radiation's name.

    Raises
    ------
    InputError
        For a file that cannot be used, or a parameter other than `b_overall`.
    """
    from xrdfit.clusters.atoms import read_xyz
    from xrdfit.clusters.patterns import cluster_pattern
    from xrdfit.crystal.radiation import radiation as lines
    from xrdfit.diffraction.settings import EngineSettings

    for name, value in values.items():
        if name != "b_overall" or not -2.0 <= value <= 20.0:
            raise InputError(f"{name}={value:g}: a list of atoms has b_overall alone, -2 to 20 Å²")
    source = lines("cu-ka" if radiation is None else radiation)
    settings = EngineSettings(anomalous=anomalous)
    frames = read_xyz(file)
    with progress(f"computing the pattern of {len(frames)} frame{'s' if len(frames) > 1 else ''}"):
        return cluster_pattern(frames, angles, source, settings, values.get("b_overall", 0.0)), source.name
