"""Statements 1 to 6: where the lines stand and how strong they are, as the sites of copper fill."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xrdfit.article.claims import Statement
from xrdfit.article.measure import Engine, angles, line_intensities, line_positions, relative
from xrdfit.article.published import Block, by_size, model, published
from xrdfit.article.verdicts import QUOTED_ANGLES, judged
from xrdfit.model.simulate import simulate


def positions() -> Statement:
    """Statement 1: angles of {111}, {200} and {311}."""
    families = [(int(line[0]), int(line[1]), int(line[2])) for line in QUOTED_ANGLES]
    alpha1, quoted_ray = line_positions(families), line_positions(families, 1.54)
    off = max(abs(x - q) for x, q in zip(alpha1, QUOTED_ANGLES.values(), strict=True))
    words = ", ".join(f"{x:.2f}°" for x in alpha1)
    return judged(
        1,
        "With a = 5.85 Å the {111}, {200} and {311} lines stand at 26.4°, 30.5° and 51.8°.",
        f"Bragg's law at Cu Kα1 (1.540593 Å): {words}; at the 1.54 Å that the article names "
        f"{', '.join(f'{x:.2f}°' for x in quoted_ray)}. Largest difference from the text {off:.3f}°.",
        {f"two_theta_{i}{j}{k}_deg": x for (i, j, k), x in zip(families, alpha1, strict=True)},
    )


def trends() -> Statement:
    """Statement 2: {200}/{111} rises and {311} falls from 6 to 2 nm."""
    rows = {size: relative(line_intensities(block)) for size, block in by_size().items()}
    ratio = {size: row["200"] / row["111"] for size, row in rows.items()}
    third = {size: row["311"] for size, row in rows.items()}
    return judged(
        2,
        "From 6 to 2 nm the {200} line grows beside {111}, and the {311} line weakens.",
        "Integrated intensities of Table 2's models (m|F|²·LP, Cu Kα1) at 6, 4, 2 nm: {200}/{111} = "
        f"{_row(ratio, '.3f')}; {{311}} with the strongest line at 100 = {_row(third, '.1f')}; {{311}}/{{111}} = "
        f"{_row({s: r['311'] / r['111'] for s, r in rows.items()}, '.3f')}.",
        {
            **{f"ratio_200_111_{size:g}nm": value for size, value in ratio.items()},
            **{f"intensity_311_{size:g}nm": value for size, value in third.items()},
        },
    )


def appearances() -> Statement:
    """Statement 3: {200} missing, distinct, equal to {111}."""
    rows = {size: relative(line_intensities(block)) for size, block in by_size().items()}
    maxima = {e: {s: len(_maxima(b, e)) for s, b in by_size().items()} for e in ("bragg", "debye")}
    equal = rows[2.0]["200"] / rows[2.0]["111"]
    return judged(
        3,
        "6 nm: no {200} line. 4 nm: a distinct {200} line. 2 nm: {111} and {200} nearly equal, {311} weak.",
        f"Relative intensity of {{200}} {_row({s: r['200'] for s, r in rows.items()}, '.1f')} at 6, 4, 2 nm (strongest "
        f"100); {{200}}/{{111}} at 2 nm {equal:.3f}, {{311}} there {rows[2.0]['311']:.1f}. Maxima of the pattern "
        f"between 24° and 34°: {_row(maxima['bragg'], 'd')} with broadened Bragg lines, "
        f"{_row(maxima['debye'], 'd')} in the Debye pattern of spheres.",
        {
            "intensity_200_6nm": rows[6.0]["200"],
            "intensity_200_4nm": rows[4.0]["200"],
            "ratio_200_111_2nm": equal,
            "intensity_311_2nm": rows[2.0]["311"],
            "maxima_bragg_2nm": maxima["bragg"][2.0],
            "maxima_debye_2nm": maxima["debye"][2.0],
        },
    )


def _maxima(block: Block, engine: Engine, low: float = 24.0, high: float = 34.0) -> list[float]:
    """Angles (degree) of the local maxima of a block's pattern within a range."""
    x = angles()
    y = simulate(model(block), x, engine=engine)
    inner = np.flatnonzero((y[1:-1] > y[:-2]) & (y[1:-1] > y[2:])) + 1
    return [float(x[i]) for i in inner if low < x[i] < high]


def weakest_200(anomalous: bool, shared: bool) -> float:
    """Return the occupancy of 8c at which {200} is weakest.

    Parameters
    ----------
    anomalous : bool
        Whether f′ and f″ are added.
    shared : bool
        Whether the rest of 8 Cu a cell stands on 32f (x = 0.34); else 8c alone holds Cu.

    Notes
    -----
    F is linear in the occupancy o, so |F|² is a parabola; three values of it give its minimum. With 8c alone this is
    o = Re(f_Se f_Cu*) / (2 |f_Cu|²).
    """
    low, middle, high = (intensity_200(o, anomalous, shared) for o in (0.0, 0.5, 1.0))
    curvature = 2.0 * (low - 2.0 * middle + high)
    return float(-(high - low - curvature) / (2.0 * curvature))


