"""What a series is made of: files, wild cards, manifests, stacks, datasets; and where its scans stand."""

import h5py
import numpy as np
import pytest
import xarray as xr
from series_cases import TWO_THETA, counts, write_scans

import xrdfit as xf
from xrdfit.errors import InputError
from xrdfit.series.coordinates import read_coordinates, with_coordinates
from xrdfit.series.entries import Reading, entries_of


def labels(entries):
    return [e.label for e in entries]


def test_wild_cards_come_in_the_order_of_numbers(tmp_path):
    write_scans(tmp_path / "s", (10, 2, 1))
    assert labels(entries_of(str(tmp_path / "s" / "t*.xy"))) == ["t1min", "t2min", "t10min"]


def test_files_keep_their_order_and_equal_stems_get_names_of_their_own(tmp_path):
    a, b = write_scans(tmp_path / "a", (2, 1)), write_scans(tmp_path / "b", (1,))
    found = entries_of([*a, *b])
    assert labels(found) == ["t2min", "a/t1min", "b/t1min"]
    assert len(set(labels(entries_of([a[0], a[0]])))) == 2


def test_a_name_with_brackets_that_is_there_is_no_pattern(tmp_path):
    path = tmp_path / "scan[1].xy"
    path.write_text((tmp_path / "x").with_suffix(".none").name)
    assert labels(entries_of([str(path)])) == ["scan[1]"]


def test_a_manifest_gives_coordinates_and_what_differs(tmp_path):
    write_scans(tmp_path, (1, 2))
    manifest = tmp_path / "all.csv"
    manifest.write_text(
        "file,minutes,label,radiation,blank,batch\nt1min.xy,1,first,cu-ka1,t2min.xy,A\n\nt2min.xy,2.5,,1.5406,,7\n"
    )
    one, two = entries_of(str(manifest))
    assert (one.label, one.radiation, one.coords) == ("first", "cu-ka1", {"minutes": 1.0, "batch": "A"})
    assert one.blank == str(tmp_path / "t2min.xy")
    assert (two.label, two.radiation, two.blank) == ("t2min", 1.5406, None)
    assert two.coords == {"minutes": 2.5, "batch": 7.0}
    assert one.read(Reading())["counts"].shape == TWO_THETA.shape


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,minutes\na.xy\n", "line 2 has 1 fields"),
        ("file,file\na.xy,b\n", "names that differ"),
        ("file,scan\na.xy,first\n", "no whole number"),
        ("file,minutes\n,1\n", "names no file"),
        ("file\n", "no scans"),
    ],
)
def test_a_broken_manifest_is_one_line(tmp_path, text, says):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        entries_of(str(path))


def test_a_csv_scan_is_no_manifest(tmp_path):
    path = tmp_path / "scan.csv"
    rows = zip(TWO_THETA, counts(1), strict=True)
    path.write_text("two_theta,counts\n" + "".join(f"{x:.2f},{y:.0f}\n" for x, y in rows))
    (entry,) = entries_of(str(path))
    assert entry.read(Reading()).sizes["two_theta"] == len(TWO_THETA)


def write_stack(path, n=4):
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/data")
        group.attrs.update(NX_class="NXdata", signal="I", axes=[".", "2th"])
        group["2th"] = TWO_THETA
        group["2th"].attrs["units"] = "2th_deg"
        group["I"] = np.array([counts(m) for m in range(1, n + 1)])


def test_a_stack_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "stack.h5"
    write_stack(path)
    calls = []
    from xrdfit.scan import nexus

    before = nexus.read_inside
    monkeypatch.setattr(nexus, "call", lambda *a: calls.append(a) or nexus.packed(a[2]))
    found = entries_of(f"{path}::/entry/data")
    assert before is nexus.read_inside
    assert labels(found) == ["stack#0", "stack#1", "stack#2", "stack#3"]
    for i, entry in enumerate(found):
        np.testing.assert_array_equal(entry.read(Reading())["counts"].values, counts(i + 1))
    assert len(calls) == 1


def test_a_dataset_with_a_dimension_scan():
    table = np.array([counts(m) for m in (1, 2, 3)])
    data = xr.Dataset(
        {"counts": (("scan", "two_theta"), table)},
        coords={"two_theta": TWO_THETA, "scan": ["a", "b", "c"], "kelvin": ("scan", [300.0, 310.0, 320.0])},
    )
    found = entries_of(data)
    assert labels(found) == ["a", "b", "c"]
    assert [e.coords["kelvin"] for e in found] == [300.0, 310.0, 320.0]
    np.testing.assert_array_equal(found[1].read(Reading())["counts"].values, counts(2))
    np.testing.assert_allclose(found[1].read(Reading())["sigma"].values ** 2, np.maximum(counts(2), 1.0))


def test_coordinates_from_names_headers_and_options(tmp_path):
    entries = entries_of(write_scans(tmp_path, (1, 5, 120)))
    found = with_coordinates(
        entries,
        read_coordinates(["t{minutes}min.xy", "kelvin=header:Temperature", "n=FROM_NAME", "who=x,y,3"]),
    )
    assert [e.coords["minutes"] for e in found] == [1.0, 5.0, 120.0]
    assert [e.coords["kelvin"] for e in found] == [301.5, 305.5, 420.5]
    assert [e.coords["n"] for e in found] == [1.0, 5.0, 120.0]
    assert [e.coords["who"] for e in found] == ["x", "y", 3.0]


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["u{minutes}min.xy"], "does not fit the name"),
        (["minutes=1,2"], "has 2 values and the series 3 scans"),
        (["kelvin=header:Pressure"], "no number behind 'Pressure'"),
        (["minutes"], "must read NAME="),
        (["scan=1,2,3"], "not scan, site, parameter"),
    ],
)
def test_coordinates_that_are_not_there_are_refused(tmp_path, texts, says):
    entries = entries_of(write_scans(tmp_path, (1, 5, 120)))
    with pytest.raises(InputError, match=says):
        with_coordinates(entries, read_coordinates(texts))


def test_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="matches no file"):
        entries_of(str(tmp_path / "*.xy"))
    with pytest.raises(InputError, match="no scans"):
        xf.fit_series(xf.load_model("cu2se-4nm"), [], engine="bragg")
