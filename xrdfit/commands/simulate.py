"""`xrdfit simulate`: the pattern of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from xrdfit.commands.arguments import Block, Force, Json
from xrdfit.commands.cluster import is_atom_list, simulate_atoms
from xrdfit.commands.common import check_finite, finite_number, load, print_json, read_radiation, say_notes
from xrdfit.commands.progress import progress
from xrdfit.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xrdfit.model.powder import PowderModel

    Computed = tuple[dict[str, object], dict[str, NDArray[np.float64]]]
    """What was computed, and its columns beside two_theta."""

MAX_POINTS = 1_000_000


def simulate(
    model: Annotated[
        str, Parameter(name="MODEL", help="Preset, CIF or model TOML; or a list of atoms, .xyz or .extxyz.")
    ],
    /,
    *,
    block: Block = None,
    engine: Annotated[
        Literal["bragg", "debye"] | None,
        Parameter(help="bragg (the default) or debye, the sum over pairs of atoms (the only one for a list of atoms)."),
    ] = None,
    size_nm: Annotated[float | None, Parameter(converter=finite_number, help="Size of the crystallites, nm.")] = None,
    two_theta: Annotated[
        tuple[float, float, float], Parameter(help="START STOP STEP in degrees, STOP included (10 90 0.02).")
    ] = (10.0, 90.0, 0.02),
    radiation: Annotated[
        str | None, Parameter(help="Name (cu-ka), wavelength in Å or neutron:WAVELENGTH; else the model's, else cu-ka.")
    ] = None,
    no_anomalous: Annotated[bool, Parameter(name="--no-anomalous", help="Leave f′ and f″ out.")] = False,
    set_: Annotated[
        Sequence[str], Parameter(name="--set", help="NAME=VALUE: a parameter that differs from the model. Repeatable.")
    ] = (),
    output: Annotated[str | None, Parameter(name=["-o", "--output"], help="CSV file; else standard output.")] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Compute a model's pattern, without background."""
    from xrdfit.report.files import check_file, write_text
    from xrdfit.report.options_table import read_assignments

    angles = grid(*two_theta)
    ray = read_radiation(radiation)
    values = read_assignments(set_, "set")
    path = None if output is None else check_file(output, force)
    compute = _of_atoms if is_atom_list(model) else _of_model
    source = model if block is None else f"{model}::{block}"
    about, columns = compute(source, angles, engine, size_nm, values, ray, not no_anomalous)
    columns = {"two_theta": angles, **columns}
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    table = ",".join(columns) + "\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows)
    if path is not None:
        write_text(path, table, exclusive=not force)
    if json:
        print_json({"schema": 1, **about, "anomalous": not no_anomalous, "set": values, **columns})
    elif path is None:
        print(table, end="")
    return 0


def _of_model(
    name: str,
    angles: NDArray[np.float64],
    engine: Literal["bragg", "debye"] | None,
    size_nm: float | None,
    values: dict[str, float],
    ray: str | float | None,
    anomalous: bool,
) -> Computed:
    source = load(name) if ray is None else load(name).with_radiation(ray)
    say_notes(source)
    if size_nm is not None:
        sizes = {f"{source.prefix(p)}size_nm": size_nm for p in source.phases}
        for name_ in sizes.keys() & values.keys():
            raise InputError(f"--set {name_} and --size-nm {size_nm:g} both give the size: leave one of them out")
        values |= sizes
    chosen = engine or "bragg"
    check_values(source, chosen, values)
    from xrdfit.model.simulate import simulate as compute

    with progress("computing the pattern"):
        intensity = compute(source, angles, engine=chosen, values=values, radiation=ray, anomalous=anomalous)
    radiation = ray if ray is not None else source.radiation().name
    return {"model": source.name, "engine": chosen, "radiation": radiation}, {"intensity": intensity}


def _of_atoms(
    name: str,
    angles: NDArray[np.float64],
    engine: Literal["bragg", "debye"] | None,
    size_nm: float | None,
    values: dict[str, float],
    ray: str | float | None,
    anomalous: bool,
) -> Computed:
    if engine == "bragg" or size_nm is not None:
        raise InputError(f"{name}: a list of atoms; --engine bragg and --size-nm do not go with it")
    pattern, radiation = simulate_atoms(name, angles, ray, values, anomalous)
    columns = {"intensity": pattern.intensity}
    if pattern.n_frames > 1:
        columns["spread"] = pattern.spread
    return {"model": name, "engine": "debye", "radiation": radiation, "frames": pattern.n_frames}, columns


def grid(start: float, stop: float, step: float) -> NDArray[np.float64]:
    """Angles from START to STOP, STOP included where it lies on the grid within rounding.

    Raises
    ------
    InputError
        The three numbers make no grid, or one of more than a million points.
    """
    check_finite("--two-theta", (start, stop, step))
    if not 0.0 < start < stop < 180.0:
        raise InputError(
            f"--two-theta {start:g} {stop:g} {step:g}: START must lie below STOP, both between 0 and 180 degrees"
        )
    if step <= 0.0 or step > stop - start:
        raise InputError(f"--two-theta {start:g} {stop:g} {step:g}: STEP must be positive and at most {stop - start:g}")
    steps = (stop - start) / step
    if steps > MAX_POINTS:
        raise InputError(
            f"--two-theta {start:g} {stop:g} {step:g}: {steps:.3g} points; at most {MAX_POINTS} are allowed"
        )
    import numpy as np

    # ten decimals: the sum of start and i·step would show digits that nobody asked for
    return np.round(start + step * np.arange(int(steps + 1e-6) + 1, dtype=np.float64), 10)


def check_values(model: PowderModel, engine: Literal["bragg", "debye"], values: Mapping[str, float]) -> None:
    """Make sure that the model can have these values.

    Cell and coordinates may go beyond the limits that a fit would keep.

    Raises
    ------
    InputError
        Naming the parameter, its value and what is allowed.
    """
    rows = {row.name: row for row in model.rows(engine)}
    for name, value in values.items():
        if name not in rows:
            raise InputError(f"{name}={value:g}: the model has no such parameter; there are {', '.join(rows)}")
        row = rows[name]
        free = row.kind.belongs == "cell" or row.kind.stem in ("x", "y", "z")
        if not free and not row.minimum <= value <= row.maximum:
            raise InputError(
                f"{name}={value:g} is out of range; {row.minimum:g} to {row.maximum:g} {row.unit}".rstrip()
                + " is allowed"
            )
    model.with_values(values)
