"""Clusters: shapes, carving, exclusion, xyz files and what is refused."""

import numpy as np
import pytest

from xrdfit.clusters.atoms import Cluster, read_xyz, xyz_text
from xrdfit.clusters.carving import carve, trim
from xrdfit.clusters.patterns import cluster_pattern
from xrdfit.crystal.structure import Structure
from xrdfit.crystal.symmetry import Cell, space_group
from xrdfit.diffraction.shapes import SHAPES, inside
from xrdfit.errors import ComputationError, InputError

A = 5.85


def antifluorite(occupancy=1.0, extra=()):
    rows = [
        {"species": "Se", "xyz": (0, 0, 0)},
        {"species": "Cu", "xyz": (0.25, 0.25, 0.25), "occupancy": occupancy},
        *extra,
    ]
    return Structure.from_sites("antifluorite", space_group("Fm-3m"), Cell(A, A, A), rows)


def shortest(points):
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    return distances[np.triu_indices(len(points), 1)].min()


# volumes in units of size^3, as `inside` measures the size
VOLUMES = {"sphere": np.pi / 6, "cube": 1.0, "octahedron": 1 / 6, "tetrahedron": 1 / 3, "cuboctahedron": 5 / 6}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_have_the_volume_of_their_formula(shape):
    points = np.random.default_rng(1).uniform(-5.0, 5.0, (200_000, 3))
    share = inside(points, 10.0, shape).mean()
    assert share == pytest.approx(VOLUMES[shape], abs=4 * np.sqrt(0.25 / 200_000))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_carved_crystal_has_its_density(shape):
    cluster = carve(antifluorite(), 6.0, shape, centre=(0.11, 0.23, 0.37))
    expected = 12 * VOLUMES[shape] * 60.0**3 / A**3
    # the surface takes or leaves a layer that is a fraction of the spacing of lattice planes thick
    assert len(cluster.species) == pytest.approx(expected, rel=0.06)


def test_an_antifluorite_cluster_has_its_neighbours():
    cluster = carve(antifluorite(), 2.5)
    selenium = np.array(cluster.species) == "Se"
    nearest = np.linalg.norm(cluster.positions[~selenium][:, None] - cluster.positions[selenium], axis=-1).min(axis=1)
    assert nearest == pytest.approx(A * np.sqrt(3) / 4)


def test_occupation_is_drawn_with_the_site_occupancies():
    full, half = carve(antifluorite(), 5.0), carve(antifluorite(0.3), 5.0, seed=4)
    trials, found = full.composition()["Cu"], half.composition()["Cu"]
    assert half.composition()["Se"] == full.composition()["Se"]
    assert abs(found - 0.3 * trials) < 4 * np.sqrt(trials * 0.3 * 0.7)
    again = carve(antifluorite(0.3), 5.0, seed=4)
    np.testing.assert_array_equal(half.positions, again.positions)
    assert not np.array_equal(half.positions, carve(antifluorite(0.3), 5.0, seed=5).positions)


def test_species_that_share_a_site_never_stand_together():
    shared = antifluorite(0.5, [{"species": "Ag", "xyz": (0.25, 0.25, 0.25), "occupancy": 0.5}])
    cluster = carve(shared, 3.0)
    composition, full = cluster.composition(), carve(antifluorite(), 3.0).composition()["Cu"]
    assert composition["Cu"] + composition["Ag"] == full
    assert abs(composition["Cu"] - 0.5 * full) < 4 * np.sqrt(0.25 * full)


def test_exclusion_keeps_cations_apart_and_their_number():
    crowded = antifluorite(0.2, [{"species": "Cu", "xyz": (0.34, 0.34, 0.34), "occupancy": 0.08}])
    free, apart = carve(crowded, 3.0, seed=2), carve(crowded, 3.0, seed=2, min_distance=2.3)
    assert free.composition() == apart.composition()
    copper = [cluster.positions[np.array(cluster.species) == "Cu"] for cluster in (free, apart)]
    assert shortest(copper[0]) < 1.5
    assert shortest(copper[1]) >= 2.3
    with pytest.raises(ComputationError, match="could be placed"):
        carve(antifluorite(), 1.5, min_distance=3.5)


def test_trimming_leaves_no_dangling_atom():
    cluster = carve(antifluorite(), 2.5, centre=(0.11, 0.23, 0.37))
    trimmed = trim(cluster, 2, 2.6)
    counts = (np.linalg.norm(trimmed.positions[:, None] - trimmed.positions, axis=-1) < 2.6).sum(axis=1) - 1
    assert counts.min() >= 2
    assert len(trimmed.species) < len(cluster.species)
    with pytest.raises(InputError, match="min_neighbours 13"):
        trim(cluster, 13, 2.6)


def test_xyz_round_trip(tmp_path):
    frames = [carve(antifluorite(0.5), 1.5, seed=seed) for seed in range(3)]
    path = tmp_path / "frames.xyz"
    path.write_text(xyz_text(frames), encoding="utf-8")
    back = read_xyz(path)
    assert [frame.species for frame in back] == [frame.species for frame in frames]
    for one, other in zip(frames, back, strict=True):
        np.testing.assert_allclose(other.positions, one.positions, atol=5.1e-7)


def test_ase_reads_what_we_write(tmp_path):
    io = pytest.importorskip("ase.io")
    path = tmp_path / "one.xyz"
    cluster = carve(antifluorite(), 1.5)
    path.write_text(xyz_text([cluster]), encoding="utf-8")
    atoms = io.read(path)
    assert tuple(atoms.get_chemical_symbols()) == cluster.species
    np.testing.assert_allclose(atoms.positions, cluster.positions, atol=5.1e-7)


