"""Synthetic recovery on the article's scans, and fits from random starts: shared by tests and by docs/validation.md.

python tests/article_recovery.py          the tables of docs/validation.md (minutes)
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np

import xrdfit as xf
from xrdfit.model.files.presets import data_path

SLOW = os.environ.get("XRDFIT_SLOW") == "1"
TWO_THETA = np.round(15.0 + 0.04 * np.arange(1251), 2)
MAXIMUM, BACKGROUND = 5000.0, 300.0

# Truths within the limits. The 4 nm model of table 2 (8c = 1, 32f = 0) stands on two limits, where errors are
# one-sided; table 3's half-way model of the same size takes its place. The 2 nm truth holds 7.968 Cu.
TRUTHS = {
    "cu2se-2nm": {"occ_Cu_8c": 0.3, "occ_Cu_4b": 0.3, "occ_Cu_24e": 0.182},
    "cu2se-4nm": {"occ_Cu_8c": 0.685, "occ_Cu_32f": 0.07875},
    "cu2se-6nm": {"occ_Cu_8c": 0.37, "occ_Cu_32f": 0.1575},
}
_FIRST_SEED = {"cu2se-2nm": 20_000, "cu2se-4nm": 40_000, "cu2se-6nm": 60_000}


@cache
def expected_counts(name: str) -> tuple[np.ndarray, float]:
    """Counts that the truth predicts, and the scale that this amounts to."""
    pattern = xf.simulate(xf.load_model(name), TWO_THETA, values=TRUTHS[name])
    scale = (MAXIMUM - BACKGROUND) / float(pattern.max())
    return scale * pattern + BACKGROUND, scale


def truth(name: str) -> dict[str, float]:
    """True values of everything that a fit of the scan varies, but for the flat background's higher orders."""
    expected = expected_counts(name)[1]
    size = float(name.removeprefix("cu2se-").removesuffix("nm"))
    return {**TRUTHS[name], "a": 5.85, "size_nm": size, "mixing": 0.5, "scale": expected, "bkg_0": BACKGROUND}


def noisy_scan(name: str, index: int):
    """The scan of a seed fixed in advance: Poisson counts."""
    counts = np.random.default_rng(_FIRST_SEED[name] + index).poisson(expected_counts(name)[0])
    return xf.make_pattern(TWO_THETA, counts.astype(float))


def recover(name: str, n: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Fit n noisy scans; returns estimates and standard errors by parameter, each (n,)."""
    model = xf.load_model(name)
    results = [xf.fit(model, noisy_scan(name, i), engine="bragg") for i in range(n)]
    assert all(r.success for r in results)
    names = list(truth(name))
    return (
        {k: np.array([r[k].value for r in results]) for k in names},
        {k: np.array([r[k].stderr for r in results]) for k in names},
    )


def shipped_scan(name: str):
    """One of the article's scans that come with the package (computed, seed in its header)."""
    return xf.read_pattern(str(data_path("scans", f"{name}.xy")))


def random_starts(model, scan, n: int, seed: int, **options) -> list:
    """Fit from n starts drawn evenly within the limits of everything non-linear that varies."""
    rows = [r for r in model.rows("bragg") if r.vary and np.isfinite([r.minimum, r.maximum]).all()]
    rng = np.random.default_rng(seed)
    return [
        xf.fit(
            model,
            scan,
            engine="bragg",
            start={r.name: float(rng.uniform(r.minimum, r.maximum)) for r in rows},
            **options,
        )
        for _ in range(n)
    ]


def in_best_minimum(results: list) -> np.ndarray:
    """Which results lie in the best one's minimum: χ² within 0.1 of it and each value within half an error.

    At a quadratic minimum Δχ² = 0.1 is a third of a standard error, far less than the distance of another minimum.
    """
    best = min(results, key=lambda r: r.statistics.chi2)
    errors = {k: p.stderr for k, p in best.parameters.items() if p.stderr and not k.startswith("bkg")}
    return np.array(
        [
            r.statistics.chi2 < best.statistics.chi2 + 0.1
            and all(abs(r[k].value - best[k].value) < 0.5 * e for k, e in errors.items())
            for r in results
        ]
    )


def main() -> None:
    print("| scan | parameter | truth | mean of 200 | its distance in standard errors | pulls' deviation |")
    print("|---|---|---|---|---|---|")
    for name in TRUTHS:
        values, errors = recover(name, 200)
        for k, true in truth(name).items():
            off = (values[k].mean() - true) / (values[k].std(ddof=1) / np.sqrt(200))
            spread = ((values[k] - true) / errors[k]).std(ddof=1)
            print(f"| {name} | `{k}` | {true:.5g} | {values[k].mean():.6g} | {off:+.2f} | {spread:.3f} |", flush=True)
    print("\n| scan | model | starts | in the best minimum | its χ² |\n|---|---|---|---|---|")
    for preset, total, n in ((None, {}, 200), ("cu2se", {"Cu": 8.0}, 100)):
        for name in TRUTHS:
            results = random_starts(xf.load_model(preset or name), shipped_scan(name), n, seed=7, total=total)
            best = min(r.statistics.chi2 for r in results)
            inside = int(in_best_minimum(results).sum())
            print(f"| {name} | `{preset or name}` | {n} | {inside} | {best:.1f} |", flush=True)


if __name__ == "__main__":
    main()
