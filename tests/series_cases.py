"""A small series made by hand: Cu moves from 32f to 8c, ten scans of Cu2Se with counting noise."""

import numpy as np

import xrdfit as xf

TWO_THETA = np.round(np.arange(20.0, 60.01, 0.08), 2)
CHOICES = {"total": {"Cu": 8}, "fix": ["mixing"], "radiation": "cu-ka", "background": 2, "model_errors": False}


def model():
    return xf.load_model("cu2se-4nm")


def occupancy(minutes):
    """Of 8c: from 0.25 towards 0.7."""
    return 0.7 - 0.45 * np.exp(-minutes / 20.0)


def counts(minutes, seed=0, engine="bragg", top=3000.0, two_theta=TWO_THETA, **values):
    own = model()
    base = {r.name: r.value for r in own.rows(engine)}
    o = occupancy(minutes)
    base |= {"a": 5.85, "size_nm": 4.5, "occ_Cu_8c": o, "occ_Cu_32f": (8.0 - 8.0 * o) / 32.0} | values
    scale = base.pop("scale")
    pattern = own.bind(two_theta, engine).patterns(base | {"scale": 1.0})[:, 0]
    return np.random.default_rng([seed, int(10 * minutes)]).poisson(scale * top * pattern / 4.0e4 + 200.0).astype(float)


MINUTES = (1, 2, 5, 10, 20, 30, 40, 60, 80, 120)


def write_scans(folder, minutes=MINUTES, **values):
    """Files t1min.xy … and their paths."""
    folder.mkdir(exist_ok=True)
    paths = []
    for m in minutes:
        path = folder / f"t{m}min.xy"
        rows = zip(TWO_THETA, counts(m, **values), strict=True)
        path.write_text(f"# Temperature: {300 + m}.5 K\n" + "".join(f"{x:.2f} {y:.0f}\n" for x, y in rows))
        paths.append(str(path))
    return paths