def test_columns_follow_the_properties(tmp_path):
    path = tmp_path / "columns.xyz"
    path.write_text("2\nProperties=id:I:1:pos:R:3:Z:I:1\n7 0 0 1 34\n8 0 0 3 29\n\n\n", encoding="utf-8")
    (frame,) = read_xyz(path)
    assert frame.species == ("Se", "Cu")
    np.testing.assert_array_equal(frame.positions[:, 2], [1.0, 3.0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no frame"),
        ("0\nnothing\n", "frame 1: cluster: it has no atoms"),
        ("1\n\nCu 0 0 0\n0\n\n", "frame 2: cluster: it has no atoms"),
        ("2\n\nCu 0 0 0\nCu 0 0 0.05\n", "0.050 Å apart"),
        ("1\n\nXx 0 0 0\n", "line 3.*not a chemical element"),
        ("2\n\nCu 0 0 0\nCu 0 0 501\n", "50.1 nm wide"),
        ("2\n\nCu 0 0 0\n", "1 of 2 atoms"),
        ("1\n\nCu 0 0\n", "three coordinates"),
        ("1\n\nCu 0 0 nan\n", "finite"),
        ("1\n\nCu zero 0 0\n", "line 3"),
        ("two\n\nCu 0 0 0\n", "line 1: 'two' is no number"),
        ("1\nProperties=species:S:1\nCu 0 0 0\n", "lacks"),
    ],
)
def test_broken_files_are_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "broken.xyz"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_xyz(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "binary.xyz"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not text"):
        read_xyz(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_xyz(tmp_path / "absent.xyz")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"size_nm": 51.0}, "size_nm 51"),
        ({"size_nm": 0.0}, "size_nm 0"),
        ({"shape": "dodecahedron"}, "sphere, cube"),
        ({"size_nm": 0.01, "centre": (0.1, 0.2, 0.05)}, "no atom"),
    ],
)
def test_carving_refuses_what_makes_no_cluster(chosen, message):
    with pytest.raises(InputError, match=message):
        carve(antifluorite(), **{"size_nm": 2.0, **chosen})


def test_a_pattern_needs_a_frame():
    from xrdfit.crystal.radiation import radiation

    with pytest.raises(InputError, match="no frame"):
        cluster_pattern([], np.linspace(20, 60, 11), radiation("cu-ka1"))
    with pytest.raises(InputError, match="two_theta"):
        cluster_pattern(Cluster(("Cu",), np.zeros((1, 3))), [30.0, 20.0], radiation("cu-ka1"))


@pytest.mark.slow
@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(28, "No space left on device")])
def test_pairs_are_counted_compiled_where_nothing_can_be_cached(monkeypatch, error) -> None:
    """Neither the package's folder nor the user's home can be written, or both are full."""
    caching = pytest.importorskip("numba.core.caching")
    from xrdfit.clusters.compiled import compiled_count

    def refused(*_):
        raise error

    part = (caching._CacheLocator, "ensure_cache_path") if error.errno == 13 else (caching.IndexDataCacheFile, "save")
    monkeypatch.setattr(*part, refused)
    monkeypatch.setattr(caching.IndexDataCacheFile, "load", lambda *_: None)
    count = compiled_count.__wrapped__()
    atoms = np.array([[0.0, 0, 0], [0, 0, 2.5], [0, 3.5, 0]])
    number, total = count(atoms, atoms, True, 5)
    assert number.tolist() == [0, 0, 1, 1, 1]
    assert total.tolist() == pytest.approx([0, 0, 2.5, 3.5, np.hypot(2.5, 3.5)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2\x1c\nx\nCu 0 0 0\nCu 2 0 0\n", "number of atoms"),
        ("\u0662\nx\nCu 0 0 0\nCu 2 0 0\n", "number of atoms"),
        ("2\nx\nCu 0 0 0\nCu 1_0 0 0\n", "three numbers"),
        ("9999999999999999999\nx\n", "number of atoms"),
    ],
)
def test_numbers_that_only_python_would_read(tmp_path, text, words):
    path = tmp_path / "x.xyz"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(InputError, match=words) as caught:
        read_xyz(path)
    assert str(caught.value).isprintable()


def test_a_path_with_a_nul_is_an_input_error():
    with pytest.raises(InputError, match="cannot be read"):
        read_xyz("a\0b.xyz")


def test_atoms_at_one_point_are_found_without_listing_all_pairs():
    import tracemalloc

    spread = np.random.default_rng(2).normal(0.0, 0.02, (20_000, 3))
    for positions in (np.zeros((20_000, 3)), spread):
        tracemalloc.start()
        with pytest.raises(InputError, match="Å apart"):
            Cluster(("Cu",) * 20_000, positions)
        assert tracemalloc.get_traced_memory()[1] < 100e6  # all pairs are 3.2 GB
        tracemalloc.stop()


def test_the_two_atoms_that_are_named_are_too_near():
    positions = np.array([[0, 0, 0], [5, 0, 0], [5.049, 0.049, 0.049], [9, 0, 0]], dtype=float)
    with pytest.raises(InputError, match=r"atoms 2 \(Cu\) and 3 \(Cu\) are 0\.085 Å"):
        Cluster(("Cu",) * 4, positions)