def intensity_200(occupancy: float, anomalous: bool = True, shared: bool = False) -> float:
    """Return m|F|²·LP of {200} for an occupancy of 8c; see `weakest_200`."""
    block = by_size()[6.0]
    filled = {"8c": occupancy, "32f": (1.0 - occupancy) / 4.0 if shared else 0.0}
    return line_intensities(block, filled, anomalous=anomalous)["200"]


def cancellation() -> Statement:
    """Statement 4: where {200} vanishes."""
    alone, alone_plain = weakest_200(True, False), weakest_200(False, False)
    shared, shared_plain = weakest_200(True, True), weakest_200(False, True)
    rest = intensity_200(alone) / intensity_200(1.0)
    return judged(
        4,
        "{200} cancels best where the tetrahedral sites are half filled.",
        f"Minimum of |F(200)|² of Se and Cu on 8c: occupancy {alone:.3f} with f′ and f″ (Cu Kα1, Chantler), "
        f"{alone_plain:.3f} without; what is left there is {100 * rest:.2f} % of the intensity at full occupancy. With "
        f"the rest of 8 Cu a cell on 32f (x = 0.34), as in Table 3: {shared:.3f} with, {shared_plain:.3f} without. "
        "0.5 would be exact if Cu scattered as Se does.",
        {
            "occupancy_8c": alone,
            "occupancy_8c_no_anomalous": alone_plain,
            "occupancy_8c_rest_on_32f": shared,
            "occupancy_8c_rest_on_32f_no_anomalous": shared_plain,
            "left_of_full_percent": 100.0 * rest,
        },
    )


def strongest_when_full() -> Statement:
    """Statement 5: {200} strongest with all tetrahedral sites filled."""
    equal = {a: 2.0 * weakest_200(a, False) - 1.0 for a in (True, False)}
    shared = 2.0 * weakest_200(True, True) - 1.0
    empty = intensity_200(0.0) / intensity_200(1.0)
    full = relative(line_intensities(by_size()[4.0]))["200"]
    return judged(
        5,
        "When all eight tetrahedral sites are filled the {200} line is strongest.",
        "|F(200)|² is a parabola in the occupancy of 8c. Where 8c alone holds Cu, the full lattice has the strongest "
        f"{{200}} among occupancies from {equal[True]:.3f} to 1 ({equal[False]:.3f} without anomalous terms); an empty "
        f"one has {empty:.2f} times its intensity. With 8 Cu a cell shared with 32f it is the strongest from "
        f"{max(shared, 0.0):.3f} to 1. Beside the other lines of the full lattice it has {full:.1f} of {{220}}'s 100.",
        {
            "lower_limit_occupancy_8c": equal[True],
            "lower_limit_occupancy_8c_no_anomalous": equal[False],
            "lower_limit_occupancy_8c_rest_on_32f": shared,
            "empty_over_full": empty,
            "relative_intensity_full": full,
        },
    )


def series() -> Statement:
    """Statement 6: the series of figures 4c and 4d."""
    c = [line_intensities(block) for block in published(3)]
    d = [line_intensities(block) for block in published(4)]
    ratio_c = [row["200"] / row["111"] for row in c]
    third, second = ([row[f] / d[0][f] for row in d] for f in ("311", "200"))
    beside = [row["311"] / row["111"] for row in d]
    return judged(
        6,
        "Figure 4c: moving Cu from 32f to 8c raises {200} beside {111}. Figure 4d: moving Cu from 24e to 4b lowers "
        "{311} and raises {200}.",
        f"Table 3, block by block: {{200}}/{{111}} = {_steps(ratio_c)}. Table 4, intensities per cell beside those of "
        f"its first block: {{311}} {_steps(third)}, {{200}} {_steps(second)}. Beside {{111}} of the same pattern "
        f"{{311}} is {_steps(beside)}.",
        {
            **{f"ratio_200_111_table_3_block_{i}": value for i, value in enumerate(ratio_c, 1)},
            **{f"intensity_311_table_4_block_{i}": value for i, value in enumerate(third, 1)},
            **{f"intensity_200_table_4_block_{i}": value for i, value in enumerate(second, 1)},
            **{f"ratio_311_111_table_4_block_{i}": value for i, value in enumerate(beside, 1)},
        },
    )


def _row(values: Mapping[float, float], form: str) -> str:
    return ", ".join(f"{value:{form}}" for value in values.values())


def _steps(values: list[float]) -> str:
    return " → ".join(f"{value:.3f}" for value in values)
