"""Write the tables of docs/exclusion.md: pairs left out in the mean, against clusters that have none.

    python docs/scripts/exclusion.py [CLUSTERS]

For each model and distance it carves clusters atom by atom (480 unless told otherwise) in which no two cations stand
nearer than that, takes their mean pattern for the truth, and compares and fits it with the mean field. The tables go to
standard output, in Markdown; it takes minutes.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

import xrdfit as xf
from xrdfit.clusters.carving import carve
from xrdfit.clusters.patterns import cluster_pattern

TWO_THETA = np.round(15.0 + 0.04 * np.arange(1251), 2)
CASES = (("cu2se-2nm", 1.8), ("cu2se-6nm", 1.8))
SIZE_NM = 2.0
MAXIMUM, BACKGROUND = 5000.0, 300.0
PARTS = 8


def sampled(model: xf.PowderModel, distance: float, seeds: range) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean pattern of clusters per cell and its standard error."""
    phase = model.phases[0]
    clusters = [carve(phase.structure, SIZE_NM, centre=None, seed=seed, min_distance=distance) for seed in seeds]
    pattern = cluster_pattern(clusters, TWO_THETA, model.radiation(), b_iso=phase.b_overall)
    cells = np.pi / 6.0 * (10.0 * SIZE_NM) ** 3 / phase.structure.cell.volume
    return pattern.intensity / cells, pattern.spread / cells / np.sqrt(len(seeds))


def with_rule(model: xf.PowderModel, distance: float) -> xf.PowderModel:
    """Return the model at the size of the clusters, with pairs nearer than the distance left out."""
    return replace(model, phases=(replace(model.phases[0], min_distance=distance, size_nm=SIZE_NM),))


def fitted(model: xf.PowderModel, patterns: list[np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Fit each pattern; return the values by name, and the error that 5000 counts would have."""
    results = []
    for pattern in patterns:
        counts = BACKGROUND + (MAXIMUM - BACKGROUND) / pattern.max() * pattern
        results.append(xf.fit(model, xf.make_pattern(TWO_THETA, counts), engine="debye"))
    names = [n for n, p in results[0].parameters.items() if n.startswith("occ_") and p.status != "fixed"]
    names += ["a", "size_nm"]
    errors = {n: float(results[0][n].stderr or np.nan) for n in names}
    return {n: np.array([r[n].value for r in results]) for n in names}, errors


def deviation(values: np.ndarray, true: float) -> str:
    """Mean deviation with its standard error."""
    return f"{values.mean() - true:+.4f} ± {values.std(ddof=1) / np.sqrt(len(values)):.4f}"


def main(count: int) -> None:
    """Compute and print both tables."""
    share = count // PARTS
    print("| model | distance (Å) | standard error of the sample | mean field with the rule | without |")
    print("|---|---|---|---|---|")
    rows = ["| model | distance (Å) | parameter | true | error at 5000 counts | fitted with the rule | without |"]
    rows.append("|---|---|---|---|---|---|---|")
    for preset, distance in CASES:
        model = xf.load_model(preset)
        parts = [sampled(model, distance, range(i * share, (i + 1) * share)) for i in range(PARTS)]
        truth = np.mean([pattern for pattern, _ in parts], axis=0)
        error = np.mean([e for _, e in parts], axis=0) / np.sqrt(PARTS)
        rules = with_rule(model, distance), with_rule(model, 0.0)
        off = [np.abs(xf.simulate(m, TWO_THETA, engine="debye") - truth).max() / truth.max() for m in rules]
        sampling = error.max() / truth.max()
        print(f"| `{preset}` | {distance:g} | {sampling:.1%} | {off[0]:.1%} | {off[1]:.1%} |", flush=True)
        (ruled, errors), (plain, _) = (fitted(m, [pattern for pattern, _ in parts]) for m in rules)
        structure = model.phases[0].structure
        true = {f"occ_{s.label}": s.occupancy for s in structure.sites} | {"a": structure.cell.a, "size_nm": SIZE_NM}
        rows += [
            f"| `{preset}` | {distance:g} | `{n}` | {true[n]:g} | {errors[n]:.4f} "
            f"| {deviation(ruled[n], true[n])} | {deviation(plain[n], true[n])} |"
            for n in ruled
        ]
    print("\n" + "\n".join(rows))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 480)
